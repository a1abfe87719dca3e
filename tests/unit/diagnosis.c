/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What is told of a line: a hold that is too old, a source that does not fit its entry. */
#include <errno.h>

#include "timed.h"

static irqgate_source open_limited(struct machine *m)
{
	irqgate_source source = machine_open_with(m, IRQGATE_POLICY_HOLD, false, LEVEL);

	irqgate_core_limit_holds(m->core, LIMIT);
	set_time(m, 1000);
	return source;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hold_that_is_too_old_is_told_of_once),
		cmocka_unit_test(hold_that_ends_in_time_is_not_told_of),
		cmocka_unit_test(wire_on_a_masked_pin_is_no_hold),
		cmocka_unit_test(source_that_is_disabled_or_removed_ends_its_hold),
		cmocka_unit_test(limit_counts_for_a_hold_that_is_there_already),
		cmocka_unit_test(trigger_before_the_guest_has_ever_unmasked_is_told_of),
		cmocka_unit_test(forwarded_source_on_an_edge_entry_is_told_of),
		cmocka_unit_test(forwarded_source_on_an_edge_input_of_the_pair_is_told_of),
	};

	return cmocka_run_group_tests_name("diagnosis", tests, NULL, NULL);
}
