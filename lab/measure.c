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
#include <unistd.h>

#include "cli/cli.h"
#include "lab/command.h"
#include "lab/device.h"
#include "lab/files.h"
#include "lab/lab.h"
#include "lab/process.h"
#include "lab/report.h"
#include "lab/trace.h"
#include "lab/vmm.h"
#include "lab/warnings.h"

/* Of the modules of kernel/ alone. */
#define POLICY "/sys/module/kvm/parameters/resample"

/* Where irqgate exec leaves its figures: in the host, whose /tmp can be written. */
#define FIGURES "/tmp/irqgate-lab-exec.json"

struct measure {
	struct ig_row_list rows;
	struct ig_row_options options;
	struct ig_device device;	/* of the row */
	struct ig_trace trace;
	int log;			/* of warnings.h */
	uint64_t first, repeat;		/* measured already; how often the list is */
};

/* Of the VMs to come. */
static bool set_policy(const struct ig_setup *setup, struct ig_result *result)
{
	if (!setup->resample || !ig_file_write(setup->resample, POLICY))
		return true;
	snprintf(result->error, sizeof(result->error),
		 "the host's KVM has no gate: give --host-kernel the folder that 'make -C kernel' prints");
	return false;
}

/* From the device found to the device given back. */
static void run_row(struct measure *measure, const struct ig_row *row, struct ig_result *result)
{
	uint64_t asked = measure->options.events, events = asked ? asked : ig_row_events(row);
	uint64_t limit = measure->options.limit ? measure->options.limit : ig_row_limit(row, events);
	struct ig_command command;

	if (!set_policy(row->setup, result))
		return;
	if (ig_device_find(&measure->device, row->guest->device) ||
	    ig_row_command(row, &measure->options, events, measure->device.address, FIGURES, &command) ||
	    ig_device_bind(&measure->device)) {
		snprintf(result->error, sizeof(result->error), "the set-up failed; see the line above");
		return;
	}
	ig_trace_clear(&measure->trace);
	ig_vmm_measure(command.argv, &measure->device, &measure->trace, (double)limit, result);
	ig_device_release(&measure->device);
}

static void measure_row(struct measure *measure, const struct ig_row *row, struct ig_result *result)
{
	char ignored[sizeof(result->host_warning)];
	struct utsname self;

	ig_result_clear(result);
	uname(&self);
	snprintf(result->host_kernel, sizeof(result->host_kernel), "%s", self.release);
	ig_row_vmm(row, &measure->options, result->vmm, sizeof(result->vmm));
	ig_warnings_count(measure->log, ignored, sizeof(ignored));
	run_row(measure, row, result);
	result->host_warnings = ig_warnings_count(measure->log, result->host_warning,
						  sizeof(result->host_warning));
	if (row->setup->exec) {
		result->exec = json_object_from_file(FIGURES);
		unlink(FIGURES);
	}
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
	uint64_t count = measure->rows.count, of = count * measure->repeat;
	struct ig_result result;
	int error = ig_trace_open(&measure->trace);

	if (error)
		return error;
	measure->log = ig_warnings_open();
	for (uint64_t i = measure->first; i < of; i++) {
		const struct ig_row *row = &measure->rows.rows[i % count];
		char name[IG_ROW_NAME_MAX];

		ig_row_name(row, name, sizeof(name));
		fprintf(stderr, "irqgate: row %lu/%lu %s\n", i + 1, of, name);
		measure_row(measure, row, &result);
		result.run = (int64_t)(i / count) + 1;
		print_result(row, &result);
	}
	if (measure->log >= 0)
		close(measure->log);
	ig_trace_close(&measure->trace);
	return 0;
}

/* --linux NAME begins what a Linux guest boots from; --kernel and --initramfs are of the last one. */
static int read_files(struct ig_row_options *options, int option, const char *value)
{
	size_t count = options->files_count;

	if (option == 'g' && count < IG_LINUX_GUESTS_MAX)
		options->files[options->files_count++].guest = value;
	else if (option == 'k' && count)
		options->files[count - 1].kernel = value;
	else if (option == 'i' && count)
		options->files[count - 1].initramfs = value;
	else
		return -EINVAL;
	return 0;
}

static int read_option(struct measure *measure, int option, const char *value)
{
	char wrong[IG_ROW_NAME_MAX];

	switch (option) {
	case 'r': return ig_rows_parse(value, &measure->rows, wrong, sizeof(wrong));
	case 'n': return ig_parse_number(value, 1, UINT32_MAX, &measure->options.events);
	case 'l': return ig_parse_number(value, 1, UINT32_MAX, &measure->options.limit);
	case 'f': return ig_parse_number(value, 0, IG_ROWS_MAX * IG_REPEAT_MAX, &measure->first);
	case 'o': return ig_parse_number(value, 1, IG_REPEAT_MAX, &measure->repeat);
	case 'q': measure->options.qemu = value; return 0;
	default: return read_files(&measure->options, option, value);
	}
}

int ig_lab_measure(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rows", required_argument, NULL, 'r' },
		{ "events", required_argument, NULL, 'n' },
		{ "limit", required_argument, NULL, 'l' },
		{ "first", required_argument, NULL, 'f' },
		{ "repeat", required_argument, NULL, 'o' },
		{ "qemu", required_argument, NULL, 'q' },
		{ "linux", required_argument, NULL, 'g' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "initramfs", required_argument, NULL, 'i' },
		{ NULL, 0, NULL, 0 },
	};
	struct measure measure = { .options = { .qemu = "qemu-system-x86_64" }, .repeat = 1 };
	int option;

	ig_rows_default(&measure.rows);
	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1)
		if (read_option(&measure, option, optarg))
			return ig_usage_error("lab", "lab measure is internal; wrong: %s", argv[optind - 1]);
	ig_process_guard();
	return measure_rows(&measure) ? IG_EXIT_FAILURE : IG_EXIT_OK;
}
