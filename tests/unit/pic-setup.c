/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The 8259A pair: initialisation, reset, ELCR, pulses, ports and saved state (8259A data sheet, 231468,
 * "Initialization Command Words"; ICW1 and the ISR: AP-59; ports and ELCR: ICH9 data sheet, 13.4).
 */
#include <string.h>

#include "pair.h"

#define MASTER IG_PIC_MASTER_COMMAND
#define SLAVE  IG_PIC_SLAVE_COMMAND

TEST(nothing_interrupts_before_initialisation_and_all_is_masked)
{
	struct pair p;

	/* A guest that uses the IOAPIC alone never touches the 8259: that must not look unmasked. */
	ig_pic_init(&p.pic);
	pair_raise(&p, 3);
	assert_false(ig_pic_intr(&p.pic));
	for (unsigned int irq = 0; irq < IG_PIC_IRQS; irq++)
		assert_true(ig_pic_is_masked(&p.pic, irq));
	assert_true(ig_pic_pending(&p.pic, 3));
}

TEST(mask_reads_back_before_initialisation)
{
	struct pair p;

	/* Linux probes for the chip so, before it sends ICW1. */
	ig_pic_init(&p.pic);
	pair_write(&p, IG_PIC_MASTER_DATA, 0xfb);
	assert_int_equal(pair_read(&p, IG_PIC_MASTER_DATA), 0xfb);
	assert_reported(&p, NO_IRQ, NO_IRQ, NO_IRQ);
}

TEST(icw1_says_which_words_follow)
{
	static const struct { uint8_t icw1; int words; } sequence[] = {
		{ IG_ICW1 | IG_ICW1_IC4, 3 }, { IG_ICW1, 2 }, { IG_ICW1 | IG_ICW1_SNGL | IG_ICW1_IC4, 2 },
		{ IG_ICW1 | IG_ICW1_SNGL, 1 },
	};

	for (size_t i = 0; i < sizeof(sequence) / sizeof(*sequence); i++) {
		struct pair p;

		ig_pic_init(&p.pic);
		pair_write(&p, MASTER, sequence[i].icw1);
		for (int word = 0; word < sequence[i].words; word++) {
			assert_true(ig_pic_is_masked(&p.pic, 0));
			pair_write(&p, IG_PIC_MASTER_DATA, ICW4_8086);
			assert_int_equal(pair_read(&p, IG_PIC_MASTER_DATA), 0);
		}
		assert_false(ig_pic_is_masked(&p.pic, 0));
		pair_write(&p, IG_PIC_MASTER_DATA, 0xa5); /* OCW1 from here on */
		assert_int_equal(pair_read(&p, IG_PIC_MASTER_DATA), 0xa5);
	}
}

TEST(icw1_in_the_middle_starts_the_sequence_anew)
{
	struct pair p;

	ig_pic_init(&p.pic);
	pair_write(&p, MASTER, IG_ICW1 | IG_ICW1_IC4);
	pair_write(&p, IG_PIC_MASTER_DATA, 0x40);
	pair_initialise(&p, MASTER, ICW4_8086);
	pair_raise(&p, 1);
	assert_int_equal(pair_acknowledge(&p), MASTER_BASE + 1);
}

TEST(icw1_clears_mask_service_and_modes)
{
	struct pair p;

	pair_open_with(&p, IG_ICW4_AEOI | IG_ICW4_SFNM, 0);
	pair_write(&p, MASTER, IG_OCW2_SET_PRIORITY | 2);
	pair_write(&p, MASTER, IG_OCW2_ROTATE_AEOI_SET);
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_ESMM | IG_OCW3_SMM);
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_RR | IG_OCW3_RIS);
	pair_write(&p, MASTER, IG_OCW3 | IG_OCW3_POLL);
	pair_write(&p, IG_PIC_MASTER_DATA, 0xf0);
	pair_write(&p, MASTER, IG_ICW1); /* no IC4: the functions of ICW4 go too */
	pair_write(&p, IG_PIC_MASTER_DATA, MASTER_BASE);
	pair_write(&p, IG_PIC_MASTER_DATA, MASTER_SLAVES);
	assert_int_equal(pair_read(&p, IG_PIC_MASTER_DATA), 0);
	pair_raise(&p, 6);
	assert_int_equal(pair_read(&p, MASTER), 1 << 6);
	pair_take(&p, 0); /* IR0 has the highest priority again */
	assert_int_equal(pair_isr(&p, MASTER), 1);
	pair_write(&p, IG_PIC_MASTER_DATA, 1);
	assert_false(ig_pic_intr(&p.pic)); /* no special mask mode */
}

TEST(icw1_reports_what_it_ends_and_masks)
{
	struct pair p;

	pair_open(&p);
	pair_write(&p, IG_PIC_MASTER_DATA, irq_bit(5));
	pair_take(&p, 3);
	pair_write(&p, MASTER, IG_ICW1 | IG_ICW1_IC4);
	/* With the master, IR2 is out of order: so the slave's IRQs can reach nobody either. */
	assert_reported(&p, irq_bit(3), ALL_IRQS & ~irq_bit(5), NO_IRQ);
	assert_int_equal(pair_isr(&p, MASTER), 0);
	pair_write(&p, IG_PIC_MASTER_DATA, MASTER_BASE);
	pair_write(&p, IG_PIC_MASTER_DATA, MASTER_SLAVES);
	assert_reported(&p, NO_IRQ, NO_IRQ, NO_IRQ);
	pair_write(&p, IG_PIC_MASTER_DATA, ICW4_8086);
	assert_reported(&p, NO_IRQ, NO_IRQ, ALL_IRQS);
}

TEST(icw1_makes_edges_start_anew_but_keeps_levels)
{
	struct pair p;

	/* "An input must make a low-to-high transition to generate an interrupt": of a level none is lost. */
	pair_open_level(&p);
	pair_raise(&p, 1);
	pair_raise(&p, 5);
	pair_initialise(&p, MASTER, ICW4_8086);
	assert_int_equal(pair_irr(&p, MASTER), 1 << 5);
	assert_int_equal(pair_acknowledge(&p), MASTER_BASE + 5);
	pair_lower(&p, 1);
	pair_take(&p, 1);
}

TEST(master_initialised_alone_keeps_the_request_of_the_slave)
{
	struct pair p;

	pair_open(&p);
	pair_raise(&p, 10);
	pair_initialise(&p, MASTER, ICW4_8086);
	assert_int_equal(pair_acknowledge(&p), SLAVE_BASE + 2);
}

TEST(icw2_gives_five_bits_of_the_vector)
{
	struct pair p;

	pair_open(&p);
	pair_write(&p, MASTER, IG_ICW1 | IG_ICW1_SNGL);
	pair_write(&p, IG_PIC_MASTER_DATA, 0xff);
	pair_raise(&p, 3);
	assert_int_equal(pair_acknowledge(&p), 0xfb);
}

TEST(words_about_the_wiring_change_nothing_on_a_pc)
{
	struct pair p;

	/* ICW3, buffered mode and the 8085 mode: the PC's wiring is what it is. */
	pair_open(&p);
	pair_write(&p, SLAVE, IG_ICW1 | IG_ICW1_IC4);
	pair_write(&p, IG_PIC_SLAVE_DATA, SLAVE_BASE);
	pair_write(&p, IG_PIC_SLAVE_DATA, 0xff);
	pair_write(&p, IG_PIC_SLAVE_DATA, 0x0c);
	pair_take(&p, 12);
}

TEST(elcr_toggles_when_written_twice_crosvm)
{
	struct pair p, once;

	pair_open(&p);
	pair_write(&p, IG_PIC_MASTER_ELCR, irq_bit(5));
	once = p;
	pair_write(&p, IG_PIC_MASTER_ELCR, irq_bit(5));
	assert_memory_equal(&p, &once, sizeof(p));
	assert_int_equal(pair_read(&p, IG_PIC_MASTER_ELCR), 1 << 5);
	pair_take(&p, 5);
	pair_end(&p, MASTER, 5);
	assert_true(ig_pic_intr(&p.pic));
}

TEST(elcr_has_fixed_edge_inputs)
{
	struct pair p;

	/* Timer, keyboard and cascade; real-time clock and coprocessor. */
	pair_open_level(&p);
	assert_int_equal(pair_read(&p, IG_PIC_MASTER_ELCR), 0xf8);
	assert_int_equal(pair_read(&p, IG_PIC_SLAVE_ELCR), 0xde);
	for (unsigned int irq = 0; irq < IG_PIC_IRQS; irq++)
		assert_int_equal(ig_pic_is_level(&p.pic, irq), irq > 2 && irq != 8 && irq != 13);
	pair_write(&p, IG_PIC_MASTER_ELCR, 0);
	assert_false(ig_pic_is_level(&p.pic, 5));
	assert_true(ig_pic_is_level(&p.pic, 14));
}

TEST(elcr_survives_icw1_but_not_a_reset)
{
	struct pair p;

	pair_open_level(&p);
	pair_initialise(&p, MASTER, ICW4_8086);
	assert_int_equal(pair_read(&p, IG_PIC_MASTER_ELCR), 0xf8);
	ig_pic_reset(&p.pic, &p.result);
	assert_int_equal(pair_read(&p, IG_PIC_MASTER_ELCR), 0);
	assert_int_equal(pair_read(&p, IG_PIC_SLAVE_ELCR), 0);
}

TEST(elcr_changes_how_a_line_that_is_high_counts)
{
	struct pair p;

	pair_open(&p);
	pair_take(&p, 5);
	pair_end(&p, MASTER, 5);
	assert_false(ig_pic_pending(&p.pic, 5)); /* no second edge */
	pair_write(&p, IG_PIC_MASTER_ELCR, irq_bit(5));
	assert_true(p.result.intr_changed);
	assert_true(ig_pic_pending(&p.pic, 5)); /* but a level */
	pair_write(&p, IG_PIC_MASTER_ELCR, 0);
	assert_false(ig_pic_pending(&p.pic, 5));
}

TEST(ltim_makes_every_input_of_its_chip_level_triggered)
{
	struct pair p;

	pair_open(&p);
	pair_write(&p, MASTER, IG_ICW1 | IG_ICW1_SNGL | IG_ICW1_LTIM);
	pair_write(&p, IG_PIC_MASTER_DATA, MASTER_BASE);
	assert_int_equal(pair_read(&p, IG_PIC_MASTER_ELCR), 0);
	assert_true(ig_pic_is_level(&p.pic, 0));
	assert_false(ig_pic_is_level(&p.pic, 8));
	pair_take(&p, 1);
	pair_end(&p, MASTER, 1);
	assert_int_equal(pair_acknowledge(&p), MASTER_BASE + 1);
}

TEST(pulse_stays_until_it_is_acknowledged)
{
	struct pair p;

	/* For sources that have no level; up and down at once would leave nothing to acknowledge. */
	pair_open_level(&p);
	for (unsigned int irq = 0; irq < IG_PIC_IRQS; irq++) {
		if (irq == IG_PIC_CASCADE)
			continue;
		assert_true(ig_pic_pulse(&p.pic, irq));
		assert_false(ig_pic_pulse(&p.pic, irq)); /* two before the first is taken are one */
		assert_int_equal(pair_acknowledge(&p), MASTER_BASE + irq);
		assert_false(ig_pic_pending(&p.pic, irq));
		assert_false(ig_pic_pulse(&p.pic, irq));
		pair_write(&p, SLAVE, IG_OCW2_EOI);
		pair_write(&p, MASTER, IG_OCW2_EOI);
		/* One while in service is another. */
		assert_int_equal(pair_acknowledge(&p), MASTER_BASE + irq);
		pair_write(&p, SLAVE, IG_OCW2_EOI);
		pair_write(&p, MASTER, IG_OCW2_EOI);
		assert_false(ig_pic_intr(&p.pic));
	}
}

TEST(pulse_goes_with_icw1)
{
	struct pair p;

	pair_open_level(&p);
	ig_pic_pulse(&p.pic, 1);
	ig_pic_pulse(&p.pic, 5);
	pair_initialise(&p, MASTER, ICW4_8086);
	assert_int_equal(pair_irr(&p, MASTER), 0);
	assert_true(ig_pic_pulse(&p.pic, 1));
}

TEST(ports_of_others_are_left_alone)
{
	static const uint16_t ports[] = { 0, 0x1f, 0x22, 0x9f, 0xa2, 0x4cf, 0x4d2, 0x2020, 0xffff };
	struct pair p, before;

	pair_open_level(&p);
	pair_take(&p, 5);
	before = p;
	for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
		for (unsigned int value = 0; value <= UINT8_MAX; value++)
			pair_write(&p, ports[i], value);
		assert_int_equal(pair_read(&p, ports[i]), UINT8_MAX);
		assert_reported(&p, NO_IRQ, NO_IRQ, NO_IRQ);
		assert_false(p.result.intr_changed);
	}
	assert_memory_equal(&p.pic, &before.pic, sizeof(p.pic));
}

TEST(reset_leaves_only_how_the_inputs_are_driven)
{
	struct pair p, fresh;

	pair_open_level(&p);
	pair_take(&p, 5);
	pair_raise(&p, 12);
	ig_pic_pulse(&p.pic, 0);
	pair_write(&p, SLAVE, IG_OCW3 | IG_OCW3_POLL);
	pair_write(&p, IG_PIC_MASTER_DATA, irq_bit(7));
	ig_pic_reset(&p.pic, &p.result);
	assert_reported(&p, irq_bit(5), ALL_IRQS & ~irq_bit(7), NO_IRQ);
	assert_true(p.result.intr_changed);
	ig_pic_init(&fresh.pic);
	fresh.pic.master.line = 1 << 5;
	/* As after ICW1: a line that is high has no edge left. */
	fresh.pic.master.armed = (uint8_t)~(1U << 5);
	fresh.pic.slave.line = 1 << 4;
	fresh.pic.slave.armed = (uint8_t)~(1U << 4);
	assert_memory_equal(&p.pic, &fresh.pic, sizeof(p.pic));
}

/* What a guest sees from here on. */
static void see(struct pair *p, uint8_t *seen)
{
	*seen++ = pair_read(p, MASTER);
	*seen++ = pair_read(p, IG_PIC_MASTER_DATA);
	pair_write(p, IG_PIC_MASTER_DATA, ICW4_8086); /* ICW4, where the sequence is not at its end */
	*seen++ = pair_acknowledge(p);
	*seen++ = pair_irr(p, MASTER);
	*seen++ = pair_isr(p, MASTER);
	*seen++ = pair_irr(p, SLAVE);
	*seen++ = pair_isr(p, SLAVE);
	*seen++ = pair_read(p, IG_PIC_SLAVE_DATA);
	pair_write(p, MASTER, IG_OCW2_EOI);
	*seen++ = pair_acknowledge(p);
}

TEST(state_empty_when_saved_crosvm)
{
	enum { SEEN = 9 };
	static const uint8_t words[] = {
		IG_ICW1 | IG_ICW1_IC4, IG_OCW2_SET_PRIORITY | 4, IG_OCW2_ROTATE_AEOI_SET,
		IG_OCW3 | IG_OCW3_POLL, IG_OCW3 | IG_OCW3_RR | IG_OCW3_RIS,
		IG_OCW3 | IG_OCW3_ESMM | IG_OCW3_SMM, IG_OCW2_NO_OPERATION,
	};

	/* Every byte is a field's: what is copied is all there is. */
	assert_int_equal(sizeof(struct ig_pic), 2 * 17);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		struct pair p, restored;
		uint8_t image[sizeof(p.pic)], seen[SEEN], seen_again[SEEN];

		pair_open_with(&p, i % 2 ? IG_ICW4_SFNM : 0, i % 3 ? 0 : IG_ICW4_AEOI);
		pair_write(&p, IG_PIC_SLAVE_ELCR, irq_bit(4));
		pair_take(&p, 12);
		pair_raise(&p, 1);
		ig_pic_pulse(&p.pic, 9);
		pair_write(&p, MASTER, words[i]);
		memcpy(image, &p.pic, sizeof(image));
		see(&p, seen);
		ig_pic_init(&restored.pic);
		memcpy(&restored.pic, image, sizeof(image));
		see(&restored, seen_again);
		assert_memory_equal(seen_again, seen, SEEN);
		assert_memory_equal(&restored.pic, &p.pic, sizeof(p.pic));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_interrupts_before_initialisation_and_all_is_masked),
		cmocka_unit_test(mask_reads_back_before_initialisation),
		cmocka_unit_test(icw1_says_which_words_follow),
		cmocka_unit_test(icw1_in_the_middle_starts_the_sequence_anew),
		cmocka_unit_test(icw1_clears_mask_service_and_modes),
		cmocka_unit_test(icw1_reports_what_it_ends_and_masks),
		cmocka_unit_test(icw1_makes_edges_start_anew_but_keeps_levels),
		cmocka_unit_test(master_initialised_alone_keeps_the_request_of_the_slave),
		cmocka_unit_test(icw2_gives_five_bits_of_the_vector),
		cmocka_unit_test(words_about_the_wiring_change_nothing_on_a_pc),
		cmocka_unit_test(elcr_toggles_when_written_twice_crosvm),
		cmocka_unit_test(elcr_has_fixed_edge_inputs),
		cmocka_unit_test(elcr_survives_icw1_but_not_a_reset),
		cmocka_unit_test(elcr_changes_how_a_line_that_is_high_counts),
		cmocka_unit_test(ltim_makes_every_input_of_its_chip_level_triggered),
		cmocka_unit_test(pulse_stays_until_it_is_acknowledged),
		cmocka_unit_test(pulse_goes_with_icw1),
		cmocka_unit_test(ports_of_others_are_left_alone),
		cmocka_unit_test(reset_leaves_only_how_the_inputs_are_driven),
		cmocka_unit_test(state_empty_when_saved_crosvm),
	};

	return cmocka_run_group_tests_name("pic-setup", tests, NULL, NULL);
}
