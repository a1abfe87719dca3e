/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * irqgate exec: becomes a VMM that has the gate preloaded. This process does all the checks that can be done
 * beforehand, tells the library by IRQGATE_EXEC what is wanted, and gives way to the VMM: same process, same
 * pid. One thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/program.h"
#include "exec/settings.h"

#define SECONDS_MAX     (INT32_MAX / 1000)
#define JSON_FD_FIRST   100 /* out of the way of what a VMM expects in its first descriptors */
#define LOADER_SPECIALS ": $" /* separators, and what begins a variable, in LD_PRELOAD; ld.so(8) */

struct options {
	const char *policy;
	int stats; /* seconds between reports; 0 only at the end, -1 none */
	const char *json;
	bool follow;
};

static void print_help(void)
{
	puts("usage: irqgate exec [OPTION]... [--] COMMAND [ARGUMENT]...\n"
	     "\n"
	     "Runs an unmodified VMM, such as qemu-system-x86_64, with the gate in it: a preloaded library stands\n"
	     "between the VMM and VFIO. COMMAND takes the place of this process, with the same pid.\n"
	     "\n"
	     "  --policy hold|eoi   hold: the gate; eoi: only counts, to compare (hold)\n"
	     "  --stats[=SECONDS]   figures of each line on stderr: at the end, and every so many seconds\n"
	     "  --json FILE         figures as JSON in FILE, at the end\n"
	     "  --follow            the gate also in programs that COMMAND starts: for a script that starts the VMM\n"
	     "\n"
	     "Options end at COMMAND or at '--'. Exit status: COMMAND's own; 1 the library or FILE cannot be used,\n"
	     "2 wrong usage, 126 COMMAND cannot be run with the gate (it is static, of another architecture,\n"
	     "set-user-ID, ...), 127 it was not found.");
}

enum { OPT_HELP, OPT_POLICY, OPT_STATS, OPT_JSON, OPT_FOLLOW };

static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPT_HELP },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "stats", optional_argument, NULL, OPT_STATS },
	{ "json", required_argument, NULL, OPT_JSON },
	{ "follow", no_argument, NULL, OPT_FOLLOW },
	{ NULL, 0, NULL, 0 },
};

static int take_policy(struct options *options, const char *text)
{
	if (!strcmp(text, "unmask-resample"))
		return ig_usage_error("exec", "--policy: 'unmask-resample' is for 'irqgate run' only: here it is "
				      "the kernel's part, and Linux has it since 6.3");
	if (strcmp(text, "hold") && strcmp(text, "eoi"))
		return ig_usage_error("exec", "--policy: '%s' is not hold or eoi", text);
	options->policy = text;
	return IG_EXIT_OK;
}

static int take_stats(struct options *options, const char *text)
{
	uint64_t seconds = 0;

	if (text && ig_parse_number(text, 0, SECONDS_MAX, &seconds))
		return ig_usage_error("exec", "--stats: '%s' is not a number of seconds", text);
	options->stats = (int)seconds;
	return IG_EXIT_OK;
}

/* "--stats 5 qemu" is "--stats=5 qemu", but the last argument is a command, whatever it looks like. */
static const char *stats_argument(int argc, char **argv)
{
	if (optarg || optind + 1 >= argc)
		return optarg;
	if (!argv[optind][0] || argv[optind][strspn(argv[optind], "0123456789")])
		return NULL;
	return argv[optind++];
}

static int take(struct options *options, int option, int argc, char **argv)
{
	switch (option) {
	case OPT_POLICY: return take_policy(options, optarg);
	case OPT_STATS: return take_stats(options, stats_argument(argc, argv));
	case OPT_JSON: options->json = optarg; break;
	default: options->follow = true; break;
	}
	return IG_EXIT_OK;
}

/* Returns IG_EXIT_OK to go on with argv[optind], or the exit status; *help: it was printed. */
static int parse(int argc, char **argv, struct options *options, bool *help)
{
	int option, status, at = 1;

	opterr = 0;
	for (; (option = getopt_long(argc, argv, "+:", long_options, NULL)) >= 0; at = optind) {
		if (option == ':')
			return ig_usage_error("exec", "%s needs a value", argv[at]);
		if (option == '?')
			return ig_usage_error("exec", "%s: no such option", argv[at]);
		if (option == OPT_HELP) {
			print_help();
			*help = true;
			return IG_EXIT_OK;
		}
		status = take(options, option, argc, argv);
		if (status)
			return status;
	}
	if (optind == argc)
		return ig_usage_error("exec", "a COMMAND is expected");
	return IG_EXIT_OK;
}

static int find_library(char *path, size_t size)
{
	if (ig_find_file(IG_EXEC_LIBRARY, path, size)) {
		ig_error("no %s in '%.*s'; build or install irqgate as a whole", IG_EXEC_LIBRARY,
			 (int)(strrchr(path, '/') - path), path);
		return IG_EXIT_FAILURE;
	}
	if (strpbrk(path, LOADER_SPECIALS)) {
		ig_error("'%s' cannot be named in LD_PRELOAD; install irqgate in a folder without ':', '$' and spaces",
			 path);
		return IG_EXIT_FAILURE;
	}
	return IG_EXIT_OK;
}

/* Open in the VMM, too. Returns the descriptor, or -1 after telling why not. */
static int open_json(const char *path)
{
	int low = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666);
	int high;

	if (low < 0) {
		ig_error("--json: cannot write '%s': %s", path, strerror(errno));
		return -1;
	}
	high = fcntl(low, F_DUPFD, JSON_FD_FIRST);
	if (high >= 0) {
		close(low);
		return high;
	}
	fcntl(low, F_SETFD, 0);
	return low;
}

static int set_environment(const struct options *options, const char *library, int json)
{
	const char *before = getenv("LD_PRELOAD");
	char *preload, *wanted;
	int error;

	if (asprintf(&preload, "%s%s%s", library, before && *before ? ":" : "", before ? before : "") < 0)
		return -ENOMEM;
	if (asprintf(&wanted, "policy=%s,stats=%d,json=%d,follow=%d", options->policy, options->stats, json,
		     options->follow) < 0) {
		free(preload);
		return -ENOMEM;
	}
	error = setenv("LD_PRELOAD", preload, 1) || setenv(IG_EXEC_VARIABLE, wanted, 1) ? -errno : 0;
	free(wanted);
	free(preload);
	return error;
}

/* Only returns what went wrong. */
static int start(const struct options *options, const char *library, const char *program, char **argv, int json)
{
	int error = set_environment(options, library, json);

	if (error) {
		ig_error("cannot set the environment of '%s': %s", program, strerror(-error));
		return IG_EXIT_FAILURE;
	}
	execv(program, argv);
	ig_error("cannot run '%s': %s", program, strerror(errno));
	return IG_EXIT_CANNOT_RUN;
}

/* The same. */
static int become(const struct options *options, const char *library, const char *program, char **argv)
{
	int json = -1, status;

	if (options->json) {
		json = open_json(options->json);
		if (json < 0)
			return IG_EXIT_FAILURE;
	}
	status = start(options, library, program, argv, json);
	if (json >= 0)
		close(json);
	return status;
}

int ig_exec_main(int argc, char **argv)
{
	struct options options = { .policy = "hold", .stats = -1 };
	char library[PATH_MAX], program[PATH_MAX];
	bool help = false, script = false;
	int status = parse(argc, argv, &options, &help);

	if (status || help)
		return status;
	status = find_library(library, sizeof(library));
	if (!status)
		status = ig_program_find(argv[optind], program, sizeof(program));
	if (!status)
		status = ig_program_check(program, &script);
	if (status)
		return status;
	if (script && !options.follow)
		ig_error("'%s' is a script: a VMM that it starts gets the gate only with --follow", program);
	return become(&options, library, program, argv + optind);
}
