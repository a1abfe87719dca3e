/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* INTx of a vfio-pci device; see irqgate/vfio.h. No lock of its own: VFIO's serialises mask and unmask. */
#include <irqgate/vfio.h>

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* PCI Local Bus Specification 3.0, 6.2.3: the status register, and its interrupt status bit. */
#define PCI_STATUS_OFFSET    0x06
#define PCI_STATUS_INTERRUPT 0x08

struct irqgate_vfio_intx {
	int device_fd;
	int trigger_fd;
	int resample_fd;
	uint64_t config_at; /* offset of config space in the device's descriptor */
};

static int check_interrupt(int device_fd)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = VFIO_PCI_INTX_IRQ_INDEX };
	const uint32_t needed = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;

	if (ioctl(device_fd, VFIO_DEVICE_GET_IRQ_INFO, &info))
		return -errno;
	return info.count && (info.flags & needed) == needed ? 0 : -ENODEV;
}

static int find_config(int device_fd, uint64_t *at)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = VFIO_PCI_CONFIG_REGION_INDEX };

	if (ioctl(device_fd, VFIO_DEVICE_GET_REGION_INFO, &info))
		return -errno;
	*at = info.offset;
	return 0;
}

/* One VFIO_DEVICE_SET_IRQS call on INTx; with an eventfd, or with none (fd -1). */
static int set_irq(int device_fd, uint32_t action, int32_t fd)
{
	union {
		struct vfio_irq_set set;
		uint8_t bytes[sizeof(struct vfio_irq_set) + sizeof(fd)];
	} request = { .set = {
		.argsz = sizeof(request),
		.flags = action | (fd < 0 ? VFIO_IRQ_SET_DATA_NONE : VFIO_IRQ_SET_DATA_EVENTFD),
		.index = VFIO_PCI_INTX_IRQ_INDEX,
		.count = 1,
	} };

	memcpy(&request.bytes[sizeof(request.set)], &fd, sizeof(fd));
	return ioctl(device_fd, VFIO_DEVICE_SET_IRQS, &request) ? -errno : 0;
}

static void disable(int device_fd)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE,
		.index = VFIO_PCI_INTX_IRQ_INDEX,
		.count = 0,
	};

	ioctl(device_fd, VFIO_DEVICE_SET_IRQS, &set);
}

static int enable(const struct irqgate_vfio_intx *intx)
{
	int error = set_irq(intx->device_fd, VFIO_IRQ_SET_ACTION_TRIGGER, intx->trigger_fd);

	if (error)
		return error;
	error = set_irq(intx->device_fd, VFIO_IRQ_SET_ACTION_UNMASK, intx->resample_fd);
	if (error)
		disable(intx->device_fd);
	return error;
}

int irqgate_vfio_intx_open(int device_fd, struct irqgate_vfio_intx **out)
{
	struct irqgate_vfio_intx *intx;
	int error = check_interrupt(device_fd);

	if (error)
		return error;
	intx = calloc(1, sizeof(*intx));
	if (!intx)
		return -ENOMEM;
	intx->device_fd = device_fd;
	error = find_config(device_fd, &intx->config_at);
	if (error)
		goto free_intx;
	intx->trigger_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (intx->trigger_fd < 0) {
		error = -errno;
		goto free_intx;
	}
	intx->resample_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (intx->resample_fd < 0) {
		error = -errno;
		goto close_trigger;
	}
	error = enable(intx);
	if (error)
		goto close_resample;
	*out = intx;
	return 0;

close_resample:
	close(intx->resample_fd);
close_trigger:
	close(intx->trigger_fd);
free_intx:
	free(intx);
	return error;
}

/* A device that the host has masked already stays as it is: VFIO's mask is a flag. */
static int silence(void *opaque)
{
	const struct irqgate_vfio_intx *intx = opaque;

	return set_irq(intx->device_fd, VFIO_IRQ_SET_ACTION_MASK, -1);
}

static int probe(void *opaque)
{
	const struct irqgate_vfio_intx *intx = opaque;
	uint8_t status[2];
	ssize_t got = pread(intx->device_fd, status, sizeof(status), (off_t)(intx->config_at + PCI_STATUS_OFFSET));

	if (got < 0)
		return -errno;
	return got == sizeof(status) ? !!(status[0] & PCI_STATUS_INTERRUPT) : -EIO;
}

void irqgate_vfio_intx_forwarded(struct irqgate_vfio_intx *intx, struct irqgate_forwarded *forwarded)
{
	*forwarded = (struct irqgate_forwarded){
		.size = sizeof(*forwarded),
		.name = "vfio-intx",
		.trigger_fd = intx->trigger_fd,
		.resample_fd = intx->resample_fd,
		.silence = silence,
		.probe = probe,
		.opaque = intx,
	};
}

void irqgate_vfio_intx_close(struct irqgate_vfio_intx *intx)
{
	if (!intx)
		return;
	disable(intx->device_fd);
	close(intx->resample_fd);
	close(intx->trigger_fd);
	free(intx);
}
