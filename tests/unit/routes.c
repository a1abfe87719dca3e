/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The table of GSI routes: what KVM computes the EOI exits from, so none may go while it is in service. */
#include "machine.h"

#include "route/route.h"

#define OTHER_LEVEL (IG_RTE_LEVEL | OTHER_VECTOR)
#define THIRD_LEVEL (IG_RTE_LEVEL | 0x61)

static void assert_route(const struct machine *m, uint32_t gsi, uint32_t vector)
{
	struct irqgate_message message;

	assert_true(machine_route(m, gsi, &message));
	assert_int_equal(message.data & IG_RTE_VECTOR, vector);
}

static void assert_no_route(const struct machine *m, uint32_t gsi)
{
	struct irqgate_message message;

	assert_false(machine_route(m, gsi, &message));
}

TEST(masked_pin_has_no_route_until_its_first_unmask)
{
	struct machine m;

	machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL | MASKED);
	assert_no_route(&m, PIN);
	machine_unmask(&m);
	assert_route(&m, PIN, VECTOR);
	machine_close(&m);
}

TEST(route_is_the_message_of_the_entry)
{
	struct machine m;
	struct irqgate_message message;

	machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL | UINT64_C(7) << IG_RTE_DEST_SHIFT);
	assert_true(machine_route(&m, PIN, &message));
	assert_int_equal(message.address, 0xfee07000);
	assert_int_equal(message.data, 0xc000 | VECTOR);
	machine_close(&m);
}

TEST(masking_keeps_the_route)
{
	struct machine m;

	machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);
	machine_mask(&m);
	assert_route(&m, PIN, VECTOR);
	machine_close(&m);
}

TEST(edge_entries_need_no_route)
{
	struct machine m;

	machine_open_with(&m, IRQGATE_POLICY_HOLD, false, EDGE);
	assert_no_route(&m, PIN);
	machine_close(&m);
}

TEST(rewrite_in_service_keeps_the_old_route_in_the_upper_half)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);

	machine_trigger(&m, source);
	machine_program(&m, PIN, OTHER_LEVEL);
	assert_route(&m, PIN, OTHER_VECTOR);
	assert_route(&m, PINS + PIN, VECTOR);
	assert_int_equal(machine_eoi(&m, OTHER_VECTOR), 0); /* not what is in service */
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(second_rewrite_in_service_still_keeps_the_route_in_service)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);

	machine_trigger(&m, source);
	machine_program(&m, PIN, OTHER_LEVEL);
	machine_program(&m, PIN, THIRD_LEVEL);
	assert_route(&m, PIN, 0x61);
	assert_route(&m, PINS + PIN, VECTOR);
	machine_close(&m);
}

TEST(new_destination_in_service_keeps_the_old_one)
{
	struct machine m;
	struct irqgate_message message;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);

	machine_trigger(&m, source);
	machine_write(&m, rte_high(PIN), 0x03000000);
	assert_true(machine_route(&m, PIN, &message));
	assert_int_equal(message.address, 0xfee03000);
	assert_true(machine_route(&m, PINS + PIN, &message));
	assert_int_equal(message.address, 0xfee00000);
	machine_close(&m);
}

/* A destination, then a vector: between the two the entry has a message with the old vector that was never sent. */
TEST(message_in_service_is_kept_not_one_with_its_vector)
{
	struct machine m;
	struct irqgate_message message;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);

	machine_trigger(&m, source);
	machine_write(&m, rte_high(PIN), 0x03000000);
	machine_write(&m, rte_low(PIN), IG_RTE_LEVEL | OTHER_VECTOR);
	assert_true(machine_route(&m, PINS + PIN, &message));
	assert_int_equal(message.address, 0xfee00000);
	assert_int_equal(message.data & 0xff, VECTOR);
	machine_close(&m);
}

/* Else a vector that the guest gives to another device later would ack this pin. */
TEST(route_of_an_event_that_is_over_acks_nothing)
{
	struct machine m;

	machine_open_with(&m, IRQGATE_POLICY_HOLD, true, LEVEL);
	machine_program(&m, PIN, OTHER_LEVEL);
	assert_int_equal(machine_eoi(&m, OTHER_VECTOR), 1);
	assert_int_equal(machine_eoi(&m, OTHER_VECTOR), 1);
	assert_int_equal(machine_eoi(&m, VECTOR), 0);
	machine_close(&m);
}

/*
 * Two processors: the EOI may be of an older message, and KVM may have sent the one before the rewrite since,
 * as its table is not changed yet.
 */
TEST(route_before_a_new_destination_stays_until_the_second_eoi)
{
	struct machine m;
	struct irqgate_message message;

	machine_open_with(&m, IRQGATE_POLICY_HOLD, true, LEVEL);
	machine_write(&m, rte_high(PIN), 0x03000000);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_true(machine_route(&m, PINS + PIN, &message));
	assert_int_equal(message.address, 0xfee00000);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_no_route(&m, PINS + PIN);
	machine_close(&m);
}

/* The same with vectors: the EOI is of the first message; KVM sends the second by its old table, which is heard. */
TEST(route_of_another_vector_stays_when_an_older_message_has_its_eoi)
{
	struct machine m;

	machine_open_with(&m, IRQGATE_POLICY_HOLD, true, LEVEL);
	machine_program(&m, PIN, OTHER_LEVEL);
	machine_program(&m, PIN, LEVEL);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_route(&m, PINS + PIN, OTHER_VECTOR);
	assert_int_equal(machine_eoi(&m, OTHER_VECTOR), 1);
	machine_close(&m);
}

/* The same while a LAPIC is known to hold the first message, which becomes the entry's again. */
TEST(route_between_two_rewrites_stays_when_the_first_message_is_back)
{
	struct ig_route route = { .current = { .address = 0xfee00000, .data = VECTOR } };
	const struct irqgate_message first = route.current, second = { .address = 0xfee03000, .data = VECTOR };

	ig_route_set(&route, &second, true, NULL);
	ig_route_set(&route, &first, true, &first);
	assert_true(ig_route_same(&route.current, &first));
	assert_true(ig_route_same(&route.previous, &second));
}

/* Another processor's thread may not have silenced the source yet. */
TEST(rewrite_after_a_hold_keeps_the_route_while_kvm_has_the_trigger)
{
	struct machine m;

	machine_open_with(&m, IRQGATE_POLICY_HOLD, true, LEVEL);
	machine_mask(&m);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	machine_program(&m, PIN, OTHER_LEVEL);
	assert_route(&m, PIN, OTHER_VECTOR);
	assert_route(&m, PINS + PIN, VECTOR);
	assert_int_equal(machine_eoi(&m, OTHER_VECTOR), 1);
	assert_route(&m, PINS + PIN, VECTOR);
	assert_int_equal(machine_eoi(&m, OTHER_VECTOR), 1);
	assert_no_route(&m, PINS + PIN);
	machine_close(&m);
}

TEST(rewrite_while_idle_drops_the_old_route)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);

	machine_trigger(&m, source);
	machine_program(&m, PIN, OTHER_LEVEL);
	machine_eoi(&m, VECTOR);
	machine_program(&m, PIN, THIRD_LEVEL);
	assert_route(&m, PIN, 0x61);
	assert_no_route(&m, PINS + PIN);
	machine_close(&m);
}

TEST(unknown_counts_as_in_service)
{
	struct machine m;

	machine_open_with(&m, IRQGATE_POLICY_HOLD, true, LEVEL);
	machine_program(&m, PIN, OTHER_LEVEL);
	assert_route(&m, PINS + PIN, VECTOR);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	machine_close(&m);
}

TEST(oneshot_events_change_no_route)
{
	static const bool direct[] = { false, true };

	for (size_t i = 0; i < 2; i++) {
		struct machine m;
		irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, direct[i], LEVEL);
		uint64_t version = machine_routes_version(&m);

		for (int event = 0; event < 3; event++) {
			if (!direct[i])
				machine_trigger(&m, source);
			machine_mask(&m);
			machine_eoi(&m, VECTOR);
			machine_unmask(&m);
		}
		assert_int_equal(machine_routes_version(&m), version);
		assert_int_equal(m.effects.routes_version, version);
		machine_close(&m);
	}
}

TEST(version_grows_with_each_change_of_the_table)
{
	struct machine m;
	uint64_t version;

	machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL | MASKED);
	version = machine_routes_version(&m);
	machine_program(&m, PIN, OTHER_LEVEL | MASKED); /* masked: not yet in the table */
	assert_int_equal(machine_routes_version(&m), version);
	machine_program(&m, PIN, OTHER_LEVEL);
	assert_true(machine_routes_version(&m) > version);
	assert_int_equal(m.effects.routes_version, machine_routes_version(&m));
	machine_close(&m);
}

TEST(version_grows_with_each_change_of_a_binding)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, true, LEVEL | MASKED);
	uint64_t version = machine_routes_version(&m);

	machine_unmask(&m);
	assert_true(machine_routes_version(&m) > version);
	version = machine_routes_version(&m);
	machine_remove(&m, source);
	assert_true(m.effects.routes_version > version);
	machine_close(&m);
}

/* A guest may keep the routes of another line changing, and each change may take KVM milliseconds. */
TEST(effects_wait_for_the_routes_of_their_own_line_alone)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);
	uint64_t version = machine_routes_version(&m);
	struct irqgate_wish wish;
	uint32_t pin = 0;

	machine_trigger(&m, source);
	machine_program(&m, OTHER_PIN, OTHER_LEVEL);
	assert_true(machine_routes_version(&m) > version);
	assert_int_equal(m.effects.routes_version, machine_routes_version(&m));
	assert_true(irqgate_core_eoi(m.core, VECTOR, &pin, &m.effects));
	assert_int_equal(m.effects.count, 1);
	assert_int_equal(m.effects.routes_version, version);
	assert_int_equal(irqgate_core_wish(m.core, source, &wish), 0);
	assert_int_equal(wish.routes_version, version);
	machine_close(&m);
}

/* A binding that ended, of which KVM has not heard yet, is not forgotten when the source goes. */
TEST(removal_waits_for_what_its_line_had_changed_before)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, true, LEVEL);
	struct irqgate_effects effects;
	uint64_t version;

	assert_int_equal(irqgate_core_refuse_direct(m.core, source, &effects), 0);
	version = machine_routes_version(&m);
	assert_int_equal(effects.routes_version, version);
	machine_remove(&m, source);
	assert_int_equal(m.effects.routes_version, version);
	machine_close(&m);
}

TEST(message_is_sent_with_its_route_in_the_table_already)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);

	machine_trigger(&m, source);
	machine_program(&m, PIN, OTHER_LEVEL);
	machine_eoi(&m, VECTOR);
	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	assert_int_equal(m.seen.message.data & IG_RTE_VECTOR, OTHER_VECTOR);
	assert_route(&m, PIN, OTHER_VECTOR);
	machine_close(&m);
}

TEST(table_of_all_pins_in_service_fills_both_halves)
{
	struct machine m;
	struct irqgate_route routes[2 * PINS];
	uint64_t version;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	for (uint32_t pin = 0; pin < PINS; pin++) {
		irqgate_source wire = machine_add(&m, pin, IRQGATE_SOURCE_WIRE, false);

		machine_program(&m, pin, IG_RTE_LEVEL | (0x40 + pin));
		machine_level(&m, wire, true);
		machine_program(&m, pin, IG_RTE_LEVEL | (0x80 + pin));
	}
	assert_int_equal(irqgate_core_routes(m.core, routes, &version), 2 * PINS);
	for (uint32_t pin = 0; pin < PINS; pin++) {
		assert_route(&m, pin, 0x80 + pin);
		assert_route(&m, PINS + pin, 0x40 + pin);
	}
	machine_close(&m);
}

TEST(setting_the_same_message_changes_nothing)
{
	struct ig_route route = { .current = { .address = 0xfee00000, .data = VECTOR } };
	struct irqgate_message same = route.current;

	assert_false(ig_route_set(&route, &same, true, NULL));
	assert_false(ig_route_has(&route.previous));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(masked_pin_has_no_route_until_its_first_unmask),
		cmocka_unit_test(route_is_the_message_of_the_entry),
		cmocka_unit_test(masking_keeps_the_route),
		cmocka_unit_test(edge_entries_need_no_route),
		cmocka_unit_test(rewrite_in_service_keeps_the_old_route_in_the_upper_half),
		cmocka_unit_test(second_rewrite_in_service_still_keeps_the_route_in_service),
		cmocka_unit_test(new_destination_in_service_keeps_the_old_one),
		cmocka_unit_test(message_in_service_is_kept_not_one_with_its_vector),
		cmocka_unit_test(route_of_an_event_that_is_over_acks_nothing),
		cmocka_unit_test(route_before_a_new_destination_stays_until_the_second_eoi),
		cmocka_unit_test(route_of_another_vector_stays_when_an_older_message_has_its_eoi),
		cmocka_unit_test(route_between_two_rewrites_stays_when_the_first_message_is_back),
		cmocka_unit_test(rewrite_after_a_hold_keeps_the_route_while_kvm_has_the_trigger),
		cmocka_unit_test(rewrite_while_idle_drops_the_old_route),
		cmocka_unit_test(unknown_counts_as_in_service),
		cmocka_unit_test(oneshot_events_change_no_route),
		cmocka_unit_test(version_grows_with_each_change_of_the_table),
		cmocka_unit_test(version_grows_with_each_change_of_a_binding),
		cmocka_unit_test(effects_wait_for_the_routes_of_their_own_line_alone),
		cmocka_unit_test(removal_waits_for_what_its_line_had_changed_before),
		cmocka_unit_test(message_is_sent_with_its_route_in_the_table_already),
		cmocka_unit_test(table_of_all_pins_in_service_fills_both_halves),
		cmocka_unit_test(setting_the_same_message_changes_nothing),
	};

	return cmocka_run_group_tests_name("routes", tests, NULL, NULL);
}
