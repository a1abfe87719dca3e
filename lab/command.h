/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command line of a row's VMM, as it is started in the host. No state. */
#ifndef IG_LAB_COMMAND_H
#define IG_LAB_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "lab/rows.h"

enum { IG_LINUX_GUESTS_MAX = 8 };

/* What a Linux guest boots from. */
struct ig_linux_files {
	const char *guest;		/* its name */
	const char *kernel, *initramfs;
};

/* What every row of one run has in common. */
struct ig_row_options {
	uint64_t events;		/* 0: as many as the row has of its own */
	uint64_t limit;			/* in seconds; 0: the row's own */
	const char *qemu;		/* the command */
	struct ig_linux_files files[IG_LINUX_GUESTS_MAX];
	size_t files_count;
};

/* A command line; the strings live in it. */
struct ig_command {
	const char *argv[48];
	int argc;
	char text[8192];
	size_t used;
};

/* The VMM's name and version, as far as it tells. */
void ig_row_vmm(const struct ig_row *row, const struct ig_row_options *options, char *text, size_t size);

/*
 * The command line that runs the row's guest with `events` events of the device. `figures` is where irqgate
 * exec, if the row has it, leaves its own figures. Returns 0, or -errno after one line on stderr.
 */
int ig_row_command(const struct ig_row *row, const struct ig_row_options *options, uint64_t events,
		   const char *device, const char *figures, struct ig_command *command);

#endif
