/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The ports of the machine, and what happens where nothing is. On the thread of the vCPU that accesses. */
#include <string.h>

#include "cli/cli.h"
#include "guest/guest.h"
#include "vmm/pci.h"
#include "vmm/vmm.h"

enum {
	PORT_RTC = 0x70,
	PORT_RTC_END = 0x72,
	PORT_SERIAL = 0x3f8,
	PORT_SERIAL_END = 0x400,
	PORT_FWCFG_SELECT = 0x510,
	PORT_FWCFG_DATA = 0x511,
	PORT_PCI_ADDRESS = 0xcf8, /* PCI 3.0, 3.2.2.3.2: configuration mechanism 1 */
	PORT_PCI_DATA = 0xcfc,
	PORT_PCI_END = 0xd00,
	PORT_TEST_LINES = 0x2000, /* + GSI: a write sets the level of a wire on it */
};

/*
 * A wire is added when the guest first uses it: one on a device's GSI would take that line off the direct
 * path.
 */
static void set_test_line(struct ig_vmm *vmm, uint32_t gsi, bool level)
{
	pthread_mutex_lock(&vmm->wires_lock);
	if (!vmm->wire[gsi])
		irqgate_kvm_add_wire(vmm->gate, gsi, "test port", &vmm->wire[gsi]);
	pthread_mutex_unlock(&vmm->wires_lock);
	irqgate_kvm_set_level(vmm->gate, vmm->wire[gsi], level);
}

static void write_fixed_port(struct ig_vmm *vmm, uint16_t port, const uint8_t *data, uint32_t size)
{
	uint16_t key = data[0];

	if (port == IG_GUEST_EXIT_PORT) {
		ig_vmm_stop(vmm, IG_END_EXIT_PORT, data[0]);
	} else if (port == IG_GUEST_MARK_PORT) {
		ig_measure_mark(vmm, data[0]);
	} else if (port == PORT_FWCFG_SELECT) {
		if (size > 1)
			memcpy(&key, data, sizeof(key));
		ig_fwcfg_select(vmm, key);
	} else if (port >= PORT_TEST_LINES && port < PORT_TEST_LINES + IG_GSIS) {
		set_test_line(vmm, port - (uint32_t)PORT_TEST_LINES, data[0]);
	}
}

static void serial_access(struct ig_vmm *vmm, uint16_t offset, bool write, uint8_t *data)
{
	if (write)
		ig_serial_write(vmm, offset, data[0]);
	else
		data[0] = ig_serial_read(vmm, offset);
}

static void rtc_access(struct ig_vmm *vmm, uint16_t port, bool write, uint8_t *data)
{
	if (write)
		ig_rtc_write(vmm, port, data[0]);
	else
		data[0] = ig_rtc_read(vmm, port);
}

void ig_port_access(struct ig_vmm *vmm, uint16_t port, bool write, void *data, uint32_t size)
{
	if (!write)
		memset(data, 0xff, size); /* nobody drives the bus */
	if (port >= PORT_SERIAL && port < PORT_SERIAL_END)
		serial_access(vmm, port - PORT_SERIAL, write, data);
	else if (port >= PORT_PCI_ADDRESS && port < PORT_PCI_DATA && size == sizeof(uint32_t))
		ig_pci_address_access(vmm, write, data);
	else if (port >= PORT_PCI_DATA && port < PORT_PCI_END)
		ig_pci_data_access(vmm, port - PORT_PCI_DATA, write, data, size);
	else if (port >= PORT_RTC && port < PORT_RTC_END)
		rtc_access(vmm, port, write, data);
	else if (ig_timer_access(vmm, port, write, data) || ig_pm_access(vmm, port, write, data, size) ||
		 ig_pci_port_access(vmm, port, write, data, size))
		return;
	else if (write)
		write_fixed_port(vmm, port, data, size);
	else if (port == PORT_FWCFG_DATA)
		*(uint8_t *)data = ig_fwcfg_read(vmm);
}

void ig_mmio_access(struct ig_vmm *vmm, uint64_t address, bool write, void *data, uint32_t size)
{
	if (!write)
		memset(data, 0xff, size);
	ig_pci_mmio_access(vmm, address, write, data, size);
}
