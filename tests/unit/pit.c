/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* How a guest reads and writes the 8254 (data sheet 231164, "Programming the 8254"), port 0x61, and time. */
#include <string.h>

#include "clockwork.h"

enum { PORT_0 = IG_PIT_PORT_COUNTER, PORT_2 = IG_PIT_PORT_COUNTER + 2 };

/* Counter 0 in mode 2, with so much left of its count. */
static void begin(struct clockwork *w, uint32_t count, uint32_t left)
{
	clockwork_begin(w, IG_PIT_REINJECT);
	clockwork_program(w, 0, 2, count);
	w->clock += 1 + count - left;
}

/* Half a format: the byte that is not written is 0, and only the one that is chosen is read. */
TEST(one_byte_formats)
{
	struct clockwork w;

	clockwork_begin(&w, IG_PIT_REINJECT);
	clockwork_control(&w, 0, IG_COUNTER_LOW | MODE(2));
	clockwork_out(&w, PORT_0, 0x12);
	clockwork_control(&w, 1, IG_COUNTER_HIGH | MODE(2));
	clockwork_out(&w, PORT_0 + 1, 0x34);
	w.clock += 2;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(clockwork_in(&w, PORT_0), 0x11);
		assert_int_equal(clockwork_in(&w, PORT_0 + 1), 0x33);
	}
	assert_int_equal(w.pit.counter[0].loaded, 0x12);
	assert_int_equal(w.pit.counter[1].loaded, 0x3400);
}

/* Reads and writes of two bytes may be interleaved: each has a flip-flop of its own. */
TEST(reads_and_writes_have_flip_flops_of_their_own)
{
	struct clockwork w;

	begin(&w, 0x2000, 0x1234);
	assert_int_equal(clockwork_in(&w, PORT_0), 0x34);
	clockwork_out(&w, PORT_0, 0x78);
	assert_int_equal(clockwork_in(&w, PORT_0), 0x12);
	clockwork_out(&w, PORT_0, 0x56);
	w.clock += 0x1234;
	assert_int_equal(clockwork_read(&w, 0), 0x5678);
}

/* A control word starts both with the lower byte again. */
TEST(control_word_resets_the_flip_flops)
{
	struct clockwork w;

	begin(&w, 0x2000, 0x1234);
	clockwork_in(&w, PORT_0);
	clockwork_out(&w, PORT_0, 0x99);
	clockwork_program(&w, 0, 2, 0x4321);
	w.clock++;
	assert_int_equal(clockwork_read(&w, 0), 0x4321);
}

/* The latched count waits for its reads; then the counting element shows again. */
TEST(latched_count_holds_until_it_is_read)
{
	struct clockwork w;

	begin(&w, 0x2000, 0x1234);
	clockwork_out(&w, IG_PIT_PORT_CONTROL, LATCH(0));
	w.clock += 0x34;
	assert_int_equal(clockwork_in(&w, PORT_0), 0x34);
	w.clock += 0x100;
	assert_int_equal(clockwork_in(&w, PORT_0), 0x12);
	assert_int_equal(clockwork_read(&w, 0), 0x1100);
}

TEST(second_latch_before_the_read_is_ignored)
{
	struct clockwork w;

	begin(&w, 0x2000, 0x1234);
	clockwork_out(&w, IG_PIT_PORT_CONTROL, LATCH(0));
	w.clock += 100;
	clockwork_out(&w, IG_PIT_PORT_CONTROL, LATCH(0));
	clockwork_out(&w, IG_PIT_PORT_CONTROL, READ_BACK_COUNT | OF_COUNTER(0));
	assert_int_equal(clockwork_read(&w, 0), 0x1234);
}

TEST(latch_is_of_one_counter_and_changes_nothing_else)
{
	struct clockwork w;

	begin(&w, 0x2000, 0x1234);
	clockwork_program(&w, 1, 2, 0x2000);
	clockwork_out(&w, IG_PIT_PORT_CONTROL, LATCH(1) | MODE(5)); /* the lower bits are don't-cares */
	w.clock += 0x34;
	assert_int_equal(clockwork_read(&w, 0), 0x1200);
	assert_int_equal(clockwork_status(&w, 0) & IG_COUNTER_MODE, MODE(2));
	assert_int_equal(clockwork_status(&w, 1) & IG_COUNTER_MODE, MODE(2));
}

TEST(control_word_frees_the_latches)
{
	struct clockwork w;

	begin(&w, 0x2000, 0x1234);
	clockwork_out(&w, IG_PIT_PORT_CONTROL, READ_BACK_BOTH | OF_COUNTER(0));
	clockwork_program(&w, 0, 2, 0x4321);
	w.clock++;
	assert_int_equal(clockwork_read(&w, 0), 0x4321);
}

/* One read-back latches as many counters as it names. */
TEST(read_back_latches_several_counters_at_once)
{
	struct clockwork w;

	clockwork_begin(&w, IG_PIT_REINJECT);
	clockwork_gate(&w, true);
	for (uint32_t i = 0; i < IG_PIT_COUNTERS; i++)
		clockwork_program(&w, i, 2, 0x1000 * (i + 1));
	w.clock++;
	clockwork_out(&w, IG_PIT_PORT_CONTROL, READ_BACK_COUNT | OF_COUNTER(0) | OF_COUNTER(2));
	w.clock += 0x10;
	assert_int_equal(clockwork_read(&w, 0), 0x1000);
	assert_int_equal(clockwork_read(&w, 1), 0x1ff0);
	assert_int_equal(clockwork_read(&w, 2), 0x3000);
}

/* Whatever was latched first: the status is read first, then the count. */
TEST(read_back_of_both_gives_the_status_first)
{
	struct clockwork w;

	begin(&w, 0x2000, 0x1234);
	clockwork_out(&w, IG_PIT_PORT_CONTROL, LATCH(0));
	clockwork_out(&w, IG_PIT_PORT_CONTROL, READ_BACK_STATUS | OF_COUNTER(0));
	w.clock += 0x34;
	assert_int_equal(clockwork_in(&w, PORT_0), IG_COUNTER_OUT | BOTH_BYTES | MODE(2));
	assert_int_equal(clockwork_read(&w, 0), 0x1234);
	assert_int_equal(clockwork_read(&w, 0), 0x1200);
	clockwork_out(&w, IG_PIT_PORT_CONTROL, READ_BACK_BOTH | OF_COUNTER(0));
	w.clock += 0x100;
	assert_int_equal(clockwork_in(&w, PORT_0), IG_COUNTER_OUT | BOTH_BYTES | MODE(2));
	assert_int_equal(clockwork_read(&w, 0), 0x1200);
}

TEST(second_status_latch_before_the_read_is_ignored)
{
	struct clockwork w;

	begin(&w, 4, 1);
	clockwork_out(&w, IG_PIT_PORT_CONTROL, READ_BACK_STATUS | OF_COUNTER(0));
	w.clock++;
	assert_int_equal(clockwork_status(&w, 0), BOTH_BYTES | MODE(2)); /* OUT was low then */
	assert_int_equal(clockwork_status(&w, 0), IG_COUNTER_OUT | BOTH_BYTES | MODE(2));
}

/* It has the control word as written, and OUT. */
TEST(status_has_the_control_word)
{
	struct clockwork w;

	clockwork_begin(&w, IG_PIT_REINJECT);
	clockwork_control(&w, 2, IG_COUNTER_HIGH | MODE(5) | IG_COUNTER_BCD);
	assert_int_equal(clockwork_status(&w, 2),
			 IG_COUNTER_OUT | IG_COUNTER_NULL | IG_COUNTER_HIGH | MODE(5) | IG_COUNTER_BCD);
}

/* Set by the control word and by the last byte of a count; cleared when that is loaded. */
TEST(null_count_says_that_the_count_is_not_loaded)
{
	struct clockwork w;

	clockwork_begin(&w, IG_PIT_REINJECT);
	clockwork_program(&w, 0, 2, 10);
	assert_true(clockwork_status(&w, 0) & IG_COUNTER_NULL);
	w.clock++;
	assert_false(clockwork_status(&w, 0) & IG_COUNTER_NULL);
	clockwork_out(&w, PORT_0, 5);
	assert_false(clockwork_status(&w, 0) & IG_COUNTER_NULL);
	clockwork_out(&w, PORT_0, 0);
	w.clock += 9;
	assert_true(clockwork_status(&w, 0) & IG_COUNTER_NULL);
	w.clock++;
	assert_false(clockwork_status(&w, 0) & IG_COUNTER_NULL);
	clockwork_control(&w, 0, BOTH_BYTES);
	assert_true(clockwork_status(&w, 0) & IG_COUNTER_NULL);
}

static void begin_bcd(struct clockwork *w, uint32_t mode, uint32_t digits)
{
	clockwork_begin(w, IG_PIT_REINJECT);
	clockwork_control(w, 0, BOTH_BYTES | MODE(mode) | IG_COUNTER_BCD);
	clockwork_count(w, 0, digits);
}

/* Four decimal digits; 0 is 10000. */
TEST(bcd_counts_in_decimal)
{
	struct clockwork w;

	begin_bcd(&w, 2, 0x1000);
	w.clock += 2;
	assert_int_equal(clockwork_read(&w, 0), 0x0999);
	begin_bcd(&w, 0, 0);
	clockwork_stays(&w, 0, false, 10001);
	clockwork_stays(&w, 0, true, 1);
	assert_int_equal(clockwork_read(&w, 0), 0x9999);
}

/* What a digit above 9 does is not specified; it must lead nowhere out of range. */
TEST(bcd_takes_any_bytes)
{
	for (uint32_t count = 0; count <= 0xffff; count += 0x111) {
		struct clockwork w;

		begin_bcd(&w, 2, count);
		for (int i = 0; i < 4; i++, w.clock += 4999) {
			uint32_t digits = clockwork_read(&w, 0);

			for (; digits; digits >>= 4)
				assert_true((digits & 0xf) <= 9);
		}
	}
}

/* Nothing counts before it is programmed, so nothing ticks. */
TEST(nothing_counts_after_power_up)
{
	struct clockwork w;

	clockwork_begin(&w, IG_PIT_REINJECT);
	assert_true(ig_pit_next(&w.pit) == IG_PIT_NEVER);
	w.clock += IG_PIT_HZ;
	assert_false(ig_pit_tick(&w.pit, nsec(w.clock)));
	for (uint32_t i = 0; i < IG_PIT_COUNTERS; i++)
		assert_int_equal(clockwork_read(&w, i), 0);
}

/* The control port can not be read; what is not ours is not touched. */
TEST(other_ports_are_not_ours)
{
	struct clockwork w;
	struct ig_pit before;

	begin(&w, 0x2000, 0x1234);
	clockwork_level(&w, 0);
	before = w.pit;
	for (uint32_t port = 0; port <= 0xffff; port++) {
		if (port == IG_PIT_PORT_STATUS || (port >= PORT_0 && port < IG_PIT_PORT_CONTROL))
			continue;
		assert_int_equal(clockwork_in(&w, port), 0xff);
		if (port != IG_PIT_PORT_CONTROL)
			clockwork_out(&w, port, 0x34);
	}
	assert_memory_equal(&before, &w.pit, sizeof(before));
}

/* Bits 0 to 3 are stored as they are, the others are not to be written (ICH9 13.7.1). */
TEST(port_61_stores_four_bits)
{
	struct clockwork w;

	clockwork_begin(&w, IG_PIT_REINJECT);
	for (uint32_t value = 0; value <= 0xff; value++) {
		clockwork_out(&w, IG_PIT_PORT_STATUS, value);
		assert_int_equal(clockwork_in(&w, IG_PIT_PORT_STATUS) & ~IG_PIT_REFRESH, value & 0xf);
	}
}

/* Bit 0 is the gate of counter 2, bit 5 its OUT: how a guest measures time with it. */
TEST(port_61_has_the_gate_and_out_of_counter_2)
{
	struct clockwork w;

	clockwork_begin(&w, IG_PIT_REINJECT);
	clockwork_program(&w, 2, 0, 100);
	w.clock += 1000;
	assert_false(clockwork_in(&w, IG_PIT_PORT_STATUS) & IG_PIT_OUT_2);
	clockwork_out(&w, IG_PIT_PORT_STATUS, IG_PIT_GATE_2);
	w.clock += 99;
	assert_false(clockwork_in(&w, IG_PIT_PORT_STATUS) & IG_PIT_OUT_2);
	w.clock++;
	assert_true(clockwork_in(&w, IG_PIT_PORT_STATUS) & IG_PIT_OUT_2);
}

/* The other gates are high for good. */
TEST(port_61_stops_no_other_counter)
{
	struct clockwork w;

	begin(&w, 100, 100);
	clockwork_out(&w, IG_PIT_PORT_STATUS, 0);
	w.clock += 10;
	assert_int_equal(clockwork_read(&w, 0), 90);
}

/* Bit 4 changes with each refresh cycle: every 15 us, whatever the counters do. */
TEST(port_61_refresh_bit_toggles)
{
	struct clockwork w;
	uint32_t toggles = 0, before = 0;

	clockwork_begin(&w, IG_PIT_REINJECT);
	for (uint64_t end = w.clock + IG_PIT_HZ / 100; w.clock < end; w.clock++) {
		uint32_t now = clockwork_in(&w, IG_PIT_PORT_STATUS) & IG_PIT_REFRESH;

		toggles += now != before;
		before = now;
	}
	assert_in_range(toggles, 660, 664); /* of 15.085 us in 10 ms */
}

/* A pulse comes with the first nanosecond in which its number is complete, and not one before. */
TEST(conversions_are_exact)
{
	static const uint64_t clocks[] = { 1, 2, 3, 1193181, 1193182, 1193183, 5000000007, 3092727743999,
					   UINT64_C(22010000000000000) };

	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		struct ig_pit pit;

		ig_pit_init(&pit, IG_PIT_REINJECT, nsec(clocks[i]) - 1);
		assert_true(pit.clock == clocks[i] - 1);
		ig_pit_init(&pit, IG_PIT_REINJECT, nsec(clocks[i]));
		assert_true(pit.clock == clocks[i]);
	}
}

/* However the time is cut into steps, the count is that of the whole. */
TEST(steps_of_any_length_add_up)
{
	static const uint32_t steps[] = { 1, 7, 838, 839, 1000, 999999, 1000000007 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct ig_pit pit;
		uint64_t now = 0;

		ig_pit_init(&pit, IG_PIT_REINJECT, now);
		for (int step = 0; step < 10000; step++)
			ig_pit_out(&pit, 0, now += steps[i]);
		assert_true(nsec(pit.clock) <= now && now < nsec(pit.clock + 1));
	}
}

/* A clock that goes back is the caller's fault; it counts as one that stands. */
TEST(time_that_goes_back_stands)
{
	struct clockwork w;
	struct ig_pit before;

	begin(&w, 100, 50);
	assert_int_equal(clockwork_read(&w, 0), 50);
	before = w.pit;
	w.clock -= 20;
	assert_int_equal(clockwork_read(&w, 0), 50);
	assert_memory_equal(&before, &w.pit, sizeof(before));
}

TEST(end_of_time_is_reached_in_one_step)
{
	struct ig_pit pit;

	for (uint32_t mode = 0; mode < 6; mode++) {
		ig_pit_init(&pit, IG_PIT_REINJECT, 0);
		ig_pit_write(&pit, IG_PIT_PORT_CONTROL, (uint8_t)(IG_COUNTER_LOW | MODE(mode)), 0);
		ig_pit_write(&pit, PORT_0, 3, 0);
		ig_pit_tick(&pit, UINT64_MAX);
		while (ig_pit_acked(&pit, UINT64_MAX))
			;
		assert_true(ig_pit_next(&pit) == IG_PIT_NEVER);
	}
}

/* So that it can be copied, compared and hashed. */
TEST(state_is_plain_bytes)
{
	struct ig_pit one, other;

	memset(&one, 0x00, sizeof(one));
	memset(&other, 0xff, sizeof(other));
	ig_pit_init(&one, IG_PIT_DROP, 12345);
	ig_pit_init(&other, IG_PIT_DROP, 12345);
	ig_pit_write(&one, IG_PIT_PORT_CONTROL, BOTH_BYTES | MODE(2), 20000);
	ig_pit_write(&other, IG_PIT_PORT_CONTROL, BOTH_BYTES | MODE(2), 20000);
	assert_memory_equal(&one, &other, sizeof(one));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_byte_formats),
		cmocka_unit_test(reads_and_writes_have_flip_flops_of_their_own),
		cmocka_unit_test(control_word_resets_the_flip_flops),
		cmocka_unit_test(latched_count_holds_until_it_is_read),
		cmocka_unit_test(second_latch_before_the_read_is_ignored),
		cmocka_unit_test(latch_is_of_one_counter_and_changes_nothing_else),
		cmocka_unit_test(control_word_frees_the_latches),
		cmocka_unit_test(read_back_latches_several_counters_at_once),
		cmocka_unit_test(read_back_of_both_gives_the_status_first),
		cmocka_unit_test(second_status_latch_before_the_read_is_ignored),
		cmocka_unit_test(status_has_the_control_word),
		cmocka_unit_test(null_count_says_that_the_count_is_not_loaded),
		cmocka_unit_test(bcd_counts_in_decimal),
		cmocka_unit_test(bcd_takes_any_bytes),
		cmocka_unit_test(nothing_counts_after_power_up),
		cmocka_unit_test(other_ports_are_not_ours),
		cmocka_unit_test(port_61_stores_four_bits),
		cmocka_unit_test(port_61_has_the_gate_and_out_of_counter_2),
		cmocka_unit_test(port_61_stops_no_other_counter),
		cmocka_unit_test(port_61_refresh_bit_toggles),
		cmocka_unit_test(conversions_are_exact),
		cmocka_unit_test(steps_of_any_length_add_up),
		cmocka_unit_test(time_that_goes_back_stands),
		cmocka_unit_test(end_of_time_is_reached_in_one_step),
		cmocka_unit_test(state_is_plain_bytes),
	};

	return cmocka_run_group_tests_name("pit", tests, NULL, NULL);
}
