/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A simulated machine around the real core: devices behind a host that masks and signals as VFIO does, the
 * adapter's part, a vCPU, and guests that handle interrupts in the ways that matter. Time is simulated and
 * chance is seeded: the same arguments always give the same figures. One thread; runs share nothing.
 */
#ifndef IG_SIM_H
#define IG_SIM_H

#include <irqgate/core.h>

struct ig_sim_figures {
	uint64_t events;           /* times that a device began to assert */
	uint64_t host_interrupts;  /* triggers of the forwarded devices */
	uint64_t guest_interrupts; /* taken by the vCPU */
	uint64_t extra;            /* of them, taken while no device of the line asserted */
	uint64_t lost;             /* events of a pin that was unmasked and not in service, and that nothing came of */
	uint64_t suspend_aborted;  /* wake-ups while no device asserted */
	uint64_t empty_reads;      /* reads of a quiet device by a handler; on a shared line, if all were quiet */
	uint64_t hold_p50, hold_p99; /* nanoseconds from the closing of the gate to the resample */
};

/* The name of a guest, counted from 0, or NULL behind the last one. What it does, in a few words. */
const char *ig_sim_guest_name(uint32_t guest);
const char *ig_sim_guest_summary(uint32_t guest);

/* Runs a guest until so many events have come and been dealt with. 0 or -ENOMEM. */
int ig_sim_run(uint32_t guest, enum irqgate_policy policy, uint64_t events, uint64_t seed,
	       struct ig_sim_figures *figures);

#endif
