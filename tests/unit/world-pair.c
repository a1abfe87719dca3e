/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The pair of 8259As in the world of world.h. What is masked and in service is read from the chip: it has own
 * tests.
 */
#include "line/core.h"
#include "world.h"

enum { ALL_MASKED = 0xff };

static const struct ig_pic *pic_of(const struct world *w)
{
	return ig_core_pic(w->m.core);
}

bool pair_interrupts(const struct world *w)
{
	return w->pair && !ig_pic_is_masked(pic_of(w), w->gsi);
}

static bool serves(const struct world *w)
{
	return ig_pic_in_service(pic_of(w), w->gsi);
}

/* Whether the pair may now deliver only what has been sampled since: an ack or an unmask opened the gate. */
static void check_released(struct world *w, bool served, bool interrupted)
{
	bool acked = served && !serves(w), unmasked = !served && !interrupted;

	if (w->policy == IRQGATE_POLICY_HOLD && pair_interrupts(w) && (acked || unmasked))
		CHECK(w, irqgate_core_line_level(w->m.core, w->gsi) == w->wire_level);
}

static uint8_t access_port(struct world *w, struct irqgate_pic_access access)
{
	bool served = serves(w), interrupted = pair_interrupts(w);
	bool unmasks = irqgate_core_pic_unmasks(w->m.core, &access) >> w->gsi & 1;

	if (unmasks) {
		read_triggers(w);
		if (!served)
			w->pic_unmasked_at = ++w->clock;
	}
	while (irqgate_core_pic_access(w->m.core, &access, &w->m.effects)) {
		take_effects(w);
		check_together(w);
	}
	take_effects(w);
	CHECK(w, unmasks == (!interrupted && pair_interrupts(w)));
	check_released(w, served, interrupted);
	return access.value;
}

uint8_t guest_in(struct world *w, uint16_t port)
{
	return access_port(w, (struct irqgate_pic_access){ .port = port });
}

void guest_out(struct world *w, uint16_t port, unsigned int value)
{
	access_port(w, (struct irqgate_pic_access){ .port = port, .write = true, .value = (uint8_t)value });
}

static uint16_t command_port(const struct world *w)
{
	return w->gsi < IG_PIC_INPUTS ? IG_PIC_MASTER_COMMAND : IG_PIC_SLAVE_COMMAND;
}

bool guest_inta(struct world *w)
{
	bool wanted = is_wanted(w, w->pic_unmasked_at), served = serves(w);
	int vector = irqgate_core_pic_acknowledge(w->m.core, &w->m.effects);

	if (vector < 0)
		return false;
	CHECK(w, wanted);
	CHECK(w, pair_interrupts(w)); /* invariant 4 */
	CHECK(w, (uint32_t)vector % IG_PIC_INPUTS == w->gsi % IG_PIC_INPUTS);
	take_effects(w);
	check_together(w);
	check_released(w, served || !serves(w), true); /* automatic EOI: it has been in service */
	return true;
}

void guest_poll(struct world *w)
{
	bool wanted;

	guest_out(w, command_port(w), IG_OCW3 | IG_OCW3_POLL);
	wanted = is_wanted(w, w->pic_unmasked_at);
	if (guest_in(w, command_port(w)) & IG_POLL_INTERRUPT)
		CHECK(w, wanted);
}

void guest_pic_mask(struct world *w, bool masked)
{
	uint16_t data = command_port(w) + 1;
	unsigned int input = 1U << w->gsi % IG_PIC_INPUTS, imr = guest_in(w, data);

	guest_out(w, data, masked ? imr | input : imr & ~input);
}

void guest_pic_eoi(struct world *w)
{
	guest_out(w, command_port(w), IG_OCW2_SPECIFIC_EOI | w->gsi % IG_PIC_INPUTS);
	if (w->gsi >= IG_PIC_INPUTS)
		guest_out(w, IG_PIC_MASTER_COMMAND, IG_OCW2_SPECIFIC_EOI | IG_PIC_CASCADE);
}

static void init_chip(struct world *w, uint16_t command, unsigned int base, unsigned int icw4,
		      unsigned int imr)
{
	guest_out(w, command, IG_ICW1 | IG_ICW1_IC4);
	guest_out(w, command + 1, base);
	guest_out(w, command + 1, 0);
	guest_out(w, command + 1, icw4);
	guest_out(w, command + 1, imr);
}

void guest_pic_init(struct world *w, unsigned int icw4)
{
	init_chip(w, IG_PIC_SLAVE_COMMAND, PAIR_BASE + IG_PIC_INPUTS, icw4, ALL_MASKED);
	init_chip(w, IG_PIC_MASTER_COMMAND, PAIR_BASE, icw4, ALL_MASKED & ~(1U << IG_PIC_CASCADE));
	guest_out(w, IG_PIC_MASTER_ELCR, ALL_MASKED);
	guest_out(w, IG_PIC_SLAVE_ELCR, ALL_MASKED);
}
