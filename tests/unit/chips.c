/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Several IOAPICs, each with a range of GSIs: what is done to one is nothing to the others. */
#include <errno.h>

#include "machine.h"

/* The second chip has its GSIs behind a hole; the first is the older version. */
enum { FIRST, SECOND, BASE = 40, FIRST_GSI = PIN, SECOND_GSI = BASE + PIN, HOLE = 30, GSIS = BASE + PINS };

static void begin(struct machine *m)
{
	static const struct irqgate_core_config config = {
		.size = sizeof(config), .sources = SOURCES, .chips = 2,
		.chip = {
			{ .pins = PINS, .version = IRQGATE_IOAPIC_VERSION_11, .id = 1 },
			{ .pins = PINS, .version = IRQGATE_IOAPIC_VERSION_20, .id = 2, .gsi_base = BASE,
			  .extended_destinations = true },
		},
	};

	machine_open_config(m, &config);
}

/* Programs the pin of a GSI, and gives it a source. */
static irqgate_source add(struct machine *m, uint32_t chip, enum irqgate_source_kind kind, uint64_t rte)
{
	irqgate_source source = machine_add(m, chip == FIRST ? FIRST_GSI : SECOND_GSI, kind, false);

	m->chip = chip;
	machine_program(m, PIN, rte);
	return source;
}

TEST(gsi_is_the_base_of_its_chip_and_the_pin)
{
	struct machine m;
	irqgate_source source;

	begin(&m);
	assert_int_equal(irqgate_core_gsis(m.core), GSIS);
	source = add(&m, SECOND, IRQGATE_SOURCE_FORWARDED, LEVEL);
	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	assert_int_equal(m.seen.pin, SECOND_GSI);
	assert_true(machine_remote_irr(&m, PIN));
	m.chip = FIRST;
	assert_false(machine_remote_irr(&m, PIN));
	assert_true(irqgate_core_line_level(m.core, SECOND_GSI));
	assert_false(irqgate_core_line_level(m.core, FIRST_GSI));
	machine_close(&m);
}

TEST(registers_of_a_chip_are_its_own)
{
	struct machine m;

	begin(&m);
	assert_int_equal(machine_read(&m, IG_IOAPIC_VER), 0x00170011);
	assert_int_equal(machine_read(&m, IG_IOAPIC_ID), 0x01000000);
	machine_program(&m, 3, LEVEL); /* leaves its index register at the entry */
	m.chip = SECOND;
	assert_int_equal(machine_read(&m, IG_IOAPIC_VER), 0x00170020);
	assert_int_equal(machine_read(&m, IG_IOAPIC_ID), 0x02000000);
	assert_int_equal(machine_read(&m, rte_low(3)), IG_RTE_MASKED);
	machine_write(&m, rte_high(3), UINT32_MAX);
	assert_int_equal(machine_read(&m, rte_high(3)), 0xfffe0000);
	m.chip = FIRST;
	assert_int_equal(machine_read(&m, rte_high(3)), 0);
	machine_close(&m);
}

/* A LAPIC's EOI reaches all chips, a write of the EOI register only its own. */
TEST(eoi_register_acks_the_pins_of_its_own_chip)
{
	struct machine m;
	irqgate_source first, second;

	begin(&m);
	first = add(&m, FIRST, IRQGATE_SOURCE_FORWARDED, LEVEL);
	second = add(&m, SECOND, IRQGATE_SOURCE_FORWARDED, LEVEL);
	machine_trigger(&m, first);
	machine_trigger(&m, second);
	assert_int_equal(machine_ioapic_eoi(&m, VECTOR), 1);
	assert_int_equal(m.seen.listen[0], second);
	machine_trigger(&m, second);
	assert_int_equal(machine_eoi(&m, VECTOR), 2);
	assert_seen(&m, 0, 2, 0);
	machine_close(&m);
}

TEST(unmask_names_the_gsi)
{
	struct machine m;
	struct irqgate_access access = {
		.offset = IG_IOAPIC_IOWIN, .value = LEVEL, .bytes = 4, .chip = SECOND, .write = true,
	};

	begin(&m);
	m.chip = SECOND;
	machine_program(&m, PIN, LEVEL | MASKED);
	assert_int_equal(irqgate_core_unmasks(m.core, &access), SECOND_GSI);
	access.chip = FIRST;
	assert_int_equal(irqgate_core_unmasks(m.core, &access), -1);
	machine_close(&m);
}

TEST(question_to_the_lapics_names_the_gsi)
{
	struct machine m;
	struct irqgate_access access = { .offset = IG_IOAPIC_IOWIN, .bytes = 4, .chip = SECOND };
	struct irqgate_message message[2];
	uint32_t count;

	begin(&m);
	machine_add(&m, SECOND_GSI, IRQGATE_SOURCE_FORWARDED, true);
	m.chip = SECOND;
	machine_program(&m, PIN, LEVEL);
	assert_int_equal(irqgate_core_asks_lapic(m.core, &access, message, &count), SECOND_GSI);
	machine_close(&m);
}

/* The upper half of the routes starts behind the GSIs of all chips. */
TEST(routes_of_all_chips_are_in_one_table)
{
	struct machine m;
	irqgate_source second;
	struct irqgate_message message;
	struct irqgate_route routes[2 * GSIS];
	uint64_t version;

	begin(&m);
	add(&m, FIRST, IRQGATE_SOURCE_FORWARDED, LEVEL);
	second = add(&m, SECOND, IRQGATE_SOURCE_FORWARDED, LEVEL);
	machine_trigger(&m, second);
	machine_program(&m, PIN, IG_RTE_LEVEL | OTHER_VECTOR);
	assert_int_equal(irqgate_core_routes(m.core, routes, &version), 3);
	assert_int_equal(routes[0].gsi, FIRST_GSI);
	assert_int_equal(routes[1].gsi, SECOND_GSI);
	assert_int_equal(routes[2].gsi, GSIS + SECOND_GSI);
	message = routes[2].message;
	assert_int_equal(message.data & IG_RTE_VECTOR, VECTOR);
	machine_close(&m);
}

TEST(gsi_of_no_chip_is_refused)
{
	static const uint32_t gsis[] = { HOLE, PINS, BASE - 1, GSIS, UINT32_MAX };
	struct machine m;
	struct irqgate_line_stats stats;
	irqgate_source source = 77;

	begin(&m);
	for (size_t i = 0; i < sizeof(gsis) / sizeof(gsis[0]); i++) {
		assert_int_equal(irqgate_core_add(m.core, gsis[i], IRQGATE_SOURCE_WIRE, false, "", &source,
						  &m.effects), -EINVAL);
		assert_int_equal(m.effects.count, 0);
		assert_int_equal(source, 77);
		assert_false(irqgate_core_line_level(m.core, gsis[i]));
		assert_int_equal(irqgate_core_next(m.core, gsis[i], 0), 0);
		assert_int_equal(irqgate_core_line_stats(m.core, gsis[i], &stats), -EINVAL);
		assert_int_equal(irqgate_core_epoch(m.core, gsis[i]), 0);
		assert_false(irqgate_core_send_failed(m.core, gsis[i], 0));
	}
	machine_close(&m);
}

TEST(access_to_no_chip_reads_as_0_and_does_nothing)
{
	static const uint32_t chips[] = { 2, IRQGATE_CHIPS_MAX, UINT32_MAX };
	struct machine m;

	begin(&m);
	for (size_t i = 0; i < sizeof(chips) / sizeof(chips[0]); i++) {
		struct irqgate_access access = {
			.offset = IG_IOAPIC_EOI, .value = VECTOR, .bytes = 4, .chip = chips[i], .write = true,
		};
		struct irqgate_message message[2];
		uint32_t pin = 0, count;

		assert_int_equal(irqgate_core_ioapic_write(m.core, &access, IRQGATE_LAPIC_NOT_ASKED,
							   &m.effects), -1);
		assert_int_equal(m.effects.count, 0);
		access.offset = IG_IOAPIC_IOWIN;
		assert_int_equal(irqgate_core_unmasks(m.core, &access), -1);
		assert_int_equal(irqgate_core_asks_lapic(m.core, &access, message, &count), -1);
		access.write = false;
		assert_int_equal(irqgate_core_ioapic_read(m.core, &access, IRQGATE_LAPIC_NOT_ASKED), 0);
		assert_false(irqgate_core_ioapic_eoi(m.core, chips[i], VECTOR, &pin, &m.effects));
	}
	machine_close(&m);
}

TEST(reset_is_of_all_chips)
{
	struct machine m;
	uint32_t pin = 0;

	begin(&m);
	for (m.chip = FIRST; m.chip <= SECOND; m.chip++) {
		machine_write(&m, IG_IOAPIC_ID, 0x0f000000);
		machine_program(&m, PIN, LEVEL);
	}
	while (irqgate_core_reset(m.core, &pin, &m.effects))
		;
	for (m.chip = FIRST; m.chip <= SECOND; m.chip++) {
		assert_int_equal(machine_read(&m, IG_IOAPIC_ID), (m.chip + 1) << 24);
		assert_int_equal(machine_read(&m, rte_low(PIN)), IG_RTE_MASKED);
	}
	machine_close(&m);
}

/* An 8-bit index reaches 120 entries: more pins are more chips. */
TEST(two_chips_have_240_pins)
{
	static const struct irqgate_core_config config = {
		.size = sizeof(config), .sources = 2 * IRQGATE_PINS_MAX, .chips = 2,
		.chip = {
			{ .pins = IRQGATE_PINS_MAX, .gsi_base = IRQGATE_PINS_MAX },
			{ .pins = IRQGATE_PINS_MAX },
		},
	};
	struct machine m;

	machine_open_config(&m, &config);
	for (uint32_t gsi = 0; gsi < 2 * IRQGATE_PINS_MAX; gsi++) {
		irqgate_source source = machine_add(&m, gsi, IRQGATE_SOURCE_FORWARDED, false);

		m.chip = gsi < IRQGATE_PINS_MAX;
		machine_program(&m, gsi % IRQGATE_PINS_MAX, IG_RTE_LEVEL | (0x10 + gsi));
		machine_trigger(&m, source);
		assert_int_equal(m.seen.pin, gsi);
		assert_int_equal(m.seen.message.data & IG_RTE_VECTOR, 0x10 + gsi);
	}
	for (uint32_t gsi = 0; gsi < 2 * IRQGATE_PINS_MAX; gsi++)
		assert_int_equal(machine_eoi(&m, (uint8_t)(0x10 + gsi)), 1);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gsi_is_the_base_of_its_chip_and_the_pin),
		cmocka_unit_test(registers_of_a_chip_are_its_own),
		cmocka_unit_test(eoi_register_acks_the_pins_of_its_own_chip),
		cmocka_unit_test(unmask_names_the_gsi),
		cmocka_unit_test(question_to_the_lapics_names_the_gsi),
		cmocka_unit_test(routes_of_all_chips_are_in_one_table),
		cmocka_unit_test(gsi_of_no_chip_is_refused),
		cmocka_unit_test(access_to_no_chip_reads_as_0_and_does_nothing),
		cmocka_unit_test(reset_is_of_all_chips),
		cmocka_unit_test(two_chips_have_240_pins),
	};

	return cmocka_run_group_tests_name("chips", tests, NULL, NULL);
}
