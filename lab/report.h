/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The results of the lab's rows: as JSON objects, and as the table that a person reads. */
#ifndef IG_LAB_REPORT_H
#define IG_LAB_REPORT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lab/rows.h"

/* What was found out about one row; IG_UNKNOWN (seconds: below 0) where a figure could not be had. */
struct ig_result {
	int64_t events, host_interrupts, triggers, guest_interrupts, extra, lost, quiet;
	int64_t exits, user_exits, route_updates;
	double seconds;
	bool finished;
	char host_kernel[80], device[16], vmm[80];	/* nothing where unknown */
	char error[256];		/* why the row could not be measured, or nothing */
};

/* Everything unknown. */
void ig_result_clear(struct ig_result *result);

/* The row's JSON object, which the caller puts. */
json_object *ig_result_to_json(const struct ig_row *row, const struct ig_result *result);

/* Prints the table of {"rows": [...]}; `colour` for a terminal. */
void ig_report_table(json_object *report, FILE *to, bool colour);

/* Whether the row was measured; whether it is what irqgate promises (always true of other VMMs). */
bool ig_report_measured(json_object *row);
bool ig_report_as_promised(json_object *row);

#endif
