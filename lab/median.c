/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Of rows that were measured several times: their medians; see median.h. No state. */
#include <stdlib.h>
#include <string.h>

#include "lab/files.h"
#include "lab/median.h"
#include "lab/report.h"

static int compare_reals(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	if (!count)
		return IG_UNKNOWN;
	qsort(values, count, sizeof(*values), compare_reals);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static bool is_number(json_object *value)
{
	return json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);
}

/* Of the runs that know the figure; NULL where none does. */
static json_object *median_of(json_object *runs, const char *key)
{
	size_t count = json_object_array_length(runs), known = 0;
	double values[IG_REPEAT_MAX];
	bool real = false;

	for (size_t i = 0; i < count && known < IG_REPEAT_MAX; i++) {
		json_object *value = json_object_object_get(json_object_array_get_idx(runs, i), key);

		if (!is_number(value))
			continue;
		real |= json_object_is_type(value, json_type_double);
		values[known++] = json_object_get_double(value);
	}
	if (!known)
		return NULL;
	return real ? json_object_new_double(median(values, known))
		    : json_object_new_int64((int64_t)median(values, known));
}

/* The words of the first run, the medians of all figures, the worst ending. */
static json_object *summary_of(json_object *runs)
{
	json_object *first = json_object_array_get_idx(runs, 0), *summary = json_object_new_object();

	json_object_object_foreach(first, key, value) {
		json_object *figure = median_of(runs, key);

		json_object_object_add(summary, key, figure ? figure : json_object_get(value));
	}
	for (size_t i = 1; i < json_object_array_length(runs); i++) {
		json_object *run = json_object_array_get_idx(runs, i), *error = NULL;

		if (!ig_report_finished(run))
			json_object_object_add(summary, "finished", json_object_new_boolean(false));
		if (json_object_object_get_ex(run, "error", &error))
			json_object_object_add(summary, "error", json_object_get(error));
	}
	return summary;
}

static bool same_row(json_object *a, json_object *b)
{
	return !strcmp(ig_report_text(a, "setup"), ig_report_text(b, "setup")) &&
	       !strcmp(ig_report_text(a, "guest"), ig_report_text(b, "guest"));
}

static json_object *runs_of(json_object *rows, json_object *row)
{
	json_object *runs = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		json_object *other = json_object_array_get_idx(rows, i);

		if (same_row(row, other))
			json_object_array_add(runs, json_object_get(other));
	}
	return runs;
}

json_object *ig_medians(json_object *rows)
{
	json_object *summaries = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		json_object *row = json_object_array_get_idx(rows, i), *runs;

		if (ig_report_count(row, "run") != 1)
			continue;
		runs = runs_of(rows, row);
		json_object_array_add(summaries, summary_of(runs));
		json_object_put(runs);
	}
	return summaries;
}

/* The run of the same number and guest in the set-up without "+exec", or NULL. */
static json_object *partner_of(json_object *rows, json_object *row)
{
	const char *setup = ig_report_text(row, "setup"), *plus = strchr(setup, '+');

	for (size_t i = 0; plus && i < json_object_array_length(rows); i++) {
		json_object *other = json_object_array_get_idx(rows, i);
		const char *name = ig_report_text(other, "setup");

		if (strlen(name) == (size_t)(plus - setup) && !strncmp(name, setup, strlen(name)) &&
		    !strcmp(ig_report_text(other, "guest"), ig_report_text(row, "guest")) &&
		    ig_report_count(other, "run") == ig_report_count(row, "run"))
			return other;
	}
	return NULL;
}

double ig_median_cost(json_object *rows, json_object *row, int *pairs)
{
	double costs[IG_REPEAT_MAX];
	size_t count = 0;

	for (size_t i = 0; i < json_object_array_length(rows) && count < IG_REPEAT_MAX; i++) {
		json_object *run = json_object_array_get_idx(rows, i);
		json_object *partner = same_row(run, row) ? partner_of(rows, run) : NULL;

		if (partner && ig_report_finished(run) && ig_report_finished(partner))
			costs[count++] = ig_report_real(run, "event_seconds") /
					 ig_report_real(partner, "event_seconds");
	}
	*pairs = (int)count;
	return median(costs, count);
}
