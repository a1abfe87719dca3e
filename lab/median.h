/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What rows that were measured several times come to. No state. */
#ifndef IG_LAB_MEDIAN_H
#define IG_LAB_MEDIAN_H

#include <json-c/json.h>

/* One row for each that was measured, with the medians of its runs. The caller puts the array. */
json_object *ig_medians(json_object *rows);

/*
 * The time an event takes with irqgate exec, the one without being 1: the median of those runs of the row
 * that have finished, each with the run of the same number without; their number in `pairs`. Below 0 where
 * there is none.
 */
double ig_median_cost(json_object *rows, json_object *row, int *pairs);

#endif
