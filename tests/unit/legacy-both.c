/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Lines that feed both the IOAPIC and the pair of 8259As: one level for both, and each decides for itself.
 * And what comes and goes on such a line: sources of every kind, the direct path, resets.
 */
#include <string.h>

#include "machine.h"

/* A forwarded source on a line that is unmasked at both chips. */
static irqgate_source begin(struct machine *m, unsigned int irq)
{
	irqgate_source source;

	machine_open_pair(m, IRQGATE_POLICY_HOLD, 0);
	source = machine_add(m, irq, IRQGATE_SOURCE_FORWARDED, false);
	machine_program(m, irq, LEVEL);
	machine_pic_unmask(m, irq);
	return source;
}

/* Both have its interrupt in service. */
static irqgate_source begin_in_service(struct machine *m, unsigned int irq)
{
	irqgate_source source = begin(m, irq);

	machine_trigger(m, source);
	assert_seen(m, 1, 0, 0);
	assert_int_equal(machine_inta(m), irq);
	return source;
}

TEST_BOTH(one_level_drives_both_chips)
{
	struct machine m;
	irqgate_source source = begin(&m, irq), wire = machine_add(&m, irq, IRQGATE_SOURCE_WIRE, false);

	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	assert_true(m.effects.intr);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 1, 0);
	assert_false(m.effects.intr); /* not taken, and withdrawn with the level */
	machine_level(&m, wire, true);
	assert_seen(&m, 1, 0, 0);
	assert_int_equal(machine_inta(&m), irq);
	machine_close(&m);
}

/* Of whatever trigger mode each of them is. */
TEST_BOTH(pulse_goes_to_both_chips)
{
	static const uint64_t rtes[] = { EDGE, LEVEL };
	struct machine m;

	for (int i = 0; i < 4; i++) {
		irqgate_source edge;

		begin(&m, irq);
		edge = machine_add(&m, irq, IRQGATE_SOURCE_EDGE, false);
		machine_program(&m, irq, rtes[i % 2]);
		machine_out(&m, IG_PIC_MASTER_ELCR, i / 2 * 0xffU);
		machine_out(&m, IG_PIC_SLAVE_ELCR, i / 2 * 0xffU);
		machine_pulse(&m, edge);
		assert_seen(&m, 1, 0, 0);
		assert_int_equal(machine_inta(&m), irq);
		machine_pic_eoi(&m, irq);
		machine_eoi(&m, VECTOR);
		assert_false(machine_intr(&m)); /* one pulse, one interrupt */
		machine_pulse(&m, edge);
		assert_seen(&m, 1, 0, 0);
		assert_int_equal(machine_inta(&m), irq);
		machine_close(&m);
	}
}

/* Masked at the other one only: that is no reason to hold. */
TEST_BOTH(chip_that_acks_decides_by_its_own_mask)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);

	machine_program(&m, irq, LEVEL | MASKED);
	machine_trigger(&m, source);
	assert_int_equal(machine_inta(&m), irq);
	machine_pic_eoi(&m, irq);
	assert_seen(&m, 0, 1, 0);
	machine_pic_mask(&m, irq);
	machine_program(&m, irq, LEVEL);
	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

/* Masked at the one that acks: held, though the other one is not masked. */
TEST_BOTH(chip_that_acks_masked_holds_whatever_the_other_one_does)
{
	struct machine m;
	irqgate_source source = begin_in_service(&m, irq);

	machine_pic_mask(&m, irq);
	machine_pic_eoi(&m, irq);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(machine_stats(&m, source).holds, 1);
	assert_int_equal(machine_eoi(&m, VECTOR), 1); /* the IOAPIC, unmasked, wants to know */
	assert_seen(&m, 0, 1, 0);
	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	assert_false(machine_intr(&m));
	machine_close(&m);
}

/* Two plain handlers, of one event each: the first one quiets the device, and none may come again. */
TEST_BOTH(quiet_device_interrupts_once_at_each_chip)
{
	struct machine m;
	irqgate_source source = begin_in_service(&m, irq);
	struct irqgate_line_stats line;

	machine_pic_eoi(&m, irq); /* quieted before */
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(machine_inta(&m), NO_VECTOR);
	assert_true(machine_remote_irr(&m, irq));
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(irqgate_core_line_stats(m.core, irq, &line), 0);
	assert_int_equal(line.sends, 1);

	machine_trigger(&m, source); /* and the other way round */
	assert_int_equal(machine_inta(&m), irq);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 1, 0);
	machine_pic_eoi(&m, irq);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(machine_inta(&m), NO_VECTOR);
	assert_int_equal(irqgate_core_line_stats(m.core, irq, &line), 0);
	assert_int_equal(line.sends, 2);
	machine_close(&m);
}

/*
 * A device that still asserts after the first ack is heard at that chip again, and at the other after its
 * own.
 */
TEST_BOTH(device_that_still_asserts_interrupts_again_at_the_chip_that_acked)
{
	struct machine m;
	irqgate_source source = begin_in_service(&m, irq);

	machine_pic_eoi(&m, irq);
	machine_trigger(&m, source);
	assert_seen(&m, 0, 0, 0); /* at the IOAPIC it is in service */
	assert_int_equal(machine_inta(&m), irq);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 1, 0);
	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	assert_false(machine_intr(&m)); /* at the pair it is in service */
	machine_close(&m);
}

/* As handle_level_irq does at the pair, while the IOAPIC's message waits in a LAPIC. */
TEST_BOTH(unmask_at_one_chip_releases_though_the_other_one_serves)
{
	struct machine m;

	begin_in_service(&m, irq);
	machine_pic_mask(&m, irq);
	machine_pic_eoi(&m, irq);
	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(machine_inta(&m), NO_VECTOR);
	assert_true(machine_remote_irr(&m, irq));
	machine_close(&m);

	begin_in_service(&m, irq);
	machine_program(&m, irq, LEVEL | MASKED);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 0, 0);
	machine_program(&m, irq, LEVEL);
	assert_seen(&m, 0, 1, 0);
	assert_true(machine_pic_serves(&m, irq));
	machine_close(&m);
}

TEST_BOTH(unmask_at_the_chip_that_serves_waits_for_its_eoi)
{
	struct machine m;

	begin_in_service(&m, irq);
	machine_pic_mask(&m, irq);
	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 0, 0);
	machine_program(&m, irq, LEVEL | MASKED);
	machine_program(&m, irq, LEVEL);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

/* A guest that finds its IOAPIC with a device held at the pair, and the other way round. */
TEST_BOTH(hold_ends_at_an_unmask_of_either_chip)
{
	struct machine m;
	irqgate_source source;

	machine_open_pair(&m, IRQGATE_POLICY_HOLD, 0);
	source = machine_add(&m, irq, IRQGATE_SOURCE_FORWARDED, false);
	machine_pic_unmask(&m, irq);
	machine_trigger(&m, source);
	assert_int_equal(machine_inta(&m), irq);
	machine_pic_mask(&m, irq);
	machine_pic_eoi(&m, irq);
	machine_program(&m, irq, LEVEL);
	assert_seen(&m, 0, 1, 0);
	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	assert_false(machine_intr(&m));
	machine_program(&m, irq, LEVEL | MASKED);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 0, 0);
	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 1, 0);
	machine_trigger(&m, source);
	assert_int_equal(machine_inta(&m), irq);
	machine_close(&m);
}

/* Wires, edges and forwarded sources on one line, at both chips. */
TEST_BOTH(shared_line_keeps_its_sources_apart)
{
	struct machine m;
	irqgate_source one = begin(&m, irq), other = machine_add(&m, irq, IRQGATE_SOURCE_FORWARDED, false);
	irqgate_source wire = machine_add(&m, irq, IRQGATE_SOURCE_WIRE, false);
	irqgate_source edge = machine_add(&m, irq, IRQGATE_SOURCE_EDGE, false);

	machine_trigger(&m, one);
	assert_seen(&m, 1, 0, 0);
	machine_level(&m, wire, true);
	machine_trigger(&m, other);
	machine_pulse(&m, edge);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(machine_inta(&m), irq);
	machine_pic_eoi(&m, irq);
	assert_seen(&m, 0, 2, 0); /* both forwarded ones, and the wire still asserts */
	assert_int_equal(m.seen.listen[0] ^ m.seen.listen[1], one ^ other);
	assert_true(m.effects.intr);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 1, 2, 0);
	machine_remove(&m, wire);
	assert_false(machine_intr(&m));
	assert_int_equal(irqgate_core_source_level(m.core, one), 0);
	machine_pulse(&m, edge);
	assert_int_equal(machine_inta(&m), irq);
	machine_close(&m);
}

TEST_BOTH(direct_path_is_for_lines_that_are_masked_at_the_pair)
{
	struct machine m;
	irqgate_source source;

	machine_open_pair(&m, IRQGATE_POLICY_HOLD, 0);
	machine_program(&m, irq, LEVEL);
	machine_pic_unmask(&m, irq);
	source = machine_add(&m, irq, IRQGATE_SOURCE_FORWARDED, true);
	assert_false(irqgate_core_bound(m.core, source));
	machine_remove(&m, source);
	machine_pic_mask(&m, irq);
	source = machine_add(&m, irq, IRQGATE_SOURCE_FORWARDED, true);
	assert_true(irqgate_core_bound(m.core, source));
	machine_close(&m);
}

static irqgate_source begin_direct(struct machine *m, unsigned int irq)
{
	irqgate_source source;

	machine_open_pair(m, IRQGATE_POLICY_HOLD, 0);
	source = machine_add(m, irq, IRQGATE_SOURCE_FORWARDED, true);
	machine_program(m, irq, LEVEL);
	assert_true(irqgate_core_bound(m->core, source));
	return source;
}

/* For the kernel's message would not come through the pair. What it sent already is not waited for. */
TEST_BOTH(unmask_at_the_pair_leaves_the_direct_path)
{
	struct machine m;
	irqgate_source source = begin_direct(&m, irq);
	uint64_t version = machine_routes_version(&m);

	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(m.seen.listen[0], source);
	assert_false(irqgate_core_bound(m.core, source));
	assert_true(m.effects.routes_version > version || machine_routes_version(&m) > version);
	machine_trigger(&m, source);
	assert_seen(&m, 1, 0, 0);
	assert_int_equal(machine_inta(&m), irq);
	machine_pic_mask(&m, irq); /* for good */
	machine_program(&m, irq, LEVEL | MASKED);
	machine_program(&m, irq, LEVEL);
	assert_false(irqgate_core_bound(m.core, source));
	machine_close(&m);
}

/* The kernel has sent its message, and the guest has it in service, or masks, before the pair is unmasked. */
TEST_BOTH(nothing_is_lost_of_what_the_kernel_sent_before)
{
	struct machine m;

	for (int masked = 0; masked < 2; masked++) {
		irqgate_source source = begin_direct(&m, irq);

		if (masked)
			machine_program(&m, irq, LEVEL | MASKED);
		machine_pic_unmask(&m, irq);
		assert_seen(&m, 0, 1, 0);
		machine_eoi(&m, VECTOR); /* of the message */
		machine_trigger(&m, source); /* it still asserts */
		assert_int_equal(m.seen.sends, !masked);
		assert_int_equal(machine_inta(&m), irq);
		machine_pic_eoi(&m, irq);
		assert_seen(&m, 0, 1, 0);
		machine_close(&m);
	}
}

enum phase { ARMED, REQUESTED, SERVED, SERVED_MASKED, HELD, PHASES };

/* A source that has come so far at the pair; the IOAPIC's pin is masked. */
static irqgate_source begin_at(struct machine *m, unsigned int irq, enum phase phase)
{
	irqgate_source source = begin(m, irq);

	machine_program(m, irq, LEVEL | MASKED);
	if (phase >= REQUESTED)
		machine_trigger(m, source);
	if (phase >= SERVED)
		assert_int_equal(machine_inta(m), irq);
	if (phase >= SERVED_MASKED)
		machine_pic_mask(m, irq);
	if (phase >= HELD)
		machine_pic_eoi(m, irq);
	return source;
}

/* The guest ends what it has begun, and then one more event comes: one interrupt, and the line is at rest. */
static void finish(struct machine *m, unsigned int irq, irqgate_source source)
{
	while (machine_inta(m) >= 0)
		;
	machine_pic_eoi(m, irq);
	machine_pic_unmask(m, irq);
	assert_false(machine_intr(m));
	assert_false(irqgate_core_line_level(m->core, irq));
	machine_trigger(m, source);
	assert_int_equal(machine_inta(m), irq);
	machine_pic_eoi(m, irq);
	assert_int_equal(m->seen.listens, 1);
	assert_false(machine_intr(m));
	machine_close(m);
}

TEST_BOTH(removed_in_every_phase_and_added_again)
{
	for (enum phase phase = ARMED; phase < PHASES; phase++) {
		struct machine m;
		irqgate_source source = begin_at(&m, irq, phase);

		machine_remove(&m, source);
		assert_seen(&m, 0, 0, 0);
		assert_false(machine_intr(&m));
		assert_false(machine_pic_pending(&m, irq));
		source = machine_add(&m, irq, IRQGATE_SOURCE_FORWARDED, false);
		assert_seen(&m, 0, 1, 0);
		assert_false(machine_intr(&m));
		finish(&m, irq, source);
	}
}

TEST_BOTH(disabled_in_every_phase_and_enabled_again)
{
	for (enum phase phase = ARMED; phase < PHASES; phase++) {
		struct machine m;
		irqgate_source source = begin_at(&m, irq, phase);

		machine_enable(&m, source, false);
		assert_seen(&m, 0, 0, 1);
		assert_false(machine_intr(&m));
		assert_false(machine_pic_pending(&m, irq));
		machine_enable(&m, source, true);
		assert_seen(&m, 0, 1, 0);
		finish(&m, irq, source);
	}
}

TEST_BOTH(another_added_in_every_phase_disturbs_none)
{
	for (enum phase phase = ARMED; phase < PHASES; phase++) {
		struct machine m;
		irqgate_source source = begin_at(&m, irq, phase), other;
		int level = irqgate_core_source_level(m.core, source);
		bool intr = machine_intr(&m);

		other = machine_add(&m, irq, IRQGATE_SOURCE_FORWARDED, false);
		assert_seen(&m, 0, 1, 0);
		assert_int_equal(m.seen.listen[0], other);
		assert_int_equal(irqgate_core_source_level(m.core, source), level);
		assert_int_equal(machine_intr(&m), intr);
		machine_remove(&m, other);
		assert_int_equal(irqgate_core_source_level(m.core, source), level);
		finish(&m, irq, source);
	}
}

/* All of it is masked then, and none in service: the first unmask releases. */
TEST_BOTH(reset_in_every_phase)
{
	for (enum phase phase = ARMED; phase < PHASES; phase++) {
		struct machine m;
		irqgate_source source = begin_at(&m, irq, phase);

		machine_reset(&m);
		assert_seen(&m, 0, 0, 0);
		assert_false(machine_intr(&m));
		assert_int_equal(irqgate_core_line_level(m.core, irq), phase != ARMED);
		machine_init_pair(&m, 0);
		assert_false(machine_pic_serves(&m, irq));
		machine_pic_unmask(&m, irq);
		assert_int_equal(machine_inta(&m), NO_VECTOR);
		assert_int_equal(machine_stats(&m, source).resamples, phase != ARMED);
		finish(&m, irq, source);
	}
}

/* The pair is part of the state: a copy goes on as the original does. */
TEST_BOTH(copy_in_every_phase_goes_on)
{
	for (enum phase phase = ARMED; phase < PHASES; phase++) {
		struct machine m, copy;
		irqgate_source source = begin_at(&m, irq, phase), same;

		same = begin(&copy, irq);
		assert_int_equal(same, source);
		memcpy(copy.core, m.core, m.bytes);
		finish(&m, irq, source);
		finish(&copy, irq, same);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_level_drives_both_chips),
		cmocka_unit_test(pulse_goes_to_both_chips),
		cmocka_unit_test(chip_that_acks_decides_by_its_own_mask),
		cmocka_unit_test(chip_that_acks_masked_holds_whatever_the_other_one_does),
		cmocka_unit_test(quiet_device_interrupts_once_at_each_chip),
		cmocka_unit_test(device_that_still_asserts_interrupts_again_at_the_chip_that_acked),
		cmocka_unit_test(unmask_at_one_chip_releases_though_the_other_one_serves),
		cmocka_unit_test(unmask_at_the_chip_that_serves_waits_for_its_eoi),
		cmocka_unit_test(hold_ends_at_an_unmask_of_either_chip),
		cmocka_unit_test(shared_line_keeps_its_sources_apart),
		cmocka_unit_test(direct_path_is_for_lines_that_are_masked_at_the_pair),
		cmocka_unit_test(unmask_at_the_pair_leaves_the_direct_path),
		cmocka_unit_test(nothing_is_lost_of_what_the_kernel_sent_before),
		cmocka_unit_test(removed_in_every_phase_and_added_again),
		cmocka_unit_test(disabled_in_every_phase_and_enabled_again),
		cmocka_unit_test(another_added_in_every_phase_disturbs_none),
		cmocka_unit_test(reset_in_every_phase),
		cmocka_unit_test(copy_in_every_phase_goes_on),
	};

	return cmocka_run_group_tests_name("legacy-both", tests, NULL, NULL);
}
