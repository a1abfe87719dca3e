/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Notices for those who watch a line; see watch.h. What has changed is looked up, so one notice stands for
 * several.
 */
#include "line/watch.h"

#include <errno.h>

#include "line/gate.h"

void ig_watch_acked(struct irqgate_core *core, uint32_t gsi)
{
	struct ig_line *line = ig_core_line(core, gsi);

	if (!line->watched)
		return;
	line->acks++;
	line->changed = true;
}

void ig_watch_look(struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects)
{
	struct ig_line *line = ig_core_line(core, gsi);
	bool masked;

	if (!line->watched)
		return;
	masked = ig_gate_masked(core, gsi);
	if (masked == line->masked && !line->changed)
		return;
	line->masked = masked;
	line->changed = false;
	line->version++;
	effects->effect[effects->count++] = (struct irqgate_effect){
		.kind = IRQGATE_EFFECT_LINE,
		.pin = gsi,
	};
}

int irqgate_core_watch(struct irqgate_core *core, uint32_t gsi, bool watch)
{
	struct ig_line *line;

	if (!ig_core_has(core, gsi))
		return -EINVAL;
	line = ig_core_line(core, gsi);
	if (watch && !line->watched)
		line->masked = ig_gate_masked(core, gsi);
	line->watched = watch;
	return 0;
}

int irqgate_core_line_state(const struct irqgate_core *core, uint32_t gsi, struct irqgate_line_state *state)
{
	const struct ig_line *line;

	if (!ig_core_has(core, gsi))
		return -EINVAL;
	line = ig_core_line(core, gsi);
	*state = (struct irqgate_line_state){
		.masked = ig_gate_masked(core, gsi), .acks = line->acks, .version = line->version,
	};
	return 0;
}
