/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The 8254 for others, and in KVM's own structure (KVM API 4.71; arch/x86/include/uapi/asm/kvm.h). Of KVM's
 * fields: rw_mode is bits 5:4 of the control word; read_state and write_state are that, or WORD1 when the
 * upper byte of two is next; so is count_latched, but then HIGH; mode is NEVER before the first control word.
 * Caller serialises.
 */
#include <errno.h>

#include <irqgate/pit.h>

#include "chip/pit.h"

#define NSEC_PER_SEC UINT64_C(1000000000)

#define MODE_NEVER  0xffU
#define MODE_MAX    5U
#define MODE_ALIAS  4U /* of modes 2 and 3: 6 and 7 */
#define RW_SHIFT    4
#define RW_LOW      1U
#define RW_HIGH     2U
#define RW_WORD0    3U
#define RW_WORD1    4U
#define COUNT_MAX   0x10000U /* written as 0 */
#define BYTE_BITS   8
#define KNOWN_FLAGS KVM_PIT_FLAGS_SPEAKER_DATA_ON

/* One in memory is the core's. */
static struct ig_pit *core_of(struct irqgate_pit *pit)
{
	return (struct ig_pit *)(void *)pit;
}

size_t irqgate_pit_size(void)
{
	return sizeof(struct ig_pit);
}

struct irqgate_pit *irqgate_pit_init(void *memory, enum irqgate_pit_policy policy, uint64_t now)
{
	ig_pit_init(memory, policy == IRQGATE_PIT_DROP ? IG_PIT_DROP : IG_PIT_REINJECT, now);
	return memory;
}

uint8_t irqgate_pit_read(struct irqgate_pit *pit, uint16_t port, uint64_t now)
{
	return ig_pit_read(core_of(pit), port, now);
}

void irqgate_pit_write(struct irqgate_pit *pit, uint16_t port, uint8_t value, uint64_t now)
{
	ig_pit_write(core_of(pit), port, value, now);
}

uint64_t irqgate_pit_next(const struct irqgate_pit *pit)
{
	return ig_pit_next((const struct ig_pit *)(const void *)pit);
}

bool irqgate_pit_tick(struct irqgate_pit *pit, uint64_t now)
{
	return ig_pit_tick(core_of(pit), now);
}

bool irqgate_pit_acked(struct irqgate_pit *pit, uint64_t now)
{
	return ig_pit_acked(core_of(pit), now);
}

void irqgate_pit_lost(struct irqgate_pit *pit, uint64_t now)
{
	ig_pit_lost(core_of(pit), now);
}

/* From KVM. */

static bool byte_state_is_valid(uint8_t rw, uint8_t state)
{
	return state == rw || (rw == RW_WORD0 && state == RW_WORD1);
}

static bool latch_is_valid(uint8_t rw, uint8_t latched)
{
	return !latched || latched == rw || (rw == RW_WORD0 && latched == RW_HIGH);
}

static bool channel_is_valid(const struct kvm_pit_channel_state *channel)
{
	if (channel->mode == MODE_NEVER)
		return true;
	return channel->mode <= MODE_MAX && channel->rw_mode >= RW_LOW && channel->rw_mode <= RW_WORD0 &&
	       channel->count <= COUNT_MAX && byte_state_is_valid(channel->rw_mode, channel->read_state) &&
	       byte_state_is_valid(channel->rw_mode, channel->write_state) &&
	       latch_is_valid(channel->rw_mode, channel->count_latched);
}

static uint64_t clocks_since(int64_t loaded, uint64_t now)
{
	uint64_t passed = loaded > 0 && (uint64_t)loaded < now ? now - (uint64_t)loaded : 0;

	return passed / NSEC_PER_SEC * IG_PIT_HZ + passed % NSEC_PER_SEC * IG_PIT_HZ / NSEC_PER_SEC;
}

/* A gate that rises starts the counts of some modes. */
static void write_count(struct ig_counter *counter, const struct kvm_pit_channel_state *channel)
{
	if (channel->rw_mode != RW_HIGH)
		ig_counter_write(counter, (uint8_t)channel->count);
	if (channel->rw_mode != RW_LOW)
		ig_counter_write(counter, (uint8_t)(channel->count >> BYTE_BITS));
	ig_counter_set_gate(counter, false);
	ig_counter_set_gate(counter, channel->gate);
}

static void set_counter(struct ig_counter *counter, const struct kvm_pit_channel_state *channel, uint64_t now)
{
	ig_counter_init(counter, channel->gate);
	if (channel->mode == MODE_NEVER)
		return;
	ig_counter_set_up(counter, (uint8_t)(channel->rw_mode << RW_SHIFT | channel->mode << IG_COUNTER_MODE_SHIFT |
					     !!channel->bcd));
	write_count(counter, channel);
	ig_counter_advance(counter, 1 + clocks_since(channel->count_load_time, now)); /* one loads it */
	counter->count_latched = channel->count_latched;
	counter->latch = channel->count_latched ? channel->latched_count : 0;
	counter->status_latched = channel->status_latched;
	counter->status = channel->status_latched ? channel->status : 0;
	counter->write_high = channel->write_state == RW_WORD1;
	counter->low = counter->write_high ? channel->write_latch : 0;
	counter->read_high = channel->rw_mode == RW_WORD0 &&
			     (channel->count_latched == RW_HIGH || channel->read_state == RW_WORD1);
}

int irqgate_pit_set_kvm(struct irqgate_pit *to, const struct kvm_pit_state2 *state, uint64_t kvm_now, uint64_t now)
{
	struct ig_pit *pit = core_of(to);

	if (state->flags & ~KNOWN_FLAGS)
		return -EINVAL;
	for (int i = 0; i < IG_PIT_COUNTERS; i++)
		if (!channel_is_valid(&state->channels[i]))
			return -EINVAL;
	ig_pit_init(pit, (enum ig_pit_policy)pit->policy, now);
	for (int i = 0; i < IG_PIT_COUNTERS; i++)
		set_counter(&pit->counter[i], &state->channels[i], kvm_now);
	if (state->channels[IG_PIT_SPEAKER].gate)
		pit->control |= IG_PIT_GATE_2;
	if (state->flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON)
		pit->control |= IG_PIT_SPEAKER_DATA;
	return 0;
}

/* To KVM. */

static uint8_t byte_state(uint8_t rw, bool high)
{
	return rw == RW_WORD0 && high ? RW_WORD1 : rw;
}

static uint8_t latch_state(const struct ig_counter *counter, uint8_t rw)
{
	if (!counter->count_latched)
		return 0;
	return rw == RW_WORD0 && counter->read_high ? RW_HIGH : rw;
}

static uint8_t mode_of(const struct ig_counter *counter)
{
	uint8_t mode = (counter->control & IG_COUNTER_MODE) >> IG_COUNTER_MODE_SHIFT;

	return mode > MODE_MAX ? mode - MODE_ALIAS : mode;
}

static bool is_as_after_power_up(const struct ig_counter *counter)
{
	struct ig_counter first;

	ig_counter_init(&first, counter->gate);
	return counter->stage == IG_COUNTER_SET_UP && counter->control == first.control;
}

/* CLK pulses since the count was loaded. The square wave counts by two, in two halves. */
static uint64_t clocks_of(const struct ig_counter *counter)
{
	enum { SQUARE = 3 };

	if (counter->stage < IG_COUNTER_RUNNING)
		return 0;
	if (counter->stage == IG_COUNTER_EXPIRED)
		return counter->loaded + (COUNT_MAX - counter->element) % COUNT_MAX;
	if (mode_of(counter) == SQUARE)
		return (counter->loaded - counter->element) / 2 + (counter->out ? 0 : (counter->loaded + 1) / 2);
	return counter->loaded - counter->element;
}

/* How the bytes of a count are read and written is known from the first control word on. */
static void get_access(struct kvm_pit_channel_state *channel, const struct ig_counter *counter)
{
	uint8_t rw = counter->control >> RW_SHIFT & RW_WORD0;

	channel->mode = mode_of(counter);
	channel->rw_mode = rw;
	channel->count_latched = latch_state(counter, rw);
	channel->read_state = byte_state(rw, counter->read_high && !counter->count_latched);
	channel->write_state = byte_state(rw, counter->write_high);
	channel->write_latch = counter->write_high ? counter->low : 0;
}

static struct kvm_pit_channel_state get_counter(const struct ig_counter *counter, uint64_t now)
{
	struct kvm_pit_channel_state channel = {
		.count = counter->count ? counter->count : COUNT_MAX,
		.latched_count = counter->latch,
		.status_latched = counter->status_latched,
		.status = counter->status,
		.mode = MODE_NEVER,
		.bcd = counter->control & IG_COUNTER_BCD,
		.gate = counter->gate,
		.count_load_time = (int64_t)(now - clocks_of(counter) * NSEC_PER_SEC / IG_PIT_HZ),
	};

	if (!is_as_after_power_up(counter))
		get_access(&channel, counter);
	return channel;
}

void irqgate_pit_get_kvm(struct irqgate_pit *from, struct kvm_pit_state2 *state, uint64_t kvm_now, uint64_t now)
{
	struct ig_pit *pit = core_of(from);

	ig_pit_out(pit, 0, now); /* brings the counters to now */
	*state = (struct kvm_pit_state2){ 0 };
	for (int i = 0; i < IG_PIT_COUNTERS; i++)
		state->channels[i] = get_counter(&pit->counter[i], kvm_now);
	if (pit->control & IG_PIT_SPEAKER_DATA)
		state->flags = KVM_PIT_FLAGS_SPEAKER_DATA_ON;
}
