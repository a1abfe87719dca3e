/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Accesses to the IOAPIC of any size at any offset: only three are registers, and 32 bits wide (82093AA, 3.1). */
#include "machine.h"

#define ALL_ONES UINT32_MAX

TEST(offsets_without_a_register_read_as_0_and_ignore_writes)
{
	static const uint64_t offsets[] = { 0x04, 0x11, 0x14, 0x20, 0x44, 0xffc, 0x1000, UINT64_MAX };
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_write_at(&m, IG_IOAPIC_IOREGSEL, IG_IOAPIC_ID, 4);
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		assert_int_equal(machine_write_at(&m, offsets[i], ALL_ONES, 4), -1);
		assert_int_equal(m.effects.count, 0);
		assert_int_equal(machine_read_at(&m, offsets[i], 4), 0);
	}
	assert_int_equal(machine_read(&m, IG_IOAPIC_ID), 0);
	machine_close(&m);
}

TEST(narrow_reads_give_the_low_bytes_and_wide_ones_32_bits)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_write_at(&m, IG_IOAPIC_IOREGSEL, IG_IOAPIC_VER, 1);
	assert_int_equal(machine_read_at(&m, IG_IOAPIC_IOWIN, 1), 0x20);
	assert_int_equal(machine_read_at(&m, IG_IOAPIC_IOWIN, 2), 0x0020);
	assert_int_equal(machine_read_at(&m, IG_IOAPIC_IOWIN, 8), 0x00170020);
	machine_close(&m);
}

TEST(wide_writes_count_with_their_lower_half)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_write_at(&m, IG_IOAPIC_IOREGSEL, rte_low(3), 8);
	machine_write_at(&m, IG_IOAPIC_IOWIN, UINT64_C(0xffffffff00000000) | LEVEL, 8);
	assert_int_equal(machine_read(&m, rte_low(3)), LEVEL);
	assert_int_equal(machine_read(&m, rte_high(3)), 0);
	machine_close(&m);
}

TEST(narrow_writes_are_extended_with_zeros)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_write_at(&m, IG_IOAPIC_IOREGSEL, rte_low(3), 1);
	machine_write_at(&m, IG_IOAPIC_IOWIN, 0xffffff00 | VECTOR, 1);
	assert_int_equal(machine_read(&m, rte_low(3)), VECTOR);
	machine_close(&m);
}

static bool is_register(uint64_t offset)
{
	return offset == IG_IOAPIC_IOREGSEL || offset == IG_IOAPIC_IOWIN || offset == IG_IOAPIC_EOI;
}

/* No access reads more than it asked for, or does something where there is no register. */
TEST(every_access_size_at_every_offset)
{
	static const uint32_t sizes[] = { 1, 2, 4, 8, /* which no CPU makes: */ 0, 3, 5, 16, 1U << 29, UINT32_MAX };
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_program(&m, PIN, LEVEL | UINT64_C(0xa5) << IG_RTE_DEST_SHIFT);
	for (uint64_t offset = 0; offset <= IG_IOAPIC_WINDOW_SIZE; offset++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			uint64_t before;

			machine_write_at(&m, IG_IOAPIC_IOREGSEL, rte_low(PIN), 4);
			before = machine_read_at(&m, IG_IOAPIC_IOWIN, 4);
			if (sizes[i] < 4)
				assert_int_equal(machine_read_at(&m, offset, sizes[i]) >> 8 * sizes[i], 0);
			assert_int_equal(machine_read_at(&m, offset, sizes[i]) >> 32, 0);
			if (is_register(offset))
				continue;
			assert_int_equal(machine_read_at(&m, offset, sizes[i]), 0);
			assert_int_equal(machine_write_at(&m, offset, UINT64_MAX, sizes[i]), -1);
			assert_int_equal(m.effects.count, 0);
			assert_int_equal(machine_read_at(&m, IG_IOAPIC_IOWIN, 4), before);
		}
	}
	machine_close(&m);
}

/* A write of each size to each register counts with its lower 32 bits. */
TEST(every_write_size_at_every_register)
{
	static const uint32_t sizes[] = { 1, 2, 4, 8 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t value = UINT64_C(0xa5a5a5a5a501a55a);
		uint32_t kept = (uint32_t)(sizes[i] < 4 ? value & ((1U << 8 * sizes[i]) - 1) : value);
		struct machine m;

		machine_open(&m, IRQGATE_POLICY_HOLD);
		assert_int_equal(machine_write_at(&m, IG_IOAPIC_EOI, value, sizes[i]), 0x5a);
		machine_write_at(&m, IG_IOAPIC_IOREGSEL, value, sizes[i]);
		assert_int_equal(machine_read_at(&m, IG_IOAPIC_IOREGSEL, 4), 0x5a);
		machine_write_at(&m, IG_IOAPIC_IOREGSEL, rte_low(3), sizes[i]);
		machine_write_at(&m, IG_IOAPIC_IOWIN, value, sizes[i]);
		assert_int_equal(machine_read(&m, rte_low(3)), kept & IG_RTE_WRITABLE);
		machine_close(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_without_a_register_read_as_0_and_ignore_writes),
		cmocka_unit_test(narrow_reads_give_the_low_bytes_and_wide_ones_32_bits),
		cmocka_unit_test(wide_writes_count_with_their_lower_half),
		cmocka_unit_test(narrow_writes_are_extended_with_zeros),
		cmocka_unit_test(every_access_size_at_every_offset),
		cmocka_unit_test(every_write_size_at_every_register),
	};

	return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
