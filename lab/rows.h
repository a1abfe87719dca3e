/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The rows that the lab can measure: a set-up (a VMM and its interrupt controllers) with a guest. No state.
 */
#ifndef IG_LAB_ROWS_H
#define IG_LAB_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IG_ROWS_MAX = 64, IG_ROW_NAME_MAX = 64 };

struct ig_setup {
	const char *name;
	const char *machine;		/* QEMU's; NULL: irqgate run */
	bool exec;			/* by irqgate exec */
	const char *resample;		/* the policy of the host's KVM, which must have a gate: see kernel/ */
	bool deaf_pic;			/* the VMM's 8259s hear nothing of an assigned device: its trigger goes to KVM */
	bool exact;			/* promises an interrupt for each event, and not one more */
};

struct ig_guest {
	const char *name;
	const char *device;		/* what is assigned to it; see device.h */
	const char *kernel;		/* Linux: as lab/fetch-kernel names it; NULL: a bare-metal guest */
	const char *options;		/* Linux: on its command line */
	bool pic;			/* bare-metal: its interrupts come through the 8259s, or those too */
};

struct ig_row {
	const struct ig_setup *setup;
	const struct ig_guest *guest;
};

struct ig_row_list {
	struct ig_row rows[IG_ROWS_MAX];
	size_t count;
};

/* Whether the set-up has a part of ours: then it keeps what irqgate promises. */
bool ig_setup_is_ours(const struct ig_setup *setup);

/* All rows; those of the default run. */
void ig_rows_all(struct ig_row_list *list);
void ig_rows_default(struct ig_row_list *list);

/*
 * Reads "SETUP,SETUP/GUEST,...": a set-up alone stands for its guests of the default run. Returns 0, or
 * -EINVAL with the word that names no row in `wrong`.
 */
int ig_rows_parse(const char *text, struct ig_row_list *list, char *wrong, size_t size);

/* "SETUP/GUEST" */
void ig_row_name(const struct ig_row *row, char *text, size_t size);

/* The names of all rows of the list, with that between them. */
void ig_rows_name(const struct ig_row_list *list, const char *separator, char *text, size_t size);

/* How many events the row has when nobody says, and how many seconds a row of so many is given. */
uint64_t ig_row_events(const struct ig_row *row);
uint64_t ig_row_limit(const struct ig_row *row, uint64_t events);

#endif
