/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state of a whole adapter, taken and put back while no vCPU runs. The devices do not stand still
 * meanwhile: on the direct path they are silenced, so that nothing reaches a LAPIC after the LAPICs were
 * looked at. Takes no lock but for a moment; see split.h.
 */
#include <errno.h>

#include <irqgate/irqchip.h>

#include "chip/ioapic.h"
#include "kvm/split.h"

/* What the kernel forwards by itself. */
static void silence_bound(struct irqgate_kvm *gate)
{
	pthread_mutex_lock(&gate->world);
	for (uint32_t i = 0; i < gate->config.sources; i++) {
		struct ig_kvm_source *source = &gate->source[i];

		if (!source->handle || !source->bound)
			continue;
		pthread_mutex_lock(&source->io);
		ig_source_silence(gate, source);
		pthread_mutex_unlock(&source->io);
	}
	pthread_mutex_unlock(&gate->world);
}

static void read_triggers(struct irqgate_kvm *gate)
{
	for (uint32_t i = 0; i < gate->config.sources; i++) {
		struct ig_kvm_source *source = &gate->source[i];
		struct irqgate_effects effects;
		bool triggered;

		ig_kvm_lock(gate);
		triggered = source->handle && !irqgate_core_bound(gate->core, source->handle) &&
			    ig_source_read(gate, source, &effects);
		pthread_mutex_unlock(&gate->lock);
		if (triggered)
			ig_effects_run(gate, &effects);
	}
}

static uint64_t access_index(struct irqgate_kvm *gate, uint32_t chip, bool write, uint64_t index)
{
	struct irqgate_access access = {
		.offset = IG_IOAPIC_IOREGSEL, .bytes = sizeof(uint32_t), .chip = chip, .write = write, .value = index,
	};
	struct irqgate_effects effects; /* the index has none */

	if (!write)
		return irqgate_core_ioapic_read(gate->core, &access, IRQGATE_LAPIC_NOT_ASKED);
	irqgate_core_ioapic_write(gate->core, &access, IRQGATE_LAPIC_NOT_ASKED, &effects);
	return index;
}

/* Settles what is in service on the direct path, by reads as the guest makes them. Caller holds lock. */
static void settle_entries(struct irqgate_kvm *gate, uint32_t chip)
{
	struct irqgate_access window = { .offset = IG_IOAPIC_IOWIN, .bytes = sizeof(uint32_t), .chip = chip };
	uint64_t index = access_index(gate, chip, false, 0);

	for (uint32_t pin = 0; pin < gate->config.chip[chip].chip.pins; pin++) {
		access_index(gate, chip, true, IG_IOAPIC_REDTBL + 2 * pin);
		irqgate_core_ioapic_read(gate->core, &window, ig_lapic_ask_all(gate, &window));
	}
	access_index(gate, chip, true, index);
}

/* Returns with lock held. */
static void quiesce(struct irqgate_kvm *gate)
{
	silence_bound(gate);
	read_triggers(gate);
	ig_kvm_lock(gate);
	ig_coalesced_drain(gate);
	for (uint32_t chip = 0; chip < gate->config.chips; chip++)
		settle_entries(gate, chip);
}

int irqgate_kvm_resume(struct irqgate_kvm *gate)
{
	struct irqgate_effects effects;
	uint32_t gsi = 0;
	int error = 0;
	bool more;

	do {
		int failed;

		ig_kvm_lock(gate);
		more = irqgate_core_restored(gate->core, &gsi, &effects);
		pthread_mutex_unlock(&gate->lock);
		failed = ig_effects_run(gate, &effects);
		if (failed < 0)
			error = failed;
	} while (more);
	ig_effects_retry(gate);
	return error;
}

size_t irqgate_kvm_save_size(struct irqgate_kvm *gate)
{
	size_t size;

	ig_kvm_lock(gate);
	size = irqgate_core_save_size(gate->core);
	pthread_mutex_unlock(&gate->lock);
	return size;
}

int irqgate_kvm_save(struct irqgate_kvm *gate, void *buffer, size_t bytes)
{
	int error;

	quiesce(gate);
	error = irqgate_core_save(gate->core, buffer, bytes);
	pthread_mutex_unlock(&gate->lock);
	return error;
}

int irqgate_kvm_restore(struct irqgate_kvm *gate, const void *saved, size_t bytes)
{
	int error;

	ig_kvm_lock(gate);
	ig_coalesced_drain(gate);
	error = irqgate_core_restore(gate->core, saved, bytes);
	pthread_mutex_unlock(&gate->lock);
	return error ? error : irqgate_kvm_resume(gate);
}

int irqgate_kvm_set_irqchip(struct irqgate_kvm *gate, const struct irqgate_irqchip *irqchip)
{
	int error;

	if (irqchip->size != sizeof(*irqchip) || irqchip->ioapic.base_address != gate->config.chip[0].base)
		return -EINVAL;
	ig_kvm_lock(gate);
	ig_coalesced_drain(gate);
	error = irqgate_core_set_irqchip(gate->core, irqchip);
	pthread_mutex_unlock(&gate->lock);
	return error ? error : irqgate_kvm_resume(gate);
}

int irqgate_kvm_get_irqchip(struct irqgate_kvm *gate, struct irqgate_irqchip *irqchip)
{
	int error;

	quiesce(gate);
	error = irqgate_core_get_irqchip(gate->core, irqchip);
	pthread_mutex_unlock(&gate->lock);
	if (!error)
		irqchip->ioapic.base_address = gate->config.chip[0].base;
	return error;
}
