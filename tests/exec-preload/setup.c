/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * How a VMM sets up and changes a device's INTx while the line is the library's, split irqchip: in QEMU's
 * order and in others, in every state of the line.
 */
#include "ready.h"

/* The device is there, and the guest has written its entry; INTx is not set up. */
static int open_without_intx(void **state)
{
	(void)state;
	vmm = (struct vmm){ 0 };
	vmm_open(&vmm, SPLIT);
	vmm_add_device(&vmm, 0, PIN);
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	vmm.device[0].trigger = vmm_new_eventfd();
	vmm.device[0].resample = vmm_new_eventfd();
	return 0;
}

/* The guest hears of what the device asserts, once. */
static void assert_heard(void)
{
	assert_true(device().asserts);
	guest_handle(&vmm, 0, PIN, VECTOR);
	assert_false(fake_is_requested(vmm.vcpu[0], VECTOR));
	assert_false(device().masked);
}

static void set_msix(bool on)
{
	struct {
		struct vfio_irq_set set;
		int32_t eventfd;
	} request = { .set = {
		.argsz = sizeof(request), .index = VFIO_PCI_MSIX_IRQ_INDEX, .count = on,
		.flags = VFIO_IRQ_SET_ACTION_TRIGGER | (on ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE),
	}, .eventfd = -1 };

	assert_int_equal(vmm_ioctl(&vmm, vmm.device[0].fd, VFIO_DEVICE_SET_IRQS, &request), 0);
}

/* Why: the guest's driver is unloaded and loaded again. */
TEST(intx_off_and_on_while_armed)
{
	vmm_disable_intx(&vmm, 0);
	vmm_enable_intx(&vmm, 0);
	assert_gated(&vmm, 0);
}

/* Why: what was held is nobody's any more; what asserts at the enabling is heard at once. */
TEST(intx_off_and_on_in_a_hold)
{
	hold();
	vmm_disable_intx(&vmm, 0);
	vmm_enable_intx(&vmm, 0);
	guest_unmask(&vmm, PIN);
	assert_heard();
	assert_gated(&vmm, 0);
}

TEST(intx_off_and_on_in_service)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	vmm_disable_intx(&vmm, 0);
	vmm_enable_intx(&vmm, 0);
	guest_eoi(&vmm, VECTOR);
	assert_heard();
	assert_gated(&vmm, 0);
}

/* Why: the VMM masks first, to get to a known state, and relies on it. */
TEST(intx_off_does_not_trigger_what_the_vmm_has_masked)
{
	uint32_t triggers;

	assert_gated(&vmm, 0); /* the VMM's resample eventfd is signalled from here on */
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_eoi(&vmm, VECTOR);
	guest_take(&vmm, VECTOR);
	triggers = device().triggers;
	assert_int_equal(vmm_mask(&vmm, 0), 0);
	assert_int_equal(vmm_irqfd(&vmm, 0, KVM_IRQFD_FLAG_DEASSIGN), 0);
	assert_true(device().masked);
	assert_int_equal(device().triggers, triggers);
	assert_int_equal(vmm_irqfd(&vmm, 0, 0), 0);
	guest_eoi(&vmm, VECTOR);
	assert_int_equal(vmm_unmask(&vmm, 0), 0);
	assert_heard();
}

/* Why: a driver tries INTx, then MSI-X, then is replaced by one that has only INTx. */
TEST(msix_and_back)
{
	hold();
	vmm_disable_intx(&vmm, 0);
	set_msix(true);
	guest_unmask(&vmm, PIN);
	fake_quiet(vmm.device[0].fd);
	set_msix(false);
	vmm_enable_intx(&vmm, 0);
	assert_gated(&vmm, 0);
}

/* Why: other VMMs bind KVM first. */
TEST(irqfd_before_vfio)
{
	assert_int_equal(vmm_irqfd(&vmm, 0, 0), 0);
	assert_int_equal(vmm_set_trigger(&vmm, 0, vmm.device[0].trigger), 0);
	assert_int_equal(vmm_set_resample(&vmm, 0, vmm.device[0].resample), 0);
	assert_gated(&vmm, 0);
}

TEST(irqfd_after_vfio)
{
	assert_int_equal(vmm_set_trigger(&vmm, 0, vmm.device[0].trigger), 0);
	assert_int_equal(vmm_set_resample(&vmm, 0, vmm.device[0].resample), 0);
	assert_int_equal(vmm_irqfd(&vmm, 0, 0), 0);
	assert_gated(&vmm, 0);
}

/* Why: the same with a device that asserts before all is set up. */
TEST(irqfd_after_vfio_of_a_device_that_asserts)
{
	fake_assert(vmm.device[0].fd);
	assert_int_equal(vmm_set_trigger(&vmm, 0, vmm.device[0].trigger), 0);
	assert_int_equal(vmm_set_resample(&vmm, 0, vmm.device[0].resample), 0);
	assert_int_equal(vmm_irqfd(&vmm, 0, 0), 0);
	guest_take(&vmm, VECTOR);
	guest_eoi(&vmm, VECTOR);
	assert_heard();
}

TEST(resample_eventfd_last)
{
	assert_int_equal(vmm_set_trigger(&vmm, 0, vmm.device[0].trigger), 0);
	assert_int_equal(vmm_irqfd(&vmm, 0, 0), 0);
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	assert_int_equal(vmm_set_resample(&vmm, 0, vmm.device[0].resample), 0);
	guest_eoi(&vmm, VECTOR);
	assert_heard();
	assert_gated(&vmm, 0);
}

/* Why: firmware and guests route a PCI pin to another GSI (PIIX3's and ICH9's PIRQ registers). */
static void move_to_other_gsi(void)
{
	assert_int_equal(vmm_mask(&vmm, 0), 0);
	assert_int_equal(vmm_irqfd(&vmm, 0, KVM_IRQFD_FLAG_DEASSIGN), 0);
	vmm_close_fd(&vmm, &vmm.device[0].resample);
	assert_int_equal(vmm_unmask(&vmm, 0), 0);
	assert_int_equal(vmm_mask(&vmm, 0), 0);
	vmm.device[0].resample = vmm_new_eventfd();
	vmm.device[0].gsi = OTHER_PIN;
	assert_int_equal(vmm_irqfd(&vmm, 0, 0), 0);
	assert_int_equal(vmm_set_resample(&vmm, 0, vmm.device[0].resample), 0);
	assert_int_equal(vmm_unmask(&vmm, 0), 0);
}

TEST(other_gsi_while_armed)
{
	guest_program(&vmm, OTHER_PIN, ENTRY_LEVEL | OTHER_VECTOR);
	move_to_other_gsi();
	assert_gated(&vmm, 0);
	assert_int_equal(fake_messages(vmm.vm, VECTOR), 0);
}

TEST(other_gsi_in_a_hold)
{
	guest_program(&vmm, OTHER_PIN, ENTRY_LEVEL | OTHER_VECTOR);
	hold();
	move_to_other_gsi();
	guest_handle(&vmm, 0, OTHER_PIN, OTHER_VECTOR);
	while (fake_take(vmm.vcpu[0], OTHER_VECTOR))
		guest_eoi(&vmm, OTHER_VECTOR);
	assert_gated(&vmm, 0);
}

TEST(other_gsi_whose_entry_is_not_written_yet)
{
	move_to_other_gsi();
	assert_true(device().has_resample);
	guest_program(&vmm, OTHER_PIN, ENTRY_LEVEL | OTHER_VECTOR);
	assert_gated(&vmm, 0);
}

/* Why: an eventfd is made anew where a VMM saves and restores a device within one process. */
TEST(new_trigger_eventfd_in_a_hold)
{
	hold();
	assert_int_equal(vmm_irqfd(&vmm, 0, KVM_IRQFD_FLAG_DEASSIGN), 0);
	vmm_close_fd(&vmm, &vmm.device[0].trigger);
	vmm.device[0].trigger = vmm_new_eventfd();
	assert_int_equal(vmm_set_trigger(&vmm, 0, vmm.device[0].trigger), 0);
	assert_int_equal(vmm_irqfd(&vmm, 0, 0), 0);
	guest_unmask(&vmm, PIN);
	assert_heard();
	assert_gated(&vmm, 0);
}

TEST(new_resample_eventfd_in_a_hold)
{
	hold();
	assert_int_equal(vmm_set_resample(&vmm, 0, -1), 0);
	vmm_close_fd(&vmm, &vmm.device[0].resample);
	vmm.device[0].resample = vmm_new_eventfd();
	assert_int_equal(vmm_set_resample(&vmm, 0, vmm.device[0].resample), 0);
	guest_unmask(&vmm, PIN);
	assert_heard();
	assert_gated(&vmm, 0);
}

/* Why: without the library VFIO says so; and nothing has changed. */
TEST(second_resample_eventfd_is_refused)
{
	int other = vmm_new_eventfd();

	assert_int_equal(vmm_set_resample(&vmm, 0, other), -1);
	vmm_close_fd(&vmm, &other);
	assert_gated(&vmm, 0);
}

/* Why: the VMM's own mask is not the guest's: an unmask by the guest does not end it. */
TEST(masked_by_the_vmm_in_a_hold)
{
	hold();
	assert_int_equal(vmm_mask(&vmm, 0), 0);
	guest_unmask(&vmm, PIN);
	assert_true(device().masked);
	assert_int_equal(device().triggers, 1);
	assert_int_equal(vmm_unmask(&vmm, 0), 0);
	assert_int_equal(device().triggers, 2);
	assert_heard();
	assert_gated(&vmm, 0);
}

/* Why: a VMM that unmasks what is held (QEMU does at any access to a BAR, without KVM_IRQFD) opens no gate. */
TEST(unmasked_by_the_vmm_in_a_hold)
{
	hold();
	assert_int_equal(vmm_unmask(&vmm, 0), 0);
	assert_int_equal(device().triggers, 1);
	guest_unmask(&vmm, PIN);
	assert_heard();
	assert_gated(&vmm, 0);
}

TEST(masked_and_unmasked_by_the_vmm_in_a_hold)
{
	hold();
	assert_int_equal(vmm_mask(&vmm, 0), 0);
	assert_int_equal(vmm_unmask(&vmm, 0), 0);
	assert_int_equal(fake_messages(vmm.vm, VECTOR), 1);
	guest_unmask(&vmm, PIN);
	assert_heard();
	assert_gated(&vmm, 0);
}

TEST(masked_and_unmasked_by_the_vmm_in_service)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	assert_int_equal(vmm_mask(&vmm, 0), 0);
	assert_int_equal(vmm_unmask(&vmm, 0), 0);
	guest_eoi(&vmm, VECTOR);
	guest_handle(&vmm, 0, PIN, VECTOR);
	while (fake_take(vmm.vcpu[0], VECTOR)) /* at worst one too many */
		guest_eoi(&vmm, VECTOR);
	assert_false(device().masked);
	assert_gated(&vmm, 0);
}

/* Why: with data of one byte a 1 means now, a 0 nothing (linux/vfio.h). */
TEST(masked_by_a_bool)
{
	struct {
		struct vfio_irq_set set;
		uint8_t value;
	} request = { .set = {
		.argsz = sizeof(request.set) + 1, .index = VFIO_PCI_INTX_IRQ_INDEX, .count = 1,
		.flags = VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_MASK,
	} };

	assert_int_equal(vmm_ioctl(&vmm, vmm.device[0].fd, VFIO_DEVICE_SET_IRQS, &request), 0);
	assert_gated(&vmm, 0);
	request.value = 1;
	assert_int_equal(vmm_ioctl(&vmm, vmm.device[0].fd, VFIO_DEVICE_SET_IRQS, &request), 0);
	fake_assert(vmm.device[0].fd);
	assert_int_equal(device().triggers, 1);
	request.set.flags = VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_UNMASK;
	assert_int_equal(vmm_ioctl(&vmm, vmm.device[0].fd, VFIO_DEVICE_SET_IRQS, &request), 0);
	assert_heard();
	assert_gated(&vmm, 0);
}

/* Why: VFIO resets the device; its interrupt stays set up as it is. */
TEST(device_reset_in_a_hold)
{
	hold();
	assert_int_equal(vmm_ioctl(&vmm, vmm.device[0].fd, VFIO_DEVICE_RESET, NULL), 0);
	guest_unmask(&vmm, PIN);
	assert_int_equal(device().triggers, 1);
	assert_gated(&vmm, 0);
}

#define READY(name)   cmocka_unit_test_setup_teardown(name, open_ready, close_all)
#define WITHOUT(name) cmocka_unit_test_setup_teardown(name, open_without_intx, close_all)

static int tests(void)
{
	const struct CMUnitTest all[] = {
		READY(intx_off_and_on_while_armed),
		READY(intx_off_and_on_in_a_hold),
		READY(intx_off_and_on_in_service),
		READY(intx_off_does_not_trigger_what_the_vmm_has_masked),
		READY(msix_and_back),
		WITHOUT(irqfd_before_vfio),
		WITHOUT(irqfd_after_vfio),
		WITHOUT(irqfd_after_vfio_of_a_device_that_asserts),
		WITHOUT(resample_eventfd_last),
		READY(other_gsi_while_armed),
		READY(other_gsi_in_a_hold),
		READY(other_gsi_whose_entry_is_not_written_yet),
		READY(new_trigger_eventfd_in_a_hold),
		READY(new_resample_eventfd_in_a_hold),
		READY(second_resample_eventfd_is_refused),
		READY(masked_by_the_vmm_in_a_hold),
		READY(unmasked_by_the_vmm_in_a_hold),
		READY(masked_and_unmasked_by_the_vmm_in_a_hold),
		READY(masked_and_unmasked_by_the_vmm_in_service),
		READY(masked_by_a_bool),
		READY(device_reset_in_a_hold),
	};

	return cmocka_run_group_tests_name("setup", all, NULL, NULL);
}

int main(int argc, char **argv)
{
	return run_program(argc, argv, NULL, tests);
}
