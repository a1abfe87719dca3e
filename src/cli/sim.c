/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* irqgate sim: its options, and the figures of each guest under each policy. Main thread. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "sim/sim.h"

#define EVENTS_DEFAULT 10000
#define EVENTS_MAX     UINT64_C(1000000000)
#define SEED_DEFAULT   1

enum { POLICIES = 3, ALL = UINT32_MAX - 1 };

static const char *const policy_names[POLICIES] = { "hold", "eoi", "unmask-resample" };

struct options {
	uint32_t guest, policy; /* an index, or ALL */
	uint64_t events, seed;
	bool json;
};

static void print_help(void)
{
	puts("usage: irqgate sim [OPTION]...\n"
	     "\n"
	     "Simulates a machine around the real core: devices, host, chips, vCPU, and a guest of a certain kind.\n"
	     "Time is simulated and chance is seeded: the same options always print the same.\n"
	     "\n"
	     "  --guest G|all   see below (all)\n"
	     "  --policy P|all  hold, eoi or unmask-resample (all)\n"
	     "  --events N      events of the devices, for each guest and policy (10000)\n"
	     "  --seed S        a number (1)\n"
	     "  --json          one JSON object on stdout\n"
	     "\n"
	     "Guests:\n");
	for (uint32_t guest = 0; ig_sim_guest_name(guest); guest++)
		printf("  %-15s %s\n", ig_sim_guest_name(guest), ig_sim_guest_summary(guest));
	puts("\n"
	     "Figures: events; host interrupts; guest interrupts; extra: of them, those that came while no device\n"
	     "asserted; lost: events of a pin that was unmasked and not in service, and that nothing came of; suspend\n"
	     "aborted: wake-ups while no device asserted; empty reads: reads of a quiet device by a handler (on a\n"
	     "shared line, if all of its devices were quiet); hold: from the closing of the gate to the resample, in\n"
	     "microseconds.");
}

static int wrong(const char *option, const char *value, const char *expected)
{
	return ig_usage_error("sim", "--%s: '%s' is not %s", option, value, expected);
}

static bool find_guest(const char *name, uint32_t *guest)
{
	*guest = ALL;
	if (!strcmp(name, "all"))
		return true;
	for (uint32_t i = 0; ig_sim_guest_name(i); i++)
		if (!strcmp(name, ig_sim_guest_name(i)))
			*guest = i;
	return *guest != ALL;
}

static bool find_policy(const char *name, uint32_t *policy)
{
	*policy = ALL;
	if (!strcmp(name, "all"))
		return true;
	for (uint32_t i = 0; i < POLICIES; i++)
		if (!strcmp(name, policy_names[i]))
			*policy = i;
	return *policy != ALL;
}

enum { OPT_HELP, OPT_JSON, OPT_GUEST, OPT_POLICY, OPT_EVENTS, OPT_SEED };

static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPT_HELP },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "guest", required_argument, NULL, OPT_GUEST },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "events", required_argument, NULL, OPT_EVENTS },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ NULL, 0, NULL, 0 },
};

static int take(struct options *options, int option, const char *name, const char *text)
{
	switch (option) {
	case OPT_JSON:
		options->json = true;
		break;
	case OPT_GUEST:
		if (!find_guest(text, &options->guest))
			return wrong(name, text, "a guest, nor all");
		break;
	case OPT_POLICY:
		if (!find_policy(text, &options->policy))
			return wrong(name, text, "hold, eoi, unmask-resample or all");
		break;
	case OPT_EVENTS:
		if (ig_parse_number(text, 1, EVENTS_MAX, &options->events))
			return wrong(name, text, "a number of events from 1 to 1000000000");
		break;
	default:
		if (ig_parse_number(text, 0, UINT64_MAX, &options->seed))
			return wrong(name, text, "a number of 64 bits");
		break;
	}
	return IG_EXIT_OK;
}

/* Returns IG_EXIT_OK to go on, or the exit status; *help: it was printed. */
static int parse(int argc, char **argv, struct options *options, bool *help)
{
	int option, index = 0, status, at = 1;

	opterr = 0;
	for (; (option = getopt_long(argc, argv, "+:", long_options, &index)) >= 0; at = optind) {
		if (option == ':')
			return ig_usage_error("sim", "%s needs a value", argv[at]);
		if (option == '?')
			return ig_usage_error("sim", "%s: no such option", argv[at]);
		if (option == OPT_HELP) {
			print_help();
			*help = true;
			return IG_EXIT_OK;
		}
		status = take(options, option, long_options[index].name, optarg);
		if (status)
			return status;
	}
	if (optind < argc)
		return ig_usage_error("sim", "'%s': an option is expected", argv[optind]);
	return IG_EXIT_OK;
}

/* Nanoseconds as microseconds, without a detour through floating point. */
#define MICROSECONDS        "%" PRIu64 ".%03u"
#define AS_MICROSECONDS(ns) (ns) / 1000, (unsigned int)((ns) % 1000)

static void print_json_row(const char *guest, const char *policy, const struct ig_sim_figures *figures, bool first)
{
	printf("%s{\"guest\": \"%s\", \"policy\": \"%s\", \"events\": %" PRIu64 ", \"host_interrupts\": %" PRIu64
	       ", \"guest_interrupts\": %" PRIu64 ", \"extra\": %" PRIu64 ", \"lost\": %" PRIu64
	       ", \"suspend_aborted\": %" PRIu64 ", \"empty_reads\": %" PRIu64
	       ", \"hold_us_p50\": " MICROSECONDS ", \"hold_us_p99\": " MICROSECONDS "}",
	       first ? "" : ",\n", guest, policy, figures->events, figures->host_interrupts,
	       figures->guest_interrupts, figures->extra, figures->lost, figures->suspend_aborted,
	       figures->empty_reads, AS_MICROSECONDS(figures->hold_p50), AS_MICROSECONDS(figures->hold_p99));
}

static double microseconds(uint64_t ns)
{
	return (double)ns / 1000;
}

static void print_row(const char *guest, const char *policy, const struct ig_sim_figures *figures)
{
	printf("%-13s%-16s%10" PRIu64 "%10" PRIu64 "%10" PRIu64 "%9" PRIu64 "%6" PRIu64 "%9" PRIu64 "%9" PRIu64
	       "%11.1f%11.1f\n",
	       guest, policy, figures->events, figures->host_interrupts, figures->guest_interrupts,
	       figures->extra, figures->lost, figures->suspend_aborted, figures->empty_reads,
	       microseconds(figures->hold_p50), microseconds(figures->hold_p99));
}

static void print_head(const struct options *options)
{
	if (options->json) {
		fputs("{\"rows\": [", stdout);
		return;
	}
	printf("%-29s%10s%10s%10s%9s%6s%9s%9s%22s\n", "", "", "host", "guest", "", "", "suspend", "empty", "hold, us");
	printf("%-13s%-16s%10s%10s%10s%9s%6s%9s%9s%11s%11s\n", "guest", "policy", "events", "interr.", "interr.",
	       "extra", "lost", "aborted", "reads", "p50", "p99");
}

static int simulate(const struct options *options, uint32_t guest, uint32_t policy, bool first)
{
	struct ig_sim_figures figures;

	if (ig_sim_run(guest, (enum irqgate_policy)policy, options->events, options->seed, &figures)) {
		ig_error("out of memory");
		return IG_EXIT_FAILURE;
	}
	if (options->json)
		print_json_row(ig_sim_guest_name(guest), policy_names[policy], &figures, first);
	else
		print_row(ig_sim_guest_name(guest), policy_names[policy], &figures);
	return IG_EXIT_OK;
}

static bool is_wanted(uint32_t wanted, uint32_t index)
{
	return wanted == ALL || wanted == index;
}

int ig_sim_main(int argc, char **argv)
{
	struct options options = {
		.guest = ALL, .policy = ALL, .events = EVENTS_DEFAULT, .seed = SEED_DEFAULT,
	};
	bool help = false, first = true;
	int status = parse(argc, argv, &options, &help);

	if (status || help)
		return status;
	print_head(&options);
	for (uint32_t guest = 0; ig_sim_guest_name(guest); guest++) {
		for (uint32_t policy = 0; policy < POLICIES; policy++) {
			if (!is_wanted(options.guest, guest) || !is_wanted(options.policy, policy))
				continue;
			status = simulate(&options, guest, policy, first);
			if (status)
				return status;
			first = false;
		}
	}
	if (options.json)
		puts("]}");
	return IG_EXIT_OK;
}
