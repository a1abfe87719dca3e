/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* PCI configuration mechanism 1 (PCI 3.0, 3.2.2.3.2), bus 0. The boot processor alone comes here. */
#include "common/machine.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE 0x80000000
#define DEVICE_SHIFT 11
#define FUNCTION_SHIFT 8
#define DEVICES 32
#define FUNCTIONS 8
#define REG_ID 0x00
#define REG_HEADER 0x0c
#define HEADER_MULTI_FUNCTION 0x800000

uint32_t pci_read(uint32_t address, uint32_t offset)
{
	out32(CONFIG_ADDRESS, CONFIG_ENABLE | address | offset);
	return in32(CONFIG_DATA);
}

void pci_write(uint32_t address, uint32_t offset, uint32_t value)
{
	out32(CONFIG_ADDRESS, CONFIG_ENABLE | address | offset);
	out32(CONFIG_DATA, value);
}

/* How many functions to look at: all of them only where function 0 says that there are more. */
static uint32_t functions(uint32_t slot)
{
	if (pci_read(slot, REG_ID) == UINT32_MAX)
		return 0;
	return pci_read(slot, REG_HEADER) & HEADER_MULTI_FUNCTION ? FUNCTIONS : 1;
}

bool pci_find(uint32_t vendor, uint32_t device, uint32_t *address)
{
	for (uint32_t slot = 0; slot < DEVICES << DEVICE_SHIFT; slot += 1 << DEVICE_SHIFT)
		for (uint32_t i = 0, count = functions(slot); i < count; i++)
			if (pci_read(slot | i << FUNCTION_SHIFT, REG_ID) == (device << 16 | vendor)) {
				*address = slot | i << FUNCTION_SHIFT;
				return true;
			}
	return false;
}
