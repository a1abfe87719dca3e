/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The processor that does its worst. Begun and ended by another one; it has no lock but the IOAPIC's. */
#ifndef HAMMER_H
#define HAMMER_H

#include "oneshot/oneshot.h"

/* What that processor does, with its interrupts off, for ever: nothing, until it is told to begin. */
void hammer(void);

/* spare: the pin that is somebody else's. After the end the serial port can be written again. */
void hammer_begin(uint32_t spare);
void hammer_end(void);

/* How many accesses there have been. */
uint32_t hammer_count(void);

#endif
