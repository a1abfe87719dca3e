/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* irqgate run: its options. Main thread. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/run.h"

#define MEMORY_MIN     (UINT64_C(2) << 20)
#define MEMORY_MAX     (UINT64_C(3) << 30) /* below the BARs and chips */
#define MEMORY_DEFAULT (UINT64_C(128) << 20)
#define KERNEL_MEMORY_DEFAULT (UINT64_C(512) << 20)
#define EVENTS_DEFAULT 1000
#define WORK_DEFAULT   250000 /* about what it takes a kernel to wake a thread */
#define EVENTS_MAX     UINT64_C(1000000000)
#define GSI_DEFAULT    16
#define GSI_PIC        11 /* where the 8259s have an input for it */
#define GSI_LATER      UINT32_MAX
#define HOLD_DEFAULT   UINT64_C(1000000000) /* nanoseconds */
#define DELAY_DEFAULT  UINT64_C(10000000)
#define PACE_DEFAULT   UINT64_C(1000000)
#define MICROSECOND    UINT64_C(1000)
#define MILLISECOND    UINT64_C(1000000)
#define LIMIT_MAX      UINT64_C(1000000000) /* micro- or milliseconds */
#define CYCLES_MAX     UINT64_C(1000000000)

const char *const ig_policy_names[] = { "hold", "eoi", "unmask-resample" };
const char *const ig_path_names[] = { "direct", "userspace" };
static const char *const iommu_names[] = { "auto", "group", "iommufd" };
static const char *const guest_names[] = {
	"oneshot", "plain", "storm", "edge", "early", "deaf", "oneshot-pic", "plain-pic", "both",
};
enum { GUEST_DEAF = 5, GUESTS_WITHOUT_PIC };

static void print_help(void)
{
	puts("usage: irqgate run [OPTION]...\n"
	     "\n"
	     "Runs a guest on /dev/kvm with the interrupts of devices through the gate: Linux (--kernel), a\n"
	     "multiboot image, or a built-in guest that makes a device interrupt N times and counts what it\n"
	     "gets.\n"
	     "\n"
	     "  --kernel FILE           run this Linux kernel (64-bit x86): a bzImage, or an unpacked one, the\n"
	     "                          ELF file vmlinux, which starts sooner\n"
	     "  --multiboot FILE        run this multiboot (version 1) image\n"
	     "  --initrd FILE           the kernel's initial RAM disk, or the image's first module\n"
	     "  --append STRING         its command line; console=ttyS0 shows a kernel's messages\n"
	     "  --mem SIZE              guest memory, with K, M or G (128M, 512M for a kernel)\n"
	     "  --cpus N                vCPUs, 1 to 8 (1)\n"
	     "  --vfio ADDRESS[,gsi=N]  assign this PCI device, bound to vfio-pci; up to 8 times; several\n"
	     "                          may share a GSI (else that of --gsi, and the next ones). Without:\n"
	     "                          a built-in device, or for a kernel none\n"
	     "  --gsi N                 the GSI of the first device's interrupt (16; 11 for a guest that\n"
	     "                          uses the 8259s)\n"
	     "  --iommu WAY             how devices are assigned: group, iommufd, or auto: by iommufd where the\n"
	     "                          kernel has it (auto)\n"
	     "  --msi                   assigned devices keep their MSI and MSI-X, which bypass the gate\n"
	     "  --console WHERE         the guest's serial port: stdio (a kernel's default; in a terminal\n"
	     "                          Ctrl-A x leaves, Ctrl-A Ctrl-A is Ctrl-A), pty, or a file's name\n"
	     "                          (for output only)\n"
	     "  --directed-eoi          the guest may suppress its LAPICs' EOI broadcast and write the\n"
	     "                          IOAPIC's EOI register instead; not every KVM can\n"
	     "  --no-reboot             a reset ends the run\n"
	     "  --no-sandbox            keep the system calls that a running VM does not need\n"
	     "  --policy P              hold, eoi or unmask-resample (hold)\n"
	     "  --path direct|userspace how a trigger reaches the guest (direct)\n"
	     "  --storm-guard N[,delay=US][,pace=US]\n"
	     "                          after N interrupts in a row that the guest ends without quieting\n"
	     "                          the device, wait (10000): they come sooner than pace (1000) after\n"
	     "                          each other, in microseconds. Without: no guard\n"
	     "  --hold-limit MS         say so when the guest has left an interrupt masked for so many\n"
	     "                          milliseconds (1000; 0: never)\n"
	     "  --timeout SECONDS       end the run after that time\n"
	     "  --json                  one JSON object on stdout; the guest's serial port goes to stderr\n"
	     "\n"
	     "The built-in guest:\n"
	     "  --guest GUEST           how it handles an interrupt (oneshot): oneshot or plain at the\n"
	     "                          IOAPIC, oneshot-pic or plain-pic at the 8259s, or oneshot at both\n"
	     "                          by turns; or wrongly: storm (ends it without quieting the device,\n"
	     "                          for --work), edge (takes it for an edge), early (makes the device\n"
	     "                          assert before it unmasks), deaf (tells the built-in device to hear\n"
	     "                          of no resample)\n"
	     "  --events N              how many it asks for (1000)\n"
	     "  --work CYCLES           oneshot: TSC cycles between its handler and its thread (250000)\n"
	     "  --gap CYCLES            quiet TSC cycles after each event (0)\n"
	     "\n"
	     "Exit status: 0 the guest powered off, or the user left its console, or the built-in guest\n"
	     "finished and lost nothing; 1 it did not, or something failed; 2 wrong usage. With\n"
	     "--multiboot: (V << 1) | 1 for a byte V that the guest writes to port 0xf4.\n"
	     "\n"
	     "Test kernels find QEMU's test device: a byte at port 0x2000 + GSI sets that line.");
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
	OPT_HELP, OPT_JSON, OPT_KERNEL, OPT_MULTIBOOT, OPT_APPEND, OPT_INITRD, OPT_MEM, OPT_CPUS, OPT_VFIO,
	OPT_MSI, OPT_GUEST, OPT_POLICY, OPT_PATH, OPT_EVENTS, OPT_WORK, OPT_GAP, OPT_GSI, OPT_TIMEOUT,
	OPT_CONSOLE, OPT_DIRECTED_EOI, OPT_IOMMU, OPT_NO_REBOOT, OPT_NO_SANDBOX, OPT_STORM_GUARD,
	OPT_HOLD_LIMIT,
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPT_HELP },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "directed-eoi", no_argument, NULL, OPT_DIRECTED_EOI },
	{ "msi", no_argument, NULL, OPT_MSI },
	{ "no-reboot", no_argument, NULL, OPT_NO_REBOOT },
	{ "no-sandbox", no_argument, NULL, OPT_NO_SANDBOX },
	{ "iommu", required_argument, NULL, OPT_IOMMU },
	{ "kernel", required_argument, NULL, OPT_KERNEL },
	{ "console", required_argument, NULL, OPT_CONSOLE },
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
	{ "storm-guard", required_argument, NULL, OPT_STORM_GUARD },
	{ "hold-limit", required_argument, NULL, OPT_HOLD_LIMIT },
	{ NULL, 0, NULL, 0 },
};

/* The numbers. Returns IG_EXIT_OK or IG_EXIT_USAGE. */
static int take_number(struct ig_run_options *options, int option, const char *name, const char *text)
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
	case OPT_HOLD_LIMIT:
		if (ig_parse_number(text, 0, LIMIT_MAX, &value))
			return wrong(name, text, "a number of milliseconds up to 1000000000");
		options->vmm.hold_limit = value * MILLISECOND;
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

/* "00:03.0" is short for "0000:00:03.0". */
static void copy_address(char to[IG_ADDRESS_SIZE], const char *text, size_t length)
{
	bool is_short = length == strlen("00:00.0");

	snprintf(to, IG_ADDRESS_SIZE, "%s%.*s", is_short ? "0000:" : "", (int)length, text);
}

static int take_device(struct ig_run_options *options, const char *name, const char *text)
{
	size_t length = strcspn(text, ",");
	uint64_t gsi = GSI_LATER;
	uint32_t at = options->vmm.devices;

	if (at == IG_DEVICES_MAX)
		return ig_usage_error("run", "--%s: '%s' is one too many: %u at most", name, text,
				      IG_DEVICES_MAX);
	if (!length || length >= IG_ADDRESS_SIZE - strlen("0000:"))
		return wrong(name, text, "a PCI address, such as 00:03.0");
	if (text[length] && (strncmp(text + length, ",gsi=", strlen(",gsi=")) ||
			     ig_parse_number(text + length + strlen(",gsi="), 0, IG_GSIS - 1, &gsi)))
		return wrong(name, text, "ADDRESS[,gsi=N] with a GSI from 0 to 23");
	copy_address(options->address[at], text, length);
	for (uint32_t i = 0; i < at; i++)
		if (!strcmp(options->address[i], options->address[at]))
			return ig_usage_error("run", "--%s: '%s' is there twice", name, text);
	options->vmm.device[at] = (struct ig_device_option){ options->address[at], (uint32_t)gsi };
	options->vmm.devices++;
	return IG_EXIT_OK;
}

/* One part of a text, up to a comma, as a number. */
static int take_part(const char *text, const char *prefix, uint64_t min, uint64_t max, uint64_t *value)
{
	size_t length = strcspn(text, ","), skip = strlen(prefix);
	char part[24];

	if (strncmp(text, prefix, skip) || length - skip >= sizeof(part))
		return -EINVAL;
	snprintf(part, sizeof(part), "%.*s", (int)(length - skip), text + skip);
	return ig_parse_number(part, min, max, value);
}

static int take_guard(struct ig_run_options *options, const char *name, const char *text)
{
	struct irqgate_guard guard = { .delay = DELAY_DEFAULT, .pace = PACE_DEFAULT };
	const char *part = text;
	uint64_t value = 0;
	int error = take_part(part, "", 1, UINT32_MAX, &value);

	guard.budget = (uint32_t)value;
	while (!error && *(part += strcspn(part, ","))) {
		part++;
		if (!take_part(part, "delay=", 0, LIMIT_MAX, &value))
			guard.delay = value * MICROSECOND;
		else if (!take_part(part, "pace=", 0, LIMIT_MAX, &value))
			guard.pace = value * MICROSECOND;
		else
			error = -EINVAL;
	}
	if (error)
		return wrong(name, text, "N[,delay=US][,pace=US], a number of interrupts and microseconds");
	options->vmm.guard = guard;
	return IG_EXIT_OK;
}

static int take_console(struct ig_run_options *options, const char *name, const char *text)
{
	struct ig_console_options *console = &options->vmm.console;

	if (!*text)
		return wrong(name, text, "stdio, pty or a file");
	console->path = text;
	console->kind = IG_CONSOLE_FILE;
	if (!strcmp(text, "stdio"))
		console->kind = IG_CONSOLE_STDIO;
	else if (!strcmp(text, "pty"))
		console->kind = IG_CONSOLE_PTY;
	return IG_EXIT_OK;
}

static int take_word(struct ig_run_options *options, int option, const char *name, const char *text)
{
	int found;

	switch (option) {
	case OPT_MULTIBOOT: options->vmm.multiboot = text; break;
	case OPT_APPEND: options->vmm.append = text; break;
	case OPT_INITRD: options->vmm.initrd = text; break;
	case OPT_KERNEL: options->vmm.kernel = text; break;
	case OPT_JSON: options->json = true; break;
	case OPT_MSI: options->vmm.msi = true; break;
	case OPT_NO_REBOOT: options->vmm.no_reboot = true; break;
	case OPT_DIRECTED_EOI: options->vmm.directed_eoi = true; break;
	case OPT_NO_SANDBOX: options->vmm.sandbox = false; break;
	case OPT_VFIO: return take_device(options, name, text);
	case OPT_CONSOLE: return take_console(options, name, text);
	case OPT_GUEST:
		if (FIND(guest_names, text) < 0)
			return wrong(name, text, "oneshot, plain, storm, edge, early, deaf, oneshot-pic, "
				     "plain-pic or both");
		options->guest = text;
		break;
	case OPT_STORM_GUARD: return take_guard(options, name, text);
	case OPT_POLICY:
		found = FIND(ig_policy_names, text);
		if (found < 0)
			return wrong(name, text, "hold, eoi or unmask-resample");
		options->vmm.policy = (enum irqgate_policy)found;
		break;
	case OPT_IOMMU:
		found = FIND(iommu_names, text);
		if (found < 0)
			return wrong(name, text, "auto, group or iommufd");
		options->vmm.iommu = (enum ig_iommu)found;
		break;
	case OPT_PATH:
		found = FIND(ig_path_names, text);
		if (found < 0)
			return wrong(name, text, "direct or userspace");
		options->vmm.path = (enum irqgate_path)found;
		break;
	default:
		return take_number(options, option, name, text);
	}
	return IG_EXIT_OK;
}

static bool is_own(const struct ig_run_options *options)
{
	return !options->vmm.multiboot && !options->vmm.kernel;
}

static bool takes_pic(const struct ig_run_options *options)
{
	return is_own(options) && FIND(guest_names, options->guest) >= GUESTS_WITHOUT_PIC;
}

/* GSIs that are not PCI's: timer, keyboard, timer's pin, serial port, clock, ACPI. */
static bool is_isa(uint32_t gsi)
{
	return gsi <= 2 || gsi == 4 || gsi == 8 || gsi == 9;
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

static int check_guest(const struct ig_run_options *options)
{
	uint32_t gsi = options->vmm.devices ? options->vmm.device[0].gsi : options->vmm.gsi;

	if (options->vmm.initrd)
		return ig_usage_error("run", "--initrd needs --kernel or --multiboot");
	if (options->vmm.append)
		return ig_usage_error("run", "--append needs --kernel or --multiboot; the built-in guest has "
				      "its own options");
	if (takes_pic(options) && !pic_has_input(gsi))
		return ig_usage_error("run",
				      "--gsi: with the 8259s it is one of 5, 6, 7, 10, 11, 12, 14 and 15");
	if (FIND(guest_names, options->guest) == GUEST_DEAF && options->vmm.devices)
		return ig_usage_error("run", "--guest deaf is for the built-in device, not for --vfio");
	if (takes_pic(options) && options->vmm.cpus > 1)
		return ig_usage_error("run", "--cpus: the 8259s interrupt one vCPU; --guest %s takes no more",
				      options->guest);
	if (!guest_probes(gsi))
		return ig_usage_error("run", "--gsi: the built-in guest looks for its device on GSI 5 to 7 "
				      "and 10 to 23");
	return IG_EXIT_OK;
}

static int complete_devices(struct ig_vmm_options *vmm)
{
	for (uint32_t i = 0; i < vmm->devices; i++) {
		struct ig_device_option *device = &vmm->device[i];

		if (device->gsi == GSI_LATER)
			device->gsi = vmm->gsi + i;
		if (device->gsi >= IG_GSIS)
			return ig_usage_error("run", "--vfio: '%s' needs gsi=N: there is none after 23",
					      device->address);
		if (vmm->kernel && is_isa(device->gsi))
			return ig_usage_error("run", "--vfio: '%s' can not have GSI %u, which the machine "
					      "itself uses", device->address, device->gsi);
	}
	return IG_EXIT_OK;
}

/* What was left out, and what does not go together. */
static int complete(struct ig_run_options *options)
{
	struct ig_vmm_options *vmm = &options->vmm;
	int status;

	if (vmm->multiboot && vmm->kernel)
		return ig_usage_error("run", "--kernel and --multiboot: it is one or the other");
	if (vmm->msi && !vmm->devices)
		return ig_usage_error("run", "--msi needs --vfio");
	if (vmm->gsi == GSI_LATER)
		vmm->gsi = takes_pic(options) ? GSI_PIC : GSI_DEFAULT;
	if (!vmm->memory)
		vmm->memory = vmm->kernel ? KERNEL_MEMORY_DEFAULT : MEMORY_DEFAULT;
	if (vmm->kernel && vmm->console.kind == IG_CONSOLE_OUTPUT)
		vmm->console.kind = IG_CONSOLE_STDIO;
	vmm->console.output_fd = options->json ? STDERR_FILENO : STDOUT_FILENO;
	status = complete_devices(vmm);
	return status || !is_own(options) ? status : check_guest(options);
}

int ig_run_parse(int argc, char **argv, struct ig_run_options *options, bool *help)
{
	int option, index = 0, status, at = 1;

	*options = (struct ig_run_options){
		.vmm = { .cpus = 1, .gsi = GSI_LATER, .hold_limit = HOLD_DEFAULT, .sandbox = true },
		.guest = "oneshot",
		.events = EVENTS_DEFAULT,
		.work = WORK_DEFAULT,
	};
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
	return complete(options);
}
