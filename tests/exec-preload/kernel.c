/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * KVM's own chips: the library gets each EOI by the resample eventfd, looks at the masks, and while something
 * is held looks again and again. Its helper does it, so the tests wait for it.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vmm.h"

#include <stdlib.h>

enum { GSI_OF_PIC = 11, ALL_MASKED = 0xffff };

static struct vmm vmm;

static struct fake_device device(int i)
{
	return fake_look(vmm.device[i].fd);
}

static uint32_t messages(void)
{
	return fake_messages(vmm.vm, VECTOR);
}

static int open_ready(void **state)
{
	(void)state;
	vmm = (struct vmm){ 0 };
	vmm_open_ready(&vmm, KERNEL);
	return 0;
}

/* The guest uses the 8259 pair; all entries are masked. */
static int open_with_pic(void **state)
{
	(void)state;
	vmm = (struct vmm){ 0 };
	vmm_open(&vmm, KERNEL);
	vmm_add_device(&vmm, 0, GSI_OF_PIC);
	vmm_enable_intx(&vmm, 0);
	fake_write_pic_masks(vmm.vm, 0);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	vmm_close(&vmm);
	assert_said_nothing();
	return 0;
}

/* The helper has seen the EOI, and holds. */
static void hold(void)
{
	uint32_t looks = fake_looks(vmm.vm);

	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	wait_until(fake_looks(vmm.vm) > looks + 2);
	assert_true(device(0).masked);
}

/* The unmask is found, and what asserts is delivered. */
static void assert_heard(void)
{
	wait_until(fake_is_requested(vmm.vcpu[0], VECTOR));
	fake_quiet(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_eoi(&vmm, VECTOR);
	wait_until(!device(0).masked);
}

TEST(oneshot_and_quiet_at_the_unmask)
{
	assert_gated(&vmm, 0);
	assert_gated(&vmm, 0);
}

TEST(oneshot_and_asserting_at_the_unmask_triggers_once)
{
	hold();
	guest_unmask(&vmm, PIN);
	assert_heard();
	assert_int_equal(device(0).triggers, 2);
	assert_int_equal(messages(), 2);
	assert_gated(&vmm, 0);
}

TEST(plain_event)
{
	assert_alive(&vmm, 0);
	assert_alive(&vmm, 0);
}

TEST(plain_event_that_still_asserts_triggers_again)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_eoi(&vmm, VECTOR);
	assert_heard();
	assert_int_equal(device(0).triggers, 2);
}

TEST(mask_and_unmask_in_service_waits_for_the_eoi)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_unmask(&vmm, PIN);
	assert_true(device(0).masked);
	fake_quiet(vmm.device[0].fd);
	guest_eoi(&vmm, VECTOR);
	wait_until(!device(0).masked);
	assert_int_equal(messages(), 1);
}

/* Why: from Linux 6.3 on KVM resamples at an unmask too, and then both are at work. */
TEST(kernel_that_resamples_at_an_unmask)
{
	fake_resample_at_unmask(vmm.vm);
	assert_gated(&vmm, 0);
	guest_mask(&vmm, PIN);
	fake_assert(vmm.device[0].fd);
	fake_quiet(vmm.device[0].fd);
	guest_unmask(&vmm, PIN);
	wait_until(!device(0).masked);
	assert_int_equal(messages(), 1);
	assert_gated(&vmm, 0);
}

/* Why: the poll is what this costs: it begins short, doubles, and ends with the hold. */
TEST(poll_backs_off_and_ends_with_the_hold)
{
	uint32_t before = fake_looks(vmm.vm), after;

	hold();
	pause_ms(200);
	after = fake_looks(vmm.vm);
	assert_in_range(after - before, 5, 8 + 200 / 2 + 20);
	fake_quiet(vmm.device[0].fd);
	guest_unmask(&vmm, PIN);
	wait_until(!device(0).masked);
	vmm_settle(&vmm);
	after = fake_looks(vmm.vm);
	pause_ms(50);
	assert_int_equal(fake_looks(vmm.vm), after);
}

/* Why: a guest that has gone for good must not cost 500 looks a second. */
TEST(poll_of_a_long_hold_is_slow)
{
	uint32_t before;

	hold();
	pause_ms(1100);
	before = fake_looks(vmm.vm);
	pause_ms(500);
	assert_in_range(fake_looks(vmm.vm) - before, 5, 500 / 10 + 10);
	assert_int_equal(device(0).triggers, 1);
	guest_unmask(&vmm, PIN);
	assert_heard();
}

/* Why: without a hold there is nothing to look for but the EOIs. */
TEST(no_poll_without_a_hold)
{
	uint32_t before = fake_looks(vmm.vm);

	for (int i = 0; i < 10; i++)
		assert_alive(&vmm, 0);
	assert_in_range(fake_looks(vmm.vm) - before, 10, 20);
	before = fake_looks(vmm.vm);
	pause_ms(30);
	assert_int_equal(fake_looks(vmm.vm), before);
}

/* Why: a guest in 8259 mode has every entry masked, and is not masked by that. */
TEST(guest_with_an_8259_is_not_held_by_the_entries)
{
	fake_assert(vmm.device[0].fd);
	assert_true(fake_take_pic(vmm.vm, GSI_OF_PIC));
	fake_quiet(vmm.device[0].fd);
	fake_eoi_pic(vmm.vm, GSI_OF_PIC);
	wait_until(!device(0).masked);
	assert_int_equal(fake_pic_interrupts(vmm.vm), 1);
	assert_int_equal(device(0).triggers, 1);
}

/* Why: Linux's 8259 flow sends EOI before the handler, with the line masked: each interrupt would be two. */
TEST(guest_with_an_8259_is_held_by_its_masks)
{
	for (int i = 1; i <= 3; i++) {
		fake_assert(vmm.device[0].fd);
		assert_true(fake_take_pic(vmm.vm, GSI_OF_PIC));
		fake_write_pic_masks(vmm.vm, 1 << GSI_OF_PIC);
		fake_eoi_pic(vmm.vm, GSI_OF_PIC);
		pause_ms(5);
		assert_true(device(0).masked);
		assert_int_equal(device(0).triggers, i);
		fake_quiet(vmm.device[0].fd);
		fake_write_pic_masks(vmm.vm, 0);
		wait_until(!device(0).masked);
	}
	assert_int_equal(fake_pic_interrupts(vmm.vm), 3);
}

/* Why: the slave's interrupts go through a pin of the master's. */
TEST(cascade_masks_the_slave)
{
	fake_assert(vmm.device[0].fd);
	assert_true(fake_take_pic(vmm.vm, GSI_OF_PIC));
	fake_write_pic_masks(vmm.vm, 1 << 2);
	fake_eoi_pic(vmm.vm, GSI_OF_PIC);
	pause_ms(5);
	assert_true(device(0).masked);
	fake_quiet(vmm.device[0].fd);
	fake_write_pic_masks(vmm.vm, 0);
	wait_until(!device(0).masked);
}

static void set_route(uint32_t gsi, uint32_t chip, uint32_t pin, uint32_t count)
{
	const struct kvm_irq_routing_entry entry = {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { .irqchip = chip, .pin = pin },
	};
	struct kvm_irq_routing *table = calloc(1, sizeof(*table) + sizeof(entry));

	assert_non_null(table);
	table->nr = count;
	table->entries[0] = entry;
	assert_int_equal(vmm_ioctl(&vmm, vmm.vm, KVM_SET_GSI_ROUTING, table), 0);
	free(table);
}

/* Why: a GSI leads where the VMM says, and its masks are those of that pin. */
TEST(other_pin)
{
	set_route(PIN, KVM_IRQCHIP_IOAPIC, OTHER_PIN, 1);
	guest_mask(&vmm, PIN);
	guest_program(&vmm, OTHER_PIN, ENTRY_LEVEL | VECTOR);
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, OTHER_PIN);
	guest_eoi(&vmm, VECTOR);
	pause_ms(5);
	assert_true(device(0).masked);
	guest_unmask(&vmm, PIN);
	pause_ms(5);
	assert_true(device(0).masked);
	fake_quiet(vmm.device[0].fd);
	guest_unmask(&vmm, OTHER_PIN);
	wait_until(!device(0).masked);
	assert_int_equal(device(0).triggers, 1);
}

TEST(route_changes_in_a_hold)
{
	hold();
	fake_quiet(vmm.device[0].fd);
	guest_program(&vmm, OTHER_PIN, ENTRY_LEVEL | VECTOR);
	set_route(PIN, KVM_IRQCHIP_IOAPIC, OTHER_PIN, 1);
	wait_until(!device(0).masked);
	set_route(PIN, KVM_IRQCHIP_IOAPIC, PIN, 1);
	guest_unmask(&vmm, PIN);
	assert_gated(&vmm, 0);
}

/* Why: nobody's mask can be waited for. */
TEST(route_to_no_pin)
{
	hold();
	set_route(PIN, KVM_IRQCHIP_IOAPIC, PIN, 0);
	assert_true(device(0).has_resample);
	set_route(PIN, KVM_IRQCHIP_IOAPIC, PIN, 1);
	guest_unmask(&vmm, PIN);
	assert_heard();
	assert_gated(&vmm, 0);
}

/* Why: then it is not VFIO that KVM tells. */
TEST(different_resample_eventfds)
{
	int other = vmm_new_eventfd(), own = vmm.device[0].resample;

	vmm_set_resample(&vmm, 0, -1);
	assert_int_equal(vmm_set_resample(&vmm, 0, other), 0);
	assert_true(device(0).has_resample);
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_eoi(&vmm, VECTOR);
	pause_ms(5);
	assert_true(device(0).masked);
	vmm_set_resample(&vmm, 0, -1);
	assert_int_equal(vmm_set_resample(&vmm, 0, own), 0);
	assert_int_equal(vmm_unmask(&vmm, 0), 0);
	assert_heard();
	vmm_close_fd(&vmm, &other);
	assert_gated(&vmm, 0);
}

/* Why: without an answer it is as it would be without us. */
TEST(chip_that_cannot_be_read_at_an_eoi)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	fake_fail_next(KVM_GET_IRQCHIP, EIO);
	guest_eoi(&vmm, VECTOR);
	wait_until(device(0).triggers == 2);
	guest_unmask(&vmm, PIN);
	assert_heard();
	assert_gated(&vmm, 0);
}

TEST(chip_that_cannot_be_read_in_a_hold)
{
	hold();
	fake_fail_next(KVM_GET_IRQCHIP, EIO);
	wait_until(device(0).has_resample);
	guest_unmask(&vmm, PIN);
	assert_heard();
}

/* Why: the EOI is over, and with it the VMM's own resample: so whoever gives the line back must unmask. */
TEST(given_back_in_a_hold)
{
	int own = vmm.device[0].resample, other = vmm_new_eventfd();

	hold();
	assert_int_equal(vmm_irqfd(&vmm, 0, KVM_IRQFD_FLAG_DEASSIGN), 0);
	vmm.device[0].resample = other;
	assert_int_equal(vmm_irqfd(&vmm, 0, 0), 0);
	assert_true(device(0).has_resample);
	vmm.device[0].resample = own;
	guest_unmask(&vmm, PIN);
	wait_until(fake_is_requested(vmm.vcpu[0], VECTOR));
	assert_int_equal(vmm_irqfd(&vmm, 0, KVM_IRQFD_FLAG_DEASSIGN), 0);
	assert_int_equal(vmm_irqfd(&vmm, 0, 0), 0);
	vmm_close_fd(&vmm, &other);
	assert_int_equal(vmm_unmask(&vmm, 0), 0);
	assert_heard();
	assert_gated(&vmm, 0);
}

/* Why: what ends while it is held must end the poll too, and lose nothing. */
TEST(intx_off_and_on_in_a_hold)
{
	uint32_t looks;

	hold();
	vmm_disable_intx(&vmm, 0);
	vmm_settle(&vmm);
	pause_ms(10);
	looks = fake_looks(vmm.vm);
	pause_ms(20);
	assert_int_equal(fake_looks(vmm.vm), looks);
	vmm_enable_intx(&vmm, 0);
	guest_unmask(&vmm, PIN);
	assert_heard();
	assert_gated(&vmm, 0);
}

TEST(vm_ends_in_a_hold)
{
	hold();
	close_all(NULL);
	pause_ms(10);
	open_ready(NULL);
	assert_gated(&vmm, 0);
}

TEST(eventfds_are_closed_in_a_hold)
{
	hold();
	vmm_close_fd(&vmm, &vmm.device[0].resample);
	vmm_close_fd(&vmm, &vmm.device[0].trigger);
	vmm.device[0].trigger = vmm_new_eventfd();
	vmm.device[0].resample = vmm_new_eventfd();
	assert_int_equal(vmm_irqfd(&vmm, 0, 0), 0);
	assert_int_equal(vmm_set_trigger(&vmm, 0, vmm.device[0].trigger), 0);
	assert_int_equal(vmm_set_resample(&vmm, 0, vmm.device[0].resample), 0);
	assert_int_equal(vmm_unmask(&vmm, 0), 0);
	guest_unmask(&vmm, PIN);
	assert_heard();
	assert_gated(&vmm, 0);
}

TEST(masked_and_unmasked_by_the_vmm_in_a_hold)
{
	hold();
	assert_int_equal(vmm_mask(&vmm, 0), 0);
	guest_unmask(&vmm, PIN);
	pause_ms(5);
	assert_true(device(0).masked);
	assert_int_equal(device(0).triggers, 1);
	assert_int_equal(vmm_unmask(&vmm, 0), 0);
	assert_heard();
	assert_gated(&vmm, 0);
}

TEST(disabled_by_the_guest_in_a_hold)
{
	hold();
	vmm_write_command(&vmm, 0, INTERRUPT_DISABLE);
	vmm_write_command(&vmm, 0, 0);
	pause_ms(5);
	assert_int_equal(messages(), 1);
	guest_unmask(&vmm, PIN);
	assert_heard();
	assert_gated(&vmm, 0);
}

/* Why: KVM tells all irqfds of a GSI; each of its devices must listen again, once. */
TEST(two_devices_on_one_gsi)
{
	vmm_add_device(&vmm, 1, PIN);
	vmm_enable_intx(&vmm, 1);
	assert_gated(&vmm, 0);
	assert_gated(&vmm, 1);
	fake_assert(vmm.device[1].fd);
	hold();
	pause_ms(5);
	assert_true(device(1).masked);
	fake_quiet(vmm.device[0].fd);
	fake_quiet(vmm.device[1].fd);
	guest_unmask(&vmm, PIN);
	wait_until(!device(0).masked && !device(1).masked);
	vmm_remove_device(&vmm, 1);
	assert_gated(&vmm, 0);
}

TEST(two_devices_one_goes_in_a_hold)
{
	vmm_add_device(&vmm, 1, PIN);
	vmm_enable_intx(&vmm, 1);
	hold();
	vmm_remove_device(&vmm, 1);
	pause_ms(5);
	assert_true(device(0).masked);
	assert_int_equal(device(0).triggers, 1);
	guest_unmask(&vmm, PIN);
	assert_heard();
	assert_gated(&vmm, 0);
}

/* Why: KVM's chips keep themselves; nothing of them is forgotten here. */
TEST(state_written_in_a_hold)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };

	hold();
	assert_int_equal(vmm_ioctl(&vmm, vmm.vcpu[0], KVM_SET_MP_STATE, &runnable), 0);
	assert_true(device(0).masked);
	assert_int_equal(device(0).triggers, 1);
	guest_unmask(&vmm, PIN);
	assert_heard();
}

/* Why: guests reset KVM's chips too: what is held then waits for the next guest's unmask. */
TEST(entry_reset_in_service)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_write_low(&vmm, 0, PIN, ENTRY_MASKED);
	guest_eoi(&vmm, VECTOR);
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	while (fake_take(vmm.vcpu[0], VECTOR)) {
		fake_quiet(vmm.device[0].fd);
		guest_eoi(&vmm, VECTOR);
	}
	wait_until(!device(0).masked);
	assert_gated(&vmm, 0);
}

#define READY(name) cmocka_unit_test_setup_teardown(name, open_ready, close_all)
#define PIC(name)   cmocka_unit_test_setup_teardown(name, open_with_pic, close_all)

static int tests(void)
{
	const struct CMUnitTest all[] = {
		READY(oneshot_and_quiet_at_the_unmask),
		READY(oneshot_and_asserting_at_the_unmask_triggers_once),
		READY(plain_event),
		READY(plain_event_that_still_asserts_triggers_again),
		READY(mask_and_unmask_in_service_waits_for_the_eoi),
		READY(kernel_that_resamples_at_an_unmask),
		READY(poll_backs_off_and_ends_with_the_hold),
		READY(poll_of_a_long_hold_is_slow),
		READY(no_poll_without_a_hold),
		PIC(guest_with_an_8259_is_not_held_by_the_entries),
		PIC(guest_with_an_8259_is_held_by_its_masks),
		PIC(cascade_masks_the_slave),
		READY(other_pin),
		READY(route_changes_in_a_hold),
		READY(route_to_no_pin),
		READY(different_resample_eventfds),
		READY(chip_that_cannot_be_read_at_an_eoi),
		READY(chip_that_cannot_be_read_in_a_hold),
		READY(given_back_in_a_hold),
		READY(intx_off_and_on_in_a_hold),
		READY(vm_ends_in_a_hold),
		READY(eventfds_are_closed_in_a_hold),
		READY(masked_and_unmasked_by_the_vmm_in_a_hold),
		READY(disabled_by_the_guest_in_a_hold),
		READY(two_devices_on_one_gsi),
		READY(two_devices_one_goes_in_a_hold),
		READY(state_written_in_a_hold),
		READY(entry_reset_in_service),
	};

	return cmocka_run_group_tests_name("kernel", all, NULL, NULL);
}

int main(int argc, char **argv)
{
	return run_program(argc, argv, NULL, tests);
}
