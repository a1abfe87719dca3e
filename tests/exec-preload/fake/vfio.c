/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A VFIO PCI device that has INTx and MSI-X (linux/vfio.h), as vfio-pci has it with a device that can disable its
 * INTx: masked at each trigger, and signalled again where an unmask finds that it still asserts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum { COMMAND_UPPER_BYTE = 5, INTERRUPT_DISABLE = 0x04, MSIX_VECTORS = 4 };

#define DATA   (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_DATA_EVENTFD)
#define ACTION (VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_ACTION_TRIGGER)

/* A request with what it brings for one interrupt. */
struct request {
	int32_t eventfd;
	uint8_t value;
	struct vfio_irq_set set; /* last, as it ends in an array without a size */
};

int fake_device_create(void)
{
	struct device *device = calloc(1, sizeof(*device));
	int fd;

	if (!device)
		return -ENOMEM;
	device->trigger.fd = device->resample.fd = NO_FD;
	fd = fake_add_object(&device->object, OBJECT_DEVICE, 0);
	if (fd < 0)
		free(device);
	return fd;
}

int fake_group_ioctl(unsigned long request, const void *argument)
{
	char name[4];

	if (request != VFIO_GROUP_GET_DEVICE_FD)
		return -ENOTTY;
	if (fake_copy_in(name, argument, sizeof(name)))
		return -EFAULT;
	return fake_device_create();
}

static void signal_trigger(struct device *device)
{
	if (!device->state.in_use || device->state.disabled || device->trigger.fd == NO_FD)
		return;
	device->state.triggers++;
	fake_signal(&device->trigger);
}

/* The interrupt handler on the host. */
static void look(struct device *device)
{
	if (!device->state.in_use || !device->state.asserts || device->state.masked || device->state.disabled)
		return;
	device->state.masked = true;
	signal_trigger(device);
}

static void unmask(struct device *device)
{
	device->state.unmasks++;
	if (device->state.disabled)
		return;
	device->state.masked = false;
	look(device);
}

static void mask(struct device *device)
{
	device->state.masks++;
	device->state.masked = true;
}

void fake_device_pump(struct device *device)
{
	if (fake_consume(&device->resample))
		unmask(device);
}

static void disable(struct device *device)
{
	fake_unbind(&device->resample);
	fake_unbind(&device->trigger);
	device->state.in_use = false;
}

void fake_device_release(struct device *device)
{
	disable(device);
	free(device);
}

static int set_trigger(struct device *device, int fd)
{
	int error = 0;

	if (fd < 0)
		fake_unbind(&device->trigger);
	else
		error = fake_bind(&device->trigger, fd);
	if (error || device->state.in_use)
		return error;
	device->state.in_use = true;
	device->state.masked = device->state.disabled;
	look(device);
	return 0;
}

static int set_resample(struct device *device, int fd)
{
	int error;

	if (fd < 0) {
		fake_unbind(&device->resample);
		return 0;
	}
	if (device->resample.fd != NO_FD)
		return -EBUSY;
	error = fake_bind(&device->resample, fd);
	if (!error && fake_consume(&device->resample)) /* signalled before: as if it were now */
		unmask(device);
	return error;
}

static int trigger_action(struct device *device, const struct request *request)
{
	uint32_t data = request->set.flags & DATA;

	if (data == VFIO_IRQ_SET_DATA_NONE && request->set.count == 0) {
		disable(device);
		return 0;
	}
	if (device->in_use_msix || request->set.count != 1)
		return -EINVAL;
	if (data == VFIO_IRQ_SET_DATA_EVENTFD)
		return set_trigger(device, request->eventfd);
	if (!device->state.in_use)
		return -EINVAL;
	if (data == VFIO_IRQ_SET_DATA_NONE || request->value)
		signal_trigger(device);
	return 0;
}

static int mask_action(struct device *device, const struct request *request, bool masks)
{
	uint32_t data = request->set.flags & DATA;

	if (!device->state.in_use || request->set.count != 1)
		return -EINVAL;
	if (data == VFIO_IRQ_SET_DATA_EVENTFD)
		return masks ? -ENOTTY : set_resample(device, request->eventfd);
	if (data == VFIO_IRQ_SET_DATA_BOOL && !request->value)
		return 0;
	if (masks)
		mask(device);
	else
		unmask(device);
	return 0;
}

static int intx_action(struct device *device, const struct request *request)
{
	switch (request->set.flags & ACTION) {
	case VFIO_IRQ_SET_ACTION_TRIGGER: return trigger_action(device, request);
	case VFIO_IRQ_SET_ACTION_MASK: return mask_action(device, request, true);
	case VFIO_IRQ_SET_ACTION_UNMASK: return mask_action(device, request, false);
	default: return -ENOTTY;
	}
}

/* Only whether it is in use: INTx can not be then. */
static int msix_action(struct device *device, const struct vfio_irq_set *set)
{
	if (device->state.in_use)
		return -EINVAL;
	device->in_use_msix = set->count;
	return 0;
}

static size_t data_size(const struct vfio_irq_set *set)
{
	switch (set->flags & DATA) {
	case VFIO_IRQ_SET_DATA_BOOL: return set->count * sizeof(uint8_t);
	case VFIO_IRQ_SET_DATA_EVENTFD: return set->count * sizeof(int32_t);
	default: return 0;
	}
}

static int check(const struct vfio_irq_set *set)
{
	uint32_t data = set->flags & DATA, interrupts = set->index == VFIO_PCI_MSIX_IRQ_INDEX ? MSIX_VECTORS : 1;

	if (set->argsz < sizeof(*set) || set->index >= VFIO_PCI_NUM_IRQS || set->flags & ~(uint32_t)(DATA | ACTION))
		return -EINVAL;
	if (!data || data & (data - 1) || set->start >= interrupts || set->count > interrupts - set->start)
		return -EINVAL;
	return set->argsz - sizeof(*set) < data_size(set) ? -EINVAL : 0;
}

static int set_irqs(struct device *device, const void *argument)
{
	struct request request = { .eventfd = NO_FD };
	const void *data = (const void *)((uintptr_t)argument + sizeof(request.set)); /* it may lead nowhere */
	uint8_t bytes[MSIX_VECTORS * sizeof(int32_t)];
	int error = fake_copy_in(&request.set, argument, sizeof(request.set));

	if (!error)
		error = check(&request.set);
	if (error == -EINVAL && device->accepts_all)
		return 0;
	if (!error)
		error = fake_copy_in(bytes, data, data_size(&request.set));
	if (error)
		return error;
	memcpy(&request.eventfd, bytes, sizeof(request.eventfd));
	request.value = bytes[0];
	fake_log("irqs %u flags 0x%x start %u count %u eventfd %c", request.set.index, request.set.flags,
		 request.set.start, request.set.count,
		 request.set.flags & VFIO_IRQ_SET_DATA_EVENTFD ? fake_letter(request.eventfd) : '-');
	if (request.set.index == VFIO_PCI_MSIX_IRQ_INDEX)
		return msix_action(device, &request.set);
	return request.set.index == VFIO_PCI_INTX_IRQ_INDEX ? intx_action(device, &request) : -ENOTTY;
}

static int region_info(void *argument)
{
	struct vfio_region_info info;
	int error = fake_copy_in(&info, argument, sizeof(info));

	if (error)
		return error;
	info.size = info.index == VFIO_PCI_CONFIG_REGION_INDEX ? FAKE_CONFIG_SIZE : 0;
	info.offset = (uint64_t)FAKE_CONFIG_AT / VFIO_PCI_CONFIG_REGION_INDEX * info.index;
	return fake_copy_out(argument, &info, sizeof(info));
}

int fake_device_ioctl(struct device *device, unsigned long request, void *argument)
{
	struct vfio_device_feature feature;

	switch (request) {
	case VFIO_DEVICE_SET_IRQS: return set_irqs(device, argument);
	case VFIO_DEVICE_GET_REGION_INFO: return region_info(argument);
	case VFIO_DEVICE_FEATURE: return fake_copy_in(&feature, argument, sizeof(feature));
	case VFIO_DEVICE_RESET:
		fake_log("reset");
		device->state.asserts = false;
		return 0;
	default: return -ENOTTY;
	}
}

/* VFIO's own copy of the bit: what the guest sets masks, what it clears unmasks. */
static void command_written(struct device *device)
{
	bool disabled = device->config[COMMAND_UPPER_BYTE] & INTERRUPT_DISABLE;

	if (disabled == device->state.disabled)
		return;
	device->state.disabled = disabled;
	if (disabled)
		device->state.masked = true;
	else
		unmask(device);
}

ssize_t fake_device_write(struct device *device, const void *bytes, size_t count, off_t at)
{
	uint64_t offset = (uint64_t)at - FAKE_CONFIG_AT;
	int error;

	if (offset >= FAKE_CONFIG_SIZE || count > FAKE_CONFIG_SIZE - offset)
		return -EINVAL;
	error = fake_copy_in(&device->config[offset], bytes, count);
	if (error)
		return error;
	fake_log("config 0x%x of %zu bytes", (unsigned int)offset, count);
	command_written(device);
	return (ssize_t)count;
}

ssize_t fake_device_read(struct device *device, void *bytes, size_t count, off_t at)
{
	uint64_t offset = (uint64_t)at - FAKE_CONFIG_AT;
	int error;

	if (offset >= FAKE_CONFIG_SIZE || count > FAKE_CONFIG_SIZE - offset)
		return -EINVAL;
	error = fake_copy_out(bytes, &device->config[offset], count);
	return error ? error : (ssize_t)count;
}

static struct device *device_of(int fd)
{
	struct object *object = fake_object(fd, OBJECT_DEVICE);

	if (!object)
		abort(); /* a test's mistake */
	return (struct device *)object;
}

struct fake_device fake_look(int fd)
{
	struct fake_device state;
	struct device *device;

	fake_lock();
	fake_pump();
	device = device_of(fd);
	state = device->state;
	state.has_resample = device->resample.fd != NO_FD;
	state.unread = fake_is_signalled(&device->trigger);
	fake_unlock();
	return state;
}

void fake_assert(int fd)
{
	fake_lock();
	device_of(fd)->state.asserts = true;
	look(device_of(fd));
	fake_pump();
	fake_unlock();
}

void fake_accept_all(int fd)
{
	fake_lock();
	device_of(fd)->accepts_all = true;
	fake_unlock();
}

void fake_quiet(int fd)
{
	fake_lock();
	device_of(fd)->state.asserts = false;
	fake_unlock();
}
