/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * One counter of the 8254: what the guest writes to and reads from it, its gate, and how it counts. Time is a
 * number of CLK pulses; however many have passed, an advance costs the same.
 *
 * Source: Intel 8254 data sheet (231164), "Operational Description". What it leaves open is settled here:
 * before the first count is loaded the counting element is 0 and stands; a count takes effect with its last
 * byte; a BCD digit above 9 counts as its value; a count of 1 in modes 2 and 3, which is illegal there, gives
 * no edge. Caller serialises.
 */
#ifndef IG_COUNTER_H
#define IG_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

/* The control word ("Control Word Format"); a status byte has its lower six bits. */
enum {
	IG_COUNTER_BCD = 1U << 0,
	IG_COUNTER_MODE_SHIFT = 1,
	IG_COUNTER_MODE = 7U << IG_COUNTER_MODE_SHIFT,
	IG_COUNTER_LOW = 1U << 4,  /* the lower byte is read and written */
	IG_COUNTER_HIGH = 1U << 5, /* the upper byte is; after the lower one, if both are */
	IG_COUNTER_CONTROL = IG_COUNTER_HIGH | IG_COUNTER_LOW | IG_COUNTER_MODE | IG_COUNTER_BCD,
};

/* The rest of the status byte ("Read-Back Command"). */
enum {
	IG_COUNTER_NULL = 1U << 6, /* the count written last is not in the counting element yet */
	IG_COUNTER_OUT = 1U << 7,
};

#define IG_COUNTER_NEVER UINT64_MAX

/* How far the counter is since its control word. */
enum ig_counter_stage {
	IG_COUNTER_SET_UP,  /* no count written yet */
	IG_COUNTER_WRITTEN, /* a count is written, and waits for a CLK pulse or a trigger */
	IG_COUNTER_RUNNING,
	IG_COUNTER_EXPIRED, /* modes 0, 1, 4, 5: past zero, and counting on from the highest count */
};

struct ig_counter {
	uint32_t element;    /* the counting element: 0 to 65536 */
	uint32_t loaded;     /* the count that was loaded into it last: 1 to 65536 */
	uint16_t count;      /* the count register, as written */
	uint16_t latch;      /* the count, while count_latched */
	uint8_t control;     /* the lower six bits of the control word */
	uint8_t low;         /* the first byte of two, while write_high */
	uint8_t status;      /* while status_latched */
	uint8_t stage;       /* enum ig_counter_stage */
	bool load;           /* the next CLK pulse loads the counting element */
	bool null;           /* null count */
	bool out;
	bool gate;
	bool count_latched;
	bool status_latched;
	bool write_high;     /* the upper byte is the next to be written */
	bool read_high;      /* the upper byte is the next to be read */
};

/* As if stopped by a mode 0 control word: the data sheet leaves the state after power-up open. */
void ig_counter_init(struct ig_counter *counter, bool gate);

/* A control word. Returns whether OUT rises. */
bool ig_counter_set_up(struct ig_counter *counter, uint8_t control);

/* A byte of a count. */
void ig_counter_write(struct ig_counter *counter, uint8_t value);

uint8_t ig_counter_read(struct ig_counter *counter);

/* The latches keep what they have until it is read ("Counter Latch Command", "Read-Back Command"). */
void ig_counter_latch_count(struct ig_counter *counter);
void ig_counter_latch_status(struct ig_counter *counter);

void ig_counter_set_gate(struct ig_counter *counter, bool level);

/* So many CLK pulses. Returns how often OUT rose. */
uint64_t ig_counter_advance(struct ig_counter *counter, uint64_t clocks);

/* After how many CLK pulses OUT rises next if nothing else happens, or IG_COUNTER_NEVER. */
uint64_t ig_counter_next_rise(const struct ig_counter *counter);

#endif
