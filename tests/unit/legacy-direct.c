/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The direct path beside a pair of 8259As: what the kernel sends does not come through the pair, so a line is
 * off that path while the pair gives interrupts for it, and only as long.
 */
#include "machine.h"

#include "chip/pic.h"

enum { IRQ = 5, IRQ_BIT = 1 << IRQ, BASE = 0x20, ALL_MASKED = 0xff };

static void out(struct machine *m, uint16_t port, unsigned int value)
{
	struct irqgate_pic_access access = { .port = port, .write = true, .value = (uint8_t)value };

	machine_forget(m);
	while (irqgate_core_pic_access(m->core, &access, &m->effects))
		machine_see(m);
}

/* As every guest begins, also one that will use the IOAPIC only: after ICW4 nothing is masked, for a moment. */
static void initialise(struct machine *m)
{
	out(m, IG_PIC_MASTER_COMMAND, IG_ICW1 | IG_ICW1_IC4);
	out(m, IG_PIC_MASTER_DATA, BASE);
	out(m, IG_PIC_MASTER_DATA, 1U << IG_PIC_CASCADE);
	out(m, IG_PIC_MASTER_DATA, 1);
	out(m, IG_PIC_MASTER_DATA, ALL_MASKED);
	out(m, IG_PIC_MASTER_ELCR, IRQ_BIT);
}

static void mask_pair(struct machine *m)
{
	out(m, IG_PIC_MASTER_DATA, ALL_MASKED);
}

static void unmask_pair(struct machine *m)
{
	out(m, IG_PIC_MASTER_DATA, ALL_MASKED & ~IRQ_BIT);
}

/* A line that could take the direct path; neither chip has it unmasked. */
static irqgate_source begin(struct machine *m)
{
	struct irqgate_core_config config = {
		.size = sizeof(config), .sources = SOURCES, .chips = 1, .chip = { { .pins = PINS } }, .pic = true,
	};
	irqgate_source source;

	machine_open_config(m, &config);
	source = machine_add(m, IRQ, IRQGATE_SOURCE_FORWARDED, true);
	machine_program(m, IRQ, LEVEL | MASKED);
	return source;
}

/* An event through the pair, as handle_level_irq has it: the mask, then the EOI. */
static void take_from_pair(struct machine *m, irqgate_source source)
{
	machine_trigger(m, source);
	assert_int_equal(irqgate_core_pic_acknowledge(m->core, &m->effects), BASE + IRQ);
	mask_pair(m);
	out(m, IG_PIC_MASTER_COMMAND, IG_OCW2_SPECIFIC_EOI | IRQ);
	assert_seen(m, 0, 0, 0);
}

TEST(initialisation_of_the_pair_leaves_the_line_to_the_direct_path)
{
	struct machine m;
	irqgate_source source = begin(&m);

	initialise(&m);
	assert_false(irqgate_core_bound(m.core, source));
	machine_program(&m, IRQ, LEVEL);
	assert_true(irqgate_core_bound(m.core, source));
	machine_close(&m);
}

TEST(unmask_at_the_pair_takes_the_trigger_from_the_kernel)
{
	struct machine m;
	irqgate_source source = begin(&m);

	initialise(&m);
	machine_program(&m, IRQ, LEVEL);
	unmask_pair(&m);
	assert_false(irqgate_core_bound(m.core, source));
	assert_seen(&m, 0, 1, 0); /* whose interrupt is on the way, it can not know: the device is asked again */
	machine_close(&m);
}

TEST(line_that_goes_back_to_the_ioapic_is_direct_again)
{
	struct machine m;
	irqgate_source source = begin(&m);

	initialise(&m);
	for (int i = 0; i < 3; i++) {
		unmask_pair(&m);
		take_from_pair(&m, source);
		assert_false(irqgate_core_bound(m.core, source));
		machine_program(&m, IRQ, LEVEL);
		assert_seen(&m, 0, 1, 0);
		assert_true(irqgate_core_bound(m.core, source));
		machine_program(&m, IRQ, LEVEL | MASKED);
		assert_seen(&m, 0, 0, 1);
	}
	machine_close(&m);
}

TEST(resample_at_the_pair_binds_nothing)
{
	struct machine m;
	irqgate_source source = begin(&m);

	initialise(&m);
	machine_program(&m, IRQ, LEVEL);
	unmask_pair(&m);
	machine_eoi(&m, VECTOR);
	machine_program(&m, IRQ, LEVEL | MASKED);
	machine_program(&m, IRQ, LEVEL);
	assert_false(irqgate_core_bound(m.core, source));
	machine_close(&m);
}

/* What the source triggers then comes to us, and is pending: silenced, it would be so only at the next unmask. */
TEST(mask_of_a_line_that_the_kernel_does_not_have_silences_nothing)
{
	struct machine m;

	begin(&m);
	initialise(&m);
	machine_program(&m, IRQ, LEVEL);
	unmask_pair(&m);
	mask_pair(&m);
	machine_program(&m, IRQ, LEVEL | MASKED);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(source_added_while_the_pair_gives_interrupts_is_direct_later)
{
	struct machine m;
	irqgate_source source;

	machine_remove(&m, begin(&m));
	initialise(&m);
	machine_program(&m, IRQ, LEVEL);
	unmask_pair(&m);
	source = machine_add(&m, IRQ, IRQGATE_SOURCE_FORWARDED, true);
	assert_seen(&m, 0, 1, 0);
	assert_false(irqgate_core_bound(m.core, source));
	mask_pair(&m);
	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	machine_eoi(&m, VECTOR);
	assert_seen(&m, 0, 1, 0);
	assert_true(irqgate_core_bound(m.core, source));
	machine_close(&m);
}

/* A LAPIC tells that the device has triggered: the guest may look for it in the pair's IRR. */
TEST(answer_of_a_lapic_is_pending_at_the_pair)
{
	struct machine m;

	begin(&m);
	initialise(&m);
	machine_program(&m, IRQ, LEVEL);
	assert_false(machine_pic_pending(&m, IRQ));
	machine_read_answered(&m, rte_low(IRQ), VECTOR);
	assert_true(machine_pic_pending(&m, IRQ));
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(initialisation_of_the_pair_leaves_the_line_to_the_direct_path),
		cmocka_unit_test(unmask_at_the_pair_takes_the_trigger_from_the_kernel),
		cmocka_unit_test(line_that_goes_back_to_the_ioapic_is_direct_again),
		cmocka_unit_test(resample_at_the_pair_binds_nothing),
		cmocka_unit_test(mask_of_a_line_that_the_kernel_does_not_have_silences_nothing),
		cmocka_unit_test(source_added_while_the_pair_gives_interrupts_is_direct_later),
		cmocka_unit_test(answer_of_a_lapic_is_pending_at_the_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
