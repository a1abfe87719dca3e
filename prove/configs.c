/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The configurations that are explored; see world.h for what each feature lets happen. */
#include "prove/configs.h"

#include <string.h>

const struct config configs[] = {
	/* One line at the IOAPIC, on the userspace path. */
	{ .name = "one", .summary = "one source on the userspace path",
	  .devices = 1, .lines = 1, .vcpus = 1, .features = WATCHED },
	{ .name = "one-rewritten", .summary = "one source whose entry the guest rewrites",
	  .devices = 1, .lines = 1, .vcpus = 1, .features = REWRITES | EDGES | WILD | LATE_ROUTES },
	{ .name = "one-off", .summary = "one source; the guest turns its LAPICs off and on",
	  .devices = 1, .lines = 1, .vcpus = 1, .features = LAPIC_OFF | REWRITES },
	{ .name = "one-managed", .summary = "one source that comes and goes; resets and restores",
	  .devices = 1, .lines = 1, .vcpus = 1, .features = PLUGGING | DISABLING | RESETS | RESTORES | WATCHED },
	{ .name = "one-smp", .summary = "one source, two vCPUs, another destination",
	  .devices = 1, .lines = 1, .vcpus = 2, .features = REWRITES | MOVES | READS },
	{ .name = "one-directed", .summary = "one source; EOIs through the IOAPIC's register alone",
	  .devices = 1, .lines = 1, .vcpus = 2, .features = EOI_REGISTER | DIRECTED },
	{ .name = "wire", .summary = "a source and a wire on a line",
	  .devices = 1, .lines = 1, .vcpus = 1, .features = WIRE | PLUGGING | RESETS },
	{ .name = "shared", .summary = "two sources and a wire on a line",
	  .devices = 2, .lines = 1, .vcpus = 1, .features = WIRE },
	{ .name = "shared-managed", .summary = "two sources on a line that come and go",
	  .devices = 2, .lines = 1, .vcpus = 1, .features = PLUGGING | DISABLING },
	{ .name = "two", .summary = "two lines with one vector",
	  .devices = 2, .lines = 2, .line_of = { 0, 1 }, .vcpus = 1, .features = SAME_VECTOR },
	{ .name = "two-vectors", .summary = "two lines, each with a vector of its own",
	  .devices = 2, .lines = 2, .line_of = { 0, 1 }, .vcpus = 1 },
	{ .name = "two-chips", .summary = "two lines, each at an IOAPIC of its own, with one vector",
	  .devices = 2, .lines = 2, .line_of = { 0, 1 }, .vcpus = 1, .features = SAME_VECTOR | TWO_CHIPS | EOI_REGISTER | WILD },
	/* On the direct path. */
	{ .name = "direct", .summary = "one source on the direct path",
	  .devices = 1, .lines = 1, .vcpus = 1, .features = DIRECT | READS | WATCHED },
	{ .name = "direct-rewritten", .summary = "one source on the direct path whose entry the guest rewrites",
	  .devices = 1, .lines = 1, .vcpus = 1, .features = DIRECT | READS | REWRITES | LATE_ROUTES },
	{ .name = "direct-slips", .summary = "one source on the direct path whose trigger may be late",
	  .devices = 1, .lines = 1, .vcpus = 1, .features = DIRECT | READS | SLIPS },
	{ .name = "direct-managed", .summary = "one source on the direct path that comes and goes; resets and restores",
	  .devices = 1, .lines = 1, .vcpus = 1, .features = DIRECT | PLUGGING | RESETS | RESTORES },
	{ .name = "direct-disabled", .summary = "one source on the direct path that is disabled and enabled",
	  .devices = 1, .lines = 1, .vcpus = 1, .features = DIRECT | READS | DISABLING },
	{ .name = "direct-smp", .summary = "one source on the direct path, two vCPUs",
	  .devices = 1, .lines = 1, .vcpus = 2, .features = DIRECT | READS },
	{ .name = "direct-shared", .summary = "a source and a wire that come and go, so that the line is direct or not",
	  .devices = 1, .lines = 1, .vcpus = 1, .features = DIRECT | READS | WIRE | PLUGGING },
	{ .name = "direct-two", .summary = "two lines on the direct path with one vector",
	  .devices = 2, .lines = 2, .line_of = { 0, 1 }, .vcpus = 1, .features = DIRECT | READS | SAME_VECTOR },
	/* At the pair of 8259As. */
	{ .name = "pair", .summary = "one source at the 8259A",
	  .devices = 1, .lines = 1, .vcpus = 1, .features = PAIR | PAIR_ALONE | PAIR_SETUP | PAIR_POLLS | WATCHED },
	{ .name = "pair-slave", .summary = "one source at the slave 8259A",
	  .devices = 1, .lines = 1, .vcpus = 1, .features = PAIR | PAIR_ALONE | PAIR_SETUP | SLAVE | RESETS | RESTORES },
	{ .name = "pair-managed", .summary = "one source at the 8259A that comes and goes",
	  .devices = 1, .lines = 1, .vcpus = 1, .features = PAIR | PAIR_ALONE | PLUGGING | DISABLING },
	{ .name = "pair-two", .summary = "two sources, one at each 8259A",
	  .devices = 2, .lines = 2, .line_of = { 0, 1 }, .vcpus = 1, .features = PAIR | PAIR_ALONE },
	{ .name = "pair-shared", .summary = "two sources and a wire at the 8259A",
	  .devices = 2, .lines = 1, .vcpus = 1, .features = PAIR | PAIR_ALONE | WIRE },
	{ .name = "both", .summary = "one source at the IOAPIC and at the 8259A",
	  .devices = 1, .lines = 1, .vcpus = 1, .features = PAIR },
	{ .name = "both-smp", .summary = "one source at both chips, two vCPUs",
	  .devices = 1, .lines = 1, .vcpus = 2, .features = PAIR | PAIR_SETUP },
};

const uint32_t configs_count = sizeof(configs) / sizeof(configs[0]);

const struct config *find_config(const char *name)
{
	for (uint32_t i = 0; i < configs_count; i++)
		if (!strcmp(configs[i].name, name))
			return &configs[i];
	return NULL;
}
