/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The gate behind the pair of 8259As: the same transitions as in gate.c, each on an input of the master and
 * on one of the slave. The IOAPIC's pins stay masked, as a guest in 8259 mode has them.
 */
#include "machine.h"

/* A forwarded source on an input that is unmasked. */
static irqgate_source begin(struct machine *m, unsigned int irq)
{
	irqgate_source source;

	machine_open_pair(m, IRQGATE_POLICY_HOLD, 0);
	source = machine_add(m, irq, IRQGATE_SOURCE_FORWARDED, false);
	machine_pic_unmask(m, irq);
	assert_seen(m, 0, 1, 0);
	return source;
}

static irqgate_source begin_in_service(struct machine *m, unsigned int irq)
{
	irqgate_source source = begin(m, irq);

	machine_trigger(m, source);
	assert_int_equal(machine_inta(m), irq);
	return source;
}

static irqgate_source begin_held(struct machine *m, unsigned int irq)
{
	irqgate_source source = begin_in_service(m, irq);

	machine_pic_mask(m, irq);
	machine_pic_eoi(m, irq);
	return source;
}

TEST_BOTH(armed_trigger_unmasked_interrupts)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);

	assert_false(machine_intr(&m));
	machine_trigger(&m, source);
	assert_seen(&m, 0, 0, 0);
	assert_true(m.effects.intr);
	assert_int_equal(machine_inta(&m), irq);
	assert_seen(&m, 0, 0, 0);
	assert_true(machine_pic_serves(&m, irq));
	assert_false(machine_intr(&m));
	assert_int_equal(irqgate_core_source_level(m.core, source), 1);
	assert_int_equal(machine_stats(&m, source).holds, 0);
	machine_close(&m);
}

TEST_BOTH(armed_trigger_masked_is_held)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);

	machine_pic_mask(&m, irq);
	machine_trigger(&m, source);
	assert_seen(&m, 0, 0, 0);
	assert_false(machine_intr(&m));
	assert_int_equal(machine_stats(&m, source).holds, 1);
	assert_true(machine_pic_pending(&m, irq));
	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 1, 0);
	assert_false(machine_intr(&m));
	machine_close(&m);
}

TEST_BOTH(asserted_but_not_acknowledged_is_held_by_a_mask)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);

	machine_trigger(&m, source);
	machine_pic_mask(&m, irq);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(machine_inta(&m), NO_VECTOR);
	assert_true(irqgate_core_line_level(m.core, irq));
	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(machine_inta(&m), NO_VECTOR);
	machine_close(&m);
}

TEST_BOTH(asserted_eoi_unmasked_drops_the_level_then_resamples)
{
	struct machine m;
	irqgate_source source = begin_in_service(&m, irq);

	machine_pic_eoi(&m, irq);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(m.seen.listen[0], source);
	assert_false(machine_intr(&m));
	assert_false(machine_pic_pending(&m, irq));
	assert_int_equal(machine_stats(&m, source).resamples, 1);
	machine_close(&m);
}

TEST_BOTH(asserted_eoi_masked_is_held_and_keeps_the_level)
{
	struct machine m;
	irqgate_source source = begin_held(&m, irq);

	assert_seen(&m, 0, 0, 0);
	assert_int_equal(irqgate_core_source_level(m.core, source), 1);
	assert_true(irqgate_core_line_level(m.core, irq));
	assert_int_equal(machine_stats(&m, source).holds, 1);
	machine_close(&m);
}

TEST_BOTH(held_unmask_drops_the_level_then_resamples)
{
	struct machine m;
	irqgate_source source = begin_held(&m, irq);

	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(m.seen.listen[0], source);
	assert_false(irqgate_core_line_level(m.core, irq));
	assert_int_equal(machine_inta(&m), NO_VECTOR);
	machine_close(&m);
}

TEST_BOTH(held_unmask_interrupts_for_what_a_wire_still_asserts)
{
	struct machine m;
	irqgate_source source = begin_held(&m, irq), wire = machine_add(&m, irq, IRQGATE_SOURCE_WIRE, false);

	machine_level(&m, wire, true);
	assert_false(machine_intr(&m));
	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(m.seen.listen[0], source);
	assert_int_equal(machine_inta(&m), irq);
	machine_close(&m);
}

TEST_BOTH(mask_and_unmask_in_service_change_nothing)
{
	struct machine m;
	irqgate_source source = begin_in_service(&m, irq);

	machine_pic_mask(&m, irq);
	assert_seen(&m, 0, 0, 0);
	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(irqgate_core_source_level(m.core, source), 1);
	machine_pic_eoi(&m, irq);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

/* Masked and in service is not held yet: the EOI is to come. */
TEST_BOTH(hold_begins_with_the_eoi)
{
	struct machine m;
	irqgate_source source = begin_in_service(&m, irq);
	irqgate_source other = machine_add(&m, irq, IRQGATE_SOURCE_FORWARDED, false);

	machine_pic_mask(&m, irq);
	machine_trigger(&m, other);
	assert_int_equal(machine_stats(&m, other).holds, 0);
	machine_pic_eoi(&m, irq);
	assert_int_equal(machine_stats(&m, source).holds, 1);
	assert_int_equal(machine_stats(&m, other).holds, 1);
	machine_close(&m);
}

TEST_BOTH(held_trigger_is_absorbed)
{
	struct machine m;
	irqgate_source source = begin_held(&m, irq);

	machine_trigger(&m, source);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(machine_stats(&m, source).absorbed, 1);
	assert_false(machine_intr(&m));
	machine_close(&m);
}

/* So that what lies unread in the eventfds of the line's sources is handed in before. */
TEST_BOTH(eoi_is_foreseen)
{
	struct irqgate_pic_access eoi = {
		.port = irq < IG_PIC_INPUTS ? IG_PIC_MASTER_COMMAND : IG_PIC_SLAVE_COMMAND,
		.value = IG_OCW2_EOI, .write = true,
	};
	struct machine m;

	begin_in_service(&m, irq);
	assert_int_equal(irqgate_core_pic_acks(m.core, &eoi), 1U << irq);
	machine_pic_eoi(&m, irq);
	assert_int_equal(irqgate_core_pic_acks(m.core, &eoi), 0);
	machine_close(&m);
}

/*
 * It lay unread in its eventfd: the adapter asks what a write would unmask, and hands it in before that
 * write.
 */
TEST_BOTH(trigger_read_before_the_unmask_is_resampled_not_delivered)
{
	uint16_t port = irq < IG_PIC_INPUTS ? IG_PIC_MASTER_DATA : IG_PIC_SLAVE_DATA;
	struct irqgate_pic_access unmask = { .port = port, .write = true };
	struct machine m;
	irqgate_source source = begin(&m, irq);

	machine_pic_mask(&m, irq);
	assert_true(irqgate_core_pic_unmasks(m.core, &unmask) & 1U << irq);
	unmask.value = 0xff;
	assert_int_equal(irqgate_core_pic_unmasks(m.core, &unmask), 0);
	machine_trigger(&m, source);
	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(machine_inta(&m), NO_VECTOR);
	machine_close(&m);
}

TEST_BOTH(resampled_device_that_still_asserts_interrupts_again)
{
	struct machine m;
	irqgate_source source = begin_held(&m, irq);

	machine_pic_unmask(&m, irq);
	machine_trigger(&m, source);
	assert_int_equal(machine_inta(&m), irq);
	machine_pic_eoi(&m, irq);
	assert_seen(&m, 0, 1, 0);
	machine_trigger(&m, source);
	assert_int_equal(machine_inta(&m), irq);
	machine_close(&m);
}

/* Linux's flow for the 8259: mask, EOI, handler, unmask. So every interrupt is EOI'd while it is masked. */
TEST_BOTH(handle_level_irq_is_held_at_every_event)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);

	for (uint64_t event = 1; event <= 5; event++) {
		machine_trigger(&m, source);
		assert_int_equal(machine_inta(&m), irq);
		machine_pic_mask(&m, irq);
		machine_pic_eoi(&m, irq);
		assert_seen(&m, 0, 0, 0);
		assert_int_equal(machine_stats(&m, source).holds, event);
		assert_true(machine_pic_pending(&m, irq));
		machine_pic_unmask(&m, irq);
		assert_seen(&m, 0, 1, 0);
		assert_int_equal(machine_inta(&m), NO_VECTOR);
		assert_int_equal(machine_stats(&m, source).resamples, event);
	}
	machine_close(&m);
}

TEST_BOTH(irr_shows_the_level_from_trigger_to_unmask)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);

	assert_false(machine_pic_pending(&m, irq));
	machine_trigger(&m, source);
	assert_true(machine_pic_pending(&m, irq));
	assert_int_equal(machine_inta(&m), irq);
	assert_true(machine_pic_pending(&m, irq)); /* level-triggered: the INTA does not end it */
	machine_pic_mask(&m, irq);
	assert_true(machine_pic_pending(&m, irq));
	machine_pic_eoi(&m, irq);
	assert_true(machine_pic_pending(&m, irq));
	machine_pic_unmask(&m, irq);
	assert_false(machine_pic_pending(&m, irq));
	machine_close(&m);
}

TEST_BOTH(guest_that_never_unmasks_keeps_the_host_masked)
{
	struct machine m;

	begin_held(&m, irq);
	for (int i = 0; i < 100; i++) {
		machine_pic_eoi(&m, irq);
		assert_seen(&m, 0, 0, 0);
		machine_pic_mask(&m, irq);
		assert_seen(&m, 0, 0, 0);
		machine_retry(&m);
		assert_seen(&m, 0, 0, 0);
		assert_int_equal(machine_inta(&m), NO_VECTOR);
	}
	machine_close(&m);
}

/* What the guest's INTA takes is one of two lines; its EOI is for that one. */
TEST(eoi_releases_the_line_that_was_in_service)
{
	struct machine m;
	irqgate_source low = begin_in_service(&m, 5);
	irqgate_source high = machine_add(&m, 3, IRQGATE_SOURCE_FORWARDED, false);

	machine_pic_unmask(&m, 3);
	machine_trigger(&m, high);
	assert_int_equal(machine_inta(&m), 3); /* nested */
	machine_out(&m, IG_PIC_MASTER_COMMAND, IG_OCW2_EOI);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(m.seen.listen[0], high);
	machine_out(&m, IG_PIC_MASTER_COMMAND, IG_OCW2_EOI);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(m.seen.listen[0], low);
	machine_close(&m);
}

/* With one write: the device of none of them was looked at since. */
TEST(write_that_unmasks_several_lines_releases_each)
{
	struct irqgate_pic_access unmask = { .port = IG_PIC_SLAVE_DATA, .write = true };
	irqgate_source source[3];
	struct machine m;

	machine_open_pair(&m, IRQGATE_POLICY_HOLD, 0);
	for (unsigned int i = 0; i < 3; i++) {
		source[i] = machine_add(&m, 9 + i, IRQGATE_SOURCE_FORWARDED, false);
		machine_trigger(&m, source[i]);
	}
	assert_int_equal(irqgate_core_pic_unmasks(m.core, &unmask), 0xff00);
	machine_out(&m, IG_PIC_SLAVE_DATA, 0);
	assert_seen(&m, 0, 3, 0);
	assert_false(machine_intr(&m));
	machine_close(&m);
}

/* The slave's inputs are masked by the master's IR2 as well. */
TEST(mask_of_ir2_holds_the_slaves_lines)
{
	struct irqgate_pic_access unmask = { .port = IG_PIC_MASTER_DATA, .write = true, .value = 0xfb };
	struct machine m;
	irqgate_source source = begin_in_service(&m, SLAVE_IRQ);

	machine_pic_mask(&m, IG_PIC_CASCADE);
	machine_pic_eoi(&m, SLAVE_IRQ);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(machine_stats(&m, source).holds, 1);
	assert_true(machine_pic_pending(&m, SLAVE_IRQ));
	assert_int_equal(irqgate_core_pic_unmasks(m.core, &unmask), 1U << SLAVE_IRQ);
	machine_pic_unmask(&m, IG_PIC_CASCADE);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(machine_inta(&m), NO_VECTOR);
	machine_close(&m);
}

TEST_BOTH(policy_eoi_resamples_at_the_eoi_whatever_the_mask)
{
	struct machine m;
	irqgate_source source;

	machine_open_pair(&m, IRQGATE_POLICY_EOI, 0);
	source = machine_add(&m, irq, IRQGATE_SOURCE_FORWARDED, false);
	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 0, 0);
	machine_trigger(&m, source);
	assert_int_equal(machine_inta(&m), irq);
	machine_pic_mask(&m, irq);
	machine_pic_eoi(&m, irq);
	assert_seen(&m, 0, 1, 0);
	machine_trigger(&m, source);
	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(machine_inta(&m), irq); /* the interrupt too many that hold is about */
	machine_close(&m);
}

TEST_BOTH(policy_unmask_resample_resamples_at_both)
{
	struct machine m;
	irqgate_source source;

	machine_open_pair(&m, IRQGATE_POLICY_UNMASK_RESAMPLE, 0);
	source = machine_add(&m, irq, IRQGATE_SOURCE_FORWARDED, false);
	machine_pic_unmask(&m, irq);
	machine_trigger(&m, source);
	assert_int_equal(machine_inta(&m), irq);
	machine_pic_mask(&m, irq);
	machine_pic_eoi(&m, irq);
	assert_seen(&m, 0, 1, 0);
	machine_trigger(&m, source);
	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(machine_inta(&m), NO_VECTOR);
	machine_close(&m);
}

TEST(write_that_is_done_unmasks_nothing_more)
{
	struct irqgate_pic_access access = { .port = IG_PIC_MASTER_DATA, .write = true, .value = 0 };
	struct machine m;

	machine_open_pair(&m, IRQGATE_POLICY_HOLD, 0);
	assert_int_not_equal(irqgate_core_pic_unmasks(m.core, &access), 0);
	while (irqgate_core_pic_access(m.core, &access, &m.effects))
		assert_int_equal(irqgate_core_pic_unmasks(m.core, &access), 0);
	assert_int_equal(irqgate_core_pic_unmasks(m.core, &access), 0);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(armed_trigger_unmasked_interrupts),
		cmocka_unit_test(armed_trigger_masked_is_held),
		cmocka_unit_test(asserted_but_not_acknowledged_is_held_by_a_mask),
		cmocka_unit_test(asserted_eoi_unmasked_drops_the_level_then_resamples),
		cmocka_unit_test(asserted_eoi_masked_is_held_and_keeps_the_level),
		cmocka_unit_test(held_unmask_drops_the_level_then_resamples),
		cmocka_unit_test(held_unmask_interrupts_for_what_a_wire_still_asserts),
		cmocka_unit_test(mask_and_unmask_in_service_change_nothing),
		cmocka_unit_test(hold_begins_with_the_eoi),
		cmocka_unit_test(held_trigger_is_absorbed),
		cmocka_unit_test(eoi_is_foreseen),
		cmocka_unit_test(trigger_read_before_the_unmask_is_resampled_not_delivered),
		cmocka_unit_test(resampled_device_that_still_asserts_interrupts_again),
		cmocka_unit_test(handle_level_irq_is_held_at_every_event),
		cmocka_unit_test(irr_shows_the_level_from_trigger_to_unmask),
		cmocka_unit_test(guest_that_never_unmasks_keeps_the_host_masked),
		cmocka_unit_test(eoi_releases_the_line_that_was_in_service),
		cmocka_unit_test(write_that_unmasks_several_lines_releases_each),
		cmocka_unit_test(mask_of_ir2_holds_the_slaves_lines),
		cmocka_unit_test(write_that_is_done_unmasks_nothing_more),
		cmocka_unit_test(policy_eoi_resamples_at_the_eoi_whatever_the_mask),
		cmocka_unit_test(policy_unmask_resample_resamples_at_both),
	};

	return cmocka_run_group_tests_name("legacy", tests, NULL, NULL);
}
