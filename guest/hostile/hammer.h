/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The processor that does its worst. Begun and ended by another one; it has no lock but the IOAPIC's. */
#ifndef HAMMER_H
#define HAMMER_H

#include "oneshot/oneshot.h"

enum hammer_work {
	HAMMER_REST,	 /* a loop that leaves the guest never */
	HAMMER_HARMLESS, /* writes to a port that does nothing, as fast as it can */
	HAMMER_HOSTILE,
};

/* What that processor does, with its interrupts off, for ever: rest, until it is told otherwise. */
void hammer(void);

/* Returns when it does. spare: the pin that is somebody else's. Afterwards nothing is left of what was hostile. */
void hammer_do(enum hammer_work wanted, uint32_t spare);

/* How many accesses there have been. */
uint32_t hammer_count(void);

#endif
