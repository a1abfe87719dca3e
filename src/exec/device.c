/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What the VMM does to a VFIO device (linux/vfio.h). While its INTx is left as it is, every call goes through
 * and is only noted; while it is gated, masking and unmasking become wishes of the core's. Caller holds the
 * lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec/exec.h"

/* A VMM that unmasks by a call of its own after each interrupt does so at its second event, or never. */
enum { OWN_UNMASKS_MAX = 2 };

#define ACTION (VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_ACTION_TRIGGER)
#define DATA   (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_DATA_EVENTFD)

static struct ig_device *add_device(int fd, const char *name)
{
	struct ig_device *device = calloc(1, sizeof(*device));

	if (!device)
		return NULL;
	device->object.kind = IG_DEVICE;
	device->trigger.fd = device->resample.fd = device->own_trigger = IG_NO_FD;
	snprintf(device->name, sizeof(device->name), "%s", name);
	if (!ig_fd_add(fd, &device->object)) {
		ig_exec_say("%s: its descriptor, %d, is too high a number: left as it is", name, fd);
		free(device);
		return NULL;
	}
	device->next = ig_exec.devices;
	ig_exec.devices = device;
	return device;
}

void ig_device_opened(int fd, const char *name)
{
	if (!ig_fd_object(fd))
		add_device(fd, name);
}

/* The name of a device that was not opened through a VFIO group: its descriptor may have come from anywhere. */
static struct ig_device *device_of(int fd)
{
	char link[40], name[64] = "";
	const char *last;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, name, sizeof(name) - 1) < 0)
		name[0] = '\0';
	last = strrchr(name, '/');
	if (!last)
		snprintf(name, sizeof(name), "descriptor %d", fd);
	return add_device(fd, last ? last + 1 : name);
}

/* Its descriptor is closed in a moment: VFIO ends the interrupt by itself then. */
void ig_device_closed(struct ig_device *device)
{
	ig_line_forget(device);
	device->trigger.fd = device->resample.fd = IG_NO_FD;
	ig_real.close(device->own_trigger);
	device->own_trigger = IG_NO_FD;
	for (struct ig_device **at = &ig_exec.devices; *at; at = &(*at)->next) {
		if (*at != device)
			continue;
		*at = device->next; /* a thread may still have found it in the table, so it is not freed */
		break;
	}
	ig_line_settle_all();
}

static int32_t first_eventfd(const struct vfio_irq_set *set)
{
	int32_t fd;

	memcpy(&fd, set->data, sizeof(fd));
	return fd;
}

static struct ig_eventfd eventfd_of(const struct vfio_irq_set *set)
{
	int32_t fd = first_eventfd(set);

	return fd < 0 ? (struct ig_eventfd){ .fd = IG_NO_FD } : ig_eventfd_of(fd);
}

static bool is_intx(const struct vfio_irq_set *set)
{
	return set->index == VFIO_PCI_INTX_IRQ_INDEX;
}

/* "Disable everything of this index": no data, count 0 (linux/vfio.h). */
static bool is_disable(const struct vfio_irq_set *set)
{
	return set->count == 0 && set->flags == (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER);
}

static bool has_eventfd(const struct vfio_irq_set *set)
{
	return (set->flags & DATA) == VFIO_IRQ_SET_DATA_EVENTFD && set->start == 0 && set->count == 1 &&
	       set->argsz >= sizeof(*set) + sizeof(int32_t);
}

/* Whether the call is for INTx's one interrupt, without an eventfd: now. */
static bool is_now(const struct vfio_irq_set *set)
{
	if (set->start != 0 || set->count != 1)
		return false;
	if ((set->flags & DATA) == VFIO_IRQ_SET_DATA_BOOL)
		return set->argsz > sizeof(*set) && set->data[0];
	return (set->flags & DATA) == VFIO_IRQ_SET_DATA_NONE;
}

static bool has_one_action(const struct vfio_irq_set *set)
{
	uint32_t action = set->flags & ACTION;

	return action && !(action & (action - 1));
}

static bool is_understood(const struct vfio_irq_set *set)
{
	if (set->argsz < sizeof(*set) || set->flags & ~(uint32_t)(ACTION | DATA) || !has_one_action(set))
		return false;
	return is_disable(set) || has_eventfd(set) || is_now(set) ||
	       (set->start == 0 && set->count == 1 && (set->flags & DATA) == VFIO_IRQ_SET_DATA_BOOL);
}

static bool is_forwarded_by_kvm(const struct ig_device *device)
{
	ig_for_each_vm(vm)
		if (ig_vm_find_irqfd(vm, &device->trigger))
			return true;
	return false;
}

/*
 * A VMM that takes the interrupt itself (x-no-kvm-intx, or a chip that is not KVM's), or sees to its end by
 * itself, unmasks after each what it has not masked.
 */
static void count_own_unmask(struct ig_device *device)
{
	bool by_kvm = is_forwarded_by_kvm(device);

	if (device->vm || device->trigger.fd == IG_NO_FD || device->masked || device->complained)
		return;
	if (by_kvm && device->resample.fd != IG_NO_FD) {
		device->own_unmasks = 0;
		return;
	}
	if (++device->own_unmasks <= OWN_UNMASKS_MAX)
		return;
	device->complained = true;
	ig_exec_say("%s: the VMM %s: left as it is", device->name,
		    by_kvm ? "unmasks this device's INTx by calls, not by an eventfd" :
			     "forwards this device's INTx itself, not by KVM_IRQFD (x-no-kvm-intx?)");
}

static void not_understood(struct ig_device *device, const struct vfio_irq_set *set)
{
	if (!device->not_understood)
		ig_exec_say("%s: VFIO_DEVICE_SET_IRQS in a shape that is not understood (flags 0x%x, start %u, "
			    "count %u): left as it is", device->name, set->flags, set->start, set->count);
	device->not_understood = true;
}

static void note_eventfd(struct ig_device *device, const struct vfio_irq_set *set)
{
	if ((set->flags & ACTION) == VFIO_IRQ_SET_ACTION_TRIGGER)
		device->trigger = eventfd_of(set);
	else if ((set->flags & ACTION) == VFIO_IRQ_SET_ACTION_UNMASK)
		device->resample = eventfd_of(set);
}

static void note_now(struct ig_device *device, const struct vfio_irq_set *set)
{
	if ((set->flags & ACTION) == VFIO_IRQ_SET_ACTION_UNMASK)
		count_own_unmask(device);
	if ((set->flags & ACTION) != VFIO_IRQ_SET_ACTION_TRIGGER)
		device->masked = (set->flags & ACTION) == VFIO_IRQ_SET_ACTION_MASK;
}

/* VFIO has done what the VMM asked for. */
static void note(struct ig_device *device, const struct vfio_irq_set *set)
{
	if (!is_understood(set)) {
		not_understood(device, set);
	} else if (is_disable(set)) {
		device->trigger.fd = device->resample.fd = IG_NO_FD;
		device->masked = false;
	} else if (has_eventfd(set)) {
		note_eventfd(device, set);
	} else if (is_now(set)) {
		note_now(device, set);
	}
}

/* As far as it is looked at here. VFIO refuses what cannot be read. */
static bool is_readable(const struct vfio_irq_set *set)
{
	size_t most = sizeof(*set) + sizeof(int32_t);

	if (!ig_exec_can_read(set, sizeof(*set)))
		return false;
	if (!(set->flags & (VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_DATA_EVENTFD)) || set->argsz <= sizeof(*set))
		return true;
	return ig_exec_can_read(set, set->argsz < most ? set->argsz : most);
}

/* The VMM masks or unmasks a device that is gated: that is for the core to weigh, with what it knows of the guest. */
static int weigh(struct ig_device *device, const struct vfio_irq_set *set)
{
	struct irqgate_effects effects;
	bool enabled;

	note_now(device, set);
	enabled = !device->masked && !device->disabled;
	if (!irqgate_core_enable(device->vm->core, device->source, enabled, &effects))
		ig_line_effects(device->vm, &effects);
	return 0;
}

int ig_device_set_irqs(struct ig_device *device, const struct vfio_irq_set *set)
{
	bool gated, triggers;
	int result, error;

	if (!is_readable(set))
		return ig_real.ioctl(device->object.fd, VFIO_DEVICE_SET_IRQS, set);
	gated = device->vm && is_intx(set);
	triggers = set->flags & VFIO_IRQ_SET_ACTION_TRIGGER;
	if (gated && is_understood(set) && is_now(set) && !triggers)
		return weigh(device, set);
	if (gated && is_understood(set) && is_disable(set))
		ig_line_forget(device); /* before VFIO does, so that nobody unmasks it between */
	else if (gated && (!is_understood(set) || has_eventfd(set)))
		ig_line_leave(device);
	result = ig_real.ioctl(device->object.fd, VFIO_DEVICE_SET_IRQS, set);
	error = errno;
	if (!result && is_intx(set))
		note(device, set);
	ig_line_settle_all(); /* others may share an eventfd with it */
	errno = error;
	return result;
}

void ig_device_first_set_irqs(int fd, const struct vfio_irq_set *set)
{
	struct ig_device *device = is_intx(set) ? device_of(fd) : NULL;

	if (!device)
		return;
	ig_device_find_config(device);
	note(device, set);
	ig_line_settle(device);
}

/* A device that is stopped for migration takes its state along; what is held here would not be in it. */
int ig_device_set_feature(struct ig_device *device, const struct vfio_device_feature *feature)
{
	const uint32_t wanted = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE;
	struct vfio_device_feature_mig_state state;
	int result, error;

	if (ig_exec_can_read(feature, sizeof(*feature)) && feature->flags == wanted &&
	    feature->argsz >= sizeof(*feature) + sizeof(state) &&
	    ig_exec_can_read(feature, sizeof(*feature) + sizeof(state))) {
		memcpy(&state, feature->data, sizeof(state));
		device->migrating = state.device_state != VFIO_DEVICE_STATE_RUNNING;
	}
	if (device->migrating)
		ig_line_settle(device);
	result = ig_real.ioctl(device->object.fd, VFIO_DEVICE_FEATURE, feature);
	error = errno;
	ig_line_settle(device);
	errno = error;
	return result;
}

void ig_device_eventfd_closing(struct ig_device *device, int fd)
{
	if (device->trigger.fd != fd && device->resample.fd != fd)
		return;
	ig_line_leave(device);
	if (device->trigger.fd == fd)
		ig_eventfd_replace(&device->trigger, fd);
	if (device->resample.fd == fd)
		ig_eventfd_replace(&device->resample, fd);
	ig_line_settle(device);
}
