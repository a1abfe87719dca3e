/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The checker's command line. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "prove/configs.h"
#include "prove/explore.h"
#include "prove/report.h"
#include "prove/steps.h"

enum { DEFAULT_LIMIT = 160000000, EXIT_RIGHT = 0, EXIT_VIOLATED = 1, EXIT_USAGE = 2, EXIT_TROUBLE = 3 };

static const char usage[] =
	"usage: prove [OPTION...] CONFIGURATION...\n"
	"       prove --replay FILE\n"
	"Explores every interleaving of the core and a model of its world; or takes a counterexample again.\n"
	"  --list             the configurations\n"
	"  --policy POLICY    hold (the default), eoi or unmask-resample\n"
	"  --defect DEFECT    with a mistake of the adapter\n"
	"  --mutant NAME      what the core was compiled with: only named in what is written\n"
	"  --until-found      end all at the first violation\n"
	"  --cases DIR        save counterexamples there\n"
	"  --json FILE        append an object for each configuration\n"
	"  --limit STATES     give up after so many states (0: 160 million)\n"
	"  --memory MIB       give up before more is taken; else when the machine has next to none left\n"
	"Exit status: 0 nothing was violated and all was explored; 1 something was violated; 2 usage;\n"
	"3 it was not explored to its end.\n";

static const char *const policy_names[] = {
	[IRQGATE_POLICY_HOLD] = "hold",
	[IRQGATE_POLICY_EOI] = "eoi",
	[IRQGATE_POLICY_UNMASK_RESAMPLE] = "unmask-resample",
};

struct options {
	struct subject subject;
	uint32_t limit, memory;
	bool until_found;
	const char *cases, *json, *replay;
};

static unsigned int find_name(const char *const *names, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return i;
	fprintf(stderr, "prove: there is no %s; see --help\n", name);
	exit(EXIT_USAGE);
}

static uint32_t parse_limit(const char *text)
{
	uint32_t limit = (uint32_t)strtoul(text, NULL, 10);

	return limit && limit < DEFAULT_LIMIT ? limit : DEFAULT_LIMIT;
}

static void list_configs(void)
{
	for (uint32_t i = 0; i < configs_count; i++)
		printf("%-28s %s\n", configs[i].name, configs[i].summary);
	exit(EXIT_RIGHT);
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "list", no_argument, NULL, 'l' }, { "policy", required_argument, NULL, 'p' },
		{ "defect", required_argument, NULL, 'd' }, { "mutant", required_argument, NULL, 'm' },
		{ "until-found", no_argument, NULL, 'u' }, { "cases", required_argument, NULL, 'c' },
		{ "json", required_argument, NULL, 'j' }, { "limit", required_argument, NULL, 'n' },
		{ "memory", required_argument, NULL, 'M' }, { "replay", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		switch (option) {
		case 'l': list_configs(); break;
		case 'p': options->subject.policy = find_name(policy_names, 3, optarg); break;
		case 'd': options->subject.defect = find_name(defect_names, DEFECTS, optarg); break;
		case 'm': options->subject.mutant = optarg; break;
		case 'u': options->until_found = true; break;
		case 'c': options->cases = optarg; break;
		case 'j': options->json = optarg; break;
		case 'n': options->limit = parse_limit(optarg); break;
		case 'M': options->memory = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'r': options->replay = optarg; break;
		case 'h': fputs(usage, stdout); exit(EXIT_RIGHT);
		default: fputs(usage, stderr); exit(EXIT_USAGE);
		}
	}
}

const char *policy_name(enum irqgate_policy policy)
{
	return policy_names[policy];
}

int find_policy(const char *name)
{
	for (uint32_t i = 0; i < sizeof(policy_names) / sizeof(policy_names[0]); i++)
		if (!strcmp(policy_names[i], name))
			return (int)i;
	return -1;
}

/* One configuration. Returns an exit status. */
static int prove(const struct options *options, const char *name)
{
	struct world *w = calloc(1, sizeof(*w));
	struct subject subject = options->subject;
	struct search search = { .world = w, .limit = options->limit, .memory = options->memory,
				 .until_found = options->until_found };
	int error;

	subject.config = find_config(name);
	if (!w || !subject.config) {
		fprintf(stderr, "prove: there is no configuration '%s'; see --list\n", name);
		free(w);
		return EXIT_USAGE;
	}
	open_subject(w, &subject);
	error = world_open(w);
	if (!error)
		error = explore(&search);
	if (error)
		fprintf(stderr, "prove: %s: not explored to its end: %s\n", name,
			error == -ENOSPC ? "more states than --limit allows" : strerror(-error));
	report(&subject, w, &search.result, options->cases, options->json);
	free(w);
	if (search.result.violations)
		return EXIT_VIOLATED;
	return search.result.complete ? EXIT_RIGHT : EXIT_TROUBLE;
}

int main(int argc, char **argv)
{
	struct options options = { .limit = DEFAULT_LIMIT, .subject = { .mutant = "none" } };
	int status = EXIT_RIGHT;

	parse(argc, argv, &options);
	guard_steps();
	if (options.replay)
		return replay(options.replay);
	if (optind == argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	for (int i = optind; i < argc; i++) {
		int one = prove(&options, argv[i]);

		if (one > status)
			status = one;
		if (one == EXIT_VIOLATED && options.until_found)
			break;
	}
	return status;
}
