/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The modes of the 8259A (Intel 231468): rotation, special mask, automatic EOI, poll, special fully nested,
 * LTIM.
 */
#include "chips.h"

/* In service one after another from the first to the last, by priority, when all three ask. */
static bool order_is(uint32_t first, uint32_t second, uint32_t third)
{
	const uint32_t irqs[] = { first, second, third };

	for (uint32_t i = 0; i < 3; i++)
		line_set(irqs[i], false);
	line_set(3, true);
	line_set(5, true);
	line_set(7, true);
	for (uint32_t i = 0; i < 3; i++) {
		if (irq_taken() != irqs[i])
			return false;
		pic_eoi(irqs[i]);
	}
	return no_irq();
}

#define THREE (1 << 3 | 1 << 5 | 1 << 7)

static void set_priority_names_the_lowest(void)
{
	pic_setup();
	pic_unmask(THREE);
	require(order_is(3, 5, 7));
	out8(MASTER, OCW2_SET_PRIORITY | 3);
	require(order_is(5, 7, 3));
	out8(MASTER, OCW2_SET_PRIORITY | 6);
	require(order_is(7, 3, 5));
	out8(MASTER, OCW2_SET_PRIORITY | 7);
	require(order_is(3, 5, 7));
}

static void rotation_makes_the_ended_one_the_lowest(void)
{
	pic_setup();
	pic_unmask(THREE);
	line_set(3, true);
	require(irq_taken() == 3);
	out8(MASTER, OCW2_ROTATE);
	require(!pic_read(MASTER, OCW3_READ_ISR));
	require(order_is(5, 7, 3));
}

static void specific_rotation_ends_the_named_one(void)
{
	pic_setup();
	pic_unmask(THREE);
	line_set(5, true);
	require(irq_taken() == 5);
	line_set(3, true);
	require(irq_taken() == 3);
	out8(MASTER, OCW2_ROTATE_SPECIFIC | 5);
	require(pic_read(MASTER, OCW3_READ_ISR) == 1 << 3);
	pic_eoi(3);
	require(order_is(7, 3, 5));
}

static void automatic_eoi_ends_it_at_once(void)
{
	pic_setup();
	pic_start(ICW1, ICW4 | ICW4_AUTO_EOI, ICW4);
	pic_unmask(THREE);
	line_set(7, true);
	require(irq_taken() == 7);
	require(!pic_read(MASTER, OCW3_READ_ISR));
	line_set(5, true);
	line_set(3, true);
	require(irq_taken() == 3);
	require(irq_taken() == 5);
	require(no_irq());
}

static void rotation_in_automatic_eoi(void)
{
	pic_setup();
	pic_start(ICW1, ICW4 | ICW4_AUTO_EOI, ICW4);
	pic_unmask(THREE);
	out8(MASTER, OCW2_ROTATE_AUTO_SET);
	line_set(3, true);
	require(irq_taken() == 3);
	line_set(3, false);
	line_set(3, true);
	line_set(5, true);
	require(irq_taken() == 5);
	require(irq_taken() == 3);
	out8(MASTER, OCW2_ROTATE_AUTO_CLEAR);
	out8(MASTER, OCW2_SET_PRIORITY | 7);
	require(order_is(3, 5, 7));
}

/* Whoever is in service holds back only itself, and those that are masked. */
static void special_mask_lets_lower_ones_in(void)
{
	pic_setup();
	pic_unmask(1 << 3 | 1 << 7);
	line_set(3, true);
	require(irq_taken() == 3);
	line_set(7, true);
	require(no_irq());
	pic_unmask(1 << 7);
	out8(MASTER, OCW3_SPECIAL_MASK_ON);
	require(irq_taken() == 7);
	require(pic_read(MASTER, OCW3_READ_ISR) == (1 << 3 | 1 << 7));
	pic_eoi(7);
	pic_eoi(3);
	out8(MASTER, OCW3_SPECIAL_MASK_OFF);
	require(!pic_read(MASTER, OCW3_READ_ISR));
}

/* The read is the acknowledge. */
static void poll_serves_the_highest(void)
{
	pic_setup();
	require(!(pic_read(MASTER, OCW3_POLL) & POLL_INTERRUPT));
	pic_unmask(1 << 5 | 1 << 7);
	line_set(7, true);
	line_set(5, true);
	require(pic_read(MASTER, OCW3_POLL) == (POLL_INTERRUPT | 5));
	require(pic_read(MASTER, OCW3_READ_ISR) == 1 << 5);
	pic_eoi(5);
	require(pic_read(MASTER, OCW3_POLL) == (POLL_INTERRUPT | 7));
	pic_eoi(7);
	require(no_irq());
}

static void special_fully_nested_lets_the_slave_nest(void)
{
	pic_setup();
	pic_start(ICW1, ICW4 | ICW4_SPECIAL_NESTED, ICW4);
	pic_unmask(1 << 10 | 1 << 12 | 1 << 15);
	line_set(12, true);
	require(irq_taken() == 12);
	line_set(15, true);
	require(no_irq());
	line_set(10, true);
	require(irq_taken() == 10);
	require(pic_read(SLAVE, OCW3_READ_ISR) == (1 << 2 | 1 << 4));
	out8(SLAVE, OCW2_EOI);
	out8(SLAVE, OCW2_EOI);
	require(!pic_read(SLAVE, OCW3_READ_ISR));
	out8(MASTER, OCW2_SPECIFIC_EOI | CASCADE);
	require(irq_taken() == 15);
}

static void ltim_makes_every_input_a_level(void)
{
	pic_setup();
	pic_start(ICW1 | ICW1_LEVEL, ICW4, ICW4);
	pic_unmask(1 << 5);
	line_set(5, true);
	require(irq_taken() == 5);
	pic_eoi(5);
	require(irq_taken() == 5);
	line_set(5, false);
	pic_eoi(5);
	require(no_irq());
}

/* Both chips have the line; each is masked, acked and unmasked by itself. */
static void both_chips_have_the_line(void)
{
	pic_setup();
	pic_levels(1 << 11);
	pic_unmask(1 << 11);
	take_with(VECTOR, ends_it);
	entry_set(11, LEVEL | RTE_MASKED, 0);
	line_set(11, true);
	require(irq_taken() == 11);
	require(!remote_irr(11));
	entry_set_low(11, LEVEL);
	require(remote_irr(11));
	pic_unmask(0);
	pic_eoi(11);
	require(pic_read(SLAVE, OCW3_READ_IRR) == 1 << 3);
	take_lowering(VECTOR, 11, 1);
	interrupts_on();
	require(came(VECTOR, 1));
	interrupts_off();
	require(!remote_irr(11));
	require(!pic_read(SLAVE, OCW3_READ_IRR));
	pic_unmask(1 << 11);
	require(no_irq());
}

const struct group pic_mode_group = { "pic-modes", (const struct test[]){
	{ .name = "set priority names the lowest", .run = set_priority_names_the_lowest },
	{ .name = "rotation makes the ended one the lowest", .run = rotation_makes_the_ended_one_the_lowest },
	{ .name = "specific rotation ends the named one", .run = specific_rotation_ends_the_named_one },
	{ .name = "automatic EOI ends it at once", .run = automatic_eoi_ends_it_at_once },
	{ .name = "rotation in automatic EOI", .run = rotation_in_automatic_eoi },
	{ .name = "special mask lets lower ones in", .run = special_mask_lets_lower_ones_in },
	{ .name = "poll serves the highest", .run = poll_serves_the_highest },
	{ .name = "special fully nested lets the slave nest", .run = special_fully_nested_lets_the_slave_nest },
	{ .name = "LTIM makes every input a level", .run = ltim_makes_every_input_a_level },
	{ .name = "both chips have the line", .run = both_chips_have_the_line },
	{ .name = 0 },
} };
