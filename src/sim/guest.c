/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * How a guest handles its line's interrupt, step by step, as Linux does (Documentation/core-api/genericirq:
 * the fasteoi and level flow handlers, threaded handlers), and the run of a whole machine. One thread; see
 * machine.h.
 */
#include "sim/machine.h"

/* Nanoseconds. */
static const struct ig_sim_range access_time = { 1000, 4000 }; /* of a register: an exit */
static const struct ig_sim_range wake_time = { 5000, 120000 }; /* of a thread */
static const struct ig_sim_range poll_time = { 30000, 100000 };
static const struct ig_sim_range resume_time = { 100000, 400000 };

bool ig_sim_comes_to(struct ig_sim *sim, enum ig_sim_point point)
{
	if (sim->point != point || ig_sim_is_set(sim, IG_SIM_TASK))
		return false;
	sim->point = IG_SIM_NOWHERE;
	return sim->guest->intervene(sim);
}

static void end_handler(struct ig_sim *sim, uint32_t device)
{
	(void)device;
	ig_sim_eoi(sim);
	ig_sim_interrupts_on(sim);
}

/* The interrupt is not wanted now: it stays masked until somebody enables it. */
static void shut(struct ig_sim *sim)
{
	ig_sim_mask(sim);
	ig_sim_after(sim, IG_SIM_HARDIRQ, access_time, end_handler);
}

static void resume(struct ig_sim *sim, uint32_t device)
{
	(void)device;
	sim->disabled = false;
	ig_sim_unmask(sim);
}

static void wake_up(struct ig_sim *sim)
{
	sim->wake_armed = false;
	sim->disabled = true;
	sim->figures.suspend_aborted += !ig_sim_anything_asserts(sim);
	ig_sim_after(sim, IG_SIM_TASK, resume_time, resume);
	shut(sim);
}

void ig_sim_interrupted(struct ig_sim *sim, uint32_t device)
{
	(void)device;
	if (ig_sim_comes_to(sim, IG_SIM_IN_SERVICE))
		return;
	if (sim->wake_armed)
		wake_up(sim);
	else if (sim->disabled)
		shut(sim);
	else
		sim->guest->handle(sim);
}

/* Dealing with the devices, one after another. */

static void look_at_next(struct ig_sim *sim, uint32_t timer, ig_sim_step *step)
{
	ig_sim_after(sim, timer, sim->guest->read, step);
}

static void look_at_first(struct ig_sim *sim, uint32_t timer, ig_sim_step *step)
{
	sim->cursor = 0;
	sim->found = false;
	look_at_next(sim, timer, step);
}

/* Returns whether all have been looked at. */
static bool serve_one(struct ig_sim *sim)
{
	sim->found |= ig_sim_quiet(sim, sim->cursor);
	if (++sim->cursor < sim->guest->devices)
		return false;
	if (!sim->found)
		sim->figures.empty_reads += sim->guest->devices;
	return true;
}

static void plain_serves(struct ig_sim *sim, uint32_t device)
{
	(void)device;
	if (serve_one(sim))
		ig_sim_after(sim, IG_SIM_HARDIRQ, access_time, end_handler);
	else
		look_at_next(sim, IG_SIM_HARDIRQ, plain_serves);
}

void ig_sim_handle_plain(struct ig_sim *sim)
{
	look_at_first(sim, IG_SIM_HARDIRQ, plain_serves);
}

static void end_level(struct ig_sim *sim, uint32_t device)
{
	(void)device;
	ig_sim_unmask(sim);
	ig_sim_interrupts_on(sim);
}

static void level_serves(struct ig_sim *sim, uint32_t device)
{
	(void)device;
	if (serve_one(sim))
		ig_sim_after(sim, IG_SIM_HARDIRQ, access_time, end_level);
	else
		look_at_next(sim, IG_SIM_HARDIRQ, level_serves);
}

void ig_sim_handle_level(struct ig_sim *sim)
{
	ig_sim_mask(sim);
	ig_sim_eoi(sim);
	look_at_first(sim, IG_SIM_HARDIRQ, level_serves);
}

/* The thread. */

static void end_thread(struct ig_sim *sim, uint32_t device)
{
	(void)device;
	sim->threaded = false;
	if (!sim->disabled)
		ig_sim_unmask(sim);
}

static void serve_in_thread(struct ig_sim *sim, uint32_t device)
{
	(void)device;
	if (serve_one(sim))
		ig_sim_after(sim, IG_SIM_THREAD, access_time, end_thread);
	else
		look_at_next(sim, IG_SIM_THREAD, serve_in_thread);
}

void ig_sim_thread_serves(struct ig_sim *sim, uint32_t device)
{
	(void)device;
	look_at_first(sim, IG_SIM_THREAD, serve_in_thread);
}

void ig_sim_thread_looks_at_pending(struct ig_sim *sim, uint32_t device)
{
	if (ig_sim_reads_pending(sim))
		ig_sim_thread_serves(sim, device);
	else
		end_thread(sim, device);
}

void ig_sim_thread_polls(struct ig_sim *sim, uint32_t device)
{
	for (uint32_t i = 0; i < sim->guest->devices; i++)
		ig_sim_quiet(sim, i);
	if (sim->figures.events < sim->events)
		ig_sim_after(sim, IG_SIM_THREAD, poll_time, ig_sim_thread_polls);
	(void)device;
}

static void thread_wakes(struct ig_sim *sim, uint32_t device)
{
	if (!ig_sim_comes_to(sim, IG_SIM_IN_HOLD))
		sim->guest->thread(sim, device);
}

static void wake_thread(struct ig_sim *sim, uint32_t device)
{
	sim->threaded = true;
	ig_sim_after(sim, IG_SIM_THREAD, wake_time, thread_wakes);
	end_handler(sim, device);
}

void ig_sim_handle_oneshot(struct ig_sim *sim)
{
	ig_sim_mask(sim);
	ig_sim_after(sim, IG_SIM_HARDIRQ, access_time, wake_thread);
}

/* The run. */

static bool is_open(const struct ig_sim *sim)
{
	return !sim->masked && !sim->interrupts_off;
}

/* Nothing happens by itself any more: what asserts and could interrupt was lost. Returns whether any asserted. */
static bool give_up(struct ig_sim *sim)
{
	bool any = false;

	for (uint32_t i = 0; i < sim->guest->devices; i++) {
		if (!sim->device[i].asserts)
			continue;
		sim->figures.lost += is_open(sim);
		any |= ig_sim_quiet(sim, i);
	}
	return any;
}

static void live(struct ig_sim *sim)
{
	do {
		while (ig_sim_next(sim))
			;
	} while (give_up(sim));
	ig_sim_end_holds(sim);
	sim->figures.hold_p50 = ig_histogram_quantile(&sim->holds, 0.50);
	sim->figures.hold_p99 = ig_histogram_quantile(&sim->holds, 0.99);
}

int ig_sim_run(uint32_t guest, enum irqgate_policy policy, uint64_t events, uint64_t seed,
	       struct ig_sim_figures *figures)
{
	struct ig_sim sim = { .guest = ig_sim_guest(guest), .events = events, .random = seed };
	int error;

	for (uint32_t i = 0; i < IG_SIM_TIMERS; i++)
		ig_sim_cancel(&sim, i);
	error = ig_sim_host_open(&sim, policy, seed);
	if (error)
		return error;
	ig_sim_chips_prepare(&sim);
	live(&sim);
	*figures = sim.figures;
	ig_sim_host_close(&sim);
	return 0;
}
