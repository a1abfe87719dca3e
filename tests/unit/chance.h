/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Where a random test's choices come from: a seed, so that they are the same everywhere and a failure comes
 * again; or bytes that a fuzzer made up, and once they are used up the seed again. Copied, it draws the same
 * again.
 */
#ifndef IG_TESTS_CHANCE_H
#define IG_TESTS_CHANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chance {
	uint64_t seed;
	const uint8_t *bytes;
	size_t left;
};

/* A fuzzer's. */
static inline struct chance chance_from(const uint8_t *bytes, size_t size)
{
	return (struct chance){ .seed = 1, .bytes = bytes, .left = size };
}

/* The seeds of the histories of a test, by their number. */
static inline struct chance chance_of(uint32_t number)
{
	return (struct chance){ .seed = (number + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15) };
}

/* xorshift64*. */
static inline uint32_t draw_random(struct chance *chance)
{
	chance->seed ^= chance->seed >> 12;
	chance->seed ^= chance->seed << 25;
	chance->seed ^= chance->seed >> 27;
	return (uint32_t)((chance->seed * UINT64_C(2685821657736338717)) >> 33);
}

/* As few bytes as the limit needs, and as there are. */
static inline uint32_t draw_bytes(struct chance *chance, uint32_t below)
{
	uint32_t value = 0;

	for (uint64_t reach = 1; reach < below && chance->left; reach <<= 8, chance->left--)
		value = value << 8 | *chance->bytes++;
	return value;
}

/* A number below a limit. */
static inline uint32_t draw(struct chance *chance, uint32_t below)
{
	return (chance->left ? draw_bytes(chance, below) : draw_random(chance)) % below;
}

/* Whether a fuzzer's bytes are used up; of what has none, always. */
static inline bool chance_is_over(const struct chance *chance)
{
	return !chance->left;
}

#endif
