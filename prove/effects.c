/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * How the adapter carries out what the core asks for, as in src/kvm/effects.c: the effects of one call in
 * their order, those of different threads in any; wishes are looked up. One thread.
 */
#include <string.h>

#include "prove/steps.h"

#define HANDLE_INDEX_MASK 0xffffU

static bool is_early(const struct world *w, const struct thread *thread)
{
	const struct effect *effect = &thread->queue[0];

	if (thread->building || thread->looked)
		return thread->building;
	if (w->defect == DEFECT_MESSAGE_BEFORE_ITS_ROUTE && effect->kind == IRQGATE_EFFECT_SEND)
		return false;
	if (w->defect == DEFECT_RESAMPLE_BEFORE_ITS_ROUTE && effect->kind == IRQGATE_EFFECT_SOURCE)
		return false;
	return needed_routes(w, thread) > w->s.routes_done;
}

bool is_being_sent(const struct world *w, uint32_t line)
{
	for (uint32_t i = 0; i < THREADS; i++)
		for (uint32_t j = 0; j < w->s.thread[i].count; j++)
			if (w->s.thread[i].queue[j].kind == IRQGATE_EFFECT_SEND &&
			    w->s.thread[i].queue[j].line == line)
				return true;
	return false;
}

bool is_asked_for(const struct world *w, irqgate_source source)
{
	for (uint32_t i = 0; i < THREADS; i++)
		for (uint32_t j = 0; j < w->s.thread[i].count; j++)
			if (w->s.thread[i].queue[j].source == source)
				return true;
	return false;
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
	say(w, "     message with vector 0x%x to vCPU %u\n", vector_number(effect->vector), effect->vcpu);
	if (w->s.lapic_off || w->s.resetting) {
		say(w, "     no LAPIC takes it\n");
		if (!irqgate_core_send_failed(core_of(w), gsi_of(w, effect->line), effect->ticket))
			return;
		w->s.line[effect->line].judge_served &= (uint8_t)~(1U << effect->vector);
		w->s.retry = w->defect != DEFECT_FAILED_MESSAGE_IS_FORGOTTEN;
		return;
	}
	if (effect->level && !w->s.line[effect->line].judge_extra &&
	    (w->s.line[effect->line].judge_served & 1U << effect->vector) &&
	    !eoi_exits(w, effect->vcpu, effect->vector))
		violate(w, ROUTED, "the EOI of that message will not be heard: KVM has no route for it");
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
		say(w, "     it believes that the pin is masked: device %u is not resampled\n",
		    number_of(w, device));
	} else if (listen) {
		say(w, "     device %u is resampled\n", number_of(w, device));
		listen_to(w, device);
		judge_resampled(w, device);
	} else if (w->defect != DEFECT_SILENCE_IS_NOT_CARRIED_OUT) {
		say(w, "     device %u is silenced: the host masks it\n", number_of(w, device));
		device->automasked = true;
		device->judge_slipped |= device->signalling;
		if (w->defect != DEFECT_LAPIC_ANSWER_IS_NEVER_OLD)
			w->s.question = (struct question){ 0 };
	}
}

/*
 * An armed source is not resampled; and of any other on the userspace path the old trigger is read away before.
 * See look_up() in src/kvm.
 */
static bool finds_armed(struct world *w, struct device *device, bool listen)
{
	if (device->armed && listen && w->defect != DEFECT_ARMED_SOURCE_IS_RESAMPLED) {
		say(w, "     device %u is listened to already\n", number_of(w, device));
		return true;
	}
	device->armed = listen && !irqgate_core_bound(core_of(w), device->source);
	if (device->armed && device->unread && w->defect != DEFECT_OLD_TRIGGER_OUTLIVES_THE_RESAMPLE) {
		say(w, "     what device %u has signalled, and nobody has read, is read away\n", number_of(w, device));
		device->unread = device->judge_shut = false;
	}
	return false;
}

/* Looks up what is wanted. False: nothing is left to be done. */
static bool look_up(struct world *w, const struct effect *effect, bool *listen)
{
	struct device *device = target(w, effect);
	struct irqgate_wish wish = { .listen = effect->listen, .version = UINT64_MAX };
	bool gone = irqgate_core_wish(core_of(w), effect->source, &wish);

	if (!device || (gone && w->defect != DEFECT_EFFECT_OUTLIVES_ITS_SOURCE))
		return false;
	if (w->defect == DEFECT_WISHES_ARE_COMMANDS) {
		wish.listen = effect->listen;
	} else if (!gone) {
		if (wish.answered || wish.version <= device->wish_done) {
			say(w, "     that has been done already, or is not wanted any more\n");
			return false;
		}
		device->wish_done = wish.version;
	}
	*listen = wish.listen;
	return !finds_armed(w, device, wish.listen);
}

static void carry_out_wish(struct world *w, const struct effect *effect)
{
	bool listen;

	if (!look_up(w, effect, &listen))
		return;
	if (effect->judge_gone)
		violate(w, REMOVED, "the source that this was asked for has been removed since");
	fulfil(w, target(w, effect), listen);
}

bool is_locked(const struct world *w, const struct device *device)
{
	for (uint32_t i = 0; i < THREADS; i++)
		if (w->s.thread[i].looked && w->s.thread[i].queue[0].source == device->source)
			return true;
	return false;
}

/* In two steps: as in src/kvm, the core's lock is not held in between, but the source's. */
static bool carry_out_slowly(struct world *w, struct thread *thread, uint32_t number)
{
	struct device *device = target(w, &thread->queue[0]);

	if (thread->looked) {
		say(w, "%s does what it found to be wanted:\n", thread_name(number));
		thread->looked = false;
		take_first(thread);
		fulfil(w, device, thread->listen);
		thread->listen = false;
		return true;
	}
	if (device && is_locked(w, device))
		return false;
	say(w, "%s looks up what is wanted of a source\n", thread_name(number));
	thread->looked = look_up(w, &thread->queue[0], &thread->listen);
	if (thread->looked)
		return true;
	take_first(thread);
	if (device)
		judge_resampled(w, device);
	return true;
}

static void tell(struct world *w, uint32_t line)
{
	tell_watchers(w, line);
	say(w, "     those who watch the line are told\n");
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
	if (has(w, SLOW_WISHES) && thread->queue[0].kind == IRQGATE_EFFECT_SOURCE)
		return carry_out_slowly(w, thread, number);
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
