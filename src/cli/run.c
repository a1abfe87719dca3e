/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* irqgate run: its options, its figures, its exit status. Main thread. */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "vmm/vmm.h"

#define MEMORY_MIN     (UINT64_C(2) << 20)
#define MEMORY_MAX     (UINT64_C(3) << 30) /* below the BARs and chips */
#define MEMORY_DEFAULT (UINT64_C(128) << 20)
#define EVENTS_DEFAULT 1000
#define WORK_DEFAULT   250000 /* about what it takes a kernel to wake a thread */
#define EVENTS_MAX     UINT64_C(1000000000)
#define GSI_DEFAULT    16
#define GSI_PIC        11 /* where the 8259s have an input for it */
#define GSI_NONE       UINT32_MAX
#define CYCLES_MAX     UINT64_C(1000000000)

struct options {
	struct ig_vmm_options vmm;
	const char *guest; /* the embedded guest's mode */
	uint64_t events, work, gap;
	bool json;
};

static const char *const policy_names[] = { "hold", "eoi", "unmask-resample" };
static const char *const path_names[] = { "direct", "userspace" };
static const char *const guest_names[] = { "oneshot", "plain", "oneshot-pic", "plain-pic", "both" };
enum { GUESTS_WITHOUT_PIC = 2 };

static void print_help(void)
{
	puts("usage: irqgate run [OPTION]...\n"
	     "\n"
	     "Runs a guest on /dev/kvm with the interrupt of one device through the gate. Without --multiboot it is a\n"
	     "built-in guest that makes the device interrupt N times and counts what it gets.\n"
	     "\n"
	     "  --guest GUEST           how the built-in guest handles an interrupt (oneshot): oneshot or plain at the\n"
	     "                          IOAPIC, oneshot-pic or plain-pic at the 8259s, or oneshot by turns at both\n"
	     "  --events N              how many it asks for (1000)\n"
	     "  --work CYCLES           oneshot: TSC cycles between its handler and its thread (250000)\n"
	     "  --gap CYCLES            quiet TSC cycles after each event (0)\n"
	     "  --policy P              hold, eoi or unmask-resample (hold)\n"
	     "  --path direct|userspace how a trigger reaches the guest (direct)\n"
	     "  --vfio ADDRESS          assign this PCI device, bound to vfio-pci; else a built-in device\n"
	     "  --gsi N                 the GSI of the device's interrupt (16; 11 for a guest that uses the 8259s)\n"
	     "  --multiboot FILE        run this multiboot (version 1) image instead\n"
	     "  --initrd FILE           its first module\n"
	     "  --append STRING         its command line, behind the file's name\n"
	     "  --mem SIZE              guest memory, with K, M or G (128M)\n"
	     "  --cpus N                vCPUs, 1 to 8 (1)\n"
	     "  --timeout SECONDS       end the run after that time\n"
	     "  --json                  one JSON object on stdout; the guest's serial port goes to stderr\n"
	     "\n"
	     "Exit status: 0 the built-in guest finished and lost nothing; 1 it did not, or something failed; 2 wrong\n"
	     "usage. With --multiboot: (V << 1) | 1 for a byte V that the guest writes to port 0xf4.");
}

static int find_name(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return (int)i;
	return -1;
}

#define FIND(names, name) find_name(names, sizeof(names) / sizeof((names)[0]), name)

static int wrong(const char *option, const char *value, const char *expected)
{
	return ig_usage_error("run", "--%s: '%s' is not %s", option, value, expected);
}

enum {
	OPT_HELP, OPT_JSON, OPT_MULTIBOOT, OPT_APPEND, OPT_INITRD, OPT_MEM, OPT_CPUS, OPT_VFIO, OPT_GUEST, OPT_POLICY,
	OPT_PATH, OPT_EVENTS, OPT_WORK, OPT_GAP, OPT_GSI, OPT_TIMEOUT,
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPT_HELP },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "multiboot", required_argument, NULL, OPT_MULTIBOOT },
	{ "append", required_argument, NULL, OPT_APPEND },
	{ "initrd", required_argument, NULL, OPT_INITRD },
	{ "mem", required_argument, NULL, OPT_MEM },
	{ "cpus", required_argument, NULL, OPT_CPUS },
	{ "vfio", required_argument, NULL, OPT_VFIO },
	{ "guest", required_argument, NULL, OPT_GUEST },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "path", required_argument, NULL, OPT_PATH },
	{ "events", required_argument, NULL, OPT_EVENTS },
	{ "work", required_argument, NULL, OPT_WORK },
	{ "gap", required_argument, NULL, OPT_GAP },
	{ "gsi", required_argument, NULL, OPT_GSI },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ NULL, 0, NULL, 0 },
};

/* The numbers. Returns IG_EXIT_OK or IG_EXIT_USAGE. */
static int take_number(struct options *options, int option, const char *name, const char *text)
{
	uint64_t value;

	switch (option) {
	case OPT_MEM:
		if (ig_parse_size(text, MEMORY_MIN, MEMORY_MAX, &value) || value % 4096)
			return wrong(name, text, "a size from 2M to 3G in whole pages");
		options->vmm.memory = value;
		break;
	case OPT_CPUS:
		if (ig_parse_number(text, 1, IG_VCPUS_MAX, &value))
			return wrong(name, text, "a number of vCPUs from 1 to 8");
		options->vmm.cpus = (uint32_t)value;
		break;
	case OPT_EVENTS:
		if (ig_parse_number(text, 1, EVENTS_MAX, &options->events))
			return wrong(name, text, "a number of events from 1 to 1000000000");
		break;
	case OPT_WORK:
		if (ig_parse_number(text, 0, CYCLES_MAX, &options->work))
			return wrong(name, text, "a number of cycles up to 1000000000");
		break;
	case OPT_GAP:
		if (ig_parse_number(text, 0, CYCLES_MAX, &options->gap))
			return wrong(name, text, "a number of cycles up to 1000000000");
		break;
	case OPT_GSI:
		if (ig_parse_number(text, 0, IG_GSIS - 1, &value))
			return wrong(name, text, "a GSI of the IOAPIC: 0 to 23");
		options->vmm.gsi = (uint32_t)value;
		break;
	default:
		if (ig_parse_number(text, 1, INT32_MAX / 1000, &value))
			return wrong(name, text, "a number of seconds");
		options->vmm.timeout = (uint32_t)value;
		break;
	}
	return IG_EXIT_OK;
}

static int take_word(struct options *options, int option, const char *name, const char *text)
{
	int found;

	switch (option) {
	case OPT_MULTIBOOT: options->vmm.multiboot = text; break;
	case OPT_APPEND: options->vmm.append = text; break;
	case OPT_INITRD: options->vmm.initrd = text; break;
	case OPT_VFIO: options->vmm.vfio = text; break;
	case OPT_JSON: options->json = true; break;
	case OPT_GUEST:
		if (FIND(guest_names, text) < 0)
			return wrong(name, text, "oneshot, plain, oneshot-pic, plain-pic or both");
		options->guest = text;
		break;
	case OPT_POLICY:
		found = FIND(policy_names, text);
		if (found < 0)
			return wrong(name, text, "hold, eoi or unmask-resample");
		options->vmm.policy = (enum irqgate_policy)found;
		break;
	case OPT_PATH:
		found = FIND(path_names, text);
		if (found < 0)
			return wrong(name, text, "direct or userspace");
		options->vmm.path = (enum irqgate_path)found;
		break;
	default:
		return take_number(options, option, name, text);
	}
	return IG_EXIT_OK;
}

static bool takes_pic(const struct options *options)
{
	return !options->vmm.multiboot && FIND(guest_names, options->guest) >= GUESTS_WITHOUT_PIC;
}

/* The built-in guest looks for its device's pin where PCs have none of their own. */
static bool guest_probes(uint32_t gsi)
{
	return (gsi >= 5 && gsi <= 7) || gsi >= 10;
}

/* The inputs of the 8259s that can be level-triggered (ICH9, 13.4, ELCR1 and ELCR2), without the PC's own. */
static bool pic_has_input(uint32_t gsi)
{
	return guest_probes(gsi) && gsi < 16 && gsi != 13;
}

static int check_guest(const struct options *options)
{
	if (takes_pic(options) && !pic_has_input(options->vmm.gsi))
		return ig_usage_error("run", "--gsi: with the 8259s it is one of 5, 6, 7, 10, 11, 12, 14 and 15");
	if (takes_pic(options) && options->vmm.cpus > 1)
		return ig_usage_error("run", "--cpus: the 8259s interrupt one vCPU; --guest %s takes no more", options->guest);
	if (!guest_probes(options->vmm.gsi))
		return ig_usage_error("run", "--gsi: the built-in guest looks for its device on GSI 5 to 7 and 10 to 23");
	return IG_EXIT_OK;
}

static int check(struct options *options)
{
	if (options->vmm.initrd && !options->vmm.multiboot)
		return ig_usage_error("run", "--initrd needs --multiboot");
	if (options->vmm.append && !options->vmm.multiboot)
		return ig_usage_error("run", "--append needs --multiboot; the built-in guest has its own options");
	if (options->vmm.gsi == GSI_NONE)
		options->vmm.gsi = takes_pic(options) ? GSI_PIC : GSI_DEFAULT;
	return options->vmm.multiboot ? IG_EXIT_OK : check_guest(options);
}

/* Returns IG_EXIT_OK to go on, or the exit status; *help: it was printed. */
static int parse(int argc, char **argv, struct options *options, bool *help)
{
	int option, index = 0, status, at = 1;

	opterr = 0;
	for (; (option = getopt_long(argc, argv, "+:", long_options, &index)) >= 0; at = optind) {
		if (option == ':')
			return ig_usage_error("run", "%s needs a value", argv[at]);
		if (option == '?')
			return ig_usage_error("run", "%s: no such option", argv[at]);
		if (option == OPT_HELP) {
			print_help();
			*help = true;
			return IG_EXIT_OK;
		}
		status = take_word(options, option, long_options[index].name, optarg);
		if (status)
			return status;
	}
	if (optind < argc)
		return ig_usage_error("run", "'%s': an option is expected", argv[optind]);
	return check(options);
}

/* "00:03.0" is short for "0000:00:03.0". */
static const char *full_address(const char *address, char buffer[32])
{
	if (!address || strlen(address) != strlen("00:00.0"))
		return address;
	snprintf(buffer, 32, "0000:%s", address);
	return buffer;
}

static void add_count(struct json_object *object, const char *key, bool known, int64_t value)
{
	json_object_object_add(object, key, known ? json_object_new_int64(value) : NULL);
}

static int64_t extra(const struct ig_report *report)
{
	return (int64_t)report->entries - ((int64_t)report->events - (int64_t)report->lost);
}

static void print_json(const struct options *options, const struct ig_vmm *vmm)
{
	const struct ig_vmm_figures *figures = &vmm->figures;
	const struct ig_report *report = &vmm->report;
	struct json_object *object = json_object_new_object();
	bool own = !options->vmm.multiboot;

	json_object_object_add(object, "policy", json_object_new_string(policy_names[options->vmm.policy]));
	json_object_object_add(object, "guest", own ? json_object_new_string(options->guest) : NULL);
	json_object_object_add(object, "device",
			       json_object_new_string(options->vmm.vfio ? options->vmm.vfio : "builtin"));
	json_object_object_add(object, "path", json_object_new_string(path_names[options->vmm.path]));
	add_count(object, "cpus", true, options->vmm.cpus);
	add_count(object, "events", report->seen, (int64_t)report->events);
	add_count(object, "triggers", figures->measured && figures->triggers >= 0, figures->triggers);
	add_count(object, "resamples", figures->measured && figures->resamples >= 0, figures->resamples);
	add_count(object, "guest_interrupts", report->seen, (int64_t)report->entries);
	add_count(object, "extra", report->seen, extra(report));
	add_count(object, "quiet", report->seen, (int64_t)report->quiet);
	add_count(object, "lost", report->seen, (int64_t)report->lost);
	add_count(object, "user_exits", figures->measured, (int64_t)figures->user_exits);
	add_count(object, "route_updates", figures->measured, (int64_t)figures->route_updates);
	json_object_object_add(object, "seconds",
			       figures->measured ? json_object_new_double(figures->seconds) : NULL);
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

static void print_words(const struct options *options, const struct ig_vmm *vmm)
{
	const struct ig_vmm_figures *figures = &vmm->figures;
	const struct ig_report *report = &vmm->report;

	if (options->vmm.multiboot || !report->done || !figures->measured)
		return;
	printf("%s, %s guest: %llu events, %llu interrupts, %lld extra, %llu lost; %.1f user exits an event, "
	       "%.1f us an event\n",
	       policy_names[options->vmm.policy], options->guest, (unsigned long long)report->events,
	       (unsigned long long)report->entries, (long long)extra(report), (unsigned long long)report->lost,
	       (double)figures->user_exits / (double)report->events, figures->seconds * 1e6 / (double)report->events);
}

static int exit_status(const struct options *options, const struct ig_vmm *vmm)
{
	if (vmm->end == IG_END_TIMEOUT)
		ig_error("the guest did not end within %u seconds", options->vmm.timeout);
	if (vmm->end == IG_END_SIGNAL)
		ig_error("ended by a signal");
	if (vmm->end != IG_END_EXIT_PORT)
		return IG_EXIT_FAILURE;
	if (options->vmm.multiboot)
		return (vmm->exit_value << 1 | 1) & 0xff;
	return vmm->report.done && !vmm->report.lost ? IG_EXIT_OK : IG_EXIT_FAILURE;
}

int ig_run_main(int argc, char **argv)
{
	struct options options = {
		.vmm = { .memory = MEMORY_DEFAULT, .cpus = 1, .gsi = GSI_NONE },
		.guest = "oneshot",
		.events = EVENTS_DEFAULT,
		.work = WORK_DEFAULT,
	};
	char append[256], address[32];
	struct ig_vmm *vmm;
	bool help = false;
	int status = parse(argc, argv, &options, &help);

	if (status || help)
		return status;
	options.vmm.vfio = full_address(options.vmm.vfio, address);
	options.vmm.console_fd = options.json ? STDERR_FILENO : STDOUT_FILENO;
	if (!options.vmm.multiboot) {
		snprintf(append, sizeof(append), "mode=%s events=%llu work=%llu gap=%llu cpus=%u", options.guest,
			 (unsigned long long)options.events, (unsigned long long)options.work,
			 (unsigned long long)options.gap, options.vmm.cpus);
		options.vmm.append = append;
	}
	if (ig_vmm_open(&options.vmm, &vmm))
		return IG_EXIT_FAILURE;
	status = ig_vmm_run(vmm) ? IG_EXIT_FAILURE : exit_status(&options, vmm);
	if (options.json)
		print_json(&options, vmm);
	else
		print_words(&options, vmm);
	ig_vmm_close(vmm);
	return status;
}
