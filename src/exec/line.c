/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device's INTx: whether it is gated or left as it is, and what the core wishes of it. Caller holds the
 * lock.
 *
 * The trigger stays the VMM's own, from VFIO right into KVM, as long as the core's line is on the direct
 * path, and on an in-kernel chip; else it comes to an eventfd of ours between, and the VMM's is written when
 * it is due.
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "exec/exec.h"
#include "line/core.h"

#define NS_PER_US 1000

static const char *chip_name(const struct ig_vm *vm)
{
	return vm->chip == IG_CHIP_SPLIT ? "split" : "kernel";
}

static bool is_enabled(const struct ig_device *device)
{
	return !device->masked && !device->disabled;
}

static struct ig_vm *vm_of(const struct ig_device *device, const struct ig_irqfd **irqfd)
{
	ig_for_each_vm(vm) {
		*irqfd = ig_vm_find_irqfd(vm, &device->trigger);
		if (*irqfd)
			return vm;
	}
	return NULL;
}

/* Of two that read one eventfd, VFIO and us, only one is told. */
static bool shares_resample(const struct ig_device *device)
{
	ig_for_each_device(other)
		if (other != device && ig_eventfd_same(&other->resample, &device->resample))
			return true;
	return false;
}

static const char *why_vm_leaves(const struct ig_device *device, const struct ig_vm *vm, const struct ig_irqfd *irqfd)
{
	if (vm->not_understood || vm->chip == IG_CHIP_NONE)
		return "its VM's interrupt controller is not understood";
	if (vm->chip == IG_CHIP_KERNEL && !ig_eventfd_same(&irqfd->resample, &device->resample))
		return "KVM and VFIO have different resample eventfds";
	if (vm->chip == IG_CHIP_KERNEL && shares_resample(device))
		return "it shares its resample eventfd with another device";
	if (vm->chip == IG_CHIP_KERNEL && vm->route[irqfd->gsi].ioapic < 0 && vm->route[irqfd->gsi].pic < 0)
		return "its GSI leads to no pin";
	if (vm->chip == IG_CHIP_SPLIT && ig_exec.config.policy == IRQGATE_POLICY_EOI)
		return "the policy is eoi";
	if (vm->chip == IG_CHIP_SPLIT && !vm->known[irqfd->gsi])
		return "the guest has not written its IOAPIC entry yet";
	return NULL;
}

static const char *why_left(const struct ig_device *device, struct ig_vm **vm, const struct ig_irqfd **irqfd)
{
	if (device->trigger.fd == IG_NO_FD)
		return "INTx is not in use";
	if (device->not_understood)
		return "its set-up is not understood";
	if (device->migrating)
		return "it is being migrated";
	*vm = vm_of(device, irqfd);
	if (!*vm)
		return "no KVM_IRQFD forwards it";
	if (device->resample.fd == IG_NO_FD)
		return "it has no resample eventfd";
	return why_vm_leaves(device, *vm, *irqfd);
}

const char *ig_line_why_left(const struct ig_device *device)
{
	const struct ig_irqfd *irqfd;
	struct ig_vm *vm;

	return why_left(device, &vm, &irqfd);
}

static struct ig_device *device_of(const struct ig_vm *vm, irqgate_source source)
{
	ig_for_each_device(device)
		if (device->vm == vm && device->source == source)
			return device;
	return NULL;
}

/* The message goes by the route that the VMM has made: any irqfd of the GSI leads there. */
static void send(const struct ig_vm *vm, uint32_t gsi)
{
	const uint64_t one = 1;

	if (vm->chip == IG_CHIP_KERNEL) /* which has sent it already */
		return;
	ig_for_each_device(device) {
		if (device->vm != vm || device->gsi != gsi)
			continue;
		if (write(device->trigger.fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
			ig_exec_say("%s: cannot write its trigger: %s", device->name, strerror(errno));
		return;
	}
}

static void end_hold(struct ig_device *device)
{
	if (!device->held_since)
		return;
	device->record->releases++;
	ig_histogram_add(&device->record->hold_us, (uint64_t)(ig_now() - device->held_since) / NS_PER_US);
	device->held_since = 0;
}

static void carry_out_wish(struct ig_device *device)
{
	struct irqgate_wish wish;

	if (irqgate_core_wish(device->vm->core, device->source, &wish))
		return;
	if (!wish.listen) {
		device->record->silences++;
		ig_vfio_mask(device);
		return;
	}
	end_hold(device);
	device->record->resamples++;
	ig_vfio_unmask(device);
}

static void note_hold(struct ig_device *device)
{
	struct irqgate_source_stats stats;

	if (irqgate_core_source_stats(device->vm->core, device->source, &stats) || stats.holds == device->seen_holds)
		return;
	device->record->holds += stats.holds - device->seen_holds;
	device->seen_holds = stats.holds;
	if (irqgate_core_source_level(device->vm->core, device->source) == 1)
		device->held_since = ig_now();
}

int ig_line_own_trigger(struct ig_device *device)
{
	if (device->own_trigger == IG_NO_FD)
		device->own_trigger = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return device->own_trigger;
}

static void complain(struct ig_device *device, const char *what, int error)
{
	ig_exec_say("%s: %s (%s): left as it is", device->name, what, strerror(error));
	device->not_understood = true;
	ig_line_leave(device);
}

/* The line has left the direct path. */
static void put_between(struct ig_device *device)
{
	int trigger = ig_line_own_trigger(device), error;

	if (trigger == IG_NO_FD || !ig_helper_watch(trigger, device, IG_WATCH_TRIGGER)) {
		complain(device, "its trigger cannot be read", errno);
		return;
	}
	ig_eventfd_drain(trigger); /* of an earlier time between */
	error = ig_vfio_set_trigger(device, trigger);
	if (error) {
		ig_helper_unwatch(trigger);
		complain(device, "its trigger cannot be changed", -error);
		return;
	}
	device->between = true;
	device->record->direct = false;
}

static bool belongs_between(const struct ig_device *device)
{
	return device->vm->chip == IG_CHIP_SPLIT && !ig_core_line(device->vm->core, device->gsi)->direct;
}

void ig_line_effects(struct ig_vm *vm, const struct irqgate_effects *effects)
{
	for (uint32_t i = 0; i < effects->count; i++) {
		const struct irqgate_effect *effect = &effects->effect[i];
		struct ig_device *device;

		if (effect->kind == IRQGATE_EFFECT_SEND) {
			send(vm, effect->pin);
			continue;
		}
		device = device_of(vm, effect->source);
		if (device)
			carry_out_wish(device);
	}
	ig_for_each_device(device) {
		if (device->vm == vm)
			note_hold(device);
		if (device->vm == vm && !device->between && belongs_between(device))
			put_between(device);
	}
}

void ig_line_triggered(struct ig_device *device)
{
	struct irqgate_effects effects;
	uint64_t count;

	if (!device->vm || !device->between || read(device->own_trigger, &count, sizeof(count)) < 0)
		return;
	device->record->triggers++;
	if (!irqgate_core_trigger(device->vm->core, device->source, &effects))
		ig_line_effects(device->vm, &effects);
}

/* Takes it out of the core; VFIO and KVM stay as they are. */
void ig_line_forget(struct ig_device *device)
{
	struct ig_vm *vm = device->vm;
	struct irqgate_effects effects;

	if (!vm)
		return;
	if (vm->chip == IG_CHIP_KERNEL)
		ig_helper_unwatch(device->resample.fd);
	if (device->between)
		ig_helper_unwatch(device->own_trigger);
	device->vm = NULL;
	device->between = false;
	device->held_since = 0;
	device->seen_holds = 0;
	device->record->gated = false;
	if (!irqgate_core_remove(vm->core, device->source, &effects))
		ig_line_effects(vm, &effects);
}

/*
 * A source that the core listens to, and that is not held, has its EOI still to come, and with it the VMM's
 * own resample. For any other the VMM's may be over: so it is unmasked, at worst for one interrupt too many.
 * What the VMM has resampled in vain must not reach VFIO by the eventfd, as it would unmask what the VMM has
 * masked.
 */
void ig_line_leave(struct ig_device *device)
{
	struct irqgate_wish wish = { .listen = false };
	bool between = device->between, held = device->held_since, resampled;

	if (!device->vm)
		return;
	irqgate_core_wish(device->vm->core, device->source, &wish);
	ig_line_forget(device);
	if (between && device->trigger.fd != IG_NO_FD)
		ig_vfio_set_trigger(device, device->trigger.fd);
	resampled = ig_eventfd_drain(device->resample.fd);
	if (device->resample.fd != IG_NO_FD)
		ig_vfio_set_resample(device, device->resample.fd);
	if ((between || held || resampled || !wish.listen) && is_enabled(device))
		ig_vfio_unmask(device);
}

static void begin_silent(struct ig_device *device)
{
	struct irqgate_wish wish;

	/* On the direct path nothing is wished for before the pin is live; VFIO listens, though. */
	if (!irqgate_core_wish(device->vm->core, device->source, &wish) && !wish.version)
		ig_vfio_mask(device);
}

static void take(struct ig_device *device, struct ig_vm *vm, uint32_t gsi)
{
	struct irqgate_effects effects;
	int error;

	device->record = ig_record_of(device, gsi, chip_name(vm));
	if (!device->record || (vm->chip == IG_CHIP_KERNEL && !ig_helper_start()))
		return;
	error = ig_vfio_set_resample(device, IG_NO_FD);
	if (error) {
		complain(device, "VFIO does not let go of its resample eventfd", -error);
		return;
	}
	error = irqgate_core_add(vm->core, gsi, IRQGATE_SOURCE_FORWARDED, vm->chip == IG_CHIP_SPLIT, device->name,
				 &device->source, &effects);
	if (error) {
		ig_vfio_set_resample(device, device->resample.fd);
		complain(device, "there is no room for it", -error);
		return;
	}
	device->vm = vm;
	device->gsi = gsi;
	device->record->gated = true;
	device->record->direct = vm->chip == IG_CHIP_SPLIT;
	if (is_enabled(device) || !irqgate_core_enable(vm->core, device->source, false, &effects))
		ig_line_effects(vm, &effects);
	if (device->vm)
		begin_silent(device);
	if (device->vm && vm->chip == IG_CHIP_KERNEL &&
	    !ig_helper_watch(device->resample.fd, device, IG_WATCH_RESAMPLE))
		complain(device, "its resample eventfd can not be watched", errno);
}

void ig_line_settle(struct ig_device *device)
{
	const struct ig_irqfd *irqfd;
	struct ig_vm *vm = NULL;
	bool left = why_left(device, &vm, &irqfd);

	if (device->vm && (left || device->vm != vm || device->gsi != irqfd->gsi))
		ig_line_leave(device);
	if (!device->vm && !left)
		take(device, vm, irqfd->gsi);
}

void ig_line_settle_all(void)
{
	ig_for_each_device(device)
		ig_line_settle(device);
}
