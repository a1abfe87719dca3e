/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What the fuzz targets share: libFuzzer's entry point, and a requirement whose violation ends the run with
 * the input kept. A target draws its choices from the input by tests/unit/chance.h. One thread.
 */
#ifndef IG_FUZZ_H
#define IG_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                        \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);   \
			abort();                                                                  \
		}                                                                                 \
	} while (0)

#endif
