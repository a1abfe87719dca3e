/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* `irqgate lab`: its options and what it prints and writes. One thread. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lab/compare.h"
#include "lab/host.h"
#include "lab/kernel.h"
#include "lab/lab.h"
#include "lab/process.h"
#include "lab/report.h"

enum {
	MAX_LIMIT = 1000 * 1000,
	MAX_EVENTS = 10 * 1000 * 1000,
};

struct options {
	struct ig_comparison comparison;
	const char *json, *qemu;
	char qemu_path[PATH_MAX];
};

static void print_help(void)
{
	puts("usage: irqgate lab [OPTION]...\n"
	     "       irqgate lab sh [--host-kernel KERNEL] [--] [COMMAND [ARGUMENT]...]\n"
	     "\n"
	     "Boots a host, a stock kernel in an emulated machine that has a real interrupt to assign, and\n"
	     "measures what several VMMs make of it. Needs no special hardware. 'sh' runs a command there.\n"
	     "\n"
	     "  --rows LIST           what to measure: SETUP/GUEST, or SETUP for its guests oneshot and plain,\n"
	     "                        separated by commas (all set-ups without a +)\n"
	     "  --list                prints the rows that there are\n"
	     "  --events N            events a row (1000; pings of a Linux guest: 200)\n"
	     "  --limit SECONDS       for each row; one that does not finish is a result (20, for Linux guests\n"
	     "                        120, and more with the number of events)\n"
	     "  --repeat N            measures them all so many times, in turn; the table has the medians (1)\n"
	     "  --json FILE           writes the results; - is stdout, and the table then goes to stderr\n"
	     "  --host-kernel KERNEL  bookworm (6.1, the default), bookworm-backports, the name of a\n"
	     "                        linux-image package, a linux-image .deb file, or the FOLDER that\n"
	     "                        'make -C kernel' prints\n"
	     "  --qemu RELEASE        the QEMU to measure: bookworm (this machine's, the default) or\n"
	     "                        bookworm-backports\n"
	     "  --console FILE        keeps what the host's kernel says on its console\n"
	     "\n"
	     "Downloads are kept in $IRQGATE_CACHE (~/.cache/irqgate). 'irqgate lab measure' is internal: it\n"
	     "is what runs in the host. Exit status: 0 all rows measured; 1 one was not, or an irqgate row had\n"
	     "an interrupt too many or too few; 2 wrong usage.");
}

static int print_list(void)
{
	struct ig_row_list list;
	char names[IG_ROWS_MAX * IG_ROW_NAME_MAX];

	ig_rows_all(&list);
	ig_rows_name(&list, "\n", names, sizeof(names));
	puts(names);
	return IG_EXIT_OK;
}

/* Whether the file will be writable when the results are there; told before the time is spent. */
static int check_json(const char *file)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(file, '/');

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - file) + 1 : 1, slash ? file : ".");
	if (!strcmp(file, "-") || !access(file, W_OK) || (errno == ENOENT && !access(folder, W_OK)))
		return 0;
	ig_error("cannot write %s: %s", file, strerror(errno));
	return -EIO;
}

/* A file appears whole or not at all; anything else (a pipe, a device) is written as it is. */
static int write_json(const char *file, json_object *report)
{
	const int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE;
	char temporary[PATH_MAX];
	struct stat status;
	bool special = !stat(file, &status) && !S_ISREG(status.st_mode);
	const char *target = file;

	if (!strcmp(file, "-"))
		return puts(json_object_to_json_string_ext(report, flags)) < 0 || fflush(stdout) ? -EIO : 0;
	if (!special) {
		snprintf(temporary, sizeof(temporary), "%s.%d.partial", file, getpid());
		target = temporary;
	}
	if (!json_object_to_file_ext(target, report, flags) && (special || !rename(target, file)))
		return 0;
	ig_error("cannot write %s: %s", file, strerror(errno));
	if (!special)
		unlink(target);
	return -EIO;
}

static int judge(json_object *report)
{
	json_object *rows = json_object_object_get(report, "rows");

	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		json_object *row = json_object_array_get_idx(rows, i);

		if (!ig_report_measured(row) || !ig_report_as_promised(row))
			return IG_EXIT_FAILURE;
	}
	return IG_EXIT_OK;
}

/* Finds the QEMU to measure, which is fetched if it must be. */
static int find_qemu(struct options *options)
{
	const char *const args[] = { options->qemu, NULL };
	int error;

	if (!options->qemu)
		return 0;
	error = ig_process_script("lab/fetch-qemu", args, false, options->qemu_path,
				  sizeof(options->qemu_path));
	options->comparison.qemu = options->qemu_path;
	return error;
}

static int compare(struct options *options)
{
	json_object *report;
	FILE *to = options->json && !strcmp(options->json, "-") ? stderr : stdout;
	int status;

	ig_process_guard();
	if ((options->json && check_json(options->json)) || find_qemu(options))
		return IG_EXIT_FAILURE;
	report = ig_compare(&options->comparison);
	if (!report)
		return IG_EXIT_FAILURE;
	status = judge(report);
	if (options->json && write_json(options->json, report))
		status = IG_EXIT_FAILURE;
	ig_report_table(report, to, isatty(fileno(to)));
	json_object_put(report);
	return status;
}

enum { OPTION_DONE = -1 };

/* Returns OPTION_DONE, or the exit status that ends the program. */
static int read_option(struct options *options, int option, const char *value)
{
	struct ig_comparison *comparison = &options->comparison;
	char wrong[IG_ROW_NAME_MAX];

	switch (option) {
	case 'r':
		if (ig_rows_parse(value, &comparison->rows, wrong, sizeof(wrong)))
			return ig_usage_error("lab", "no row '%s'; --list prints the rows that there are",
					      wrong);
		return OPTION_DONE;
	case 'n':
		if (ig_parse_number(value, 1, MAX_EVENTS, &comparison->events))
			return ig_usage_error("lab", "--events takes a number from 1 to %d, not '%s'",
					      MAX_EVENTS, value);
		return OPTION_DONE;
	case 't':
		if (ig_parse_number(value, 1, MAX_LIMIT, &comparison->limit))
			return ig_usage_error("lab", "--limit takes seconds from 1 to %d, not '%s'",
					      MAX_LIMIT, value);
		return OPTION_DONE;
	case 'm':
		if (ig_parse_number(value, 1, IG_REPEAT_MAX, &comparison->repeat))
			return ig_usage_error("lab", "--repeat takes a number from 1 to %d, not '%s'",
					      IG_REPEAT_MAX, value);
		return OPTION_DONE;
	case 'j':
		options->json = value;
		return OPTION_DONE;
	case 'k':
		if (!ig_kernel_is_named(value))
			return ig_usage_error("lab", "no kernel '%s'", value);
		comparison->kernel = value;
		return OPTION_DONE;
	case 'c':
		comparison->console = value;
		return OPTION_DONE;
	case 'q':
		if (strcmp(value, "bookworm") && strcmp(value, "bookworm-backports"))
			return ig_usage_error("lab", "no QEMU '%s'; it is bookworm or bookworm-backports",
					      value);
		options->qemu = value;
		return OPTION_DONE;
	case 'l':
		return print_list();
	default:
		print_help();
		return IG_EXIT_OK;
	}
}

static int lab(int argc, char **argv)
{
	static const struct option known[] = {
		{ "rows", required_argument, NULL, 'r' },
		{ "events", required_argument, NULL, 'n' },
		{ "limit", required_argument, NULL, 't' },
		{ "repeat", required_argument, NULL, 'm' },
		{ "json", required_argument, NULL, 'j' },
		{ "host-kernel", required_argument, NULL, 'k' },
		{ "console", required_argument, NULL, 'c' },
		{ "qemu", required_argument, NULL, 'q' },
		{ "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct options options = {
		.comparison = { .repeat = 1, .kernel = "bookworm", .qemu = "qemu-system-x86_64" },
	};
	struct ig_comparison *comparison = &options.comparison;
	int option, status;

	ig_rows_default(&comparison->rows);
	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
		if (option == ':')
			return ig_usage_error("lab", "%s needs a value", argv[optind - 1]);
		if (option == '?')
			return ig_usage_error("lab", "unknown option %s", argv[optind - 1]);
		status = read_option(&options, option, optarg);
		if (status != OPTION_DONE)
			return status;
	}
	if (optind < argc)
		return ig_usage_error("lab", "no sub-command '%s'; there is 'sh'", argv[optind]);
	return compare(&options);
}

/* A stream that is closed would give its number to another file, which would then take what is printed. */
static void open_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int ig_lab_main(int argc, char **argv)
{
	open_standard_streams();
	if (argc > 1 && !strcmp(argv[1], "sh"))
		return ig_lab_sh(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "measure"))
		return ig_lab_measure(argc - 1, argv + 1);
	return lab(argc, argv);
}
