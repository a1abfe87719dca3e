/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What is not understood, or not to be touched now, is left as the VMM has set it up, and said once. The line
 * works as it does without the library, from then on or until the VMM is back at what is understood.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ready.h"

/* What the guest was held back from is heard after all, at worst once too often. */
static void assert_hold_is_over(void)
{
	guest_unmask(&vmm, PIN);
	guest_handle(&vmm, 0, PIN, VECTOR);
	while (fake_take(vmm.vcpu[0], VECTOR))
		guest_eoi(&vmm, VECTOR);
	assert_false(device().masked);
}

/* Both a mask and an unmask. */
#define NO_SHAPE (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_ACTION_UNMASK | 1U << 6)

/* Why: a newer VFIO may have more than we know. */
TEST(shape_that_is_not_understood)
{
	fake_accept_all(vmm.device[0].fd);
	hold();
	assert_int_equal(vmm_set_irqs(&vmm, 0, NO_SHAPE, 1, -1), 0);
	assert_said("VFIO_DEVICE_SET_IRQS in a shape that is not understood", 1);
	assert_hold_is_over();
	assert_left(&vmm, 0);
	assert_int_equal(vmm_set_irqs(&vmm, 0, NO_SHAPE, 1, -1), 0);
	assert_said_nothing();
	assert_left(&vmm, 0);
}

/* Why: what VFIO refuses has not happened. */
TEST(shape_that_vfio_refuses)
{
	assert_int_equal(vmm_set_irqs(&vmm, 0, NO_SHAPE, 1, -1), -1);
	assert_int_equal(errno, EINVAL);
	assert_gated(&vmm, 0);
}

/* Why: other interrupts of the device (error, request: INTx is not all) are the VMM's alone. */
TEST(other_interrupts_of_the_device)
{
	struct {
		struct vfio_irq_set set;
		int32_t eventfd;
	} request = { .set = {
		.argsz = sizeof(request), .index = VFIO_PCI_REQ_IRQ_INDEX, .count = 1,
		.flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD,
	}, .eventfd = vmm.device[0].trigger };

	hold();
	vmm_ioctl(&vmm, vmm.device[0].fd, VFIO_DEVICE_SET_IRQS, &request);
	assert_int_equal(device().triggers, 1);
	guest_unmask(&vmm, PIN);
	assert_int_equal(device().triggers, 2);
}

/* Why: VFIO has its word in it too. */
TEST(vfio_does_not_let_go_of_the_resample_eventfd)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };

	assert_int_equal(vmm_ioctl(&vmm, vmm.vcpu[1], KVM_SET_MP_STATE, &runnable), 0);
	assert_true(device().has_resample);
	fake_fail_next(VFIO_DEVICE_SET_IRQS, EIO);
	guest_unmask(&vmm, PIN);
	assert_said("does not let go of its resample eventfd", 1);
	assert_left(&vmm, 0);
}

/* Why: one who takes the interrupt himself has chosen so (x-no-kvm-intx), and should know that there is no gate. */
static void take_own_interrupt(void)
{
	uint64_t count;

	assert_int_equal(vmm_irqfd(&vmm, 0, KVM_IRQFD_FLAG_DEASSIGN), 0);
	for (int i = 0; i < 10; i++) {
		fake_assert(vmm.device[0].fd);
		assert_true(device().unread);
		assert_int_equal(read(vmm.device[0].trigger, &count, sizeof(count)), sizeof(count));
		fake_quiet(vmm.device[0].fd);
		assert_int_equal(vmm_unmask(&vmm, 0), 0);
		assert_false(device().masked);
		if (i == 0)
			assert_said_nothing();
	}
	assert_said("x-no-kvm-intx", 1);
}

TEST(vmm_that_forwards_itself)
{
	take_own_interrupt();
}

/* Why: some VMMs let KVM bring the interrupt, and unmask by a call at each EOI exit. */
TEST(vmm_that_unmasks_by_calls)
{
	vmm_disable_intx(&vmm, 0);
	vmm.device[0].trigger = vmm_new_eventfd();
	assert_int_equal(vmm_set_trigger(&vmm, 0, vmm.device[0].trigger), 0);
	assert_int_equal(vmm_irqfd(&vmm, 0, 0), 0);
	for (int i = 0; i < 10; i++) {
		fake_assert(vmm.device[0].fd);
		guest_handle(&vmm, 0, PIN, VECTOR);
		assert_true(device().masked);
		assert_int_equal(vmm_unmask(&vmm, 0), 0);
		assert_false(device().masked);
	}
	assert_said("unmasks this device's INTx by calls", 1);
	vmm_close_fd(&vmm, &vmm.device[0].trigger);
}

/* Why: QEMU unmasks once whenever it has set INTx up, or taken it down; that is no interrupt of its own. */
TEST(vmm_that_enables_and_disables_often)
{
	for (int i = 0; i < 10; i++) {
		vmm_disable_intx(&vmm, 0);
		vmm_enable_intx(&vmm, 0);
	}
	assert_said_nothing();
	assert_gated(&vmm, 0);
}

static void register_zone(uint64_t at, uint32_t size, bool pio)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = at, .size = size, .pio = pio };

	assert_int_equal(vmm_ioctl(&vmm, vmm.vm, KVM_REGISTER_COALESCED_MMIO, &zone), 0);
}

/* Why: writes to it would make no exit, and a select that is not seen makes every write one to a wrong entry. */
TEST(coalesced_ioregsel)
{
	hold();
	register_zone(IOAPIC_AT + IOREGSEL, 4, false);
	assert_said("collect writes to the IOAPIC", 1);
	assert_hold_is_over();
	assert_left(&vmm, 0);
}

/* Why: QEMU registers VGA's memory and the ports of PCI's configuration. */
TEST(coalesced_zones_elsewhere)
{
	register_zone(0xa0000, 0x20000, false);
	register_zone(IOAPIC_AT, 4, true);
	register_zone(IOAPIC_AT - 0x1000, 0x1000, false);
	register_zone(IOAPIC_AT + 0x1000, 0x1000, false);
	assert_said_nothing();
	assert_gated(&vmm, 0);
}

static void set_migration(enum vfio_device_mig_state state)
{
	union {
		struct vfio_device_feature feature;
		uint8_t bytes[sizeof(struct vfio_device_feature) + sizeof(struct vfio_device_feature_mig_state)];
	} request = { .feature = {
		.argsz = sizeof(request), .flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
	} };
	const struct vfio_device_feature_mig_state wanted = { .device_state = state, .data_fd = -1 };

	memcpy(request.feature.data, &wanted, sizeof(wanted));
	assert_int_equal(vmm_ioctl(&vmm, vmm.device[0].fd, VFIO_DEVICE_FEATURE, &request), 0);
}

/* Why: what is held here would not be in the state that the device takes along. */
TEST(migration_begins_in_a_hold)
{
	hold();
	set_migration(VFIO_DEVICE_STATE_STOP_COPY);
	assert_true(device().has_resample);
	assert_hold_is_over();
	assert_left(&vmm, 0);
}

TEST(migration_that_fails_goes_on)
{
	set_migration(VFIO_DEVICE_STATE_STOP);
	set_migration(VFIO_DEVICE_STATE_STOP_COPY);
	assert_left(&vmm, 0);
	set_migration(VFIO_DEVICE_STATE_RUNNING);
	assert_gated(&vmm, 0);
}

/* Why: VMMs ask what a device can before they begin. */
TEST(probe_of_a_feature_is_no_migration)
{
	struct vfio_device_feature feature = {
		.argsz = sizeof(feature),
		.flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
	};

	hold();
	assert_int_equal(vmm_ioctl(&vmm, vmm.device[0].fd, VFIO_DEVICE_FEATURE, &feature), 0);
	assert_int_equal(device().triggers, 1);
	assert_false(device().has_resample);
	guest_unmask(&vmm, PIN);
	assert_int_equal(device().triggers, 2);
}

/* Why: an MSI's irqfd is not a line, though its number may be that of nothing we know. */
TEST(irqfds_of_messages)
{
	struct kvm_irqfd irqfd = { .gsi = FAKE_PINS + 8, .fd = (uint32_t)vmm_new_eventfd() };
	int fd = (int)irqfd.fd;

	assert_int_equal(vmm_ioctl(&vmm, vmm.vm, KVM_IRQFD, &irqfd), 0);
	assert_gated(&vmm, 0);
	vmm_close_fd(&vmm, &fd);
	assert_gated(&vmm, 0);
}

static void open_with_pins(uint64_t pins)
{
	vmm = (struct vmm){ 0 };
	vmm_open_with_pins(&vmm, SPLIT, pins);
}

/* Why: the core has 120 pins at most; a VMM with more must still work. */
TEST(more_pins_than_the_core_has)
{
	open_with_pins(121);
	assert_said("an interrupt controller of 121 pins is not understood", 1);
	vmm_add_device(&vmm, 0, PIN);
	vmm_enable_intx(&vmm, 0);
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	assert_left(&vmm, 0);
	assert_int_equal(close_all(NULL), 0);
}

TEST(as_many_pins_as_the_core_has)
{
	open_with_pins(120);
	vmm_add_device(&vmm, 0, PIN);
	vmm_enable_intx(&vmm, 0);
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	assert_gated(&vmm, 0);
	assert_int_equal(close_all(NULL), 0);
}

/* Why: KVM's EOIs would be heard by nobody, VFIO no more than us. */
TEST(eventfd_that_cannot_be_watched)
{
	vmm = (struct vmm){ 0 };
	vmm_open_ready(&vmm, KERNEL);
	assert_gated(&vmm, 0); /* so the helper runs */
	fake_without_epoll(true);
	vmm_disable_intx(&vmm, 0);
	vmm_enable_intx(&vmm, 0);
	assert_left(&vmm, 0);
	fake_without_epoll(false);
	assert_said("its resample eventfd can not be watched", 1);
	assert_int_equal(close_all(NULL), 0);
}

/* In a process of its own, where no helper runs yet. */
static void run_without_helper(void)
{
	fake_without_epoll(true);
	vmm_open_ready(&vmm, KERNEL);
	assert_left(&vmm, 0);
	vmm_disable_intx(&vmm, 0);
	vmm_enable_intx(&vmm, 0);
	assert_left(&vmm, 0);
	vmm_close(&vmm);
}

TEST(helper_that_cannot_be_started)
{
	assert_int_equal(run_alone("policy=hold", "run_without_helper"), 0);
	assert_said("the helper cannot be started", 1);
}

/* A second device, which shares the first one's resample eventfd. */
static void add_with_the_same_resample(void)
{
	struct vmm_device *second = &vmm.device[1];

	vmm_add_device(&vmm, 1, OTHER_PIN);
	second->trigger = vmm_new_eventfd();
	second->resample = vmm.device[0].resample;
	assert_int_equal(vmm_set_trigger(&vmm, 1, second->trigger), 0);
	assert_int_equal(vmm_irqfd(&vmm, 1, 0), 0);
	assert_int_equal(vmm_set_resample(&vmm, 1, second->resample), 0);
}

/* Why: VFIO would read of the one device what tells us of the other. */
TEST(devices_with_one_resample_eventfd)
{
	vmm = (struct vmm){ 0 };
	vmm_open_ready(&vmm, KERNEL);
	assert_gated(&vmm, 0);
	add_with_the_same_resample();
	assert_true(device().has_resample);
	assert_true(fake_look(vmm.device[1].fd).has_resample);
	vmm.device[1].resample = -1;
	vmm_remove_device(&vmm, 1);
	assert_gated(&vmm, 0);
	add_with_the_same_resample();
	vmm.device[1].resample = -1;
	vmm_close_fd(&vmm, &vmm.device[1].fd);
	assert_gated(&vmm, 0);
	vmm_close_fd(&vmm, &vmm.device[1].trigger);
	assert_int_equal(close_all(NULL), 0);
}

#define READY(name) cmocka_unit_test_setup_teardown(name, open_ready, close_all)

static int tests(void)
{
	const struct CMUnitTest all[] = {
		READY(shape_that_is_not_understood),
		READY(shape_that_vfio_refuses),
		READY(other_interrupts_of_the_device),
		READY(vfio_does_not_let_go_of_the_resample_eventfd),
		READY(vmm_that_forwards_itself),
		READY(vmm_that_unmasks_by_calls),
		READY(vmm_that_enables_and_disables_often),
		READY(coalesced_ioregsel),
		READY(coalesced_zones_elsewhere),
		READY(migration_begins_in_a_hold),
		READY(migration_that_fails_goes_on),
		READY(probe_of_a_feature_is_no_migration),
		READY(irqfds_of_messages),
		cmocka_unit_test(more_pins_than_the_core_has),
		cmocka_unit_test(as_many_pins_as_the_core_has),
		cmocka_unit_test(eventfd_that_cannot_be_watched),
		cmocka_unit_test(helper_that_cannot_be_started),
		cmocka_unit_test(devices_with_one_resample_eventfd),
	};

	return cmocka_run_group_tests_name("left", all, NULL, NULL);
}

int main(int argc, char **argv)
{
	const struct part parts[] = { { "run_without_helper", run_without_helper }, { NULL, NULL } };

	return run_program(argc, argv, parts, tests);
}
