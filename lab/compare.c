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
#include "lab/command.h"
#include "lab/compare.h"
#include "lab/host.h"
#include "lab/kernel.h"
#include "lab/report.h"

enum { TRIES = 2 };

/* What a Linux guest boots from; found before the first host is booted, as it may have to be fetched. */
struct guest_files {
	const char *guest;
	struct ig_boot_files files;
};

struct collector {
	const struct ig_comparison *comparison;
	struct guest_files files[IG_LINUX_GUESTS_MAX];
	size_t files_count;
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

/* The arguments of the measuring side; what is not a string of somebody else's lives in `texts`. */
struct arguments {
	const char *list[64];
	int count;
	char texts[4][24];
	int texts_count;
};

static void add_pair(struct arguments *arguments, const char *option, const char *value)
{
	arguments->list[arguments->count++] = option;
	arguments->list[arguments->count++] = value;
}

static void add_number(struct arguments *arguments, const char *option, uint64_t number)
{
	char *text = arguments->texts[arguments->texts_count++];

	snprintf(text, sizeof(arguments->texts[0]), "%lu", number);
	add_pair(arguments, option, text);
}

static void add_arguments(const struct collector *collector, struct arguments *arguments)
{
	const struct ig_comparison *comparison = collector->comparison;

	add_number(arguments, "--repeat", comparison->repeat);
	add_number(arguments, "--first", json_object_array_length(collector->rows));
	if (comparison->events)
		add_number(arguments, "--events", comparison->events);
	if (comparison->limit)
		add_number(arguments, "--limit", comparison->limit);
	add_pair(arguments, "--qemu", comparison->qemu);
	for (size_t i = 0; i < collector->files_count; i++) {
		add_pair(arguments, "--linux", collector->files[i].guest);
		add_pair(arguments, "--kernel", collector->files[i].files.kernel);
		add_pair(arguments, "--initramfs", collector->files[i].files.initramfs);
	}
}

static int measure(struct ig_host *host, struct collector *collector)
{
	static int err = STDERR_FILENO;
	const struct ig_host_sink to_collector = { collect, collector }, to_err = { ig_host_write_fd, &err };
	char self[PATH_MAX] = "", rows[IG_ROWS_MAX * IG_ROW_NAME_MAX];
	struct arguments arguments = { .list = { self, "lab", "measure", "--rows", rows }, .count = 5 };

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return -1;
	ig_rows_name(&collector->comparison->rows, ",", rows, sizeof(rows));
	add_arguments(collector, &arguments);
	collector->length = 0;
	return ig_host_run(host, (char *const *)arguments.list, -1, &to_collector, &to_err);
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
	const struct ig_row_list *rows = &collector->comparison->rows;
	size_t next = json_object_array_length(collector->rows);
	struct ig_result result;

	ig_result_clear(&result);
	result.run = (int64_t)(next / rows->count) + 1;
	snprintf(result.error, sizeof(result.error), "%s", why);
	json_object_array_add(collector->rows, ig_result_to_json(&rows->rows[next % rows->count], &result));
}

static size_t number_wanted(const struct ig_comparison *comparison)
{
	return comparison->rows.count * comparison->repeat;
}

/*
 * Measures what has no result yet. A row under which the host dies is tried once more: an emulated machine
 * has faults of its own. Returns whether anything was measured.
 */
static bool measure_all(struct collector *collector)
{
	size_t wanted = number_wanted(collector->comparison), tried = wanted, done = 0;
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

static int find_files(struct collector *collector, const struct ig_guest *guest)
{
	struct guest_files *files = &collector->files[collector->files_count];

	for (size_t i = 0; i < collector->files_count; i++)
		if (!strcmp(collector->files[i].guest, guest->name))
			return 0;
	files->guest = guest->name;
	collector->files_count++;
	return ig_kernel_get(guest->kernel, "guest", "lab/guest-init", false, &files->files);
}

static int find_all_files(struct collector *collector)
{
	const struct ig_row_list *rows = &collector->comparison->rows;
	int error = 0;

	for (size_t i = 0; i < rows->count && !error; i++)
		if (rows->rows[i].guest->kernel)
			error = find_files(collector, rows->rows[i].guest);
	return error;
}

json_object *ig_compare(const struct ig_comparison *comparison)
{
	struct collector collector = { .comparison = comparison, .rows = json_object_new_array() };
	json_object *report;
	bool any;

	any = !find_all_files(&collector) && measure_all(&collector);
	free(collector.line);
	if (!any) {
		json_object_put(collector.rows);
		return NULL;
	}
	while (json_object_array_length(collector.rows) < number_wanted(comparison))
		add_not_measured(&collector, "the measuring ended before it");
	report = json_object_new_object();
	json_object_object_add(report, "rows", collector.rows);
	return report;
}
