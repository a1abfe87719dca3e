/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What the adapter hands to the core: triggers that it reads, what it tries again, and the exits of EOIs; as
 * in src/kvm/source.c and src/kvm/exits.c. One thread.
 */
#include "prove/steps.h"

/*
 * A trigger that the core neither keeps nor had already is dropped, and asked for anew: see
 * ig_gate_triggered().
 */
static void hand_in(struct world *w, struct device *device, uint32_t thread)
{
	device->armed = false;
	judge_heard(w, device);
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
		say(w, "     before that, its thread reads the trigger of device %u\n", i);
		device->unread = false;
		hand_in(w, device, thread);
	}
}

bool adapter_reads(struct world *w, uint32_t number)
{
	struct device *device = &w->s.device[number];

	if (!is_idle(w, LOOP) || !device->source || !device->unread || device->bound || is_locked(w, device))
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
	bool first = !vcpu->eoi_pin, hit;

	if (!vcpu->eoi)
		return false;
	hit = vcpu->eoi_by_register ?
		irqgate_core_ioapic_eoi(core_of(w), vcpu->eoi_chip, vector, &vcpu->eoi_pin, &w->effects) :
		irqgate_core_eoi(core_of(w), vector, &vcpu->eoi_pin, &w->effects);
	if (!hit && first)
		say(w, "     the core has no pin that it is for\n");
	if (hit) {
		say(w, "     the core finds that it ends the interrupt of %s\n",
		    line_name(line_of_gsi(w, vcpu->eoi_pin - 1)));
		judge_hit(w, vcpu, line_of_gsi(w, vcpu->eoi_pin - 1));
		judge_together(w);
		take_effects(w, number);
	}
	if (!hit || w->defect == DEFECT_EOI_STOPS_AT_THE_FIRST_PIN)
		end_eoi(vcpu);
	return true;
}

/* What nobody has read yet of the lines that the EOI is for: see read_served() in src/kvm. */
static void read_served(struct world *w, uint32_t number)
{
	int gsi = -1;

	while ((gsi = irqgate_core_serves(core_of(w), vector_number(w->s.vcpu[number].eoi_vector),
					  (uint32_t)(gsi + 1))) >= 0)
		read_line(w, line_of_gsi(w, (uint32_t)gsi), number);
}

/* All pins under one hold of the lock, their effects after it. */
void adapter_acks(struct world *w, uint32_t number)
{
	if (w->defect != DEFECT_UNREAD_TRIGGER_OUTLIVES_THE_EOI)
		read_served(w, number);
	do
		ack_next(w, number);
	while (w->s.vcpu[number].eoi && w->defect != DEFECT_EOI_LETS_GO_OF_THE_LOCK);
	enter_guest(w, number);
}

/* With a defect: the next pin, after the effects of the last one. */
bool adapter_acks_next(struct world *w, uint32_t number)
{
	const struct thread *thread = &w->s.thread[number];

	if (thread->count || thread->need > w->s.routes_done || thread->building)
		return false;
	return ack_next(w, number);
}
