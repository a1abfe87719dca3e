/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The local APIC (SDM volume 3, chapter 10; each processor its own), and the IOAPIC (82093AA, chapter 3; behind
 * ioapic_lock, which the handler takes too: so interrupts are off while it is held).
 */
#include "oneshot.h"

#define LAPIC 0xfee00000
#define LAPIC_ID (LAPIC + 0x20)
#define LAPIC_TPR (LAPIC + 0x80)
#define LAPIC_EOI (LAPIC + 0xb0)
#define LAPIC_SVR (LAPIC + 0xf0)
#define LAPIC_ICR_LOW (LAPIC + 0x300)
#define LAPIC_ICR_HIGH (LAPIC + 0x310)
#define LAPIC_LVT_LINT0 (LAPIC + 0x350)
#define SVR_ENABLE 0x100
#define LVT_MASKED 0x10000
#define LVT_EXTINT 0x700
#define ICR_INIT 0x4500 /* delivery mode INIT, assert */
#define ICR_STARTUP 0x4600
#define ICR_PENDING 0x1000
#define ICR_PATIENCE 1000000

#define IOAPIC_SELECT 0xfec00000
#define IOAPIC_WINDOW 0xfec00010
#define IOAPIC_VERSION 0x01
#define IOAPIC_RTE_LOW(pin) (0x10 + 2 * (pin))
#define IOAPIC_RTE_HIGH(pin) (0x11 + 2 * (pin))
/* Fixed delivery, physical destination, and active high: emulated chips leave the polarity to the board. */
#define RTE_LEVEL 0x8000
#define RTE_MASKED 0x10000
#define ID_SHIFT 24

static uint32_t ioapic_lock;
static uint32_t trigger_mode = RTE_LEVEL;

void lapic_enable(void)
{
	write32(LAPIC_TPR, 0);
	write32(LAPIC_LVT_LINT0, LVT_MASKED);
	write32(LAPIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
}

/* The 8259s' INTR is at LINT0 of the boot processor. */
void lapic_take_pic(void)
{
	write32(LAPIC_LVT_LINT0, LVT_EXTINT);
}

uint32_t lapic_id(void)
{
	return read32(LAPIC_ID) >> ID_SHIFT;
}

static void lapic_send(uint32_t id, uint32_t command)
{
	write32(LAPIC_ICR_HIGH, id << ID_SHIFT);
	write32(LAPIC_ICR_LOW, command);
	for (int i = 0; i < ICR_PATIENCE && read32(LAPIC_ICR_LOW) & ICR_PENDING; i++)
		;
}

void lapic_init_processor(uint32_t id)
{
	lapic_send(id, ICR_INIT);
}

void lapic_start_processor(uint32_t id, uint32_t page)
{
	lapic_send(id, ICR_STARTUP | page);
}

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
	write32(LAPIC_TPR, 0);
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
 * With interrupts on: what waits for the unmask comes with it (some software KVMs look for an open window only at
 * exits). The handler needs the lock too: it runs on another processor, or, on the only one, not before the write.
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
	write32(LAPIC_EOI, 0);
}

const struct chip ioapic = { ioapic_mask, ioapic_unmask, ioapic_eoi };
