/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The rows that the lab can measure: a set-up (a VMM and its interrupt controllers) with a guest. No state.
 */
#ifndef IG_LAB_ROWS_H
#define IG_LAB_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { IG_ROWS_MAX = 64 };

struct ig_row {
	const char *setup, *guest;
};

struct ig_row_list {
	struct ig_row rows[IG_ROWS_MAX];
	size_t count;
};

/* What every row of one run has in common. */
struct ig_row_options {
	uint64_t events;
	const char *qemu;		/* the command */
};

/* The command line of a VMM; the strings live in it. */
struct ig_command {
	const char *argv[48];
	int argc;
	char text[2048];
	size_t used;
};

/* All rows, in the order of the default run. */
void ig_rows_all(struct ig_row_list *list);

/*
 * Reads "SETUP,SETUP/GUEST,...": a set-up alone stands for all its guests. Returns 0, or -EINVAL with the
 * word that names no row in `wrong`.
 */
int ig_rows_parse(const char *text, struct ig_row_list *list, char *wrong, size_t size);

/* Whether the row runs irqgate itself, of which more is expected. */
bool ig_row_is_ours(const struct ig_row *row);

/* The VMM's name and version, as far as it tells. */
void ig_row_vmm(const struct ig_row *row, const struct ig_row_options *options, char *text, size_t size);

/*
 * The command line that runs the row's guest with the device. Returns 0, or -errno after one line on stderr.
 */
int ig_row_command(const struct ig_row *row, const struct ig_row_options *options, const char *device,
		   struct ig_command *command);

#endif
