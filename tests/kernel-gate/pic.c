/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The gate on the 8259's lines, one of each chip. The IOAPIC's pin of the same GSI is masked. */
#include "tests.h"

#define ICW4     1
#define ICW4_AEOI 3

static const uint32_t lines[] = { 5, SHARED_GSI };

static uint8_t vector_of(uint32_t line)
{
	return (uint8_t)(PIC_VECTOR + line);
}

static void open_pic(struct fixture *fixture, uint32_t line, uint8_t icw4)
{
	fixture_open(fixture, line);
	guest_start_pic(fixture->cpu, line, icw4);
}

/* As Linux' handle_level_irq() begins: mask, EOI, then the handler. */
static void hold(struct fixture *fixture)
{
	uint32_t line = fixture->source.gsi;

	guest_mask_pic(fixture->cpu, line, false);
	source_trigger(&fixture->source);
	assert_true(comes(fixture->cpu, vector_of(line), 1));
	guest_mask_pic(fixture->cpu, line, true);
	guest_eoi_pic(fixture->cpu, line);
	assert_int_equal(source_resamples(&fixture->source), 0);
}

static void eoi_of_an_unmasked_line_resamples(uint32_t line)
{
	struct fixture f;

	open_pic(&f, line, ICW4);
	guest_mask_pic(f.cpu, line, false);
	source_trigger(&f.source);
	assert_true(comes(f.cpu, vector_of(line), 1));
	assert_int_equal(source_resamples(&f.source), 0);
	guest_eoi_pic(f.cpu, line);
	assert_int_equal(source_resamples(&f.source), 1);
	assert_int_equal(after_a_while(f.cpu, vector_of(line)), 1);
	fixture_close(&f);
}

static void eoi_of_a_masked_line_holds_until_the_unmask(uint32_t line)
{
	struct fixture f;

	open_pic(&f, line, ICW4);
	hold(&f);
	assert_true(guest_sees_pic_request(f.cpu, line)); /* as the device still asserts */
	guest_mask_pic(f.cpu, line, false);
	assert_int_equal(source_resamples(&f.source), 1);
	assert_false(guest_sees_pic_request(f.cpu, line));
	assert_int_equal(after_a_while(f.cpu, vector_of(line)), 1);
	fixture_close(&f);
}

static void source_that_is_added_anew_while_held_is_resampled_at_the_unmask(uint32_t line)
{
	struct fixture f;

	open_pic(&f, line, ICW4);
	hold(&f);
	source_deassign(&f.source);
	source_assign(&f.source);
	assert_int_equal(source_resamples(&f.source), 0);
	guest_mask_pic(f.cpu, line, false);
	assert_int_equal(source_resamples(&f.source), 1);
	fixture_close(&f);
}

static void device_that_still_asserts_interrupts_again(uint32_t line)
{
	struct fixture f;

	open_pic(&f, line, ICW4);
	hold(&f);
	guest_mask_pic(f.cpu, line, false);
	source_trigger(&f.source);
	assert_true(comes(f.cpu, vector_of(line), 2));
	fixture_close(&f);
}

static void trigger_of_a_masked_line_is_resampled_at_the_unmask(uint32_t line)
{
	struct fixture f;

	open_pic(&f, line, ICW4);
	source_trigger(&f.source);
	assert_int_equal(after_a_while(f.cpu, vector_of(line)), 0);
	guest_mask_pic(f.cpu, line, false);
	assert_int_equal(source_resamples(&f.source), 1);
	assert_int_equal(after_a_while(f.cpu, vector_of(line)), 0);
	fixture_close(&f);
}

static void mask_and_unmask_in_service_change_nothing(uint32_t line)
{
	struct fixture f;

	open_pic(&f, line, ICW4);
	guest_mask_pic(f.cpu, line, false);
	source_trigger(&f.source);
	assert_true(comes(f.cpu, vector_of(line), 1));
	guest_mask_pic(f.cpu, line, true);
	guest_mask_pic(f.cpu, line, false);
	assert_int_equal(source_resamples(&f.source), 0);
	guest_eoi_pic(f.cpu, line);
	assert_int_equal(source_resamples(&f.source), 1);
	fixture_close(&f);
}

static void emulated_source_of_the_line_is_not_lost_at_the_unmask(uint32_t line)
{
	struct fixture f;

	open_pic(&f, line, ICW4);
	hold(&f);
	wire_set(&f.vm, line, 1);
	guest_mask_pic(f.cpu, line, false);
	assert_int_equal(source_resamples(&f.source), 1);
	assert_true(comes(f.cpu, vector_of(line), 2));
	wire_set(&f.vm, line, 0);
	guest_eoi_pic(f.cpu, line);
	assert_int_equal(after_a_while(f.cpu, vector_of(line)), 2);
	fixture_close(&f);
}

/* There the ack is the INTA: before the handler could mask. */
static void automatic_eoi_resamples_at_the_acknowledge(uint32_t line)
{
	struct fixture f;

	open_pic(&f, line, ICW4_AEOI);
	guest_mask_pic(f.cpu, line, false);
	source_trigger(&f.source);
	assert_true(comes(f.cpu, vector_of(line), 1));
	assert_int_equal(source_resamples(&f.source), 1);
	fixture_close(&f);
}

/* ICW1 unmasks all lines. */
static void initialization_pays_what_is_held(uint32_t line)
{
	struct fixture f;

	open_pic(&f, line, ICW4);
	hold(&f);
	guest_start_pic(f.cpu, line, ICW4);
	assert_int_equal(source_resamples(&f.source), 1);
	assert_int_equal(after_a_while(f.cpu, vector_of(line)), 1);
	fixture_close(&f);
}

/* A guest that goes over from one chip to the other. */
static void held_by_the_8259_is_paid_by_the_ioapic(uint32_t line)
{
	struct fixture f;

	open_pic(&f, line, ICW4);
	hold(&f);
	guest_write_rte(f.cpu, line, VECTOR | LEVEL);
	assert_int_equal(source_resamples(&f.source), 1);
	source_trigger(&f.source);
	assert_true(comes(f.cpu, VECTOR, 1));
	guest_eoi(f.cpu);
	assert_int_equal(source_resamples(&f.source), 1);
	fixture_close(&f);
}

#define ON_BOTH_CHIPS(test) \
	static void test##_on_both(void **state) \
	{ \
		(void)state; \
		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) \
			test(lines[i]); \
	}

ON_BOTH_CHIPS(eoi_of_an_unmasked_line_resamples)
ON_BOTH_CHIPS(eoi_of_a_masked_line_holds_until_the_unmask)
ON_BOTH_CHIPS(source_that_is_added_anew_while_held_is_resampled_at_the_unmask)
ON_BOTH_CHIPS(device_that_still_asserts_interrupts_again)
ON_BOTH_CHIPS(trigger_of_a_masked_line_is_resampled_at_the_unmask)
ON_BOTH_CHIPS(mask_and_unmask_in_service_change_nothing)
ON_BOTH_CHIPS(emulated_source_of_the_line_is_not_lost_at_the_unmask)
ON_BOTH_CHIPS(automatic_eoi_resamples_at_the_acknowledge)
ON_BOTH_CHIPS(initialization_pays_what_is_held)
ON_BOTH_CHIPS(held_by_the_8259_is_paid_by_the_ioapic)

int test_pic(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eoi_of_an_unmasked_line_resamples_on_both),
		cmocka_unit_test(eoi_of_a_masked_line_holds_until_the_unmask_on_both),
		cmocka_unit_test(source_that_is_added_anew_while_held_is_resampled_at_the_unmask_on_both),
		cmocka_unit_test(device_that_still_asserts_interrupts_again_on_both),
		cmocka_unit_test(trigger_of_a_masked_line_is_resampled_at_the_unmask_on_both),
		cmocka_unit_test(mask_and_unmask_in_service_change_nothing_on_both),
		cmocka_unit_test(emulated_source_of_the_line_is_not_lost_at_the_unmask_on_both),
		cmocka_unit_test(automatic_eoi_resamples_at_the_acknowledge_on_both),
		cmocka_unit_test(initialization_pays_what_is_held_on_both),
		cmocka_unit_test(held_by_the_8259_is_paid_by_the_ioapic_on_both),
	};

	return cmocka_run_group_tests_name("8259", tests, NULL, NULL);
}
