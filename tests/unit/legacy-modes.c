/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What the modes of the 8259As mean for forwarded sources: automatic EOI, edges, polls, special mask, a new
 * initialisation, interrupts that are withdrawn. And a core without a pair, or with GSIs that feed none.
 */
#include <errno.h>
#include <string.h>

#include "machine.h"

static irqgate_source begin_with(struct machine *m, unsigned int irq, unsigned int icw4)
{
	irqgate_source source;

	machine_open_pair(m, IRQGATE_POLICY_HOLD, icw4);
	source = machine_add(m, irq, IRQGATE_SOURCE_FORWARDED, false);
	machine_pic_unmask(m, irq);
	return source;
}

static irqgate_source begin(struct machine *m, unsigned int irq)
{
	return begin_with(m, irq, 0);
}

static uint16_t command_of(unsigned int irq)
{
	return irq < IG_PIC_INPUTS ? IG_PIC_MASTER_COMMAND : IG_PIC_SLAVE_COMMAND;
}

/* The INTA is the ack, before the handler can mask or quiet anything: the device triggers a second time. */
TEST_BOTH(automatic_eoi_acks_at_the_inta_so_an_event_is_two_triggers)
{
	struct machine m;
	irqgate_source source = begin_with(&m, irq, IG_ICW4_AEOI);

	for (uint64_t event = 1; event <= 3; event++) {
		machine_trigger(&m, source);
		assert_int_equal(machine_inta(&m), irq);
		assert_seen(&m, 0, 1, 0);
		assert_false(machine_pic_serves(&m, irq));
		machine_pic_mask(&m, irq);
		machine_trigger(&m, source); /* it still asserts: no handler has run */
		assert_int_equal(machine_stats(&m, source).holds, event);
		machine_pic_eoi(&m, irq); /* of nothing */
		assert_seen(&m, 0, 0, 0);
		machine_pic_unmask(&m, irq); /* it is quiet now */
		assert_seen(&m, 0, 1, 0);
		assert_int_equal(machine_inta(&m), NO_VECTOR);
	}
	assert_int_equal(machine_stats(&m, source).triggers, 6);
	assert_int_equal(machine_stats(&m, source).resamples, 6);
	machine_close(&m);
}

TEST_BOTH(edge_triggered_input_gets_an_edge_for_every_trigger)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);

	machine_out(&m, IG_PIC_MASTER_ELCR, 0);
	machine_out(&m, IG_PIC_SLAVE_ELCR, 0);
	for (int event = 0; event < 3; event++) {
		machine_trigger(&m, source);
		assert_int_equal(machine_inta(&m), irq);
		machine_pic_eoi(&m, irq);
		assert_seen(&m, 0, 1, 0);
		machine_trigger(&m, source);
		assert_int_equal(machine_inta(&m), irq);
		machine_pic_mask(&m, irq);
		machine_pic_eoi(&m, irq);
		assert_seen(&m, 0, 0, 0);
		machine_pic_unmask(&m, irq);
		assert_seen(&m, 0, 1, 0);
		assert_int_equal(machine_inta(&m), NO_VECTOR);
	}
	machine_close(&m);
}

/* An edge that came while the input was masked is remembered by the chip; the device may be quiet by now. */
TEST_BOTH(edge_remembered_while_masked_is_not_delivered_stale)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);

	machine_out(&m, IG_PIC_MASTER_ELCR, 0);
	machine_out(&m, IG_PIC_SLAVE_ELCR, 0);
	machine_pic_mask(&m, irq);
	machine_trigger(&m, source);
	assert_true(machine_pic_pending(&m, irq));
	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 1, 0);
	assert_false(machine_pic_pending(&m, irq));
	machine_trigger(&m, source);
	assert_int_equal(machine_inta(&m), irq);
	machine_close(&m);
}

TEST_BOTH(elcr_changed_in_a_hold_changes_nothing)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);

	machine_trigger(&m, source);
	assert_int_equal(machine_inta(&m), irq);
	machine_pic_mask(&m, irq);
	machine_pic_eoi(&m, irq);
	for (unsigned int elcr = 0; elcr <= 0xff; elcr += 0xff) {
		machine_out(&m, IG_PIC_MASTER_ELCR, elcr);
		machine_out(&m, IG_PIC_SLAVE_ELCR, elcr);
		assert_seen(&m, 0, 0, 0);
		assert_int_equal(machine_inta(&m), NO_VECTOR);
		assert_true(irqgate_core_line_level(m.core, irq));
	}
	machine_pic_unmask(&m, irq);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST_BOTH(poll_takes_the_interrupt_and_its_eoi_resamples)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);

	machine_trigger(&m, source);
	machine_out(&m, command_of(irq), IG_OCW3 | IG_OCW3_POLL);
	assert_int_equal(machine_in(&m, command_of(irq)), IG_POLL_INTERRUPT | irq % IG_PIC_INPUTS);
	assert_seen(&m, 0, 0, 0);
	assert_true(machine_pic_serves(&m, irq));
	machine_out(&m, command_of(irq), IG_OCW2_EOI);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(m.seen.listen[0], source);
	machine_close(&m);
}

TEST_BOTH(poll_with_automatic_eoi_is_the_ack)
{
	struct machine m;
	irqgate_source source = begin_with(&m, irq, IG_ICW4_AEOI);

	machine_trigger(&m, source);
	machine_out(&m, command_of(irq), IG_OCW3 | IG_OCW3_POLL);
	assert_seen(&m, 0, 0, 0);
	machine_in(&m, command_of(irq));
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(m.seen.listen[0], source);
	machine_close(&m);
}

TEST_BOTH(poll_of_nothing_acks_nothing)
{
	struct machine m;

	begin(&m, irq);
	machine_out(&m, command_of(irq), IG_OCW3 | IG_OCW3_POLL);
	assert_false(machine_in(&m, command_of(irq)) & IG_POLL_INTERRUPT);
	assert_seen(&m, 0, 0, 0);
	machine_out(&m, command_of(irq), IG_OCW2_EOI);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

/* What is withdrawn before the INTA leaves nothing that an EOI could ack, nor a spurious vector. */
TEST_BOTH(interrupt_withdrawn_before_the_inta_leaves_nothing)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);

	machine_trigger(&m, source);
	assert_true(machine_intr(&m));
	machine_enable(&m, source, false);
	assert_false(m.effects.intr);
	assert_int_equal(machine_inta(&m), NO_VECTOR);
	machine_pic_eoi(&m, irq);
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

/* As a guest does that got a spurious interrupt, or mistakes one for it. */
TEST_BOTH(eoi_of_nothing_in_service_acks_nothing)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);

	machine_trigger(&m, source);
	machine_out(&m, IG_PIC_MASTER_COMMAND, IG_OCW2_EOI);
	assert_seen(&m, 0, 0, 0);
	machine_out(&m, IG_PIC_SLAVE_COMMAND, IG_OCW2_EOI);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(machine_inta(&m), irq);
	machine_pic_eoi(&m, irq);
	assert_seen(&m, 0, 1, 0);
	machine_pic_eoi(&m, irq); /* a second one */
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

/* The handler masks its own input and lets the lower ones in; its EOI must be a specific one. */
TEST(special_mask_mode_keeps_the_masked_line_in_service)
{
	struct machine m;
	irqgate_source high = begin(&m, 5), low = machine_add(&m, 6, IRQGATE_SOURCE_FORWARDED, false);

	machine_pic_unmask(&m, 6);
	machine_trigger(&m, high);
	machine_trigger(&m, low);
	assert_int_equal(machine_inta(&m), 5);
	machine_out(&m, IG_PIC_MASTER_COMMAND, IG_OCW3 | IG_OCW3_ESMM | IG_OCW3_SMM);
	machine_pic_mask(&m, 5);
	assert_int_equal(machine_inta(&m), 6);
	machine_out(&m, IG_PIC_MASTER_COMMAND, IG_OCW2_EOI);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(m.seen.listen[0], low);
	machine_pic_unmask(&m, 5); /* still in service: the EOI is to come */
	assert_seen(&m, 0, 0, 0);
	machine_pic_eoi(&m, 5);
	assert_seen(&m, 0, 1, 0);
	assert_int_equal(m.seen.listen[0], high);
	machine_close(&m);
}

TEST(rotating_eoi_acks_as_a_plain_one_does)
{
	struct machine m;
	irqgate_source source = begin(&m, MASTER_IRQ);

	for (unsigned int command = IG_OCW2_ROTATE_EOI; command <= 0xff; command += 0x40) {
		machine_trigger(&m, source);
		assert_int_equal(machine_inta(&m), MASTER_IRQ);
		machine_out(&m, IG_PIC_MASTER_COMMAND, command | MASTER_IRQ);
		assert_seen(&m, 0, 1, 0);
	}
	machine_close(&m);
}

/*
 * ICW1 ends what is in service, and the chip gives no interrupt before its sequence is over: held until then.
 */
TEST_BOTH(new_initialisation_in_service_holds)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);

	machine_trigger(&m, source);
	assert_int_equal(machine_inta(&m), irq);
	machine_out(&m, command_of(irq), IG_ICW1 | IG_ICW1_IC4);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(machine_stats(&m, source).holds, 1);
	assert_true(irqgate_core_line_level(m.core, irq));
	machine_init_pair(&m, 0);
	machine_pic_unmask(&m, irq);
	assert_int_equal(machine_stats(&m, source).resamples, 1);
	assert_int_equal(machine_inta(&m), NO_VECTOR);
	machine_close(&m);
}

/* After its last word a chip has nothing masked, without an OCW1 that says so. */
TEST_BOTH(end_of_the_initialisation_is_an_unmask)
{
	struct machine m;
	irqgate_source source = begin(&m, irq);
	uint16_t command = command_of(irq);

	machine_out(&m, command, IG_ICW1 | IG_ICW1_IC4);
	machine_trigger(&m, source);
	machine_out(&m, command + 1, PAIR_BASE);
	machine_out(&m, command + 1, 0);
	assert_seen(&m, 0, 0, 0);
	machine_out(&m, command + 1, 0);
	assert_seen(&m, 0, 1, 0);
	assert_false(machine_intr(&m));
	machine_close(&m);
}

TEST(gsis_that_feed_no_input_are_the_ioapics_alone)
{
	static const uint32_t gsis[] = { IG_PIC_CASCADE, IG_PIC_IRQS, PINS - 1 };
	struct machine m;

	machine_open_pair(&m, IRQGATE_POLICY_HOLD, 0);
	machine_out(&m, IG_PIC_MASTER_DATA, 0);
	machine_out(&m, IG_PIC_SLAVE_DATA, 0);
	for (size_t i = 0; i < sizeof(gsis) / sizeof(gsis[0]); i++) {
		machine_level(&m, machine_add(&m, gsis[i], IRQGATE_SOURCE_WIRE, false), true);
		machine_pulse(&m, machine_add(&m, gsis[i], IRQGATE_SOURCE_EDGE, false));
		assert_false(machine_intr(&m));
	}
	machine_close(&m);
}

TEST(pair_of_a_chip_with_few_pins_has_the_lines_that_there_are)
{
	struct irqgate_core_config config = {
		.size = sizeof(config), .sources = SOURCES, .chips = 1, .pic = true,
		.chip = { { .pins = 6 } },
	};
	struct irqgate_pic_access unmask = { .port = IG_PIC_MASTER_DATA, .write = true };
	struct machine m;

	machine_open_config(&m, &config);
	machine_init_pair(&m, 0);
	assert_int_equal(irqgate_core_pic_unmasks(m.core, &unmask), 0x3b);
	machine_out(&m, IG_PIC_MASTER_DATA, 0);
	machine_out(&m, IG_PIC_SLAVE_DATA, 0);
	machine_level(&m, machine_add(&m, 5, IRQGATE_SOURCE_WIRE, false), true);
	assert_int_equal(machine_inta(&m), 5);
	machine_close(&m);
}

TEST(core_without_a_pair_has_no_ports)
{
	struct irqgate_pic_access unmask = { .port = IG_PIC_MASTER_DATA, .write = true };
	unsigned char before[16384];
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	assert_true(irqgate_core_state_size(m.core) <= sizeof(before));
	memcpy(before, m.core, irqgate_core_state_size(m.core));
	machine_init_pair(&m, 0);
	assert_int_equal(irqgate_core_pic_unmasks(m.core, &unmask), 0);
	assert_int_equal(machine_in(&m, IG_PIC_MASTER_DATA), 0xff);
	assert_int_equal(machine_inta(&m), NO_VECTOR);
	assert_memory_equal(before, m.core, irqgate_core_state_size(m.core));
	machine_close(&m);
}

TEST(port_that_is_not_the_pairs_does_nothing)
{
	static const uint16_t ports[] = { 0, 0x22, 0x1f, 0xa2, 0x9f, 0x4cf, 0x4d2, 0xffff };
	unsigned char before[16384];
	struct machine m;

	machine_open_pair(&m, IRQGATE_POLICY_HOLD, 0);
	assert_true(irqgate_core_state_size(m.core) <= sizeof(before));
	memcpy(before, m.core, irqgate_core_state_size(m.core));
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		machine_out(&m, ports[i], 0);
		assert_int_equal(machine_in(&m, ports[i]), 0xff);
	}
	assert_memory_equal(before, m.core, irqgate_core_state_size(m.core));
	machine_close(&m);
}

/* Of the IRR alone, of the chip that is read, and of lines that there are. */
TEST(read_that_shows_levels_is_known_beforehand)
{
	struct irqgate_pic_access read = { .port = IG_PIC_MASTER_COMMAND };
	struct machine m;

	machine_open_pair(&m, IRQGATE_POLICY_HOLD, 0);
	machine_out(&m, IG_PIC_MASTER_ELCR, 0x28);
	machine_out(&m, IG_PIC_SLAVE_ELCR, 0x08);
	machine_out(&m, IG_PIC_MASTER_COMMAND, IG_OCW3 | IG_OCW3_RR);
	assert_int_equal(irqgate_core_pic_shows(m.core, &read), 0x28);
	read.port = IG_PIC_MASTER_DATA;
	assert_int_equal(irqgate_core_pic_shows(m.core, &read), 0);
	read.port = IG_PIC_SLAVE_COMMAND;
	assert_int_equal(irqgate_core_pic_shows(m.core, &read), 0x0800);
	read.done = true;
	assert_int_equal(irqgate_core_pic_shows(m.core, &read), 0);
	read.done = false;
	read.write = true;
	assert_int_equal(irqgate_core_pic_shows(m.core, &read), 0);
	read = (struct irqgate_pic_access){ .port = IG_PIC_MASTER_COMMAND };
	machine_out(&m, IG_PIC_MASTER_COMMAND, IG_OCW3 | IG_OCW3_POLL);
	assert_int_equal(irqgate_core_pic_shows(m.core, &read), 0); /* it will be the poll */
	machine_out(&m, IG_PIC_MASTER_COMMAND, IG_OCW3 | IG_OCW3_RR | IG_OCW3_RIS);
	machine_in(&m, IG_PIC_MASTER_COMMAND);
	assert_int_equal(irqgate_core_pic_shows(m.core, &read), 0);
	machine_close(&m);
	machine_open(&m, IRQGATE_POLICY_HOLD);
	assert_int_equal(irqgate_core_pic_shows(m.core, &read), 0);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(automatic_eoi_acks_at_the_inta_so_an_event_is_two_triggers),
		cmocka_unit_test(edge_triggered_input_gets_an_edge_for_every_trigger),
		cmocka_unit_test(edge_remembered_while_masked_is_not_delivered_stale),
		cmocka_unit_test(elcr_changed_in_a_hold_changes_nothing),
		cmocka_unit_test(poll_takes_the_interrupt_and_its_eoi_resamples),
		cmocka_unit_test(poll_with_automatic_eoi_is_the_ack),
		cmocka_unit_test(poll_of_nothing_acks_nothing),
		cmocka_unit_test(interrupt_withdrawn_before_the_inta_leaves_nothing),
		cmocka_unit_test(eoi_of_nothing_in_service_acks_nothing),
		cmocka_unit_test(special_mask_mode_keeps_the_masked_line_in_service),
		cmocka_unit_test(rotating_eoi_acks_as_a_plain_one_does),
		cmocka_unit_test(new_initialisation_in_service_holds),
		cmocka_unit_test(end_of_the_initialisation_is_an_unmask),
		cmocka_unit_test(gsis_that_feed_no_input_are_the_ioapics_alone),
		cmocka_unit_test(pair_of_a_chip_with_few_pins_has_the_lines_that_there_are),
		cmocka_unit_test(core_without_a_pair_has_no_ports),
		cmocka_unit_test(port_that_is_not_the_pairs_does_nothing),
		cmocka_unit_test(read_that_shows_levels_is_known_beforehand),
	};

	return cmocka_run_group_tests_name("legacy-modes", tests, NULL, NULL);
}
