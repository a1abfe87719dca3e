/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command line. */
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

static const struct mode *find_mode(const char *name)
{
	for (uint32_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (words_same(name, modes[i].name))
			return &modes[i];
	fail("mode= takes oneshot, plain, storm, edge, early, deaf, oneshot-pic, plain-pic or both", 0);
}

static void read_word(const char *word)
{
	const uint64_t max_time = UINT64_MAX / 16;
	const char *value;

	if ((value = words_after(word, "events=")))
		options.events = (uint32_t)words_number(value, UINT32_MAX, "events= takes a number below 2^32");
	else if ((value = words_after(word, "cpus=")))
		options.cpus = (uint32_t)words_number(value, MAX_CPUS, "cpus= takes a number from 1 to 16");
	else if ((value = words_after(word, "work=")))
		options.work = words_number(value, max_time, "work= takes a number of cycles");
	else if ((value = words_after(word, "gap=")))
		options.gap = words_number(value, max_time, "gap= takes a number of cycles");
	else if ((value = words_after(word, "limit=")))
		options.limit = words_number(value, max_time, "limit= takes a number of cycles");
	else if ((value = words_after(word, "mode=")))
		options.mode = find_mode(value);
}

void options_read(const char *line)
{
	words_each(line, read_word);
	if (options.cpus == 0)
		fail("cpus= takes a number from 1 to 16", 0);
	if (options.mode->pic && options.cpus > 1)
		fail("cpus= takes 1 where the 8259s interrupt", options.cpus);
}
