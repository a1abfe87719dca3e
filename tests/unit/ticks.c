/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The ticks of the 8254's counter 0: when they are due, and what becomes of those that the guest is not ready
 * for.
 */
#include "clockwork.h"

enum { PERIOD = 100 };

static void begin(struct clockwork *w, enum ig_pit_policy policy)
{
	clockwork_begin(w, policy);
	clockwork_program(w, 0, 2, PERIOD);
	ig_pit_tick(&w->pit, nsec(w->clock)); /* the control word lifted OUT, and so ticked */
	ig_pit_acked(&w->pit, nsec(w->clock));
	w->pit.stats = (struct ig_pit_stats){ 0 };
	w->clock++; /* the count is loaded */
}

static bool tick(struct clockwork *w)
{
	return ig_pit_tick(&w->pit, nsec(w->clock));
}

static bool ack(struct clockwork *w)
{
	return ig_pit_acked(&w->pit, nsec(w->clock));
}

/* Nothing gets lost on the books either. */
static void assert_books(const struct clockwork *w, uint64_t due, uint64_t delivered, uint64_t dropped)
{
	const struct ig_pit_stats *stats = &w->pit.stats;

	assert_true(stats->due == due);
	assert_true(stats->delivered == delivered);
	assert_true(stats->dropped == dropped);
	assert_true(stats->due == stats->delivered + stats->dropped + w->pit.pending);
}

TEST(tick_is_due_to_the_nanosecond)
{
	struct clockwork w;
	uint64_t due;

	begin(&w, IG_PIT_REINJECT);
	due = ig_pit_next(&w.pit);
	assert_true(due == nsec(w.clock + PERIOD));
	assert_false(ig_pit_tick(&w.pit, due - 1));
	assert_true(ig_pit_next(&w.pit) == due);
	assert_true(ig_pit_tick(&w.pit, due));
	assert_books(&w, 1, 1, 0);
}

/* A guest that keeps up gets each of them at its time, under both policies. */
TEST(tick_for_each_period_of_a_guest_that_keeps_up)
{
	static const enum ig_pit_policy policies[] = { IG_PIT_REINJECT, IG_PIT_DROP };

	for (size_t i = 0; i < 2; i++) {
		struct clockwork w;

		begin(&w, policies[i]);
		for (int n = 0; n < 1000; n++) {
			w.clock += PERIOD;
			assert_true(ig_pit_next(&w.pit) == nsec(w.clock));
			assert_true(tick(&w));
			assert_false(ack(&w));
		}
		assert_books(&w, 1000, 1000, 0);
		assert_true(w.pit.stats.reinjected == 0);
	}
}

/* The 8259 is edge-triggered here: what counts is that OUT rises, whatever lifts it. */
TEST(tick_is_each_rising_edge_of_out)
{
	struct clockwork w;

	begin(&w, IG_PIT_REINJECT);
	w.clock += PERIOD - 1; /* OUT is low now */
	assert_false(tick(&w));
	clockwork_control(&w, 0, BOTH_BYTES | MODE(2));
	assert_true(ig_pit_next(&w.pit) <= nsec(w.clock));
	assert_true(tick(&w));
	ack(&w);
	clockwork_control(&w, 0, BOTH_BYTES | MODE(0)); /* falls */
	clockwork_count(&w, 0, 10);
	assert_true(ig_pit_next(&w.pit) == nsec(w.clock + 11));
	w.clock += 1000000;
	assert_true(tick(&w));
	assert_false(ack(&w));
	assert_books(&w, 2, 2, 0);
	assert_true(ig_pit_next(&w.pit) == IG_PIT_NEVER);
}

/* Nothing can be delivered before the ack: the caller may sleep, and the ticks are counted later. */
TEST(nothing_is_due_before_the_ack)
{
	struct clockwork w;

	begin(&w, IG_PIT_REINJECT);
	w.clock += PERIOD;
	assert_true(tick(&w));
	assert_true(ig_pit_next(&w.pit) == IG_PIT_NEVER);
	w.clock += PERIOD;
	assert_false(tick(&w));
	assert_true(ig_pit_next(&w.pit) == IG_PIT_NEVER);
}

/* A guest that falls behind gets one for each tick, one after another, and then the next at its time. */
TEST(reinject_lets_a_guest_catch_up)
{
	struct clockwork w;
	uint64_t pulses;

	begin(&w, IG_PIT_REINJECT);
	w.clock += 50 * PERIOD + 1;
	pulses = tick(&w);
	while (ack(&w))
		pulses++;
	assert_int_equal(pulses, 50);
	assert_books(&w, 50, 50, 0);
	assert_true(w.pit.stats.reinjected == 49);
	assert_true(ig_pit_next(&w.pit) == nsec(w.clock + PERIOD - 1));
}

/* Whoever acks and whoever keeps the timer may come in any order, early or late. */
TEST(reinject_loses_nothing)
{
	struct clockwork w;
	uint64_t seed = 1, pulses = 0;

	begin(&w, IG_PIT_REINJECT);
	for (int i = 0; i < 100000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		w.clock += seed >> 33 & 127;
		pulses += seed >> 63 ? ack(&w) : tick(&w);
	}
	while (tick(&w) || ack(&w))
		pulses++;
	assert_books(&w, (w.clock - 2) / PERIOD, pulses, 0);
}

/*
 * No guest needs more than a minute's; without a limit one that never acks would be flooded by its first ack.
 */
TEST(reinject_has_a_limit)
{
	struct clockwork w;
	uint64_t pulses;

	begin(&w, IG_PIT_REINJECT);
	w.clock += PERIOD;
	pulses = tick(&w);
	w.clock += (uint64_t)PERIOD * (IG_PIT_BACKLOG_MAX + 1000);
	while (ack(&w))
		pulses++;
	assert_int_equal(pulses, IG_PIT_BACKLOG_MAX + 1);
	assert_books(&w, IG_PIT_BACKLOG_MAX + 1001, pulses, 1000);
}

TEST(drop_forgets_what_comes_due_before_the_ack)
{
	struct clockwork w;

	begin(&w, IG_PIT_DROP);
	w.clock += PERIOD;
	assert_true(tick(&w));
	w.clock += 10 * PERIOD;
	assert_false(tick(&w));
	assert_false(ack(&w));
	assert_books(&w, 11, 1, 10);
	assert_true(ig_pit_next(&w.pit) == nsec(w.clock + PERIOD));
	w.clock += PERIOD;
	assert_true(tick(&w));
}

/* A caller that comes late finds several due at once: one of them counts. */
TEST(drop_makes_one_of_several_that_are_due)
{
	struct clockwork w;

	begin(&w, IG_PIT_DROP);
	w.clock += 5 * PERIOD;
	assert_true(tick(&w));
	assert_false(ack(&w));
	assert_false(tick(&w));
	assert_books(&w, 5, 1, 4);
}

TEST(drop_never_delivers_more_than_the_acks_allow)
{
	struct clockwork w;
	uint64_t seed = 1, pulses = 0, acks = 0;

	begin(&w, IG_PIT_DROP);
	for (int i = 0; i < 100000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		w.clock += seed >> 33 & 127;
		if (seed >> 62 == 0) {
			acks += w.pit.unacked;
			assert_false(ack(&w));
		} else {
			pulses += tick(&w);
		}
		assert_in_range(pulses, acks, acks + 1);
	}
	assert_true(w.pit.stats.due == (w.clock - 2) / PERIOD);
	assert_books(&w, w.pit.stats.due, pulses, w.pit.stats.due - pulses);
}

/* Others may share the line: their ack is not the timer's. */
TEST(ack_of_nothing_has_no_effect)
{
	struct clockwork w;

	begin(&w, IG_PIT_REINJECT);
	w.clock += 5 * PERIOD;
	assert_false(ack(&w));
	assert_books(&w, 5, 0, 0);
	assert_true(tick(&w));
}

/* Else a pulse on a masked pin, which nobody acks, would be the last. */
TEST(lost_pulse_does_not_stop_the_timer)
{
	static const enum ig_pit_policy policies[] = { IG_PIT_REINJECT, IG_PIT_DROP };

	for (size_t i = 0; i < 2; i++) {
		struct clockwork w;

		begin(&w, policies[i]);
		for (int n = 0; n < 10; n++) {
			w.clock += PERIOD;
			assert_true(tick(&w));
			ig_pit_lost(&w.pit, nsec(w.clock));
		}
		assert_books(&w, 10, 10, 0);
		assert_true(w.pit.stats.lost == 10);
		assert_true(ig_pit_next(&w.pit) == nsec(w.clock + PERIOD));
	}
}

/*
 * On real hardware too a masked timer loses its ticks; and the caller must not pulse a masked pin in a loop.
 */
TEST(lost_pulse_takes_the_backlog_with_it)
{
	struct clockwork w;

	begin(&w, IG_PIT_REINJECT);
	w.clock += 5 * PERIOD;
	assert_true(tick(&w));
	ig_pit_lost(&w.pit, nsec(w.clock));
	assert_false(tick(&w));
	assert_books(&w, 5, 1, 4);
	ig_pit_lost(&w.pit, nsec(w.clock)); /* nothing is on the way */
	assert_true(w.pit.stats.lost == 1);
}

/*
 * Ticks of the old rate mean nothing at the new; and an ack that got lost in a reset does not stop it for
 * good.
 */
TEST(control_word_forgets_ticks_and_a_missing_ack)
{
	struct clockwork w;

	begin(&w, IG_PIT_REINJECT);
	w.clock += PERIOD;
	assert_true(tick(&w));
	w.clock += 3 * PERIOD;
	clockwork_program(&w, 0, 2, PERIOD);
	assert_books(&w, 4, 1, 3);
	w.clock += 1 + PERIOD;
	assert_true(tick(&w));
	assert_books(&w, 5, 2, 3);
}

/* That of another counter, a latch or a new count is none. */
TEST(other_commands_forget_no_tick)
{
	struct clockwork w;

	begin(&w, IG_PIT_REINJECT);
	w.clock += 2 * PERIOD;
	assert_true(tick(&w));
	clockwork_program(&w, 1, 2, PERIOD);
	clockwork_program(&w, 2, 3, PERIOD);
	clockwork_read(&w, 0);
	clockwork_status(&w, 0);
	clockwork_out(&w, IG_PIT_PORT_CONTROL, LATCH(0));
	clockwork_count(&w, 0, PERIOD);
	assert_true(ack(&w));
	assert_books(&w, 2, 2, 0);
}

/* A month of 1000 Hz, looked at once an hour: each tick is where the crystal puts it. */
TEST(nothing_drifts_in_30_days)
{
	static const uint64_t hours = 30 * 24, hour = UINT64_C(3600) * 1000000000;
	struct clockwork w;
	uint64_t start, now, ticks;

	begin(&w, IG_PIT_DROP);
	clockwork_program(&w, 0, 2, 1193);
	start = nsec(w.clock);
	for (uint64_t n = 1; n <= hours; n++) {
		now = start + n * hour;
		ig_pit_tick(&w.pit, now);
		ig_pit_acked(&w.pit, now);
		ticks = (uint64_t)((unsigned __int128)now * IG_PIT_HZ / 1000000000 - w.clock - 1) / 1193;
		assert_true(w.pit.stats.due == ticks);
		assert_true(ig_pit_next(&w.pit) == nsec(w.clock + 1 + (ticks + 1) * 1193));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tick_is_due_to_the_nanosecond),
		cmocka_unit_test(tick_for_each_period_of_a_guest_that_keeps_up),
		cmocka_unit_test(tick_is_each_rising_edge_of_out),
		cmocka_unit_test(nothing_is_due_before_the_ack),
		cmocka_unit_test(reinject_lets_a_guest_catch_up),
		cmocka_unit_test(reinject_loses_nothing),
		cmocka_unit_test(reinject_has_a_limit),
		cmocka_unit_test(drop_forgets_what_comes_due_before_the_ack),
		cmocka_unit_test(drop_makes_one_of_several_that_are_due),
		cmocka_unit_test(drop_never_delivers_more_than_the_acks_allow),
		cmocka_unit_test(ack_of_nothing_has_no_effect),
		cmocka_unit_test(lost_pulse_does_not_stop_the_timer),
		cmocka_unit_test(lost_pulse_takes_the_backlog_with_it),
		cmocka_unit_test(control_word_forgets_ticks_and_a_missing_ack),
		cmocka_unit_test(other_commands_forget_no_tick),
		cmocka_unit_test(nothing_drifts_in_30_days),
	};

	return cmocka_run_group_tests_name("ticks", tests, NULL, NULL);
}
