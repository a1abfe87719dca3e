/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Random programs for the 8254 beside a model of it; see pit-duel.h. The seed is fixed. */
#include "pit-duel.h"

enum { HISTORIES = 400, STEPS = 120, CLOCKS_MAX = 6000000 };

TEST(random_programs_behave_as_a_chip_that_counts_pulse_by_pulse)
{
	struct pit_duel d = { .chance = chance_of(0) };
	uint64_t clocks = 0, histories = 0;

	for (; histories < HISTORIES && clocks < CLOCKS_MAX; histories++) {
		pit_duel_begin(&d);
		for (int i = 0; i < STEPS; i++)
			clocks += pit_duel_step(&d);
	}
	assert_true(histories > HISTORIES / 2 || clocks >= CLOCKS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_programs_behave_as_a_chip_that_counts_pulse_by_pulse),
	};

	return cmocka_run_group_tests_name("pit-random", tests, NULL, NULL);
}
