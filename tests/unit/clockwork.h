/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A PIT for a test, and its time in CLK pulses: converted here by other arithmetic than the PIT's own. */
#ifndef IG_TESTS_CLOCKWORK_H
#define IG_TESTS_CLOCKWORK_H

#include "machine.h"

#include "chip/pit.h"

#define BOTH_BYTES (IG_COUNTER_LOW | IG_COUNTER_HIGH)
#define MODE(mode) ((mode) << IG_COUNTER_MODE_SHIFT)

/*
 * Control words that are commands to latch: a counter's count; what a read-back names (active low), and of
 * whom.
 */
#define LATCH(counter)     ((counter) << 6)
#define READ_BACK_COUNT    0xd0U
#define READ_BACK_STATUS   0xe0U
#define READ_BACK_BOTH     0xc0U
#define OF_COUNTER(counter) (2U << (counter))

struct clockwork {
	struct ig_pit pit;
	uint64_t clock;
};

/* The first nanosecond of a CLK pulse. */
static inline uint64_t nsec(uint64_t clock)
{
	return (uint64_t)(((unsigned __int128)clock * 1000000000 + IG_PIT_HZ - 1) / IG_PIT_HZ);
}

static inline void clockwork_begin(struct clockwork *w, enum ig_pit_policy policy)
{
	w->clock = 1;
	ig_pit_init(&w->pit, policy, nsec(w->clock));
}

static inline void clockwork_out(struct clockwork *w, uint32_t port, uint32_t value)
{
	ig_pit_write(&w->pit, port, (uint8_t)value, nsec(w->clock));
}

static inline uint32_t clockwork_in(struct clockwork *w, uint32_t port)
{
	return ig_pit_read(&w->pit, port, nsec(w->clock));
}

static inline void clockwork_control(struct clockwork *w, uint32_t counter, uint32_t control)
{
	clockwork_out(w, IG_PIT_PORT_CONTROL, counter << 6 | control);
}

static inline void clockwork_count(struct clockwork *w, uint32_t counter, uint32_t count)
{
	clockwork_out(w, IG_PIT_PORT_COUNTER + counter, count & 0xff);
	clockwork_out(w, IG_PIT_PORT_COUNTER + counter, count >> 8);
}

/* Both bytes of a count. */
static inline void clockwork_program(struct clockwork *w, uint32_t counter, uint32_t mode, uint32_t count)
{
	clockwork_control(w, counter, BOTH_BYTES | MODE(mode));
	clockwork_count(w, counter, count);
}

static inline void clockwork_gate(struct clockwork *w, bool level)
{
	clockwork_out(w, IG_PIT_PORT_STATUS, level ? IG_PIT_GATE_2 : 0);
}

static inline uint32_t clockwork_read(struct clockwork *w, uint32_t counter)
{
	uint32_t low = clockwork_in(w, IG_PIT_PORT_COUNTER + counter);

	return low | clockwork_in(w, IG_PIT_PORT_COUNTER + counter) << 8;
}

static inline uint32_t clockwork_status(struct clockwork *w, uint32_t counter)
{
	clockwork_out(w, IG_PIT_PORT_CONTROL, READ_BACK_STATUS | OF_COUNTER(counter));
	return clockwork_in(w, IG_PIT_PORT_COUNTER + counter);
}

static inline bool clockwork_level(struct clockwork *w, uint32_t counter)
{
	return ig_pit_out(&w->pit, counter, nsec(w->clock));
}

/* Fails unless OUT is at this level for so many CLK pulses from now on, and passes them. */
static inline void clockwork_stays(struct clockwork *w, uint32_t counter, bool level, uint32_t clocks)
{
	for (; clocks; clocks--, w->clock++)
		if (clockwork_level(w, counter) != level)
			fail_msg("OUT is %d with %u CLK pulses to go", !level, clocks);
}

#endif
