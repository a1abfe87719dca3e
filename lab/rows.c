/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The rows and their command lines; see rows.h. No state, no locks. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "guest/guest.h"
#include "lab/rows.h"

#define SELF "/proc/self/exe"
#define VALUE(number) TEXT(number)
#define TEXT(number) #number

/* How long the guest's thread works before it quiets the device, and the pause between events: TSC cycles. */
#define WORK_CYCLES 50000
#define GAP_CYCLES 200000

static const struct setup {
	const char *name;
	const char *qemu_machine;	/* NULL: irqgate run */
} setups[] = {
	{ "qemu-kernel", "q35,kernel-irqchip=on" },
	{ "qemu-split", "q35,kernel-irqchip=split" },
	{ "irqgate", NULL },
};

static const char *const guests[] = { "oneshot", "plain" };

enum { SETUPS = sizeof(setups) / sizeof(setups[0]), GUESTS = sizeof(guests) / sizeof(guests[0]) };

static const struct setup *find_setup(const char *name)
{
	for (size_t i = 0; i < SETUPS; i++)
		if (!strcmp(setups[i].name, name))
			return &setups[i];
	return NULL;
}

/* A row that is named twice is measured once. */
static void add_row(struct ig_row_list *list, const char *setup, const char *guest)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->rows[i].setup, setup) && !strcmp(list->rows[i].guest, guest))
			return;
	if (list->count < IG_ROWS_MAX)
		list->rows[list->count++] = (struct ig_row){ setup, guest };
}

void ig_rows_all(struct ig_row_list *list)
{
	list->count = 0;
	for (size_t i = 0; i < SETUPS; i++)
		for (size_t j = 0; j < GUESTS; j++)
			add_row(list, setups[i].name, guests[j]);
}

/* Adds the rows that a word names; false when there are none. */
static bool add_word(struct ig_row_list *list, const char *word)
{
	char row[80];
	bool found = false;

	for (size_t i = 0; i < SETUPS; i++) {
		for (size_t j = 0; j < GUESTS; j++) {
			snprintf(row, sizeof(row), "%s/%s", setups[i].name, guests[j]);
			if (strcmp(word, row) && strcmp(word, setups[i].name))
				continue;
			add_row(list, setups[i].name, guests[j]);
			found = true;
		}
	}
	return found;
}

int ig_rows_parse(const char *text, struct ig_row_list *list, char *wrong, size_t size)
{
	list->count = 0;
	for (;;) {
		size_t length = strcspn(text, ",");
		char word[80];

		snprintf(word, sizeof(word), "%.*s", (int)length, text);
		if (!add_word(list, word)) {
			snprintf(wrong, size, "%s", word);
			return -EINVAL;
		}
		if (!text[length])
			return 0;
		text += length + 1;
	}
}

bool ig_row_is_ours(const struct ig_row *row)
{
	return !find_setup(row->setup)->qemu_machine;
}

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
	if (ig_row_is_ours(row))
		snprintf(text, size, "irqgate %s", IG_VERSION);
	else
		qemu_version(options->qemu, text, size);
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

static int add_qemu(const struct setup *setup, const char *guest, const struct ig_row_options *options,
		    const char *device, struct ig_command *command)
{
	char image[PATH_MAX];

	if (ig_find_file("guest/oneshot.elf", image, sizeof(image))) {
		ig_error("%s is missing: build or install irqgate again", image);
		return -ENOENT;
	}
	add(command, "%s", options->qemu);
	add(command, "-accel");
	add(command, "kvm");
	add(command, "-M");
	add(command, "%s", setup->qemu_machine);
	add(command, "-cpu");
	add(command, "host");
	add(command, "-m");
	add(command, "128");
	add(command, "-nodefaults");
	add(command, "-display");
	add(command, "none");
	add(command, "-serial");
	add(command, "stdio");
	add(command, "-no-reboot");
	add(command, "-device");
	add(command, "vfio-pci,host=%s", device);
	add(command, "-device");
	add(command, "isa-debug-exit,iobase=" VALUE(IG_GUEST_EXIT_PORT) ",iosize=4");
	add(command, "-kernel");
	add(command, "%s", image);
	add(command, "-append");
	add(command, "mode=%s events=%lu work=%u gap=%u", guest, options->events, WORK_CYCLES, GAP_CYCLES);
	return 0;
}

static int add_irqgate(const char *guest, const struct ig_row_options *options, const char *device,
		       struct ig_command *command)
{
	char self[PATH_MAX];
	ssize_t length = readlink(SELF, self, sizeof(self) - 1);

	if (length < 0) {
		ig_error("cannot read " SELF ": %s", strerror(errno));
		return -errno;
	}
	add(command, "%.*s", (int)length, self);
	add(command, "run");
	add(command, "--vfio");
	add(command, "%s", device);
	add(command, "--guest");
	add(command, "%s", guest);
	add(command, "--events");
	add(command, "%lu", options->events);
	add(command, "--work");
	add(command, "%u", WORK_CYCLES);
	add(command, "--gap");
	add(command, "%u", GAP_CYCLES);
	add(command, "--json");
	return 0;
}

int ig_row_command(const struct ig_row *row, const struct ig_row_options *options, const char *device,
		   struct ig_command *command)
{
	const struct setup *setup = find_setup(row->setup);

	command->argc = 0;
	command->used = 0;
	if (setup->qemu_machine)
		return add_qemu(setup, row->guest, options, device, command);
	return add_irqgate(row->guest, options, device, command);
}
