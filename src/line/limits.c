/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What depends on time; see limits.h. */
#include "line/limits.h"

#include <errno.h>

#include "line/gate.h"

uint64_t ig_limit_later(const struct irqgate_core *core, uint64_t time)
{
	return time < IRQGATE_NEVER - core->now ? core->now + time : IRQGATE_NEVER - 1;
}

void ig_limit_schedule(struct irqgate_core *core, uint64_t when)
{
	if (when < core->next_time)
		core->next_time = when;
}

void ig_diagnose(struct irqgate_core *core, uint32_t gsi, enum irqgate_diagnosis diagnosis,
		 struct irqgate_effects *effects)
{
	ig_core_line_stats(core, gsi)->diagnoses[diagnosis]++;
	effects->diagnosed |= 1U << diagnosis;
	effects->diagnosed_gsi = gsi;
}

/* The storm guard. */

bool ig_limit_delays(const struct irqgate_core *core, uint32_t gsi)
{
	return ig_core_limit(core, gsi)->delayed;
}

static bool has_forwarded(const struct irqgate_core *core, uint32_t gsi)
{
	ig_for_each_source(core, gsi, source)
		if (source->kind == IRQGATE_SOURCE_FORWARDED && source->enabled)
			return true;
	return false;
}

/* Of a forwarded source only time tells: one that was not quieted triggers again as soon as it is listened to. */
static bool made_progress(const struct irqgate_core *core, uint32_t gsi)
{
	const struct ig_limit *limit = ig_core_limit(core, gsi);

	if (!has_forwarded(core, gsi))
		return !ig_gate_level(core, gsi);
	return core->now - limit->released > limit->guard.pace;
}

void ig_limit_acked(struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects)
{
	struct ig_limit *limit = ig_core_limit(core, gsi);

	if (!limit->guard.budget || limit->delayed)
		return;
	if (made_progress(core, gsi)) {
		limit->spent = 0;
		return;
	}
	if (++limit->spent < limit->guard.budget)
		return;
	limit->spent = 0;
	limit->delayed = true;
	limit->due = ig_limit_later(core, limit->guard.delay);
	ig_limit_schedule(core, limit->due);
	ig_diagnose(core, gsi, IRQGATE_DIAGNOSIS_STORM, effects);
}

void ig_limit_released(struct irqgate_core *core, uint32_t gsi)
{
	if (ig_core_limit(core, gsi)->guard.budget)
		ig_core_limit(core, gsi)->released = core->now;
}

static void end_delay(struct ig_limit *limit)
{
	limit->delayed = false;
	limit->due = 0;
}

void ig_limit_reset(struct irqgate_core *core, uint32_t gsi)
{
	struct ig_limit *limit = ig_core_limit(core, gsi);

	end_delay(limit);
	limit->spent = 0;
}

/* A line that waits goes on at the next call of irqgate_core_expire(). */
int irqgate_core_guard(struct irqgate_core *core, uint32_t gsi, const struct irqgate_guard *guard)
{
	struct ig_limit *limit;

	if (!ig_core_has(core, gsi))
		return -EINVAL;
	limit = ig_core_limit(core, gsi);
	limit->guard = *guard;
	limit->guard.reserved = 0;
	limit->spent = 0;
	if (limit->delayed) {
		limit->due = core->now;
		ig_limit_schedule(core, core->now);
	}
	return 0;
}

/* The age of holds. */

static void end_hold(struct ig_limit *limit)
{
	limit->is_held = limit->told = false;
	limit->held = 0;
}

void ig_limit_look(struct irqgate_core *core, uint32_t gsi)
{
	struct ig_limit *limit = ig_core_limit(core, gsi);
	bool held = core->hold_limit && ig_gate_is_held(core, gsi);

	if (held == limit->is_held)
		return;
	end_hold(limit);
	if (!held)
		return;
	limit->is_held = true;
	limit->held = core->now;
	ig_limit_schedule(core, ig_limit_later(core, core->hold_limit));
}

void irqgate_core_limit_holds(struct irqgate_core *core, uint64_t nanoseconds)
{
	core->hold_limit = nanoseconds;
	for (uint32_t gsi = 0; gsi < core->gsis; gsi++) {
		if (!ig_core_has(core, gsi))
			continue;
		end_hold(ig_core_limit(core, gsi));
		ig_limit_look(core, gsi);
	}
}

/* Time. */

void irqgate_core_set_time(struct irqgate_core *core, uint64_t now)
{
	if (now > core->now)
		core->now = now;
}

bool ig_limit_is_over(struct irqgate_core *core, uint32_t gsi)
{
	struct ig_limit *limit = ig_core_limit(core, gsi);

	if (!limit->delayed)
		return false;
	if (limit->due > core->now) {
		ig_limit_schedule(core, limit->due);
		return false;
	}
	end_delay(limit);
	return true;
}

/* Whether the line's hold has just got too old; else that is scheduled again. */
static bool hold_is_too_old(struct irqgate_core *core, struct ig_limit *limit)
{
	uint64_t age = core->now - limit->held;

	if (!limit->is_held || limit->told)
		return false;
	if (age < core->hold_limit) {
		ig_limit_schedule(core, ig_limit_later(core, core->hold_limit - age));
		return false;
	}
	limit->told = true;
	return true;
}

static bool expire(struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects)
{
	struct ig_limit *limit = ig_core_limit(core, gsi);
	bool goes_on = ig_limit_is_over(core, gsi), is_old = hold_is_too_old(core, limit);

	if (goes_on)
		ig_gate_resume(core, gsi, effects);
	if (is_old)
		ig_diagnose(core, gsi, IRQGATE_DIAGNOSIS_HELD, effects);
	return goes_on || is_old;
}

bool irqgate_core_expire(struct irqgate_core *core, uint32_t *gsi, struct irqgate_effects *effects)
{
	bool more = false;

	ig_effects_begin(core, effects);
	if (!*gsi)
		core->next_time = IRQGATE_NEVER; /* the lines schedule themselves again, as they are looked at */
	for (; *gsi < core->gsis && !more; ++*gsi)
		more = ig_core_has(core, *gsi) && expire(core, *gsi, effects);
	ig_effects_end(core, more ? *gsi - 1 : IG_NO_LINE, effects);
	return more;
}
