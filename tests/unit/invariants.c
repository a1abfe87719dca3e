/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The eleven invariants of the gate, by name, as far as they are the core's. random.c checks several of them
 * again on long random histories.
 */
#include <errno.h>

#include "machine.h"

static irqgate_source begin(struct machine *m, uint64_t rte)
{
	return machine_open_with(m, IRQGATE_POLICY_HOLD, false, rte);
}

TEST(invariant_1_alternation_one_resample_per_trigger)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);
	struct irqgate_source_stats before = machine_stats(&m, source), after;

	machine_trigger(&m, source);
	machine_trigger(&m, source); /* a device that does not keep silent gains nothing */
	assert_seen(&m, 0, 0, 0);
	machine_eoi(&m, VECTOR);
	assert_seen(&m, 0, 1, 0);
	after = machine_stats(&m, source);
	assert_int_equal(after.resamples - before.resamples, 1);
	assert_int_equal(after.absorbed - before.absorbed, 1);
	machine_close(&m);
}

TEST(invariant_1_alternation_resample_of_an_armed_source_is_counted_apart)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL | MASKED);
	uint64_t idle = machine_stats(&m, source).idle_resamples;

	machine_unmask(&m);
	assert_int_equal(machine_stats(&m, source).idle_resamples, idle + 1);
	assert_int_equal(machine_stats(&m, source).resamples, 0);
	machine_close(&m);
}

TEST(invariant_2_nothing_unwanted_after_a_device_went_quiet_while_masked)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);

	/* The thread quieted the device before the unmask: no further trigger comes, so nothing may be sent. */
	machine_trigger(&m, source);
	machine_mask(&m);
	machine_eoi(&m, VECTOR);
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	assert_false(machine_remote_irr(&m, PIN));
	machine_close(&m);
}

TEST(invariant_2_nothing_unwanted_of_a_wire_that_fell_while_masked)
{
	struct machine m;
	irqgate_source wire;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	wire = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	machine_program(&m, PIN, LEVEL | MASKED);
	machine_level(&m, wire, true);
	machine_level(&m, wire, false);
	machine_unmask(&m);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(invariant_3_nothing_lost_of_a_device_that_still_asserts)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);

	machine_trigger(&m, source);
	machine_mask(&m);
	machine_eoi(&m, VECTOR);
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	machine_trigger(&m, source); /* what the device does when it is listened to and asserts */
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

TEST(invariant_3_nothing_lost_of_a_message_that_no_lapic_took)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);

	machine_trigger(&m, source);
	assert_true(irqgate_core_send_failed(m.core, m.seen.pin, m.seen.ticket));
	machine_retry(&m);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

TEST(invariant_4_masked_is_masked)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL | MASKED);
	irqgate_source wire = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);

	machine_trigger(&m, source);
	assert_seen(&m, 0, 0, 0);
	machine_level(&m, wire, true);
	assert_seen(&m, 0, 0, 0);
	assert_false(machine_remote_irr(&m, PIN));
	machine_close(&m);
}

TEST(invariant_4_masked_is_masked_in_the_kernel_too)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, true, LEVEL);

	/* The kernel would forward whatever the device triggers; so the device is made to keep silent. */
	machine_mask(&m);
	assert_seen(&m, 0, 0, 1);
	assert_int_equal(m.seen.silence[0], source);
	machine_close(&m);
}

TEST(invariant_5_pending_state_is_right_while_held)
{
	struct machine m;

	assert_true(machine_open_with(&m, IRQGATE_POLICY_HOLD, true, LEVEL));
	machine_mask(&m);
	machine_eoi(&m, VECTOR);
	assert_true(irqgate_core_line_level(m.core, PIN));
	machine_unmask(&m);
	assert_false(irqgate_core_line_level(m.core, PIN)); /* as far as the core knows, until the next trigger */
	machine_close(&m);
}

TEST(invariant_6_guest_that_never_unmasks_keeps_the_host_masked)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);

	machine_trigger(&m, source);
	machine_mask(&m);
	machine_eoi(&m, VECTOR);
	for (int i = 0; i < 100; i++) {
		machine_eoi(&m, VECTOR);
		machine_mask(&m);
		machine_retry(&m);
		assert_seen(&m, 0, 0, 0);
	}
	assert_int_equal(machine_stats(&m, source).resamples, 0);
	machine_close(&m);
}

TEST(invariant_7_shared_line_resamples_all_its_forwarded_sources)
{
	struct machine m;
	irqgate_source first = begin(&m, LEVEL);

	machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, false);
	machine_add(&m, OTHER_PIN, IRQGATE_SOURCE_FORWARDED, false);
	machine_trigger(&m, first);
	machine_eoi(&m, VECTOR);
	assert_seen(&m, 0, 2, 0); /* the armed one too, but not that of the other line */
	machine_close(&m);
}

TEST(invariant_7_shared_line_is_kept_up_by_a_wire)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);
	irqgate_source wire = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);

	machine_trigger(&m, source);
	machine_level(&m, wire, true);
	assert_seen(&m, 0, 0, 0);
	machine_eoi(&m, VECTOR);
	assert_seen(&m, 1, 1, 0);
	machine_close(&m);
}

TEST(invariant_7_shared_line_removal_touches_no_other_source)
{
	struct machine m;
	irqgate_source first = begin(&m, LEVEL);
	irqgate_source second = machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, false);

	machine_trigger(&m, first);
	machine_trigger(&m, second);
	machine_remove(&m, first);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(irqgate_core_source_level(m.core, second), 1);
	machine_eoi(&m, VECTOR);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(m.seen.listen[0], second);
	machine_close(&m);
}

TEST(invariant_8_races_registration_on_a_masked_pin_holds)
{
	struct machine m;
	irqgate_source source;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_program(&m, PIN, LEVEL | MASKED);
	source = machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, false);
	machine_trigger(&m, source);
	assert_seen(&m, 0, 0, 0);
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(invariant_8_races_removal_during_a_hold)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);

	machine_trigger(&m, source);
	machine_mask(&m);
	machine_eoi(&m, VECTOR);
	machine_remove(&m, source);
	assert_false(irqgate_core_line_level(m.core, PIN));
	machine_unmask(&m);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(invariant_8_races_unmask_on_another_vcpu_before_the_eoi)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);

	machine_trigger(&m, source);
	machine_mask(&m);
	machine_unmask(&m);
	assert_seen(&m, 0, 0, 0);
	machine_eoi(&m, VECTOR);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(invariant_8_races_reset_during_a_hold_is_repaired_by_the_unmask)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);

	machine_trigger(&m, source);
	machine_mask(&m);
	machine_eoi(&m, VECTOR);
	machine_reset(&m);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(machine_read(&m, rte_low(PIN)), IG_RTE_MASKED);
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(invariant_8_races_reset_in_service_is_repaired_by_the_unmask)
{
	static const bool direct[] = { false, true };

	for (size_t i = 0; i < 2; i++) {
		struct machine m;
		irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, direct[i], LEVEL);

		if (!direct[i])
			machine_trigger(&m, source);
		machine_reset(&m);
		assert_seen(&m, 0, 0, direct[i]);
		machine_unmask(&m);
		assert_seen(&m, 0, 1, 0);
		machine_close(&m);
	}
}

TEST(invariant_8_races_every_unmask_out_of_service_resamples)
{
	struct machine m;

	begin(&m, LEVEL | MASKED);
	for (int i = 0; i < 3; i++) {
		machine_unmask(&m);
		assert_seen(&m, 0, 1, 0);
		machine_mask(&m);
	}
	machine_close(&m);
}

TEST(invariant_9_eoi_selects_by_vector)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);

	machine_trigger(&m, source);
	assert_int_equal(machine_eoi(&m, OTHER_VECTOR), 0);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(invariant_9_eoi_selects_by_remote_irr)
{
	struct machine m;
	irqgate_source first = begin(&m, LEVEL), second;

	/* Two pins with one vector: only that in service is acked. */
	second = machine_add(&m, OTHER_PIN, IRQGATE_SOURCE_FORWARDED, false);
	machine_program(&m, OTHER_PIN, LEVEL);
	machine_trigger(&m, second);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(m.seen.listen[0], second);
	assert_int_not_equal(m.seen.listen[0], first);
	machine_close(&m);
}

TEST(invariant_9_eoi_selects_by_level)
{
	struct machine m;
	irqgate_source edge;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	edge = machine_add(&m, PIN, IRQGATE_SOURCE_EDGE, false);
	machine_program(&m, PIN, EDGE);
	machine_pulse(&m, edge);
	assert_int_equal(machine_eoi(&m, VECTOR), 0);
	machine_close(&m);
}

TEST(invariant_9_eoi_reaches_all_pins_in_service_with_the_vector)
{
	struct machine m;
	irqgate_source first = begin(&m, LEVEL), second;

	second = machine_add(&m, OTHER_PIN, IRQGATE_SOURCE_FORWARDED, false);
	machine_program(&m, OTHER_PIN, LEVEL);
	machine_trigger(&m, first);
	machine_trigger(&m, second);
	assert_int_equal(machine_eoi(&m, VECTOR), 2);
	assert_seen(&m, 0, 2, 0);
	machine_close(&m);
}

TEST(invariant_9_eoi_is_idempotent)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);

	/* With interrupt remapping Linux sends two for one interrupt. */
	machine_trigger(&m, source);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_int_equal(machine_eoi(&m, VECTOR), 0);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(invariant_10_teardown_leaves_no_effect_that_names_the_source)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL), again;
	struct irqgate_wish wish;

	/* An effect in flight finds nothing, even when the place is taken by the next source already. */
	machine_trigger(&m, source);
	machine_remove(&m, source);
	again = machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, false);
	assert_int_not_equal(again, source);
	assert_int_equal(irqgate_core_wish(m.core, source, &wish), -ENOENT);
	machine_eoi(&m, VECTOR);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(m.seen.listen[0], again);
	machine_close(&m);
}

TEST(invariant_11_effects_commute_by_the_newest_wish)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, true, LEVEL);
	struct irqgate_wish first, last;

	/* Whoever carries out the silencing late finds that listening is wanted, and that it is newer. */
	machine_mask(&m);
	assert_int_equal(irqgate_core_wish(m.core, source, &first), 0);
	machine_unmask(&m);
	assert_int_equal(irqgate_core_wish(m.core, source, &last), 0);
	assert_false(first.listen);
	assert_true(last.listen);
	assert_true(last.version > first.version);
	machine_close(&m);
}

TEST(invariant_11_effects_carry_the_routes_they_need)
{
	struct machine m;
	irqgate_source wire;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	wire = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	machine_level(&m, wire, true);
	machine_program(&m, PIN, LEVEL);
	assert_seen(&m, 1, 0, 0);
	assert_int_equal(m.effects.routes_version, machine_routes_version(&m));
	assert_true(m.effects.routes_version > 0);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invariant_1_alternation_one_resample_per_trigger),
		cmocka_unit_test(invariant_1_alternation_resample_of_an_armed_source_is_counted_apart),
		cmocka_unit_test(invariant_2_nothing_unwanted_after_a_device_went_quiet_while_masked),
		cmocka_unit_test(invariant_2_nothing_unwanted_of_a_wire_that_fell_while_masked),
		cmocka_unit_test(invariant_3_nothing_lost_of_a_device_that_still_asserts),
		cmocka_unit_test(invariant_3_nothing_lost_of_a_message_that_no_lapic_took),
		cmocka_unit_test(invariant_4_masked_is_masked),
		cmocka_unit_test(invariant_4_masked_is_masked_in_the_kernel_too),
		cmocka_unit_test(invariant_5_pending_state_is_right_while_held),
		cmocka_unit_test(invariant_6_guest_that_never_unmasks_keeps_the_host_masked),
		cmocka_unit_test(invariant_7_shared_line_resamples_all_its_forwarded_sources),
		cmocka_unit_test(invariant_7_shared_line_is_kept_up_by_a_wire),
		cmocka_unit_test(invariant_7_shared_line_removal_touches_no_other_source),
		cmocka_unit_test(invariant_8_races_registration_on_a_masked_pin_holds),
		cmocka_unit_test(invariant_8_races_removal_during_a_hold),
		cmocka_unit_test(invariant_8_races_unmask_on_another_vcpu_before_the_eoi),
		cmocka_unit_test(invariant_8_races_reset_during_a_hold_is_repaired_by_the_unmask),
		cmocka_unit_test(invariant_8_races_reset_in_service_is_repaired_by_the_unmask),
		cmocka_unit_test(invariant_8_races_every_unmask_out_of_service_resamples),
		cmocka_unit_test(invariant_9_eoi_selects_by_vector),
		cmocka_unit_test(invariant_9_eoi_selects_by_remote_irr),
		cmocka_unit_test(invariant_9_eoi_selects_by_level),
		cmocka_unit_test(invariant_9_eoi_reaches_all_pins_in_service_with_the_vector),
		cmocka_unit_test(invariant_9_eoi_is_idempotent),
		cmocka_unit_test(invariant_10_teardown_leaves_no_effect_that_names_the_source),
		cmocka_unit_test(invariant_11_effects_commute_by_the_newest_wish),
		cmocka_unit_test(invariant_11_effects_carry_the_routes_they_need),
	};

	return cmocka_run_group_tests_name("invariants", tests, NULL, NULL);
}
