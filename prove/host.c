/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The devices, VFIO, and KVM where it takes a trigger by itself. One thread. */
#include "prove/steps.h"

uint32_t number_of(const struct world *w, const struct device *device)
{
	return (uint32_t)(device - w->s.device);
}

/* KVM takes the trigger: the message that its table has for the GSI goes to a LAPIC, whatever the mask. */
void inject(struct world *w, struct device *device)
{
	const struct route *route = &w->s.table[w->config->line_of[number_of(w, device)]][0];

	if (!route->there) {
		say(w, "     KVM has no route for it: nothing is sent\n");
		return;
	}
	say(w, "     KVM sends vector 0x%x to vCPU %u's LAPIC by itself\n", vector_number(route->vector),
	    route->vcpu);
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
		say(w, "     the trigger's eventfd is signalled, for the VMM to read\n");
	}
	device->judge_slipped = false;
}

void trigger(struct world *w, struct device *device)
{
	device->automasked = true;
	say(w, "     the host takes the interrupt of device %u and masks it there\n", number_of(w, device));
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
