/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The results of the lab's rows: as JSON objects, and as the table that a person reads. */
#ifndef IG_LAB_REPORT_H
#define IG_LAB_REPORT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lab/rows.h"

/* How often a row can be measured. */
enum { IG_REPEAT_MAX = 1000 };

/* What was found out about one row; IG_UNKNOWN (seconds: below 0) where a figure could not be had. */
struct ig_result {
	int64_t run;			/* 1, 2, ... of the row */
	int64_t events, host_interrupts, triggers, guest_interrupts, lost, quiet;
	int64_t sent, received;		/* pings, of a Linux guest */
	int64_t exits, user_exits, route_updates;
	int64_t host_warnings;		/* of the host's kernel, in its log */
	double seconds;			/* of the whole phase */
	double event_seconds;		/* of one event; of a ping its round trip */
	bool finished;
	char host_kernel[80], vmm[80];	/* nothing where unknown */
	char host_warning[200];		/* the first, or nothing */
	char error[256];		/* why the row could not be measured, or nothing */
	json_object *exec;		/* what irqgate exec wrote; given to ig_result_to_json */
};

/* Everything unknown. */
void ig_result_clear(struct ig_result *result);

/* The row's JSON object, which the caller puts. */
json_object *ig_result_to_json(const struct ig_row *row, const struct ig_result *result);

/* A word of such an object, "-" where it is unknown; a count, IG_UNKNOWN; a real figure, below 0. */
const char *ig_report_text(json_object *row, const char *key);
int64_t ig_report_count(json_object *row, const char *key);
double ig_report_real(json_object *row, const char *key);

/* Whether the guest has finished its work; whether the row was measured at all. */
bool ig_report_finished(json_object *row);
bool ig_report_measured(json_object *row);

/* Whether the row is what irqgate promises; always true of other VMMs. */
bool ig_report_as_promised(json_object *row);

/* Prints the table of {"rows": [...]}; `colour` for a terminal. */
void ig_report_table(json_object *report, FILE *to, bool colour);

#endif
