/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The gate on the IOAPIC's pins. */
#include "tests.h"

static bool is_pending(struct test_vm *vm, uint32_t pin)
{
	return ioapic_state(vm).irr >> pin & 1;
}

/* Up to where a oneshot handler of a guest is after its EOI: taken, masked, held. */
static void hold(struct fixture *fixture)
{
	open_pin(fixture);
	source_trigger(&fixture->source);
	assert_true(comes(fixture->cpu, VECTOR, 1));
	guest_write_rte(fixture->cpu, fixture->source.gsi, VECTOR | LEVEL | MASKED);
	guest_eoi(fixture->cpu);
	assert_int_equal(source_resamples(&fixture->source), 0);
}

static void eoi_of_an_unmasked_pin_resamples(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	source_trigger(&f.source);
	assert_true(comes(f.cpu, VECTOR, 1));
	assert_int_equal(source_resamples(&f.source), 0);
	guest_eoi(f.cpu);
	assert_int_equal(source_resamples(&f.source), 1);
	assert_false(is_pending(&f.vm, GSI));
	assert_int_equal(after_a_while(f.cpu, VECTOR), 1);
	fixture_close(&f);
}

static void eoi_of_a_masked_pin_holds_until_the_unmask(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	hold(&f);
	assert_true(is_pending(&f.vm, GSI)); /* as the device still asserts */
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	assert_int_equal(source_resamples(&f.source), 1);
	assert_false(is_pending(&f.vm, GSI));
	assert_int_equal(after_a_while(f.cpu, VECTOR), 1);
	fixture_close(&f);
}

static void device_that_still_asserts_interrupts_again(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	hold(&f);
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	assert_int_equal(source_resamples(&f.source), 1);
	source_trigger(&f.source);
	assert_true(comes(f.cpu, VECTOR, 2));
	guest_eoi(f.cpu);
	assert_int_equal(source_resamples(&f.source), 1);
	fixture_close(&f);
}

static void trigger_of_a_masked_pin_is_resampled_at_the_unmask(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	source_trigger(&f.source);
	assert_int_equal(after_a_while(f.cpu, VECTOR), 0);
	assert_true(is_pending(&f.vm, GSI));
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	assert_int_equal(source_resamples(&f.source), 1);
	assert_int_equal(after_a_while(f.cpu, VECTOR), 0);
	fixture_close(&f);
}

static void mask_and_unmask_in_service_change_nothing(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	source_trigger(&f.source);
	assert_true(comes(f.cpu, VECTOR, 1));
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL | MASKED);
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	assert_int_equal(source_resamples(&f.source), 0);
	guest_eoi(f.cpu);
	assert_int_equal(source_resamples(&f.source), 1);
	assert_int_equal(after_a_while(f.cpu, VECTOR), 1);
	fixture_close(&f);
}

/* It asserts while the pin is masked, and it alone: its interrupt must come, and only its. */
static void emulated_source_of_the_line_is_not_lost_at_the_unmask(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	hold(&f);
	wire_set(&f.vm, GSI, 1);
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	assert_int_equal(source_resamples(&f.source), 1);
	assert_true(comes(f.cpu, VECTOR, 2));
	wire_set(&f.vm, GSI, 0);
	guest_eoi(f.cpu);
	assert_int_equal(after_a_while(f.cpu, VECTOR), 2);
	assert_false(is_pending(&f.vm, GSI));
	fixture_close(&f);
}

/* The same without an EOI before it: a forwarded device triggered while the pin was masked, and is quiet again. */
static void emulated_source_of_a_masked_line_is_delivered_at_the_unmask(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	source_trigger(&f.source);
	assert_int_equal(after_a_while(f.cpu, VECTOR), 0);
	wire_set(&f.vm, GSI, 1);
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	assert_true(comes(f.cpu, VECTOR, 1));
	wire_set(&f.vm, GSI, 0);
	guest_eoi(f.cpu);
	assert_int_equal(after_a_while(f.cpu, VECTOR), 1);
	fixture_close(&f);
}

static void emulated_source_keeps_the_line_up_at_the_eoi(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	wire_set(&f.vm, GSI, 1);
	source_trigger(&f.source);
	assert_true(comes(f.cpu, VECTOR, 1));
	guest_eoi(f.cpu);
	assert_true(comes(f.cpu, VECTOR, 2));
	wire_set(&f.vm, GSI, 0);
	guest_eoi(f.cpu);
	assert_int_equal(after_a_while(f.cpu, VECTOR), 2);
	fixture_close(&f);
}

/* How Linux sends an EOI to an IOAPIC that has no register for it. */
static void change_to_edge_counts_as_the_eoi(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	source_trigger(&f.source);
	assert_true(comes(f.cpu, VECTOR, 1));
	guest_write_rte(f.cpu, GSI, VECTOR | MASKED);
	assert_int_equal(source_resamples(&f.source), 0);
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	assert_int_equal(source_resamples(&f.source), 1);
	guest_eoi(f.cpu);
	assert_int_equal(source_resamples(&f.source), 0);
	assert_int_equal(after_a_while(f.cpu, VECTOR), 1);
	fixture_close(&f);
}

static void pin_that_is_opened_as_edge_is_resampled(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	hold(&f);
	guest_write_rte(f.cpu, GSI, VECTOR);
	assert_int_equal(source_resamples(&f.source), 1);
	source_trigger(&f.source);
	assert_true(comes(f.cpu, VECTOR, 2));
	guest_eoi(f.cpu);
	assert_int_equal(source_resamples(&f.source), 1);
	fixture_close(&f);
}

static void entry_that_is_rewritten_while_held_stays_held(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	hold(&f);
	guest_write_rte(f.cpu, GSI, (VECTOR + 1) | LEVEL | MASKED);
	assert_int_equal(source_resamples(&f.source), 0);
	guest_write_rte(f.cpu, GSI, (VECTOR + 1) | LEVEL);
	assert_int_equal(source_resamples(&f.source), 1);
	source_trigger(&f.source);
	assert_true(comes(f.cpu, VECTOR + 1, 1));
	assert_int_equal(after_a_while(f.cpu, VECTOR), 1);
	fixture_close(&f);
}

/* What a VMM does at a reset, before it has the device reset. */
static void reset_chip_keeps_the_debt(void **state)
{
	struct kvm_ioapic_state reset;
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	hold(&f);
	reset = ioapic_state(&f.vm);
	reset.irr = 0;
	ioapic_restore(&f.vm, &reset);
	assert_int_equal(source_resamples(&f.source), 0);
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	assert_int_equal(source_resamples(&f.source), 1);
	assert_int_equal(after_a_while(f.cpu, VECTOR), 1);
	fixture_close(&f);
}

static void restored_open_pin_is_resampled_and_not_injected(void **state)
{
	struct kvm_ioapic_state open;
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	hold(&f);
	open = ioapic_state(&f.vm);
	assert_true(open.irr >> GSI & 1);
	open.redirtbl[GSI].fields.mask = 0;
	ioapic_restore(&f.vm, &open);
	assert_int_equal(source_resamples(&f.source), 1);
	assert_int_equal(after_a_while(f.cpu, VECTOR), 1);
	fixture_close(&f);
}

static void removed_source_leaves_nothing_behind(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	hold(&f);
	source_deassign(&f.source);
	assert_false(is_pending(&f.vm, GSI));
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	assert_int_equal(source_resamples(&f.source), 0);
	assert_int_equal(after_a_while(f.cpu, VECTOR), 1);
	fixture_close(&f);
}

static void all_sources_of_a_line_are_resampled_together(void **state)
{
	struct test_source other;
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	source_open(&f.vm, &other, GSI);
	source_assign(&other);
	open_pin(&f);
	source_resamples(&other);
	hold(&f);
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	assert_int_equal(source_resamples(&f.source), 1);
	assert_int_equal(source_resamples(&other), 1);
	source_close(&other);
	fixture_close(&f);
}

static void removal_of_one_source_leaves_the_debt_to_the_other(void **state)
{
	struct test_source other;
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	source_open(&f.vm, &other, GSI);
	source_assign(&other);
	open_pin(&f);
	source_resamples(&other);
	hold(&f);
	source_deassign(&other);
	assert_true(is_pending(&f.vm, GSI));
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	assert_int_equal(source_resamples(&f.source), 1);
	assert_int_equal(source_resamples(&other), 0);
	source_close(&other);
	fixture_close(&f);
}

/* Its device was masked by a trigger that the old registration took with it. */
static void source_that_is_added_anew_in_service_is_resampled_at_the_eoi(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	source_trigger(&f.source);
	assert_true(comes(f.cpu, VECTOR, 1));
	source_deassign(&f.source);
	source_assign(&f.source);
	guest_eoi(f.cpu);
	assert_int_equal(source_resamples(&f.source), 1);
	fixture_close(&f);
}

static void source_that_is_added_anew_while_held_is_resampled_at_the_unmask(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	hold(&f);
	source_deassign(&f.source);
	source_assign(&f.source);
	assert_int_equal(source_resamples(&f.source), 0);
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	assert_int_equal(source_resamples(&f.source), 1);
	fixture_close(&f);
}

/* KVM's API: a resample eventfd is told of the EOI whoever has asserted the GSI. */
static void ack_of_an_emulated_sources_interrupt_resamples_too(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	wire_set(&f.vm, GSI, 1);
	assert_true(comes(f.cpu, VECTOR, 1));
	wire_set(&f.vm, GSI, 0);
	guest_eoi(f.cpu);
	assert_int_equal(source_resamples(&f.source), 1);
	wire_set(&f.vm, GSI, 1);
	assert_true(comes(f.cpu, VECTOR, 2));
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL | MASKED);
	wire_set(&f.vm, GSI, 0);
	guest_eoi(f.cpu);
	assert_int_equal(source_resamples(&f.source), 0);
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	assert_int_equal(source_resamples(&f.source), 1);
	assert_int_equal(after_a_while(f.cpu, VECTOR), 2);
	fixture_close(&f);
}

/* There is no mask that could have been read too early. */
static void source_that_is_added_to_a_masked_pin_is_held(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	source_deassign(&f.source);
	source_trigger(&f.source);
	source_assign(&f.source);
	assert_int_equal(after_a_while(f.cpu, VECTOR), 0);
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	assert_int_equal(source_resamples(&f.source), 1);
	assert_int_equal(after_a_while(f.cpu, VECTOR), 0);
	fixture_close(&f);
}

static void source_that_is_added_to_an_open_pin_interrupts(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	source_deassign(&f.source);
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	source_trigger(&f.source);
	source_assign(&f.source);
	assert_true(comes(f.cpu, VECTOR, 1));
	fixture_close(&f);
}

/* A GSI below 16 feeds a line of the 8259 too, which a guest that uses the IOAPIC may never have touched. */
static void line_of_the_8259_follows(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, SHARED_GSI);
	guest_start_pic(f.cpu, SHARED_GSI, 1);
	hold(&f);
	assert_true(guest_sees_pic_request(f.cpu, SHARED_GSI));
	guest_write_rte(f.cpu, SHARED_GSI, VECTOR | LEVEL);
	assert_int_equal(source_resamples(&f.source), 1);
	assert_false(guest_sees_pic_request(f.cpu, SHARED_GSI));
	assert_int_equal(after_a_while(f.cpu, VECTOR), 1);
	fixture_close(&f);
}

int test_ioapic(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eoi_of_an_unmasked_pin_resamples),
		cmocka_unit_test(eoi_of_a_masked_pin_holds_until_the_unmask),
		cmocka_unit_test(device_that_still_asserts_interrupts_again),
		cmocka_unit_test(trigger_of_a_masked_pin_is_resampled_at_the_unmask),
		cmocka_unit_test(mask_and_unmask_in_service_change_nothing),
		cmocka_unit_test(emulated_source_of_the_line_is_not_lost_at_the_unmask),
		cmocka_unit_test(emulated_source_of_a_masked_line_is_delivered_at_the_unmask),
		cmocka_unit_test(emulated_source_keeps_the_line_up_at_the_eoi),
		cmocka_unit_test(change_to_edge_counts_as_the_eoi),
		cmocka_unit_test(pin_that_is_opened_as_edge_is_resampled),
		cmocka_unit_test(entry_that_is_rewritten_while_held_stays_held),
		cmocka_unit_test(reset_chip_keeps_the_debt),
		cmocka_unit_test(restored_open_pin_is_resampled_and_not_injected),
		cmocka_unit_test(removed_source_leaves_nothing_behind),
		cmocka_unit_test(all_sources_of_a_line_are_resampled_together),
		cmocka_unit_test(removal_of_one_source_leaves_the_debt_to_the_other),
		cmocka_unit_test(source_that_is_added_anew_in_service_is_resampled_at_the_eoi),
		cmocka_unit_test(source_that_is_added_anew_while_held_is_resampled_at_the_unmask),
		cmocka_unit_test(ack_of_an_emulated_sources_interrupt_resamples_too),
		cmocka_unit_test(source_that_is_added_to_a_masked_pin_is_held),
		cmocka_unit_test(source_that_is_added_to_an_open_pin_interrupts),
		cmocka_unit_test(line_of_the_8259_follows),
	};

	return cmocka_run_group_tests_name("ioapic", tests, NULL, NULL);
}
