/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What can be asked of the adapter: levels and counters. */
#include <errno.h>

#include "kvm/split.h"

/* The level of one source: of the real line where that can be seen. */
static int source_level(struct irqgate_kvm *gate, irqgate_source handle)
{
	struct ig_kvm_source *source = ig_kvm_record(gate, handle);
	int level = -ENODATA;
	bool enabled;

	pthread_mutex_lock(&gate->lock);
	enabled = irqgate_core_enabled(gate->core, handle);
	pthread_mutex_unlock(&gate->lock);
	pthread_mutex_lock(&source->io);
	if (enabled && source->handle == handle && source->forwarded.probe)
		level = source->forwarded.probe(source->forwarded.opaque);
	pthread_mutex_unlock(&source->io);
	if (level >= 0)
		return level;
	pthread_mutex_lock(&gate->lock);
	level = irqgate_core_source_level(gate->core, handle);
	pthread_mutex_unlock(&gate->lock);
	return level;
}

static irqgate_source next_source(struct irqgate_kvm *gate, uint32_t gsi, irqgate_source handle)
{
	irqgate_source next;

	pthread_mutex_lock(&gate->lock);
	next = irqgate_core_next(gate->core, gsi, handle);
	pthread_mutex_unlock(&gate->lock);
	return next;
}

int irqgate_kvm_line_level(struct irqgate_kvm *gate, uint32_t gsi)
{
	struct irqgate_line_state state;
	irqgate_source source = 0;
	int error;

	pthread_mutex_lock(&gate->lock);
	error = irqgate_core_line_state(gate->core, gsi, &state);
	pthread_mutex_unlock(&gate->lock);
	if (error)
		return error;
	while ((source = next_source(gate, gsi, source)))
		if (source_level(gate, source) > 0)
			return 1;
	return 0;
}

int irqgate_kvm_stats(struct irqgate_kvm *gate, struct irqgate_kvm_stats *stats)
{
	if (stats->size != sizeof(*stats))
		return -EINVAL;
	*stats = (struct irqgate_kvm_stats){
		.size = sizeof(*stats),
		.route_updates = gate->route_updates,
		.irqfd_updates = gate->irqfd_updates,
		.messages = gate->messages,
		.failed_messages = gate->failed_messages,
		.lapic_reads = gate->lapic_reads,
		.resamples = gate->resamples,
		.silences = gate->silences,
		.silence_errors = gate->silence_errors,
	};
	return 0;
}

int irqgate_kvm_source_stats(struct irqgate_kvm *gate, irqgate_source source, struct irqgate_source_stats *stats)
{
	int error;

	pthread_mutex_lock(&gate->lock);
	error = irqgate_core_source_stats(gate->core, source, stats);
	pthread_mutex_unlock(&gate->lock);
	return error;
}

int irqgate_kvm_line_stats(struct irqgate_kvm *gate, uint32_t gsi, struct irqgate_line_stats *stats)
{
	int error;

	pthread_mutex_lock(&gate->lock);
	error = irqgate_core_line_stats(gate->core, gsi, stats);
	if (!error)
		stats->diagnoses[IRQGATE_DIAGNOSIS_UNHEARD] = gate->told[gsi].unheard;
	pthread_mutex_unlock(&gate->lock);
	return error;
}
