/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The gate with the policy hold, transition by transition: armed, asserted, held. The source takes the
 * userspace path here, so the core sees every trigger.
 */
#include "machine.h"

static irqgate_source begin(struct machine *m, uint64_t rte)
{
	return machine_open_with(m, IRQGATE_POLICY_HOLD, false, rte);
}

/* The source is held: it has triggered, the guest sent EOI with the pin masked. */
static irqgate_source begin_held(struct machine *m)
{
	irqgate_source source = begin(m, LEVEL);

	machine_trigger(m, source);
	machine_mask(m);
	assert_int_equal(machine_eoi(m, VECTOR), 1);
	return source;
}

TEST(armed_trigger_unmasked_delivers)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);

	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	assert_int_equal(m.seen.pin, PIN);
	assert_int_equal(m.seen.message.address, 0xfee00000);
	assert_int_equal(m.seen.message.data, 0xc000 | VECTOR);
	assert_int_equal(irqgate_core_source_level(m.core, source), 1);
	machine_close(&m);
}

/* It triggers before the resample of an armed source has been carried out: that would make it trigger twice. */
TEST(armed_trigger_answers_the_wish_to_listen)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);
	struct irqgate_wish wish;

	assert_int_equal(irqgate_core_wish(m.core, source, &wish), 0);
	assert_true(wish.listen && !wish.answered);
	machine_trigger(&m, source);
	assert_int_equal(irqgate_core_wish(m.core, source, &wish), 0);
	assert_true(wish.answered);
	machine_eoi(&m, VECTOR);
	assert_int_equal(irqgate_core_wish(m.core, source, &wish), 0);
	assert_true(wish.listen && !wish.answered);
	machine_close(&m);
}

TEST(armed_trigger_masked_is_held)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL | MASKED);

	machine_trigger(&m, source);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(irqgate_core_source_level(m.core, source), 1);
	assert_int_equal(machine_stats(&m, source).holds, 1);
	machine_close(&m);
}

TEST(asserted_but_not_sent_is_held_by_a_mask)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);

	/* No LAPIC took the message, so nothing is in service. */
	machine_trigger(&m, source);
	assert_true(irqgate_core_send_failed(m.core, m.seen.pin, m.seen.ticket));
	machine_mask(&m);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(irqgate_core_source_level(m.core, source), 1);
	machine_retry(&m);
	assert_seen(&m, 0, 0, 0);
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(asserted_eoi_unmasked_drops_the_level_then_resamples)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);

	machine_trigger(&m, source);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(m.seen.listen[0], source);
	assert_int_equal(irqgate_core_source_level(m.core, source), 0);
	assert_int_equal(machine_stats(&m, source).resamples, 1);
	machine_close(&m);
}

TEST(asserted_eoi_masked_is_held_and_keeps_the_level)
{
	struct machine m;
	irqgate_source source = begin_held(&m);

	assert_seen(&m, 0, 0, 0);
	assert_int_equal(irqgate_core_source_level(m.core, source), 1);
	assert_true(irqgate_core_line_level(m.core, PIN));
	assert_int_equal(machine_stats(&m, source).holds, 1);
	machine_close(&m);
}

TEST(held_unmask_drops_the_level_then_resamples)
{
	struct machine m;
	irqgate_source source = begin_held(&m);

	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(m.seen.listen[0], source);
	assert_int_equal(irqgate_core_source_level(m.core, source), 0);
	machine_close(&m);
}

TEST(held_unmask_delivers_what_a_wire_still_asserts)
{
	struct machine m;
	irqgate_source source = begin_held(&m);
	irqgate_source wire = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);

	machine_level(&m, wire, true);
	machine_unmask(&m);
	assert_seen(&m, 1, 1, 0);
	assert_int_equal(m.seen.listen[0], source);
	machine_close(&m);
}

TEST(mask_and_unmask_in_service_change_nothing)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);

	machine_trigger(&m, source);
	machine_mask(&m);
	assert_seen(&m, 0, 0, 0);
	machine_unmask(&m);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(irqgate_core_source_level(m.core, source), 1);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(held_trigger_is_absorbed)
{
	struct machine m;
	irqgate_source source = begin_held(&m);

	machine_trigger(&m, source);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(machine_stats(&m, source).absorbed, 1);
	machine_close(&m);
}

TEST(trigger_read_before_the_unmask_is_resampled_not_delivered)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL | MASKED);

	/* It lay unread in its eventfd: the adapter hands it in before the write that unmasks. */
	machine_trigger(&m, source);
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	assert_false(machine_remote_irr(&m, PIN));
	machine_close(&m);
}

TEST(resampled_device_that_still_asserts_is_delivered_again)
{
	struct machine m;
	irqgate_source source = begin_held(&m);

	machine_unmask(&m);
	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

TEST(change_to_edge_with_the_mask_holds_as_an_eoi_does)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);

	machine_trigger(&m, source);
	machine_program(&m, PIN, EDGE | MASKED);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(machine_stats(&m, source).holds, 1);
	machine_program(&m, PIN, LEVEL | MASKED);
	assert_seen(&m, 0, 0, 0);
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(change_to_edge_without_the_mask_resamples_as_an_eoi_does)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);

	machine_trigger(&m, source);
	machine_write(&m, rte_low(PIN), EDGE);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(irqgate_core_source_level(m.core, source), 0);
	machine_close(&m);
}

TEST(oneshot_event_is_one_message_and_one_resample)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);
	struct irqgate_line_stats line;

	for (int i = 0; i < 3; i++) {
		machine_trigger(&m, source);
		machine_mask(&m);
		machine_eoi(&m, VECTOR);
		machine_unmask(&m);
	}
	assert_int_equal(irqgate_core_line_stats(m.core, PIN, &line), 0);
	assert_int_equal(line.sends, 3);
	assert_int_equal(machine_stats(&m, source).triggers, 3);
	assert_int_equal(machine_stats(&m, source).resamples, 3);
	assert_int_equal(machine_stats(&m, source).holds, 3);
	machine_close(&m);
}

TEST(disabled_source_drops_its_level_and_is_silenced)
{
	struct machine m;
	irqgate_source source = begin_held(&m);

	machine_enable(&m, source, false);
	assert_seen(&m, 0, 0, 1);
	assert_false(irqgate_core_line_level(m.core, PIN));
	machine_unmask(&m);
	assert_seen(&m, 0, 0, 0);
	machine_trigger(&m, source);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(enabled_again_source_is_resampled)
{
	struct machine m;
	irqgate_source source = begin(&m, LEVEL);

	machine_enable(&m, source, false);
	assert_false(irqgate_core_enabled(m.core, source));
	machine_enable(&m, source, true);
	assert_seen(&m, 0, 1, 0);
	assert_true(irqgate_core_enabled(m.core, source));
	machine_enable(&m, source, true); /* no change */
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(armed_trigger_unmasked_delivers),
		cmocka_unit_test(armed_trigger_answers_the_wish_to_listen),
		cmocka_unit_test(armed_trigger_masked_is_held),
		cmocka_unit_test(asserted_but_not_sent_is_held_by_a_mask),
		cmocka_unit_test(asserted_eoi_unmasked_drops_the_level_then_resamples),
		cmocka_unit_test(asserted_eoi_masked_is_held_and_keeps_the_level),
		cmocka_unit_test(held_unmask_drops_the_level_then_resamples),
		cmocka_unit_test(held_unmask_delivers_what_a_wire_still_asserts),
		cmocka_unit_test(mask_and_unmask_in_service_change_nothing),
		cmocka_unit_test(held_trigger_is_absorbed),
		cmocka_unit_test(trigger_read_before_the_unmask_is_resampled_not_delivered),
		cmocka_unit_test(resampled_device_that_still_asserts_is_delivered_again),
		cmocka_unit_test(change_to_edge_with_the_mask_holds_as_an_eoi_does),
		cmocka_unit_test(change_to_edge_without_the_mask_resamples_as_an_eoi_does),
		cmocka_unit_test(oneshot_event_is_one_message_and_one_resample),
		cmocka_unit_test(disabled_source_drops_its_level_and_is_silenced),
		cmocka_unit_test(enabled_again_source_is_resampled),
	};

	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
