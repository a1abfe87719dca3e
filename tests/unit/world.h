/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The world around a core with one line, as simple as it can be: devices behind VFIO, a wire, a LAPIC, KVM's
 * routes, a guest's accesses (to a pair of 8259As too), and an adapter that carries out effects when told to.
 * Invariants are checked on the way. One thread.
 */
#ifndef IG_TESTS_WORLD_H
#define IG_TESTS_WORLD_H

#include "chance.h"
#include "machine.h"

enum { DEVICES = 2, QUEUE = 256 };

/* A device behind VFIO: its interrupt is masked at each trigger, until it is resampled. */
struct device {
	irqgate_source source; /* 0: not there */
	bool asserts;
	bool automasked;
	bool bound;            /* the kernel takes its trigger */
	bool enabled;
	bool was_disabled;     /* ever */
	uint32_t unread;       /* triggers in its eventfd */
	uint64_t sampled;      /* when it last triggered */
	uint64_t wish_done;
};

struct world {
	struct machine m;
	enum irqgate_policy policy;
	bool direct, shared;
	bool guarded;              /* there are a storm guard and a limit of holds, and time passes */
	uint64_t time;
	bool pair;                 /* the line feeds a pair of 8259As as well */
	uint32_t gsi;
	struct chance chance;
	uint64_t clock;
	uint32_t history, step;
	struct device device[DEVICES];
	irqgate_source wire;
	bool wire_level;
	uint64_t rte;              /* what the guest wrote last */
	uint64_t unmasked_at;      /* with nothing in service at the IOAPIC */
	uint64_t pic_unmasked_at;  /* the same at the pair */
	bool requested[256], serving[256]; /* the LAPIC's IRR and ISR */
	bool lapic_off, retry;
	struct irqgate_route routes[2 * PINS]; /* KVM's table, made anew whenever its version grew */
	uint32_t route_count;
	uint64_t routes_version;
	struct irqgate_line_state told; /* to those who watch the line */
	struct irqgate_effect queue[QUEUE];
	uint32_t queued;
};

#define CHECK(world, condition)                                                                               \
	do {                                                                                                  \
		if (!(condition))                                                                             \
			fail_msg("history %u, step %u: not so: %s", (world)->history, (world)->step, #condition); \
	} while (0)

/* A number below a limit, by chance. */
uint32_t pick(struct world *w, uint32_t below);

bool guest_sees_masked(const struct world *w);

/* Invariant 2: something that is asserted was sampled after that unmask, or is a wire that asserts now. */
bool is_wanted(struct world *w, uint64_t unmasked_at);

/* Takes over what a call asked for, and checks what can be checked at once. */
void take_effects(struct world *w);

/* From here on somebody watches the line. */
void watch(struct world *w);

/* If it is guarded, sets the guard and the limit of the line. */
void guard_line(struct world *w);

/* Time passes, and what is due by then is done. Returns whether that was anything. */
bool pass_time(struct world *w, uint64_t nanoseconds);

/* Invariant 7: what the guest does resamples all forwarded sources of the line, or none. */
void check_together(struct world *w);

/* Carries out one of the queued effects, any. */
void carry_out_one(struct world *w);

/* The adapter reads what is in a device's eventfd; in all of them. */
void read_trigger(struct world *w, struct device *device);
void read_triggers(struct world *w);

/* The adapter sends again what no LAPIC took. */
void retry(struct world *w);

/* Lets everything happen that happens without the guest, the devices and the wire doing anything. */
void settle(struct world *w);

/* The guest writes or reads the lower half of the pin's entry, takes an interrupt, ends it. */
void guest_write(struct world *w, uint64_t rte);
void guest_read(struct world *w);
bool guest_take(struct world *w, uint8_t vector);
void guest_eoi(struct world *w, uint8_t vector);
/* One of the above, by chance: what a guest does to its entry and its LAPIC. */
void guest_step(struct world *w);

/* The pair, in world-pair.c: ports, the processor's INTA (false: INTR is low), and what a guest does with them. */
uint8_t guest_in(struct world *w, uint16_t port);
void guest_out(struct world *w, uint16_t port, unsigned int value);
bool guest_inta(struct world *w);
void guest_poll(struct world *w);
void guest_pic_mask(struct world *w, bool masked);
void guest_pic_eoi(struct world *w);
void guest_pic_init(struct world *w, unsigned int icw4);

/* Whether the line may interrupt by the pair. */
bool pair_interrupts(const struct world *w);

void raise_device(struct world *w, struct device *device);
void set_wire(struct world *w, bool level);
void enable(struct world *w, struct device *device, bool on);
void plug(struct world *w, struct device *device);
void unplug(struct world *w, struct device *device);
void plug_or_unplug_wire(struct world *w);
void reset(struct world *w);

/* Invariant 1, by the counters: each trigger that counted ended with one resample that counted. */
void check_alternation(struct world *w);

#endif
