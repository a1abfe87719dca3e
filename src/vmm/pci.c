/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The PCI bus with its one device; see pci.h. */
#include "vmm/pci.h"

#include <errno.h>
#include <string.h>

#define DEVICE_SLOT        1U
#define ADDRESS_ENABLE     0x80000000U
#define ADDRESS_REGISTER   0xfcU
#define ADDRESS_BUS_SHIFT  16
#define ADDRESS_SLOT_SHIFT 11
#define ADDRESS_FUNCTION   0x700U
#define SLOT_MASK          0x1fU
#define BUS_MASK           0xffU

/* Where firmware would put BARs: below the chips, and above the ports of the PC. */
#define MEMORY_WINDOW 0xe0000000U
#define PORT_WINDOW   0xc000U
#define MEMORY_WINDOW_END 0xfec00000U
#define PORT_WINDOW_END   0x10000U
#define BAR_MIN_SIZE  0x1000U

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
	uint64_t next[2] = { MEMORY_WINDOW, PORT_WINDOW };
	const uint64_t end[2] = { MEMORY_WINDOW_END, PORT_WINDOW_END };

	for (uint32_t i = 0; i < IG_PCI_BARS; i++) {
		struct ig_pci_bar *bar = &device->bar[i];
		bool port = bar->flags & IG_PCI_BAR_IO;
		uint32_t step = !port && bar->size < BAR_MIN_SIZE ? BAR_MIN_SIZE : bar->size;

		if (!bar->size)
			continue;
		next[port] = (next[port] + step - 1) & ~((uint64_t)step - 1);
		if (next[port] + step > end[port])
			return -ENOSPC;
		bar->address = (uint32_t)next[port];
		bar->probe = bar->address;
		next[port] += step;
	}
	return 0;
}

void ig_pci_plug(struct ig_vmm *vmm, struct ig_pci_device *device)
{
	pthread_mutex_lock(&vmm->pci.lock);
	vmm->pci.device = device;
	pthread_mutex_unlock(&vmm->pci.lock);
}

void ig_pci_address_access(struct ig_vmm *vmm, bool write, void *data, uint32_t size)
{
	if (size != sizeof(vmm->pci.address))
		return;
	pthread_mutex_lock(&vmm->pci.lock);
	if (write)
		memcpy(&vmm->pci.address, data, size);
	else
		memcpy(data, &vmm->pci.address, size);
	pthread_mutex_unlock(&vmm->pci.lock);
}

static struct ig_pci_device *addressed(struct ig_vmm *vmm)
{
	uint32_t address = vmm->pci.address;

	if (!(address & ADDRESS_ENABLE) || (address >> ADDRESS_BUS_SHIFT & BUS_MASK) || (address & ADDRESS_FUNCTION))
		return NULL;
	return (address >> ADDRESS_SLOT_SHIFT & SLOT_MASK) == DEVICE_SLOT ? vmm->pci.device : NULL;
}

static uint32_t bar_register(const struct ig_pci_device *device, uint32_t index)
{
	const struct ig_pci_bar *bar = &device->bar[index];
	bool upper = index && (device->bar[index - 1].flags & IG_PCI_BAR_64);

	if (!bar->size)
		return upper && bar->probe == UINT32_MAX ? UINT32_MAX : 0;
	return (bar->probe & ~(bar->size - 1)) | bar->flags;
}

static void read_config(struct ig_pci_device *device, uint32_t offset, void *data, uint32_t size)
{
	if (device->config_refresh)
		device->config_refresh(device);
	for (uint32_t i = 0; i < IG_PCI_BARS; i++) {
		uint32_t value = bar_register(device, i);

		memcpy(&device->config[IG_PCI_BAR0 + 4 * i], &value, sizeof(value));
	}
	memcpy(data, &device->config[offset], size);
}

static void tell(struct ig_pci_device *device)
{
	if (device->update)
		device->update(device, ig_pci_get16(device, IG_PCI_COMMAND));
}

/* A BAR takes whole registers; all ones ask for the size and move nothing. */
static void write_bar(struct ig_pci_device *device, uint32_t index, uint32_t value)
{
	struct ig_pci_bar *bar = &device->bar[index];

	bar->probe = value;
	if (!bar->size || value == UINT32_MAX)
		return;
	bar->address = value & ~(bar->size - 1);
	tell(device);
}

static void write_command(struct ig_pci_device *device, const uint8_t *data, uint32_t size)
{
	uint16_t command = ig_pci_get16(device, IG_PCI_COMMAND);
	uint16_t before = command;

	command = size > 1 ? (uint16_t)(data[0] | data[1] << 8) : (uint16_t)((command & 0xff00) | data[0]);
	command &= COMMAND_WRITABLE;
	ig_pci_set16(device, IG_PCI_COMMAND, command);
	if ((command ^ before) & IG_PCI_COMMAND_INTX_DISABLE)
		irqgate_kvm_enable(device->vmm->gate, device->irq, !(command & IG_PCI_COMMAND_INTX_DISABLE));
	tell(device);
}

static void write_config(struct ig_pci_device *device, uint32_t offset, const uint8_t *data, uint32_t size)
{
	uint32_t value = 0;

	memcpy(&value, data, size);
	if (offset == IG_PCI_COMMAND)
		write_command(device, data, size);
	else if (offset == IG_PCI_COMMAND + 1)
		write_command(device, (uint8_t[]){ device->config[IG_PCI_COMMAND], data[0] }, 2);
	else if (offset >= IG_PCI_BAR0 && offset < IG_PCI_BAR_END && size == sizeof(value))
		write_bar(device, (offset - IG_PCI_BAR0) / (uint32_t)sizeof(value), value);
	else if (offset == IG_PCI_INTERRUPT_LINE)
		device->config[offset] = data[0];
	else if (device->config_write && offset >= IG_PCI_BAR_END)
		device->config_write(device, offset, data, size);
}

void ig_pci_data_access(struct ig_vmm *vmm, uint32_t offset, bool write, void *data, uint32_t size)
{
	struct ig_pci_device *device;

	pthread_mutex_lock(&vmm->pci.lock);
	device = addressed(vmm);
	offset += vmm->pci.address & ADDRESS_REGISTER;
	if (device && offset % size == 0 && offset + size <= IG_PCI_CONFIG_SIZE) {
		if (write)
			write_config(device, offset, data, size);
		else
			read_config(device, offset, data, size);
	}
	pthread_mutex_unlock(&vmm->pci.lock);
}

/* Finds the BAR that decodes an access, and hands it over. */
static bool access_bar(struct ig_vmm *vmm, uint32_t space, uint64_t address, bool write, void *data, uint32_t size)
{
	struct ig_pci_device *device = vmm->pci.device;

	if (!device || !(ig_pci_get16(device, IG_PCI_COMMAND) & space))
		return false;
	for (uint32_t i = 0; i < IG_PCI_BARS; i++) {
		struct ig_pci_bar *bar = &device->bar[i];
		uint32_t kind = bar->flags & IG_PCI_BAR_IO ? IG_PCI_COMMAND_IO : IG_PCI_COMMAND_MEMORY;

		if (kind != space || address < bar->address || address - bar->address + size > bar->size)
			continue;
		device->bar_access(device, i, address - bar->address, write, data, size);
		return true;
	}
	return false;
}

bool ig_pci_port_access(struct ig_vmm *vmm, uint16_t port, bool write, void *data, uint32_t size)
{
	bool mine;

	pthread_mutex_lock(&vmm->pci.lock);
	mine = access_bar(vmm, IG_PCI_COMMAND_IO, port, write, data, size);
	pthread_mutex_unlock(&vmm->pci.lock);
	return mine;
}

bool ig_pci_mmio_access(struct ig_vmm *vmm, uint64_t address, bool write, void *data, uint32_t size)
{
	bool mine;

	pthread_mutex_lock(&vmm->pci.lock);
	mine = access_bar(vmm, IG_PCI_COMMAND_MEMORY, address, write, data, size);
	pthread_mutex_unlock(&vmm->pci.lock);
	return mine;
}
