/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The mistakes of others, as mistakes.c has them for the IOAPIC, on a line of the 8259 pair. tests/mutants
 * puts each into the core, to see that it is noticed.
 */
#include <string.h>

#include "machine.h"

static irqgate_source begin(struct machine *m, unsigned int irq)
{
	irqgate_source source;

	machine_open_pair(m, IRQGATE_POLICY_HOLD, 0);
	source = machine_add(m, irq, IRQGATE_SOURCE_FORWARDED, false);
	machine_pic_unmask(m, irq);
	return source;
}

static void take_and_hold(struct machine *m, unsigned int irq)
{
	assert_int_equal(machine_inta(m), irq);
	machine_pic_mask(m, irq);
	machine_pic_eoi(m, irq);
}

TEST_BOTH(notify_at_eoi_without_looking_at_the_mask)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);

	machine_trigger(&m, source);
	take_and_hold(&m, irq);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

/* A guest in 8259 mode has every one masked: that must neither hold nor open a line of the pair. */
TEST_BOTH(only_the_mask_of_the_ioapic_is_looked_at)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);

	machine_trigger(&m, source);
	assert_int_equal(machine_inta(&m), irq);
	machine_pic_eoi(&m, irq);
	assert_seen(&m, 0, 1, 0);
	machine_program(&m, irq, LEVEL);
	machine_pic_mask(&m, irq);
	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	assert_int_equal(machine_inta(&m), NO_VECTOR);
	machine_close(&m);
}

TEST_BOTH(only_the_first_resamplefd_of_a_gsi_is_told)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);

	machine_add(&m, irq, IRQGATE_SOURCE_FORWARDED, false);
	machine_add(&m, irq, IRQGATE_SOURCE_FORWARDED, false);
	machine_trigger(&m, source);
	assert_int_equal(machine_inta(&m), irq);
	machine_pic_eoi(&m, irq);
	assert_seen(&m, 0, 3, 0);
	machine_trigger(&m, source);
	take_and_hold(&m, irq);
	assert_seen(&m, 0, 0, 0);
	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 3, 0);
	machine_close(&m);
}

TEST_BOTH(removal_takes_the_first_entry_instead_of_the_callers)
{
	struct machine m;
	irqgate_source first = begin(&m, irq), second = machine_add(&m, irq, IRQGATE_SOURCE_FORWARDED, false);

	machine_remove(&m, first);
	machine_trigger(&m, second);
	assert_int_equal(machine_inta(&m), irq);
	machine_pic_eoi(&m, irq);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(m.seen.listen[0], second);
	machine_close(&m);
}

/* The device went quiet while the input was masked; it was held, or had only just triggered. */
TEST_BOTH(stale_pending_is_injected_at_unmask)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);

	machine_trigger(&m, source);
	take_and_hold(&m, irq);
	machine_pic_unmask(&m, irq);
	assert_int_equal(machine_inta(&m), NO_VECTOR);
	machine_pic_mask(&m, irq);
	machine_trigger(&m, source);
	machine_pic_unmask(&m, irq);
	assert_int_equal(machine_inta(&m), NO_VECTOR);
	machine_close(&m);
}

TEST_BOTH(interrupt_while_masked_is_lost)
{
	struct machine m;
	irqgate_source source = begin(&m, irq), wire = machine_add(&m, 3, IRQGATE_SOURCE_WIRE, false);
	irqgate_source edge = machine_add(&m, 4, IRQGATE_SOURCE_EDGE, false);

	machine_pic_mask(&m, irq);
	machine_trigger(&m, source);
	machine_level(&m, wire, true);
	machine_pulse(&m, edge);
	assert_false(machine_intr(&m));
	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 1, 0); /* listened to, and so it will trigger again if it still asserts */
	machine_pic_unmask(&m, 3);
	assert_int_equal(machine_inta(&m), 3);
	machine_pic_eoi(&m, 3);
	machine_pic_mask(&m, 3);
	machine_pic_unmask(&m, 4); /* the 8259 remembers edges, where the IOAPIC drops them */
	assert_int_equal(machine_inta(&m), 4);
	machine_close(&m);
}

TEST_BOTH(mask_state_is_read_before_the_notifier_is_registered)
{
	struct machine m;
	irqgate_source source;

	machine_open_pair(&m, IRQGATE_POLICY_HOLD, 0);
	source = machine_add(&m, irq, IRQGATE_SOURCE_FORWARDED, true); /* finds it masked */
	machine_trigger(&m, source);
	assert_int_equal(machine_stats(&m, source).holds, 1);
	assert_int_equal(machine_inta(&m), NO_VECTOR);
	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 1, 0);
	machine_remove(&m, source);
	source = machine_add(&m, irq, IRQGATE_SOURCE_FORWARDED, true); /* finds it unmasked */
	assert_seen(&m, 0, 1, 0);
	assert_false(irqgate_core_bound(m.core, source));
	machine_trigger(&m, source);
	assert_int_equal(machine_inta(&m), irq);
	machine_close(&m);
}

TEST_BOTH(time_out_instead_of_an_unmask_hook)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);

	machine_trigger(&m, source);
	take_and_hold(&m, irq);
	for (int i = 0; i < 1000; i++) {
		machine_retry(&m);
		assert_seen(&m, 0, 0, 0);
		assert_int_equal(machine_inta(&m), NO_VECTOR);
		assert_true(machine_pic_pending(&m, irq));
	}
	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

/* The EOI without a level is for what is in service and first in priority, not for what requests. */
TEST(eoi_acks_the_wrong_line)
{
	struct machine m;
	irqgate_source served = begin(&m, 6), requests;

	requests = machine_add(&m, 5, IRQGATE_SOURCE_FORWARDED, false);
	machine_trigger(&m, served);
	assert_int_equal(machine_inta(&m), 6);
	machine_trigger(&m, requests);
	machine_pic_unmask(&m, 5);
	machine_trigger(&m, requests);
	machine_out(&m, IG_PIC_MASTER_COMMAND, IG_OCW2_EOI);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(m.seen.listen[0], served);
	assert_int_equal(machine_inta(&m), 5);
	machine_close(&m);
}

TEST_BOTH(elcr_toggles_when_written_twice)
{
	struct machine m;
	uint16_t port = irq < IG_PIC_INPUTS ? IG_PIC_MASTER_ELCR : IG_PIC_SLAVE_ELCR;
	unsigned int input = 1U << irq % IG_PIC_INPUTS;
	irqgate_source wire;

	machine_open_pair(&m, IRQGATE_POLICY_HOLD, 0);
	wire = machine_add(&m, irq, IRQGATE_SOURCE_WIRE, false);
	machine_out(&m, port, input);
	machine_out(&m, port, input);
	assert_int_equal(machine_in(&m, port), input);
	machine_pic_unmask(&m, irq);
	machine_level(&m, wire, true);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(machine_inta(&m), irq); /* it is a level, and comes as long as it is high */
		machine_pic_eoi(&m, irq);
	}
	machine_close(&m);
}

TEST_BOTH(state_of_the_8259_is_not_saved)
{
	struct machine m, copy;
	irqgate_source source = begin(&m, irq);

	machine_trigger(&m, source);
	machine_open_pair(&copy, IRQGATE_POLICY_HOLD, 0);
	memcpy(copy.core, m.core, irqgate_core_state_size(m.core));
	machine_close(&m);
	take_and_hold(&copy, irq);
	assert_seen(&copy, 0, 0, 0);
	machine_pic_unmask(&copy, irq);
	assert_seen(&copy, 0, 1, 0);
	assert_int_equal(copy.seen.listen[0], source);
	machine_close(&copy);
}

/* A guest that rotates, masks specially or lets the INTA be the EOI is heard as any other. */
TEST_BOTH(rotation_special_mask_or_automatic_eoi_is_missing)
{
	unsigned int input = irq % IG_PIC_INPUTS;
	uint16_t command = irq < IG_PIC_INPUTS ? IG_PIC_MASTER_COMMAND : IG_PIC_SLAVE_COMMAND;
	struct machine m;
	irqgate_source source = begin(&m, irq), next;

	next = machine_add(&m, irq + 1, IRQGATE_SOURCE_FORWARDED, false);
	machine_pic_unmask(&m, irq + 1);
	machine_out(&m, command, IG_OCW2_SET_PRIORITY | input); /* the next one is the first now */
	machine_trigger(&m, source);
	machine_trigger(&m, next);
	assert_int_equal(machine_inta(&m), irq + 1);
	machine_out(&m, command, IG_OCW3 | IG_OCW3_ESMM | IG_OCW3_SMM);
	machine_pic_mask(&m, irq + 1);
	if (irq >= IG_PIC_INPUTS) /* or the master holds back what the slave lets in */
		machine_out(&m, IG_PIC_MASTER_COMMAND, IG_OCW2_SPECIFIC_EOI | IG_PIC_CASCADE);
	assert_int_equal(machine_inta(&m), irq);
	machine_init_pair(&m, IG_ICW4_AEOI);
	machine_pic_unmask(&m, irq);
	machine_trigger(&m, source);
	assert_int_equal(machine_inta(&m), irq);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notify_at_eoi_without_looking_at_the_mask),
		cmocka_unit_test(only_the_mask_of_the_ioapic_is_looked_at),
		cmocka_unit_test(only_the_first_resamplefd_of_a_gsi_is_told),
		cmocka_unit_test(removal_takes_the_first_entry_instead_of_the_callers),
		cmocka_unit_test(stale_pending_is_injected_at_unmask),
		cmocka_unit_test(interrupt_while_masked_is_lost),
		cmocka_unit_test(mask_state_is_read_before_the_notifier_is_registered),
		cmocka_unit_test(time_out_instead_of_an_unmask_hook),
		cmocka_unit_test(eoi_acks_the_wrong_line),
		cmocka_unit_test(elcr_toggles_when_written_twice),
		cmocka_unit_test(state_of_the_8259_is_not_saved),
		cmocka_unit_test(rotation_special_mask_or_automatic_eoi_is_missing),
	};

	return cmocka_run_group_tests_name("legacy-mistakes", tests, NULL, NULL);
}
