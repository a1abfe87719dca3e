/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The memory that this process has: what it may take, and what it took at most. One thread. */
#ifndef IG_PROVE_MEMORY_H
#define IG_PROVE_MEMORY_H

#include <stdint.h>

/* From now on the peak counts anew. */
void memory_begin(void);

/* The most that was resident since, in KiB. */
uint64_t memory_peak(void);

/*
 * -ENOMEM, and says why, if more than so many MiB (0: no matter how many) are resident, or the machine has
 * next to none left: sooner than that the kernel ends the process without a word.
 */
int memory_check(uint32_t limit);

#endif
