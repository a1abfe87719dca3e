/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Several devices of a split irqchip, on one GSI and on two. Where a GSI has two devices the library stands
 * between VFIO and KVM, and its helper reads the triggers; VMMs tell only the first resample eventfd of an
 * EOI.
 */
#include "vmm.h"

static struct vmm vmm;

static struct fake_device device(int i)
{
	return fake_look(vmm.device[i].fd);
}

static uint32_t messages(void)
{
	vmm_settle(&vmm);
	return fake_messages(vmm.vm, VECTOR);
}

static int open_two(void **state)
{
	(void)state;
	vmm = (struct vmm){ 0 };
	vmm_open_ready(&vmm, SPLIT);
	vmm_add_device(&vmm, 1, PIN);
	vmm_enable_intx(&vmm, 1);
	return 0;
}

static int open_one(void **state)
{
	(void)state;
	vmm = (struct vmm){ 0 };
	vmm_open_ready(&vmm, SPLIT);
	vmm_add_device(&vmm, 1, PIN);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	vmm_close(&vmm);
	assert_said_nothing();
	return 0;
}

static void quiet_all(void)
{
	for (int i = 0; i < DEVICES; i++)
		if (vmm.device[i].fd >= 0)
			fake_quiet(vmm.device[i].fd);
}

/* Handles all there is, at worst once too often; then both devices listen. */
static void finish(void)
{
	int rounds = 0;

	while (messages(), fake_take(vmm.vcpu[0], VECTOR)) {
		quiet_all();
		guest_eoi(&vmm, VECTOR);
		assert_true(++rounds < 5);
	}
	for (int i = 0; i < DEVICES; i++)
		if (vmm.device[i].fd >= 0)
			assert_false(device(i).masked);
}

/* Each device alone gets through, held and not. */
static void assert_both_gated(void)
{
	finish();
	assert_gated(&vmm, 0);
	assert_gated(&vmm, 1);
	assert_alive(&vmm, 0);
	assert_alive(&vmm, 1);
}

/* Why: most INTx lines are shared. */
TEST(each_device_alone)
{
	assert_both_gated();
}

/* Why: one interrupt for both: the second trigger finds the line asserted. */
TEST(both_devices_in_one_interrupt)
{
	fake_assert(vmm.device[0].fd);
	fake_assert(vmm.device[1].fd);
	assert_int_equal(messages(), 1);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	assert_int_equal(messages(), 1);
	quiet_all();
	guest_unmask(&vmm, PIN);
	assert_int_equal(messages(), 1);
	assert_both_gated();
}

/* Why: a VMM's EOI tells the first resample eventfd only; the second device would be silent for ever. */
TEST(all_devices_are_resampled)
{
	fake_assert(vmm.device[0].fd);
	fake_assert(vmm.device[1].fd);
	messages();
	guest_take(&vmm, VECTOR);
	quiet_all();
	guest_eoi(&vmm, VECTOR);
	assert_false(device(0).masked);
	assert_false(device(1).masked);
	assert_both_gated();
}

/* Why: the device that still asserts brings the next interrupt, the other one nothing. */
TEST(one_of_two_still_asserts_at_the_eoi)
{
	fake_assert(vmm.device[0].fd);
	fake_assert(vmm.device[1].fd);
	messages();
	guest_take(&vmm, VECTOR);
	fake_quiet(vmm.device[0].fd);
	guest_eoi(&vmm, VECTOR);
	assert_int_equal(messages(), 2);
	assert_false(device(0).masked);
	assert_true(device(1).masked);
	assert_both_gated();
}

/* Why: what triggers between the mask and the unmask is part of the hold. */
TEST(second_device_triggers_in_the_hold_of_the_first)
{
	fake_assert(vmm.device[0].fd);
	messages();
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	fake_assert(vmm.device[1].fd);
	assert_int_equal(messages(), 1);
	fake_quiet(vmm.device[0].fd);
	guest_unmask(&vmm, PIN);
	assert_int_equal(messages(), 2);
	assert_both_gated();
}

/* Why: it went quiet by itself: a stale trigger must not be delivered. */
TEST(second_device_triggers_in_the_hold_and_goes_quiet)
{
	fake_assert(vmm.device[0].fd);
	messages();
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	fake_assert(vmm.device[1].fd);
	quiet_all();
	guest_unmask(&vmm, PIN);
	assert_int_equal(messages(), 1);
	assert_both_gated();
}

/* Why: whether the helper has read a trigger by the time of the unmask or not: it is older than that. */
TEST(trigger_is_older_than_the_unmask)
{
	slow_down_helper();
	for (int i = 0; i < 20; i++) {
		guest_mask(&vmm, PIN);
		fake_write(vmm.vcpu[0], IOAPIC_AT + IOWIN, ENTRY_LEVEL | VECTOR, sizeof(uint32_t));
		assert_true(vmm_run_once(&vmm, 0));
		fake_assert(vmm.device[i % 2].fd);
		quiet_all();
		vmm_run(&vmm, 0); /* from here on it is unmasked */
		assert_int_equal(messages(), 0);
	}
	assert_both_gated();
}

TEST(masked_shared_pin_never_fires)
{
	guest_mask(&vmm, PIN);
	fake_assert(vmm.device[0].fd);
	fake_assert(vmm.device[1].fd);
	assert_int_equal(messages(), 0);
	guest_unmask(&vmm, PIN);
	assert_int_equal(messages(), 1);
	assert_both_gated();
}

/* Why: hot-plug onto a line that is at work, in each of its states. */
TEST(second_device_joins_while_armed)
{
	vmm_enable_intx(&vmm, 1);
	assert_both_gated();
}

TEST(second_device_joins_in_service)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	vmm_enable_intx(&vmm, 1);
	fake_quiet(vmm.device[0].fd);
	guest_eoi(&vmm, VECTOR);
	assert_both_gated();
}

TEST(second_device_joins_in_a_hold)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	vmm_enable_intx(&vmm, 1);
	assert_int_equal(messages(), 1);
	fake_quiet(vmm.device[0].fd);
	guest_unmask(&vmm, PIN);
	assert_both_gated();
}

TEST(second_device_that_asserts_joins)
{
	fake_assert(vmm.device[1].fd);
	vmm_enable_intx(&vmm, 1);
	vmm_settle(&vmm);
	guest_take(&vmm, VECTOR);
	quiet_all();
	guest_eoi(&vmm, VECTOR);
	assert_both_gated();
}

/* Why: removal of the first, whose irqfd sends for both; and of the second. Nobody may take the other's part along. */
static void remove_in_a_hold(int gone)
{
	int rest = 1 - gone;

	fake_assert(vmm.device[0].fd);
	fake_assert(vmm.device[1].fd);
	messages();
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	vmm_remove_device(&vmm, gone);
	assert_int_equal(messages(), 1);
	guest_unmask(&vmm, PIN);
	assert_int_equal(messages(), 2);
	finish();
	assert_gated(&vmm, rest);
	assert_alive(&vmm, rest);
}

TEST(first_device_goes_in_a_hold)
{
	remove_in_a_hold(0);
}

TEST(second_device_goes_in_a_hold)
{
	remove_in_a_hold(1);
}

static void remove_in_service(int gone)
{
	int rest = 1 - gone;

	fake_assert(vmm.device[gone].fd);
	messages();
	guest_take(&vmm, VECTOR);
	vmm_remove_device(&vmm, gone);
	fake_assert(vmm.device[rest].fd);
	guest_eoi(&vmm, VECTOR);
	assert_int_equal(messages(), 2);
	finish();
	assert_gated(&vmm, rest);
}

TEST(first_device_goes_in_service)
{
	remove_in_service(0);
}

TEST(second_device_goes_in_service)
{
	remove_in_service(1);
}

TEST(device_goes_while_the_other_is_in_service)
{
	fake_assert(vmm.device[1].fd);
	messages();
	guest_take(&vmm, VECTOR);
	vmm_remove_device(&vmm, 0);
	fake_quiet(vmm.device[1].fd);
	guest_eoi(&vmm, VECTOR);
	finish();
	assert_gated(&vmm, 1);
}

/* Why: a line that was shared once stays between; what comes and goes must find it in order. */
TEST(devices_come_and_go)
{
	for (int i = 0; i < 6; i++) {
		vmm_disable_intx(&vmm, i % 2);
		finish();
		assert_gated(&vmm, 1 - i % 2);
		vmm_enable_intx(&vmm, i % 2);
		assert_both_gated();
	}
}

/* Why: one device's bit is not the other's, though they share the line. */
TEST(one_of_two_is_disabled_by_the_guest)
{
	vmm_write_command(&vmm, 1, INTERRUPT_DISABLE);
	fake_assert(vmm.device[0].fd);
	fake_assert(vmm.device[1].fd);
	assert_int_equal(messages(), 1);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	vmm_write_command(&vmm, 1, 0);
	assert_int_equal(messages(), 1);
	fake_quiet(vmm.device[0].fd);
	guest_unmask(&vmm, PIN);
	assert_int_equal(messages(), 2);
	assert_both_gated();
}

TEST(one_of_two_is_masked_by_the_vmm)
{
	assert_int_equal(vmm_mask(&vmm, 0), 0);
	assert_gated(&vmm, 1);
	fake_assert(vmm.device[0].fd);
	assert_gated(&vmm, 1);
	assert_int_equal(vmm_unmask(&vmm, 0), 0);
	assert_true(messages() > 0);
	guest_handle(&vmm, 0, PIN, VECTOR);
	assert_both_gated();
}

/* Why: what VFIO has signalled between, and nobody has read by the time that the line is given back, is too old. */
TEST(line_given_back_with_an_unread_trigger)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };

	slow_down_helper(); /* this and the next one are the last tests */
	for (int i = 0; i < 20; i++) {
		uint32_t messages_before, triggers_before;

		fake_assert(vmm.device[1].fd);
		assert_int_equal(vmm_ioctl(&vmm, vmm.vcpu[0], KVM_SET_MP_STATE, &runnable), 0);
		quiet_all();
		while (fake_take(vmm.vcpu[0], VECTOR))
			guest_eoi(&vmm, VECTOR);
		for (int j = 0; j < 2; j++)
			vmm_unmask(&vmm, j);
		messages_before = messages();
		triggers_before = device(0).triggers + device(1).triggers;
		guest_unmask(&vmm, PIN); /* so it is taken again */
		assert_int_equal(messages(), messages_before);
		assert_int_equal(device(0).triggers + device(1).triggers, triggers_before);
	}
	assert_both_gated();
}

/* Why: as edge-triggered the line leaves the direct path for good: the library stands between from there on. */
TEST(entry_that_is_edge_for_a_while)
{
	vmm_remove_device(&vmm, 1);
	guest_write_low(&vmm, 0, PIN, OTHER_VECTOR);
	guest_write_low(&vmm, 0, PIN, ENTRY_LEVEL | VECTOR);
	finish();
	assert_gated(&vmm, 0);
}

/* Why: two lines have nothing to do with each other. */
TEST(two_gsis)
{
	vmm_disable_intx(&vmm, 1);
	vmm.device[1].gsi = OTHER_PIN;
	vmm_enable_intx(&vmm, 1);
	guest_program(&vmm, OTHER_PIN, ENTRY_LEVEL | OTHER_VECTOR);
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	assert_gated(&vmm, 1);
	assert_alive(&vmm, 1);
	assert_int_equal(device(0).triggers, 1);
	fake_quiet(vmm.device[0].fd);
	guest_unmask(&vmm, PIN);
	assert_int_equal(device(0).triggers, 1);
	assert_gated(&vmm, 0);
}

/* Why: vectors are shared where a guest runs short of them: the EOI is both pins'. */
TEST(two_gsis_with_one_vector)
{
	vmm_disable_intx(&vmm, 1);
	vmm.device[1].gsi = OTHER_PIN;
	vmm_enable_intx(&vmm, 1);
	guest_program(&vmm, OTHER_PIN, ENTRY_LEVEL | VECTOR);
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	fake_assert(vmm.device[1].fd);
	guest_eoi(&vmm, VECTOR);
	guest_take(&vmm, VECTOR);
	quiet_all();
	guest_eoi(&vmm, VECTOR);
	guest_unmask(&vmm, PIN);
	finish();
	assert_gated(&vmm, 0);
	assert_gated(&vmm, 1);
}

#define TWO(name) cmocka_unit_test_setup_teardown(name, open_two, close_all)
#define ONE(name) cmocka_unit_test_setup_teardown(name, open_one, close_all)

static int tests(void)
{
	const struct CMUnitTest all[] = {
		TWO(each_device_alone),
		TWO(both_devices_in_one_interrupt),
		TWO(all_devices_are_resampled),
		TWO(one_of_two_still_asserts_at_the_eoi),
		TWO(second_device_triggers_in_the_hold_of_the_first),
		TWO(second_device_triggers_in_the_hold_and_goes_quiet),
		TWO(masked_shared_pin_never_fires),
		ONE(second_device_joins_while_armed),
		ONE(second_device_joins_in_service),
		ONE(second_device_joins_in_a_hold),
		ONE(second_device_that_asserts_joins),
		TWO(first_device_goes_in_a_hold),
		TWO(second_device_goes_in_a_hold),
		TWO(first_device_goes_in_service),
		TWO(second_device_goes_in_service),
		TWO(device_goes_while_the_other_is_in_service),
		TWO(devices_come_and_go),
		TWO(one_of_two_is_disabled_by_the_guest),
		TWO(one_of_two_is_masked_by_the_vmm),
		TWO(entry_that_is_edge_for_a_while),
		TWO(two_gsis),
		TWO(two_gsis_with_one_vector),
		TWO(line_given_back_with_an_unread_trigger),
		TWO(trigger_is_older_than_the_unmask),
	};

	return cmocka_run_group_tests_name("shared", all, NULL, NULL);
}

int main(int argc, char **argv)
{
	return run_program(argc, argv, NULL, tests);
}
