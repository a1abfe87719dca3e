/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Random histories of the 8259A pair beside a model of it; see pic-duel.h. The seeds are fixed. */
#include "pic-duel.h"

enum { HISTORIES = 2500, STEPS = 1000, LOOK_EVERY = 16 };

TEST(random_histories_agree_with_a_model_from_the_data_sheet)
{
	struct pic_duel h;

	for (unsigned int number = 0; number < HISTORIES; number++) {
		pic_duel_begin(&h, number, chance_of(number));
		for (int i = 0; i < STEPS; i++) {
			pic_duel_step(&h);
			if (i % LOOK_EVERY == 0)
				pic_duel_look(&h);
		}
		pic_duel_end(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_histories_agree_with_a_model_from_the_data_sheet),
	};

	return cmocka_run_group_tests_name("pic-random", tests, NULL, NULL);
}
