/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The direct path: the kernel takes the trigger and sends the message by itself, so between a resample and
 * the next EOI the core does not know whether the source is armed or asserted ("unknown").
 */
#include "machine.h"

/* An unmasked line in the unknown state. */
static irqgate_source begin(struct machine *m)
{
	return machine_open_with(m, IRQGATE_POLICY_HOLD, true, LEVEL);
}

TEST(trigger_is_bound_only_after_the_first_unmask)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, true, LEVEL | MASKED);

	/* A trigger bound to a masked pin's route would be sent all the same. */
	assert_seen(&m, 0, 0, 0);
	assert_false(irqgate_core_bound(m.core, source));
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	assert_true(irqgate_core_bound(m.core, source));
	machine_close(&m);
}

TEST(source_added_to_an_unmasked_pin_is_bound_and_resampled)
{
	struct machine m;
	irqgate_source source;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_program(&m, PIN, LEVEL);
	source = machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, true);
	assert_seen(&m, 0, 1, 0);
	assert_true(irqgate_core_bound(m.core, source));
	machine_close(&m);
}

TEST(mask_while_unknown_silences)
{
	struct machine m;
	irqgate_source source = begin(&m);

	machine_mask(&m);
	assert_seen(&m, 0, 0, 1);
	assert_int_equal(m.seen.silence[0], source);
	assert_true(irqgate_core_bound(m.core, source)); /* lazy masking: the binding stays */
	assert_int_equal(machine_stats(&m, source).silences, 1);
	machine_close(&m);
}

TEST(eoi_unmasked_resamples)
{
	struct machine m;

	begin(&m);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(eoi_while_masked_holds)
{
	struct machine m;
	irqgate_source source = begin(&m);

	machine_mask(&m);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 0, 0);
	assert_true(irqgate_core_line_level(m.core, PIN)); /* the EOI showed that there was a trigger */
	assert_int_equal(machine_stats(&m, source).holds, 1);
	assert_false(machine_asks(&m, PIN, LEVEL)); /* and so nothing is unknown any more */
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(machine_stats(&m, source).resamples, 1);
	machine_close(&m);
}

TEST(mask_of_a_held_line_silences_no_more)
{
	struct machine m;

	begin(&m);
	machine_mask(&m);
	machine_eoi(&m, VECTOR);
	machine_mask(&m);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(unmask_while_unknown_asks_the_lapic)
{
	struct machine m;

	begin(&m);
	assert_false(machine_asks(&m, PIN, LEVEL | MASKED)); /* a mask needs no answer */
	assert_false(machine_asks(&m, PIN, LEVEL));          /* nor does a write that changes nothing */
	machine_mask(&m);
	assert_true(machine_asks(&m, PIN, LEVEL));
	assert_false(machine_asks(&m, OTHER_PIN, LEVEL));
	machine_close(&m);
}

TEST(question_names_the_gsi_and_the_vector)
{
	struct irqgate_access read = { .offset = IG_IOAPIC_IOWIN, .bytes = 4 };
	struct machine m;
	struct irqgate_message asked[2];
	uint32_t count;

	begin(&m);
	machine_read(&m, rte_low(PIN));
	assert_int_equal(irqgate_core_asks_lapic(m.core, &read, asked, &count), PIN);
	assert_int_equal(count, 1);
	assert_int_equal(asked[0].data & 0xff, VECTOR);
	machine_close(&m);
}

TEST(question_names_both_vectors_after_a_rewrite)
{
	struct irqgate_access read = { .offset = IG_IOAPIC_IOWIN, .bytes = 4 };
	struct machine m;
	struct irqgate_message asked[2];
	uint32_t count;

	begin(&m);
	machine_write(&m, rte_low(PIN), IG_RTE_LEVEL | OTHER_VECTOR);
	assert_int_equal(irqgate_core_asks_lapic(m.core, &read, asked, &count), PIN);
	assert_int_equal(count, 2);
	assert_int_equal(asked[0].data & 0xff, OTHER_VECTOR);
	assert_int_equal(asked[1].data & 0xff, VECTOR);
	machine_close(&m);
}

TEST(unmask_with_the_vector_in_a_lapic_waits_for_the_eoi)
{
	struct machine m;

	begin(&m);
	machine_mask(&m);
	machine_unmask_answered(&m, VECTOR);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(unmask_with_idle_lapics_resamples)
{
	struct machine m;

	begin(&m);
	machine_mask(&m);
	machine_unmask_answered(&m, IRQGATE_LAPIC_IDLE);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(unmask_without_an_answer_resamples)
{
	struct machine m;

	/* At worst one interrupt too many; waiting could lose one. */
	begin(&m);
	machine_mask(&m);
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(remote_irr_is_answered_by_the_lapic)
{
	struct machine m;

	begin(&m);
	assert_true(machine_read_answered(&m, rte_low(PIN), IRQGATE_LAPIC_NOT_ASKED) & IG_RTE_REMOTE_IRR);
	assert_false(machine_read_answered(&m, rte_low(PIN), IRQGATE_LAPIC_IDLE) & IG_RTE_REMOTE_IRR);
	assert_true(machine_read_answered(&m, rte_low(PIN), VECTOR) & IG_RTE_REMOTE_IRR);
	assert_false(machine_asks(&m, PIN, LEVEL)); /* settled until the EOI */
	machine_close(&m);
}

/*
 * What the LAPIC holds may be older than the last resample, or another pin's with the same vector: then the
 * device is armed, and a trigger of it would go through the kernel to the masked pin. Silencing a silent one
 * costs nothing.
 */
TEST(mask_silences_though_a_lapic_holds_the_vector)
{
	struct machine m;

	begin(&m);
	machine_read_answered(&m, rte_low(PIN), VECTOR);
	machine_mask(&m);
	assert_seen(&m, 0, 0, 1);
	machine_eoi(&m, VECTOR);
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(reset_silences_though_a_lapic_holds_the_vector)
{
	struct machine m;

	begin(&m);
	machine_read_answered(&m, rte_low(PIN), VECTOR);
	machine_reset(&m);
	assert_seen(&m, 0, 0, 1);
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(eoi_register_acks_no_pin_whose_message_is_unknown)
{
	struct machine m;

	/* With interrupt remapping it comes beside the LAPIC's EOI: the second must not ack the next interrupt. */
	begin(&m);
	assert_int_equal(machine_ioapic_eoi(&m, VECTOR), 0);
	assert_seen(&m, 0, 0, 0);
	machine_read_answered(&m, rte_low(PIN), VECTOR);
	assert_int_equal(machine_ioapic_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(eoi_register_acks_what_may_be_in_service_where_the_broadcast_may_be_suppressed)
{
	const struct irqgate_core_config config = {
		.size = sizeof(config), .policy = IRQGATE_POLICY_HOLD, .sources = SOURCES, .chips = 1,
		.chip = { { .pins = PINS } }, .directed_eoi = true,
	};
	struct machine m;

	/* No other EOI comes: a pin that waited for one would wait for ever. */
	machine_open_config(&m, &config);
	machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, true);
	machine_program(&m, PIN, LEVEL);
	assert_int_equal(machine_ioapic_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 1, 0);
	machine_mask(&m);
	assert_int_equal(machine_ioapic_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 0, 0); /* held */
	assert_int_equal(machine_ioapic_eoi(&m, VECTOR), 0);
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(epoch_counts_what_makes_an_answer_of_the_lapics_old)
{
	struct machine m;
	uint64_t epoch;

	begin(&m);
	epoch = irqgate_core_epoch(m.core, PIN);
	machine_mask(&m);
	machine_read(&m, rte_low(PIN));
	assert_int_equal(irqgate_core_epoch(m.core, PIN), epoch);
	machine_eoi(&m, VECTOR);
	assert_true(irqgate_core_epoch(m.core, PIN) > epoch);
	epoch = irqgate_core_epoch(m.core, PIN);
	machine_unmask(&m);
	assert_true(irqgate_core_epoch(m.core, PIN) > epoch);
	assert_int_equal(irqgate_core_epoch(m.core, PINS), 0); /* no such GSI */
	machine_close(&m);
}

TEST(answer_that_names_no_vector_of_the_pin_is_ignored)
{
	struct machine m;

	begin(&m);
	machine_mask(&m);
	machine_unmask_answered(&m, OTHER_VECTOR);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(wish_names_the_routes_that_it_needs)
{
	struct machine m;
	struct irqgate_wish wish;
	irqgate_source source = begin(&m);

	/* A device that is listened to before its trigger is bound would signal past the kernel. */
	assert_int_equal(irqgate_core_wish(m.core, source, &wish), 0);
	assert_true(wish.listen);
	assert_int_equal(wish.routes_version, machine_routes_version(&m));
	machine_close(&m);
}

TEST(trigger_that_slipped_into_the_eventfd_is_resampled_not_delivered)
{
	struct machine m;
	irqgate_source source = begin(&m);

	machine_trigger(&m, source);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(trigger_on_a_masked_line_is_held)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, true, LEVEL | MASKED);

	machine_trigger(&m, source);
	assert_seen(&m, 0, 0, 0);
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

/* It is not bound yet, so its trigger comes here; answering at once would go round without an end until the EOI. */
TEST(source_that_joins_in_service_waits_for_the_eoi)
{
	struct machine m;
	irqgate_source wire, source;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	wire = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	machine_program(&m, PIN, LEVEL);
	machine_level(&m, wire, true);
	machine_remove(&m, wire);
	source = machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, true);
	assert_seen(&m, 0, 0, 0);
	machine_trigger(&m, source);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(second_source_leaves_the_direct_path)
{
	struct machine m;
	irqgate_source source = begin(&m), second = machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, true);

	assert_false(irqgate_core_bound(m.core, source));
	assert_false(irqgate_core_bound(m.core, second));
	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

TEST(eoi_of_a_message_sent_before_the_path_changed_resamples_all)
{
	struct machine m;

	/* The kernel had sent it: the core is told by the EOI only. */
	begin(&m);
	machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, false);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 2, 0);
	machine_close(&m);
}

TEST(edge_entry_leaves_the_direct_path)
{
	struct machine m;
	irqgate_source source = begin(&m);

	machine_write(&m, rte_low(PIN), EDGE);
	assert_false(irqgate_core_bound(m.core, source));
	assert_seen(&m, 0, 1, 0); /* the change of trigger mode counts as the EOI */
	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

TEST(masked_edge_entry_stays_on_the_direct_path)
{
	struct machine m;
	irqgate_source source = begin(&m);

	/* Linux's way to EOI without an EOI register goes through it. */
	machine_write(&m, rte_low(PIN), EDGE | MASKED);
	assert_seen(&m, 0, 0, 1);
	assert_true(irqgate_core_bound(m.core, source));
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(refused_source_takes_the_userspace_path)
{
	struct machine m;
	irqgate_source source = begin(&m);

	assert_int_equal(irqgate_core_refuse_direct(m.core, source, &m.effects), 0);
	assert_false(irqgate_core_bound(m.core, source));
	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

TEST(rewrite_while_unknown_resamples_unless_the_lapic_tells)
{
	struct machine m;

	begin(&m);
	machine_write_answered(&m, rte_low(PIN), IG_RTE_LEVEL | OTHER_VECTOR, IRQGATE_LAPIC_NOT_ASKED);
	assert_seen(&m, 0, 1, 0);
	machine_write_answered(&m, rte_low(PIN), LEVEL, OTHER_VECTOR);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(machine_eoi(&m, OTHER_VECTOR), 1);
	machine_close(&m);
}

/* What is armed need not be resampled; and a resample that is carried out late makes it trigger twice. */
TEST(rewrite_while_unknown_with_idle_lapics_resamples_nothing)
{
	struct machine m;
	struct irqgate_message route;

	begin(&m);
	machine_write_answered(&m, rte_low(PIN), IG_RTE_LEVEL | OTHER_VECTOR, IRQGATE_LAPIC_IDLE);
	assert_seen(&m, 0, 0, 0);
	assert_true(machine_route(&m, PIN + PINS, &route)); /* it may have been sent since */
	assert_int_equal(route.data & IG_RTE_VECTOR, VECTOR);
	machine_close(&m);
}

/* Moved to another processor and back again, with one vector: the one that holds it is told by its destination. */
TEST(move_while_in_service_elsewhere_keeps_that_route)
{
	const uint32_t to_other = 1U << (IG_RTE_DEST_SHIFT - 32);
	struct irqgate_message served, route;
	struct machine m;

	begin(&m);
	machine_write_answered(&m, rte_high(PIN), to_other, IRQGATE_LAPIC_IDLE);
	assert_true(machine_route(&m, PIN, &served));
	machine_write_answered(&m, rte_high(PIN), 0, irqgate_core_lapic_holds(&served));
	assert_seen(&m, 0, 0, 0);
	assert_true(machine_route(&m, PIN + PINS, &route));
	assert_int_equal(route.address, served.address);
	machine_close(&m);
}

TEST(disabled_source_is_not_resampled_by_unmask_or_eoi)
{
	struct machine m;
	irqgate_source source = begin(&m);

	machine_enable(&m, source, false);
	assert_seen(&m, 0, 0, 1);
	machine_mask(&m);
	machine_unmask(&m);
	assert_seen(&m, 0, 0, 0);
	machine_eoi(&m, VECTOR);
	assert_seen(&m, 0, 0, 0);
	machine_enable(&m, source, true);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trigger_is_bound_only_after_the_first_unmask),
		cmocka_unit_test(source_added_to_an_unmasked_pin_is_bound_and_resampled),
		cmocka_unit_test(mask_while_unknown_silences),
		cmocka_unit_test(eoi_unmasked_resamples),
		cmocka_unit_test(eoi_while_masked_holds),
		cmocka_unit_test(mask_of_a_held_line_silences_no_more),
		cmocka_unit_test(unmask_while_unknown_asks_the_lapic),
		cmocka_unit_test(question_names_the_gsi_and_the_vector),
		cmocka_unit_test(question_names_both_vectors_after_a_rewrite),
		cmocka_unit_test(unmask_with_the_vector_in_a_lapic_waits_for_the_eoi),
		cmocka_unit_test(unmask_with_idle_lapics_resamples),
		cmocka_unit_test(unmask_without_an_answer_resamples),
		cmocka_unit_test(remote_irr_is_answered_by_the_lapic),
		cmocka_unit_test(mask_silences_though_a_lapic_holds_the_vector),
		cmocka_unit_test(reset_silences_though_a_lapic_holds_the_vector),
		cmocka_unit_test(eoi_register_acks_no_pin_whose_message_is_unknown),
		cmocka_unit_test(eoi_register_acks_what_may_be_in_service_where_the_broadcast_may_be_suppressed),
		cmocka_unit_test(epoch_counts_what_makes_an_answer_of_the_lapics_old),
		cmocka_unit_test(answer_that_names_no_vector_of_the_pin_is_ignored),
		cmocka_unit_test(wish_names_the_routes_that_it_needs),
		cmocka_unit_test(trigger_that_slipped_into_the_eventfd_is_resampled_not_delivered),
		cmocka_unit_test(trigger_on_a_masked_line_is_held),
		cmocka_unit_test(source_that_joins_in_service_waits_for_the_eoi),
		cmocka_unit_test(second_source_leaves_the_direct_path),
		cmocka_unit_test(eoi_of_a_message_sent_before_the_path_changed_resamples_all),
		cmocka_unit_test(edge_entry_leaves_the_direct_path),
		cmocka_unit_test(masked_edge_entry_stays_on_the_direct_path),
		cmocka_unit_test(refused_source_takes_the_userspace_path),
		cmocka_unit_test(rewrite_while_unknown_resamples_unless_the_lapic_tells),
		cmocka_unit_test(rewrite_while_unknown_with_idle_lapics_resamples_nothing),
		cmocka_unit_test(move_while_in_service_elsewhere_keeps_that_route),
		cmocka_unit_test(disabled_source_is_not_resampled_by_unmask_or_eoi),
	};

	return cmocka_run_group_tests_name("direct", tests, NULL, NULL);
}
