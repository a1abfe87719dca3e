/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The IOAPIC (82093AA, chapter 3), behind ioapic_lock, which the handler takes too: interrupts are off
 * while it is held.
 */
#include "oneshot.h"

static uint32_t ioapic_lock;
static uint32_t trigger_mode = RTE_LEVEL;

uint32_t ioapic_claim(void)
{
	uint32_t flags = interrupts_off();

	while (!try_lock(&ioapic_lock))
		;
	return flags;
}

void ioapic_release(uint32_t flags)
{
	unlock(&ioapic_lock);
	interrupts_restore(flags);
}

/* Under the lock. The index is written each time, as Linux does. */
static void ioapic_write(uint32_t index, uint32_t value)
{
	write32(IOAPIC_SELECT, index);
	write32(IOAPIC_WINDOW, value);
}

/* Fixed delivery, physical destination, and active high: emulated chips leave the polarity to the board. */
static uint32_t rte_low(uint32_t pin)
{
	return trigger_mode | (VECTOR_PIN + pin);
}

uint32_t ioapic_pins(void)
{
	uint32_t flags = ioapic_claim();
	uint32_t version;

	write32(IOAPIC_SELECT, IOAPIC_VERSION);
	version = read32(IOAPIC_WINDOW);
	ioapic_release(flags);
	if (version == 0 || version == UINT32_MAX)
		fail("no IOAPIC at 0xfec00000, its version register reads", version);
	return (version >> 16 & 0xff) + 1;
}

/* From now on, what is unmasked is edge-triggered. */
void ioapic_take_edges(void)
{
	trigger_mode = 0;
}

/* To this processor, and unmasked. */
void ioapic_route(uint32_t pin, uint32_t processor)
{
	uint32_t flags = ioapic_claim();

	ioapic_write(IOAPIC_RTE_LOW(pin), rte_low(pin) | RTE_MASKED);
	ioapic_write(IOAPIC_RTE_HIGH(pin), processor << ID_SHIFT);
	ioapic_write(IOAPIC_RTE_LOW(pin), rte_low(pin));
	ioapic_release(flags);
	lapic_set_priority(0);
}

/* The read back waits until the chip has the mask. */
static void ioapic_mask(uint32_t pin)
{
	uint32_t flags = ioapic_claim();

	ioapic_write(IOAPIC_RTE_LOW(pin), rte_low(pin) | RTE_MASKED);
	read32(IOAPIC_WINDOW);
	ioapic_release(flags);
}

/*
 * With interrupts on: what waits for the unmask comes with it (some software KVMs look for an open window
 * only at exits). The handler needs the lock too: it runs on another processor, or, on the only one, not
 * before the write.
 */
static void ioapic_unmask(uint32_t pin)
{
	bool shared = options.cpus > 1;

	while (shared && !try_lock(&ioapic_lock))
		;
	ioapic_write(IOAPIC_RTE_LOW(pin), rte_low(pin));
	if (shared)
		unlock(&ioapic_lock);
}

static void ioapic_eoi(uint32_t pin)
{
	(void)pin; /* the local APIC knows which it is, and tells the IOAPIC */
	lapic_eoi();
}

const struct chip ioapic = { ioapic_mask, ioapic_unmask, ioapic_eoi };
