/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* One device on a split irqchip, as QEMU has it: what the gate does with the guest's masks, EOIs and unmasks. */
#include <string.h>
#include <errno.h>
#include <sys/ioctl.h>

#include "ready.h"

/* Why: this is what the whole thing is for. Without the gate the device triggers again at the EOI. */
TEST(oneshot_and_quiet_at_the_unmask)
{
	assert_gated(&vmm, 0);
	assert_gated(&vmm, 0);
}

/* Why: a device that asserts anew before the unmask must be heard, once. */
TEST(oneshot_and_asserting_at_the_unmask_triggers_once)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	assert_int_equal(device().triggers, 1);
	guest_unmask(&vmm, PIN);
	assert_int_equal(device().triggers, 2);
	assert_int_equal(messages(), 2);
	guest_handle(&vmm, 0, PIN, VECTOR);
	assert_false(device().masked);
	assert_int_equal(device().triggers, 2);
}

/* Why: a guest without threads must not notice. */
TEST(plain_event)
{
	assert_alive(&vmm, 0);
	assert_alive(&vmm, 0);
}

/* Why: the guest missed something, or the device has two causes: the EOI must bring it again, once. */
TEST(plain_event_that_still_asserts_triggers_again)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_eoi(&vmm, VECTOR);
	assert_int_equal(device().triggers, 2);
	assert_int_equal(messages(), 2);
	guest_handle(&vmm, 0, PIN, VECTOR);
	assert_alive(&vmm, 0);
}

/* Why: disable_irq() and enable_irq() inside a handler are no reason to look at the device before the EOI. */
TEST(mask_and_unmask_in_service_waits_for_the_eoi)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_unmask(&vmm, PIN);
	assert_true(device().masked);
	assert_int_equal(device().triggers, 1);
	fake_quiet(vmm.device[0].fd);
	guest_eoi(&vmm, VECTOR);
	assert_false(device().masked);
	assert_int_equal(messages(), 1);
}

/* Why: a VMM that leaves the route of a masked pin alive lets it fire. */
TEST(masked_pin_never_fires)
{
	guest_mask(&vmm, PIN);
	fake_assert(vmm.device[0].fd);
	assert_int_equal(messages(), 0);
	guest_unmask(&vmm, PIN);
	assert_int_equal(messages(), 1);
	guest_handle(&vmm, 0, PIN, VECTOR);
	assert_alive(&vmm, 0);
}

/* Why: "stale pending injected at unmask" is the best known mistake. */
TEST(quiet_while_masked_leaves_nothing_stale)
{
	guest_mask(&vmm, PIN);
	fake_assert(vmm.device[0].fd);
	fake_quiet(vmm.device[0].fd);
	guest_unmask(&vmm, PIN);
	assert_int_equal(messages(), 0);
	assert_alive(&vmm, 0);
}

/* Why: no storm, and no time-out that guesses. */
TEST(guest_that_never_unmasks_keeps_the_host_masked)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	for (int i = 0; i < 50; i++) {
		pause_ms(1);
		vmm_run(&vmm, 0);
	}
	assert_true(device().masked);
	assert_int_equal(device().triggers, 1);
}

/* Why: an interrupted KVM_RUN leaves the exit of the one before in the run area. */
TEST(exit_counts_only_where_kvm_run_succeeded)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	fake_eoi(vmm.vcpu[0], VECTOR);
	assert_true(vmm_run_once(&vmm, 0)); /* the EOI of the first event */
	assert_false(vmm_run_once(&vmm, 0)); /* which is still there, as are the next ones */
	assert_int_equal(device().triggers, 2);
	for (int i = 0; i < 5; i++)
		assert_false(vmm_run_once(&vmm, 0));
	assert_int_equal(device().triggers, 2);
	assert_true(device().masked);
}

/* Why: the VMM's routes must be in force before the device triggers: so not before the guest goes on. */
TEST(release_waits_until_the_vmm_has_dealt_with_the_unmask)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	fake_write(vmm.vcpu[0], IOAPIC_AT + IOREGSEL, ENTRY_FROM + 2 * PIN, sizeof(uint32_t));
	vmm_run(&vmm, 0);
	fake_write(vmm.vcpu[0], IOAPIC_AT + IOWIN, ENTRY_LEVEL | OTHER_VECTOR, sizeof(uint32_t));
	assert_true(vmm_run_once(&vmm, 0));
	assert_int_equal(device().triggers, 1);
	vmm_run(&vmm, 0);
	assert_int_equal(device().triggers, 2);
	assert_int_equal(fake_messages(vmm.vm, OTHER_VECTOR), 1);
	assert_int_equal(messages(), 1);
}

/* Why: the mask may come from one vCPU, the unmask from another, while the interrupt is in service on the first. */
TEST(unmask_on_another_vcpu)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_write_low(&vmm, 0, PIN, ENTRY_LEVEL | ENTRY_MASKED | VECTOR);
	guest_eoi(&vmm, VECTOR);
	assert_true(device().masked);
	fake_quiet(vmm.device[0].fd);
	guest_write_low(&vmm, 1, PIN, ENTRY_LEVEL | VECTOR);
	assert_false(device().masked);
	assert_int_equal(device().triggers, 1);
	assert_alive(&vmm, 0);
}

/* Why: another vCPU's LAPIC is not asked, so nothing may depend on it: the EOI comes, and at worst one interrupt. */
TEST(mask_and_unmask_on_another_vcpu_while_in_service)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_write_low(&vmm, 1, PIN, ENTRY_LEVEL | ENTRY_MASKED | VECTOR);
	guest_write_low(&vmm, 1, PIN, ENTRY_LEVEL | VECTOR);
	fake_quiet(vmm.device[0].fd);
	guest_eoi(&vmm, VECTOR);
	while (fake_take(vmm.vcpu[0], VECTOR))
		guest_eoi(&vmm, VECTOR);
	assert_in_range(messages(), 1, 2);
	assert_false(device().masked);
	assert_alive(&vmm, 0);
}

/* Why: affinity changes rewrite an entry in service; the old vector's EOI still counts. */
TEST(entry_rewritten_between_events)
{
	assert_gated(&vmm, 0);
	guest_mask(&vmm, PIN);
	guest_program(&vmm, PIN, ENTRY_LEVEL | OTHER_VECTOR | UINT64_C(1) << ENTRY_DESTINATION_SHIFT);
	fake_assert(vmm.device[0].fd);
	assert_int_equal(fake_messages(vmm.vm, OTHER_VECTOR), 1);
	assert_true(fake_take(vmm.vcpu[1], OTHER_VECTOR));
	guest_write_low(&vmm, 1, PIN, vmm.entry[PIN] | ENTRY_MASKED);
	fake_eoi(vmm.vcpu[1], OTHER_VECTOR);
	vmm_run(&vmm, 1);
	assert_true(device().masked);
	fake_quiet(vmm.device[0].fd);
	guest_write_low(&vmm, 1, PIN, vmm.entry[PIN] & ~ENTRY_MASKED);
	assert_false(device().masked);
}

/* Why: Linux ends an interrupt of a chip without EOI register by level to edge and back. */
TEST(level_to_edge_and_back_is_an_eoi)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	fake_quiet(vmm.device[0].fd);
	guest_write_low(&vmm, 0, PIN, ENTRY_MASKED | VECTOR);
	guest_write_low(&vmm, 0, PIN, ENTRY_LEVEL | VECTOR);
	assert_false(device().masked);
	assert_int_equal(messages(), 1);
	fake_eoi(vmm.vcpu[0], VECTOR);
	vmm_run(&vmm, 0);
	assert_alive(&vmm, 0);
}

static void end_by_register(uint8_t vector)
{
	fake_eoi(vmm.vcpu[0], vector);
	fake_write(vmm.vcpu[0], IOAPIC_AT + EOI_REGISTER, vector, sizeof(uint32_t));
	vmm_run(&vmm, 0);
}

/* Why: the LAPIC keeps the EOI for itself where a guest says so, and the IOAPIC's register ends the interrupt. */
TEST(directed_eoi)
{
	fake_suppress_eois(vmm.vcpu[0]);
	for (int i = 0; i < 3; i++) {
		fake_assert(vmm.device[0].fd);
		guest_take(&vmm, VECTOR);
		fake_quiet(vmm.device[0].fd);
		end_by_register(VECTOR);
		assert_false(device().masked);
	}
	assert_int_equal(messages(), 3);
}

TEST(directed_eoi_of_a_masked_pin)
{
	fake_suppress_eois(vmm.vcpu[0]);
	for (int i = 1; i <= 3; i++) {
		fake_assert(vmm.device[0].fd);
		guest_take(&vmm, VECTOR);
		guest_mask(&vmm, PIN);
		end_by_register(VECTOR);
		assert_true(device().masked);
		fake_quiet(vmm.device[0].fd);
		guest_unmask(&vmm, PIN);
		assert_false(device().masked);
		assert_int_equal(messages(), i);
	}
}

/* Why: with interrupt remapping Linux sends both; the second must not end the next interrupt. */
TEST(eoi_of_both_kinds)
{
	for (int i = 1; i <= 3; i++) {
		fake_assert(vmm.device[0].fd);
		guest_take(&vmm, VECTOR);
		guest_mask(&vmm, PIN);
		end_by_register(VECTOR);
		assert_true(device().masked);
		assert_int_equal(messages(), i);
		fake_quiet(vmm.device[0].fd);
		guest_unmask(&vmm, PIN);
		assert_false(device().masked);
	}
}

/* Why: a guest reads, and writes what is no register or no whole one; none of that is an entry. */
TEST(other_accesses_change_nothing)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	fake_read(vmm.vcpu[0], IOAPIC_AT + IOWIN, sizeof(uint32_t));
	fake_read(vmm.vcpu[0], IOAPIC_AT + IOREGSEL, sizeof(uint32_t));
	fake_write(vmm.vcpu[0], IOAPIC_AT + 0x20, ENTRY_LEVEL | VECTOR, sizeof(uint32_t));
	fake_write(vmm.vcpu[0], IOAPIC_AT - 0x1000 + IOWIN, ENTRY_LEVEL | VECTOR, sizeof(uint32_t));
	fake_write(vmm.vcpu[0], UINT64_C(0xfee000b0), 0, sizeof(uint32_t));
	vmm_run(&vmm, 0);
	assert_true(device().masked);
	assert_int_equal(device().triggers, 1);
}

/* Why: a vector that only another pin has is not this pin's EOI. */
TEST(eoi_of_another_vector)
{
	guest_program(&vmm, OTHER_PIN, ENTRY_LEVEL | OTHER_VECTOR);
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_eoi(&vmm, OTHER_VECTOR);
	assert_true(device().masked);
	assert_int_equal(device().triggers, 1);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	assert_true(device().masked);
}

/* Why: a guest that shuts down masks for good; another one that boots unmasks again. */
TEST(unmask_after_long_is_heard)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	for (int i = 0; i < 20; i++)
		guest_mask(&vmm, PIN);
	assert_int_equal(device().triggers, 1);
	guest_unmask(&vmm, PIN);
	assert_int_equal(device().triggers, 2);
}

#define ONE(name) cmocka_unit_test_setup_teardown(name, open_ready, close_all)

static int tests(void)
{
	const struct CMUnitTest all[] = {
		ONE(oneshot_and_quiet_at_the_unmask),
		ONE(oneshot_and_asserting_at_the_unmask_triggers_once),
		ONE(plain_event),
		ONE(plain_event_that_still_asserts_triggers_again),
		ONE(mask_and_unmask_in_service_waits_for_the_eoi),
		ONE(masked_pin_never_fires),
		ONE(quiet_while_masked_leaves_nothing_stale),
		ONE(guest_that_never_unmasks_keeps_the_host_masked),
		ONE(exit_counts_only_where_kvm_run_succeeded),
		ONE(release_waits_until_the_vmm_has_dealt_with_the_unmask),
		ONE(unmask_on_another_vcpu),
		ONE(mask_and_unmask_on_another_vcpu_while_in_service),
		ONE(entry_rewritten_between_events),
		ONE(level_to_edge_and_back_is_an_eoi),
		ONE(directed_eoi),
		ONE(directed_eoi_of_a_masked_pin),
		ONE(eoi_of_both_kinds),
		ONE(other_accesses_change_nothing),
		ONE(eoi_of_another_vector),
		ONE(unmask_after_long_is_heard),
	};

	return cmocka_run_group_tests_name("split", all, NULL, NULL);
}

int main(int argc, char **argv)
{
	return run_program(argc, argv, NULL, tests);
}
