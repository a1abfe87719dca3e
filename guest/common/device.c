/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The device that interrupts: found once by the boot processor, then its registers, which need no lock. */
#include <stddef.h>

#include "common/machine.h"

#define REG_COMMAND 0x04
#define COMMAND_MEMORY 0x2
#define COMMAND_INTX_DISABLE 0x400
#define COMMAND_MASK 0xffff /* the upper half is the status: ones written there clear it */
#define REG_BAR0 0x10
#define REG_INTERRUPT 0x3c
#define INTERRUPT_LINE 0xff
#define BAR_IO 0x1
#define BAR_FLAGS 0xf

static uintptr_t registers;
static uint32_t irq;

static void enable(uint32_t address)
{
	uint32_t bar = pci_read(address, REG_BAR0);
	uint32_t command = pci_read(address, REG_COMMAND) & COMMAND_MASK;

	if (bar & BAR_IO || !(bar & ~BAR_FLAGS))
		fail("BAR 0 of the device has no memory address, it reads", bar);
	registers = bar & ~BAR_FLAGS;
	irq = pci_read(address, REG_INTERRUPT) & INTERRUPT_LINE;
	pci_write(address, REG_COMMAND, (command | COMMAND_MEMORY) & ~COMMAND_INTX_DISABLE);
}

const char *device_find(void)
{
	static const struct {
		const char *name;
		uint32_t id;
	} known[] = { { "edu", IG_GUEST_PCI_EDU }, { "builtin", IG_GUEST_PCI_BUILTIN } };
	uint32_t address;

	for (uint32_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (pci_find(IG_GUEST_PCI_VENDOR, known[i].id, &address)) {
			enable(address);
			return known[i].name;
		}
	return NULL;
}

/* At the 8259s, as the firmware says. */
uint32_t device_irq(void)
{
	return irq;
}

void device_raise(uint32_t bits)
{
	write32(registers + IG_GUEST_DEVICE_RAISE, bits);
}

uint32_t device_status(void)
{
	return read32(registers + IG_GUEST_DEVICE_STATUS);
}

void device_ack(uint32_t bits)
{
	write32(registers + IG_GUEST_DEVICE_ACK, bits);
}

void device_make_deaf(void)
{
	write32(registers + IG_GUEST_DEVICE_DEAF, 1);
}
