/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The rows; see rows.h. command.c has their command lines. No state, no locks. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lab/rows.h"

static const struct ig_setup setups[] = {
	{ .name = "qemu-kernel", .machine = "q35,kernel-irqchip=on" },
	{ .name = "qemu-kernel+exec", .machine = "q35,kernel-irqchip=on", .exec = true },
	{ .name = "qemu-kernel+hold", .machine = "q35,kernel-irqchip=on", .resample = "hold", .exact = true },
	{ .name = "qemu-split", .machine = "q35,kernel-irqchip=split", .deaf_pic = true },
	{ .name = "qemu-split+exec", .machine = "q35,kernel-irqchip=split", .deaf_pic = true, .exec = true,
	  .exact = true },
	{ .name = "irqgate", .exact = true },
};

static const struct ig_guest guests[] = {
	{ .name = "oneshot", .device = "edu" },
	{ .name = "plain", .device = "edu" },
	{ .name = "oneshot-pic", .device = "edu", .pic = true },
	{ .name = "plain-pic", .device = "edu", .pic = true },
	{ .name = "both", .device = "edu", .pic = true },
	{ .name = "linux", .device = "e1000", .kernel = "bookworm", .options = "" },
	{ .name = "linux-rt", .device = "e1000", .kernel = "linux-image-rt-amd64", .options = "" },
	{ .name = "linux-threadirqs", .device = "e1000", .kernel = "bookworm", .options = "threadirqs" },
};

enum { SETUPS = sizeof(setups) / sizeof(setups[0]), GUESTS = sizeof(guests) / sizeof(guests[0]) };

/* What the slowest machine is given time for: to start, and for the events. */
enum {
	BARE_METAL_EVENTS = 1000, BARE_METAL_START = 20, BARE_METAL_EVENTS_A_SECOND = 50,
	LINUX_EVENTS = 200, LINUX_START = 120, LINUX_EVENTS_A_SECOND = 20,
};

bool ig_setup_is_ours(const struct ig_setup *setup)
{
	return !setup->machine || setup->exec || setup->resample;
}

/* What a stock host can measure without being told how. */
static bool is_default(const struct ig_setup *setup)
{
	return !setup->exec && !setup->resample;
}

/* A guest that is measured when nobody names it. */
static bool is_usual(const struct ig_guest *guest)
{
	return !guest->kernel && !guest->pic;
}

/* A row that is named twice is measured once. */
static void add_row(struct ig_row_list *list, const struct ig_setup *setup, const struct ig_guest *guest)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->rows[i].setup == setup && list->rows[i].guest == guest)
			return;
	if (list->count < IG_ROWS_MAX)
		list->rows[list->count++] = (struct ig_row){ setup, guest };
}

void ig_rows_all(struct ig_row_list *list)
{
	list->count = 0;
	for (size_t i = 0; i < SETUPS; i++)
		for (size_t j = 0; j < GUESTS; j++)
			add_row(list, &setups[i], &guests[j]);
}

void ig_rows_default(struct ig_row_list *list)
{
	list->count = 0;
	for (size_t i = 0; i < SETUPS; i++)
		for (size_t j = 0; j < GUESTS; j++)
			if (is_default(&setups[i]) && is_usual(&guests[j]))
				add_row(list, &setups[i], &guests[j]);
}

/* Adds the rows that a word names; false when there are none. */
static bool add_word(struct ig_row_list *list, const char *word)
{
	struct ig_row_list all;
	char name[IG_ROW_NAME_MAX];
	bool found = false;

	ig_rows_all(&all);
	for (size_t i = 0; i < all.count; i++) {
		const struct ig_row *row = &all.rows[i];

		ig_row_name(row, name, sizeof(name));
		if (strcmp(word, name) && (strcmp(word, row->setup->name) || !is_usual(row->guest)))
			continue;
		add_row(list, row->setup, row->guest);
		found = true;
	}
	return found;
}

int ig_rows_parse(const char *text, struct ig_row_list *list, char *wrong, size_t size)
{
	list->count = 0;
	for (;;) {
		size_t length = strcspn(text, ",");
		char word[IG_ROW_NAME_MAX];

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

void ig_row_name(const struct ig_row *row, char *text, size_t size)
{
	snprintf(text, size, "%s/%s", row->setup->name, row->guest->name);
}

void ig_rows_name(const struct ig_row_list *list, const char *separator, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < list->count && used < size; i++) {
		char name[IG_ROW_NAME_MAX];

		ig_row_name(&list->rows[i], name, sizeof(name));
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? separator : "", name);
	}
}

uint64_t ig_row_events(const struct ig_row *row)
{
	return row->guest->kernel ? LINUX_EVENTS : BARE_METAL_EVENTS;
}

uint64_t ig_row_limit(const struct ig_row *row, uint64_t events)
{
	return row->guest->kernel ? LINUX_START + events / LINUX_EVENTS_A_SECOND
				  : BARE_METAL_START + events / BARE_METAL_EVENTS_A_SECOND;
}
