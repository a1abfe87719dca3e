/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command lines of the rows; see command.h. No state, no locks. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "guest/guest.h"
#include "lab/command.h"

#define SELF "/proc/self/exe"
#define VALUE(number) TEXT(number)
#define TEXT(number) #number

/* How long the guest's thread works before it quiets the device, and the pause between events: TSC cycles. */
#define WORK_CYCLES 50000
#define GAP_CYCLES 200000

/*
 * Of a Linux guest. The clock of a nested machine is only as good as it is said to be, and a split irqchip
 * has no timer for the check of the timer. IPv6 would send on its own.
 */
#define LINUX_OPTIONS "console=ttyS0 quiet panic=-1 tsc=reliable no_timer_check ipv6.disable=1"

#define BARE_METAL_MEGABYTES "128"
#define LINUX_MEGABYTES "256"

/* "QEMU emulator version 7.2.22 (Debian ...)" */
static void qemu_version(const char *qemu, char *text, size_t size)
{
	char command[PATH_MAX + 20], version[40] = "";
	FILE *output;

	snprintf(command, sizeof(command), "'%s' --version 2>/dev/null", qemu);
	output = popen(command, "re");
	if (output) {
		if (fscanf(output, "QEMU emulator version %39[0-9a-z.-]", version) != 1)
			version[0] = '\0';
		pclose(output);
	}
	snprintf(text, size, "QEMU%s%s", version[0] ? " " : "", version);
}

void ig_row_vmm(const struct ig_row *row, const struct ig_row_options *options, char *text, size_t size)
{
	if (row->setup->machine)
		qemu_version(options->qemu, text, size);
	else
		snprintf(text, size, "irqgate %s", IG_VERSION);
}

static void add(struct ig_command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct ig_command *command, const char *format, ...)
{
	char *at = command->text + command->used;
	va_list args;

	va_start(args, format);
	command->used += (size_t)vsnprintf(at, sizeof(command->text) - command->used, format, args) + 1;
	va_end(args);
	command->argv[command->argc++] = at;
	command->argv[command->argc] = NULL;
}

static void add_pair(struct ig_command *command, const char *option, const char *value)
{
	add(command, "%s", option);
	add(command, "%s", value);
}

static int add_self(struct ig_command *command, const char *verb)
{
	char self[PATH_MAX];
	ssize_t length = readlink(SELF, self, sizeof(self) - 1);

	if (length < 0) {
		ig_error("cannot read " SELF ": %s", strerror(errno));
		return -errno;
	}
	add(command, "%.*s", (int)length, self);
	add(command, "%s", verb);
	return 0;
}

static bool is_script(const char *path)
{
	char start[2] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, start, sizeof(start));

	if (fd >= 0)
		close(fd);
	return n == sizeof(start) && !memcmp(start, "#!", sizeof(start));
}

/* A QEMU that was fetched is started by a script. */
static int add_exec(const char *qemu, const char *figures, struct ig_command *command)
{
	int error = add_self(command, "exec");

	add_pair(command, "--json", figures);
	if (is_script(qemu))
		add(command, "--follow");
	add(command, "--");
	return error;
}

static int add_bare_metal(const char *mode, uint64_t events, struct ig_command *command)
{
	char image[PATH_MAX];

	if (ig_find_file("guest/oneshot.elf", image, sizeof(image))) {
		ig_error("%s is missing: build or install irqgate again", image);
		return -ENOENT;
	}
	add_pair(command, "-m", BARE_METAL_MEGABYTES);
	add_pair(command, "-kernel", image);
	add(command, "-append");
	add(command, "mode=%s events=%lu work=%u gap=%u", mode, events, WORK_CYCLES, GAP_CYCLES);
	return 0;
}

static const struct ig_linux_files *find_files(const struct ig_guest *guest, const struct ig_row_options *options)
{
	for (size_t i = 0; i < options->files_count; i++)
		if (!strcmp(options->files[i].guest, guest->name))
			return &options->files[i];
	ig_error("no kernel for the guest %s", guest->name);
	return NULL;
}

/* Both VMMs have these options: QEMU's begin with one dash, irqgate's with two. */
static int add_linux(const struct ig_guest *guest, const struct ig_row_options *options, uint64_t events,
		     const char *dash, struct ig_command *command)
{
	const struct ig_linux_files *files = find_files(guest, options);

	if (!files)
		return -ENOENT;
	add(command, "%skernel", dash);
	add(command, "%s", files->kernel);
	add(command, "%sinitrd", dash);
	add(command, "%s", files->initramfs);
	add(command, "%sappend", dash);
	add(command, LINUX_OPTIONS " events=%lu %s", events, guest->options);
	return 0;
}

static int add_qemu(const struct ig_row *row, const struct ig_row_options *options, uint64_t events,
		    const char *device, struct ig_command *command)
{
	add(command, "%s", options->qemu);
	add_pair(command, "-accel", "kvm");
	add_pair(command, "-M", row->setup->machine);
	add_pair(command, "-cpu", "host");
	add(command, "-nodefaults");
	add_pair(command, "-display", "none");
	add_pair(command, "-serial", "stdio");
	add(command, "-no-reboot");
	add(command, "-device");
	add(command, "vfio-pci,host=%s", device);
	add_pair(command, "-device", "isa-debug-exit,iobase=" VALUE(IG_GUEST_EXIT_PORT) ",iosize=4");
	if (!row->guest->kernel)
		return add_bare_metal(row->guest->name, events, command);
	add_pair(command, "-m", LINUX_MEGABYTES);
	return add_linux(row->guest, options, events, "-", command);
}

static void add_own_guest(const char *guest, uint64_t events, struct ig_command *command)
{
	add_pair(command, "--guest", guest);
	add(command, "--events");
	add(command, "%lu", events);
	add_pair(command, "--work", VALUE(WORK_CYCLES));
	add_pair(command, "--gap", VALUE(GAP_CYCLES));
	add(command, "--json");
}

static int add_irqgate(const struct ig_row *row, const struct ig_row_options *options, uint64_t events,
		       const char *device, struct ig_command *command)
{
	int error = add_self(command, "run");

	if (error)
		return error;
	add_pair(command, "--vfio", device);
	if (!row->guest->kernel) {
		add_own_guest(row->guest->name, events, command);
		return 0;
	}
	add_pair(command, "--mem", LINUX_MEGABYTES "M");
	return add_linux(row->guest, options, events, "--", command);
}

int ig_row_command(const struct ig_row *row, const struct ig_row_options *options, uint64_t events,
		   const char *device, const char *figures, struct ig_command *command)
{
	int error = 0;

	command->argc = 0;
	command->used = 0;
	if (!row->setup->machine)
		return add_irqgate(row, options, events, device, command);
	if (row->setup->exec)
		error = add_exec(options->qemu, figures, command);
	return error ? error : add_qemu(row, options, events, device, command);
}
