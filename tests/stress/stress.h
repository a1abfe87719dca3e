/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What the parts of the stress test share: the machine's lines, each with a device and a vCPU, in groups; see
 * stress.c. A device is under its lock, a pin under its own.
 */
#ifndef IG_STRESS_H
#define IG_STRESS_H

#include <pthread.h>
#include <stdatomic.h>

#include "world.h"

enum { DIRECT, USERSPACE, MEDDLED, SWITCHED, CHANGING, GROUPS };
enum { EACH = 6, CHANGING_LINE = CHANGING * EACH, LINES, FIRST_GSI = 4 };
enum { FIRST_VECTOR = 0x41 };

#define MASKED_BY_HANDLER (1U << GROUPS)

/* A device and its host, which masks it at the trigger. */
struct device {
	pthread_mutex_t lock;
	int trigger_fd, resample_fd;
	bool asserts, masked;
	bool signalling; /* its thread's: the trigger is about to be signalled */
	irqgate_source source;
	uint64_t events, handled, extra, progress; /* under lock; the last: when something was handled */
	_Atomic uint64_t meddled; /* how often others masked the pin, or the source was switched off */
};

/* A guest's pin: masked for as long as any of its threads wishes so. */
struct pin {
	pthread_mutex_t lock;
	uint32_t masked_by; /* bits: MASKED_BY_HANDLER, and one a group that meddles */
};

struct stress {
	struct irqgate_kvm *gate;
	pthread_mutex_t index_lock; /* a guest's: one index register for all */
	struct device device[LINES];
	struct pin pin[LINES];
	_Atomic bool wire; /* is up, or was a moment ago */
	_Atomic bool kicked[WORLD_VCPUS], closing, ended;
	_Atomic uint64_t interrupts, changes;
	uint64_t goal, limit, patience; /* events of a line; seconds, 0: none; seconds that an event may take */
	const char *_Atomic wrong;
};

extern struct stress s;

uint64_t seconds(void);
uint32_t pick(uint32_t below);
uint32_t group_of(uint32_t line);

/* The lines of a group are those from the first to before the end. */
uint32_t end_of(uint32_t group);

/* Whether the line has a single source that can be silenced: then it is on the direct path. */
bool is_direct(uint32_t line);

/* Whether each event is to come by one interrupt. */
bool is_exact(uint32_t line);

/* device.c: adds the device's source; what is wrong is in s.wrong. */
void add_device(uint32_t line);

/* device.c: nothing listens to the device, and nobody has asked for it. */
bool is_silent(uint32_t line);

/* device.c, guest.c: threads. Of each group's devices, and of what switches them; of its vCPUs. */
void *live_as_devices(void *group);
void *live_as_switch(void *first);
void *live_as_vcpus(void *group);

#endif
