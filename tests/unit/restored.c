/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A machine that was restored goes on as the one that was saved: both live on in lockstep, from every point
 * of random histories. The seeds are fixed, so that a failure comes again.
 */
#include <stdlib.h>
#include <string.h>

#include "../histories.h"
#include "saved.h"
#include "world.h"

enum { POINTS = 10000, POINTS_WITH_TIME = 2500, HISTORY = 250, ONWARD = 20 };

/* Something else, without a change to what is drawn from the history's own chance. */
static void settle_effects(struct world *w)
{
	struct chance chance = w->chance;

	while (w->queued)
		carry_out_one(w);
	w->chance = chance;
}

/* As an adapter does before a save: it reads what is signalled, and carries out what that asks for. */
static void quiesce(struct world *w)
{
	struct irqgate_access window = { .offset = IG_IOAPIC_IOWIN, .bytes = 4 };
	struct irqgate_message asked[2];
	uint32_t count;
	int answer = IRQGATE_LAPIC_IDLE;

	settle_effects(w);
	read_triggers(w);
	settle_effects(w);
	machine_read(&w->m, rte_low(w->gsi)); /* selects it */
	if (irqgate_core_asks_lapic(w->m.core, &window, asked, &count) < 0)
		return;
	for (uint32_t i = 0; i < count; i++)
		if (w->requested[asked[i].data & 0xff] || w->serving[asked[i].data & 0xff])
			answer = (int)(asked[i].data & 0xff);
	irqgate_core_ioapic_read(w->m.core, &window, answer);
}

static void copy_world(struct world *to, const struct world *from)
{
	*to = *from;
	to->m.memory = malloc(from->m.bytes);
	assert_non_null(to->m.memory);
	memcpy(to->m.memory, from->m.memory, from->m.bytes);
	to->m.core = to->m.memory;
}

/* The name of a source in another core's terms. */
static void follow(struct world *w, irqgate_source before, irqgate_source now)
{
	if (w->wire == before) {
		w->wire = now;
		return;
	}
	for (int i = 0; i < DEVICES; i++) {
		if (w->device[i].source != before)
			continue;
		w->device[i].source = now;
		w->device[i].wish_done = 0;
		return;
	}
	fail();
}

/* Sources like those of another machine, in the same order: the last one of a line comes first in its list. */
static void plug_like(struct world *w, const struct irqgate_core *old)
{
	irqgate_source list[IRQGATE_LINE_SOURCES_MAX], source = 0;
	uint32_t count = 0;

	while ((source = irqgate_core_next(old, w->gsi, source)))
		list[count++] = source;
	while (count--) {
		bool wire = list[count] == w->wire;

		source = 0;
		assert_int_equal(irqgate_core_add(w->m.core, w->gsi, wire ? IRQGATE_SOURCE_WIRE : IRQGATE_SOURCE_FORWARDED,
						  !wire && w->direct, irqgate_core_name(old, list[count]), &source,
						  &w->m.effects), 0);
		follow(w, list[count], source);
	}
}

/* The kernel's part, as the adapter builds it from the core. */
static void build_kernel(struct world *w)
{
	w->route_count = irqgate_core_routes(w->m.core, w->routes, &w->routes_version);
	for (int i = 0; i < DEVICES; i++)
		w->device[i].bound = irqgate_core_bound(w->m.core, w->device[i].source);
}

static void open_core(struct world *w)
{
	if (w->pair)
		machine_open_pair(&w->m, w->policy, 0);
	else
		machine_open(&w->m, w->policy);
}

/* The world goes on with a fresh core, into which its state is put. */
static void move(struct world *w)
{
	static struct saved saved;
	struct machine old = w->m;
	uint32_t gsi = 0;

	save(&old, &saved);
	open_core(w);
	watch(w);
	guard_line(w);
	machine_remove(&w->m, machine_add(&w->m, OTHER_PIN, IRQGATE_SOURCE_WIRE, false)); /* handles are others */
	plug_like(w, old.core);
	assert_int_equal(restore(&w->m, &saved), 0);
	build_kernel(w);
	while (irqgate_core_restored(w->m.core, &gsi, &w->m.effects))
		for (uint32_t i = 0; i < w->m.effects.count; i++)
			w->queue[w->queued++] = w->m.effects.effect[i];
	settle_effects(w);
	read_triggers(w);
	CHECK(w, !w->queued); /* whatever still asserts was known */
	machine_close(&old);
}

static void step_pair(struct world *w)
{
	switch (pick(w, 8)) {
	case 0: guest_pic_mask(w, true); break;
	case 1: case 2: guest_pic_mask(w, false); break;
	case 3: case 4: guest_inta(w); break;
	case 5: case 6: guest_pic_eoi(w); break;
	default: guest_poll(w); break;
	}
}

static void step_seldom(struct world *w)
{
	struct device *device = &w->device[pick(w, w->shared ? DEVICES : 1)];

	switch (pick(w, 5)) {
	case 0: enable(w, device, pick(w, 2)); break;
	case 1: plug_or_unplug_wire(w); break;
	case 2: reset(w); break;
	case 3: w->lapic_off = !w->direct && !w->lapic_off; break;
	default: retry(w); break;
	}
}

/* A device that is resampled while it is known to assert may trigger again: that is read before anything else. */
static void absorb(struct world *w)
{
	for (int i = 0; i < DEVICES; i++)
		if (irqgate_core_source_level(w->m.core, w->device[i].source) == 1)
			read_trigger(w, &w->device[i]);
}

static void step(struct world *w)
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
		if (!pick(w, 4) && w->shared)
			step_seldom(w);
		break;
	default:
		if (w->pair && pick(w, 2))
			step_pair(w);
		else
			guest_step(w);
		break;
	}
	absorb(w);
}

static void carry_out_some(struct world *w)
{
	while (w->queued > 8 || (w->queued && pick(w, 3)))
		carry_out_one(w);
}

/* What a guest can see. */
static void assert_seen_alike(const struct world *a, const struct world *b)
{
	assert_memory_equal(a->requested, b->requested, sizeof(a->requested));
	assert_memory_equal(a->serving, b->serving, sizeof(a->serving));
	assert_int_equal(a->rte, b->rte);
	assert_int_equal(a->chance.seed, b->chance.seed);
	assert_int_equal(a->queued, b->queued);
}

/* All that is to be saved. */
static void assert_saved_alike(const struct world *a, const struct world *b)
{
	static struct saved of_a, of_b;

	save(&a->m, &of_a);
	save(&b->m, &of_b);
	assert_int_equal(of_a.size, of_b.size);
	assert_memory_equal(of_a.bytes, of_b.bytes, of_a.size);
}

/* From here on two worlds live the same: one that was saved, and one that was restored. */
static void compare_onward(const struct world *w)
{
	static struct world stayed, moved;

	copy_world(&stayed, w);
	quiesce(&stayed);
	copy_world(&moved, &stayed);
	move(&moved);
	assert_saved_alike(&stayed, &moved);
	for (int i = 0; i < ONWARD; i++) {
		assert_seen_alike(&stayed, &moved);
		step(&stayed);
		step(&moved);
		settle_effects(&stayed); /* at once: a device that was resampled need not wait for a late effect */
		settle_effects(&moved);
	}
	assert_seen_alike(&stayed, &moved);
	assert_saved_alike(&stayed, &moved);
	machine_close(&moved.m);
	machine_close(&stayed.m);
}

static void live(const struct world *kind)
{
	static struct world w;
	uint32_t count = histories((kind->guarded ? POINTS_WITH_TIME : POINTS) / HISTORY);

	for (uint32_t history = 0; history < count; history++) {
		w = *kind;
		w.history = history;
		w.chance = chance_of(history);
		w.rte = IG_RTE_MASKED;
		w.gsi = w.pair ? SLAVE_IRQ : PIN;
		open_core(&w);
		watch(&w);
		guard_line(&w);
		plug(&w, &w.device[0]);
		if (w.shared)
			plug(&w, &w.device[1]);
		for (w.step = 0; w.step < HISTORY; w.step++) {
			step(&w);
			carry_out_some(&w);
			compare_onward(&w);
		}
		machine_close(&w.m);
	}
}

TEST(restored_at_every_point_with_hold)
{
	live(&(struct world){ .policy = IRQGATE_POLICY_HOLD });
}

TEST(restored_at_every_point_with_hold_on_the_direct_path)
{
	live(&(struct world){ .policy = IRQGATE_POLICY_HOLD, .direct = true });
}

TEST(restored_at_every_point_with_a_shared_line)
{
	live(&(struct world){ .policy = IRQGATE_POLICY_HOLD, .shared = true });
}

TEST(restored_at_every_point_with_a_pair)
{
	live(&(struct world){ .policy = IRQGATE_POLICY_HOLD, .shared = true, .pair = true });
}

TEST(restored_at_every_point_with_a_pair_on_the_direct_path)
{
	live(&(struct world){ .policy = IRQGATE_POLICY_HOLD, .direct = true, .pair = true });
}

TEST(restored_at_every_point_with_eoi)
{
	live(&(struct world){ .policy = IRQGATE_POLICY_EOI, .shared = true });
}

TEST(restored_at_every_point_with_unmask_resample)
{
	live(&(struct world){ .policy = IRQGATE_POLICY_UNMASK_RESAMPLE, .shared = true });
}

TEST(restored_at_every_point_with_a_storm_guard)
{
	live(&(struct world){ .policy = IRQGATE_POLICY_HOLD, .guarded = true });
}

TEST(restored_at_every_point_with_a_storm_guard_on_the_direct_path)
{
	live(&(struct world){ .policy = IRQGATE_POLICY_HOLD, .guarded = true, .direct = true });
}

TEST(restored_at_every_point_with_a_storm_guard_and_a_shared_line)
{
	live(&(struct world){ .policy = IRQGATE_POLICY_HOLD, .guarded = true, .shared = true, .pair = true });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(restored_at_every_point_with_hold),
		cmocka_unit_test(restored_at_every_point_with_hold_on_the_direct_path),
		cmocka_unit_test(restored_at_every_point_with_a_shared_line),
		cmocka_unit_test(restored_at_every_point_with_a_pair),
		cmocka_unit_test(restored_at_every_point_with_a_pair_on_the_direct_path),
		cmocka_unit_test(restored_at_every_point_with_eoi),
		cmocka_unit_test(restored_at_every_point_with_unmask_resample),
		cmocka_unit_test(restored_at_every_point_with_a_storm_guard),
		cmocka_unit_test(restored_at_every_point_with_a_storm_guard_on_the_direct_path),
		cmocka_unit_test(restored_at_every_point_with_a_storm_guard_and_a_shared_line),
	};

	return cmocka_run_group_tests_name("restored", tests, NULL, NULL);
}
