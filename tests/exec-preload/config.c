/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's writes to PCI config space: VFIO unmasks the interrupt where the guest clears the interrupt
 * disable bit, whatever the gate holds.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ready.h"

static void set_disable(bool on)
{
	vmm_write_command(&vmm, 0, on ? INTERRUPT_DISABLE : 0);
	assert_int_equal(device().disabled, on);
}

/* Why: the least that must work; VFIO sees what the guest wrote. */
TEST(set_and_cleared_while_armed)
{
	set_disable(true);
	fake_assert(vmm.device[0].fd);
	assert_int_equal(messages(), 0);
	fake_quiet(vmm.device[0].fd);
	set_disable(false);
	assert_int_equal(messages(), 0);
	assert_gated(&vmm, 0);
}

/* Why: a driver disables, works, enables; what asserts by then is heard once, as VFIO does it. */
TEST(cleared_while_the_device_asserts)
{
	set_disable(true);
	fake_assert(vmm.device[0].fd);
	set_disable(false);
	assert_int_equal(messages(), 1);
	guest_handle(&vmm, 0, PIN, VECTOR);
	assert_int_equal(messages(), 1);
	assert_gated(&vmm, 0);
}

/* Why: CVE-2024-26810's race, seen from above: a clear in a hold would let a masked pin fire. */
TEST(set_and_cleared_in_a_hold)
{
	hold();
	set_disable(true);
	set_disable(false);
	assert_int_equal(messages(), 1);
	vmm_run(&vmm, 0);
	assert_int_equal(messages(), 1);
	assert_true(device().masked);
	guest_unmask(&vmm, PIN);
	assert_int_equal(messages(), 2);
	guest_handle(&vmm, 0, PIN, VECTOR);
	assert_gated(&vmm, 0);
}

TEST(set_before_a_hold_ends_and_cleared_after)
{
	hold();
	set_disable(true);
	guest_unmask(&vmm, PIN);
	assert_int_equal(messages(), 1);
	set_disable(false);
	assert_int_equal(messages(), 2);
	guest_handle(&vmm, 0, PIN, VECTOR);
	assert_gated(&vmm, 0);
}

/* Why: a masked pin is masked, also where nothing was held before. */
TEST(cleared_while_the_pin_is_masked)
{
	set_disable(true);
	fake_assert(vmm.device[0].fd);
	guest_mask(&vmm, PIN);
	set_disable(false);
	assert_int_equal(messages(), 0);
	guest_unmask(&vmm, PIN);
	assert_int_equal(messages(), 1);
	guest_handle(&vmm, 0, PIN, VECTOR);
	assert_gated(&vmm, 0);
}

/* Why: Linux's INTx handlers of pci_intx() users do so; the EOI finds the device disabled. */
TEST(set_in_service_and_cleared_after_the_eoi)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	set_disable(true);
	guest_eoi(&vmm, VECTOR);
	assert_int_equal(messages(), 1);
	set_disable(false);
	assert_int_equal(messages(), 2);
	guest_handle(&vmm, 0, PIN, VECTOR);
	assert_gated(&vmm, 0);
}

TEST(set_and_cleared_in_service)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	set_disable(true);
	set_disable(false);
	guest_eoi(&vmm, VECTOR);
	guest_handle(&vmm, 0, PIN, VECTOR);
	while (fake_take(vmm.vcpu[0], VECTOR)) /* at worst one too many */
		guest_eoi(&vmm, VECTOR);
	assert_false(device().masked);
	assert_gated(&vmm, 0);
}

/* Why: guests write the command register for other bits. */
TEST(written_as_it_is_in_a_hold)
{
	hold();
	for (int i = 0; i < 3; i++)
		vmm_write_command(&vmm, 0, 0);
	assert_int_equal(messages(), 1);
	assert_true(device().masked);
	guest_unmask(&vmm, PIN);
	assert_int_equal(messages(), 2);
}

static void write_config(off_t at, uint32_t value, size_t bytes)
{
	assert_int_equal(pwrite(vmm.device[0].fd, &value, bytes, FAKE_CONFIG_AT + at), (ssize_t)bytes);
}

/* Why: the register is 16 bits wide, and may be written by accesses of 1, 2 and 4. */
TEST(written_by_accesses_of_all_widths)
{
	hold();
	write_config(4, 0x0400, 2);
	assert_true(device().disabled);
	write_config(4, 0, 1); /* the other byte */
	assert_true(device().disabled);
	write_config(4, 0, 4);
	assert_false(device().disabled);
	write_config(4, 0x0400, 4);
	write_config(6, 0, 2); /* the status register */
	assert_true(device().disabled);
	write_config(5, 0, 1);
	assert_int_equal(messages(), 1);
	guest_unmask(&vmm, PIN);
	assert_int_equal(messages(), 2);
}

/* Why: what is refused has not happened, and the VMM learns why. */
TEST(write_that_vfio_refuses)
{
	uint8_t bytes[FAKE_CONFIG_SIZE] = { 0 };

	hold();
	assert_int_equal(pwrite(vmm.device[0].fd, bytes, sizeof(bytes), COMMAND_UPPER), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(pwrite(vmm.device[0].fd, bytes, 1, 0), -1);
	assert_int_equal(errno, EINVAL);
	guest_unmask(&vmm, PIN);
	assert_int_equal(messages(), 2);
	set_disable(true);
	bytes[0] = 0;
	assert_int_equal(pwrite(vmm.device[0].fd, bytes, sizeof(bytes), COMMAND_UPPER), -1);
	assert_int_equal(errno, EINVAL);
	assert_true(device().disabled);
	set_disable(false);
	guest_handle(&vmm, 0, PIN, VECTOR);
	while (fake_take(vmm.vcpu[0], VECTOR)) /* at worst one too many */
		guest_eoi(&vmm, VECTOR);
	assert_gated(&vmm, 0);
}

/* Why: VFIO unmasks by a clear what the VMM has masked; gated, it stays masked until the VMM unmasks. */
TEST(cleared_while_the_vmm_has_it_masked)
{
	assert_int_equal(vmm_mask(&vmm, 0), 0);
	set_disable(true);
	fake_assert(vmm.device[0].fd);
	set_disable(false);
	assert_int_equal(messages(), 0);
	assert_int_equal(vmm_unmask(&vmm, 0), 0);
	assert_int_equal(messages(), 1);
	guest_handle(&vmm, 0, PIN, VECTOR);
	assert_gated(&vmm, 0);
}

/* Why: a device that comes without a group is known by its interrupt only: what was written before was not seen. */
TEST(set_before_the_device_is_known)
{
	vmm_remove_device(&vmm, 0);
	vmm.device[0].fd = fake_open_cdev();
	vmm.device[0].gsi = PIN;
	set_disable(true);
	vmm_enable_intx(&vmm, 0);
	fake_assert(vmm.device[0].fd);
	guest_mask(&vmm, PIN);
	set_disable(false);
	assert_int_equal(messages(), 0);
	guest_unmask(&vmm, PIN);
	assert_int_equal(messages(), 1);
	guest_handle(&vmm, 0, PIN, VECTOR);
	assert_gated(&vmm, 0);
}

/* Why: the bit outlives the interrupt's set-up. */
TEST(set_before_intx_is_enabled_again)
{
	set_disable(true);
	vmm_disable_intx(&vmm, 0);
	vmm_enable_intx(&vmm, 0);
	fake_assert(vmm.device[0].fd);
	guest_mask(&vmm, PIN);
	set_disable(false);
	assert_int_equal(messages(), 0);
	guest_unmask(&vmm, PIN);
	assert_int_equal(messages(), 1);
	guest_handle(&vmm, 0, PIN, VECTOR);
	assert_gated(&vmm, 0);
}

#define READY(name) cmocka_unit_test_setup_teardown(name, open_ready, close_all)

static int tests(void)
{
	const struct CMUnitTest all[] = {
		READY(set_and_cleared_while_armed),
		READY(cleared_while_the_device_asserts),
		READY(set_and_cleared_in_a_hold),
		READY(set_before_a_hold_ends_and_cleared_after),
		READY(cleared_while_the_pin_is_masked),
		READY(set_in_service_and_cleared_after_the_eoi),
		READY(set_and_cleared_in_service),
		READY(written_as_it_is_in_a_hold),
		READY(written_by_accesses_of_all_widths),
		READY(write_that_vfio_refuses),
		READY(cleared_while_the_vmm_has_it_masked),
		READY(set_before_the_device_is_known),
		READY(set_before_intx_is_enabled_again),
	};

	return cmocka_run_group_tests_name("config", all, NULL, NULL);
}

int main(int argc, char **argv)
{
	return run_program(argc, argv, NULL, tests);
}
