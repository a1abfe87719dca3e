/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The registers of the IOAPIC as a guest sees them (82093AA data sheet, section 3; ICH9, section 13.5). */
#include "machine.h"

#define ALL_ONES UINT32_MAX

TEST(version_is_0x20_with_23_as_the_last_entry)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	assert_int_equal(machine_read(&m, IG_IOAPIC_VER), 0x00170020);
	machine_close(&m);
}

TEST(version_is_read_only)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_write(&m, IG_IOAPIC_VER, ALL_ONES);
	assert_int_equal(machine_read(&m, IG_IOAPIC_VER), 0x00170020);
	machine_close(&m);
}

TEST(id_holds_four_bits_and_arbitration_follows_it)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	assert_int_equal(machine_read(&m, IG_IOAPIC_ID), 0);
	machine_write(&m, IG_IOAPIC_ID, ALL_ONES);
	assert_int_equal(machine_read(&m, IG_IOAPIC_ID), 0x0f000000);
	assert_int_equal(machine_read(&m, IG_IOAPIC_ARB), 0x0f000000);
	machine_close(&m);
}

TEST(select_reads_back_its_low_byte)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_write_at(&m, IG_IOAPIC_IOREGSEL, 0x12345611, 4);
	assert_int_equal(machine_read_at(&m, IG_IOAPIC_IOREGSEL, 4), 0x11);
	machine_close(&m);
}

TEST(entries_are_masked_after_reset)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	for (uint32_t pin = 0; pin < PINS; pin++) {
		assert_int_equal(machine_read(&m, rte_low(pin)), IG_RTE_MASKED);
		assert_int_equal(machine_read(&m, rte_high(pin)), 0);
	}
	machine_close(&m);
}

TEST(entry_keeps_what_the_data_sheet_says_is_writable)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_write(&m, rte_low(3), ALL_ONES);
	machine_write(&m, rte_high(3), ALL_ONES);
	/* All but delivery status (12), remote IRR (14) and the reserved bits. */
	assert_int_equal(machine_read(&m, rte_low(3)), 0x0001afff);
	assert_int_equal(machine_read(&m, rte_high(3)), 0xff000000);
	machine_close(&m);
}

TEST(halves_of_an_entry_do_not_touch_each_other)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_write(&m, rte_low(3), LEVEL);
	machine_write(&m, rte_high(3), 0x05000000);
	assert_int_equal(machine_read(&m, rte_low(3)), LEVEL);
	machine_write(&m, rte_low(3), EDGE | MASKED);
	assert_int_equal(machine_read(&m, rte_high(3)), 0x05000000);
	machine_close(&m);
}

TEST(entry_does_not_touch_its_neighbour)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_program(&m, 3, LEVEL);
	assert_int_equal(machine_read(&m, rte_low(2)), IG_RTE_MASKED);
	assert_int_equal(machine_read(&m, rte_low(4)), IG_RTE_MASKED);
	machine_close(&m);
}

TEST(remote_irr_and_delivery_status_can_not_be_written)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_write(&m, rte_low(3), LEVEL | IG_RTE_REMOTE_IRR | IG_RTE_DELIVERY_STATUS);
	assert_int_equal(machine_read(&m, rte_low(3)), LEVEL);
	machine_close(&m);
}

TEST(register_behind_the_last_entry_reads_as_0_and_ignores_writes)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_write(&m, rte_low(PINS), ALL_ONES);
	assert_int_equal(machine_read(&m, rte_low(PINS)), 0);
	machine_write(&m, 0xff, ALL_ONES);
	assert_int_equal(machine_read(&m, 0xff), 0);
	assert_int_equal(machine_read(&m, 0x03), 0);
	machine_close(&m);
}

TEST(eoi_register_returns_the_vector_to_end)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	assert_int_equal(machine_write_at(&m, IG_IOAPIC_EOI, 0xffffff00 | VECTOR, 4), VECTOR);
	assert_int_equal(m.effects.count, 0);
	assert_int_equal(machine_read_at(&m, IG_IOAPIC_EOI, 4), 0); /* write-only */
	machine_close(&m);
}

TEST(unmasks_names_the_pin_only_for_a_write_that_unmasks_it)
{
	struct machine m;
	struct irqgate_access access = { .offset = IG_IOAPIC_IOWIN, .value = LEVEL, .bytes = 4, .write = true };

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_write_at(&m, IG_IOAPIC_IOREGSEL, rte_low(PIN), 4);
	assert_int_equal(irqgate_core_unmasks(m.core, &access), PIN);
	access.value |= MASKED;
	assert_int_equal(irqgate_core_unmasks(m.core, &access), -1);
	access.write = false;
	assert_int_equal(irqgate_core_unmasks(m.core, &access), -1);
	machine_program(&m, PIN, LEVEL);
	access = (struct irqgate_access){ .offset = IG_IOAPIC_IOWIN, .value = LEVEL, .bytes = 4, .write = true };
	assert_int_equal(irqgate_core_unmasks(m.core, &access), -1);
	machine_close(&m);
}

TEST(message_of_a_physical_fixed_level_entry)
{
	struct irqgate_message message = ig_rte_message(LEVEL | UINT64_C(5) << IG_RTE_DEST_SHIFT);

	assert_int_equal(message.address, 0xfee05000);
	assert_int_equal(message.data, 0xc000 | VECTOR);
}

TEST(message_of_a_logical_lowest_priority_edge_entry)
{
	struct irqgate_message message = ig_rte_message(EDGE | IG_RTE_LOGICAL |
							(uint64_t)IG_DELIVERY_LOWEST << IG_RTE_DELIVERY_SHIFT);

	assert_int_equal(message.address, 0xfee0000c);
	assert_int_equal(message.data, 0x0100 | VECTOR);
}

/* Each delivery and destination mode is in the message: data bits 10:8, address bits 3, 2 (SDM 3, 11.11). */
TEST(message_has_the_delivery_and_destination_mode)
{
	for (uint64_t mode = 0; mode < 8; mode++) {
		struct irqgate_message physical = ig_rte_message(EDGE | mode << IG_RTE_DELIVERY_SHIFT);
		struct irqgate_message logical = ig_rte_message(EDGE | mode << IG_RTE_DELIVERY_SHIFT |
								IG_RTE_LOGICAL);
		uint32_t redirect = mode == IG_DELIVERY_LOWEST ? 8 : 0;

		assert_int_equal(physical.data, mode << 8 | VECTOR);
		assert_int_equal(logical.data, mode << 8 | VECTOR);
		assert_int_equal(physical.address, 0xfee00000 | redirect);
		assert_int_equal(logical.address, 0xfee00004 | redirect);
	}
}

/* They are edges whatever the trigger mode (82093AA 3.2.4, delivery mode), as are the reserved ones here. */
TEST(nmi_smi_init_and_extint_never_set_remote_irr)
{
	static const uint64_t modes[] = { 2, 3, 4, 5, 6, 7 };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		uint64_t rte = LEVEL | modes[i] << IG_RTE_DELIVERY_SHIFT;
		struct irqgate_message message;
		irqgate_source wire;
		struct machine m;

		machine_open(&m, IRQGATE_POLICY_HOLD);
		wire = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
		machine_program(&m, PIN, rte);
		for (int n = 0; n < 2; n++) {
			machine_level(&m, wire, true);
			assert_seen(&m, 1, 0, 0);
			assert_int_equal(m.seen.message.data, modes[i] << 8 | VECTOR);
			assert_int_equal(machine_read(&m, rte_low(PIN)), rte);
			machine_level(&m, wire, false);
			assert_seen(&m, 0, 0, 0);
		}
		assert_int_equal(machine_eoi(&m, VECTOR), 0);
		assert_false(machine_route(&m, PIN, &message));
		machine_close(&m);
	}
}

/* As KVM's "MSI extended destination id" has it: entry bits 55:49 are address bits 11:5. */
TEST(extended_destination_reaches_the_message)
{
	struct machine m;
	irqgate_source wire;

	machine_open_chip(&m, &(struct irqgate_chip){ .pins = PINS, .extended_destinations = true });
	wire = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	machine_write(&m, rte_high(PIN), ALL_ONES);
	assert_int_equal(machine_read(&m, rte_high(PIN)), 0xfffe0000);
	machine_write(&m, rte_high(PIN), 0x12340000);
	machine_write(&m, rte_low(PIN), LEVEL);
	machine_level(&m, wire, true);
	assert_int_equal(m.seen.message.address, 0xfee12000 | 0x34 << 4);
	machine_close(&m);
}

TEST(extended_destination_bits_are_reserved_unless_asked_for)
{
	struct machine m;
	irqgate_source wire;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	wire = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	machine_write(&m, rte_high(PIN), 0x12340000);
	machine_write(&m, rte_low(PIN), LEVEL);
	machine_level(&m, wire, true);
	assert_int_equal(m.seen.message.address, 0xfee12000);
	machine_close(&m);
}

TEST(polarity_is_stored)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_program(&m, PIN, LEVEL | IG_RTE_POLARITY);
	assert_int_equal(machine_read(&m, rte_low(PIN)), LEVEL | IG_RTE_POLARITY);
	machine_program(&m, PIN, LEVEL);
	assert_int_equal(machine_read(&m, rte_low(PIN)), LEVEL);
	machine_close(&m);
}

/* Linux ends an interrupt there by a change to edge and back. */
TEST(version_0x11_has_no_eoi_register)
{
	struct machine m;
	irqgate_source wire;

	machine_open_chip(&m, &(struct irqgate_chip){ .pins = PINS, .version = IRQGATE_IOAPIC_VERSION_11 });
	assert_int_equal(machine_read(&m, IG_IOAPIC_VER), 0x00170011);
	wire = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	machine_program(&m, PIN, LEVEL);
	machine_level(&m, wire, true);
	assert_int_equal(machine_write_at(&m, IG_IOAPIC_EOI, VECTOR, 4), -1);
	assert_int_equal(m.effects.count, 0);
	assert_true(machine_remote_irr(&m, PIN));
	machine_program(&m, PIN, EDGE | MASKED);
	machine_program(&m, PIN, LEVEL);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

/* The arbitration ID is loaded with the ID, and can not be written by itself (82093AA 3.2.3). */
TEST(arbitration_register_is_read_only)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_write(&m, IG_IOAPIC_ID, 0x05000000);
	machine_write(&m, IG_IOAPIC_ARB, 0x0a000000);
	assert_int_equal(machine_read(&m, IG_IOAPIC_ARB), 0x05000000);
	assert_int_equal(machine_read(&m, IG_IOAPIC_ID), 0x05000000);
	machine_close(&m);
}

TEST(reset_brings_the_configured_id_back)
{
	struct machine m;

	machine_open_chip(&m, &(struct irqgate_chip){ .pins = PINS, .id = 9 });
	assert_int_equal(machine_read(&m, IG_IOAPIC_ID), 0x09000000);
	machine_write(&m, IG_IOAPIC_ID, 0x05000000);
	machine_reset(&m);
	assert_int_equal(machine_read_at(&m, IG_IOAPIC_IOREGSEL, 4), 0);
	assert_int_equal(machine_read(&m, IG_IOAPIC_ID), 0x09000000);
	machine_close(&m);
}

TEST(one_pin_and_the_most_pins_are_possible)
{
	static const uint32_t pins[] = { 1, IRQGATE_PINS_MAX };

	for (size_t i = 0; i < 2; i++) {
		struct machine m;

		machine_open_chip(&m, &(struct irqgate_chip){ .pins = pins[i] });
		assert_int_equal(machine_read(&m, IG_IOAPIC_VER), 0x20 | (pins[i] - 1) << 16);
		machine_write(&m, rte_low(pins[i] - 1), LEVEL);
		assert_int_equal(machine_read(&m, rte_low(pins[i] - 1)), LEVEL);
		machine_close(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_is_0x20_with_23_as_the_last_entry),
		cmocka_unit_test(version_is_read_only),
		cmocka_unit_test(id_holds_four_bits_and_arbitration_follows_it),
		cmocka_unit_test(select_reads_back_its_low_byte),
		cmocka_unit_test(entries_are_masked_after_reset),
		cmocka_unit_test(entry_keeps_what_the_data_sheet_says_is_writable),
		cmocka_unit_test(halves_of_an_entry_do_not_touch_each_other),
		cmocka_unit_test(entry_does_not_touch_its_neighbour),
		cmocka_unit_test(remote_irr_and_delivery_status_can_not_be_written),
		cmocka_unit_test(register_behind_the_last_entry_reads_as_0_and_ignores_writes),
		cmocka_unit_test(eoi_register_returns_the_vector_to_end),
		cmocka_unit_test(unmasks_names_the_pin_only_for_a_write_that_unmasks_it),
		cmocka_unit_test(message_of_a_physical_fixed_level_entry),
		cmocka_unit_test(message_of_a_logical_lowest_priority_edge_entry),
		cmocka_unit_test(message_has_the_delivery_and_destination_mode),
		cmocka_unit_test(nmi_smi_init_and_extint_never_set_remote_irr),
		cmocka_unit_test(extended_destination_reaches_the_message),
		cmocka_unit_test(extended_destination_bits_are_reserved_unless_asked_for),
		cmocka_unit_test(polarity_is_stored),
		cmocka_unit_test(version_0x11_has_no_eoi_register),
		cmocka_unit_test(arbitration_register_is_read_only),
		cmocka_unit_test(reset_brings_the_configured_id_back),
		cmocka_unit_test(one_pin_and_the_most_pins_are_possible),
	};

	return cmocka_run_group_tests_name("ioapic", tests, NULL, NULL);
}
