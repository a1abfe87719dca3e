/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The pair of 8259As (Intel 231468; its ELCR: ICH9, 13.4), on the boot processor alone. One line at a time is
 * unmasked, and nobody but its handler unmasks it again: so imr needs no lock.
 */
#include "oneshot.h"

static uint16_t imr;

static uint16_t port_of(uint32_t irq)
{
	return irq < CHIP_IRQS ? MASTER : SLAVE;
}

static uint8_t bit_of(uint32_t irq)
{
	return (uint8_t)(1u << (irq % CHIP_IRQS));
}

static void write_imr(uint32_t irq)
{
	out8(port_of(irq) + DATA, (uint8_t)(irq < CHIP_IRQS ? imr : imr >> CHIP_IRQS));
}

static void pic_mask(uint32_t irq)
{
	imr |= (uint16_t)(1u << irq);
	write_imr(irq);
}

static void pic_unmask(uint32_t irq)
{
	imr &= (uint16_t)~(1u << irq);
	write_imr(irq);
}

static void pic_eoi(uint32_t irq)
{
	out8(port_of(irq), (uint8_t)(OCW2_SPECIFIC_EOI | irq % CHIP_IRQS));
	if (irq >= CHIP_IRQS)
		out8(MASTER, OCW2_SPECIFIC_EOI | CASCADE);
}

const struct chip pic = { pic_mask, pic_unmask, pic_eoi };

static void start_chip(uint16_t port, uint8_t vector, uint8_t cascade)
{
	out8(port, ICW1);
	out8(port + DATA, vector);
	out8(port + DATA, cascade);
	out8(port + DATA, ICW4);
}

/* With every IRQ masked but the slave's. */
void pic_start(void)
{
	start_chip(MASTER, VECTOR_PIC, 1 << CASCADE);
	start_chip(SLAVE, VECTOR_PIC + CHIP_IRQS, CASCADE);
	imr = (uint16_t)~(1u << CASCADE);
	write_imr(CASCADE);
	write_imr(CHIP_IRQS);
}

/* Returns false for an IRQ that only takes edges: its bit stays clear. */
bool pic_set_level(uint32_t irq)
{
	uint16_t port = irq < CHIP_IRQS ? ELCR : ELCR + 1;

	out8(port, in8(port) | bit_of(irq));
	return in8(port) & bit_of(irq);
}

/*
 * A request that went before it was acknowledged comes as the last IRQ of its chip, which does not have it in
 * service; but the master has the slave.
 */
bool pic_is_spurious(uint32_t irq)
{
	if (irq % CHIP_IRQS != CHIP_IRQS - 1)
		return false;
	out8(port_of(irq), OCW3_READ_ISR);
	return !(in8(port_of(irq)) & bit_of(irq));
}
