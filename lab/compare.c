/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * See compare.h. The host may die under a row: VMMs are tried in it. Then the rows that are left are measured
 * in a new one, so that one row's crash does not take the others' results along; the lines on stderr tell of
 * it.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lab/compare.h"
#include "lab/host.h"
#include "lab/report.h"

enum { ROW_TEXT = 80, TRIES = 2 };

struct collector {
	const struct ig_comparison *comparison;
	json_object *rows;
	char *line;
	size_t length;
};

/* A line of `irqgate lab measure` is the result of the next row. */
static void take_line(struct collector *collector)
{
	json_object *row = json_tokener_parse(collector->line);

	if (row && json_object_is_type(row, json_type_object))
		json_object_array_add(collector->rows, row);
	else
		json_object_put(row);
}

static int collect(void *context, const char *bytes, size_t size)
{
	struct collector *collector = context;
	char *line = realloc(collector->line, collector->length + size + 1), *end;

	if (!line)
		return -1;
	collector->line = line;
	memcpy(line + collector->length, bytes, size);
	collector->length += size;
	line[collector->length] = '\0';
	while ((end = strchr(line, '\n'))) {
		*end = '\0';
		take_line(collector);
		collector->length -= (size_t)(end + 1 - line);
		memmove(line, end + 1, collector->length + 1);
	}
	return 0;
}

/* The rows that have no result yet, as --rows takes them. */
static void name_rows(const struct ig_row_list *rows, size_t first, char *text, size_t size)
{
	size_t used = 0;

	for (size_t i = first; i < rows->count; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s/%s", i > first ? "," : "",
					 rows->rows[i].setup, rows->rows[i].guest);
}

static int measure(struct ig_host *host, struct collector *collector)
{
	static int err = STDERR_FILENO;
	const struct ig_comparison *comparison = collector->comparison;
	const struct ig_host_sink to_collector = { collect, collector }, to_err = { ig_host_write_fd, &err };
	size_t first = json_object_array_length(collector->rows);
	char self[PATH_MAX] = "", rows[IG_ROWS_MAX * ROW_TEXT], events[24], limit[24], number[24], count[24];
	const char *argv[] = {
		self, "lab", "measure", "--rows", rows, "--events", events, "--limit", limit,
		"--first", number, "--of", count, "--qemu", comparison->qemu, NULL,
	};

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return -1;
	name_rows(&comparison->rows, first, rows, sizeof(rows));
	snprintf(events, sizeof(events), "%lu", comparison->events);
	snprintf(limit, sizeof(limit), "%lu", comparison->limit);
	snprintf(number, sizeof(number), "%zu", first + 1);
	snprintf(count, sizeof(count), "%zu", comparison->rows.count);
	collector->length = 0;
	return ig_host_run(host, (char *const *)argv, -1, &to_collector, &to_err);
}

/* One host's life: it returns true when nothing is left to do, or nothing can be done. */
static bool measure_in_host(struct collector *collector)
{
	struct ig_host host;
	const struct ig_comparison *comparison = collector->comparison;
	int status = ig_host_boot(&host, comparison->kernel, comparison->console, false);

	if (!status)
		status = measure(&host, collector);
	else
		status = IG_EXIT_FAILURE;
	ig_host_end(&host);
	/* An exit status, good or bad, is the measuring side's own last word; below 0 the host is dead. */
	return status >= 0;
}

static void add_not_measured(struct collector *collector, const char *why)
{
	const struct ig_row *next =
		&collector->comparison->rows.rows[json_object_array_length(collector->rows)];
	struct ig_result result;

	ig_result_clear(&result);
	snprintf(result.error, sizeof(result.error), "%s", why);
	json_object_array_add(collector->rows, ig_result_to_json(next, &result));
}

/*
 * Measures what has no result yet. A row under which the host dies is tried once more: an emulated machine
 * has faults of its own. Returns whether anything was measured.
 */
static bool measure_all(struct collector *collector)
{
	size_t wanted = collector->comparison->rows.count, tried = wanted, done = 0;
	bool any = false;

	for (int tries = 1; done < wanted && !measure_in_host(collector); tries++) {
		size_t now = json_object_array_length(collector->rows);

		any |= now > done;
		tries = now == tried ? tries : 1;
		tried = now;
		if (now < wanted && tries == TRIES)
			add_not_measured(collector, "the host died under it");
		done = json_object_array_length(collector->rows);
	}
	return any || json_object_array_length(collector->rows) > done;
}

json_object *ig_compare(const struct ig_comparison *comparison)
{
	struct collector collector = { .comparison = comparison, .rows = json_object_new_array() };
	json_object *report;
	bool any;

	any = measure_all(&collector);
	free(collector.line);
	if (!any) {
		json_object_put(collector.rows);
		return NULL;
	}
	while (json_object_array_length(collector.rows) < comparison->rows.count)
		add_not_measured(&collector, "the measuring ended before it");
	report = json_object_new_object();
	json_object_object_add(report, "rows", collector.rows);
	return report;
}
