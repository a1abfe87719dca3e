/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The modes of the 8259A pair: rotation, special mask, special fully nested, automatic EOI and poll (8259A
 * data sheet, 231468, under these headings). OpenVMM's model is without the first two and automatic EOI.
 */
#include "pair.h"

#define MASTER IG_PIC_MASTER_COMMAND
#define SLAVE  IG_PIC_SLAVE_COMMAND

/* Takes all that is requested at the master, EOI after each, and fails unless it comes in this order. */
static void assert_order(struct pair *p, const unsigned int *irqs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(pair_acknowledge(p), MASTER_BASE + irqs[i]);
		pair_lower(p, irqs[i]);
		pair_write(p, MASTER, IG_OCW2_EOI);
	}
	assert_false(ig_pic_intr(&p->pic));
}

static void raise_1_4_and_6(struct pair *p)
{
	pair_raise(p, 1);
	pair_raise(p, 4);
	pair_raise(p, 6);
}

TEST(rotation_missing_openvmm_set_priority)
{
	struct pair p;

	pair_open(&p);
	pair_write(&p, MASTER, IG_OCW2_SET_PRIORITY | 4);
	raise_1_4_and_6(&p);
	assert_order(&p, (const unsigned int[]){ 6, 1, 4 }, 3);
}

TEST(rotation_missing_openvmm_on_eoi_without_a_level)
{
	struct pair p;

	/* Automatic rotation, for devices of equal priority: who was served goes to the end of the queue. */
	pair_open(&p);
	pair_take(&p, 4);
	pair_lower(&p, 4);
	pair_write(&p, MASTER, IG_OCW2_ROTATE_EOI);
	assert_reported(&p, irq_bit(4), NO_IRQ, NO_IRQ);
	raise_1_4_and_6(&p);
	assert_order(&p, (const unsigned int[]){ 6, 1, 4 }, 3);
}

TEST(rotation_missing_openvmm_on_eoi_with_a_level)
{
	struct pair p;

	pair_open(&p);
	pair_take(&p, 6);
	pair_take(&p, 4);
	pair_lower(&p, 4);
	pair_lower(&p, 6);
	pair_write(&p, MASTER, IG_OCW2_ROTATE_SPECIFIC_EOI | 4);
	assert_reported(&p, irq_bit(4), NO_IRQ, NO_IRQ);
	pair_end(&p, MASTER, 6);
	raise_1_4_and_6(&p);
	assert_order(&p, (const unsigned int[]){ 6, 1, 4 }, 3);
}

TEST(rotation_missing_openvmm_in_automatic_eoi)
{
	struct pair p;

	pair_open_with(&p, IG_ICW4_AEOI, 0);
	pair_write(&p, MASTER, IG_OCW2_ROTATE_AEOI_SET);
	pair_take(&p, 4);
	pair_lower(&p, 4);
	raise_1_4_and_6(&p);
	assert_order(&p, (const unsigned int[]){ 6, 1, 4 }, 3); /* 4 was the last, and is */
	pair_write(&p, MASTER, IG_OCW2_ROTATE_AEOI_CLEAR);
	pair_take(&p, 6);
	pair_lower(&p, 6);
	raise_1_4_and_6(&p);
	assert_order(&p, (const unsigned int[]){ 6, 1, 4 }, 3); /* and stays, as nothing rotates now */
}

TEST(rotation_with_nothing_in_service_and_of_a_spurious_interrupt_is_none)
{
	struct pair p;

	pair_open_with(&p, IG_ICW4_AEOI, 0);
	pair_write(&p, MASTER, IG_OCW2_ROTATE_AEOI_SET);
	pair_write(&p, MASTER, IG_OCW2_SET_PRIORITY | 3);
	assert_int_equal(pair_acknowledge(&p), SPURIOUS_MASTER);
	pair_write(&p, MASTER, IG_OCW2_ROTATE_EOI);
	assert_int_equal(p.pic.master.lowest, 3);
}

TEST(rotation_moves_the_highest_in_service_too)
{
	struct pair p;

	/* The EOI without a level ends what has the highest priority now, not the lowest number. */
	pair_open(&p);
	pair_write(&p, MASTER, IG_OCW2_SET_PRIORITY | 3);
	pair_take(&p, 1);
	pair_take(&p, 5);
	pair_write(&p, MASTER, IG_OCW2_EOI);
	assert_reported(&p, irq_bit(5), NO_IRQ, NO_IRQ);
}

TEST(rotation_of_one_chip_leaves_the_other)
{
	struct pair p;

	pair_open(&p);
	pair_write(&p, SLAVE, IG_OCW2_SET_PRIORITY | 3);
	pair_raise(&p, 9);
	pair_take(&p, 12);
	pair_take(&p, 1);
}

TEST(special_mask_missing_openvmm)
{
	struct pair p;

	/* A handler masks its own level, and lets everything else interrupt it. */
	pair_open(&p);
	pair_take(&p, 3);
	pair_raise(&p, 5);
	pair_write(&p, IG_PIC_MASTER_DATA, irq_bit(3));
	assert_false(ig_pic_intr(&p.pic));
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_ESMM | IG_OCW3_SMM);
	assert_true(p.result.intr_changed);
	assert_reported(&p, NO_IRQ, NO_IRQ, NO_IRQ);
	assert_int_equal(pair_acknowledge(&p), MASTER_BASE + 5);
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_ESMM);
	pair_raise(&p, 4);
	assert_false(ig_pic_intr(&p.pic));
}

TEST(special_mask_counts_only_with_its_enable_bit)
{
	struct pair p;

	pair_open(&p);
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_SMM);
	assert_false(p.pic.master.special_mask);
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_ESMM | IG_OCW3_SMM);
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_RR);
	assert_true(p.pic.master.special_mask);
}

TEST(special_mask_service_that_is_not_masked_holds_back_as_ever)
{
	struct pair p;

	pair_open(&p);
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_ESMM | IG_OCW3_SMM);
	pair_take(&p, 3);
	pair_raise(&p, 5);
	assert_false(ig_pic_intr(&p.pic));
}

TEST(special_mask_eoi_without_a_level_passes_over_what_is_masked)
{
	struct pair p;

	/* The data sheet on special mask mode: such an EOI does not clear an IS bit whose IMR bit is set. */
	pair_open(&p);
	pair_take(&p, 3);
	pair_write(&p, IG_PIC_MASTER_DATA, irq_bit(3));
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_ESMM | IG_OCW3_SMM);
	pair_write(&p, MASTER, IG_OCW2_EOI);
	assert_reported(&p, NO_IRQ, NO_IRQ, NO_IRQ);
	pair_take(&p, 5);
	pair_write(&p, MASTER, IG_OCW2_EOI);
	assert_reported(&p, irq_bit(5), NO_IRQ, NO_IRQ);
	pair_end(&p, MASTER, 3);
	assert_reported(&p, irq_bit(3), NO_IRQ, NO_IRQ);
}

TEST(special_fully_nested_lets_the_slave_interrupt_itself)
{
	struct pair p;

	pair_open_with(&p, IG_ICW4_SFNM, 0);
	pair_take(&p, 12);
	pair_raise(&p, 14);
	assert_false(ig_pic_intr(&p.pic)); /* lower, within the slave */
	pair_take(&p, 9);
	/* The handler's way out: EOI to the master only once the slave's ISR is empty. */
	pair_write(&p, SLAVE, IG_OCW2_EOI);
	assert_int_equal(pair_isr(&p, SLAVE), 1 << 4);
	pair_write(&p, SLAVE, IG_OCW2_EOI);
	assert_int_equal(pair_isr(&p, SLAVE), 0);
	assert_int_equal(pair_acknowledge(&p), SLAVE_BASE + 6); /* before any EOI to the master */
}

TEST(special_fully_nested_holds_back_lower_inputs_of_the_master)
{
	struct pair p;

	/* "This slave is not locked out": others are, as in fully nested mode. */
	pair_open_with(&p, IG_ICW4_SFNM, 0);
	pair_take(&p, 12);
	pair_raise(&p, 3);
	assert_false(ig_pic_intr(&p.pic));
	pair_take(&p, 1);
	pair_raise(&p, 9);
	assert_false(ig_pic_intr(&p.pic)); /* the slave is lower than IR1 */
}

TEST(special_fully_nested_is_about_slaves_only)
{
	struct pair p;

	pair_open_with(&p, IG_ICW4_SFNM, IG_ICW4_SFNM);
	pair_take(&p, 4);
	pair_lower(&p, 4);
	pair_raise(&p, 4);
	assert_false(ig_pic_intr(&p.pic));
	pair_open_with(&p, IG_ICW4_SFNM, IG_ICW4_SFNM);
	pair_take(&p, 10);
	pair_lower(&p, 10);
	pair_raise(&p, 10);
	assert_false(ig_pic_intr(&p.pic));
}

TEST(without_it_the_slave_in_service_waits_for_the_masters_eoi)
{
	struct pair p;

	pair_open(&p);
	pair_take(&p, 12);
	pair_raise(&p, 9);
	assert_false(ig_pic_intr(&p.pic));
	pair_end(&p, MASTER, IG_PIC_CASCADE);
	assert_int_equal(pair_acknowledge(&p), SLAVE_BASE + 1);
}

TEST(automatic_eoi_missing_openvmm)
{
	struct pair p;

	/* The EOI is the end of the acknowledgement: acked there, once, and a lower input may interrupt. */
	pair_open_with(&p, IG_ICW4_AEOI, IG_ICW4_AEOI);
	pair_raise(&p, 5);
	pair_take(&p, 3);
	assert_reported(&p, irq_bit(3), NO_IRQ, NO_IRQ);
	assert_int_equal(pair_isr(&p, MASTER), 0);
	assert_int_equal(pair_acknowledge(&p), MASTER_BASE + 5);
	pair_write(&p, MASTER, IG_OCW2_EOI);
	assert_reported(&p, NO_IRQ, NO_IRQ, NO_IRQ);
	pair_take(&p, 11);
	assert_reported(&p, irq_bit(11) | irq_bit(IG_PIC_CASCADE), NO_IRQ, NO_IRQ);
}

TEST(automatic_eoi_of_a_level_interrupts_again)
{
	struct pair p;

	pair_open_with(&p, IG_ICW4_AEOI, IG_ICW4_AEOI);
	pair_write(&p, IG_PIC_SLAVE_ELCR, irq_bit(3));
	pair_take(&p, 11);
	assert_int_equal(pair_acknowledge(&p), SLAVE_BASE + 3);
	pair_lower(&p, 11);
	assert_false(ig_pic_intr(&p.pic));
}

TEST(automatic_eoi_of_one_chip_leaves_the_other_in_service)
{
	struct pair p;

	pair_open_with(&p, 0, IG_ICW4_AEOI);
	pair_take(&p, 11);
	assert_reported(&p, irq_bit(11), NO_IRQ, NO_IRQ);
	assert_int_equal(pair_isr(&p, MASTER), 1 << IG_PIC_CASCADE);
	pair_raise(&p, 9);
	assert_false(ig_pic_intr(&p.pic));
}

TEST(poll_takes_the_request_and_tells_its_level)
{
	struct pair p;

	pair_open(&p);
	pair_raise(&p, 4);
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_POLL);
	assert_int_equal(pair_read(&p, MASTER), 0x84);
	assert_true(p.result.intr_changed);
	assert_reported(&p, NO_IRQ, NO_IRQ, NO_IRQ);
	assert_int_equal(pair_read(&p, MASTER), 0); /* the IRR again */
	assert_int_equal(pair_isr(&p, MASTER), 1 << 4);
	pair_write(&p, MASTER, IG_OCW2_EOI);
	assert_reported(&p, irq_bit(4), NO_IRQ, NO_IRQ);
}

TEST(poll_without_a_request_has_bit_7_clear_and_serves_nothing)
{
	struct pair p;

	pair_open(&p);
	pair_write(&p, IG_PIC_MASTER_DATA, irq_bit(4));
	pair_raise(&p, 4);
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_POLL);
	assert_int_equal(pair_read(&p, MASTER) & IG_POLL_INTERRUPT, 0);
	assert_int_equal(pair_isr(&p, MASTER), 0);
	assert_int_equal(pair_irr(&p, MASTER), 1 << 4);
}

TEST(poll_freezes_the_requests_from_the_write_to_the_read)
{
	struct pair p;

	/* "Interrupt is frozen from WR to RD." */
	pair_open(&p);
	pair_raise(&p, 4);
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_POLL);
	pair_raise(&p, 1);
	pair_lower(&p, 4);
	assert_int_equal(pair_read(&p, MASTER), 0x84);
	assert_true(ig_pic_intr(&p.pic));
	assert_int_equal(pair_irr(&p, MASTER), 1 << 1);
}

TEST(poll_overrides_the_status_read_and_the_mask_read)
{
	struct pair p;

	pair_open(&p);
	pair_raise(&p, 4);
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_RR | IG_OCW3_RIS | IG_OCW3_POLL);
	assert_int_equal(pair_read(&p, MASTER), 0x84);
	assert_int_equal(pair_read(&p, MASTER), 1 << 4);
	pair_raise(&p, 3);
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_POLL);
	assert_int_equal(pair_read(&p, IG_PIC_MASTER_DATA), 0x83); /* "the next RD", whichever port */
	assert_int_equal(pair_read(&p, IG_PIC_MASTER_DATA), 0);
}

TEST(poll_waits_for_its_read)
{
	struct pair p;

	pair_open(&p);
	pair_raise(&p, 4);
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_POLL);
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_RR);
	pair_read(&p, SLAVE); /* the other chip's */
	pair_read(&p, IG_PIC_MASTER_ELCR);
	assert_int_equal(pair_read(&p, MASTER), 0x84);
}

TEST(poll_of_each_chip_is_its_own)
{
	struct pair p;

	pair_open(&p);
	pair_raise(&p, 11);
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_POLL);
	assert_int_equal(pair_read(&p, MASTER), 0x82);
	pair_write(&p, SLAVE, IG_OCW3 | IG_OCW3_POLL);
	assert_int_equal(pair_read(&p, SLAVE), 0x83);
	assert_int_equal(pair_isr(&p, SLAVE), 1 << 3);
	assert_int_equal(pair_irr(&p, MASTER), 0); /* the slave's INT has gone */
}

TEST(poll_with_automatic_eoi_acks_at_the_read)
{
	struct pair p;

	pair_open_with(&p, IG_ICW4_AEOI, 0);
	pair_raise(&p, 4);
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_POLL);
	assert_reported(&p, NO_IRQ, NO_IRQ, NO_IRQ);
	assert_int_equal(pair_read(&p, MASTER), 0x84);
	assert_reported(&p, irq_bit(4), NO_IRQ, NO_IRQ);
	assert_int_equal(pair_isr(&p, MASTER), 0);
}

TEST(status_read_keeps_its_register_until_another_is_chosen)
{
	struct pair p;

	pair_open(&p);
	pair_take(&p, 4);
	pair_raise(&p, 5);
	assert_int_equal(pair_read(&p, MASTER), 1 << 5); /* the IRR after ICW1 */
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_RR | IG_OCW3_RIS);
	pair_write(&p, MASTER, IG_OCW3);                 /* no RR: no choice */
	assert_int_equal(pair_read(&p, MASTER), 1 << 4);
	assert_int_equal(pair_read(&p, MASTER), 1 << 4);
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_RR);
	assert_int_equal(pair_read(&p, MASTER), 1 << 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rotation_missing_openvmm_set_priority),
		cmocka_unit_test(rotation_missing_openvmm_on_eoi_without_a_level),
		cmocka_unit_test(rotation_missing_openvmm_on_eoi_with_a_level),
		cmocka_unit_test(rotation_missing_openvmm_in_automatic_eoi),
		cmocka_unit_test(rotation_with_nothing_in_service_and_of_a_spurious_interrupt_is_none),
		cmocka_unit_test(rotation_moves_the_highest_in_service_too),
		cmocka_unit_test(rotation_of_one_chip_leaves_the_other),
		cmocka_unit_test(special_mask_missing_openvmm),
		cmocka_unit_test(special_mask_counts_only_with_its_enable_bit),
		cmocka_unit_test(special_mask_service_that_is_not_masked_holds_back_as_ever),
		cmocka_unit_test(special_mask_eoi_without_a_level_passes_over_what_is_masked),
		cmocka_unit_test(special_fully_nested_lets_the_slave_interrupt_itself),
		cmocka_unit_test(special_fully_nested_holds_back_lower_inputs_of_the_master),
		cmocka_unit_test(special_fully_nested_is_about_slaves_only),
		cmocka_unit_test(without_it_the_slave_in_service_waits_for_the_masters_eoi),
		cmocka_unit_test(automatic_eoi_missing_openvmm),
		cmocka_unit_test(automatic_eoi_of_a_level_interrupts_again),
		cmocka_unit_test(automatic_eoi_of_one_chip_leaves_the_other_in_service),
		cmocka_unit_test(poll_takes_the_request_and_tells_its_level),
		cmocka_unit_test(poll_without_a_request_has_bit_7_clear_and_serves_nothing),
		cmocka_unit_test(poll_freezes_the_requests_from_the_write_to_the_read),
		cmocka_unit_test(poll_overrides_the_status_read_and_the_mask_read),
		cmocka_unit_test(poll_waits_for_its_read),
		cmocka_unit_test(poll_of_each_chip_is_its_own),
		cmocka_unit_test(poll_with_automatic_eoi_acks_at_the_read),
		cmocka_unit_test(status_read_keeps_its_register_until_another_is_chosen),
	};

	return cmocka_run_group_tests_name("pic-modes", tests, NULL, NULL);
}
