/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* How a pin of the IOAPIC treats what drives it: edges, wires, remote IRR (82093AA data sheet, 3.2.4). */
#include <errno.h>

#include "machine.h"

/* An opened machine with one source on PIN, and PIN programmed. */
static irqgate_source begin(struct machine *m, enum irqgate_source_kind kind, uint64_t rte)
{
	irqgate_source source;

	machine_open(m, IRQGATE_POLICY_HOLD);
	source = machine_add(m, PIN, kind, false);
	machine_program(m, PIN, rte);
	return source;
}

TEST(edge_is_sent_once_a_pulse_without_remote_irr)
{
	struct machine m;
	irqgate_source source = begin(&m, IRQGATE_SOURCE_EDGE, EDGE);

	for (int i = 0; i < 3; i++) {
		machine_pulse(&m, source);
		assert_seen(&m, 1, 0, 0);
		assert_int_equal(m.seen.message.data, VECTOR);
		assert_false(machine_remote_irr(&m, PIN));
	}
	machine_close(&m);
}

TEST(edge_on_a_masked_pin_is_dropped_for_good)
{
	struct machine m;
	irqgate_source source = begin(&m, IRQGATE_SOURCE_EDGE, EDGE | MASKED);

	machine_pulse(&m, source);
	assert_seen(&m, 0, 0, 0);
	machine_program(&m, PIN, EDGE);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(wire_on_an_edge_pin_sends_when_it_rises_only)
{
	struct machine m;
	irqgate_source wire = begin(&m, IRQGATE_SOURCE_WIRE, EDGE);

	machine_level(&m, wire, true);
	assert_seen(&m, 1, 0, 0);
	machine_level(&m, wire, true);
	assert_seen(&m, 0, 0, 0);
	machine_level(&m, wire, false);
	assert_seen(&m, 0, 0, 0);
	machine_level(&m, wire, true);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

TEST(unmasking_an_edge_pin_makes_no_edge)
{
	struct machine m;
	irqgate_source wire = begin(&m, IRQGATE_SOURCE_WIRE, EDGE | MASKED);

	machine_level(&m, wire, true);
	machine_program(&m, PIN, EDGE);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(wire_sends_once_until_its_eoi)
{
	struct machine m;
	irqgate_source wire = begin(&m, IRQGATE_SOURCE_WIRE, LEVEL);

	machine_level(&m, wire, true);
	assert_seen(&m, 1, 0, 0);
	assert_true(machine_remote_irr(&m, PIN));
	machine_level(&m, wire, false);
	machine_level(&m, wire, true);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(wire_is_looked_at_again_at_eoi)
{
	struct machine m;
	irqgate_source wire = begin(&m, IRQGATE_SOURCE_WIRE, LEVEL);

	machine_level(&m, wire, true);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 1, 0, 0);
	machine_level(&m, wire, false);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 0, 0);
	assert_false(machine_remote_irr(&m, PIN));
	machine_close(&m);
}

TEST(wire_on_a_masked_pin_waits_for_the_unmask)
{
	struct machine m;
	irqgate_source wire = begin(&m, IRQGATE_SOURCE_WIRE, LEVEL | MASKED);

	machine_level(&m, wire, true);
	assert_seen(&m, 0, 0, 0);
	assert_false(machine_remote_irr(&m, PIN));
	machine_unmask(&m);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

TEST(wire_that_fell_while_masked_sends_nothing)
{
	struct machine m;
	irqgate_source wire = begin(&m, IRQGATE_SOURCE_WIRE, LEVEL | MASKED);

	machine_level(&m, wire, true);
	machine_level(&m, wire, false);
	machine_unmask(&m);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(wire_in_service_survives_mask_and_unmask)
{
	struct machine m;
	irqgate_source wire = begin(&m, IRQGATE_SOURCE_WIRE, LEVEL);

	machine_level(&m, wire, true);
	machine_mask(&m);
	assert_true(machine_remote_irr(&m, PIN));
	machine_unmask(&m);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	machine_close(&m);
}

TEST(eoi_with_the_pin_masked_sends_at_the_unmask)
{
	struct machine m;
	irqgate_source wire = begin(&m, IRQGATE_SOURCE_WIRE, LEVEL);

	machine_level(&m, wire, true);
	machine_mask(&m);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 0, 0);
	assert_false(machine_remote_irr(&m, PIN));
	machine_unmask(&m);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

TEST(change_to_edge_clears_remote_irr)
{
	struct machine m;
	irqgate_source wire = begin(&m, IRQGATE_SOURCE_WIRE, LEVEL);

	/* Linux's way to end an interrupt on chips without an EOI register. */
	machine_level(&m, wire, true);
	machine_program(&m, PIN, EDGE | MASKED);
	assert_seen(&m, 0, 0, 0);
	assert_false(machine_remote_irr(&m, PIN));
	machine_program(&m, PIN, LEVEL);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

TEST(change_of_an_edge_pin_to_level_sends_for_an_asserted_wire)
{
	struct machine m;
	irqgate_source wire = begin(&m, IRQGATE_SOURCE_WIRE, EDGE | MASKED);

	machine_level(&m, wire, true);
	machine_program(&m, PIN, EDGE);
	assert_seen(&m, 0, 0, 0);
	machine_program(&m, PIN, LEVEL);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

TEST(polarity_changes_nothing_for_virtual_wires)
{
	struct machine m;
	irqgate_source wire = begin(&m, IRQGATE_SOURCE_WIRE, LEVEL | IG_RTE_POLARITY);

	machine_level(&m, wire, true);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

TEST(pulse_on_a_level_pin_is_one_message)
{
	struct machine m;
	irqgate_source source = begin(&m, IRQGATE_SOURCE_EDGE, LEVEL);

	machine_pulse(&m, source);
	assert_seen(&m, 1, 0, 0);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(message_that_no_lapic_took_clears_remote_irr_and_is_retried)
{
	struct machine m;
	irqgate_source wire = begin(&m, IRQGATE_SOURCE_WIRE, LEVEL);

	machine_level(&m, wire, true);
	assert_true(irqgate_core_send_failed(m.core, m.seen.pin, m.seen.ticket));
	assert_int_equal(machine_read(&m, rte_low(PIN)), LEVEL | IG_RTE_DELIVERY_STATUS);
	machine_retry(&m);
	assert_seen(&m, 1, 0, 0);
	assert_int_equal(machine_read(&m, rte_low(PIN)), LEVEL | IG_RTE_REMOTE_IRR);
	machine_retry(&m);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(retry_of_a_wire_that_fell_sends_nothing)
{
	struct machine m;
	irqgate_source wire = begin(&m, IRQGATE_SOURCE_WIRE, LEVEL);

	machine_level(&m, wire, true);
	assert_true(irqgate_core_send_failed(m.core, m.seen.pin, m.seen.ticket));
	machine_level(&m, wire, false);
	machine_retry(&m);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(failure_of_a_message_that_is_history_changes_nothing)
{
	struct machine m;
	irqgate_source wire = begin(&m, IRQGATE_SOURCE_WIRE, LEVEL);
	uint32_t old;

	machine_level(&m, wire, true);
	old = m.seen.ticket;
	assert_int_equal(machine_eoi(&m, VECTOR), 1); /* sends the next message */
	assert_false(irqgate_core_send_failed(m.core, PIN, old));
	assert_true(machine_remote_irr(&m, PIN));
	assert_false(irqgate_core_send_failed(m.core, PINS, 0)); /* no such pin */
	machine_close(&m);
}

TEST(eoi_register_ends_an_interrupt_as_the_lapic_does)
{
	struct machine m;
	irqgate_source wire = begin(&m, IRQGATE_SOURCE_WIRE, LEVEL);

	machine_level(&m, wire, true);
	assert_int_equal(machine_ioapic_eoi(&m, OTHER_VECTOR), 0);
	assert_int_equal(machine_ioapic_eoi(&m, VECTOR), 1);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

TEST(line_stats_count_messages_and_eois)
{
	struct machine m;
	irqgate_source wire = begin(&m, IRQGATE_SOURCE_WIRE, LEVEL);
	struct irqgate_line_stats stats;

	machine_level(&m, wire, true);
	machine_eoi(&m, VECTOR);
	machine_eoi(&m, OTHER_VECTOR);
	assert_int_equal(irqgate_core_line_stats(m.core, PIN, &stats), 0);
	assert_int_equal(stats.sends, 2);
	assert_int_equal(stats.eois, 1);
	assert_int_equal(irqgate_core_line_stats(m.core, PINS, &stats), -EINVAL);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edge_is_sent_once_a_pulse_without_remote_irr),
		cmocka_unit_test(edge_on_a_masked_pin_is_dropped_for_good),
		cmocka_unit_test(wire_on_an_edge_pin_sends_when_it_rises_only),
		cmocka_unit_test(unmasking_an_edge_pin_makes_no_edge),
		cmocka_unit_test(wire_sends_once_until_its_eoi),
		cmocka_unit_test(wire_is_looked_at_again_at_eoi),
		cmocka_unit_test(wire_on_a_masked_pin_waits_for_the_unmask),
		cmocka_unit_test(wire_that_fell_while_masked_sends_nothing),
		cmocka_unit_test(wire_in_service_survives_mask_and_unmask),
		cmocka_unit_test(eoi_with_the_pin_masked_sends_at_the_unmask),
		cmocka_unit_test(change_to_edge_clears_remote_irr),
		cmocka_unit_test(change_of_an_edge_pin_to_level_sends_for_an_asserted_wire),
		cmocka_unit_test(polarity_changes_nothing_for_virtual_wires),
		cmocka_unit_test(pulse_on_a_level_pin_is_one_message),
		cmocka_unit_test(message_that_no_lapic_took_clears_remote_irr_and_is_retried),
		cmocka_unit_test(retry_of_a_wire_that_fell_sends_nothing),
		cmocka_unit_test(failure_of_a_message_that_is_history_changes_nothing),
		cmocka_unit_test(eoi_register_ends_an_interrupt_as_the_lapic_does),
		cmocka_unit_test(line_stats_count_messages_and_eois),
	};

	return cmocka_run_group_tests_name("pins", tests, NULL, NULL);
}
