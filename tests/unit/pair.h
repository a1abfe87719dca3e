/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A pair of 8259A for a test: how guest, processor and devices act on it, and what its last call reported. */
#ifndef IG_TESTS_PAIR_H
#define IG_TESTS_PAIR_H

#include "machine.h"

#include "chip/pic.h"

enum {
	MASTER_BASE = 0x20,
	SLAVE_BASE = 0x28,
	SPURIOUS_MASTER = MASTER_BASE + 7,
	SPURIOUS_SLAVE = SLAVE_BASE + 7,
	MASTER_SLAVES = 1 << IG_PIC_CASCADE, /* ICW3 of the master */
	ICW4_8086 = 1,
	NO_IRQ = 0,
	ALL_IRQS = 0xffff,
};

struct pair {
	struct ig_pic pic;
	struct ig_pic_result result; /* of the last call that has one */
};

static inline void pair_write(struct pair *p, uint16_t port, unsigned int value)
{
	ig_pic_write(&p->pic, port, (uint8_t)value, &p->result);
}

static inline uint8_t pair_read(struct pair *p, uint16_t port)
{
	return ig_pic_read(&p->pic, port, &p->result);
}

static inline uint8_t pair_acknowledge(struct pair *p)
{
	return ig_pic_acknowledge(&p->pic, &p->result);
}

static inline void pair_raise(struct pair *p, unsigned int irq)
{
	ig_pic_drive(&p->pic, irq, true);
}

static inline void pair_lower(struct pair *p, unsigned int irq)
{
	ig_pic_drive(&p->pic, irq, false);
}

/* The whole sequence of one chip, all its inputs unmasked. */
static inline void pair_initialise(struct pair *p, uint16_t command, unsigned int icw4)
{
	bool master = command == IG_PIC_MASTER_COMMAND;

	pair_write(p, command, IG_ICW1 | IG_ICW1_IC4);
	pair_write(p, command + 1, master ? MASTER_BASE : SLAVE_BASE);
	pair_write(p, command + 1, master ? MASTER_SLAVES : IG_PIC_CASCADE);
	pair_write(p, command + 1, icw4);
}

/* A pair after initialisation: edge-triggered inputs, nothing masked. */
static inline void pair_open_with(struct pair *p, unsigned int master_icw4, unsigned int slave_icw4)
{
	ig_pic_init(&p->pic);
	pair_initialise(p, IG_PIC_MASTER_COMMAND, ICW4_8086 | master_icw4);
	pair_initialise(p, IG_PIC_SLAVE_COMMAND, ICW4_8086 | slave_icw4);
}

static inline void pair_open(struct pair *p)
{
	pair_open_with(p, 0, 0);
}

/* The same with inputs level-triggered that may be. */
static inline void pair_open_level(struct pair *p)
{
	pair_open(p);
	pair_write(p, IG_PIC_MASTER_ELCR, 0xff);
	pair_write(p, IG_PIC_SLAVE_ELCR, 0xff);
}

/* Status registers; both leave the IRR selected. */
static inline uint8_t pair_irr(struct pair *p, uint16_t command)
{
	pair_write(p, command, IG_OCW3 | IG_OCW3_RR);
	return pair_read(p, command);
}

static inline uint8_t pair_isr(struct pair *p, uint16_t command)
{
	uint8_t isr;

	pair_write(p, command, IG_OCW3 | IG_OCW3_RR | IG_OCW3_RIS);
	isr = pair_read(p, command);
	pair_write(p, command, IG_OCW3 | IG_OCW3_RR);
	return isr;
}

/* A specific EOI of the chip's own level. */
static inline void pair_end(struct pair *p, uint16_t command, unsigned int level)
{
	pair_write(p, command, IG_OCW2_SPECIFIC_EOI | level);
}

/* Raises an IRQ that is to interrupt at once, and takes it. */
static inline void pair_take(struct pair *p, unsigned int irq)
{
	pair_raise(p, irq);
	assert_true(ig_pic_intr(&p->pic));
	assert_int_equal(pair_acknowledge(p), MASTER_BASE + irq); /* the slave's base follows the master's */
}

#define irq_bit(irq) (1U << (irq))

/* Fails unless the last call reported these sets of IRQs. */
#define assert_reported(pair, acked_irqs, masked_irqs, unmasked_irqs)  \
	do {                                                            \
		assert_int_equal((pair)->result.acked, acked_irqs);       \
		assert_int_equal((pair)->result.masked, masked_irqs);     \
		assert_int_equal((pair)->result.unmasked, unmasked_irqs); \
	} while (0)

#endif
