/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What depends on time, and what is diagnosed: the storm guard, the age of holds, entries that do not fit the source. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "saved.h"

enum { BUDGET = 3, PACE = 10, DELAY = 1000, LIMIT = 500 };

static void guard(struct machine *m, uint32_t gsi)
{
	const struct irqgate_guard guard = { .budget = BUDGET, .pace = PACE, .delay = DELAY };

	assert_int_equal(irqgate_core_guard(m->core, gsi, &guard), 0);
}

static void set_time(struct machine *m, uint64_t now)
{
	irqgate_core_set_time(m->core, now);
}

/* Returns how many lines there was something to do about. */
static uint32_t expire(struct machine *m)
{
	uint32_t gsi = 0, lines = 0;

	machine_forget(m);
	for (; irqgate_core_expire(m->core, &gsi, &m->effects); lines++)
		machine_see(m);
	return lines;
}

static uint64_t diagnoses(const struct machine *m, uint32_t gsi, enum irqgate_diagnosis diagnosis)
{
	struct irqgate_line_stats stats;

	assert_int_equal(irqgate_core_line_stats(m->core, gsi, &stats), 0);
	return stats.diagnoses[diagnosis];
}

static irqgate_source open_wire(struct machine *m)
{
	irqgate_source wire;

	machine_open(m, IRQGATE_POLICY_HOLD);
	wire = machine_add(m, PIN, IRQGATE_SOURCE_WIRE, false);
	machine_program(m, PIN, LEVEL);
	guard(m, PIN);
	return wire;
}

/* So many EOIs of a wire that stays up; what the last one asked for is seen. */
static void storm(struct machine *m, uint32_t eois)
{
	while (eois--)
		assert_int_equal(machine_eoi(m, VECTOR), 1);
}

TEST(wire_that_stays_up_has_a_budget_then_a_delay)
{
	struct machine m;
	irqgate_source wire = open_wire(&m);

	machine_level(&m, wire, true);
	assert_seen(&m, 1, 0, 0);
	storm(&m, BUDGET - 1);
	assert_seen(&m, 1, 0, 0);
	storm(&m, 1);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(m.effects.next_time, DELAY);
	assert_true(irqgate_core_line_level(m.core, PIN));
	set_time(&m, DELAY - 1);
	assert_int_equal(expire(&m), 0);
	assert_int_equal(m.effects.next_time, DELAY);
	set_time(&m, DELAY);
	assert_int_equal(expire(&m), 1);
	assert_seen(&m, 1, 0, 0);
	assert_int_equal(m.effects.next_time, IRQGATE_NEVER);
	storm(&m, BUDGET - 1); /* which it has again */
	assert_seen(&m, 1, 0, 0);
	assert_int_equal(diagnoses(&m, PIN, IRQGATE_DIAGNOSIS_STORM), 1);
	machine_close(&m);
}

TEST(wire_that_drops_before_the_eoi_makes_progress)
{
	struct machine m;
	irqgate_source wire = open_wire(&m);

	for (int i = 0; i < 10 * BUDGET; i++) {
		machine_level(&m, wire, true);
		assert_seen(&m, 1, 0, 0);
		machine_level(&m, wire, false);
		storm(&m, 1);
	}
	assert_int_equal(diagnoses(&m, PIN, IRQGATE_DIAGNOSIS_STORM), 0);
	machine_close(&m);
}

TEST(wire_that_drops_while_it_is_delayed_sends_nothing)
{
	struct machine m;
	irqgate_source wire = open_wire(&m);

	machine_level(&m, wire, true);
	storm(&m, BUDGET);
	machine_level(&m, wire, false);
	set_time(&m, DELAY);
	expire(&m);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(there_is_no_guard_at_first)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_level(&m, machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false), true);
	machine_program(&m, PIN, LEVEL);
	storm(&m, 100000);
	assert_seen(&m, 1, 0, 0);
	assert_int_equal(m.effects.next_time, IRQGATE_NEVER);
	assert_int_equal(irqgate_core_guard(m.core, PINS, &(struct irqgate_guard){ 0 }), -EINVAL);
	machine_close(&m);
}

static irqgate_source open_guarded(struct machine *m, enum irqgate_policy policy, bool direct)
{
	irqgate_source source = machine_open_with(m, policy, direct, LEVEL);

	guard(m, PIN);
	set_time(m, 100 * PACE);
	return source;
}

/* The device asserts again as soon as it is listened to. The first EOI of all comes late enough. */
static void storm_by_device(struct machine *m, irqgate_source source, uint32_t events)
{
	while (events--) {
		machine_trigger(m, source);
		assert_int_equal(machine_eoi(m, VECTOR), 1);
	}
}

TEST(forwarded_source_that_is_not_quieted_is_resampled_later)
{
	struct machine m;
	irqgate_source source = open_guarded(&m, IRQGATE_POLICY_HOLD, false);

	storm_by_device(&m, source, BUDGET);
	assert_seen(&m, 0, 1, 0);
	storm_by_device(&m, source, 1);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(diagnoses(&m, PIN, IRQGATE_DIAGNOSIS_STORM), 1);
	set_time(&m, 100 * PACE + DELAY);
	assert_int_equal(expire(&m), 1);
	assert_seen(&m, 0, 1, 0);
	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

TEST(forwarded_source_that_is_slow_enough_makes_progress)
{
	struct machine m;
	irqgate_source source = open_guarded(&m, IRQGATE_POLICY_HOLD, false);

	for (uint32_t i = 1; i <= 10 * BUDGET; i++) {
		set_time(&m, (100 + 2 * i) * PACE);
		storm_by_device(&m, source, 1);
		assert_seen(&m, 0, 1, 0);
	}
	machine_close(&m);
}

/* Its guest's thread unmasks and quiets nothing. */
TEST(oneshot_guest_that_quiets_nothing_is_delayed)
{
	struct machine m;
	irqgate_source source = open_guarded(&m, IRQGATE_POLICY_HOLD, false);

	for (uint32_t i = 0; i <= BUDGET; i++) {
		machine_trigger(&m, source);
		machine_mask(&m);
		machine_eoi(&m, VECTOR);
		machine_unmask(&m);
		assert_seen(&m, 0, i < BUDGET, 0);
	}
	set_time(&m, 100 * PACE + DELAY);
	assert_int_equal(expire(&m), 1);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(line_that_is_masked_when_the_delay_ends_waits_for_the_unmask)
{
	struct machine m;
	irqgate_source source = open_guarded(&m, IRQGATE_POLICY_HOLD, false);

	storm_by_device(&m, source, BUDGET + 1);
	machine_mask(&m);
	set_time(&m, 100 * PACE + DELAY);
	assert_int_equal(expire(&m), 1);
	assert_seen(&m, 0, 0, 0);
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(policy_eoi_resamples_a_masked_line_when_the_delay_ends)
{
	struct machine m;
	irqgate_source source = open_guarded(&m, IRQGATE_POLICY_EOI, false);

	storm_by_device(&m, source, BUDGET + 1);
	assert_seen(&m, 0, 0, 0);
	machine_mask(&m);
	set_time(&m, 100 * PACE + DELAY);
	assert_int_equal(expire(&m), 1);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(direct_path_is_delayed_and_hears_the_next_eoi)
{
	struct machine m;
	irqgate_source source = open_guarded(&m, IRQGATE_POLICY_HOLD, true);

	assert_true(irqgate_core_bound(m.core, source));
	for (int i = 0; i <= BUDGET; i++)
		assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 0, 0);
	assert_false(machine_remote_irr(&m, PIN));
	machine_enable(&m, source, false);
	machine_enable(&m, source, true);
	machine_trigger(&m, source); /* one that was read late must not open the gate */
	assert_seen(&m, 0, 0, 0);
	set_time(&m, 100 * PACE + DELAY);
	assert_int_equal(expire(&m), 1);
	assert_seen(&m, 0, 1, 0);
	assert_true(irqgate_core_bound(m.core, source));
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(reset_ends_the_delay)
{
	struct machine m;
	irqgate_source source = open_guarded(&m, IRQGATE_POLICY_HOLD, false);

	storm_by_device(&m, source, BUDGET + 1);
	machine_reset(&m);
	machine_program(&m, PIN, LEVEL);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(without_the_guard_a_delayed_line_goes_on)
{
	struct machine m;
	irqgate_source source = open_guarded(&m, IRQGATE_POLICY_HOLD, false);

	storm_by_device(&m, source, BUDGET + 1);
	assert_int_equal(irqgate_core_guard(m.core, PIN, &(struct irqgate_guard){ 0 }), 0);
	assert_int_equal(expire(&m), 1);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(levels_at_the_pair_are_guarded_and_edges_are_not)
{
	struct machine m;
	irqgate_source wire, bell;

	machine_open_pair(&m, IRQGATE_POLICY_HOLD, 0);
	wire = machine_add(&m, MASTER_IRQ, IRQGATE_SOURCE_WIRE, false);
	bell = machine_add(&m, 1, IRQGATE_SOURCE_EDGE, false);
	guard(&m, MASTER_IRQ);
	guard(&m, 1);
	machine_pic_unmask(&m, 1);
	for (int i = 0; i < 2 * BUDGET; i++) {
		machine_pulse(&m, bell);
		assert_int_equal(machine_inta(&m), 1);
		machine_pic_eoi(&m, 1);
	}
	assert_int_equal(diagnoses(&m, 1, IRQGATE_DIAGNOSIS_STORM), 0);
	machine_pic_unmask(&m, MASTER_IRQ);
	machine_level(&m, wire, true);
	for (int i = 0; i < BUDGET; i++) {
		assert_int_equal(machine_inta(&m), MASTER_IRQ);
		machine_pic_eoi(&m, MASTER_IRQ);
	}
	assert_false(machine_intr(&m));
	set_time(&m, DELAY);
	assert_int_equal(expire(&m), 1);
	assert_true(machine_intr(&m));
	machine_close(&m);
}

/* Holds. */

static irqgate_source open_limited(struct machine *m)
{
	irqgate_source source = machine_open_with(m, IRQGATE_POLICY_HOLD, false, LEVEL);

	irqgate_core_limit_holds(m->core, LIMIT);
	set_time(m, 1000);
	return source;
}

static void begin_hold(struct machine *m, irqgate_source source)
{
	machine_trigger(m, source);
	machine_mask(m);
	machine_eoi(m, VECTOR);
}

TEST(hold_that_is_too_old_is_told_of_once)
{
	struct machine m;
	irqgate_source source = open_limited(&m);

	begin_hold(&m, source);
	assert_int_equal(m.effects.next_time, 1000 + LIMIT);
	set_time(&m, 1000 + LIMIT - 1);
	assert_int_equal(expire(&m), 0);
	assert_int_equal(m.effects.next_time, 1000 + LIMIT);
	machine_mask(&m); /* once more: it is the same hold */
	set_time(&m, 1000 + LIMIT);
	assert_int_equal(expire(&m), 1);
	assert_seen(&m, 0, 0, 0);
	set_time(&m, 1000 + 10 * LIMIT);
	assert_int_equal(expire(&m), 0);
	assert_int_equal(m.effects.next_time, IRQGATE_NEVER);
	assert_int_equal(diagnoses(&m, PIN, IRQGATE_DIAGNOSIS_HELD), 1);
	machine_unmask(&m);
	begin_hold(&m, source);
	assert_int_equal(m.effects.next_time, 1000 + 11 * LIMIT);
	machine_close(&m);
}

TEST(hold_that_ends_in_time_is_not_told_of)
{
	struct machine m;
	irqgate_source source = open_limited(&m);

	for (int i = 0; i < 10; i++) {
		begin_hold(&m, source);
		set_time(&m, 1000 + (uint64_t)(i + 1) * (LIMIT - 1));
		assert_int_equal(expire(&m), 0);
		machine_unmask(&m);
	}
	assert_int_equal(diagnoses(&m, PIN, IRQGATE_DIAGNOSIS_HELD), 0);
	machine_close(&m);
}

TEST(wire_on_a_masked_pin_is_no_hold)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	irqgate_core_limit_holds(m.core, LIMIT);
	machine_level(&m, machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false), true);
	assert_int_equal(m.effects.next_time, IRQGATE_NEVER);
	machine_close(&m);
}

TEST(source_that_is_disabled_or_removed_ends_its_hold)
{
	struct machine m;
	irqgate_source source = open_limited(&m);

	begin_hold(&m, source);
	machine_enable(&m, source, false);
	set_time(&m, 1000 + LIMIT);
	assert_int_equal(expire(&m), 0);
	machine_enable(&m, source, true);
	machine_trigger(&m, source);
	machine_remove(&m, source);
	set_time(&m, 1000 + 2 * LIMIT);
	assert_int_equal(expire(&m), 0);
	machine_close(&m);
}

TEST(limit_counts_for_a_hold_that_is_there_already)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);

	begin_hold(&m, source);
	irqgate_core_limit_holds(m.core, LIMIT);
	set_time(&m, LIMIT);
	assert_int_equal(expire(&m), 1);
	machine_close(&m);
}

/* Entries. */

TEST(trigger_before_the_guest_has_ever_unmasked_is_told_of)
{
	struct machine m;
	irqgate_source source;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	source = machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, false);
	machine_trigger(&m, source);
	assert_int_equal(m.effects.diagnosed, 1U << IRQGATE_DIAGNOSIS_NEVER_UNMASKED);
	assert_int_equal(m.effects.diagnosed_gsi, PIN);
	machine_trigger(&m, source);
	assert_int_equal(m.effects.diagnosed, 0);
	machine_program(&m, PIN, LEVEL);
	machine_mask(&m);
	machine_trigger(&m, source);
	assert_int_equal(m.effects.diagnosed, 0);
	machine_reset(&m);
	machine_enable(&m, source, false);
	machine_enable(&m, source, true);
	machine_trigger(&m, source);
	assert_int_equal(diagnoses(&m, PIN, IRQGATE_DIAGNOSIS_NEVER_UNMASKED), 2);
	machine_close(&m);
}

TEST(forwarded_source_on_an_edge_entry_is_told_of)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, true, EDGE);

	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	assert_int_equal(m.effects.diagnosed, 1U << IRQGATE_DIAGNOSIS_EDGE);
	machine_close(&m);
	source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);
	machine_trigger(&m, source);
	assert_int_equal(m.effects.diagnosed, 0);
	machine_close(&m);
}

TEST(forwarded_source_on_an_edge_input_of_the_pair_is_told_of)
{
	struct machine m;
	irqgate_source source;

	machine_open_pair(&m, IRQGATE_POLICY_HOLD, 0);
	source = machine_add(&m, MASTER_IRQ, IRQGATE_SOURCE_FORWARDED, false);
	machine_out(&m, IG_PIC_MASTER_ELCR, 0);
	machine_pic_unmask(&m, MASTER_IRQ);
	machine_trigger(&m, source);
	assert_int_equal(diagnoses(&m, MASTER_IRQ, IRQGATE_DIAGNOSIS_EDGE), 1);
	machine_close(&m);
}

/* Saved. */

TEST(delay_and_age_go_on_after_a_restore)
{
	static struct saved saved;
	struct machine m, fresh;
	irqgate_source source = open_guarded(&m, IRQGATE_POLICY_HOLD, false);
	uint32_t gsi = 0;

	storm_by_device(&m, source, BUDGET + 1);
	set_time(&m, 100 * PACE + DELAY / 4);
	save(&m, &saved);
	machine_open(&fresh, IRQGATE_POLICY_HOLD);
	machine_add(&fresh, PIN, IRQGATE_SOURCE_FORWARDED, false);
	guard(&fresh, PIN);
	set_time(&fresh, 7);
	assert_int_equal(restore(&fresh, &saved), 0);
	while (irqgate_core_restored(fresh.core, &gsi, &fresh.effects))
		assert_int_equal(fresh.effects.count, 0); /* it is listened to when the delay is over */
	assert_int_equal(expire(&fresh), 0);
	assert_int_equal(fresh.effects.next_time, 7 + DELAY - DELAY / 4);
	set_time(&fresh, 7 + DELAY - DELAY / 4);
	assert_int_equal(expire(&fresh), 1);
	assert_seen(&fresh, 0, 1, 0);
	machine_close(&fresh);
	machine_close(&m);
}

TEST(delayed_line_goes_on_at_once_where_there_is_no_guard)
{
	static struct saved saved;
	struct machine m, fresh;
	irqgate_source source = open_guarded(&m, IRQGATE_POLICY_HOLD, true);
	uint32_t gsi = 0;

	for (int i = 0; i <= BUDGET; i++)
		machine_eoi(&m, VECTOR);
	save(&m, &saved);
	machine_open(&fresh, IRQGATE_POLICY_HOLD);
	source = machine_add(&fresh, PIN, IRQGATE_SOURCE_FORWARDED, true);
	assert_int_equal(restore(&fresh, &saved), 0);
	machine_forget(&fresh);
	while (irqgate_core_restored(fresh.core, &gsi, &fresh.effects))
		machine_see(&fresh);
	assert_seen(&fresh, 0, 1, 0);
	assert_true(irqgate_core_bound(fresh.core, source));
	assert_int_equal(machine_eoi(&fresh, VECTOR), 1); /* of what the kernel has sent then */
	machine_close(&fresh);
	machine_close(&m);
}

/* Where version 2 of a line has what depends on time: behind the entry, three messages and two flags. */
enum { LINES_AT = 16 + 10 + 14 + 5, LINE_TIME_AT = 50, LINE_TIME_SIZE = 32, SOURCE_SIZE = 28 };

/* The same state as version 1 wrote it. */
static void make_old(struct saved *saved)
{
	size_t at = LINES_AT;

	for (uint32_t gsi = 0; gsi < PINS; gsi++) {
		unsigned char *time = &saved->bytes[at + LINE_TIME_AT];

		memmove(time, time + LINE_TIME_SIZE, saved->size - at - LINE_TIME_AT - LINE_TIME_SIZE);
		saved->size -= LINE_TIME_SIZE;
		at += LINE_TIME_AT + 1 + SOURCE_SIZE * (size_t)*time;
	}
	saved->bytes[VERSION_AT] = 1;
	saved->bytes[SIZE_AT] = (unsigned char)saved->size;
	saved->bytes[SIZE_AT + 1] = (unsigned char)(saved->size >> 8);
	mend_checksum(saved);
}

TEST(state_of_version_1_is_read)
{
	static struct saved saved, again;
	struct machine m, fresh;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);

	begin_hold(&m, source);
	save(&m, &saved);
	make_old(&saved);
	assert_int_equal(saved.size, LINES_AT + PINS * (LINE_TIME_AT + 1) + SOURCE_SIZE + CRC_BYTES);
	machine_open(&fresh, IRQGATE_POLICY_HOLD);
	machine_add(&fresh, PIN, IRQGATE_SOURCE_FORWARDED, false);
	assert_int_equal(restore(&fresh, &saved), 0);
	save(&m, &saved);
	save(&fresh, &again);
	assert_int_equal(saved.size, again.size);
	assert_memory_equal(saved.bytes, again.bytes, saved.size);
	machine_close(&fresh);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wire_that_stays_up_has_a_budget_then_a_delay),
		cmocka_unit_test(wire_that_drops_before_the_eoi_makes_progress),
		cmocka_unit_test(wire_that_drops_while_it_is_delayed_sends_nothing),
		cmocka_unit_test(there_is_no_guard_at_first),
		cmocka_unit_test(forwarded_source_that_is_not_quieted_is_resampled_later),
		cmocka_unit_test(forwarded_source_that_is_slow_enough_makes_progress),
		cmocka_unit_test(oneshot_guest_that_quiets_nothing_is_delayed),
		cmocka_unit_test(line_that_is_masked_when_the_delay_ends_waits_for_the_unmask),
		cmocka_unit_test(policy_eoi_resamples_a_masked_line_when_the_delay_ends),
		cmocka_unit_test(direct_path_is_delayed_and_hears_the_next_eoi),
		cmocka_unit_test(reset_ends_the_delay),
		cmocka_unit_test(without_the_guard_a_delayed_line_goes_on),
		cmocka_unit_test(levels_at_the_pair_are_guarded_and_edges_are_not),
		cmocka_unit_test(hold_that_is_too_old_is_told_of_once),
		cmocka_unit_test(hold_that_ends_in_time_is_not_told_of),
		cmocka_unit_test(wire_on_a_masked_pin_is_no_hold),
		cmocka_unit_test(source_that_is_disabled_or_removed_ends_its_hold),
		cmocka_unit_test(limit_counts_for_a_hold_that_is_there_already),
		cmocka_unit_test(trigger_before_the_guest_has_ever_unmasked_is_told_of),
		cmocka_unit_test(forwarded_source_on_an_edge_entry_is_told_of),
		cmocka_unit_test(forwarded_source_on_an_edge_input_of_the_pair_is_told_of),
		cmocka_unit_test(delay_and_age_go_on_after_a_restore),
		cmocka_unit_test(delayed_line_goes_on_at_once_where_there_is_no_guard),
		cmocka_unit_test(state_of_version_1_is_read),
	};

	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
