/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What the guest does to the pair of 8259As: its ports, and the processor's INTA. The pair says what was
 * acked and unmasked, the gate decides what that means for the sources. Caller serialises.
 */
#include <errno.h>

#include "line/core.h"
#include "line/gate.h"
#include "line/limits.h"
#include "line/watch.h"

enum { NOTHING_THERE = 0xff };

/* What the pair reports of one IRQ. One access never does both to the same IRQ. */
static void changed(struct irqgate_core *core, uint32_t gsi, bool acked, struct irqgate_effects *effects)
{
	if (acked) {
		ig_gate_acked(core, gsi, IG_PIC, effects);
	} else {
		ig_core_line(core, gsi)->opened = true;
		ig_gate_unbind(core, gsi); /* what the kernel sends does not come through the pair */
		ig_gate_opened(core, gsi, IG_PIC, effects);
	}
	ig_gate_drive(core, gsi, effects);
	ig_watch_look(core, gsi, effects);
}

static void do_access(struct irqgate_core *core, struct irqgate_pic_access *access)
{
	struct ig_pic_result result;

	if (access->write)
		ig_pic_write(&core->pic, access->port, access->value, &result);
	else
		access->value = ig_pic_read(&core->pic, access->port, &result);
	access->acked = result.acked;
	access->unmasked = result.unmasked;
	access->done = true;
}

/* Takes the lowest bit out of a set. */
static uint32_t take_lowest(uint16_t *set)
{
	uint32_t bit = (uint32_t)__builtin_ctz(*set);

	*set &= (uint16_t)(*set - 1);
	return bit;
}

/* One access may mask all lines of the pair. */
static void look_at_all(struct irqgate_core *core, struct irqgate_effects *effects)
{
	for (uint32_t gsi = 0; gsi < IG_PIC_IRQS; gsi++) {
		if (!ig_core_feeds_pic(core, gsi))
			continue;
		ig_watch_look(core, gsi, effects);
		ig_limit_look(core, gsi);
	}
}

bool irqgate_core_pic_access(struct irqgate_core *core, struct irqgate_pic_access *access,
			     struct irqgate_effects *effects)
{
	ig_effects_begin(core, effects);
	if (!core->has_pic) {
		if (!access->write)
			access->value = NOTHING_THERE;
		return false;
	}
	if (!access->done)
		do_access(core, access);
	while (access->acked | access->unmasked) {
		bool acked = access->acked;
		uint32_t gsi = take_lowest(acked ? &access->acked : &access->unmasked);

		if (!ig_core_feeds_pic(core, gsi))
			continue;
		changed(core, gsi, acked, effects);
		ig_effects_end(core, gsi, effects);
		return true;
	}
	look_at_all(core, effects);
	ig_effects_end(core, IG_NO_LINE, effects);
	return false;
}

/* Of a set of inputs those that lines feed. */
static uint16_t fed(const struct irqgate_core *core, uint16_t gsis)
{
	for (uint32_t gsi = 0; gsi < IG_PIC_IRQS; gsi++)
		if (!ig_core_feeds_pic(core, gsi))
			gsis &= (uint16_t)~(1U << gsi);
	return gsis;
}

/* What a write would do, were it made. */
static void foresee(const struct irqgate_core *core, const struct irqgate_pic_access *access, struct ig_pic_result *result)
{
	struct ig_pic then = core->pic;

	*result = (struct ig_pic_result){ 0 };
	if (core->has_pic && access->write && !access->done)
		ig_pic_write(&then, access->port, access->value, result);
}

uint16_t irqgate_core_pic_unmasks(const struct irqgate_core *core, const struct irqgate_pic_access *access)
{
	struct ig_pic_result result;

	foresee(core, access, &result);
	return fed(core, result.unmasked);
}

uint16_t irqgate_core_pic_acks(const struct irqgate_core *core, const struct irqgate_pic_access *access)
{
	struct ig_pic_result result;

	foresee(core, access, &result);
	return fed(core, result.acked);
}

uint16_t irqgate_core_pic_shows(const struct irqgate_core *core, const struct irqgate_pic_access *access)
{
	if (!core->has_pic || access->write || access->done)
		return 0;
	return fed(core, ig_pic_shown(&core->pic, access->port));
}

bool irqgate_core_pic_intr(const struct irqgate_core *core)
{
	return core->has_pic && ig_pic_intr(&core->pic);
}

/* With automatic EOI the INTA is the ack, of one line at most. */
int irqgate_core_pic_acknowledge(struct irqgate_core *core, struct irqgate_effects *effects)
{
	struct ig_pic_result result;
	uint32_t acked = IG_NO_LINE;
	uint8_t vector;

	ig_effects_begin(core, effects);
	if (!irqgate_core_pic_intr(core))
		return -EAGAIN;
	vector = ig_pic_acknowledge(&core->pic, &result);
	while (result.acked) {
		uint32_t gsi = take_lowest(&result.acked);

		if (!ig_core_feeds_pic(core, gsi))
			continue;
		changed(core, gsi, true, effects);
		acked = gsi;
	}
	ig_effects_end(core, acked, effects);
	return vector;
}
