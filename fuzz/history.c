/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Fuzz target: the life of one line, on every path and policy, with a pair of 8259As and without, in the
 * plain world of tests/unit/world.c, whose invariants are the oracle. The first byte says what kind of world
 * it is.
 */
#include "fuzz.h"
#include "history.h"

enum { DIRECT = 1, SHARED = 2, PAIR = 4, SLAVE = 8, POLICY_SHIFT = 4, POLICIES = 3 };

static bool is_over(const struct world *w)
{
	return chance_is_over(&w->chance);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	uint8_t kind;

	if (size < 2)
		return 0;
	kind = data[0];
	w = (struct world){
		.policy = (enum irqgate_policy)((kind >> POLICY_SHIFT) % POLICIES),
		.direct = kind & DIRECT, .shared = kind & SHARED, .pair = kind & PAIR,
	};
	history_begin(&w, kind & SLAVE ? 0 : 1, chance_from(data + 1, size - 1));
	for (; !is_over(&w); w.step++) {
		history_step(&w);
		check_alternation(&w);
	}
	history_end(&w);
	machine_close(&w.m);
	return 0;
}
