/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* How many histories a random test goes through. */
#ifndef IG_TESTS_HISTORIES_H
#define IG_TESTS_HISTORIES_H

#include <stdint.h>
#include <stdlib.h>

/* In percent of what is usual, and one at least: fewer where each step is slow, more for a long search. */
static inline uint32_t histories(uint32_t usual)
{
	const char *percent = getenv("IRQGATE_TEST_HISTORIES");
	uint64_t count = percent ? (uint64_t)usual * strtoul(percent, NULL, 10) / 100 : usual;

	return count > 1 ? (uint32_t)count : 1;
}

#endif
