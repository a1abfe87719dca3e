/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What depends on time: the storm guard, and the age of holds. The core has no clock: `now` is what the
 * caller said last, and 0 if it never did. Caller serialises.
 */
#ifndef IG_LIMITS_H
#define IG_LIMITS_H

#include "line/core.h"

/* Whether the guard keeps the line from asserting, and its sources from being resampled. */
bool ig_limit_delays(const struct irqgate_core *core, uint32_t gsi);

/* Whether the line's delay is over, which ends it; else, if it is delayed, that is scheduled. */
bool ig_limit_is_over(struct irqgate_core *core, uint32_t gsi);

/* A level-triggered interrupt of the line was acked. Call it before what that leads to. */
void ig_limit_acked(struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects);

/* Its forwarded sources are listened to from now on. */
void ig_limit_released(struct irqgate_core *core, uint32_t gsi);

/* Whether a hold has begun or ended. Ends every change of a line. */
void ig_limit_look(struct irqgate_core *core, uint32_t gsi);

/* What a reset of the machine leaves of it. */
void ig_limit_reset(struct irqgate_core *core, uint32_t gsi);

/* The time after so long. */
uint64_t ig_limit_later(const struct irqgate_core *core, uint64_t time);

/* Something is due at that time. */
void ig_limit_schedule(struct irqgate_core *core, uint64_t when);

/* Counts a diagnosis, and gives notice of it. */
void ig_diagnose(struct irqgate_core *core, uint32_t gsi, enum irqgate_diagnosis diagnosis,
		 struct irqgate_effects *effects);

#endif
