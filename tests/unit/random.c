/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Random histories of one line; see history.h. The seeds are fixed, so that a failure comes again. */
#include "../histories.h"
#include "history.h"

enum { STEPS = 250 };

static void live_with(struct world w, uint32_t usual)
{
	uint32_t count = histories(usual);

	for (uint32_t history = 0; history < count; history++) {
		history_begin(&w, history, chance_of(history));
		for (w.step = 0; w.step < STEPS; w.step++) {
			history_step(&w);
			check_alternation(&w);
		}
		history_end(&w);
		machine_close(&w.m);
	}
}

static void live(enum irqgate_policy policy, bool direct, bool shared, uint32_t usual)
{
	live_with((struct world){ .policy = policy, .direct = direct, .shared = shared }, usual);
}

static void live_with_pair(enum irqgate_policy policy, bool direct, bool shared, uint32_t usual)
{
	live_with((struct world){ .policy = policy, .direct = direct, .shared = shared, .pair = true }, usual);
}

TEST(hold_on_the_userspace_path)
{
	live(IRQGATE_POLICY_HOLD, false, false, 5000);
}

TEST(hold_on_the_direct_path)
{
	live(IRQGATE_POLICY_HOLD, true, false, 10000);
}

TEST(hold_with_a_shared_line)
{
	live(IRQGATE_POLICY_HOLD, false, true, 6000);
}

TEST(hold_with_a_shared_line_that_was_direct)
{
	live(IRQGATE_POLICY_HOLD, true, true, 10000);
}

TEST(eoi_with_a_shared_line)
{
	live(IRQGATE_POLICY_EOI, false, true, 4000);
}

TEST(unmask_resample_with_a_shared_line)
{
	live(IRQGATE_POLICY_UNMASK_RESAMPLE, false, true, 4000);
}

TEST(hold_with_a_pair)
{
	live_with_pair(IRQGATE_POLICY_HOLD, false, false, 1500);
}

TEST(hold_with_a_pair_on_the_direct_path)
{
	live_with_pair(IRQGATE_POLICY_HOLD, true, false, 1500);
}

TEST(hold_with_a_pair_and_a_shared_line)
{
	live_with_pair(IRQGATE_POLICY_HOLD, true, true, 3000);
}

TEST(eoi_with_a_pair)
{
	live_with_pair(IRQGATE_POLICY_EOI, false, true, 1000);
}

TEST(unmask_resample_with_a_pair)
{
	live_with_pair(IRQGATE_POLICY_UNMASK_RESAMPLE, false, true, 1000);
}

/* Delayed, but not lost, and never anything but what was sampled anew. */
TEST(storm_guard_with_hold)
{
	live_with((struct world){ .policy = IRQGATE_POLICY_HOLD, .guarded = true }, 4000);
	live_with((struct world){ .policy = IRQGATE_POLICY_HOLD, .guarded = true, .direct = true }, 6000);
}

TEST(storm_guard_with_a_shared_line)
{
	live_with((struct world){ .policy = IRQGATE_POLICY_HOLD, .guarded = true, .direct = true, .shared = true }, 6000);
	live_with((struct world){ .policy = IRQGATE_POLICY_EOI, .guarded = true, .shared = true }, 3000);
	live_with((struct world){ .policy = IRQGATE_POLICY_UNMASK_RESAMPLE, .guarded = true, .shared = true }, 3000);
}

TEST(storm_guard_with_a_pair)
{
	live_with((struct world){ .policy = IRQGATE_POLICY_HOLD, .guarded = true, .direct = true, .shared = true,
				  .pair = true }, 2000);
	live_with((struct world){ .policy = IRQGATE_POLICY_EOI, .guarded = true, .shared = true, .pair = true }, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hold_on_the_userspace_path),
		cmocka_unit_test(hold_on_the_direct_path),
		cmocka_unit_test(hold_with_a_shared_line),
		cmocka_unit_test(hold_with_a_shared_line_that_was_direct),
		cmocka_unit_test(eoi_with_a_shared_line),
		cmocka_unit_test(unmask_resample_with_a_shared_line),
		cmocka_unit_test(hold_with_a_pair),
		cmocka_unit_test(hold_with_a_pair_on_the_direct_path),
		cmocka_unit_test(hold_with_a_pair_and_a_shared_line),
		cmocka_unit_test(eoi_with_a_pair),
		cmocka_unit_test(unmask_resample_with_a_pair),
		cmocka_unit_test(storm_guard_with_hold),
		cmocka_unit_test(storm_guard_with_a_shared_line),
		cmocka_unit_test(storm_guard_with_a_pair),
	};

	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
