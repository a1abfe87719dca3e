/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The sources of the lines: they come, go, and change their level. Caller serialises. */
#include <errno.h>
#include <string.h>

#include "line/core.h"
#include "line/gate.h"

static struct ig_source *find_free(const struct irqgate_core *core)
{
	for (uint32_t i = 0; i < core->sources; i++) {
		struct ig_source *source = ig_core_source(core, (uint16_t)i);

		if (!source->used)
			return source;
	}
	return NULL;
}

static uint32_t count_sources(const struct irqgate_core *core, uint32_t gsi)
{
	uint32_t count = 0;

	ig_for_each_source(core, gsi, source)
		count++;
	return count;
}

static void copy_name(char to[IRQGATE_NAME_SIZE], const char *from)
{
	uint32_t i = 0;

	for (; from && from[i] && i < IRQGATE_NAME_SIZE - 1; i++)
		to[i] = from[i];
	to[i] = '\0';
}

static void link_source(struct irqgate_core *core, struct ig_source *source)
{
	struct ig_line *line = ig_core_line(core, source->gsi);

	source->next = line->first;
	line->first = (uint16_t)(source - ig_core_source(core, 0));
}

static void unlink_source(struct irqgate_core *core, const struct ig_source *source)
{
	uint16_t *link = &ig_core_line(core, source->gsi)->first;

	while (ig_core_source(core, *link) != source)
		link = &ig_core_source(core, *link)->next;
	*link = source->next;
}

static int check_add(const struct irqgate_core *core, uint32_t gsi, enum irqgate_source_kind kind, bool direct)
{
	if (!ig_core_has(core, gsi) || kind > IRQGATE_SOURCE_FORWARDED)
		return -EINVAL;
	if (direct && kind != IRQGATE_SOURCE_FORWARDED)
		return -EINVAL;
	if (!find_free(core) || count_sources(core, gsi) >= IRQGATE_LINE_SOURCES_MAX)
		return -ENOSPC;
	return 0;
}

/* A line is on the direct path while its only source is one that the kernel can forward. */
static void choose_path(struct irqgate_core *core, uint32_t gsi, bool direct)
{
	struct ig_line *line = ig_core_line(core, gsi);
	uint64_t rte = ig_core_pin(core, gsi)->rte;
	bool can_interrupt_as_edge = !ig_rte_is_masked(rte) && !ig_rte_is_level(rte);

	if (line->first != IG_NO_SOURCE)
		ig_gate_leave_direct(core, gsi);
	else
		line->direct = direct && core->policy == IRQGATE_POLICY_HOLD && !can_interrupt_as_edge;
}

int irqgate_core_add(struct irqgate_core *core, uint32_t gsi, enum irqgate_source_kind kind, bool direct,
		     const char *name, irqgate_source *handle, struct irqgate_effects *effects)
{
	struct ig_source *source = find_free(core);
	int error = check_add(core, gsi, kind, direct);

	ig_effects_begin(core, effects);
	if (error)
		return error;
	choose_path(core, gsi, direct);
	*source = (struct ig_source){
		.generation = source->generation,
		.gsi = (uint16_t)gsi,
		.kind = (uint8_t)kind,
		.used = true,
		.enabled = true,
	};
	copy_name(source->name, name);
	*ig_core_source_stats(core, source) = (struct irqgate_source_stats){ 0 };
	link_source(core, source);
	if (kind == IRQGATE_SOURCE_FORWARDED)
		ig_gate_joined(core, source, effects);
	*handle = ig_core_handle(core, source);
	ig_effects_end(core, gsi, effects);
	return 0;
}

int irqgate_core_remove(struct irqgate_core *core, irqgate_source handle, struct irqgate_effects *effects)
{
	struct ig_source *source = ig_core_find(core, handle);

	ig_effects_begin(core, effects);
	if (!source)
		return -ENOENT;
	unlink_source(core, source);
	ig_gate_leave_direct(core, source->gsi);
	source->used = false;
	source->asserted = false;
	source->generation++;
	if (!source->generation)
		source->generation = 1; /* a handle is never 0 */
	ig_gate_drive(core, source->gsi, effects);
	ig_effects_end(core, source->gsi, effects);
	return 0;
}

/* Finds a source of a kind, and begins the call's effects. */
static int begin(struct irqgate_core *core, irqgate_source handle, enum irqgate_source_kind kind,
		 struct ig_source **source, struct irqgate_effects *effects)
{
	ig_effects_begin(core, effects);
	*source = ig_core_find(core, handle);
	if (!*source)
		return -ENOENT;
	return (*source)->kind == kind ? 0 : -EINVAL;
}

int irqgate_core_set_level(struct irqgate_core *core, irqgate_source handle, bool level,
			   struct irqgate_effects *effects)
{
	struct ig_source *source;
	int error = begin(core, handle, IRQGATE_SOURCE_WIRE, &source, effects);

	if (error)
		return error;
	source->asserted = level;
	ig_gate_drive(core, source->gsi, effects);
	ig_effects_end(core, source->gsi, effects);
	return 0;
}

int irqgate_core_pulse(struct irqgate_core *core, irqgate_source handle, struct irqgate_effects *effects)
{
	struct ig_source *source;
	int error = begin(core, handle, IRQGATE_SOURCE_EDGE, &source, effects);

	if (error)
		return error;
	ig_gate_pulse(core, source->gsi, effects);
	ig_effects_end(core, source->gsi, effects);
	return 0;
}

int irqgate_core_trigger(struct irqgate_core *core, irqgate_source handle, struct irqgate_effects *effects)
{
	struct ig_source *source;
	int error = begin(core, handle, IRQGATE_SOURCE_FORWARDED, &source, effects);

	if (error)
		return error;
	ig_gate_triggered(core, source, effects);
	ig_effects_end(core, source->gsi, effects);
	return 0;
}

int irqgate_core_enable(struct irqgate_core *core, irqgate_source handle, bool enable,
			struct irqgate_effects *effects)
{
	struct ig_source *source;
	int error = begin(core, handle, IRQGATE_SOURCE_FORWARDED, &source, effects);

	if (error)
		return error;
	if (source->enabled != enable) {
		source->enabled = enable;
		if (enable)
			ig_gate_joined(core, source, effects);
		else
			ig_gate_disabled(core, source, effects);
		ig_gate_drive(core, source->gsi, effects);
	}
	ig_effects_end(core, source->gsi, effects);
	return 0;
}

int irqgate_core_refuse_direct(struct irqgate_core *core, irqgate_source handle, struct irqgate_effects *effects)
{
	struct ig_source *source;
	int error = begin(core, handle, IRQGATE_SOURCE_FORWARDED, &source, effects);

	if (error)
		return error;
	ig_gate_leave_direct(core, source->gsi);
	ig_effects_end(core, source->gsi, effects);
	return 0;
}

bool irqgate_core_line_level(const struct irqgate_core *core, uint32_t gsi)
{
	return ig_core_has(core, gsi) && ig_gate_level(core, gsi);
}

int irqgate_core_source_level(const struct irqgate_core *core, irqgate_source handle)
{
	const struct ig_source *source = ig_core_find(core, handle);

	return source ? source->asserted : -ENOENT;
}

irqgate_source irqgate_core_next(const struct irqgate_core *core, uint32_t gsi, irqgate_source handle)
{
	const struct ig_source *source = ig_core_find(core, handle);

	if (!ig_core_has(core, gsi) || (handle && !source))
		return 0;
	source = ig_core_source(core, source ? source->next : ig_core_line(core, gsi)->first);
	return source ? ig_core_handle(core, source) : 0;
}
