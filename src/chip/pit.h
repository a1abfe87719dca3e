/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The 8254 of a PC: three counters, port 0x61, and the ticks of counter 0, which are the rising edges of its
 * OUT and go to IRQ 0. Time is handed in: nanoseconds of a clock that never goes back (what is older than the
 * call before counts as that). Conversions are exact, so nothing drifts.
 *
 * Ticks. A tick is pulsed, and is *unacked* until the caller tells of its ack; what comes due in the meantime
 * cannot be told from it by the guest. The policy says what becomes of that:
 *
 *   reinject  it is pending, and pulsed after the ack, one for each: a guest that falls behind catches up. No
 *             more than IG_PIT_BACKLOG_MAX are pending; what comes due beyond that is dropped, and counted
 *   drop      it is dropped, and counted
 *
 * The caller, after every other call here: asks ig_pit_next(), and calls ig_pit_tick() when that time has
 * come. It may come late, or limit how often it does: what came due in between is counted all the same. Where
 * a pulse reaches nothing that will ack it (a masked IOAPIC pin, no LAPIC, a reset of the chips), it says so
 * by ig_pit_lost().
 *
 * Source: Intel 8254 data sheet (231164); ports and counter 2's gate: Intel ICH9 data sheet, 13.3 and 13.7.1.
 * The state is plain bytes without padding. Caller serialises.
 */
#ifndef IG_PIT_H
#define IG_PIT_H

#include "chip/counter.h"

#define IG_PIT_HZ          UINT64_C(1193182)
#define IG_PIT_NEVER       UINT64_MAX
#define IG_PIT_BACKLOG_MAX 65535U /* a minute at 1000 Hz */

enum { IG_PIT_COUNTERS = 3, IG_PIT_SPEAKER = 2 };

/* I/O ports (ICH9 13.3, 13.7.1). */
enum {
	IG_PIT_PORT_COUNTER = 0x40, /* and the next two */
	IG_PIT_PORT_CONTROL = 0x43,
	IG_PIT_PORT_STATUS = 0x61,
};

/* Port 0x61, NMI status and control (ICH9 13.7.1). */
enum {
	IG_PIT_GATE_2 = 1U << 0,
	IG_PIT_SPEAKER_DATA = 1U << 1,
	IG_PIT_SERR_OFF = 1U << 2,
	IG_PIT_IOCHK_OFF = 1U << 3,
	IG_PIT_REFRESH = 1U << 4,
	IG_PIT_OUT_2 = 1U << 5,
	IG_PIT_STORED = IG_PIT_GATE_2 | IG_PIT_SPEAKER_DATA | IG_PIT_SERR_OFF | IG_PIT_IOCHK_OFF,
};

enum ig_pit_policy { IG_PIT_REINJECT, IG_PIT_DROP };

/* due = delivered + dropped + pending. */
struct ig_pit_stats {
	uint64_t due;
	uint64_t delivered;  /* pulses */
	uint64_t reinjected; /* of them, pulsed at an ack */
	uint64_t lost;       /* of them, that reached nobody */
	uint64_t dropped;
};

struct ig_pit {
	uint64_t clock;   /* CLK pulses until now */
	struct ig_counter counter[IG_PIT_COUNTERS];
	uint32_t pending; /* ticks due and not pulsed */
	uint8_t control;  /* the stored bits of port 0x61 */
	uint8_t policy;   /* enum ig_pit_policy */
	bool unacked;
	bool reserved;    /* false */
	struct ig_pit_stats stats;
};

/* After power-up: nothing counts before it is programmed. Gates 0 and 1 are high, as the PC wires them. */
void ig_pit_init(struct ig_pit *pit, enum ig_pit_policy policy, uint64_t now);

/* A port that is not ours, or cannot be read, reads as 0xff; writes to it are ignored. */
uint8_t ig_pit_read(struct ig_pit *pit, uint32_t port, uint64_t now);
void ig_pit_write(struct ig_pit *pit, uint32_t port, uint8_t value, uint64_t now);

/*
 * When ig_pit_tick() is due next: in the past, if it is already; IG_PIT_NEVER before an ack, a write or at
 * all.
 */
uint64_t ig_pit_next(const struct ig_pit *pit);

/* Whether to pulse IRQ 0 now. */
bool ig_pit_tick(struct ig_pit *pit, uint64_t now);

/* The guest acked IRQ 0. Whether to pulse it again now. An ack of nothing has no effect. */
bool ig_pit_acked(struct ig_pit *pit, uint64_t now);

/* The last pulse reached nothing that will ack it. The guest does not listen: what is pending is dropped. */
void ig_pit_lost(struct ig_pit *pit, uint64_t now);

/* The level of a counter's OUT. */
bool ig_pit_out(struct ig_pit *pit, uint32_t counter, uint64_t now);

#endif
