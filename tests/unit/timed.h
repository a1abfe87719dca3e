/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* For the tests of what depends on time. */
#ifndef IG_TESTS_TIMED_H
#define IG_TESTS_TIMED_H

#include "saved.h"

enum { BUDGET = 3, PACE = 10, DELAY = 1000, LIMIT = 500 };

static inline void guard(struct machine *m, uint32_t gsi)
{
	const struct irqgate_guard guard = { .budget = BUDGET, .pace = PACE, .delay = DELAY };

	assert_int_equal(irqgate_core_guard(m->core, gsi, &guard), 0);
}

static inline void set_time(struct machine *m, uint64_t now)
{
	irqgate_core_set_time(m->core, now);
}

/* Returns how many lines there was something to do about. */
static inline uint32_t expire(struct machine *m)
{
	uint32_t gsi = 0, lines = 0;

	machine_forget(m);
	for (; irqgate_core_expire(m->core, &gsi, &m->effects); lines++)
		machine_see(m);
	return lines;
}

static inline uint64_t diagnoses(const struct machine *m, uint32_t gsi, enum irqgate_diagnosis diagnosis)
{
	struct irqgate_line_stats stats;

	assert_int_equal(irqgate_core_line_stats(m->core, gsi, &stats), 0);
	return stats.diagnoses[diagnosis];
}

static inline irqgate_source open_guarded(struct machine *m, enum irqgate_policy policy, bool direct)
{
	irqgate_source source = machine_open_with(m, policy, direct, LEVEL);

	guard(m, PIN);
	set_time(m, 100 * PACE);
	return source;
}

/* The device asserts again as soon as it is listened to. The first EOI of all comes late enough. */
static inline void storm_by_device(struct machine *m, irqgate_source source, uint32_t events)
{
	while (events--) {
		machine_trigger(m, source);
		assert_int_equal(machine_eoi(m, VECTOR), 1);
	}
}

static inline void begin_hold(struct machine *m, irqgate_source source)
{
	machine_trigger(m, source);
	machine_mask(m);
	machine_eoi(m, VECTOR);
}

#endif
