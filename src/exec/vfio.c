/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Our own calls on a device's INTx (linux/vfio.h, VFIO_DEVICE_SET_IRQS). */
#include <errno.h>
#include <string.h>

#include "exec/exec.h"

static int set_irqs(const struct ig_device *device, uint32_t flags, int32_t eventfd)
{
	union {
		struct vfio_irq_set set;
		uint8_t bytes[sizeof(struct vfio_irq_set) + sizeof(eventfd)];
	} request = { .set = {
		.argsz = sizeof(request), .flags = flags, .index = VFIO_PCI_INTX_IRQ_INDEX, .count = 1,
	} };

	memcpy(&request.bytes[sizeof(request.set)], &eventfd, sizeof(eventfd));
	return ig_real.ioctl(device->object.fd, VFIO_DEVICE_SET_IRQS, &request) ? -errno : 0;
}

int ig_vfio_unmask(const struct ig_device *device)
{
	return set_irqs(device, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, IG_NO_FD);
}

int ig_vfio_mask(const struct ig_device *device)
{
	return set_irqs(device, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK, IG_NO_FD);
}

int ig_vfio_set_trigger(const struct ig_device *device, int eventfd)
{
	return set_irqs(device, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, eventfd);
}

int ig_vfio_set_resample(const struct ig_device *device, int eventfd)
{
	return set_irqs(device, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, eventfd);
}
