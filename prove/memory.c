/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* From Linux' /proc (proc(5)): what is not to be read there counts as no limit; see memory.h. */
#include "prove/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { KIB = 1024, LINE_SIZE = 128, SPARE_KIB = 256 * 1024 };

void memory_begin(void)
{
	FILE *to = fopen("/proc/self/clear_refs", "we");

	if (!to)
		return;
	fputs("5", to); /* resets VmHWM */
	fclose(to);
}

/* A number of KiB from a file of "NAME: NUMBER kB" lines, or the number that stands for none. */
static uint64_t member(const char *path, const char *name, uint64_t none)
{
	FILE *from = fopen(path, "re");
	unsigned long long kib = none;
	char line[LINE_SIZE];
	size_t length = strlen(name);

	while (from && fgets(line, sizeof(line), from))
		if (!strncmp(line, name, length) && line[length] == ':' &&
		    sscanf(line + length + 1, "%llu", &kib) == 1)
			break;
	if (from)
		fclose(from);
	return kib;
}

uint64_t memory_peak(void)
{
	return member("/proc/self/status", "VmHWM", 0);
}

int memory_check(uint32_t limit)
{
	uint64_t taken = member("/proc/self/status", "VmRSS", 0);
	uint64_t left = member("/proc/meminfo", "MemAvailable", UINT64_MAX);

	if (limit && taken > (uint64_t)limit * KIB) {
		fprintf(stderr, "prove: out of memory: more than the %u MiB that --memory allows\n", limit);
		return -ENOMEM;
	}
	if (left < SPARE_KIB) {
		fprintf(stderr, "prove: out of memory: the machine has %llu MiB left\n",
			(unsigned long long)(left / KIB));
		return -ENOMEM;
	}
	return 0;
}
