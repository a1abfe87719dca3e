/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The adapter's table of routes, and which triggers KVM takes: as in src/kvm/world.c, both built from the
 * core's state. One thread.
 */
#include <string.h>

#include "prove/steps.h"

static struct route as_route(const struct irqgate_message *message)
{
	return (struct route){
		.there = true, .level = message_is_level(message),
		.vector = (uint8_t)vector_index(message_vector(message)), .vcpu = message_vcpu(message),
	};
}

static void take_routes(struct world *w, struct route table[LINES][2])
{
	uint32_t gsis = irqgate_core_gsis(core_of(w));
	uint32_t count = irqgate_core_routes(core_of(w), w->routes, &w->s.routes_next);

	memset(table, 0, sizeof(w->s.table));
	for (uint32_t i = 0; i < count; i++) {
		uint32_t line = line_of_gsi(w, w->routes[i].gsi % gsis);

		if (w->routes[i].gsi < 2 * gsis && line < LINES)
			table[line][w->routes[i].gsi / gsis] = as_route(&w->routes[i].message);
	}
}

/* See bind_trigger() in src/kvm: an eventfd that is signalled already would inject at once. */
static void bind_trigger(struct world *w, struct device *device)
{
	bool old = device->unread && w->defect == DEFECT_BINDING_INJECTS_AN_OLD_TRIGGER;

	if (device->unread)
		device->judge_shut = false;
	device->judge_slipped |= device->signalling;
	if (w->defect != DEFECT_BINDING_INJECTS_AN_OLD_TRIGGER)
		device->automasked = true;
	device->unread = device->armed = false;
	device->bound = true;
	say(w, "     it binds device %u's trigger to the route: from now on KVM takes it\n",
	    number_of(w, device));
	if (old)
		inject(w, device);
}

static void update_irqfds(struct world *w)
{
	for (uint32_t i = 0; i < w->config->devices; i++) {
		struct device *device = &w->s.device[i];
		bool wanted = irqgate_core_bound(core_of(w), device->source);

		if (wanted && !device->bound)
			bind_trigger(w, device);
		if (!wanted && device->bound && w->defect != DEFECT_IRQFD_STAYS_BOUND) {
			device->bound = false;
			say(w, "     it takes device %u's trigger from KVM\n", i);
		}
	}
}

static void finish_routes(struct world *w)
{
	memcpy(w->s.table, w->s.table_next, sizeof(w->s.table));
	memset(w->s.table_next, 0, sizeof(w->s.table_next));
	w->s.routes_done = w->s.routes_next;
	update_irqfds(w);
}

void give_routes(struct world *w)
{
	take_routes(w, w->s.table_next);
	finish_routes(w);
}

static bool is_done(const struct world *w, irqgate_source source, const struct irqgate_wish *wish)
{
	const struct device *device = device_of(w, source);

	return !device || wish->answered || wish->version <= device->wish_done;
}

/* The version of the table that the thread's next effect needs. */
uint64_t needed_routes(const struct world *w, const struct thread *thread)
{
	struct irqgate_wish wish;

	if (thread->need > w->s.routes_done || !thread->count ||
	    thread->queue[0].kind != IRQGATE_EFFECT_SOURCE)
		return thread->need;
	if (irqgate_core_wish(core_of(w), thread->queue[0].source, &wish) || !wish.listen)
		return 0;
	return is_done(w, thread->queue[0].source, &wish) ? 0 : wish.routes_version;
}

/* Binding a trigger takes its source's lock. */
static bool waits_for_source(const struct world *w)
{
	for (uint32_t i = 0; i < w->config->devices; i++) {
		const struct device *device = &w->s.device[i];

		if (!device->bound && irqgate_core_bound(core_of(w), device->source) && is_locked(w, device))
			return true;
	}
	return false;
}

static bool may_build(const struct world *w, const struct thread *thread)
{
	if (needed_routes(w, thread) <= w->s.routes_done || waits_for_source(w))
		return false;
	for (uint32_t i = 0; i < THREADS; i++)
		if (w->s.thread[i].building)
			return false;
	return true;
}

const char *thread_name(uint32_t thread)
{
	static const char *const names[] = { "vCPU 0's thread", "vCPU 1's thread", "The VMM's loop",
					     "The VMM" };

	return names[thread];
}

bool adapter_builds(struct world *w, uint32_t number)
{
	struct thread *thread = &w->s.thread[number];

	if (!may_build(w, thread))
		return false;
	if (has(w, LATE_ROUTES)) {
		say(w, "%s builds KVM's table of routes from the core's state\n", thread_name(number));
		take_routes(w, w->s.table_next);
		thread->building = true;
	} else {
		say(w,
		    "%s gives KVM the new routes, and with them the vectors whose EOIs are to be exits\n",
		    thread_name(number));
		give_routes(w);
	}
	return true;
}

bool adapter_sets_routes(struct world *w, uint32_t number)
{
	struct thread *thread = &w->s.thread[number];

	if (!thread->building || waits_for_source(w))
		return false;
	say(w, "%s gives KVM the table that it has built\n", thread_name(number));
	thread->building = false;
	finish_routes(w);
	return true;
}
