/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The processor that does its worst: random values to every register of the IOAPIC, the 8259s, the 8254, the
 * clock, the serial port and PCI's configuration space, to ports that nobody has, and to the test ports,
 * which leave lines asserted; and one pin masked and unmasked in a loop. It spares what would end the guest
 * or the other processor, which would end the test: that one's pin and device; messages to that one; NMI,
 * INIT and SMI; reset and power-off.
 */
#include "hammer.h"

#define FIRST_ENTRY IOAPIC_RTE_LOW(0)
#define INDICES 0x48 /* of the registers, and some more */
#define RTE_MODE 0x700
#define MODE_SHIFT 8
#define MODES_SPARED ((1 << 2) | (1 << 4) | (1 << 5)) /* SMI, NMI, INIT: 82093AA, 3.2.4 */

#define PORT_IER (IG_GUEST_SERIAL_PORT + 1)
#define PORT_LCR (IG_GUEST_SERIAL_PORT + 3)
#define PORT_MCR (IG_GUEST_SERIAL_PORT + 4)
#define LCR_8_BITS 3
#define MCR_READY 3

#define PORT_TEST_LINES 0x2000
#define PORT_NOBODY 0x1000
#define DEVICE_SLOT 1
#define SLOTS 32
#define SLOT_SHIFT 11
#define REG_INTERRUPT_LINE 0x3c
#define PULSES 16

#define PIT_CONTROL 0x43
#define PIT_STOPS 0x30 /* counter 0 waits for its count, which does not come: 8254, "control word format" */
#define PORT_DELAY 0x80

static volatile enum hammer_work work, done; /* asked for; what it is at */
static volatile uint32_t accesses;
static uint32_t seed = 0x2545f491, spared, own;

static uint32_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static uint32_t pick(uint32_t below)
{
	return (draw() >> 8) % below;
}

/* A value for the lower half of an entry. */
static uint32_t draw_entry(void)
{
	uint32_t value = draw();

	if (1 << ((value & RTE_MODE) >> MODE_SHIFT) & MODES_SPARED)
		value &= ~(uint32_t)RTE_MODE;
	return value;
}

static bool is_spared(uint32_t index)
{
	return index >= FIRST_ENTRY && (index - FIRST_ENTRY) / 2 == spared;
}

static void write_ioapic(uint32_t index, uint32_t value)
{
	write32(IOAPIC_SELECT, index);
	write32(IOAPIC_WINDOW, value);
	accesses += 2;
}

static void hammer_ioapic(void)
{
	uint32_t index = pick(INDICES), flags;

	if (is_spared(index))
		return;
	flags = ioapic_claim();
	write_ioapic(index, index < FIRST_ENTRY ? draw() : index & 1 ? own << ID_SHIFT : draw_entry());
	read32(IOAPIC_WINDOW);
	ioapic_release(flags);
	write32(IOAPIC_EOI, draw());
	accesses += 2;
}

/* Masks and unmasks one pin, whose line is asserted. */
static void hammer_mask(void)
{
	uint32_t pin = pick(PINS), flags;

	if (pin == spared)
		return;
	out8((uint16_t)(PORT_TEST_LINES + pin), 1);
	for (int i = 0; i < PULSES; i++) {
		flags = ioapic_claim();
		write_ioapic(FIRST_ENTRY + 2 * pin, RTE_LEVEL | (VECTOR_PIN + pin) | (i % 2 ? RTE_MASKED : 0));
		ioapic_release(flags);
	}
}

static void hammer_ports(void)
{
	static const uint16_t ports[] = {
		0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1,       /* the 8259s */
		0x40, 0x41, 0x42, 0x43, 0x61,               /* the 8254 */
		0x70, 0x71, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3ff, /* clock, serial port but for its data */
		0x510, 0x511, 0x600, 0x602, 0x80, 0xcfb,    /* what is left */
	};
	uint16_t port = ports[pick(sizeof(ports) / sizeof(ports[0]))];

	if (pick(4))
		out8(port, (uint8_t)draw());
	else
		in8(port);
	out8((uint16_t)(PORT_NOBODY + pick(0x1000)), (uint8_t)draw());
	accesses += 2;
}

static void hammer_lines(void)
{
	uint32_t pin = pick(PINS);

	if (pin == spared)
		return;
	out8((uint16_t)(PORT_TEST_LINES + pin), (uint8_t)pick(2));
	accesses++;
}

static void hammer_pci(void)
{
	uint32_t slot = pick(SLOTS), reg = pick(64) * 4, value = draw();

	if (slot == DEVICE_SLOT)
		reg = REG_INTERRUPT_LINE;
	pci_write(slot << SLOT_SHIFT, reg, value);
	pci_read(slot << SLOT_SHIFT, reg);
	accesses += 4;
}

/* All pins but the spared one send to the processor that hammers from now on. */
static void take_pins(void)
{
	uint32_t flags = ioapic_claim();

	for (uint32_t pin = 0; pin < PINS; pin++)
		if (pin != spared)
			write_ioapic(FIRST_ENTRY + 2 * pin + 1, own << ID_SHIFT);
	ioapic_release(flags);
}

static void hammer_all(void)
{
	switch (pick(8)) {
	case 0: case 1: hammer_ioapic(); break;
	case 2: hammer_mask(); break;
	case 3: hammer_lines(); break;
	case 4: hammer_pci(); break;
	default: hammer_ports(); break;
	}
}

void hammer(void)
{
	own = lapic_id();
	while (true) {
		done = work;
		if (done == HAMMER_HARMLESS)
			out8(PORT_DELAY, 0);
		else if (done == HAMMER_HOSTILE)
			hammer_all();
	}
}

/* What it has left behind goes: lines that are up, pins that are unmasked, ticks. */
static void clean_up(void)
{
	uint32_t flags = ioapic_claim();

	for (uint32_t pin = 0; pin < PINS; pin++) {
		if (pin == spared)
			continue;
		out8((uint16_t)(PORT_TEST_LINES + pin), 0);
		write_ioapic(FIRST_ENTRY + 2 * pin, RTE_MASKED);
	}
	ioapic_release(flags);
	out8(PIT_CONTROL, PIT_STOPS);
	pic_start();
	out8(PORT_LCR, LCR_8_BITS);
	out8(PORT_IER, 0);
	out8(PORT_MCR, MCR_READY);
}

void hammer_do(enum hammer_work wanted, uint32_t spare)
{
	enum hammer_work before = work;

	spared = spare;
	if (wanted == HAMMER_HOSTILE)
		take_pins();
	work = wanted;
	while (done != wanted)
		;
	if (before == HAMMER_HOSTILE)
		clean_up();
}

uint32_t hammer_count(void)
{
	return accesses;
}
