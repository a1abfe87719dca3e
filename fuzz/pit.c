/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Fuzz target: the 8254 beside a model that counts pulse by pulse. */
#include "fuzz.h"
#include "pit-duel.h"

enum { CLOCKS_MAX = 1000000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pit_duel duel = { .chance = chance_from(data, size) };
	uint32_t clocks = 0;

	if (!size)
		return 0;
	pit_duel_begin(&duel);
	while (!chance_is_over(&duel.chance) && clocks < CLOCKS_MAX)
		clocks += pit_duel_step(&duel);
	return 0;
}
