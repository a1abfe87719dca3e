/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The PCI bus; see pci.h. */
#include "vmm/pci.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "guest/guest.h"
#include "vmm/acpi.h"

#define ADDRESS_ENABLE     0x80000000U
#define ADDRESS_REGISTER   0xfcU
#define ADDRESS_BUS_SHIFT  16
#define ADDRESS_SLOT_SHIFT 11
#define ADDRESS_FUNCTION   0x700U
#define SLOT_MASK          0x1fU
#define BUS_MASK           0xffU

#define BAR_MIN_SIZE 0x1000U
#define REGISTER     4U

/* The host bridge is a number for drivers to find: a bus without one is taken for none. */
#define BRIDGE_DEVICE 0x1e9bU
#define CLASS_BRIDGE  0x0600U

/* What a guest may change of the command register here; the rest reads as 0. */
#define COMMAND_WRITABLE 0x0547U

uint16_t ig_pci_get16(const struct ig_pci_device *device, uint32_t offset)
{
	return (uint16_t)(device->config[offset] | device->config[offset + 1] << 8);
}

void ig_pci_set16(struct ig_pci_device *device, uint32_t offset, uint16_t value)
{
	device->config[offset] = (uint8_t)value;
	device->config[offset + 1] = (uint8_t)(value >> 8);
}

int ig_pci_assign_bars(struct ig_pci_device *device)
{
	struct ig_pci *pci = &device->vmm->pci;

	for (uint32_t i = 0; i < IG_PCI_BARS; i++) {
		struct ig_pci_bar *bar = &device->bar[i];
		bool port = bar->flags & IG_PCI_BAR_IO;
		uint64_t *next = port ? &pci->next_port : &pci->next_memory;
		uint64_t end = port ? IG_PCI_PORT_END : IG_PCI_MEMORY_END;
		uint64_t step = !port && bar->size < BAR_MIN_SIZE ? BAR_MIN_SIZE : bar->size;

		if (!bar->size)
			continue;
		*next = (*next + step - 1) & ~(step - 1);
		if (*next + step > end)
			return -ENOSPC;
		bar->home = bar->address = bar->probe = (uint32_t)*next;
		*next += step;
	}
	return 0;
}

static void close_bridge(struct ig_pci_device *device)
{
	free(device);
}

static struct ig_pci_device *make_bridge(struct ig_vmm *vmm)
{
	struct ig_pci_device *bridge = calloc(1, sizeof(*bridge));

	if (!bridge)
		return NULL;
	bridge->vmm = vmm;
	bridge->close = close_bridge;
	ig_pci_set16(bridge, IG_PCI_VENDOR, IG_GUEST_PCI_VENDOR);
	ig_pci_set16(bridge, IG_PCI_DEVICE, BRIDGE_DEVICE);
	ig_pci_set16(bridge, IG_PCI_CLASS, CLASS_BRIDGE);
	return bridge;
}

int ig_pci_open(struct ig_vmm *vmm)
{
	struct ig_pci *pci = &vmm->pci;

	pci->device[0] = make_bridge(vmm);
	pci->next_memory = IG_PCI_MEMORY_START;
	pci->next_port = IG_PCI_PORT_START;
	pci->next_gsi = irqgate_kvm_first_gsi(vmm->gate);
	if (pci->device[0])
		return 0;
	ig_error("out of memory");
	return -ENOMEM;
}

void ig_pci_plug(struct ig_vmm *vmm, struct ig_pci_device *device)
{
	uint32_t slot = 1;

	pthread_mutex_lock(&vmm->pci.lock);
	while (vmm->pci.device[slot])
		slot++;
	vmm->pci.device[slot] = device;
	pthread_mutex_unlock(&vmm->pci.lock);
}

void ig_pci_address_access(struct ig_vmm *vmm, bool write, void *data)
{
	pthread_mutex_lock(&vmm->pci.lock);
	if (write)
		memcpy(&vmm->pci.address, data, sizeof(vmm->pci.address));
	else
		memcpy(data, &vmm->pci.address, sizeof(vmm->pci.address));
	pthread_mutex_unlock(&vmm->pci.lock);
}

static struct ig_pci_device *addressed(struct ig_vmm *vmm)
{
	uint32_t address = vmm->pci.address, slot = address >> ADDRESS_SLOT_SHIFT & SLOT_MASK;

	if (!(address & ADDRESS_ENABLE) || (address >> ADDRESS_BUS_SHIFT & BUS_MASK) ||
	    (address & ADDRESS_FUNCTION))
		return NULL;
	return slot <= IG_DEVICES_MAX ? vmm->pci.device[slot] : NULL;
}

static uint32_t bar_register(const struct ig_pci_device *device, uint32_t index)
{
	const struct ig_pci_bar *bar = &device->bar[index];
	bool upper = index && (device->bar[index - 1].flags & IG_PCI_BAR_64);

	if (!bar->size)
		return upper && bar->probe == UINT32_MAX ? UINT32_MAX : 0;
	return (bar->probe & ~(bar->size - 1)) | bar->flags;
}

static void read_config(struct ig_pci_device *device, uint32_t offset, uint8_t *data, uint32_t size)
{
	uint8_t own[REGISTER] = { 0 }, real = 0;

	for (uint32_t i = 0; i < IG_PCI_BARS; i++) {
		uint32_t value = bar_register(device, i);

		memcpy(&device->config[IG_PCI_BAR0 + REGISTER * i], &value, sizeof(value));
	}
	for (uint32_t i = 0; i < size; i++)
		real |= device->real[offset + i];
	if (real)
		device->config_read(device, offset, own, size);
	for (uint32_t i = 0; i < size; i++) {
		uint8_t mask = device->real[offset + i];

		data[i] = (uint8_t)((device->config[offset + i] & ~mask) | (own[i] & mask));
	}
}

static void tell(struct ig_pci_device *device)
{
	if (device->update)
		device->update(device, ig_pci_get16(device, IG_PCI_COMMAND));
}

/* All ones ask for the size and move nothing. */
static void write_bar(struct ig_pci_device *device, uint32_t index, uint32_t value)
{
	struct ig_pci_bar *bar = &device->bar[index];

	bar->probe = value;
	if (!bar->size || value == UINT32_MAX)
		return;
	bar->address = value & ~(bar->size - 1);
	tell(device);
}

static void write_command(struct ig_pci_device *device, uint16_t command)
{
	uint16_t before = ig_pci_get16(device, IG_PCI_COMMAND);

	command &= COMMAND_WRITABLE;
	ig_pci_set16(device, IG_PCI_COMMAND, command);
	if (((command ^ before) & IG_PCI_COMMAND_INTX_DISABLE) && device->irq)
		irqgate_kvm_enable(device->vmm->gate, device->irq, !(command & IG_PCI_COMMAND_INTX_DISABLE));
	if (command != before)
		tell(device);
}

/* What the device has of its own. */
static void pass_on(struct ig_pci_device *device, uint32_t offset, const uint8_t *data, uint32_t size)
{
	if (device->config_write && size)
		device->config_write(device, offset, data, size);
}

/* A register with its neighbours, as they are, where the guest writes only part of it. */
static uint32_t merge(uint32_t now, uint32_t offset, const uint8_t *data, uint32_t size)
{
	memcpy((uint8_t *)&now + offset % REGISTER, data, size);
	return now;
}

/* The access is within one register. */
static void write_config(struct ig_pci_device *device, uint32_t offset, const uint8_t *data, uint32_t size)
{
	uint32_t at = offset - offset % REGISTER, end = offset + size;

	if (at == IG_PCI_COMMAND) {
		uint32_t value = merge(ig_pci_get16(device, IG_PCI_COMMAND), offset, data, size);

		write_command(device, (uint16_t)value);
		if (end > IG_PCI_STATUS && offset <= IG_PCI_STATUS)
			pass_on(device, IG_PCI_STATUS, data + (IG_PCI_STATUS - offset), end - IG_PCI_STATUS);
	} else if (at >= IG_PCI_BAR0 && at < IG_PCI_BAR_END) {
		uint32_t bar = (at - IG_PCI_BAR0) / REGISTER;

		write_bar(device, bar, merge(bar_register(device, bar), offset, data, size));
	} else if (offset == IG_PCI_INTERRUPT_LINE) {
		device->config[offset] = data[0];
	} else if (at >= IG_PCI_HEADER_END || at == IG_PCI_CACHE_LINE) {
		pass_on(device, offset, data, size);
	}
}

void ig_pci_data_access(struct ig_vmm *vmm, uint32_t offset, bool write, void *data, uint32_t size)
{
	struct ig_pci_device *device;

	pthread_mutex_lock(&vmm->pci.lock);
	device = addressed(vmm);
	offset += vmm->pci.address & ADDRESS_REGISTER;
	if (device && offset % size == 0 && offset % REGISTER + size <= REGISTER &&
	    offset + size <= IG_PCI_CONFIG_SIZE) {
		if (write)
			write_config(device, offset, data, size);
		else
			read_config(device, offset, data, size);
	}
	pthread_mutex_unlock(&vmm->pci.lock);
}

static bool access_device(struct ig_pci_device *device, uint32_t space, uint64_t address, bool write,
			  void *data, uint32_t size)
{
	if (!device || !(ig_pci_get16(device, IG_PCI_COMMAND) & space))
		return false;
	for (uint32_t i = 0; i < IG_PCI_BARS; i++) {
		struct ig_pci_bar *bar = &device->bar[i];
		uint32_t kind = bar->flags & IG_PCI_BAR_IO ? IG_PCI_COMMAND_IO : IG_PCI_COMMAND_MEMORY;
		uint64_t offset = address - bar->address;

		if (kind != space || offset >= bar->size || size > bar->size - offset)
			continue;
		device->bar_access(device, i, offset, write, data, size);
		return true;
	}
	return false;
}

/* Finds the BAR that decodes an access, and hands it over. */
static bool access_bar(struct ig_vmm *vmm, uint32_t space, uint64_t address, bool write, void *data,
		       uint32_t size)
{
	bool mine = false;

	pthread_mutex_lock(&vmm->pci.lock);
	for (uint32_t slot = 1; slot <= IG_DEVICES_MAX && !mine; slot++)
		mine = access_device(vmm->pci.device[slot], space, address, write, data, size);
	pthread_mutex_unlock(&vmm->pci.lock);
	return mine;
}

bool ig_pci_port_access(struct ig_vmm *vmm, uint16_t port, bool write, void *data, uint32_t size)
{
	return access_bar(vmm, IG_PCI_COMMAND_IO, port, write, data, size);
}

bool ig_pci_mmio_access(struct ig_vmm *vmm, uint64_t address, bool write, void *data, uint32_t size)
{
	return access_bar(vmm, IG_PCI_COMMAND_MEMORY, address, write, data, size);
}

bool ig_pci_withdraw(struct ig_vmm *vmm)
{
	bool any = false;

	pthread_mutex_lock(&vmm->pci.lock);
	for (uint32_t slot = 1; slot <= IG_DEVICES_MAX; slot++) {
		struct ig_pci_device *device = vmm->pci.device[slot];

		if (device && device->withdraw)
			any |= device->withdraw(device);
	}
	pthread_mutex_unlock(&vmm->pci.lock);
	return any;
}

static int reset_device(struct ig_pci_device *device)
{
	for (uint32_t i = 0; i < IG_PCI_BARS; i++)
		device->bar[i].address = device->bar[i].probe = device->bar[i].home;
	write_command(device, 0);
	return device->reset ? device->reset(device) : 0;
}

int ig_pci_reset(struct ig_vmm *vmm)
{
	int error = 0;

	pthread_mutex_lock(&vmm->pci.lock);
	vmm->pci.address = 0;
	for (uint32_t slot = 1; slot <= IG_DEVICES_MAX; slot++) {
		int failed = vmm->pci.device[slot] ? reset_device(vmm->pci.device[slot]) : 0;

		if (failed)
			error = failed;
	}
	pthread_mutex_unlock(&vmm->pci.lock);
	return error;
}

/* In the order opposite to that of opening. */
void ig_pci_close(struct ig_vmm *vmm)
{
	for (uint32_t slot = IG_DEVICES_MAX + 1; slot-- > 0;) {
		struct ig_pci_device *device = vmm->pci.device[slot];

		vmm->pci.device[slot] = NULL;
		if (device)
			device->close(device);
	}
}
