/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The six modes of an 8254 counter, as its data sheet (231164, "Mode Definitions") has them. */
#include "clockwork.h"

/* A counter of a PC whose gate is high for good, and the one whose gate is a bit of port 0x61. */
enum { FREE = 0, GATED = 2 };
enum { LOW = false, HIGH = true };

static void begin(struct clockwork *w, uint32_t counter, uint32_t mode, uint32_t count)
{
	clockwork_begin(w, IG_PIT_REINJECT);
	clockwork_gate(w, true);
	clockwork_program(w, counter, mode, count);
}

/* The same with the gate low. */
static void begin_stopped(struct clockwork *w, uint32_t mode, uint32_t count)
{
	clockwork_begin(w, IG_PIT_REINJECT);
	clockwork_program(w, GATED, mode, count);
}

/* One CLK pulse loads, N count. */
TEST(mode_0_rises_n_plus_1_pulses_after_the_count_and_stays)
{
	struct clockwork w;

	begin(&w, FREE, 0, 5);
	clockwork_stays(&w, FREE, LOW, 6);
	clockwork_stays(&w, FREE, HIGH, 70000);
}

/* A count of 0 is the largest there is. */
TEST(mode_0_count_of_0_is_65536)
{
	struct clockwork w;

	begin(&w, FREE, 0, 0);
	clockwork_stays(&w, FREE, LOW, 65537);
	clockwork_stays(&w, FREE, HIGH, 1);
}

/* The counter does not stop at zero: it wraps and counts on. */
TEST(mode_0_counts_on_from_ffff)
{
	struct clockwork w;

	begin(&w, FREE, 0, 5);
	w.clock += 6;
	assert_int_equal(clockwork_read(&w, FREE), 0);
	w.clock++;
	assert_int_equal(clockwork_read(&w, FREE), 0xffff);
	w.clock += 65536;
	assert_int_equal(clockwork_read(&w, FREE), 0xffff);
}

/* Writing the first byte stops the counting and drops OUT at once; the second starts anew. */
TEST(mode_0_first_byte_of_a_new_count_stops_the_old)
{
	struct clockwork w;

	begin(&w, FREE, 0, 5);
	w.clock += 3;
	clockwork_out(&w, IG_PIT_PORT_COUNTER, 4);
	w.clock += 100;
	clockwork_stays(&w, FREE, LOW, 1);
	clockwork_out(&w, IG_PIT_PORT_COUNTER, 0);
	clockwork_stays(&w, FREE, LOW, 5);
	clockwork_stays(&w, FREE, HIGH, 1);
}

TEST(mode_0_out_falls_with_the_first_byte)
{
	struct clockwork w;

	begin(&w, FREE, 0, 1);
	w.clock += 2;
	clockwork_stays(&w, FREE, HIGH, 1);
	clockwork_out(&w, IG_PIT_PORT_COUNTER, 4);
	clockwork_stays(&w, FREE, LOW, 1);
}

/* The gate stops the count, but neither the load nor OUT. */
TEST(mode_0_gate_stops_the_count_alone)
{
	struct clockwork w;

	begin_stopped(&w, 0, 5);
	w.clock += 100;
	assert_int_equal(clockwork_read(&w, GATED), 5);
	clockwork_gate(&w, true);
	clockwork_stays(&w, GATED, LOW, 5); /* the load is done already */
	clockwork_gate(&w, false);
	clockwork_stays(&w, GATED, HIGH, 10);
	assert_int_equal(clockwork_read(&w, GATED), 0);
}

/* The first CLK pulse after the trigger drops OUT, which is then low for N. */
TEST(mode_1_gate_triggers_one_shot)
{
	struct clockwork w;

	begin_stopped(&w, 1, 3);
	clockwork_stays(&w, GATED, HIGH, 10);
	clockwork_gate(&w, true);
	clockwork_stays(&w, GATED, HIGH, 1);
	clockwork_stays(&w, GATED, LOW, 3);
	clockwork_stays(&w, GATED, HIGH, 70000);
}

/* Only the edge counts: the gate may fall. A new edge starts the shot anew. */
TEST(mode_1_is_retriggerable)
{
	struct clockwork w;

	begin_stopped(&w, 1, 3);
	clockwork_gate(&w, true);
	clockwork_gate(&w, false);
	w.clock++;
	clockwork_stays(&w, GATED, LOW, 2);
	clockwork_gate(&w, true);
	clockwork_stays(&w, GATED, LOW, 4);
	clockwork_stays(&w, GATED, HIGH, 1);
}

/* A new count waits for the next trigger. */
TEST(mode_1_new_count_does_not_touch_the_shot)
{
	struct clockwork w;

	begin_stopped(&w, 1, 3);
	clockwork_gate(&w, true);
	w.clock++;
	clockwork_count(&w, GATED, 5);
	clockwork_stays(&w, GATED, LOW, 3);
	clockwork_stays(&w, GATED, HIGH, 10);
	clockwork_gate(&w, false);
	clockwork_gate(&w, true);
	w.clock++;
	clockwork_stays(&w, GATED, LOW, 5);
	clockwork_stays(&w, GATED, HIGH, 1);
}

/* The counter is armed by its count: an edge before that is none. */
TEST(mode_1_trigger_before_the_count_is_lost)
{
	struct clockwork w;

	clockwork_begin(&w, IG_PIT_REINJECT);
	clockwork_control(&w, GATED, BOTH_BYTES | MODE(1));
	clockwork_gate(&w, true);
	clockwork_count(&w, GATED, 3);
	clockwork_stays(&w, GATED, HIGH, 100);
}

/* OUT is low while the count is 1: after N - 1 of the load, and then every N. */
TEST(mode_2_is_low_for_one_pulse_of_n)
{
	struct clockwork w;

	begin(&w, FREE, 2, 4);
	clockwork_stays(&w, FREE, HIGH, 1);
	for (int i = 0; i < 5; i++) {
		clockwork_stays(&w, FREE, HIGH, 3);
		clockwork_stays(&w, FREE, LOW, 1);
	}
}

TEST(mode_2_new_count_waits_for_the_end_of_the_period)
{
	struct clockwork w;

	begin(&w, FREE, 2, 4);
	w.clock += 2;
	clockwork_count(&w, FREE, 2);
	clockwork_stays(&w, FREE, HIGH, 2);
	clockwork_stays(&w, FREE, LOW, 1);
	clockwork_stays(&w, FREE, HIGH, 1);
	clockwork_stays(&w, FREE, LOW, 1);
}

/* A trigger does not wait for it. */
TEST(mode_2_trigger_loads_the_new_count)
{
	struct clockwork w;

	begin(&w, GATED, 2, 100);
	w.clock += 10;
	clockwork_count(&w, GATED, 3);
	clockwork_gate(&w, false);
	clockwork_gate(&w, true);
	clockwork_stays(&w, GATED, HIGH, 3);
	clockwork_stays(&w, GATED, LOW, 1);
	clockwork_stays(&w, GATED, HIGH, 2);
	clockwork_stays(&w, GATED, LOW, 1);
}

/* The gate stops the count, and lifts OUT without a CLK pulse. */
TEST(mode_2_gate_lifts_out_at_once)
{
	struct clockwork w;

	begin(&w, GATED, 2, 3);
	w.clock += 3;
	assert_false(clockwork_level(&w, GATED));
	clockwork_gate(&w, false);
	clockwork_stays(&w, GATED, HIGH, 100);
	assert_int_equal(clockwork_read(&w, GATED), 1);
}

/* An even count is high for one half and low for the other, and goes down by two. */
TEST(mode_3_even_count_has_equal_halves)
{
	struct clockwork w;

	begin(&w, FREE, 3, 4);
	clockwork_stays(&w, FREE, HIGH, 1);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(clockwork_read(&w, FREE), 4);
		clockwork_stays(&w, FREE, HIGH, 1);
		assert_int_equal(clockwork_read(&w, FREE), 2);
		clockwork_stays(&w, FREE, HIGH, 1);
		clockwork_stays(&w, FREE, LOW, 2);
	}
}

/* Of an odd count, one less is loaded; the high half is one pulse longer, with the count at 0. */
TEST(mode_3_odd_count_is_high_for_one_more)
{
	struct clockwork w;

	begin(&w, FREE, 3, 5);
	clockwork_stays(&w, FREE, HIGH, 1);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(clockwork_read(&w, FREE), 4);
		clockwork_stays(&w, FREE, HIGH, 2);
		assert_int_equal(clockwork_read(&w, FREE), 0);
		clockwork_stays(&w, FREE, HIGH, 1);
		assert_int_equal(clockwork_read(&w, FREE), 4);
		clockwork_stays(&w, FREE, LOW, 2);
	}
}

TEST(mode_3_new_count_waits_for_the_end_of_the_half)
{
	struct clockwork w;

	begin(&w, FREE, 3, 8);
	w.clock += 2;
	clockwork_count(&w, FREE, 2);
	clockwork_stays(&w, FREE, HIGH, 3);
	clockwork_stays(&w, FREE, LOW, 1);
	clockwork_stays(&w, FREE, HIGH, 1);
}

TEST(mode_3_gate_lifts_out_and_starts_anew)
{
	struct clockwork w;

	begin(&w, GATED, 3, 6);
	w.clock += 4;
	assert_false(clockwork_level(&w, GATED));
	clockwork_gate(&w, false);
	clockwork_stays(&w, GATED, HIGH, 100);
	clockwork_gate(&w, true);
	clockwork_stays(&w, GATED, HIGH, 1 + 3);
	clockwork_stays(&w, GATED, LOW, 3);
}

/* The data sheet forbids it; it must not divide by it, nor give an edge a pulse. */
TEST(count_of_1_in_modes_2_and_3_gives_no_edge)
{
	for (uint32_t mode = 2; mode <= 3; mode++) {
		struct clockwork w;
		uint64_t due;

		begin(&w, FREE, mode, 1);
		due = w.pit.stats.due; /* the control word lifted OUT */
		w.clock += 1000;
		clockwork_stays(&w, FREE, mode == 3, 1000);
		assert_int_equal(w.pit.stats.due, due);
		assert_int_equal(ig_counter_next_rise(&w.pit.counter[FREE]), IG_COUNTER_NEVER);
	}
}

/* The strobe comes N + 1 after the count, lasts one pulse, and does not come again. */
TEST(mode_4_strobes_once)
{
	struct clockwork w;

	begin(&w, FREE, 4, 3);
	clockwork_stays(&w, FREE, HIGH, 4);
	clockwork_stays(&w, FREE, LOW, 1);
	clockwork_stays(&w, FREE, HIGH, 140000);
}

TEST(mode_4_new_count_starts_anew_with_its_second_byte)
{
	struct clockwork w;

	begin(&w, FREE, 4, 9);
	w.clock += 5;
	clockwork_out(&w, IG_PIT_PORT_COUNTER, 2);
	w.clock += 3;
	assert_int_equal(clockwork_read(&w, FREE), 2); /* the first byte stopped nothing */
	clockwork_out(&w, IG_PIT_PORT_COUNTER, 0);
	clockwork_stays(&w, FREE, HIGH, 3);
	clockwork_stays(&w, FREE, LOW, 1);
	clockwork_stays(&w, FREE, HIGH, 1);
}

/* The gate stops the count, and has no effect on OUT: a strobe is one pulse long. */
TEST(mode_4_gate_stops_the_count_alone)
{
	struct clockwork w;

	begin_stopped(&w, 4, 2);
	clockwork_stays(&w, GATED, HIGH, 100);
	clockwork_gate(&w, true);
	clockwork_stays(&w, GATED, HIGH, 2);
	clockwork_gate(&w, false);
	clockwork_stays(&w, GATED, LOW, 1);
	clockwork_stays(&w, GATED, HIGH, 100);
}

TEST(mode_5_gate_triggers_a_strobe)
{
	struct clockwork w;

	begin_stopped(&w, 5, 3);
	clockwork_stays(&w, GATED, HIGH, 100);
	clockwork_gate(&w, true);
	clockwork_gate(&w, false);
	clockwork_stays(&w, GATED, HIGH, 4);
	clockwork_stays(&w, GATED, LOW, 1);
	clockwork_stays(&w, GATED, HIGH, 140000);
}

TEST(mode_5_is_retriggerable)
{
	struct clockwork w;

	begin_stopped(&w, 5, 3);
	clockwork_gate(&w, true);
	w.clock += 3;
	clockwork_gate(&w, false);
	clockwork_gate(&w, true);
	clockwork_stays(&w, GATED, HIGH, 4);
	clockwork_stays(&w, GATED, LOW, 1);
}

/* The first bit of these two modes is a don't-care. */
TEST(modes_6_and_7_are_2_and_3)
{
	for (uint32_t mode = 2; mode <= 3; mode++) {
		struct clockwork plain, other;

		begin(&plain, FREE, mode, 7);
		begin(&other, FREE, mode + 4, 7);
		for (int i = 0; i < 50; i++, plain.clock++, other.clock++)
			assert_int_equal(clockwork_level(&plain, FREE), clockwork_level(&other, FREE));
		assert_int_equal(clockwork_status(&other, FREE) & IG_COUNTER_MODE, MODE(mode + 4));
	}
}

/*
 * A control word ends whatever was going on; OUT is low in mode 0 and high in all others, without a CLK
 * pulse.
 */
TEST(control_word_stops_the_counter_and_sets_out)
{
	for (uint32_t mode = 0; mode < 6; mode++) {
		struct clockwork w;

		begin(&w, FREE, 2, 10);
		w.clock += 5;
		clockwork_control(&w, FREE, BOTH_BYTES | MODE(mode));
		clockwork_stays(&w, FREE, mode != 0, 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mode_0_rises_n_plus_1_pulses_after_the_count_and_stays),
		cmocka_unit_test(mode_0_count_of_0_is_65536),
		cmocka_unit_test(mode_0_counts_on_from_ffff),
		cmocka_unit_test(mode_0_first_byte_of_a_new_count_stops_the_old),
		cmocka_unit_test(mode_0_out_falls_with_the_first_byte),
		cmocka_unit_test(mode_0_gate_stops_the_count_alone),
		cmocka_unit_test(mode_1_gate_triggers_one_shot),
		cmocka_unit_test(mode_1_is_retriggerable),
		cmocka_unit_test(mode_1_new_count_does_not_touch_the_shot),
		cmocka_unit_test(mode_1_trigger_before_the_count_is_lost),
		cmocka_unit_test(mode_2_is_low_for_one_pulse_of_n),
		cmocka_unit_test(mode_2_new_count_waits_for_the_end_of_the_period),
		cmocka_unit_test(mode_2_trigger_loads_the_new_count),
		cmocka_unit_test(mode_2_gate_lifts_out_at_once),
		cmocka_unit_test(mode_3_even_count_has_equal_halves),
		cmocka_unit_test(mode_3_odd_count_is_high_for_one_more),
		cmocka_unit_test(mode_3_new_count_waits_for_the_end_of_the_half),
		cmocka_unit_test(mode_3_gate_lifts_out_and_starts_anew),
		cmocka_unit_test(count_of_1_in_modes_2_and_3_gives_no_edge),
		cmocka_unit_test(mode_4_strobes_once),
		cmocka_unit_test(mode_4_new_count_starts_anew_with_its_second_byte),
		cmocka_unit_test(mode_4_gate_stops_the_count_alone),
		cmocka_unit_test(mode_5_gate_triggers_a_strobe),
		cmocka_unit_test(mode_5_is_retriggerable),
		cmocka_unit_test(modes_6_and_7_are_2_and_3),
		cmocka_unit_test(control_word_stops_the_counter_and_sets_out),
	};

	return cmocka_run_group_tests_name("counter", tests, NULL, NULL);
}
