/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What is in service, by vector: an EOI finds its pins there, and does not look at the others. This program
 * is linked so that it counts each look at a pin or at an entry of the lists (the linker's --wrap).
 */
#include <string.h>

#include "line/core.h"
#include "machine.h"

struct ig_pin *__real_ig_core_pin(const struct irqgate_core *core, uint32_t gsi);
struct ig_pin *__wrap_ig_core_pin(const struct irqgate_core *core, uint32_t gsi);
struct ig_service *__real_ig_core_service(const struct irqgate_core *core, uint32_t gsi);
struct ig_service *__wrap_ig_core_service(const struct irqgate_core *core, uint32_t gsi);

static uint64_t steps;

struct ig_pin *__wrap_ig_core_pin(const struct irqgate_core *core, uint32_t gsi)
{
	steps++;
	return __real_ig_core_pin(core, gsi);
}

struct ig_service *__wrap_ig_core_service(const struct irqgate_core *core, uint32_t gsi)
{
	steps++;
	return __real_ig_core_service(core, gsi);
}

/* A machine of one or two chips, with a wire on each pin; all have the vector, or each its own. */
static void begin(struct machine *m, uint32_t pins, bool one_vector, irqgate_source wire[])
{
	struct irqgate_core_config config = { .size = sizeof(config), .sources = pins, .chips = 1 };

	config.chip[0].pins = pins;
	if (pins > IRQGATE_PINS_MAX) {
		config.chips = 2;
		config.chip[0].pins = IRQGATE_PINS_MAX;
		config.chip[1].pins = pins - IRQGATE_PINS_MAX;
		config.chip[1].gsi_base = IRQGATE_PINS_MAX;
	}
	machine_open_config(m, &config);
	for (uint32_t gsi = 0; gsi < pins; gsi++) {
		wire[gsi] = machine_add(m, gsi, IRQGATE_SOURCE_WIRE, false);
		m->chip = gsi / IRQGATE_PINS_MAX;
		machine_program(m, gsi % IRQGATE_PINS_MAX, IG_RTE_LEVEL | (one_vector ? VECTOR : 0x10 + gsi));
	}
}

/* The steps of an EOI for a pin in the middle; the wire has fallen by then. */
static uint64_t cost(uint32_t pins, bool one_vector, bool others_in_service)
{
	irqgate_source wire[2 * IRQGATE_PINS_MAX];
	uint32_t pin = pins / 2;
	uint64_t before;
	struct machine m;

	begin(&m, pins, one_vector, wire);
	for (uint32_t gsi = 0; others_in_service && gsi < pins; gsi++)
		machine_level(&m, wire[gsi], true);
	machine_level(&m, wire[pin], true);
	machine_level(&m, wire[pin], false);
	before = steps;
	assert_int_equal(machine_eoi(&m, (uint8_t)(one_vector ? VECTOR : 0x10 + pin)), 1);
	before = steps - before;
	machine_close(&m);
	return before;
}

TEST(eoi_costs_the_same_with_any_number_of_pins)
{
	uint64_t one = cost(1, false, false);

	assert_in_range(one, 1, 20);
	for (uint32_t pins = 2; pins <= 2 * IRQGATE_PINS_MAX; pins += 7)
		assert_true(cost(pins, false, false) == one);
}

/* All in service, each with a vector of its own. */
TEST(eoi_costs_the_same_with_any_number_of_pins_in_service)
{
	assert_true(cost(2 * IRQGATE_PINS_MAX, false, true) == cost(1, false, true));
}

/* All with the same vector, and one in service. */
TEST(eoi_costs_the_same_with_any_number_of_pins_of_the_vector)
{
	assert_true(cost(2 * IRQGATE_PINS_MAX, true, false) == cost(1, true, false));
}

TEST(eoi_of_a_vector_that_nobody_has_looks_at_no_pin)
{
	irqgate_source wire[2 * IRQGATE_PINS_MAX];
	struct machine m;

	begin(&m, 2 * IRQGATE_PINS_MAX, false, wire);
	for (uint32_t gsi = 0; gsi < 2 * IRQGATE_PINS_MAX; gsi++)
		machine_level(&m, wire[gsi], true);
	steps = 0;
	assert_int_equal(machine_eoi(&m, 0x0f), 0);
	assert_true(steps == 0);
	machine_close(&m);
}

/* Else the same state would have several forms, and states could not be compared. */
TEST(lists_do_not_tell_the_order_of_arrival)
{
	irqgate_source wire[PINS];
	struct machine one, other;

	begin(&one, PINS, true, wire);
	begin(&other, PINS, true, wire);
	for (uint32_t gsi = 0; gsi < PINS; gsi++) {
		machine_level(&one, wire[gsi], true);
		machine_level(&other, wire[(gsi * 7 + 5) % PINS], true);
	}
	assert_memory_equal(one.core, other.core, irqgate_core_state_size(one.core));
	machine_close(&one);
	machine_close(&other);
}

/* One EOI after another, in the order of the pins, and each once, though its wire makes it come again. */
TEST(eoi_reaches_all_pins_of_the_vector_once)
{
	irqgate_source wire[PINS];
	struct machine m;

	begin(&m, PINS, true, wire);
	for (uint32_t gsi = PINS; gsi-- > 0;)
		machine_level(&m, wire[gsi], true);
	assert_int_equal(machine_eoi(&m, VECTOR), PINS);
	assert_seen(&m, PINS, 0, 0);
	for (uint32_t gsi = 0; gsi < PINS; gsi += 2)
		machine_level(&m, wire[gsi], false);
	assert_int_equal(machine_eoi(&m, VECTOR), PINS);
	assert_int_equal(machine_eoi(&m, VECTOR), PINS / 2);
	machine_close(&m);
}

/* Before it is handed in, so that unread triggers of the pins' sources can be. */
TEST(eoi_is_foreseen_for_each_pin_of_the_vector)
{
	irqgate_source wire[PINS];
	struct machine m;

	begin(&m, PINS, true, wire);
	assert_int_equal(irqgate_core_serves(m.core, VECTOR, 0), -1);
	machine_level(&m, wire[3], true);
	machine_level(&m, wire[7], true);
	assert_int_equal(irqgate_core_serves(m.core, VECTOR, 0), 3);
	assert_int_equal(irqgate_core_serves(m.core, VECTOR, 4), 7);
	assert_int_equal(irqgate_core_serves(m.core, VECTOR, 8), -1);
	assert_int_equal(irqgate_core_serves(m.core, VECTOR, UINT32_MAX), -1);
	assert_int_equal(irqgate_core_serves(m.core, OTHER_VECTOR, 0), -1);
	machine_close(&m);
}

/* Whether an EOI of the vector may be for the pin, from the pin and its route alone. */
static bool may_serve(const struct machine *m, uint32_t gsi, uint8_t vector)
{
	const struct ig_pin *pin = ig_core_pin(m->core, gsi);
	struct irqgate_message message[2];
	uint32_t messages = ig_route_messages(ig_core_route(m->core, gsi), message);
	bool found = false;

	for (uint32_t i = 0; i < messages; i++)
		found |= ig_route_vector(&message[i]) == vector;
	if (pin->irr == IG_IRR_SET)
		return ig_route_vector(&pin->served) == vector;
	return pin->irr == IG_IRR_UNKNOWN && found;
}

static void compare(const struct machine *m, uint8_t vector)
{
	uint32_t next = ig_service_next(m->core, vector, 0);

	for (uint32_t gsi = 0; gsi < PINS; gsi++) {
		assert_int_equal(next == gsi, may_serve(m, gsi, vector));
		if (next == gsi)
			next = ig_service_next(m->core, vector, gsi + 1);
	}
	assert_int_equal(next, IG_NO_GSI);
}

static uint32_t pick(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(*seed >> 33) % below;
}

/* A vector of those, one that the pin has not, or that none was found or asked for. */
static int pick_answer(uint64_t *seed)
{
	return pick(seed, 2) ? (int)pick(seed, 6) + 0x3e : (int)pick(seed, 2) - 2;
}

/* Wires, and forwarded sources on both paths; a few vectors, so that they meet. */
static void step(struct machine *m, const irqgate_source source[], uint64_t *seed)
{
	uint32_t gsi = pick(seed, PINS), rte = 0x40 + pick(seed, 4);

	switch (pick(seed, 8)) {
	case 0: machine_eoi(m, (uint8_t)rte); break;
	case 1: machine_ioapic_eoi(m, (uint8_t)rte); break;
	case 2: irqgate_core_send_failed(m->core, gsi, ig_core_pin(m->core, gsi)->ticket); break;
	case 3: machine_retry(m); break;
	case 4: case 5:
		rte |= pick(seed, 8) ? IG_RTE_LEVEL : 0;
		rte |= pick(seed, 3) ? 0 : IG_RTE_MASKED;
		machine_write_answered(m, rte_low(gsi), rte, pick_answer(seed));
		break;
	default:
		if (gsi % 3)
			machine_trigger(m, source[gsi]);
		else
			machine_level(m, source[gsi], pick(seed, 2));
		break;
	}
}

TEST(lists_are_what_a_look_at_all_pins_would_find)
{
	irqgate_source source[PINS];
	uint64_t seed = 1;
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	for (uint32_t gsi = 0; gsi < PINS; gsi++)
		source[gsi] = machine_add(&m, gsi, gsi % 3 ? IRQGATE_SOURCE_FORWARDED : IRQGATE_SOURCE_WIRE,
					  gsi % 3 == 1);
	for (int i = 0; i < 20000; i++) {
		step(&m, source, &seed);
		for (uint8_t vector = 0x3f; vector <= 0x44; vector++)
			compare(&m, vector);
		if (!pick(&seed, 1000))
			machine_reset(&m);
	}
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eoi_costs_the_same_with_any_number_of_pins),
		cmocka_unit_test(eoi_costs_the_same_with_any_number_of_pins_in_service),
		cmocka_unit_test(eoi_costs_the_same_with_any_number_of_pins_of_the_vector),
		cmocka_unit_test(eoi_of_a_vector_that_nobody_has_looks_at_no_pin),
		cmocka_unit_test(lists_do_not_tell_the_order_of_arrival),
		cmocka_unit_test(eoi_reaches_all_pins_of_the_vector_once),
		cmocka_unit_test(eoi_is_foreseen_for_each_pin_of_the_vector),
		cmocka_unit_test(lists_are_what_a_look_at_all_pins_would_find),
	};

	return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
