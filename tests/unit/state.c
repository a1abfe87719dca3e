/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A core is plain bytes: how it is made, refused, copied, compared, reset. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

static const struct irqgate_core_config valid = {
	.size = sizeof(valid), .policy = IRQGATE_POLICY_HOLD, .sources = SOURCES,
	.chips = 1, .chip = { { .pins = PINS } },
};

static void assert_refused(const struct irqgate_core_config *config)
{
	uint64_t memory[2048];
	struct irqgate_core *core = NULL;

	assert_int_equal(irqgate_core_size(config), 0);
	assert_int_equal(irqgate_core_init(memory, sizeof(memory), config, &core), -EINVAL);
	assert_null(core);
}

TEST(config_of_another_size_is_refused)
{
	struct irqgate_core_config config = valid;

	config.size = sizeof(config) - 1;
	assert_refused(&config);
	config.size = 0;
	assert_refused(&config);
}

#define CONFIG(which, source_count, chip_count)                                               \
	{ .size = sizeof(valid), .policy = (which), .sources = (source_count), .chips = (chip_count), \
	  .chip = { { .pins = PINS } } }

TEST(config_out_of_range_is_refused)
{
	static const struct irqgate_core_config configs[] = {
		CONFIG((enum irqgate_policy)3, SOURCES, 1),
		CONFIG(IRQGATE_POLICY_HOLD, 0, 1),
		CONFIG(IRQGATE_POLICY_HOLD, IRQGATE_SOURCES_MAX + 1, 1),
		CONFIG(IRQGATE_POLICY_HOLD, UINT32_MAX, 1),
		CONFIG(IRQGATE_POLICY_HOLD, SOURCES, 0),
		CONFIG(IRQGATE_POLICY_HOLD, SOURCES, IRQGATE_CHIPS_MAX + 1),
		CONFIG(IRQGATE_POLICY_HOLD, SOURCES, UINT32_MAX),
		CONFIG(IRQGATE_POLICY_HOLD, SOURCES, 2), /* the second has no pin */
	};

	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++)
		assert_refused(&configs[i]);
}

TEST(chip_out_of_range_is_refused)
{
	static const struct irqgate_chip chips[] = {
		{ .pins = 0 },
		{ .pins = IRQGATE_PINS_MAX + 1 },
		{ .pins = UINT32_MAX },
		{ .pins = PINS, .gsi_base = IRQGATE_GSIS_MAX - PINS + 1 },
		{ .pins = PINS, .gsi_base = UINT32_MAX },
		{ .pins = PINS, .id = 16 },
		{ .pins = PINS, .version = 0x10 },
		{ .pins = PINS, .version = 0x12 },
		{ .pins = PINS, .version = 0x21 },
	};

	for (size_t i = 0; i < sizeof(chips) / sizeof(chips[0]); i++) {
		struct irqgate_core_config config = valid;

		config.chip[0] = chips[i];
		assert_refused(&config);
	}
}

TEST(two_chips_over_one_gsi_range_are_refused)
{
	static const uint32_t bases[] = { 30, 30 + PINS - 1, 30 - PINS + 1, 32 };

	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		struct irqgate_core_config config = valid;

		config.chips = 2;
		config.chip[0] = (struct irqgate_chip){ .pins = PINS, .gsi_base = 30 };
		config.chip[1] = (struct irqgate_chip){ .pins = i == 3 ? 1 : PINS, .gsi_base = bases[i] };
		assert_refused(&config);
	}
}

TEST(too_little_memory_is_refused_and_left_alone)
{
	size_t bytes = irqgate_core_size(&valid);
	unsigned char *memory = malloc(bytes - 1);
	struct irqgate_core *core = NULL;

	assert_non_null(memory);
	memset(memory, 0xa5, bytes - 1);
	assert_int_equal(irqgate_core_init(memory, bytes - 1, &valid, &core), -ENOSPC);
	assert_null(core);
	for (size_t i = 0; i < bytes - 1; i++)
		assert_int_equal(memory[i], 0xa5);
	free(memory);
}

TEST(core_needs_no_byte_behind_its_size)
{
	size_t bytes = irqgate_core_size(&valid);
	unsigned char *memory = malloc(bytes + 16);
	struct irqgate_core *core;

	assert_non_null(memory);
	memset(memory, 0xa5, bytes + 16);
	assert_int_equal(irqgate_core_init(memory, bytes + 16, &valid, &core), 0);
	for (size_t i = bytes; i < bytes + 16; i++)
		assert_int_equal(memory[i], 0xa5);
	assert_true(irqgate_core_state_size(core) <= bytes);
	free(memory);
}

TEST(largest_core_works_to_its_last_pin_and_source)
{
	struct irqgate_core_config config = valid;
	struct machine m;
	irqgate_source source = 0;

	config.chip[0].pins = IRQGATE_PINS_MAX;
	config.sources = IRQGATE_SOURCES_MAX;
	machine_open_config(&m, &config);
	for (uint32_t i = 0; i < IRQGATE_PINS_MAX * IRQGATE_LINE_SOURCES_MAX; i++)
		source = machine_add(&m, i / IRQGATE_LINE_SOURCES_MAX, IRQGATE_SOURCE_WIRE, false);
	machine_program(&m, IRQGATE_PINS_MAX - 1, LEVEL);
	machine_level(&m, source, true);
	assert_seen(&m, 1, 0, 0);
	assert_int_equal(m.seen.pin, IRQGATE_PINS_MAX - 1);
	machine_close(&m);
}

/* Leaves bytes on the stack that a struct with padding could pick up. */
static void __attribute__((noinline)) dirty_the_stack(int value)
{
	volatile unsigned char bytes[4096];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)value;
}

/* A history that goes through the core's corners. */
static void live(struct machine *m, bool direct, int dirt)
{
	irqgate_source source, wire;

	dirty_the_stack(dirt);
	source = machine_open_with(m, IRQGATE_POLICY_HOLD, direct, LEVEL);
	dirty_the_stack(dirt);
	machine_trigger(m, source);
	machine_mask(m);
	machine_eoi(m, VECTOR);
	dirty_the_stack(dirt);
	machine_unmask(m);
	dirty_the_stack(dirt);
	wire = machine_add(m, PIN, IRQGATE_SOURCE_WIRE, false);
	machine_level(m, wire, true);
	dirty_the_stack(dirt);
	machine_program(m, PIN, IG_RTE_LEVEL | OTHER_VECTOR);
	machine_eoi(m, VECTOR);
	dirty_the_stack(dirt);
	machine_program(m, PIN, LEVEL | MASKED);
	machine_remove(m, source);
	dirty_the_stack(dirt);
	machine_add(m, OTHER_PIN, IRQGATE_SOURCE_FORWARDED, direct);
	machine_program(m, OTHER_PIN, LEVEL);
}

TEST(equal_histories_give_equal_bytes)
{
	static const bool direct[] = { false, true };

	for (size_t i = 0; i < 2; i++) {
		struct machine one, other;

		live(&one, direct[i], 0x00);
		live(&other, direct[i], 0xff);
		assert_int_equal(irqgate_core_state_size(one.core), irqgate_core_state_size(other.core));
		assert_memory_equal(one.core, other.core, irqgate_core_state_size(one.core));
		machine_close(&other);
		machine_close(&one);
	}
}

TEST(counters_are_not_part_of_the_state)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);
	size_t size = irqgate_core_state_size(m.core);
	unsigned char *before = malloc(size);

	assert_non_null(before);
	machine_trigger(&m, source);
	memcpy(before, m.core, size);
	machine_trigger(&m, source); /* absorbed, and counted */
	assert_int_equal(machine_stats(&m, source).absorbed, 1);
	assert_memory_equal(before, m.core, size);
	free(before);
	machine_close(&m);
}

/* Moves a machine's core to other memory, as plain bytes. */
static void move(struct machine *m)
{
	void *memory = malloc(m->bytes);

	assert_non_null(memory);
	memcpy(memory, m->memory, m->bytes);
	memset(m->memory, 0xa5, m->bytes);
	free(m->memory);
	m->memory = memory;
	m->core = memory;
}

TEST(copy_behaves_as_the_original)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);

	machine_trigger(&m, source);
	move(&m);
	machine_mask(&m);
	machine_eoi(&m, VECTOR);
	assert_seen(&m, 0, 0, 0);
	move(&m);
	machine_unmask(&m);
	assert_seen(&m, 0, 1, 0);
	assert_string_equal(irqgate_core_name(m.core, source), "source");
	machine_close(&m);
}

TEST(copy_does_not_touch_the_original)
{
	struct machine m, copy;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);

	copy = m;
	copy.memory = malloc(m.bytes);
	assert_non_null(copy.memory);
	memcpy(copy.memory, m.memory, m.bytes);
	copy.core = copy.memory;
	machine_trigger(&copy, source);
	assert_int_equal(irqgate_core_source_level(copy.core, source), 1);
	assert_int_equal(irqgate_core_source_level(m.core, source), 0);
	machine_close(&copy);
	machine_close(&m);
}

TEST(reset_masks_the_pins_and_keeps_sources_and_levels)
{
	struct machine m;
	irqgate_source wire;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	wire = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	machine_program(&m, PIN, LEVEL);
	machine_write(&m, IG_IOAPIC_ID, 0x05000000);
	machine_level(&m, wire, true);
	machine_reset(&m);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(machine_read(&m, IG_IOAPIC_ID), 0);
	assert_int_equal(machine_read(&m, rte_low(PIN)), IG_RTE_MASKED);
	assert_true(irqgate_core_line_level(m.core, PIN));
	machine_unmask(&m);
	assert_seen(&m, 1, 0, 0);
	machine_close(&m);
}

TEST(reset_forgets_what_was_in_service)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);

	machine_trigger(&m, source);
	machine_reset(&m);
	assert_int_equal(machine_eoi(&m, VECTOR), 0);
	assert_false(irqgate_core_send_failed(m.core, PIN, m.effects.effect[0].ticket));
	machine_close(&m);
}

TEST(reset_with_other_policies_loses_nothing)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_EOI, false, LEVEL);

	machine_trigger(&m, source);
	machine_reset(&m);
	machine_unmask(&m);
	assert_seen(&m, 1, 0, 0); /* no resample at an unmask there, so the level must have stayed */
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_of_another_size_is_refused),
		cmocka_unit_test(config_out_of_range_is_refused),
		cmocka_unit_test(chip_out_of_range_is_refused),
		cmocka_unit_test(two_chips_over_one_gsi_range_are_refused),
		cmocka_unit_test(too_little_memory_is_refused_and_left_alone),
		cmocka_unit_test(core_needs_no_byte_behind_its_size),
		cmocka_unit_test(largest_core_works_to_its_last_pin_and_source),
		cmocka_unit_test(equal_histories_give_equal_bytes),
		cmocka_unit_test(counters_are_not_part_of_the_state),
		cmocka_unit_test(copy_behaves_as_the_original),
		cmocka_unit_test(copy_does_not_touch_the_original),
		cmocka_unit_test(reset_masks_the_pins_and_keeps_sources_and_levels),
		cmocka_unit_test(reset_forgets_what_was_in_service),
		cmocka_unit_test(reset_with_other_policies_loses_nothing),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
