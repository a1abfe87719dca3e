/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The 8254 of a PC; see pit.h. */
#include "chip/pit.h"

#define NSEC_PER_SEC UINT64_C(1000000000)
#define ALL_BITS     0xffU

/* Control words ("Control Word Format", "Counter Latch Command", "Read-Back Command"). */
#define SELECT_SHIFT     6
#define READ_BACK        3U
#define READ_BACK_COUNT  (1U << 5) /* active low, as is the next */
#define READ_BACK_STATUS (1U << 4)
#define READ_BACK_FIRST  1 /* the bit of counter 0 */

/* How long a refresh cycle takes on a PC, where counter 1 is programmed for 18: about 15 us. */
#define REFRESH_CLOCKS 18U

_Static_assert(sizeof(struct ig_counter) == 2 * sizeof(uint32_t) + 2 * sizeof(uint16_t) + 12, "no padding");
_Static_assert(sizeof(struct ig_pit) == sizeof(uint64_t) + IG_PIT_COUNTERS * sizeof(struct ig_counter) +
	       sizeof(uint32_t) + 4 + sizeof(struct ig_pit_stats), "no padding");

/* Both conversions take whole seconds apart, so that no product overflows and nothing is rounded twice. */
static uint64_t clock_at(uint64_t now)
{
	return now / NSEC_PER_SEC * IG_PIT_HZ + now % NSEC_PER_SEC * IG_PIT_HZ / NSEC_PER_SEC;
}

/* The first nanosecond at which clock_at() gives this. */
static uint64_t time_of(uint64_t clock)
{
	uint64_t part = clock % IG_PIT_HZ * NSEC_PER_SEC;

	if (clock > clock_at(UINT64_MAX))
		return IG_PIT_NEVER;
	return clock / IG_PIT_HZ * NSEC_PER_SEC + (part + IG_PIT_HZ - 1) / IG_PIT_HZ;
}

/* How many ticks may be pending. */
static uint32_t backlog_max(const struct ig_pit *pit)
{
	if (pit->policy == IG_PIT_DROP)
		return !pit->unacked;
	return IG_PIT_BACKLOG_MAX;
}

static void come_due(struct ig_pit *pit, uint64_t ticks)
{
	uint64_t room = backlog_max(pit) - pit->pending;
	uint64_t kept = ticks < room ? ticks : room;

	pit->stats.due += ticks;
	pit->stats.dropped += ticks - kept;
	pit->pending += (uint32_t)kept;
}

static void drop_pending(struct ig_pit *pit)
{
	pit->stats.dropped += pit->pending;
	pit->pending = 0;
}

static bool pulse(struct ig_pit *pit)
{
	if (pit->unacked || !pit->pending)
		return false;
	pit->unacked = true;
	pit->pending--;
	pit->stats.delivered++;
	return true;
}

/* Brings the counters to now. */
static void advance(struct ig_pit *pit, uint64_t now)
{
	uint64_t clock = clock_at(now), clocks;

	if (clock <= pit->clock)
		return;
	clocks = clock - pit->clock;
	pit->clock = clock;
	come_due(pit, ig_counter_advance(&pit->counter[0], clocks));
	for (int i = 1; i < IG_PIT_COUNTERS; i++)
		ig_counter_advance(&pit->counter[i], clocks);
}

void ig_pit_init(struct ig_pit *pit, enum ig_pit_policy policy, uint64_t now)
{
	*pit = (struct ig_pit){ .clock = clock_at(now), .policy = (uint8_t)policy };
	for (int i = 0; i < IG_PIT_COUNTERS; i++)
		ig_counter_init(&pit->counter[i], i != IG_PIT_SPEAKER);
}

static bool is_counter_port(uint32_t port)
{
	return port >= IG_PIT_PORT_COUNTER && port < IG_PIT_PORT_COUNTER + IG_PIT_COUNTERS;
}

static uint8_t read_status(const struct ig_pit *pit)
{
	uint8_t value = pit->control;

	if (pit->clock / REFRESH_CLOCKS % 2)
		value |= IG_PIT_REFRESH;
	if (pit->counter[IG_PIT_SPEAKER].out)
		value |= IG_PIT_OUT_2;
	return value;
}

uint8_t ig_pit_read(struct ig_pit *pit, uint32_t port, uint64_t now)
{
	advance(pit, now);
	if (is_counter_port(port))
		return ig_counter_read(&pit->counter[port - IG_PIT_PORT_COUNTER]);
	return port == IG_PIT_PORT_STATUS ? read_status(pit) : ALL_BITS;
}

/* A timer that is set up anew starts with no tick on the way; that also frees it where an ack got lost. */
static void set_up(struct ig_pit *pit, uint32_t counter, uint8_t value)
{
	bool rises = ig_counter_set_up(&pit->counter[counter], value);

	if (counter)
		return;
	drop_pending(pit);
	pit->unacked = false;
	come_due(pit, rises);
}

static void read_back(struct ig_pit *pit, uint8_t value)
{
	for (int i = 0; i < IG_PIT_COUNTERS; i++) {
		if (!(value >> (READ_BACK_FIRST + i) & 1))
			continue;
		if (!(value & READ_BACK_COUNT))
			ig_counter_latch_count(&pit->counter[i]);
		if (!(value & READ_BACK_STATUS))
			ig_counter_latch_status(&pit->counter[i]);
	}
}

static void write_control(struct ig_pit *pit, uint8_t value)
{
	uint32_t select = value >> SELECT_SHIFT;

	if (select == READ_BACK)
		read_back(pit, value);
	else if (value & (IG_COUNTER_LOW | IG_COUNTER_HIGH))
		set_up(pit, select, value);
	else
		ig_counter_latch_count(&pit->counter[select]);
}

static void write_status(struct ig_pit *pit, uint8_t value)
{
	pit->control = value & IG_PIT_STORED;
	ig_counter_set_gate(&pit->counter[IG_PIT_SPEAKER], value & IG_PIT_GATE_2);
}

void ig_pit_write(struct ig_pit *pit, uint32_t port, uint8_t value, uint64_t now)
{
	advance(pit, now);
	if (is_counter_port(port))
		ig_counter_write(&pit->counter[port - IG_PIT_PORT_COUNTER], value);
	else if (port == IG_PIT_PORT_CONTROL)
		write_control(pit, value);
	else if (port == IG_PIT_PORT_STATUS)
		write_status(pit, value);
}

uint64_t ig_pit_next(const struct ig_pit *pit)
{
	uint64_t clocks;

	if (pit->unacked)
		return IG_PIT_NEVER;
	clocks = pit->pending ? 0 : ig_counter_next_rise(&pit->counter[0]);
	return clocks == IG_COUNTER_NEVER ? IG_PIT_NEVER : time_of(pit->clock + clocks);
}

bool ig_pit_tick(struct ig_pit *pit, uint64_t now)
{
	advance(pit, now);
	return pulse(pit);
}

bool ig_pit_acked(struct ig_pit *pit, uint64_t now)
{
	bool pulsed;

	advance(pit, now);
	if (!pit->unacked)
		return false;
	pit->unacked = false;
	pulsed = pulse(pit);
	pit->stats.reinjected += pulsed;
	return pulsed;
}

void ig_pit_lost(struct ig_pit *pit, uint64_t now)
{
	advance(pit, now);
	if (!pit->unacked)
		return;
	pit->unacked = false;
	pit->stats.lost++;
	drop_pending(pit);
}

bool ig_pit_out(struct ig_pit *pit, uint32_t counter, uint64_t now)
{
	advance(pit, now);
	return counter < IG_PIT_COUNTERS && pit->counter[counter].out;
}
