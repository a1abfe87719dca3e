/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The outer side of a comparison: boots the host, has the rows measured there, collects the results. One
 * thread.
 */
#ifndef IG_LAB_COMPARE_H
#define IG_LAB_COMPARE_H

#include <json-c/json.h>
#include <stdint.h>

#include "lab/rows.h"

struct ig_comparison {
	struct ig_row_list rows;
	uint64_t repeat;		/* how often the whole list is measured */
	uint64_t events, limit;		/* of each row, the limit in seconds; 0: the row's own */
	const char *kernel, *qemu, *console;
};

/*
 * Measures the rows. Returns {"rows": [...]}, which the caller puts, with a row for each that was asked
 * for and each time, also for one that could not be measured; NULL, after one line on stderr, when nothing
 * could be.
 */
json_object *ig_compare(const struct ig_comparison *comparison);

#endif
