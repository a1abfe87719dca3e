/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* How things stand, for whoever reads a counterexample: told where it has changed. One thread. */
#include <stdio.h>
#include <string.h>

#include "prove/steps.h"

/* Tells it if it is not what was told last under that number. */
static void tell(const struct world *w, uint32_t number, const char *text)
{
	char *last = w->told->text[number];

	if (!strcmp(last, text))
		return;
	snprintf(last, TOLD_MAX, "%s", text);
	fprintf(w->story, "       now: %s\n", text);
}

static const char *irr_name(const struct ig_pin *pin)
{
	switch (pin->irr) {
	case IG_IRR_CLEAR: return "clear";
	case IG_IRR_SET: return "set";
	default: return "not known (KVM may have sent by itself)";
	}
}

static void tell_line(const struct world *w, uint32_t line, uint32_t number)
{
	const struct ig_pin *pin = ig_core_pin(core_of(w), gsi_of(w, line));
	const struct ig_pic *pic = ig_core_pic(core_of(w));
	bool pair = has(w, PAIR);
	uint32_t gsi = gsi_of(w, line);
	char text[TOLD_MAX];

	snprintf(text, sizeof(text), "%s %s%s, remote IRR %s, its line %s%s%s%s", line_name(line),
		 ig_rte_is_masked(pin->rte) ? "masked" : "unmasked",
		 ig_rte_is_level(pin->rte) ? "" : ", edge-triggered", irr_name(pin),
		 irqgate_core_line_level(core_of(w), gsi) ? "high" : "low", pair ? "; 8259A: " : "",
		 !pair			      ? ""
		 : ig_pic_is_masked(pic, gsi) ? "masked"
					      : "unmasked",
		 pair && ig_pic_in_service(pic, gsi) ? ", in service" : "");
	tell(w, number, text);
}

static void tell_device(const struct world *w, uint32_t i, uint32_t number)
{
	const struct device *device = &w->s.device[i];
	char text[TOLD_MAX];

	snprintf(text, sizeof(text), "device %u %s%s%s%s", i, device->asserts ? "asserts" : "is quiet",
		 !device->source      ? ", removed"
		 : device->automasked ? ", masked at the host"
				      : ", listened to by the host",
		 device->source && !device->enabled ? ", disabled" : "",
		 device->unread ? ", its trigger unread" : "");
	tell(w, number, text);
}

static const char *held_name(const struct vcpu *vcpu, uint32_t vector)
{
	bool requested = vcpu->requested >> vector & 1, serving = vcpu->serving >> vector & 1;

	if (requested && serving)
		return "in service (ISR), and requested again (IRR)";
	return serving ? "in service (ISR)" : requested ? "requested (IRR)" : "not there";
}

static void tell_lapic(const struct world *w, uint32_t i, uint32_t number)
{
	const struct vcpu *vcpu = &w->s.vcpu[i];
	char text[TOLD_MAX];

	if (!(vcpu->requested | vcpu->serving))
		snprintf(text, sizeof(text), "vCPU %u's LAPIC has nothing", i);
	else if ((vcpu->requested | vcpu->serving) == (1U << VECTORS) - 1)
		snprintf(text, sizeof(text), "vCPU %u's LAPIC has 0x%x %s, 0x%x %s", i, vector_number(0),
			 held_name(vcpu, 0), vector_number(1), held_name(vcpu, 1));
	else
		snprintf(text, sizeof(text), "vCPU %u's LAPIC has 0x%x %s", i,
			 vector_number(vcpu->requested >> 1 | vcpu->serving >> 1),
			 held_name(vcpu, vcpu->requested >> 1 | vcpu->serving >> 1));
	tell(w, number, text);
}

void tell_state(const struct world *w)
{
	uint32_t number = 0;

	if (!w->story || !w->told)
		return;
	for (uint32_t i = 0; i < w->config->lines; i++)
		tell_line(w, i, number++);
	for (uint32_t i = 0; i < w->config->devices; i++)
		tell_device(w, i, number++);
	if (has(w, WIRE))
		tell(w, number, !w->s.wire ? "the emulated device is not there" :
		     w->s.wire_level ? "the emulated device asserts" : "the emulated device is quiet");
	number++;
	for (uint32_t i = 0; i < w->config->vcpus; i++)
		tell_lapic(w, i, number++);
	if (has(w, PAIR))
		tell(w, number,
		     irqgate_core_pic_intr(core_of(w)) ? "the 8259A's INTR is high"
						       : "the 8259A's INTR is low");
}
