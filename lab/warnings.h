/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What the host's kernel complains of in its log: warnings, lockups, stalls. One thread. */
#ifndef IG_LAB_WARNINGS_H
#define IG_LAB_WARNINGS_H

#include <stddef.h>
#include <stdint.h>

/* Opens the log at its end. Returns the descriptor, or a negative errno. */
int ig_warnings_open(void);

/* How many complaints have come since the last call, or IG_UNKNOWN; `first` is the first of them, or "". */
int64_t ig_warnings_count(int log, char *first, size_t size);

#endif
