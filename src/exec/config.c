/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Writes to a device's PCI config space: its interrupt disable bit (PCI Local Bus Specification 3.0, 6.2.2).
 * When the guest clears it, VFIO unmasks the interrupt, held or not. Caller holds the lock.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "exec/exec.h"

#define COMMAND_UPPER_BYTE 5
#define INTERRUPT_DISABLE  0x04 /* bit 10 of the command register */

void ig_device_find_config(struct ig_device *device)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = VFIO_PCI_CONFIG_REGION_INDEX };
	uint8_t command;

	if (device->config_size || ig_real.ioctl(device->object.fd, VFIO_DEVICE_GET_REGION_INFO, &info))
		return;
	device->config_at = info.offset;
	device->config_size = info.size;
	if (pread(device->object.fd, &command, 1, (off_t)(info.offset + COMMAND_UPPER_BYTE)) == 1)
		device->disabled = command & INTERRUPT_DISABLE;
}

/* The byte that has the bit, if the write covers it. */
static const uint8_t *command_byte(struct ig_device *device, const void *bytes, size_t count, off_t at)
{
	const uint8_t *command;
	uint64_t byte_at;

	ig_device_find_config(device);
	byte_at = device->config_at + COMMAND_UPPER_BYTE;
	if (!device->config_size || (uint64_t)at > byte_at || (uint64_t)at + count <= byte_at)
		return NULL;
	command = (const uint8_t *)bytes + (byte_at - (uint64_t)at);
	return ig_exec_can_read(command, 1) ? command : NULL;
}

static void enable(struct ig_device *device, bool enabled)
{
	struct irqgate_effects effects;

	device->disabled = !enabled;
	if (device->vm && !irqgate_core_enable(device->vm->core, device->source, enabled && !device->masked, &effects))
		ig_line_effects(device->vm, &effects);
}

/* VFIO signals a device that still asserts at once: what it signals meanwhile goes nowhere. */
static ssize_t write_aside(struct ig_device *device, const void *bytes, size_t count, off_t at)
{
	int aside = ig_line_own_trigger(device);
	uint64_t signals;
	ssize_t result;
	int error;

	if (aside != IG_NO_FD)
		ig_vfio_set_trigger(device, aside);
	result = ig_real.pwrite(device->object.fd, bytes, count, at);
	error = errno;
	ig_vfio_mask(device);
	while (aside != IG_NO_FD && read(aside, &signals, sizeof(signals)) > 0)
		;
	if (aside != IG_NO_FD && !device->between)
		ig_vfio_set_trigger(device, device->trigger.fd);
	errno = error;
	return result;
}

bool ig_device_pwrite(struct ig_device *device, const void *bytes, size_t count, off_t at, ssize_t *result)
{
	const uint8_t *command = command_byte(device, bytes, count, at);
	bool disabled = command && (*command & INTERRUPT_DISABLE);
	int error;

	if (!command || disabled == device->disabled)
		return false;
	if (device->vm && !disabled)
		*result = write_aside(device, bytes, count, at);
	else
		*result = ig_real.pwrite(device->object.fd, bytes, count, at);
	error = errno;
	if (*result >= 0)
		enable(device, !disabled);
	errno = error;
	return true;
}
