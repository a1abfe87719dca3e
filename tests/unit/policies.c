/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The two policies that are there to be compared with: what they do too much, they must do too much here. */
#include "machine.h"

TEST(eoi_gives_two_interrupts_for_a_oneshot_event)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_EOI, false, LEVEL);

	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	machine_mask(&m);
	machine_eoi(&m, VECTOR);
	assert_seen(&m, 0, 1, 0); /* too early: the device still asserts, */
	machine_trigger(&m, source);
	assert_seen(&m, 0, 0, 0); /* so it triggers again, */
	machine_unmask(&m);
	assert_seen(&m, 1, 0, 0); /* and what is long quiet by now is delivered. */
	assert_int_equal(machine_stats(&m, source).holds, 0);
	machine_close(&m);
}

TEST(eoi_gives_one_interrupt_for_a_plain_event)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_EOI, false, LEVEL);

	machine_trigger(&m, source);
	machine_eoi(&m, VECTOR);
	assert_seen(&m, 0, 1, 0);
	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

TEST(eoi_does_not_resample_at_an_unmask)
{
	struct machine m;

	machine_open_with(&m, IRQGATE_POLICY_EOI, false, LEVEL | MASKED);
	machine_unmask(&m);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(unmask_resample_gives_two_triggers_and_one_interrupt_for_a_oneshot_event)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_UNMASK_RESAMPLE, false, LEVEL);
	struct irqgate_line_stats line;

	machine_trigger(&m, source);
	machine_mask(&m);
	machine_eoi(&m, VECTOR);
	assert_seen(&m, 0, 1, 0);
	machine_trigger(&m, source);
	assert_seen(&m, 0, 0, 0);
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(irqgate_core_line_stats(m.core, PIN, &line), 0);
	assert_int_equal(line.sends, 1);
	assert_int_equal(machine_stats(&m, source).triggers, 2);
	machine_close(&m);
}

TEST(unmask_resample_leaves_a_line_alone_that_is_not_pending)
{
	struct machine m;

	machine_open_with(&m, IRQGATE_POLICY_UNMASK_RESAMPLE, false, LEVEL | MASKED);
	machine_unmask(&m);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(unmask_resample_delivers_a_wire_that_asserts)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_UNMASK_RESAMPLE, false, LEVEL | MASKED);
	irqgate_source wire = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);

	/* Clearing the pending bit for the forwarded source must not lose the wire's interrupt. */
	machine_trigger(&m, source);
	machine_level(&m, wire, true);
	machine_unmask(&m);
	assert_seen(&m, 1, 1, 0);
	machine_close(&m);
}

TEST(other_policies_never_take_the_direct_path)
{
	static const enum irqgate_policy policies[] = { IRQGATE_POLICY_EOI, IRQGATE_POLICY_UNMASK_RESAMPLE };

	for (size_t i = 0; i < 2; i++) {
		struct machine m;
		irqgate_source source = machine_open_with(&m, policies[i], true, LEVEL);

		assert_false(irqgate_core_bound(m.core, source));
		machine_trigger(&m, source);
		assert_seen(&m, 1, 0, 0);
		machine_close(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eoi_gives_two_interrupts_for_a_oneshot_event),
		cmocka_unit_test(eoi_gives_one_interrupt_for_a_plain_event),
		cmocka_unit_test(eoi_does_not_resample_at_an_unmask),
		cmocka_unit_test(unmask_resample_gives_two_triggers_and_one_interrupt_for_a_oneshot_event),
		cmocka_unit_test(unmask_resample_leaves_a_line_alone_that_is_not_pending),
		cmocka_unit_test(unmask_resample_delivers_a_wire_that_asserts),
		cmocka_unit_test(other_policies_never_take_the_direct_path),
	};

	return cmocka_run_group_tests_name("policies", tests, NULL, NULL);
}
