/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A VMM with two lines and a guest that may do anything in any order, for the random test: what each side can
 * do, and what must hold after it. One thread, beside the library's helper.
 */
#ifndef EXEC_TESTS_WORLD_H
#define EXEC_TESTS_WORLD_H

#include "vmm.h"

enum { LINES = 2 };

/* What is compared from one step to the next. */
struct line {
	uint32_t pin;
	uint8_t vector;
	uint32_t messages;
	bool masked, gated;     /* after the last step */
	bool has_baseline;      /* an unmask with nothing on the way: */
	uint32_t messages_then, triggers_then;
};

struct world {
	struct vmm vmm;
	uint64_t random;
	uint32_t history, step;
	bool intervened;        /* the VMM has, in this step */
	bool busy[FAKE_VCPUS];  /* stopped in an exit that the VMM has dealt with, but not entered again */
	bool writing;           /* one of them in a write to the IOAPIC */
	bool vmm_masked[DEVICES], disabled[DEVICES], migrating[DEVICES];
	struct line line[LINES];
	uint64_t all_messages, all_triggers, all_events;
};

#define CHECK(world, condition)                                                                               \
	do {                                                                                                  \
		if (!(condition))                                                                             \
			fail_msg("history %u, step %u: not so: %s", (world)->history, (world)->step, #condition); \
	} while (0)

uint32_t pick(struct world *w, uint32_t below);

void world_open(struct world *w, enum chip chip, uint32_t devices, uint32_t history);
void world_close(struct world *w);

/* Lets everything happen that happens without anybody doing anything. */
void settle(struct world *w);

/* The guest, one of its vCPUs; nothing where that vCPU or the IOAPIC is busy. late: the vCPU is not entered again yet. */
void guest_sets_mask(struct world *w, int cpu, struct line *line, bool masked, bool late);
void guest_takes(struct world *w, struct line *line);
void guest_ends(struct world *w, struct line *line, bool late);
void guest_goes_on(struct world *w, int cpu);

void device_asserts(struct world *w, int device, bool asserts);

/* Something that a VMM does seldom; what it has masked, disabled or stopped goes on. */
void vmm_intervenes(struct world *w, int device);
void vmm_restores(struct world *w, int device);

/* After each step: a masked pin has sent nothing, and nothing was delivered that is older than the unmask. */
void check_step(struct world *w);

/* From here on everybody behaves: whatever asserts is heard, now and once more. */
void finish(struct world *w);

#endif
