/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Power: ACPI's fixed registers (ACPI 6.3, 4.8.3), the reset control register and the keyboard controller's
 * way to reset. There are no events: nothing raises the SCI. Any vCPU; nothing here locks.
 */
#include <string.h>
#include <time.h>

#include "vmm/acpi.h"
#include "vmm/vmm.h"

#define CONTROL_SCI_ENABLE  0x0001U /* ACPI mode: always */
#define CONTROL_SLEEP_SHIFT 10
#define CONTROL_SLEEP_TYPE  7U
#define CONTROL_SLEEP       (1U << 13)

#define TIMER_HZ UINT64_C(3579545)

/* PCI's reset control register: a rising edge of the one with the other (Intel ICH9 data sheet, 13.7.5). */
#define RESET_CPU 0x04U

/* The keyboard controller (Intel 8042): its command that pulses the line that resets the processor. */
#define PORT_KEYBOARD_COMMAND 0x64
#define KEYBOARD_RESET        0xfeU

static uint32_t timer(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint32_t)((uint64_t)now.tv_sec * TIMER_HZ + (uint64_t)now.tv_nsec * TIMER_HZ / 1000000000);
}

static void write_control(struct ig_vmm *vmm, uint16_t value)
{
	if ((value & CONTROL_SLEEP) &&
	    (value >> CONTROL_SLEEP_SHIFT & CONTROL_SLEEP_TYPE) == IG_ACPI_SLEEP_OFF)
		ig_vmm_stop(vmm, IG_END_POWER_OFF, 0);
}

/* The registers, as far as they can be read: status and enable, control, timer. */
static void read_register(struct ig_vmm *vmm, uint16_t port, uint8_t *data, uint32_t size)
{
	const uint32_t registers[] = { (uint32_t)vmm->pm_enable << 16, CONTROL_SCI_ENABLE, timer() };
	uint32_t offset = port - (uint32_t)IG_ACPI_PM_EVENT;

	if (offset + size <= sizeof(registers))
		memcpy(data, (const uint8_t *)registers + offset, size);
}

static void write_register(struct ig_vmm *vmm, uint16_t port, const uint8_t *data, uint32_t size)
{
	uint16_t value = data[0];

	if (size > 1)
		memcpy(&value, data, sizeof(value));
	if (port == IG_ACPI_PM_EVENT + 2)
		vmm->pm_enable = value;
	else if (port == IG_ACPI_PM_CONTROL)
		write_control(vmm, value);
}

bool ig_pm_access(struct ig_vmm *vmm, uint16_t port, bool write, uint8_t *data, uint32_t size)
{
	if (port >= IG_ACPI_PM_EVENT && port < IG_ACPI_PM_END) {
		if (write)
			write_register(vmm, port, data, size);
		else
			read_register(vmm, port, data, size);
		return true;
	}
	if (port != IG_ACPI_RESET && port != PORT_KEYBOARD_COMMAND)
		return false;
	if (!write)
		data[0] = 0; /* the one is idle, the other has nothing to say */
	else if (port == IG_ACPI_RESET ? data[0] & RESET_CPU : data[0] == KEYBOARD_RESET)
		ig_vmm_reset(vmm);
	return true;
}
