/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Notices for those who watch a line: that it was acked, masked or unmasked. Caller serialises. */
#ifndef IG_WATCH_H
#define IG_WATCH_H

#include "line/core.h"

/* A chip acked the line's interrupt. */
void ig_watch_acked(struct irqgate_core *core, uint32_t gsi);

/*
 * Gives notice of what has changed. Ends every call in which a guest may have acked, masked or unmasked the
 * line.
 */
void ig_watch_look(struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects);

#endif
