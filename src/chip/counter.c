/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* One counter of the 8254; see counter.h. Section names are those of the data sheet. */
#include "chip/counter.h"

#define BINARY_RANGE 65536U
#define BCD_RANGE    10000U
#define BCD_DIGITS   4
#define DIGIT_BITS   4
#define DIGIT_MASK   0xfU
#define BYTE_BITS    8

/* "Mode Definitions" */
enum {
	ONE_SHOT_BY_COUNT = 0, /* interrupt on terminal count */
	ONE_SHOT_BY_GATE = 1,  /* hardware retriggerable one-shot */
	RATE = 2,
	SQUARE = 3,
	STROBE_BY_COUNT = 4,
	STROBE_BY_GATE = 5,
};

/* Modes 2 and 3 have a don't-care bit in front ("Control Word Format"). */
static int mode_of(const struct ig_counter *counter)
{
	int mode = (counter->control & IG_COUNTER_MODE) >> IG_COUNTER_MODE_SHIFT;

	return mode > STROBE_BY_GATE ? mode - STROBE_BY_COUNT : mode;
}

static bool is_by_gate(const struct ig_counter *counter)
{
	int mode = mode_of(counter);

	return mode == ONE_SHOT_BY_GATE || mode == STROBE_BY_GATE;
}

static bool is_periodic(const struct ig_counter *counter)
{
	int mode = mode_of(counter);

	return mode == RATE || mode == SQUARE;
}

static bool is_strobe(const struct ig_counter *counter)
{
	return mode_of(counter) >= STROBE_BY_COUNT;
}

static uint32_t range_of(const struct ig_counter *counter)
{
	return counter->control & IG_COUNTER_BCD ? BCD_RANGE : BINARY_RANGE;
}

static uint32_t from_bcd(uint32_t digits)
{
	uint32_t value = 0;

	for (int i = BCD_DIGITS - 1; i >= 0; i--)
		value = value * 10 + (digits >> i * DIGIT_BITS & DIGIT_MASK);
	return value;
}

static uint32_t to_bcd(uint32_t value)
{
	uint32_t digits = 0;

	for (int i = 0; i < BCD_DIGITS; i++, value /= 10)
		digits |= value % 10 << i * DIGIT_BITS;
	return digits;
}

/* How many the count register stands for: 0 is the largest ("Mode Definitions"). */
static uint32_t count_of(const struct ig_counter *counter)
{
	uint32_t range = range_of(counter);
	uint32_t count = counter->count;

	if (counter->control & IG_COUNTER_BCD)
		count = from_bcd(count) % range;
	return count ? count : range;
}

/* What the counting element shows to the guest. */
static uint16_t shown(const struct ig_counter *counter)
{
	uint32_t value = counter->element % range_of(counter);

	return (uint16_t)(counter->control & IG_COUNTER_BCD ? to_bcd(value) : value);
}

/* Returns whether OUT rises. */
static bool drive(struct ig_counter *counter, bool level)
{
	bool rises = level && !counter->out;

	counter->out = level;
	return rises;
}

void ig_counter_init(struct ig_counter *counter, bool gate)
{
	*counter = (struct ig_counter){ .gate = gate };
	ig_counter_set_up(counter, IG_COUNTER_HIGH | IG_COUNTER_LOW);
}

bool ig_counter_set_up(struct ig_counter *counter, uint8_t control)
{
	*counter = (struct ig_counter){
		.control = control & IG_COUNTER_CONTROL,
		.null = true,
		.out = counter->out,
		.gate = counter->gate,
	};
	return drive(counter, mode_of(counter) != ONE_SHOT_BY_COUNT);
}

/* A count written loads at once, loads when the period ends, or waits for a trigger ("Mode Definitions"). */
static bool loads_when_written(const struct ig_counter *counter)
{
	if (is_periodic(counter))
		return counter->stage < IG_COUNTER_RUNNING;
	return !is_by_gate(counter);
}

static void set_count(struct ig_counter *counter, uint16_t count)
{
	counter->count = count;
	counter->null = true;
	counter->load = counter->load || loads_when_written(counter);
	if (counter->stage < IG_COUNTER_WRITTEN)
		counter->stage = IG_COUNTER_WRITTEN;
}

void ig_counter_write(struct ig_counter *counter, uint8_t value)
{
	bool low = counter->control & IG_COUNTER_LOW;
	bool both = low && counter->control & IG_COUNTER_HIGH;

	if (mode_of(counter) == ONE_SHOT_BY_COUNT) /* with the first byte already, and without a CLK pulse */
		drive(counter, false);
	if (both && !counter->write_high) {
		counter->low = value;
		counter->write_high = true;
		return;
	}
	if (both)
		set_count(counter, (uint16_t)(counter->low | value << BYTE_BITS));
	else
		set_count(counter, (uint16_t)(low ? value : value << BYTE_BITS));
	counter->write_high = false;
	counter->low = 0;
}

/* Whether this read is of the upper byte, and of both the second. */
static bool reads_high(struct ig_counter *counter)
{
	bool high = counter->control & IG_COUNTER_HIGH;

	if (high && counter->control & IG_COUNTER_LOW) {
		high = counter->read_high;
		counter->read_high = !high;
	}
	return high;
}

static void unlatch_count(struct ig_counter *counter)
{
	counter->count_latched = false;
	counter->latch = 0;
}

static uint8_t take_status(struct ig_counter *counter)
{
	uint8_t status = counter->status;

	counter->status_latched = false;
	counter->status = 0;
	return status;
}

uint8_t ig_counter_read(struct ig_counter *counter)
{
	uint16_t value = counter->count_latched ? counter->latch : shown(counter);
	bool high;

	if (counter->status_latched)
		return take_status(counter);
	high = reads_high(counter);
	if (!counter->read_high)
		unlatch_count(counter);
	return (uint8_t)(high ? value >> BYTE_BITS : value);
}

void ig_counter_latch_count(struct ig_counter *counter)
{
	if (counter->count_latched)
		return;
	counter->count_latched = true;
	counter->latch = shown(counter);
}

void ig_counter_latch_status(struct ig_counter *counter)
{
	if (counter->status_latched)
		return;
	counter->status_latched = true;
	counter->status = counter->control;
	if (counter->null)
		counter->status |= IG_COUNTER_NULL;
	if (counter->out)
		counter->status |= IG_COUNTER_OUT;
}

/*
 * "Gate": a rising edge triggers modes 1, 2, 3 and 5; a low level stops 0, 2, 3 and 4, and OUT is high in 2
 * and 3.
 */
void ig_counter_set_gate(struct ig_counter *counter, bool level)
{
	bool rises = level && !counter->gate;

	counter->gate = level;
	if (rises && (is_by_gate(counter) || is_periodic(counter)) && counter->stage >= IG_COUNTER_WRITTEN)
		counter->load = true;
	if (!level && is_periodic(counter))
		drive(counter, true);
}

/* A CLK pulse that loads the counting element counts nothing else. Returns whether OUT rises. */
static bool load(struct ig_counter *counter)
{
	counter->load = false;
	counter->null = false;
	counter->stage = IG_COUNTER_RUNNING;
	counter->loaded = count_of(counter);
	counter->element = counter->loaded;
	switch (mode_of(counter)) {
	case ONE_SHOT_BY_GATE:
		return drive(counter, false);
	case RATE:
		return drive(counter, counter->loaded != 1 || !counter->gate);
	case SQUARE:
		counter->element &= ~1U;
		break;
	default:
		break;
	}
	return false;
}

static bool is_counting(const struct ig_counter *counter)
{
	if (counter->stage < IG_COUNTER_RUNNING)
		return false;
	if (mode_of(counter) == ONE_SHOT_BY_COUNT && counter->write_high)
		return false; /* between the bytes of a new count */
	return counter->gate || is_by_gate(counter);
}

/* The end of the count, with so many CLK pulses to follow: a strobe is low for one ("Mode 4"). */
static bool expire(struct ig_counter *counter, uint64_t clocks)
{
	counter->stage = IG_COUNTER_EXPIRED;
	if (!is_strobe(counter))
		return drive(counter, true);
	drive(counter, false);
	return clocks && drive(counter, true);
}

/* Modes 0, 1, 4 and 5: down to zero, and then on from the highest count ("Counter"). */
static uint64_t run_down(struct ig_counter *counter, uint64_t clocks)
{
	uint32_t range = range_of(counter);
	bool rises = false;

	if (counter->stage == IG_COUNTER_RUNNING && clocks >= counter->element) {
		clocks -= counter->element;
		counter->element = 0;
		rises = expire(counter, clocks);
	}
	if (counter->stage == IG_COUNTER_EXPIRED)
		counter->element += range;
	counter->element -= (uint32_t)(clocks % range);
	if (counter->stage == IG_COUNTER_EXPIRED)
		counter->element %= range;
	return rises;
}

/* Whole periods change nothing; OUT rises once in each. */
static uint64_t skip_periods(const struct ig_counter *counter, uint64_t *clocks)
{
	uint64_t periods = *clocks / counter->loaded;

	*clocks %= counter->loaded;
	return counter->loaded > 1 ? periods : 0;
}

/* Mode 2: OUT is low while the count is 1, then the count is loaded again. */
static uint64_t run_rate(struct ig_counter *counter, uint64_t clocks)
{
	uint64_t rises = 0;

	if (clocks >= counter->element) {
		clocks -= counter->element;
		drive(counter, false);
		rises = load(counter);
		rises += skip_periods(counter, &clocks);
	}
	counter->element -= (uint32_t)clocks;
	drive(counter, counter->element != 1);
	return rises;
}

/*
 * Mode 3 counts by two. CLK pulses to the end of the half that runs: of an odd count, one more while OUT is
 * high.
 */
static uint32_t left_of_half(const struct ig_counter *counter)
{
	return counter->element / 2 + (counter->out && counter->loaded % 2);
}

static uint64_t run_square(struct ig_counter *counter, uint64_t clocks)
{
	uint64_t rises = 0;

	while (clocks >= left_of_half(counter)) {
		clocks -= left_of_half(counter);
		load(counter);
		rises += drive(counter, !counter->out || counter->loaded == 1);
		rises += skip_periods(counter, &clocks);
	}
	counter->element -= 2 * (uint32_t)clocks;
	return rises;
}

uint64_t ig_counter_advance(struct ig_counter *counter, uint64_t clocks)
{
	uint64_t rises = 0;

	if (!clocks)
		return 0;
	if (is_strobe(counter))
		rises += drive(counter, true);
	if (counter->load) {
		rises += load(counter);
		clocks--;
	}
	if (!clocks || !is_counting(counter))
		return rises;
	switch (mode_of(counter)) {
	case RATE:
		return rises + run_rate(counter, clocks);
	case SQUARE:
		return rises + run_square(counter, clocks);
	default:
		return rises + run_down(counter, clocks);
	}
}

/* The same of a counter that neither loads nor strobes at the next CLK pulse. */
static uint64_t next_rise_of_count(const struct ig_counter *counter)
{
	uint32_t next = count_of(counter);

	switch (mode_of(counter)) {
	case RATE:
		return next == 1 ? IG_COUNTER_NEVER : counter->element;
	case SQUARE:
		if (!counter->out)
			return left_of_half(counter);
		return next == 1 ? IG_COUNTER_NEVER : left_of_half(counter) + next / 2;
	default:
		if (counter->stage == IG_COUNTER_EXPIRED)
			return IG_COUNTER_NEVER;
		return counter->element + is_strobe(counter);
	}
}

uint64_t ig_counter_next_rise(const struct ig_counter *counter)
{
	struct ig_counter after = *counter;
	uint64_t first = counter->load || (is_strobe(counter) && !counter->out);
	uint64_t next;

	if (ig_counter_advance(&after, first))
		return first;
	next = is_counting(&after) ? next_rise_of_count(&after) : IG_COUNTER_NEVER;
	return next == IG_COUNTER_NEVER ? next : first + next;
}
