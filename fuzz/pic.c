/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Fuzz target: the pair of 8259As beside a model from the data sheet. The first byte says how they begin. */
#include "fuzz.h"
#include "pic-duel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pic_duel duel;

	if (size < 2)
		return 0;
	pic_duel_begin(&duel, data[0], chance_from(data + 1, size - 1));
	while (!chance_is_over(&duel.chance)) {
		pic_duel_step(&duel);
		pic_duel_look(&duel);
	}
	pic_duel_end(&duel);
	return 0;
}
