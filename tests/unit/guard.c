/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The storm guard: a line that makes no progress is delayed. */
#include <errno.h>

#include "timed.h"

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
	};

	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
