/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A pin that is reprogrammed while its interrupt is in service: its vector, its destination, its mode, in any
 * order of the writes and the EOI. Each event ends once, and the next one has the new message.
 */
#include "machine.h"

#define MODE(mode)   ((uint64_t)(mode) << IG_RTE_DELIVERY_SHIFT)
#define TO(cpu)      ((uint64_t)(cpu) << IG_RTE_DEST_SHIFT)
#define OTHER_LEVEL  (IG_RTE_LEVEL | OTHER_VECTOR)

enum { NMI = 4 };

/* An entry after which the interrupt in service still needs its EOI. */
static const uint64_t rewrites[] = {
	LEVEL, OTHER_LEVEL, LEVEL | TO(3), OTHER_LEVEL | TO(3), LEVEL | IG_RTE_LOGICAL | TO(1),
	LEVEL | MODE(IG_DELIVERY_LOWEST), OTHER_LEVEL | MODE(IG_DELIVERY_LOWEST) | IG_RTE_LOGICAL | TO(0xff),
	LEVEL | IG_RTE_POLARITY,
};

/* And one that is no level-triggered entry any more: the same as an EOI. */
static const uint64_t ends[] = { EDGE | MASKED, EDGE, LEVEL | MODE(NMI) | MASKED, EDGE | OTHER_VECTOR | MASKED };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A source with an interrupt in service. */
static irqgate_source begin(struct machine *m)
{
	irqgate_source source = machine_open_with(m, IRQGATE_POLICY_HOLD, false, LEVEL);

	machine_trigger(m, source);
	assert_seen(m, 1, 0, 0);
	return source;
}

/* Fails unless so many events ended, and the next is sent as the entry has it now. */
static void assert_next(struct machine *m, irqgate_source source, uint64_t rte, uint64_t ended)
{
	struct irqgate_message expected = ig_rte_message(rte);

	assert_int_equal(machine_stats(m, source).resamples, ended);
	assert_false(machine_remote_irr(m, PIN));
	machine_trigger(m, source);
	assert_seen(m, 1, 0, 0);
	assert_memory_equal(&m->seen.message, &expected, sizeof(expected));
	assert_int_equal(machine_eoi(m, (uint8_t)(rte & IG_RTE_VECTOR)), 1);
	assert_int_equal(machine_stats(m, source).resamples, ended + 1);
}

TEST(rewrite_before_the_eoi)
{
	for (size_t i = 0; i < COUNT(rewrites); i++) {
		struct machine m;
		irqgate_source source = begin(&m);

		machine_program(&m, PIN, rewrites[i]);
		assert_true(machine_remote_irr(&m, PIN));
		assert_int_equal(machine_stats(&m, source).resamples, 0);
		assert_int_equal(machine_eoi(&m, VECTOR), 1);
		assert_next(&m, source, rewrites[i], 1);
		machine_close(&m);
	}
}

/* Linux does it so: masks, waits for remote IRR to go, writes, unmasks. */
TEST(rewrite_with_the_pin_masked_around_the_eoi)
{
	for (size_t i = 0; i < COUNT(rewrites); i++) {
		struct machine m;
		irqgate_source source = begin(&m);

		machine_mask(&m);
		machine_program(&m, PIN, rewrites[i] | MASKED);
		assert_int_equal(machine_eoi(&m, VECTOR), 1);
		assert_int_equal(machine_stats(&m, source).resamples, 0);
		machine_program(&m, PIN, rewrites[i]);
		assert_next(&m, source, rewrites[i], 1);
		machine_close(&m);
	}
}

TEST(rewrite_between_the_eoi_and_the_unmask)
{
	for (size_t i = 0; i < COUNT(rewrites); i++) {
		struct machine m;
		irqgate_source source = begin(&m);

		machine_mask(&m);
		assert_int_equal(machine_eoi(&m, VECTOR), 1);
		machine_program(&m, PIN, rewrites[i]);
		assert_next(&m, source, rewrites[i], 1);
		machine_close(&m);
	}
}

/* By the handler itself: there and back, and somewhere else, before its EOI; that is still for what was sent. */
TEST(rewrite_by_the_handler_more_than_once)
{
	for (size_t i = 0; i < COUNT(rewrites); i++) {
		for (size_t j = 0; j < COUNT(rewrites); j++) {
			struct machine m;
			irqgate_source source = begin(&m);

			machine_program(&m, PIN, rewrites[i]);
			machine_program(&m, PIN, LEVEL | MASKED);
			machine_program(&m, PIN, LEVEL);
			machine_program(&m, PIN, rewrites[j]);
			assert_int_equal(machine_eoi(&m, OTHER_VECTOR), 0);
			assert_int_equal(machine_eoi(&m, VECTOR), 1);
			assert_int_equal(machine_eoi(&m, VECTOR), 0);
			assert_next(&m, source, rewrites[j], 1);
			machine_close(&m);
		}
	}
}

/* Nothing level-triggered is left that an EOI could end; and the EOI that comes all the same is for nothing. */
TEST(rewrite_that_ends_the_interrupt)
{
	for (size_t i = 0; i < COUNT(ends); i++) {
		struct machine m;
		irqgate_source source = begin(&m);

		machine_program(&m, PIN, ends[i]);
		assert_false(machine_remote_irr(&m, PIN));
		assert_int_equal(machine_eoi(&m, VECTOR), 0);
		machine_program(&m, PIN, OTHER_LEVEL);
		assert_true(machine_stats(&m, source).resamples == 1);
		assert_next(&m, source, OTHER_LEVEL, 1);
		machine_close(&m);
	}
}

/* The kernel may have sent either message: whichever the EOI names, it is the pin's, and once. */
TEST(rewrite_on_the_direct_path)
{
	static const uint8_t vectors[] = { VECTOR, OTHER_VECTOR };

	for (size_t i = 0; i < COUNT(vectors); i++) {
		struct machine m;
		irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, true, LEVEL);

		machine_write_answered(&m, rte_low(PIN), OTHER_LEVEL, IRQGATE_LAPIC_IDLE);
		assert_seen(&m, 0, 0, 0);
		assert_int_equal(machine_eoi(&m, vectors[i]), 1);
		assert_seen(&m, 0, 1, 0);
		assert_int_equal(machine_stats(&m, source).resamples, 1);
		machine_close(&m);
	}
}

/* A LAPIC tells which one it has: only that one's EOI counts then. */
TEST(rewrite_on_the_direct_path_with_the_old_message_in_service)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, true, LEVEL);

	machine_write_answered(&m, rte_low(PIN), OTHER_LEVEL, VECTOR);
	assert_seen(&m, 0, 0, 0);
	assert_true(machine_remote_irr(&m, PIN));
	assert_int_equal(machine_eoi(&m, OTHER_VECTOR), 0);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_int_equal(machine_stats(&m, source).resamples, 1);
	machine_close(&m);
}

/* A wire that still asserts is sent again at the EOI, as the entry has it now. */
TEST(rewrite_of_a_wires_pin)
{
	for (size_t i = 0; i < COUNT(rewrites); i++) {
		struct irqgate_message expected = ig_rte_message(rewrites[i]);
		struct machine m;
		irqgate_source wire;

		machine_open(&m, IRQGATE_POLICY_HOLD);
		wire = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
		machine_program(&m, PIN, LEVEL);
		machine_level(&m, wire, true);
		machine_program(&m, PIN, rewrites[i]);
		assert_seen(&m, 0, 0, 0);
		assert_int_equal(machine_eoi(&m, VECTOR), 1);
		assert_seen(&m, 1, 0, 0);
		assert_memory_equal(&m.seen.message, &expected, sizeof(expected));
		machine_close(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rewrite_before_the_eoi),
		cmocka_unit_test(rewrite_with_the_pin_masked_around_the_eoi),
		cmocka_unit_test(rewrite_between_the_eoi_and_the_unmask),
		cmocka_unit_test(rewrite_by_the_handler_more_than_once),
		cmocka_unit_test(rewrite_that_ends_the_interrupt),
		cmocka_unit_test(rewrite_on_the_direct_path),
		cmocka_unit_test(rewrite_on_the_direct_path_with_the_old_message_in_service),
		cmocka_unit_test(rewrite_of_a_wires_pin),
	};

	return cmocka_run_group_tests_name("rewrite", tests, NULL, NULL);
}
