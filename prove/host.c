/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The devices, VFIO, and the adapter: what it reads, and how it carries out what the core asks for. As in src/kvm: the
 * effects of one call in their order, those of different threads in any; wishes looked up; routes built from the
 * core's state. One thread.
 */
#include <string.h>

#include "prove/steps.h"

#define HANDLE_INDEX_MASK 0xffffU

static uint32_t number_of(const struct world *w, const struct device *device)
{
	return (uint32_t)(device - w->s.device);
}

/* KVM takes the trigger: the message that its table has for the GSI goes to a LAPIC, whatever the mask. */
static void inject(struct world *w, struct device *device)
{
	const struct route *route = &w->s.table[w->config->line_of[number_of(w, device)]][0];

	if (!route->there) {
		say(w, "   KVM has no route for it: nothing is sent\n");
		return;
	}
	say(w, "   KVM sends vector 0x%x to vCPU %u's LAPIC by itself\n", vector_number(route->vector), route->vcpu);
	if (w->s.resetting)
		return; /* the LAPICs are off */
	judge_injection(w, device, route->vector);
	accept_message(w, route->vcpu, route->vector);
}

static void signal_trigger(struct world *w, struct device *device)
{
	device->signalling = false;
	if (device->judge_slipped) { /* older than a mask, but it could not be stopped any more */
		device->judge_fresh = true;
		device->judge_shut = false;
	}
	if (device->bound) {
		inject(w, device);
	} else {
		device->unread = true;
		say(w, "   the trigger's eventfd is signalled, for the VMM to read\n");
	}
	device->judge_slipped = false;
}

void trigger(struct world *w, struct device *device)
{
	device->automasked = true;
	say(w, "   the host takes the interrupt of device %u and masks it there\n", number_of(w, device));
	judge_trigger(w, device);
	if (has(w, SLIPS))
		device->signalling = true;
	else
		signal_trigger(w, device);
}

bool host_signals(struct world *w, uint32_t number)
{
	struct device *device = &w->s.device[number];

	if (!device->signalling)
		return false;
	say(w, "The host, which has masked device %u, signals its trigger\n", number);
	signal_trigger(w, device);
	return true;
}

void listen_to(struct world *w, struct device *device)
{
	if (!device->automasked)
		return;
	device->automasked = false;
	if (device->asserts)
		trigger(w, device);
}

bool device_asserts(struct world *w, uint32_t number)
{
	struct device *device = &w->s.device[number];

	if (device->asserts)
		return false;
	device->asserts = true;
	say(w, "Device %u asserts its interrupt%s\n", number, device->source && device->automasked ?
	    " (the host has it masked: nobody hears)" : "");
	if (device->source && !device->automasked)
		trigger(w, device);
	return true;
}

bool device_goes_quiet(struct world *w, uint32_t number)
{
	struct device *device = &w->s.device[number];

	if (!device->asserts)
		return false;
	device->asserts = false;
	device->judge_steady = false;
	say(w, "Device %u goes quiet\n", number);
	return true;
}

/* The adapter's table, and irqfds. */

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
	device->unread = false;
	device->bound = true;
	say(w, "   it binds device %u's trigger to the route: from now on KVM takes it\n", number_of(w, device));
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
			say(w, "   it takes device %u's trigger from KVM\n", i);
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
static uint64_t needed(const struct world *w, const struct thread *thread)
{
	struct irqgate_wish wish;

	if (thread->need > w->s.routes_done || !thread->count || thread->queue[0].kind != IRQGATE_EFFECT_SOURCE)
		return thread->need;
	if (irqgate_core_wish(core_of(w), thread->queue[0].source, &wish) || !wish.listen)
		return 0;
	return is_done(w, thread->queue[0].source, &wish) ? 0 : wish.routes_version;
}

static bool may_build(const struct world *w, const struct thread *thread)
{
	if (needed(w, thread) <= w->s.routes_done)
		return false;
	for (uint32_t i = 0; i < THREADS; i++)
		if (w->s.thread[i].building)
			return false;
	return true;
}

static const char *thread_name(uint32_t thread)
{
	static const char *const names[] = { "vCPU 0's thread", "vCPU 1's thread", "The VMM's loop", "The VMM" };

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
		say(w, "%s gives KVM the new table of routes\n", thread_name(number));
		give_routes(w);
	}
	return true;
}

bool adapter_sets_routes(struct world *w, uint32_t number)
{
	struct thread *thread = &w->s.thread[number];

	if (!thread->building)
		return false;
	say(w, "%s gives KVM the table that it has built\n", thread_name(number));
	thread->building = false;
	finish_routes(w);
	return true;
}

/* Effects. */

static bool is_early(const struct world *w, const struct thread *thread)
{
	const struct effect *effect = &thread->queue[0];

	if (thread->building)
		return true;
	if (w->defect == DEFECT_MESSAGE_BEFORE_ITS_ROUTE && effect->kind == IRQGATE_EFFECT_SEND)
		return false;
	if (w->defect == DEFECT_RESAMPLE_BEFORE_ITS_ROUTE && effect->kind == IRQGATE_EFFECT_SOURCE)
		return false;
	return needed(w, thread) > w->s.routes_done;
}

static struct effect take_first(struct thread *thread)
{
	struct effect first = thread->queue[0];

	thread->count--;
	memmove(&thread->queue[0], &thread->queue[1], thread->count * sizeof(first));
	memset(&thread->queue[thread->count], 0, sizeof(first));
	return first;
}

static void send_message(struct world *w, const struct effect *effect)
{
	say(w, "   message with vector 0x%x to vCPU %u\n", vector_number(effect->vector), effect->vcpu);
	if (w->s.lapic_off || w->s.resetting) {
		say(w, "   no LAPIC takes it\n");
		if (!irqgate_core_send_failed(core_of(w), gsi_of(w, effect->line), effect->ticket))
			return;
		w->s.line[effect->line].judge_served &= (uint8_t)~(1U << effect->vector);
		w->s.retry = w->defect != DEFECT_FAILED_MESSAGE_IS_FORGOTTEN;
		return;
	}
	if (effect->level && !w->s.line[effect->line].judge_extra && (w->s.line[effect->line].judge_served & 1U << effect->vector) &&
	    !eoi_exits(w, effect->vcpu, effect->vector))
		violate(w, ROUTED);
	accept_message(w, effect->vcpu, effect->vector);
}

/* The device that the effect is carried out on: none if its source has gone. */
static struct device *target(const struct world *w, const struct effect *effect)
{
	if (w->defect != DEFECT_EFFECT_OUTLIVES_ITS_SOURCE)
		return device_of(w, effect->source);
	for (uint32_t i = 0; i < w->config->devices; i++)
		if ((w->s.device[i].source & HANDLE_INDEX_MASK) == (effect->source & HANDLE_INDEX_MASK))
			return device_of(w, w->s.device[i].source);
	return NULL;
}

static void fulfil(struct world *w, struct device *device, bool listen)
{
	if (listen && w->s.believed_masked) {
		say(w, "   it believes that the pin is masked: device %u is not resampled\n", number_of(w, device));
	} else if (listen) {
		say(w, "   device %u is resampled\n", number_of(w, device));
		listen_to(w, device);
		device->judge_spare = false;
	} else if (w->defect != DEFECT_SILENCE_IS_NOT_CARRIED_OUT) {
		say(w, "   device %u is silenced: the host masks it\n", number_of(w, device));
		device->automasked = true;
		device->judge_slipped |= device->signalling;
		if (w->defect != DEFECT_LAPIC_ANSWER_IS_NEVER_OLD)
			w->s.question = (struct question){ 0 };
	}
}

static void carry_out_wish(struct world *w, const struct effect *effect)
{
	struct device *device = target(w, effect);
	struct irqgate_wish wish = { .listen = effect->listen, .version = UINT64_MAX };
	bool gone = irqgate_core_wish(core_of(w), effect->source, &wish);

	if (!device || (gone && w->defect != DEFECT_EFFECT_OUTLIVES_ITS_SOURCE))
		return;
	if (w->defect == DEFECT_WISHES_ARE_COMMANDS) {
		wish.listen = effect->listen;
	} else if (!gone) {
		if (wish.answered || wish.version <= device->wish_done) {
			say(w, "   it finds that done already\n");
			return;
		}
		device->wish_done = wish.version;
	}
	if (effect->judge_gone)
		violate(w, REMOVED);
	fulfil(w, device, wish.listen);
}

static void tell(struct world *w, uint32_t line)
{
	tell_watchers(w, line);
	say(w, "   those who watch the line are told\n");
}

bool adapter_carries_out(struct world *w, uint32_t number)
{
	struct thread *thread = &w->s.thread[number];
	struct effect effect;

	if (thread->kick && thread->need <= w->s.routes_done && !thread->building) {
		say(w, "%s kicks vCPU 0: INTR is high\n", thread_name(number));
		thread->kick = false;
		if (w->defect != DEFECT_INTR_DOES_NOT_KICK)
			w->s.intr_known = true;
		return true;
	}
	if (!thread->count || is_early(w, thread))
		return false;
	say(w, "%s carries out what the core asked for:\n", thread_name(number));
	effect = take_first(thread);
	if (effect.kind == IRQGATE_EFFECT_SEND)
		send_message(w, &effect);
	else if (effect.kind == IRQGATE_EFFECT_SOURCE)
		carry_out_wish(w, &effect);
	else
		tell(w, effect.line);
	return true;
}

/* Triggers. */

/* A trigger that the core neither keeps nor had already is dropped, and asked for anew: see ig_gate_triggered(). */
static void hand_in(struct world *w, struct device *device, uint32_t thread)
{
	irqgate_core_trigger(core_of(w), device->source, &w->effects);
	if (!irqgate_core_source_level(core_of(w), device->source))
		device->judge_shut = false;
	take_effects(w, thread);
}

void read_line(struct world *w, uint32_t line, uint32_t thread)
{
	for (uint32_t i = 0; i < w->config->devices; i++) {
		struct device *device = &w->s.device[i];

		if (w->config->line_of[i] != line || !device->source || !device->unread || device->bound)
			continue;
		if (w->defect == DEFECT_UNREAD_TRIGGER_OUTLIVES_THE_UNMASK)
			continue;
		say(w, "   before that, its thread reads the trigger of device %u\n", i);
		device->unread = false;
		hand_in(w, device, thread);
	}
}

bool adapter_reads(struct world *w, uint32_t number)
{
	struct device *device = &w->s.device[number];

	if (!is_idle(w, LOOP) || !device->source || !device->unread || device->bound)
		return false;
	device->unread = false;
	if (w->defect == DEFECT_TRIGGER_IS_READ_BEFORE_THE_LOCK) {
		say(w, "The VMM's loop reads the trigger of device %u\n", number);
		device->taken = true;
		return true;
	}
	say(w, "The VMM's loop reads the trigger of device %u and hands it to the core\n", number);
	hand_in(w, device, LOOP);
	return true;
}

bool adapter_hands_in(struct world *w, uint32_t number)
{
	struct device *device = &w->s.device[number];

	if (!device->taken || !device->source)
		return false;
	say(w, "The VMM's loop hands the trigger of device %u to the core\n", number);
	device->taken = false;
	hand_in(w, device, LOOP);
	return true;
}

bool adapter_retries(struct world *w, uint32_t argument)
{
	uint32_t pin = 0;

	(void)argument;
	if (!w->s.retry || !is_idle(w, LOOP) || w->s.lapic_off)
		return false;
	say(w, "The VMM's timer: it tries the messages again that no LAPIC took\n");
	w->s.retry = false;
	while (irqgate_core_retry(core_of(w), &pin, &w->effects))
		take_effects(w, LOOP);
	return true;
}

static void end_eoi(struct vcpu *vcpu)
{
	*vcpu = (struct vcpu){ .requested = vcpu->requested, .serving = vcpu->serving };
}

/* The exit of an EOI: one pin after another. */
static bool ack_next(struct world *w, uint32_t number)
{
	struct vcpu *vcpu = &w->s.vcpu[number];
	uint8_t vector = vector_number(vcpu->eoi_vector);
	bool hit;

	if (!vcpu->eoi)
		return false;
	hit = vcpu->eoi_by_register ?
		irqgate_core_ioapic_eoi(core_of(w), vcpu->eoi_chip, vector, &vcpu->eoi_pin, &w->effects) :
		irqgate_core_eoi(core_of(w), vector, &vcpu->eoi_pin, &w->effects);
	say(w, "   the EOI of vCPU %u %s\n", number, hit ? "reaches a pin" : "is for no other pin");
	if (hit) {
		judge_hit(w, vcpu, line_of_gsi(w, vcpu->eoi_pin - 1));
		judge_together(w);
		take_effects(w, number);
	}
	if (!hit || w->defect == DEFECT_EOI_STOPS_AT_THE_FIRST_PIN)
		end_eoi(vcpu);
	return true;
}

/* All pins under one hold of the lock, their effects after it. */
void adapter_acks(struct world *w, uint32_t number)
{
	do
		ack_next(w, number);
	while (w->s.vcpu[number].eoi && w->defect != DEFECT_EOI_LETS_GO_OF_THE_LOCK);
}

/* With a defect: the next pin, after the effects of the last one. */
bool adapter_acks_next(struct world *w, uint32_t number)
{
	const struct thread *thread = &w->s.thread[number];

	if (thread->count || thread->need > w->s.routes_done || thread->building)
		return false;
	return ack_next(w, number);
}
