/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What must be so of every state, and of one at rest; see property.h, and docs/proof.md in words. One thread. */
#include "prove/steps.h"

/* The entry is what the guest wrote; its remote IRR is set from the message to the EOI. */
static void judge_pin(struct world *w, uint32_t line)
{
	const struct ig_pin *pin = ig_core_pin(core_of(w), gsi_of(w, line));
	bool ending = false;

	for (uint32_t i = 0; i < VCPUS; i++)
		ending |= w->s.vcpu[i].eoi;
	if (pin->rte != w->s.line[line].rte)
		violate(w, REGISTERS, "the entry of %s is not what the guest wrote to it", line_name(line));
	if (!has(w, DIRECT) && !ending && (pin->irr == IG_IRR_SET) != (w->s.line[line].judge_served != 0))
		violate(w, EOI, "remote IRR of %s is %s, but its message has %s", line_name(line),
			pin->irr == IG_IRR_SET ? "set" : "clear",
			w->s.line[line].judge_served ? "had no EOI" : "had its EOI");
	if (!line && w->s.wire && w->s.wire_level && !irqgate_core_line_level(core_of(w), gsi_of(w, 0)))
		violate(w, SHARED, "the emulated device asserts, and the line is low");
}

static bool reads_pending(const struct world *w, uint32_t line)
{
	const struct ig_pic *pic = ig_core_pic(core_of(w));

	return irqgate_core_line_level(core_of(w), gsi_of(w, line)) &&
	       (!has(w, PAIR) || ig_pic_pending(pic, gsi_of(w, line)) ||
		!ig_pic_is_level(pic, gsi_of(w, line)));
}

static void judge_pending(struct world *w)
{
	for (uint32_t i = 0; i < w->config->devices; i++) {
		const struct device *device = &w->s.device[i];
		uint32_t line = w->config->line_of[i];

		if (!device->source || !device->enabled || !device->judge_shut || !device->judge_steady)
			continue;
		if (has(w, DIRECT) && (has(w, RESETS) || is_asked_for(w, device->source)))
			continue; /* KVM took it, and nobody could say so: a resample comes */
		if (device->unread || device->signalling || device->taken ||
		    ig_core_pin(core_of(w), gsi_of(w, line))->irr == IG_IRR_UNKNOWN)
			continue;
		if (!reads_pending(w, line))
			violate(w, PENDING, "device %u asserts, and %s does not read as pending", i,
				line_name(line));
	}
}

/*
 * Nothing is left to be done but by the guest, a device, or whoever manages the machine; and the guest does
 * nothing.
 */
static bool is_at_rest(const struct world *w)
{
	const struct ig_pic *pic = ig_core_pic(core_of(w));

	if (!all_are_idle(w) || w->s.retry || pic->master.isr || pic->slave.isr)
		return false;
	for (uint32_t i = 0; i < VCPUS; i++)
		if (w->s.vcpu[i].requested || w->s.vcpu[i].serving)
			return false;
	for (uint32_t i = 0; i < w->config->lines && has(w, DIRECTED); i++)
		if (w->s.line[i].judge_served) /* the EOI at the LAPIC is but half of it */
			return false;
	for (uint32_t i = 0; i < w->config->devices; i++) {
		const struct device *device = &w->s.device[i];

		if (device->signalling || device->taken ||
		    (device->unread && !device->bound && device->source))
			return false;
	}
	return !irqgate_core_pic_intr(core_of(w)) || !w->s.intr_known;
}

static bool is_listened_to(const struct world *w, uint32_t line)
{
	const struct ig_pic *pic = ig_core_pic(core_of(w));

	return ig_rte_is_live(w->s.line[line].rte) ||
	       (has(w, PAIR) && !ig_pic_is_masked(pic, gsi_of(w, line)));
}

static void judge_told(struct world *w, uint32_t line)
{
	const struct line *told = &w->s.line[line];
	struct irqgate_line_state now;

	irqgate_core_line_state(core_of(w), gsi_of(w, line), &now);
	if (now.masked != told->told_masked || now.acks != told->told_acks ||
	    now.version != told->told_version || told->judge_acked)
		violate(w, TOLD, "those who watch %s have not been told of that, and nobody will tell them",
			line_name(line));
}

static void judge_line_at_rest(struct world *w, uint32_t line)
{
	if (has(w, WATCHED))
		judge_told(w, line);
	if (!is_listened_to(w, line))
		return;
	if (irqgate_core_line_level(core_of(w), gsi_of(w, line)))
		violate(w, LOST,
			"%s is unmasked and asserted; but nothing is in service, and nobody will send",
			line_name(line));
	for (uint32_t i = 0; i < w->config->devices; i++) {
		const struct device *device = &w->s.device[i];

		if (is_on(w, i, line) && device->enabled && device->asserts && device->automasked)
			violate(w, LOST,
				"device %u asserts, but the host has it masked, and nobody will resample it",
				i);
	}
}

/* No LAPIC holds one of the line's messages any more, and none is on its way. */
static void end_extra(struct world *w, uint32_t line)
{
	for (uint32_t i = 0; i < w->config->devices; i++)
		if (is_on(w, i, line) &&
		    (w->s.device[i].signalling || is_asked_for(w, w->s.device[i].source)))
			return;
	if (!is_held(w, UINT8_MAX) && !is_being_sent(w, line))
		w->s.line[line].judge_extra = false;
}

void judge_state(struct world *w)
{
	bool at_rest = is_at_rest(w);

	for (uint32_t line = 0; line < w->config->lines; line++) {
		judge_pin(w, line);
		end_extra(w, line);
		if (!w->s.line[line].judge_served)
			w->s.line[line].judge_sent_to = 0;
		if (at_rest && !w->s.lapic_off)
			judge_line_at_rest(w, line);
	}
	judge_pending(w);
}
