/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The guests, and what they do out of the ordinary. One thread; see machine.h. */
#include "sim/machine.h"

/* Nanoseconds. */
static const struct ig_sim_range disabled_time = { 60000, 300000 };
static const struct ig_sim_range unloaded_time = { 200000, 600000 };
static const struct ig_sim_range wait_time = { 20000, 50000 };
static const struct ig_sim_range boot_time = { 30000, 200000 }; /* of each part of a kernel's start */

#define AT(point)      (1U << (point))
#define REGISTER_READ  { 2000, 8000 }
#define SLOW_BUS_READ  { 300000, 900000 } /* a report of some 30 bytes over I2C */

/* disable_irq() is lazy: it writes to no chip. */

static void enable(struct ig_sim *sim, uint32_t device)
{
	(void)device;
	sim->disabled = false;
	if (sim->masked)
		ig_sim_unmask(sim);
}

static bool disable(struct ig_sim *sim)
{
	sim->disabled = true;
	ig_sim_after(sim, IG_SIM_TASK, disabled_time, enable);
	return false;
}

/* The system goes to sleep while the interrupt's thread is under way: the next interrupt shall wake it up. */

static bool suspend(struct ig_sim *sim)
{
	sim->wake_armed = true;
	return false;
}

/* The driver is unloaded, and waits for its thread; when it is loaded again it may reset its device first. */

static void load(struct ig_sim *sim, uint32_t device)
{
	if (sim->threaded) {
		ig_sim_after(sim, IG_SIM_TASK, wait_time, load);
		return;
	}
	if (sim->resets)
		ig_sim_quiet(sim, device);
	sim->disabled = false;
	ig_sim_unmask(sim);
}

static bool unload(struct ig_sim *sim)
{
	sim->disabled = true;
	ig_sim_mask(sim);
	ig_sim_after(sim, IG_SIM_TASK, unloaded_time, load);
	return false;
}

/* Another kernel starts over the old one, which ends nothing. */

static void probe(struct ig_sim *sim, uint32_t device)
{
	ig_sim_quiet(sim, device);
	sim->vector ^= 1;
	sim->disabled = false;
	ig_sim_unmask(sim);
}

static void start_interrupts(struct ig_sim *sim, uint32_t device)
{
	(void)device;
	ig_sim_after(sim, IG_SIM_TASK, boot_time, probe);
	ig_sim_interrupts_on(sim);
}

static void lapic_then_start(struct ig_sim *sim, uint32_t device)
{
	(void)device;
	ig_sim_clear_lapic(sim);
	ig_sim_after(sim, IG_SIM_TASK, boot_time, start_interrupts);
}

static void ioapic_then_lapic(struct ig_sim *sim, uint32_t device)
{
	(void)device;
	ig_sim_clear_ioapic(sim);
	ig_sim_after(sim, IG_SIM_TASK, boot_time, lapic_then_start);
}

static void lapic_then_ioapic(struct ig_sim *sim, uint32_t device)
{
	(void)device;
	ig_sim_clear_lapic(sim);
	ig_sim_after(sim, IG_SIM_TASK, boot_time, ioapic_then_lapic);
}

static bool kexec(struct ig_sim *sim)
{
	ig_sim_cancel(sim, IG_SIM_HARDIRQ);
	ig_sim_cancel(sim, IG_SIM_THREAD);
	sim->interrupts_off = true;
	sim->threaded = false;
	sim->disabled = true; /* it has no handler for the old vectors */
	ig_sim_after(sim, IG_SIM_TASK, boot_time, sim->resets ? lapic_then_ioapic : ioapic_then_lapic);
	return true;
}

static const struct ig_sim_guest guests[] = {
	{
		.name = "oneshot", .summary = "mask, EOI; a thread quiets the device and unmasks",
		.devices = 1, .handle = ig_sim_handle_oneshot, .thread = ig_sim_thread_serves,
		.read = REGISTER_READ,
	}, {
		.name = "plain", .summary = "the handler quiets the device, then EOI",
		.devices = 1, .handle = ig_sim_handle_plain, .read = REGISTER_READ,
	}, {
		.name = "8259", .summary = "at the 8259A, level-triggered: mask, EOI, quiet the device, unmask",
		.legacy = true, .devices = 1, .handle = ig_sim_handle_level, .read = REGISTER_READ,
	}, {
		.name = "shared", .summary = "oneshot, a line of two forwarded devices and an emulated one",
		.devices = IG_SIM_DEVICES, .handle = ig_sim_handle_oneshot, .thread = ig_sim_thread_serves,
		.read = REGISTER_READ,
	}, {
		.name = "poller", .summary = "oneshot, its thread asks the 8259A first what is pending",
		.legacy = true, .devices = 1, .handle = ig_sim_handle_oneshot,
		.thread = ig_sim_thread_looks_at_pending, .read = REGISTER_READ,
	}, {
		.name = "disable", .summary = "plain, lazily disabled now and then",
		.devices = 1, .handle = ig_sim_handle_plain, .read = REGISTER_READ,
		.intervene = disable, .points = AT(IG_SIM_AT_RAISE), .odds = 2,
	}, {
		.name = "suspend", .summary = "oneshot, suspends during its thread; the device wakes it up",
		.devices = 1, .handle = ig_sim_handle_oneshot, .thread = ig_sim_thread_serves,
		.read = REGISTER_READ,
		.intervene = suspend, .points = AT(IG_SIM_IN_HOLD), .odds = 2,
	}, {
		.name = "reader", .summary = "oneshot, reads a report over a slow bus",
		.devices = 1, .handle = ig_sim_handle_oneshot, .thread = ig_sim_thread_serves,
		.read = SLOW_BUS_READ,
	}, {
		.name = "never-unmask", .summary = "oneshot, masked for good at its first interrupt, then polls",
		.devices = 1, .handle = ig_sim_handle_oneshot, .thread = ig_sim_thread_polls,
		.read = REGISTER_READ,
	}, {
		.name = "reload", .summary = "oneshot, its driver is unloaded and loaded again",
		.devices = 1, .handle = ig_sim_handle_oneshot, .thread = ig_sim_thread_serves,
		.read = REGISTER_READ,
		.intervene = unload, .points = AT(IG_SIM_AT_RAISE) | AT(IG_SIM_IN_HOLD), .odds = 2,
	}, {
		.name = "kexec", .summary = "oneshot, another kernel starts over it at any moment",
		.devices = 1, .handle = ig_sim_handle_oneshot, .thread = ig_sim_thread_serves,
		.read = REGISTER_READ,
		.intervene = kexec,
		.points = AT(IG_SIM_AT_RAISE) | AT(IG_SIM_IN_SERVICE) | AT(IG_SIM_IN_HOLD), .odds = 4,
	},
};

const struct ig_sim_guest *ig_sim_guest(uint32_t guest)
{
	return guest < sizeof(guests) / sizeof(guests[0]) ? &guests[guest] : NULL;
}

const char *ig_sim_guest_name(uint32_t guest)
{
	return ig_sim_guest(guest) ? guests[guest].name : NULL;
}

const char *ig_sim_guest_summary(uint32_t guest)
{
	return ig_sim_guest(guest) ? guests[guest].summary : NULL;
}
