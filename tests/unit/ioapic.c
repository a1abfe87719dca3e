/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The registers of the IOAPIC as a guest sees them (82093AA data sheet, section 3; ICH9, section 13.5). */
#include "machine.h"

#define ALL_ONES UINT32_MAX

static uint64_t read_at(struct machine *machine, uint64_t offset, uint32_t bytes)
{
	struct irqgate_access access = { .offset = offset, .bytes = bytes };

	return irqgate_core_ioapic_read(machine->core, &access, IRQGATE_LAPIC_NOT_ASKED);
}

static int write_at(struct machine *machine, uint64_t offset, uint64_t value, uint32_t bytes)
{
	struct irqgate_access access = { .offset = offset, .value = value, .bytes = bytes, .write = true };

	return irqgate_core_ioapic_write(machine->core, &access, IRQGATE_LAPIC_NOT_ASKED, &machine->effects);
}

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
	write_at(&m, IG_IOAPIC_IOREGSEL, 0x12345611, 4);
	assert_int_equal(read_at(&m, IG_IOAPIC_IOREGSEL, 4), 0x11);
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

TEST(offsets_without_a_register_read_as_0_and_ignore_writes)
{
	static const uint64_t offsets[] = { 0x04, 0x11, 0x14, 0x20, 0x44, 0xffc, 0x1000, UINT64_MAX };
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	write_at(&m, IG_IOAPIC_IOREGSEL, IG_IOAPIC_ID, 4);
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		assert_int_equal(write_at(&m, offsets[i], ALL_ONES, 4), -1);
		assert_int_equal(m.effects.count, 0);
		assert_int_equal(read_at(&m, offsets[i], 4), 0);
	}
	assert_int_equal(machine_read(&m, IG_IOAPIC_ID), 0);
	machine_close(&m);
}

TEST(narrow_reads_give_the_low_bytes_and_wide_ones_32_bits)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	write_at(&m, IG_IOAPIC_IOREGSEL, IG_IOAPIC_VER, 1);
	assert_int_equal(read_at(&m, IG_IOAPIC_IOWIN, 1), 0x20);
	assert_int_equal(read_at(&m, IG_IOAPIC_IOWIN, 2), 0x0020);
	assert_int_equal(read_at(&m, IG_IOAPIC_IOWIN, 8), 0x00170020);
	machine_close(&m);
}

TEST(wide_writes_count_with_their_lower_half)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	write_at(&m, IG_IOAPIC_IOREGSEL, rte_low(3), 8);
	write_at(&m, IG_IOAPIC_IOWIN, UINT64_C(0xffffffff00000000) | LEVEL, 8);
	assert_int_equal(machine_read(&m, rte_low(3)), LEVEL);
	assert_int_equal(machine_read(&m, rte_high(3)), 0);
	machine_close(&m);
}

TEST(narrow_writes_are_extended_with_zeros)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	write_at(&m, IG_IOAPIC_IOREGSEL, rte_low(3), 1);
	write_at(&m, IG_IOAPIC_IOWIN, 0xffffff00 | VECTOR, 1);
	assert_int_equal(machine_read(&m, rte_low(3)), VECTOR);
	machine_close(&m);
}

TEST(eoi_register_returns_the_vector_to_end)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	assert_int_equal(write_at(&m, IG_IOAPIC_EOI, 0xffffff00 | VECTOR, 4), VECTOR);
	assert_int_equal(m.effects.count, 0);
	assert_int_equal(read_at(&m, IG_IOAPIC_EOI, 4), 0); /* write-only */
	machine_close(&m);
}

TEST(unmasks_names_the_pin_only_for_a_write_that_unmasks_it)
{
	struct machine m;
	struct irqgate_access access = { .offset = IG_IOAPIC_IOWIN, .value = LEVEL, .bytes = 4, .write = true };

	machine_open(&m, IRQGATE_POLICY_HOLD);
	write_at(&m, IG_IOAPIC_IOREGSEL, rte_low(PIN), 4);
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

TEST(delivery_modes_without_remote_irr_are_edges_whatever_the_trigger_mode)
{
	/* NMI is always an edge (82093AA 3.2.4, delivery mode). */
	assert_false(ig_rte_is_level(LEVEL | UINT64_C(4) << IG_RTE_DELIVERY_SHIFT));
	assert_true(ig_rte_is_level(LEVEL));
}

TEST(one_pin_and_the_most_pins_are_possible)
{
	static const uint32_t pins[] = { 1, IRQGATE_PINS_MAX };

	for (size_t i = 0; i < 2; i++) {
		struct irqgate_core_config config = { sizeof(config), IRQGATE_POLICY_HOLD, pins[i], 1 };
		uint64_t memory[4096];
		struct machine m;

		assert_true(irqgate_core_size(&config) <= sizeof(memory));
		assert_int_equal(irqgate_core_init(memory, sizeof(memory), &config, &m.core), 0);
		assert_int_equal(machine_read(&m, IG_IOAPIC_VER), 0x20 | (pins[i] - 1) << 16);
		machine_write(&m, rte_low(pins[i] - 1), LEVEL);
		assert_int_equal(machine_read(&m, rte_low(pins[i] - 1)), LEVEL);
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
		cmocka_unit_test(offsets_without_a_register_read_as_0_and_ignore_writes),
		cmocka_unit_test(narrow_reads_give_the_low_bytes_and_wide_ones_32_bits),
		cmocka_unit_test(wide_writes_count_with_their_lower_half),
		cmocka_unit_test(narrow_writes_are_extended_with_zeros),
		cmocka_unit_test(eoi_register_returns_the_vector_to_end),
		cmocka_unit_test(unmasks_names_the_pin_only_for_a_write_that_unmasks_it),
		cmocka_unit_test(message_of_a_physical_fixed_level_entry),
		cmocka_unit_test(message_of_a_logical_lowest_priority_edge_entry),
		cmocka_unit_test(delivery_modes_without_remote_irr_are_edges_whatever_the_trigger_mode),
		cmocka_unit_test(one_pin_and_the_most_pins_are_possible),
	};

	return cmocka_run_group_tests_name("ioapic", tests, NULL, NULL);
}
