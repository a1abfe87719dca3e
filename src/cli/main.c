/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command's entry: finds the verb and hands over. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct verb {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *summary;
} verbs[] = {
	{ "run", ig_run_main, "run a guest on the small reference VMM, on /dev/kvm" },
	{ "exec", ig_exec_main, "run an unmodified VMM, such as QEMU, with the gate in it" },
	{ "sim", ig_sim_main, "compare policies on a simulated machine, with every kind of guest" },
	{ "lab", ig_lab_main, "compare VMMs on a real device in an emulated host; needs no special hardware" },
};

static void print_help(FILE *to)
{
	fputs("usage: irqgate VERB [OPTION]...\n\n", to);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		fprintf(to, "  %-8s %s\n", verbs[i].name, verbs[i].summary);
	fputs("\n'irqgate VERB --help' tells more. Exit status: 0 done, 1 failed, 2 wrong usage.\n", to);
}

static int run_verb(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return IG_EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return IG_EXIT_OK;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("irqgate " IG_VERSION);
		return IG_EXIT_OK;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].main(argc - 1, argv + 1);
	ig_error("no verb '%s'; 'irqgate --help' lists them", argv[1]);
	return IG_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	ig_output_open();
	return ig_output_close(run_verb(argc, argv));
}
