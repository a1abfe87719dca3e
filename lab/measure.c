/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * `irqgate lab measure`: what runs in the lab's host. It measures the rows one after another and prints one
 * JSON object a line. Internal: `irqgate lab` calls it there. One thread.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "cli/cli.h"
#include "lab/device.h"
#include "lab/lab.h"
#include "lab/process.h"
#include "lab/report.h"
#include "lab/rows.h"
#include "lab/trace.h"
#include "lab/vmm.h"

struct measure {
	struct ig_row_list rows;
	struct ig_row_options options;
	struct ig_device device;
	struct ig_trace trace;
	uint64_t limit;
	uint64_t first, of;		/* the number of the first row, and of all: for the progress */
};

static void measure_row(struct measure *measure, const struct ig_row *row, struct ig_result *result)
{
	struct ig_command command;
	struct utsname self;

	ig_result_clear(result);
	uname(&self);
	snprintf(result->host_kernel, sizeof(result->host_kernel), "%s", self.release);
	snprintf(result->device, sizeof(result->device), "edu");
	ig_row_vmm(row, &measure->options, result->vmm, sizeof(result->vmm));
	if (ig_row_command(row, &measure->options, measure->device.address, &command) ||
	    ig_device_bind(&measure->device)) {
		snprintf(result->error, sizeof(result->error), "the set-up failed; see the line above");
		return;
	}
	ig_trace_clear(&measure->trace);
	ig_vmm_measure(command.argv, &measure->device, &measure->trace, (double)measure->limit, result);
}

static void print_result(const struct ig_row *row, const struct ig_result *result)
{
	json_object *object = ig_result_to_json(row, result);

	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	fflush(stdout);
	json_object_put(object);
}

static int measure_rows(struct measure *measure)
{
	struct ig_result result;
	int error = ig_device_find(&measure->device);

	if (!error)
		error = ig_trace_open(&measure->trace);
	if (error)
		return error;
	for (size_t i = 0; i < measure->rows.count; i++) {
		const struct ig_row *row = &measure->rows.rows[i];

		fprintf(stderr, "irqgate: row %lu/%lu %s/%s\n", measure->first + i, measure->of, row->setup,
			row->guest);
		measure_row(measure, row, &result);
		print_result(row, &result);
	}
	ig_device_release(&measure->device);
	ig_trace_close(&measure->trace);
	return 0;
}

static int read_option(struct measure *measure, int option, const char *value)
{
	char wrong[80];

	switch (option) {
	case 'r': return ig_rows_parse(value, &measure->rows, wrong, sizeof(wrong));
	case 'n': return ig_parse_number(value, 1, UINT32_MAX, &measure->options.events);
	case 'l': return ig_parse_number(value, 1, UINT32_MAX, &measure->limit);
	case 'f': return ig_parse_number(value, 1, IG_ROWS_MAX, &measure->first);
	case 'o': return ig_parse_number(value, 1, IG_ROWS_MAX, &measure->of);
	case 'q': measure->options.qemu = value; return 0;
	default: return -EINVAL;
	}
}

int ig_lab_measure(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rows", required_argument, NULL, 'r' },
		{ "events", required_argument, NULL, 'n' },
		{ "limit", required_argument, NULL, 'l' },
		{ "first", required_argument, NULL, 'f' },
		{ "of", required_argument, NULL, 'o' },
		{ "qemu", required_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 },
	};
	struct measure measure = {
		.options = { .events = 1000, .qemu = "qemu-system-x86_64" }, .limit = 60, .first = 1,
	};
	int option;

	ig_rows_all(&measure.rows);
	measure.of = measure.rows.count;
	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1)
		if (read_option(&measure, option, optarg))
			return ig_usage_error("lab", "lab measure is internal; wrong: %s", argv[optind - 1]);
	ig_process_guard();
	return measure_rows(&measure) ? IG_EXIT_FAILURE : IG_EXIT_OK;
}
