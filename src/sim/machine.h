/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The simulated machine's parts and their state. What happens later is a timer with a step to take: each part
 * has one timer for each thing that it can be about to do. One thread.
 */
#ifndef IG_SIM_MACHINE_H
#define IG_SIM_MACHINE_H

#include "exec/histogram.h"
#include "sim/sim.h"

#define IG_SIM_NEVER UINT64_MAX

enum { IG_SIM_DEVICES = 3, IG_SIM_WIRE = 2 /* of them */, IG_SIM_VECTORS = 2 };

#define IG_SIM_ALL 0xffU /* inputs of an 8259A */

enum ig_sim_timer_name {
	IG_SIM_RAISE, /* of each device: its next event */
	IG_SIM_HOST = IG_SIM_RAISE + IG_SIM_DEVICES, /* of each device: the host takes its interrupt */
	IG_SIM_LOOP = IG_SIM_HOST + IG_SIM_DEVICES,  /* the VMM's loop reads what has been signalled */
	IG_SIM_HARDIRQ,                              /* the guest's interrupt handler goes on */
	IG_SIM_THREAD,                               /* its thread does */
	IG_SIM_TASK,                                 /* what else the guest is doing */
	IG_SIM_TIMERS,
};

struct ig_sim;
typedef void ig_sim_step(struct ig_sim *sim, uint32_t device);

struct ig_sim_timer {
	uint64_t at; /* nanoseconds */
	ig_sim_step *step;
};

/* Nanoseconds, both included. */
struct ig_sim_range {
	uint32_t min, max;
};

/* Where the guest does something out of the ordinary about an event, if at all. */
enum ig_sim_point { IG_SIM_NOWHERE, IG_SIM_AT_RAISE, IG_SIM_IN_SERVICE, IG_SIM_IN_HOLD };

/* A device; forwarded unless it is a wire. */
struct ig_sim_device {
	irqgate_source source; /* 0: not there */
	bool wire;
	bool asserts;
	bool automasked; /* by the host at its trigger, until the resample */
	bool unread;     /* its trigger is */
	uint64_t wish_done;
	uint64_t holds;      /* as the core has counted them */
	uint64_t hold_since; /* or IG_SIM_NEVER */
	uint64_t random;     /* its own chance: the same events come at the same times whatever the policy */
};

/* What a guest is: its chip, how it handles an interrupt, and what else it does. */
struct ig_sim_guest {
	const char *name, *summary;
	bool legacy; /* its line interrupts through the 8259A pair, else through the IOAPIC */
	uint32_t devices;
	void (*handle)(struct ig_sim *sim);
	ig_sim_step *thread; /* of a oneshot guest, once it has woken up */
	struct ig_sim_range read; /* how long it takes to deal with a device */
	/* Something out of the ordinary; true: whatever the guest was doing, it no longer is. */
	bool (*intervene)(struct ig_sim *sim);
	uint32_t points; /* set of enum ig_sim_point */
	uint32_t odds;   /* one event of so many */
};

struct ig_sim {
	const struct ig_sim_guest *guest;
	struct irqgate_core *core;
	uint32_t gsi;
	uint64_t now, events;
	struct ig_sim_timer timer[IG_SIM_TIMERS];
	struct ig_sim_device device[IG_SIM_DEVICES];
	uint64_t random;
	struct ig_histogram holds;
	struct ig_sim_figures figures;

	/* The vCPU: interrupts are off in handlers and while a kernel starts. The LAPIC's IRR and ISR. */
	bool interrupts_off;
	bool requested[IG_SIM_VECTORS], serving[IG_SIM_VECTORS];

	/* What a kernel keeps of an interrupt. */
	uint8_t vector;  /* index of the one in use */
	bool masked;     /* at the chip */
	bool disabled;   /* nobody wants it: if it comes all the same it is masked */
	bool wake_armed; /* it wakes the system up */
	bool threaded;   /* its thread is awake */
	uint32_t cursor; /* the device that is looked at */
	bool found;      /* one of them asserted */
	enum ig_sim_point point; /* of the current event */
	bool resets;             /* the driver, when it comes back, resets its device */
};

/* clock.c */

/* A random number between both, and whether one chance of so many comes true. */
uint32_t ig_sim_draw(uint64_t *random, struct ig_sim_range range);
bool ig_sim_chance(uint64_t *random, uint32_t odds);

/* Sets a timer to a random time from now. */
void ig_sim_after(struct ig_sim *sim, uint32_t timer, struct ig_sim_range range, ig_sim_step *step);
void ig_sim_cancel(struct ig_sim *sim, uint32_t timer);
bool ig_sim_is_set(const struct ig_sim *sim, uint32_t timer);

/* Takes the next step; false: there is none. */
bool ig_sim_next(struct ig_sim *sim);

/* host.c */

/* Makes the core and the devices. 0 or -ENOMEM. */
int ig_sim_host_open(struct ig_sim *sim, enum irqgate_policy policy, uint64_t seed);
void ig_sim_host_close(struct ig_sim *sim);

bool ig_sim_anything_asserts(const struct ig_sim *sim);

/* Deals with what a device asserts for, and plans its next event; false: it is quiet. */
bool ig_sim_quiet(struct ig_sim *sim, uint32_t device);

/* Carries out what a call of the core asked for. */
void ig_sim_carry_out(struct ig_sim *sim, const struct irqgate_effects *effects);

/* Hands the triggers that are unread to the core. */
void ig_sim_read_triggers(struct ig_sim *sim);

/* Counts the holds that have not ended. */
void ig_sim_end_holds(struct ig_sim *sim);

/* vcpu.c */

/* What a kernel does to its chips at its start. */
void ig_sim_chips_prepare(struct ig_sim *sim);

void ig_sim_mask(struct ig_sim *sim);
void ig_sim_unmask(struct ig_sim *sim);
void ig_sim_eoi(struct ig_sim *sim);

/* Whether the 8259A's register of pending interrupts has the line. */
bool ig_sim_reads_pending(struct ig_sim *sim);

/* A kernel that another one has started ends what it finds: at the IOAPIC, in the LAPIC. */
void ig_sim_clear_ioapic(struct ig_sim *sim);
void ig_sim_clear_lapic(struct ig_sim *sim);

/* A message reaches the LAPIC. */
void ig_sim_accept(struct ig_sim *sim, const struct irqgate_message *message);

/* Takes what waits, if interrupts are on; turns them on. */
void ig_sim_take(struct ig_sim *sim);
void ig_sim_interrupts_on(struct ig_sim *sim);

/* guest.c */

/* The vCPU has taken an interrupt. */
void ig_sim_interrupted(struct ig_sim *sim, uint32_t device);

/* The current event has come to a point; true: whatever the guest was doing, it no longer is. */
bool ig_sim_comes_to(struct ig_sim *sim, enum ig_sim_point point);

/* The ways to handle an interrupt: see Linux's flow handlers. */
void ig_sim_handle_oneshot(struct ig_sim *sim); /* mask, EOI; the thread deals with the devices and unmasks */
void ig_sim_handle_plain(struct ig_sim *sim);   /* deal with the devices, EOI */
void ig_sim_handle_level(struct ig_sim *sim);   /* mask, EOI, deal with the devices, unmask */

/* What the thread does once it is awake. */
void ig_sim_thread_serves(struct ig_sim *sim, uint32_t device);
void ig_sim_thread_looks_at_pending(struct ig_sim *sim, uint32_t device); /* only what is pending is served */
void ig_sim_thread_polls(struct ig_sim *sim, uint32_t device);            /* for good, and never unmasks */

/* guests.c: the guests by number, or NULL. */
const struct ig_sim_guest *ig_sim_guest(uint32_t guest);

#endif
