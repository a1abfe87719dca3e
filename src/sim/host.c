/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The devices, the host and the adapter. A forwarded device interrupts the host when it asserts and is not
 * masked there; the host masks it and signals its trigger, as VFIO does; the VMM's loop reads that a little
 * later, and hands it to the core: the userspace path, from which the direct one must not differ. One thread;
 * see machine.h.
 */
#include <errno.h>
#include <stdlib.h>

#include "sim/machine.h"

enum { CHIP_PINS = 24, LEGACY_GSI = 10, GSI = 16 };

/* Nanoseconds, as on an idle machine. */
static const struct ig_sim_range host_latency = { 1000, 3000 };
static const struct ig_sim_range loop_latency = { 4000, 12000 };
/* From the moment in which a device is quieted to its next event. */
static const struct ig_sim_range gap = { 1, 5000000 };
static const struct ig_sim_range no_gap = { 0, 0 };

enum { NO_GAP_ODDS = 16, RESETS_ODDS = 2 };

/* The seeds of the devices differ by this. */
#define STREAM UINT64_C(0xd1342543de82ef95)

bool ig_sim_anything_asserts(const struct ig_sim *sim)
{
	for (uint32_t i = 0; i < sim->guest->devices; i++)
		if (sim->device[i].asserts)
			return true;
	return false;
}

static void read_trigger(struct ig_sim *sim, struct ig_sim_device *device)
{
	struct irqgate_effects effects;

	if (!device->unread)
		return;
	device->unread = false;
	irqgate_core_trigger(sim->core, device->source, &effects);
	ig_sim_carry_out(sim, &effects);
}

void ig_sim_read_triggers(struct ig_sim *sim)
{
	for (uint32_t i = 0; i < sim->guest->devices; i++)
		read_trigger(sim, &sim->device[i]);
}

static void loop_wakes(struct ig_sim *sim, uint32_t device)
{
	(void)device;
	ig_sim_read_triggers(sim);
}

/* VFIO looks at the device's status first: what is quiet again by then was not its interrupt. */
static void host_takes(struct ig_sim *sim, uint32_t i)
{
	struct ig_sim_device *device = &sim->device[i];

	if (!device->asserts)
		return;
	device->automasked = true;
	device->unread = true;
	sim->figures.host_interrupts++;
	if (!ig_sim_is_set(sim, IG_SIM_LOOP))
		ig_sim_after(sim, IG_SIM_LOOP, loop_latency, loop_wakes);
}

static void interrupt_host(struct ig_sim *sim, uint32_t i)
{
	const struct ig_sim_device *device = &sim->device[i];

	if (device->asserts && !device->automasked && !ig_sim_is_set(sim, IG_SIM_HOST + i))
		ig_sim_after(sim, IG_SIM_HOST + i, host_latency, host_takes);
}

/* A forwarded device's line goes to the host, a wire straight to the core. */
static void drive(struct ig_sim *sim, uint32_t i, bool level)
{
	struct ig_sim_device *device = &sim->device[i];
	struct irqgate_effects effects;

	device->asserts = level;
	if (!device->wire) {
		interrupt_host(sim, i);
		return;
	}
	irqgate_core_set_level(sim->core, device->source, level, &effects);
	ig_sim_carry_out(sim, &effects);
}

/* Chance is drawn whether it is needed or not, so that events are the same whatever the guest has come to. */
static void raise_device(struct ig_sim *sim, uint32_t i)
{
	const struct ig_sim_guest *guest = sim->guest;
	struct ig_sim_range points = { IG_SIM_AT_RAISE, IG_SIM_IN_HOLD };
	uint64_t *random = &sim->device[i].random;
	enum ig_sim_point point = (enum ig_sim_point)ig_sim_draw(random, points);
	bool wanted = ig_sim_chance(random, guest->odds);

	sim->resets = ig_sim_chance(random, RESETS_ODDS);
	sim->point = wanted && (guest->points >> point & 1) ? point : IG_SIM_NOWHERE;
	if (sim->figures.events == sim->events)
		return;
	sim->figures.events++;
	ig_sim_comes_to(sim, IG_SIM_AT_RAISE);
	drive(sim, i, true);
}

static void plan(struct ig_sim *sim, uint32_t i)
{
	uint64_t *random = &sim->device[i].random;
	bool at_once = ig_sim_chance(random, NO_GAP_ODDS);
	uint32_t wait = ig_sim_draw(random, at_once ? no_gap : gap);

	ig_sim_after(sim, IG_SIM_RAISE + i, (struct ig_sim_range){ wait, wait }, raise_device);
}

bool ig_sim_quiet(struct ig_sim *sim, uint32_t i)
{
	if (!sim->device[i].asserts)
		return false;
	drive(sim, i, false);
	plan(sim, i);
	return true;
}

static void end_hold(struct ig_sim *sim, struct ig_sim_device *device)
{
	if (device->hold_since != IG_SIM_NEVER)
		ig_histogram_add(&sim->holds, sim->now - device->hold_since);
	device->hold_since = IG_SIM_NEVER;
}

void ig_sim_end_holds(struct ig_sim *sim)
{
	for (uint32_t i = 0; i < sim->guest->devices; i++)
		end_hold(sim, &sim->device[i]);
}

/* Whether the call that has just been made closed the gate for a device. */
static void look_for_hold(struct ig_sim *sim, struct ig_sim_device *device)
{
	struct irqgate_source_stats stats;

	if (device->wire || irqgate_core_source_stats(sim->core, device->source, &stats))
		return;
	if (stats.holds != device->holds && device->hold_since == IG_SIM_NEVER)
		device->hold_since = sim->now;
	device->holds = stats.holds;
}

static uint32_t find_device(const struct ig_sim *sim, irqgate_source source)
{
	uint32_t i = 0;

	while (sim->device[i].source != source)
		i++;
	return i;
}

/* On the userspace path nothing but listening is ever wanted. */
static void carry_out_wish(struct ig_sim *sim, irqgate_source source)
{
	uint32_t i = find_device(sim, source);
	struct ig_sim_device *device = &sim->device[i];
	struct irqgate_wish wish;

	if (irqgate_core_wish(sim->core, source, &wish) || wish.answered || wish.version <= device->wish_done)
		return;
	device->wish_done = wish.version;
	end_hold(sim, device);
	device->automasked = false;
	interrupt_host(sim, i);
}

void ig_sim_carry_out(struct ig_sim *sim, const struct irqgate_effects *effects)
{
	for (uint32_t i = 0; i < sim->guest->devices; i++)
		look_for_hold(sim, &sim->device[i]);
	for (uint32_t i = 0; i < effects->count; i++) {
		const struct irqgate_effect *effect = &effects->effect[i];

		if (effect->kind == IRQGATE_EFFECT_SOURCE)
			carry_out_wish(sim, effect->source);
		else
			ig_sim_accept(sim, &effect->message);
	}
	ig_sim_take(sim);
}

static void add_device(struct ig_sim *sim, uint32_t i, uint64_t seed)
{
	struct ig_sim_device *device = &sim->device[i];
	struct irqgate_effects effects;

	device->wire = i == IG_SIM_WIRE;
	device->hold_since = IG_SIM_NEVER;
	device->random = seed + STREAM * (i + 1);
	irqgate_core_add(sim->core, sim->gsi, device->wire ? IRQGATE_SOURCE_WIRE : IRQGATE_SOURCE_FORWARDED, false,
			 device->wire ? "wire" : "device", &device->source, &effects);
	ig_sim_carry_out(sim, &effects);
	plan(sim, i);
}

int ig_sim_host_open(struct ig_sim *sim, enum irqgate_policy policy, uint64_t seed)
{
	struct irqgate_core_config config = {
		.size = sizeof(config), .policy = policy, .sources = IG_SIM_DEVICES, .chips = 1,
		.chip = { { .pins = CHIP_PINS } }, .pic = true,
	};
	size_t bytes = irqgate_core_size(&config);
	void *memory = malloc(bytes);

	if (!memory)
		return -ENOMEM;
	irqgate_core_init(memory, bytes, &config, &sim->core);
	sim->gsi = sim->guest->legacy ? LEGACY_GSI : GSI;
	for (uint32_t i = 0; i < sim->guest->devices; i++)
		add_device(sim, i, seed);
	return 0;
}

void ig_sim_host_close(struct ig_sim *sim)
{
	free(sim->core);
}
