/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The lines and the registers of the chips. No locks: a test lets one processor at a time come here. */
#include "chips.h"

#define TEST_PORT 0x2000 /* QEMU: pc-testdev */
#define LINES 24
#define BITS_PER_REGISTER 32
#define REGISTER_STRIDE 0x10
#define VERSION_20 0x20
#define MAX_SHIFT 16
#define ALL_MASKED 0xff

static uint32_t raised;

void line_set(uint32_t line, bool level)
{
	if (level)
		raised |= 1u << line;
	out8((uint16_t)(TEST_PORT + line), level);
}

void line_pulse(uint32_t line)
{
	line_set(line, true);
	line_set(line, false);
}

uint32_t ioapic_read(uint32_t index)
{
	write32(IOAPIC_SELECT, index);
	return read32(IOAPIC_WINDOW);
}

void ioapic_write(uint32_t index, uint32_t value)
{
	write32(IOAPIC_SELECT, index);
	write32(IOAPIC_WINDOW, value);
}

uint32_t ioapic_pins(void)
{
	return (ioapic_read(IOAPIC_VERSION) >> MAX_SHIFT & 0xff) + 1;
}

bool ioapic_has_eoi(void)
{
	return (ioapic_read(IOAPIC_VERSION) & 0xff) >= VERSION_20;
}

void ioapic_eoi(uint32_t vector)
{
	write32(IOAPIC_EOI, vector);
}

void entry_set_low(uint32_t pin, uint32_t low)
{
	ioapic_write(IOAPIC_RTE_LOW(pin), low);
}

/* Masked until it is whole. */
void entry_set(uint32_t pin, uint32_t low, uint32_t destination)
{
	entry_set_low(pin, low | RTE_MASKED);
	ioapic_write(IOAPIC_RTE_HIGH(pin), destination << ID_SHIFT);
	entry_set_low(pin, low);
}

uint32_t entry_low(uint32_t pin)
{
	return ioapic_read(IOAPIC_RTE_LOW(pin));
}

bool remote_irr(uint32_t pin)
{
	return entry_low(pin) & RTE_REMOTE_IRR;
}

void lapic_set_logical(uint32_t id, bool cluster)
{
	write32(LAPIC_DFR, cluster ? DFR_CLUSTER : DFR_FLAT);
	write32(LAPIC_LDR, id << ID_SHIFT);
}

void lapic_reset(void)
{
	lapic_enable();
	lapic_set_logical(1u << lapic_id(), false);
}

bool lapic_tmr(uint32_t vector)
{
	uint32_t bank = read32(LAPIC_TMR + vector / BITS_PER_REGISTER * REGISTER_STRIDE);

	return bank >> vector % BITS_PER_REGISTER & 1;
}

static void reset_lapic_of(uint32_t argument)
{
	(void)argument;
	lapic_reset();
}

void board_lower(void)
{
	for (uint32_t line = 0; line < LINES; line++)
		if (raised >> line & 1)
			line_set(line, false);
	out8(MASTER + DATA, ALL_MASKED);
	out8(SLAVE + DATA, ALL_MASKED);
}

/* An entry that is edge-triggered has no remote IRR. */
void board_reset(void)
{
	uint32_t pins = ioapic_pins();

	board_lower();
	raised = 0;
	for (uint32_t pin = 0; pin < pins; pin++)
		entry_set(pin, RTE_MASKED | VECTOR, 0);
	lapic_reset();
	interrupts_on();
	settle();
	for (uint32_t id = 1; id < cpus; id++)
		do_on(id, reset_lapic_of, 0);
}
