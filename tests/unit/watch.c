/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Notices for those who watch a line: acks and masks of both chips, on both paths, with the state at
 * registration.
 */
#include <errno.h>
#include <string.h>

#include "machine.h"

static struct irqgate_line_state state_of(const struct machine *m, uint32_t gsi)
{
	struct irqgate_line_state state;

	assert_int_equal(irqgate_core_line_state(m->core, gsi, &state), 0);
	return state;
}

static struct irqgate_line_state watch(struct machine *m, uint32_t gsi)
{
	assert_int_equal(irqgate_core_watch(m->core, gsi, true), 0);
	return state_of(m, gsi);
}

/* Fails unless the last call gave one notice, and the state is now so. */
static void assert_noticed(const struct machine *m, uint32_t gsi, bool masked, uint64_t acks)
{
	assert_int_equal(m->seen.notices, 1);
	assert_int_equal(m->seen.line, gsi);
	assert_int_equal(state_of(m, gsi).masked, masked);
	assert_int_equal(state_of(m, gsi).acks, acks);
}

/* A forwarded source on PIN, watched; at rest and unmasked. */
static irqgate_source begin(struct machine *m, bool direct)
{
	irqgate_source source = machine_open_with(m, IRQGATE_POLICY_HOLD, direct, LEVEL);

	assert_false(watch(m, PIN).masked);
	return source;
}

TEST(line_that_nobody_watches_gives_no_notice)
{
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);

	machine_mask(&m);
	assert_int_equal(m.seen.notices, 0);
	machine_unmask(&m);
	assert_int_equal(m.seen.notices, 0);
	machine_trigger(&m, source);
	machine_eoi(&m, VECTOR);
	assert_int_equal(m.seen.notices, 0);
	assert_int_equal(state_of(&m, PIN).acks, 0);
	machine_close(&m);
}

TEST(mask_and_unmask_give_notice)
{
	struct machine m;

	begin(&m, false);
	machine_mask(&m);
	assert_noticed(&m, PIN, true, 0);
	machine_mask(&m);
	assert_int_equal(m.seen.notices, 0);
	machine_unmask(&m);
	assert_noticed(&m, PIN, false, 0);
	machine_write(&m, rte_low(PIN), LEVEL + 1); /* the vector */
	assert_int_equal(m.seen.notices, 0);
	machine_write(&m, rte_low(OTHER_PIN), LEVEL);
	assert_int_equal(m.seen.notices, 0);
	machine_close(&m);
}

TEST(every_ack_gives_notice)
{
	static const bool paths[] = { false, true };

	for (size_t i = 0; i < 2; i++) {
		struct machine m;
		irqgate_source source = begin(&m, paths[i]);

		for (uint64_t event = 1; event <= 3; event++) {
			if (!paths[i])
				machine_trigger(&m, source);
			machine_eoi(&m, VECTOR);
			assert_noticed(&m, PIN, false, event);
		}
		machine_close(&m);
	}
}

/* The order of the guest's doings is the order of the notices. */
TEST(oneshot_event_gives_three_notices)
{
	struct machine m;
	irqgate_source source = begin(&m, false);
	uint64_t version = state_of(&m, PIN).version;

	machine_trigger(&m, source);
	assert_int_equal(m.seen.notices, 0);
	machine_mask(&m);
	assert_noticed(&m, PIN, true, 0);
	machine_eoi(&m, VECTOR);
	assert_noticed(&m, PIN, true, 1);
	machine_unmask(&m);
	assert_noticed(&m, PIN, false, 1);
	assert_int_equal(state_of(&m, PIN).version, version + 3);
	machine_close(&m);
}

TEST(eoi_register_and_change_to_edge_are_acks)
{
	struct machine m;
	irqgate_source source = begin(&m, false);

	machine_trigger(&m, source);
	machine_ioapic_eoi(&m, VECTOR);
	assert_noticed(&m, PIN, false, 1);
	machine_trigger(&m, source);
	machine_write(&m, rte_low(PIN), EDGE | MASKED);
	assert_noticed(&m, PIN, true, 2);
	machine_eoi(&m, VECTOR); /* of nothing */
	assert_int_equal(m.seen.notices, 0);
	machine_close(&m);
}

TEST_BOTH(eoi_at_the_pair_is_an_ack)
{
	struct machine m;
	irqgate_source edge;

	machine_open_pair(&m, IRQGATE_POLICY_HOLD, 0);
	edge = machine_add(&m, irq, IRQGATE_SOURCE_EDGE, false);
	machine_pic_unmask(&m, irq);
	watch(&m, irq);
	for (uint64_t event = 1; event <= 3; event++) {
		machine_pulse(&m, edge);
		assert_int_equal(machine_inta(&m), irq);
		assert_int_equal(m.seen.notices, 0);
		machine_pic_eoi(&m, irq);
		assert_noticed(&m, irq, false, event);
	}
	machine_close(&m);
}

TEST_BOTH(inta_with_automatic_eoi_is_an_ack)
{
	struct machine m;
	irqgate_source edge;

	machine_open_pair(&m, IRQGATE_POLICY_HOLD, IG_ICW4_AEOI);
	edge = machine_add(&m, irq, IRQGATE_SOURCE_EDGE, false);
	machine_pic_unmask(&m, irq);
	watch(&m, irq);
	machine_pulse(&m, edge);
	assert_int_equal(machine_inta(&m), irq);
	assert_noticed(&m, irq, false, 1);
	machine_close(&m);
}

/* Of both chips each acks by itself. */
TEST_BOTH(acks_of_both_chips_count)
{
	struct machine m;
	irqgate_source wire;

	machine_open_pair(&m, IRQGATE_POLICY_HOLD, 0);
	wire = machine_add(&m, irq, IRQGATE_SOURCE_WIRE, false);
	machine_pic_unmask(&m, irq);
	machine_program(&m, irq, LEVEL);
	watch(&m, irq);
	machine_level(&m, wire, true);
	assert_int_equal(machine_inta(&m), irq);
	machine_level(&m, wire, false);
	machine_pic_eoi(&m, irq);
	assert_noticed(&m, irq, false, 1);
	machine_eoi(&m, VECTOR);
	assert_noticed(&m, irq, false, 2);
	machine_close(&m);
}

TEST_BOTH(masked_is_masked_by_both_chips)
{
	struct machine m;

	machine_open_pair(&m, IRQGATE_POLICY_HOLD, 0);
	assert_true(watch(&m, irq).masked);
	machine_pic_unmask(&m, irq);
	assert_noticed(&m, irq, false, 0);
	machine_program(&m, irq, LEVEL);
	assert_int_equal(m.seen.notices, 0);
	machine_pic_mask(&m, irq);
	assert_int_equal(m.seen.notices, 0);
	machine_program(&m, irq, LEVEL | MASKED);
	assert_noticed(&m, irq, true, 0);
	machine_close(&m);
}

/* A write to IR2 masks and unmasks all lines of the slave; the other lines hear nothing. */
TEST(one_write_gives_notice_of_each_line)
{
	struct machine m;

	machine_open_pair(&m, IRQGATE_POLICY_HOLD, 0);
	machine_out(&m, IG_PIC_SLAVE_DATA, 0);
	for (uint32_t gsi = 3; gsi < 12; gsi++)
		watch(&m, gsi);
	machine_pic_mask(&m, IG_PIC_CASCADE);
	assert_int_equal(m.seen.notices, 4);
	for (uint32_t gsi = 3; gsi < 12; gsi++)
		assert_true(state_of(&m, gsi).masked);
	machine_pic_unmask(&m, IG_PIC_CASCADE);
	assert_int_equal(m.seen.notices, 4);
	for (uint32_t gsi = 3; gsi < 12; gsi++)
		assert_int_equal(state_of(&m, gsi).masked, gsi < 8);
	machine_close(&m);
}

/*
 * As the seed's second version had it: whoever registers learns the state, and of every change from then on.
 */
TEST(state_at_registration_is_the_one_that_notices_count_from)
{
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_program(&m, PIN, LEVEL | MASKED);
	assert_true(watch(&m, PIN).masked);
	machine_unmask(&m);
	assert_noticed(&m, PIN, false, 0);
	assert_int_equal(irqgate_core_watch(m.core, PIN, false), 0);
	machine_mask(&m);
	assert_int_equal(m.seen.notices, 0);
	assert_true(watch(&m, PIN).masked);
	machine_mask(&m);
	assert_int_equal(m.seen.notices, 0);
	machine_unmask(&m);
	assert_noticed(&m, PIN, false, 0);
	machine_close(&m);
}

TEST(reset_gives_notice_of_the_mask_and_of_no_ack)
{
	struct machine m;
	irqgate_source source = begin(&m, false);

	machine_trigger(&m, source);
	machine_reset(&m);
	assert_noticed(&m, PIN, true, 0);
	machine_reset(&m);
	assert_int_equal(m.seen.notices, 0);
	machine_close(&m);

	machine_open_pair(&m, IRQGATE_POLICY_HOLD, 0);
	machine_pic_unmask(&m, SLAVE_IRQ);
	watch(&m, SLAVE_IRQ);
	machine_reset(&m);
	assert_noticed(&m, SLAVE_IRQ, true, 0);
	machine_close(&m);
}

/* Whoever watches before it is told; whether there is a watch is the machine's own. */
TEST(restored_state_gives_notice)
{
	unsigned char saved[4096];
	struct machine m;
	uint32_t gsi = 0;
	size_t size;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	size = irqgate_core_save_size(m.core);
	assert_true(size <= sizeof(saved));
	assert_int_equal(irqgate_core_save(m.core, saved, size), 0);
	machine_program(&m, PIN, LEVEL);
	watch(&m, PIN);
	assert_int_equal(irqgate_core_restore(m.core, saved, size), 0);
	machine_forget(&m);
	while (irqgate_core_restored(m.core, &gsi, &m.effects))
		machine_see(&m);
	assert_noticed(&m, PIN, true, 0);
	machine_close(&m);
}

/* Full lines have room for the notice. */
TEST(notice_comes_after_all_sources_of_the_line)
{
	struct machine m;
	irqgate_source wire, source = begin(&m, false);

	for (uint32_t i = 2; i < IRQGATE_LINE_SOURCES_MAX; i++)
		machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, false);
	wire = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	machine_level(&m, wire, true);
	machine_trigger(&m, source);
	machine_eoi(&m, VECTOR);
	assert_seen(&m, 1, IRQGATE_LINE_SOURCES_MAX - 1, 0);
	assert_noticed(&m, PIN, false, 1);
	machine_close(&m);
}

/* The gate does not depend on it. */
TEST(watching_changes_nothing_else)
{
	struct machine m, plain;

	for (int watched = 0; watched < 2; watched++) {
		struct machine *one = watched ? &m : &plain;
		irqgate_source source = machine_open_with(one, IRQGATE_POLICY_HOLD, false, LEVEL);

		if (watched)
			watch(one, PIN);
		machine_trigger(one, source);
		machine_mask(one);
		machine_eoi(one, VECTOR);
		assert_seen(one, 0, 0, 0);
		machine_unmask(one);
		assert_seen(one, 0, 1, 0);
	}
	machine_close(&m);
	machine_close(&plain);
}

TEST(gsi_that_there_is_not_is_refused)
{
	struct irqgate_line_state line = { .version = 7 };
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	assert_int_equal(irqgate_core_watch(m.core, PINS, true), -EINVAL);
	assert_int_equal(irqgate_core_watch(m.core, UINT32_MAX, true), -EINVAL);
	assert_int_equal(irqgate_core_line_state(m.core, PINS, &line), -EINVAL);
	assert_int_equal(line.version, 7);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_that_nobody_watches_gives_no_notice),
		cmocka_unit_test(mask_and_unmask_give_notice),
		cmocka_unit_test(every_ack_gives_notice),
		cmocka_unit_test(oneshot_event_gives_three_notices),
		cmocka_unit_test(eoi_register_and_change_to_edge_are_acks),
		cmocka_unit_test(eoi_at_the_pair_is_an_ack),
		cmocka_unit_test(inta_with_automatic_eoi_is_an_ack),
		cmocka_unit_test(acks_of_both_chips_count),
		cmocka_unit_test(masked_is_masked_by_both_chips),
		cmocka_unit_test(one_write_gives_notice_of_each_line),
		cmocka_unit_test(state_at_registration_is_the_one_that_notices_count_from),
		cmocka_unit_test(reset_gives_notice_of_the_mask_and_of_no_ack),
		cmocka_unit_test(restored_state_gives_notice),
		cmocka_unit_test(notice_comes_after_all_sources_of_the_line),
		cmocka_unit_test(watching_changes_nothing_else),
		cmocka_unit_test(gsi_that_there_is_not_is_refused),
	};

	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
