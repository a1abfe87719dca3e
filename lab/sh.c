/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* `irqgate lab sh`: any command of this machine, in the host. One thread. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lab/host.h"
#include "lab/kernel.h"
#include "lab/lab.h"
#include "lab/process.h"

static void print_help(void)
{
	puts("usage: irqgate lab sh [--host-kernel KERNEL] [--console FILE] [--] [COMMAND [ARGUMENT]...]\n"
	     "\n"
	     "Runs COMMAND (a shell, if there is none) of this machine in the lab's host, as root. The\n"
	     "paths are those of this machine, read-only; /tmp can be written, and what is written there is\n"
	     "gone afterwards. stdin, stdout, stderr and the exit status are the command's (128 + signal if it\n"
	     "was killed).\n"
	     "\n"
	     "  --host-kernel KERNEL  bookworm (6.1, the default), bookworm-backports, the name of a\n"
	     "                        linux-image package, a linux-image .deb file, or the FOLDER that\n"
	     "                        'make -C kernel' prints\n"
	     "  --console FILE        keeps what the host's kernel says on its console");
}

static int run(const char *kernel, const char *console, char *const *argv)
{
	static int out = STDOUT_FILENO, err = STDERR_FILENO;
	const struct ig_host_sink to_out = { ig_host_write_fd, &out }, to_err = { ig_host_write_fd, &err };
	struct ig_host host;
	int status;

	ig_process_guard();
	/* In the background of a terminal there is no input: reading it is an error then, and no stop. */
	signal(SIGTTIN, SIG_IGN);
	/* stderr is the command's alone; a person at a terminal is told why nothing happens yet. */
	status = ig_host_boot(&host, kernel, console, !isatty(STDERR_FILENO));
	if (!status)
		status = ig_host_run(&host, argv, STDIN_FILENO, &to_out, &to_err);
	ig_host_end(&host);
	return status < 0 ? IG_EXIT_FAILURE : status;
}

int ig_lab_sh(int argc, char **argv)
{
	static const struct option options[] = {
		{ "host-kernel", required_argument, NULL, 'k' },
		{ "console", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	char *const shell[] = { "/bin/sh", NULL };
	const char *kernel = "bookworm", *console = NULL;
	int option;

	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
		switch (option) {
		case 'k':
			kernel = optarg;
			break;
		case 'c':
			console = optarg;
			break;
		case 'h':
			print_help();
			return IG_EXIT_OK;
		case ':':
			return ig_usage_error("lab sh", "%s needs a value", argv[optind - 1]);
		default:
			return ig_usage_error("lab sh", "unknown option %s", argv[optind - 1]);
		}
	}
	if (!ig_kernel_is_named(kernel))
		return ig_usage_error("lab sh", "no kernel '%s'", kernel);
	return run(kernel, console, optind < argc ? argv + optind : shell);
}
