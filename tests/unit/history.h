/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Histories of one line: a guest that may do anything in any order, and effects that are carried out late and
 * out of order. The invariants are checked after each step, and at the end of each history nothing may have
 * been lost: a guest that then behaves gets an interrupt for whatever asserts. For a random test and a
 * fuzzer.
 */
#ifndef IG_TESTS_HISTORY_H
#define IG_TESTS_HISTORY_H

#include "world.h"

enum { ROUNDS_MAX = 64 };

/* Seldom things: hot plug, resets, a LAPIC that is off. */
static void step_rarely(struct world *w)
{
	struct device *device = &w->device[pick(w, w->shared ? DEVICES : 1)];

	switch (pick(w, 6)) {
	case 0: enable(w, device, pick(w, 2)); break;
	case 1:
		if (device->source)
			unplug(w, device);
		else
			plug(w, device);
		break;
	case 2:
		if (w->shared)
			plug_or_unplug_wire(w);
		break;
	case 3: reset(w); break;
	/* On the direct path the kernel sends: nobody hears that it failed but the next unmask. */
	case 4: w->lapic_off = !w->direct && !w->lapic_off; break;
	default: retry(w); break;
	}
}

/* Any write that is none of the command that freezes the IRR for a poll. */
static void write_anything(struct world *w)
{
	static const uint16_t ports[] = { IG_PIC_MASTER_COMMAND, IG_PIC_MASTER_DATA, IG_PIC_SLAVE_COMMAND,
					  IG_PIC_SLAVE_DATA, IG_PIC_MASTER_ELCR, IG_PIC_SLAVE_ELCR };
	uint16_t port = ports[pick(w, sizeof(ports) / sizeof(ports[0]))];
	unsigned int value = pick(w, 0x100);

	if ((value & (IG_ICW1 | IG_OCW3)) == IG_OCW3)
		value &= ~IG_OCW3_POLL;
	guest_out(w, port, value);
}

static void step_pair(struct world *w)
{
	switch (pick(w, 16)) {
	case 0: case 1: guest_pic_mask(w, true); break;
	case 2: case 3: case 4: guest_pic_mask(w, false); break;
	case 5: case 6: guest_pic_eoi(w); break;
	case 7: guest_out(w, IG_PIC_MASTER_COMMAND, IG_OCW2_EOI); break;
	case 8: guest_out(w, IG_PIC_SLAVE_COMMAND, IG_OCW2_EOI); break;
	case 9: guest_poll(w); break;
	case 10:
		if (!pick(w, 4))
			guest_pic_init(w, pick(w, 4) ? 0 : IG_ICW4_AEOI);
		break;
	case 11:
		if (!pick(w, 4))
			write_anything(w);
		break;
	default: guest_inta(w); break;
	}
}

static void history_step(struct world *w)
{
	struct device *device = &w->device[pick(w, DEVICES)];

	if (w->guarded)
		pass_time(w, pick(w, 40));
	switch (pick(w, 16)) {
	case 0: case 1: raise_device(w, device); break;
	case 2: device->asserts = false; break;
	case 3: set_wire(w, pick(w, 2)); break;
	case 4: case 5: read_trigger(w, device); break;
	case 6: case 7: carry_out_one(w); break;
	case 8:
		if (!pick(w, w->history % 2 ? 2 : 10))
			step_rarely(w);
		break;
	default:
		if (w->pair && pick(w, 2))
			step_pair(w);
		else
			guest_step(w);
		break;
	}
	/* Mostly effects are carried out soon; the queue must not grow either. */
	while (w->queued > 8 || (w->queued && pick(w, 3)))
		carry_out_one(w);
}

/* What a driver does: quiets some of what asserts, or all. */
static void quiet(struct world *w, bool all)
{
	for (int i = 0; i < DEVICES; i++)
		if (all || pick(w, 2))
			w->device[i].asserts = false;
	if (w->wire_level && (all || pick(w, 2)))
		set_wire(w, false);
}

static void handle(struct world *w, uint8_t vector, bool all)
{
	if (pick(w, 2)) {
		quiet(w, all);
		guest_eoi(w, vector);
		settle(w);
		return;
	}
	guest_write(w, w->rte | MASKED);
	guest_eoi(w, vector);
	settle(w);
	quiet(w, all);
	guest_write(w, w->rte & ~MASKED);
	settle(w);
}

static void handle_at_pair(struct world *w, bool all)
{
	bool masks = pick(w, 2);

	if (masks)
		guest_pic_mask(w, true);
	else
		quiet(w, all);
	guest_pic_eoi(w);
	settle(w);
	if (!masks)
		return;
	quiet(w, all);
	guest_pic_mask(w, false);
	settle(w);
}

static bool handle_next(struct world *w, bool all)
{
	static const uint8_t vectors[] = { VECTOR, OTHER_VECTOR };

	if (guest_inta(w)) {
		handle_at_pair(w, all);
		return true;
	}
	for (int i = 0; i < 2; i++) {
		if (!w->serving[vectors[i]] && !guest_take(w, vectors[i]))
			continue;
		handle(w, vectors[i], all);
		return true;
	}
	return false;
}

static void handle_all(struct world *w, bool all)
{
	int rounds = 0;

	settle(w);
	while (handle_next(w, all))
		CHECK(w, ++rounds < ROUNDS_MAX); /* a storm */
	for (int i = 0; i < DEVICES; i++)
		CHECK(w, !w->device[i].asserts); /* invariant 3: it asserts, and nobody will hear of it */
	CHECK(w, !w->wire_level);
}

/* Makes up its mind which chip it listens to: the IOAPIC, the pair, or both. */
static void choose_chip(struct world *w)
{
	uint32_t choice = w->pair ? pick(w, 3) : 0;

	if (w->pair)
		guest_pic_init(w, 0);
	if (choice > 0)
		guest_pic_mask(w, false);
	if (choice == 1)
		guest_write(w, LEVEL | MASKED);
	else if (guest_sees_masked(w) || !(w->rte & IG_RTE_LEVEL))
		guest_write(w, LEVEL);
}

/* From here on the guest behaves: then whatever asserts is heard, once more and each time. */
static void history_end(struct world *w)
{
	w->lapic_off = false;
	for (int i = 0; i < DEVICES; i++)
		enable(w, &w->device[i], true);
	choose_chip(w);
	handle_all(w, false);
	for (int i = 0; i < DEVICES; i++) {
		CHECK(w, !w->device[i].source || !w->device[i].automasked); /* silent for ever */
		raise_device(w, &w->device[i]);
		handle_all(w, true);
	}
	set_wire(w, true);
	handle_all(w, true);
}

/* Of the world there is policy, paths and chips already. */
static void history_begin(struct world *w, uint32_t history, struct chance chance)
{
	*w = (struct world){
		.policy = w->policy, .direct = w->direct, .shared = w->shared, .pair = w->pair, .gsi = PIN,
		.guarded = w->guarded, .history = history, .chance = chance, .rte = IG_RTE_MASKED,
	};
	if (w->pair)
		w->gsi = history % 2 ? MASTER_IRQ : SLAVE_IRQ;
	if (w->pair)
		machine_open_pair(&w->m, w->policy, 0);
	else
		machine_open(&w->m, w->policy);
	watch(w);
	guard_line(w);
	plug(w, &w->device[0]);
}

#endif
