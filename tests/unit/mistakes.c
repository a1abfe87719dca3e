/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The mistakes that others made with these chips and lines. Each test has the name of one, and shows that it
 * is not made here; tests/mutants puts each into the core, to see that it is noticed.
 */
#include <errno.h>
#include <string.h>

#include "machine.h"

#define OTHER_LEVEL (IG_RTE_LEVEL | OTHER_VECTOR)

static const bool paths[] = { false, true }; /* userspace, direct */

static irqgate_source begin(struct machine *m, bool direct, uint64_t rte)
{
	return machine_open_with(m, IRQGATE_POLICY_HOLD, direct, rte);
}

/* A device triggers; on the direct path nobody is told. */
static void trigger(struct machine *m, irqgate_source source, bool direct)
{
	if (!direct)
		machine_trigger(m, source);
}

TEST(notify_at_eoi_without_looking_at_the_mask)
{
	for (size_t i = 0; i < 2; i++) {
		struct machine m;
		irqgate_source source = begin(&m, paths[i], LEVEL);

		trigger(&m, source, paths[i]);
		machine_mask(&m);
		assert_int_equal(machine_eoi(&m, VECTOR), 1);
		assert_seen(&m, 0, 0, 0);
		machine_close(&m);
	}
}

/* The route stays; so the device must be silent, and what it signalled before must not be sent. */
TEST(masked_pin_fires_through_its_live_msi_route)
{
	for (size_t i = 0; i < 2; i++) {
		struct machine m;
		irqgate_source source = begin(&m, paths[i], LEVEL);
		struct irqgate_message message;

		machine_mask(&m);
		assert_seen(&m, 0, 0, paths[i]);
		assert_true(machine_route(&m, PIN, &message));
		machine_trigger(&m, source);
		assert_seen(&m, 0, 0, 0);
		machine_close(&m);
	}
}

TEST(only_the_first_resamplefd_of_a_gsi_is_told)
{
	struct machine m;
	irqgate_source first = begin(&m, false, LEVEL);

	machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, false);
	machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, false);
	machine_trigger(&m, first);
	machine_eoi(&m, VECTOR);
	assert_seen(&m, 0, 3, 0);
	machine_close(&m);
}

TEST(removal_takes_the_first_entry_instead_of_the_callers)
{
	irqgate_source source[3];
	struct machine m;

	source[0] = begin(&m, false, LEVEL);
	source[1] = machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, false);
	source[2] = machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, false);
	machine_remove(&m, source[1]);
	machine_trigger(&m, source[2]);
	machine_eoi(&m, VECTOR);
	assert_seen(&m, 0, 2, 0);
	assert_int_equal(m.seen.listen[0] ^ m.seen.listen[1], source[0] ^ source[2]);
	machine_close(&m);
}

/* The device went quiet while the pin was masked. */
TEST(stale_pending_is_injected_at_unmask)
{
	struct machine m;
	irqgate_source source = begin(&m, false, LEVEL | MASKED);

	machine_trigger(&m, source);
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

/* Three pins have the vector: one in service, one idle, one edge-triggered. */
TEST(eoi_by_vector_alone_acks_the_wrong_pin)
{
	struct machine m;
	irqgate_source served = begin(&m, false, LEVEL), edge;

	machine_add(&m, OTHER_PIN, IRQGATE_SOURCE_FORWARDED, false);
	machine_program(&m, OTHER_PIN, LEVEL);
	edge = machine_add(&m, 3, IRQGATE_SOURCE_EDGE, false);
	machine_program(&m, 3, EDGE);
	machine_pulse(&m, edge);
	machine_trigger(&m, served);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(m.seen.listen[0], served);
	machine_close(&m);
}

TEST(remote_irr_is_lost_by_an_rte_write)
{
	struct machine m;
	irqgate_source source = begin(&m, false, LEVEL);

	machine_trigger(&m, source);
	machine_program(&m, PIN, OTHER_LEVEL | MASKED);
	assert_true(machine_remote_irr(&m, PIN));
	machine_program(&m, PIN, OTHER_LEVEL);
	assert_true(machine_remote_irr(&m, PIN));
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(remote_irr_is_kept_at_level_to_edge)
{
	struct machine m;
	irqgate_source source = begin(&m, false, LEVEL);

	machine_trigger(&m, source);
	machine_program(&m, PIN, EDGE | MASKED);
	assert_false(machine_remote_irr(&m, PIN));
	machine_program(&m, PIN, LEVEL);
	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

/* KVM computes the EOI exits from the table: without the route the exit never comes. */
TEST(route_is_dropped_while_in_service)
{
	for (size_t i = 0; i < 2; i++) {
		struct machine m;
		irqgate_source source = begin(&m, paths[i], LEVEL);
		struct irqgate_message message;

		trigger(&m, source, paths[i]);
		machine_program(&m, PIN, OTHER_LEVEL | MASKED);
		machine_program(&m, PIN, OTHER_LEVEL);
		assert_true(machine_route(&m, PINS + PIN, &message));
		assert_int_equal(message.data & IG_RTE_VECTOR, VECTOR);
		assert_int_equal(machine_eoi(&m, VECTOR), 1);
		machine_close(&m);
	}
}

/* Only GSIs below the reserved ones make an exit: no route may be above, and none may be missing. */
TEST(eoi_exit_is_never_armed_because_the_gsi_is_above_the_reserved_ones)
{
	struct irqgate_route routes[2 * PINS];
	struct machine m;
	uint64_t version;
	uint32_t count;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	for (uint32_t pin = 0; pin < PINS; pin++) {
		irqgate_source source = machine_add(&m, pin, IRQGATE_SOURCE_FORWARDED, false);
		struct irqgate_message message;

		machine_program(&m, pin, IG_RTE_LEVEL | (0x40 + pin));
		machine_trigger(&m, source);
		assert_true(machine_route(&m, pin, &message));
		assert_memory_equal(&message, &m.seen.message, sizeof(message));
		machine_program(&m, pin, IG_RTE_LEVEL | (0x80 + pin));
	}
	count = irqgate_core_routes(m.core, routes, &version);
	assert_int_equal(count, 2 * PINS);
	for (uint32_t i = 0; i < count; i++)
		assert_true(routes[i].gsi < 2 * irqgate_core_gsis(m.core));
	machine_close(&m);
}

TEST(table_index_is_one_past_the_end)
{
	unsigned char before[16384];
	struct irqgate_effects effects;
	irqgate_source source;
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_write(&m, rte_high(PINS), UINT32_MAX);
	assert_true(irqgate_core_state_size(m.core) <= sizeof(before));
	memcpy(before, m.core, irqgate_core_state_size(m.core));
	machine_write(&m, rte_low(PINS), LEVEL);
	assert_int_equal(machine_read(&m, rte_low(PINS)), 0);
	machine_write(&m, rte_high(PINS), UINT32_MAX);
	assert_int_equal(machine_read(&m, rte_high(PINS)), 0);
	assert_memory_equal(before, m.core, irqgate_core_state_size(m.core));
	assert_int_equal(irqgate_core_add(m.core, PINS, IRQGATE_SOURCE_WIRE, false, "", &source, &effects), -EINVAL);
	machine_close(&m);
}

TEST(pins_are_reset_unmasked)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	for (int reset = 0; reset < 2; reset++) {
		for (uint32_t pin = 0; pin < PINS; pin++) {
			assert_int_equal(machine_read(&m, rte_low(pin)), IG_RTE_MASKED);
			machine_program(&m, pin, LEVEL);
		}
		machine_reset(&m);
	}
	machine_close(&m);
}

/* Of a wire it is delivered at the unmask; of a device that is listened to again, when it triggers again. */
TEST(interrupt_while_masked_is_lost)
{
	struct machine m;
	irqgate_source source = begin(&m, false, LEVEL | MASKED), wire;

	wire = machine_add(&m, OTHER_PIN, IRQGATE_SOURCE_WIRE, false);
	machine_program(&m, OTHER_PIN, OTHER_LEVEL | MASKED);
	machine_trigger(&m, source);
	machine_level(&m, wire, true);
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(machine_stats(&m, source).resamples, 1);
	machine_program(&m, OTHER_PIN, OTHER_LEVEL);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

/* A source that finds the pin masked is held from its first trigger on; one that finds it unmasked listens. */
TEST(mask_state_is_read_before_the_notifier_is_registered)
{
	struct machine m;
	irqgate_source source;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_program(&m, PIN, LEVEL | MASKED);
	source = machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, true);
	assert_seen(&m, 0, 0, 0);
	machine_trigger(&m, source);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(machine_stats(&m, source).holds, 1);
	machine_program(&m, OTHER_PIN, OTHER_LEVEL);
	machine_add(&m, OTHER_PIN, IRQGATE_SOURCE_FORWARDED, true);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

/* Whatever else is called in the meantime: nothing but the unmask ends a hold. */
TEST(time_out_instead_of_an_unmask_hook)
{
	struct machine m;
	irqgate_source source = begin(&m, false, LEVEL);

	machine_trigger(&m, source);
	machine_mask(&m);
	machine_eoi(&m, VECTOR);
	for (int i = 0; i < 1000; i++) {
		machine_retry(&m);
		assert_seen(&m, 0, 0, 0);
		assert_int_equal(machine_eoi(&m, VECTOR), 0);
		machine_mask(&m);
		assert_seen(&m, 0, 0, 0);
		assert_false(machine_remote_irr(&m, PIN));
	}
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(write_to_the_eoi_register_panics_the_vmm)
{
	struct machine m;

	begin(&m, false, LEVEL);
	for (uint32_t vector = 0; vector <= 0xff; vector++) {
		struct irqgate_access access = { .offset = IG_IOAPIC_EOI, .value = vector, .bytes = 4, .write = true };

		assert_int_equal(irqgate_core_ioapic_write(m.core, &access, IRQGATE_LAPIC_NOT_ASKED, &m.effects),
				 vector);
		assert_int_equal(machine_ioapic_eoi(&m, (uint8_t)vector), 0);
		assert_seen(&m, 0, 0, 0);
	}
	machine_close(&m);
}

TEST(every_high_pin_is_looked_at_again_at_any_eoi)
{
	struct machine m;
	irqgate_source source = begin(&m, false, LEVEL), wire;

	wire = machine_add(&m, OTHER_PIN, IRQGATE_SOURCE_WIRE, false);
	machine_program(&m, OTHER_PIN, OTHER_LEVEL);
	machine_level(&m, wire, true);
	machine_trigger(&m, source);
	assert_int_equal(machine_eoi(&m, OTHER_VECTOR), 1);
	assert_seen(&m, 1, 0, 0);
	assert_int_equal(m.seen.pin, OTHER_PIN);
	machine_close(&m);
}

TEST(level_of_a_shared_line_is_one_bool)
{
	for (size_t i = 0; i < 2; i++) { /* whichever of them goes down */
		irqgate_source source[2];
		struct machine m;

		machine_open(&m, IRQGATE_POLICY_HOLD);
		for (size_t j = 0; j < 2; j++) {
			source[j] = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
			machine_level(&m, source[j], true);
		}
		machine_level(&m, source[i], false);
		machine_program(&m, PIN, LEVEL);
		assert_seen(&m, 1, 0, 0);
		machine_close(&m);
	}
}

/* As firmware leaves it, say: asserted, triggered and masked on the host, before the guest's driver is there. */
TEST(level_asserted_before_the_guest_requests_it_is_wedged)
{
	struct machine m;
	irqgate_source source;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	source = machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, false);
	machine_trigger(&m, source);
	assert_seen(&m, 0, 0, 0);
	machine_program(&m, PIN, LEVEL);
	assert_seen(&m, 0, 1, 0);
	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notify_at_eoi_without_looking_at_the_mask),
		cmocka_unit_test(masked_pin_fires_through_its_live_msi_route),
		cmocka_unit_test(only_the_first_resamplefd_of_a_gsi_is_told),
		cmocka_unit_test(removal_takes_the_first_entry_instead_of_the_callers),
		cmocka_unit_test(stale_pending_is_injected_at_unmask),
		cmocka_unit_test(eoi_by_vector_alone_acks_the_wrong_pin),
		cmocka_unit_test(remote_irr_is_lost_by_an_rte_write),
		cmocka_unit_test(remote_irr_is_kept_at_level_to_edge),
		cmocka_unit_test(route_is_dropped_while_in_service),
		cmocka_unit_test(eoi_exit_is_never_armed_because_the_gsi_is_above_the_reserved_ones),
		cmocka_unit_test(table_index_is_one_past_the_end),
		cmocka_unit_test(pins_are_reset_unmasked),
		cmocka_unit_test(interrupt_while_masked_is_lost),
		cmocka_unit_test(mask_state_is_read_before_the_notifier_is_registered),
		cmocka_unit_test(time_out_instead_of_an_unmask_hook),
		cmocka_unit_test(write_to_the_eoi_register_panics_the_vmm),
		cmocka_unit_test(every_high_pin_is_looked_at_again_at_any_eoi),
		cmocka_unit_test(level_of_a_shared_line_is_one_bool),
		cmocka_unit_test(level_asserted_before_the_guest_requests_it_is_wedged),
	};

	return cmocka_run_group_tests_name("mistakes", tests, NULL, NULL);
}
