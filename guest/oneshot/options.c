/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command line: words "name=value"; others (a loader's, the path of the image) are passed over. */
#include <stddef.h>

#include "oneshot.h"

static const struct mode modes[] = {
	{ .name = "oneshot", .ioapic = true },
	{ .name = "plain", .ioapic = true, .plain = true },
	{ .name = "storm", .ioapic = true, .storm = true },
	{ .name = "edge", .ioapic = true, .plain = true, .edge = true },
	{ .name = "early", .ioapic = true, .early = true },
	{ .name = "deaf", .ioapic = true, .deaf = true },
	{ .name = "oneshot-pic", .pic = true },
	{ .name = "plain-pic", .pic = true, .plain = true },
	{ .name = "both", .ioapic = true, .pic = true },
};

struct options options = { .mode = modes, .events = 1000, .cpus = 1, .limit = 4000000000 };

/* Returns what follows name if word starts with it, else NULL. */
static const char *value_of(const char *word, const char *name)
{
	while (*name)
		if (*word++ != *name++)
			return NULL;
	return word;
}

static bool at_end(const char *text)
{
	return *text == ' ' || *text == '\0';
}

static uint64_t number(const char *text, const char *name, uint64_t max)
{
	uint64_t value = 0;

	if (at_end(text))
		fail(name, 0);
	for (; !at_end(text); text++) {
		if (*text < '0' || *text > '9' || value > max)
			fail(name, (uint32_t)value);
		value = value * 10 + (uint32_t)(*text - '0');
	}
	if (value > max)
		fail(name, (uint32_t)value);
	return value;
}

static const struct mode *find_mode(const char *name)
{
	const char *end;

	for (uint32_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if ((end = value_of(name, modes[i].name)) && at_end(end))
			return &modes[i];
	fail("mode= takes oneshot, plain, storm, edge, early, deaf, oneshot-pic, plain-pic or both", 0);
}

static void read_word(const char *word)
{
	const uint64_t max_time = UINT64_MAX / 16;
	const char *value;

	if ((value = value_of(word, "events=")))
		options.events = (uint32_t)number(value, "events= takes a number below 2^32", UINT32_MAX);
	else if ((value = value_of(word, "cpus=")))
		options.cpus = (uint32_t)number(value, "cpus= takes a number from 1 to 16", MAX_CPUS);
	else if ((value = value_of(word, "work=")))
		options.work = number(value, "work= takes a number of cycles", max_time);
	else if ((value = value_of(word, "gap=")))
		options.gap = number(value, "gap= takes a number of cycles", max_time);
	else if ((value = value_of(word, "limit=")))
		options.limit = number(value, "limit= takes a number of cycles", max_time);
	else if ((value = value_of(word, "mode=")))
		options.mode = find_mode(value);
}

void options_read(const char *line)
{
	while (*line) {
		if (*line == ' ') {
			line++;
			continue;
		}
		read_word(line);
		while (!at_end(line))
			line++;
	}
	if (options.cpus == 0)
		fail("cpus= takes a number from 1 to 16", 0);
	if (options.mode->pic && options.cpus > 1)
		fail("cpus= takes 1 where the 8259s interrupt", options.cpus);
}
