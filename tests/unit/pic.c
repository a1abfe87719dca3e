/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The 8259A pair: inputs, masks, priorities, ends of interrupts and the cascade (8259A data sheet, 231468).
 * How it is set up is in pic-setup.c, its modes are in pic-modes.c.
 */
#include "pair.h"

#define MASTER IG_PIC_MASTER_COMMAND
#define SLAVE  IG_PIC_SLAVE_COMMAND

TEST(edge_interrupts_once_until_it_falls)
{
	struct pair p;

	pair_open(&p);
	pair_take(&p, 4);
	assert_int_equal(pair_irr(&p, MASTER), 0);
	pair_end(&p, MASTER, 4);
	pair_raise(&p, 4);
	assert_false(ig_pic_intr(&p.pic));
	pair_lower(&p, 4);
	pair_take(&p, 4);
}

TEST(edge_while_in_service_waits_for_the_eoi)
{
	struct pair p;

	pair_open(&p);
	pair_take(&p, 4);
	pair_lower(&p, 4);
	pair_raise(&p, 4);
	assert_true(ig_pic_pending(&p.pic, 4));
	assert_false(ig_pic_intr(&p.pic));
	pair_end(&p, MASTER, 4);
	assert_int_equal(pair_acknowledge(&p), MASTER_BASE + 4);
}

TEST(interrupt_while_masked_lost_openbsd_vmd)
{
	struct pair p;

	/* "The IMR operates on the IRR": it stops the request, not the latch. */
	pair_open(&p);
	pair_write(&p, IG_PIC_MASTER_DATA, irq_bit(4));
	pair_raise(&p, 4);
	assert_int_equal(pair_irr(&p, MASTER), 1 << 4);
	assert_false(ig_pic_intr(&p.pic));
	pair_write(&p, IG_PIC_MASTER_DATA, 0);
	assert_true(p.result.intr_changed);
	assert_int_equal(pair_acknowledge(&p), MASTER_BASE + 4);
}

TEST(request_that_goes_leaves_nothing_edge_or_level)
{
	struct pair p;

	/* "In both modes the input must remain high until after the falling edge of the first INTA." */
	pair_open(&p);
	pair_write(&p, IG_PIC_MASTER_ELCR, irq_bit(5));
	for (unsigned int irq = 4; irq <= 5; irq++) {
		assert_true(ig_pic_drive(&p.pic, irq, true));
		assert_true(ig_pic_drive(&p.pic, irq, false));
		assert_false(ig_pic_intr(&p.pic));
		assert_false(ig_pic_pending(&p.pic, irq));
	}
}

TEST(request_that_goes_before_its_acknowledgement_is_spurious_irq_7)
{
	struct pair p;

	pair_open(&p);
	pair_raise(&p, 12);
	pair_lower(&p, 12);
	assert_int_equal(pair_acknowledge(&p), SPURIOUS_MASTER);
	/* How a handler tells: a normal IR7 sets its ISR bit, a default one does not. */
	assert_int_equal(pair_isr(&p, MASTER), 0);
	assert_int_equal(pair_isr(&p, SLAVE), 0);
	assert_reported(&p, NO_IRQ, NO_IRQ, NO_IRQ);
}

TEST(spurious_irq_7_within_irq_7_leaves_it_in_service)
{
	struct pair p;

	pair_open(&p);
	pair_take(&p, 7);
	assert_int_equal(pair_acknowledge(&p), SPURIOUS_MASTER);
	assert_int_equal(pair_isr(&p, MASTER), 1 << 7);
}

TEST(spurious_irq_15_has_ir2_in_service_at_the_master)
{
	struct pair p;

	/* The master took IR2 for real: a handler must send it an EOI, and none to the slave. */
	pair_open(&p);
	pair_raise(&p, IG_PIC_CASCADE); /* noise on the wire between the chips */
	assert_int_equal(pair_acknowledge(&p), SPURIOUS_SLAVE);
	assert_int_equal(pair_isr(&p, MASTER), 1 << IG_PIC_CASCADE);
	assert_int_equal(pair_isr(&p, SLAVE), 0);
	pair_end(&p, MASTER, IG_PIC_CASCADE);
	assert_int_equal(pair_isr(&p, MASTER), 0);
	assert_false(ig_pic_intr(&p.pic));
}

TEST(level_interrupts_again_after_its_eoi_while_it_is_high)
{
	struct pair p;

	pair_open_level(&p);
	pair_take(&p, 5);
	assert_int_equal(pair_irr(&p, MASTER), 1 << 5); /* the line is still high, and the IRR says so */
	pair_end(&p, MASTER, 5);
	assert_true(p.result.intr_changed);
	assert_int_equal(pair_acknowledge(&p), MASTER_BASE + 5);
	pair_lower(&p, 5);
	pair_end(&p, MASTER, 5);
	assert_false(ig_pic_intr(&p.pic));
}

TEST(irr_shows_the_level_during_mask_and_service)
{
	struct pair p;

	/* What a guest reads during a hold: masked, EOI sent, and the device still asserts. */
	pair_open_level(&p);
	pair_take(&p, 11);
	pair_write(&p, IG_PIC_SLAVE_DATA, irq_bit(3));
	assert_reported(&p, NO_IRQ, irq_bit(11), NO_IRQ);
	pair_end(&p, SLAVE, 3);
	assert_reported(&p, irq_bit(11), NO_IRQ, NO_IRQ);
	pair_end(&p, MASTER, IG_PIC_CASCADE);
	assert_int_equal(pair_irr(&p, SLAVE), 1 << 3);
	assert_false(ig_pic_intr(&p.pic));
	pair_lower(&p, 11);
	assert_int_equal(pair_irr(&p, SLAVE), 0);
	pair_write(&p, IG_PIC_SLAVE_DATA, 0);
	assert_reported(&p, NO_IRQ, NO_IRQ, irq_bit(11));
	assert_false(ig_pic_intr(&p.pic));
}

TEST(mask_reports_what_it_changes_and_only_that)
{
	struct pair p;

	pair_open(&p);
	pair_write(&p, IG_PIC_MASTER_DATA, irq_bit(3) | irq_bit(4));
	assert_reported(&p, NO_IRQ, irq_bit(3) | irq_bit(4), NO_IRQ);
	pair_write(&p, IG_PIC_MASTER_DATA, irq_bit(3) | irq_bit(4));
	assert_reported(&p, NO_IRQ, NO_IRQ, NO_IRQ);
	pair_write(&p, IG_PIC_MASTER_DATA, irq_bit(4) | irq_bit(5));
	assert_reported(&p, NO_IRQ, irq_bit(5), irq_bit(3));
}

TEST(mask_of_ir2_masks_the_slave)
{
	struct pair p;

	pair_open(&p);
	pair_write(&p, IG_PIC_SLAVE_DATA, irq_bit(0));
	pair_write(&p, IG_PIC_MASTER_DATA, irq_bit(IG_PIC_CASCADE));
	assert_reported(&p, NO_IRQ, 0xfe04, NO_IRQ);
	pair_write(&p, IG_PIC_SLAVE_DATA, 0);
	assert_reported(&p, NO_IRQ, NO_IRQ, NO_IRQ); /* IRQ 8 has another mask in its way */
	assert_true(ig_pic_is_masked(&p.pic, 8));
	pair_write(&p, IG_PIC_MASTER_DATA, 0);
	assert_reported(&p, NO_IRQ, NO_IRQ, 0xff04);
}

TEST(priorities_are_fully_nested)
{
	struct pair p;

	pair_open(&p);
	pair_raise(&p, 6);
	pair_take(&p, 4);                  /* the higher of two */
	assert_false(ig_pic_intr(&p.pic)); /* the lower one waits */
	pair_take(&p, 1);                  /* a higher one interrupts the handler */
	pair_end(&p, MASTER, 1);
	assert_false(ig_pic_intr(&p.pic));
	pair_end(&p, MASTER, 4);
	assert_int_equal(pair_acknowledge(&p), MASTER_BASE + 6);
}

TEST(masked_input_does_not_hold_back_lower_ones)
{
	struct pair p;

	pair_open(&p);
	pair_write(&p, IG_PIC_MASTER_DATA, irq_bit(1));
	pair_raise(&p, 1);
	pair_take(&p, 6);
	pair_write(&p, IG_PIC_MASTER_DATA, irq_bit(6));
	pair_end(&p, MASTER, 6);
	assert_int_equal(pair_acknowledge(&p), MASTER_BASE + 1);
}

TEST(service_of_a_masked_input_still_holds_back_lower_ones)
{
	struct pair p;

	pair_open(&p);
	pair_take(&p, 3);
	pair_write(&p, IG_PIC_MASTER_DATA, irq_bit(3));
	pair_raise(&p, 5);
	assert_false(ig_pic_intr(&p.pic));
}

TEST(eoi_without_a_level_ends_the_highest_in_service)
{
	struct pair p;

	pair_open(&p);
	pair_take(&p, 5);
	pair_take(&p, 3);
	pair_write(&p, MASTER, IG_OCW2_EOI);
	assert_reported(&p, irq_bit(3), NO_IRQ, NO_IRQ);
	pair_write(&p, MASTER, IG_OCW2_EOI);
	assert_reported(&p, irq_bit(5), NO_IRQ, NO_IRQ);
}

TEST(eoi_with_a_level_ends_that_one_only)
{
	struct pair p;

	pair_open(&p);
	pair_take(&p, 5);
	pair_take(&p, 3);
	pair_end(&p, MASTER, 5);
	assert_reported(&p, irq_bit(5), NO_IRQ, NO_IRQ);
	assert_int_equal(pair_isr(&p, MASTER), 1 << 3);
}

TEST(eoi_with_nothing_in_service_does_nothing)
{
	struct pair p, before;

	pair_open(&p);
	pair_take(&p, 3);
	pair_end(&p, MASTER, 3);
	before = p;
	pair_write(&p, MASTER, IG_OCW2_EOI);
	assert_reported(&p, NO_IRQ, NO_IRQ, NO_IRQ);
	pair_write(&p, MASTER, IG_OCW2_ROTATE_EOI);
	pair_end(&p, MASTER, 3);
	pair_write(&p, SLAVE, IG_OCW2_EOI);
	pair_write(&p, MASTER, IG_OCW2_NO_OPERATION | 3);
	assert_reported(&p, NO_IRQ, NO_IRQ, NO_IRQ);
	assert_memory_equal(&p.pic, &before.pic, sizeof(p.pic));
}

TEST(slave_takes_its_place_in_the_masters_priorities)
{
	struct pair p;

	pair_open(&p);
	pair_raise(&p, 3);
	pair_raise(&p, 15);
	pair_take(&p, 8);
	assert_int_equal(pair_isr(&p, MASTER), 1 << IG_PIC_CASCADE);
	assert_int_equal(pair_isr(&p, SLAVE), 1 << 0);
	pair_take(&p, 1);
	pair_end(&p, MASTER, 1);
	pair_write(&p, SLAVE, IG_OCW2_EOI);
	assert_reported(&p, irq_bit(8), NO_IRQ, NO_IRQ);
	assert_false(ig_pic_intr(&p.pic)); /* the master still serves IR2 */
	pair_write(&p, MASTER, IG_OCW2_EOI);
	assert_reported(&p, irq_bit(IG_PIC_CASCADE), NO_IRQ, NO_IRQ);
	assert_int_equal(pair_acknowledge(&p), SLAVE_BASE + 7);
}

TEST(slave_alone_initialised_reaches_nobody)
{
	struct pair p;

	ig_pic_init(&p.pic);
	pair_initialise(&p, SLAVE, ICW4_8086);
	assert_reported(&p, NO_IRQ, NO_IRQ, NO_IRQ);
	pair_raise(&p, 9);
	assert_false(ig_pic_intr(&p.pic));
	pair_initialise(&p, MASTER, ICW4_8086);
	assert_reported(&p, NO_IRQ, NO_IRQ, ALL_IRQS);
	assert_int_equal(pair_acknowledge(&p), SLAVE_BASE + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edge_interrupts_once_until_it_falls),
		cmocka_unit_test(edge_while_in_service_waits_for_the_eoi),
		cmocka_unit_test(interrupt_while_masked_lost_openbsd_vmd),
		cmocka_unit_test(request_that_goes_leaves_nothing_edge_or_level),
		cmocka_unit_test(request_that_goes_before_its_acknowledgement_is_spurious_irq_7),
		cmocka_unit_test(spurious_irq_7_within_irq_7_leaves_it_in_service),
		cmocka_unit_test(spurious_irq_15_has_ir2_in_service_at_the_master),
		cmocka_unit_test(level_interrupts_again_after_its_eoi_while_it_is_high),
		cmocka_unit_test(irr_shows_the_level_during_mask_and_service),
		cmocka_unit_test(mask_reports_what_it_changes_and_only_that),
		cmocka_unit_test(mask_of_ir2_masks_the_slave),
		cmocka_unit_test(priorities_are_fully_nested),
		cmocka_unit_test(masked_input_does_not_hold_back_lower_ones),
		cmocka_unit_test(service_of_a_masked_input_still_holds_back_lower_ones),
		cmocka_unit_test(eoi_without_a_level_ends_the_highest_in_service),
		cmocka_unit_test(eoi_with_a_level_ends_that_one_only),
		cmocka_unit_test(eoi_with_nothing_in_service_does_nothing),
		cmocka_unit_test(slave_takes_its_place_in_the_masters_priorities),
		cmocka_unit_test(slave_alone_initialised_reaches_nobody),
	};

	return cmocka_run_group_tests_name("pic", tests, NULL, NULL);
}
