/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * When the library takes a line of a split irqchip, and gives it back: it knows an entry's mask only once the
 * guest has written it, and no more once the VMM has written a vCPU's state. In every state that can be,
 * nothing is lost.
 */
#include <stdlib.h>
#include <string.h>

#include "ready.h"

static int open_unknown(void **state)
{
	(void)state;
	vmm = (struct vmm){ 0 };
	vmm_open(&vmm, SPLIT);
	vmm_add_device(&vmm, 0, PIN);
	vmm_enable_intx(&vmm, 0);
	return 0;
}

/* The VMM writes a vCPU's state that is not its LAPIC: so what is in service stays so. */
static void write_state(void)
{
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_RUNNABLE };

	assert_int_equal(vmm_ioctl(&vmm, vmm.vcpu[1], KVM_SET_MP_STATE, &state), 0);
}

/* The guest gets what the device still asserts, and handles it. */
static void assert_heard(void)
{
	vmm_settle(&vmm);
	assert_true(fake_is_requested(vmm.vcpu[0], VECTOR));
	guest_handle(&vmm, 0, PIN, VECTOR);
	while (fake_take(vmm.vcpu[0], VECTOR)) /* at worst one too many */
		guest_eoi(&vmm, VECTOR);
	assert_false(device().masked);
	assert_gated(&vmm, 0);
}

/* What a VMM does with a device that the guest has not found yet. */
static void use_unknown(struct vmm *v)
{
	vmm_open(v, SPLIT);
	vmm_add_device(v, 0, PIN);
	vmm_write_command(v, 0, INTERRUPT_DISABLE);
	vmm_enable_intx(v, 0);
	vmm_write_command(v, 0, 0);
	fake_assert(v->device[0].fd);
	assert_int_equal(vmm_mask(v, 0), 0);
	assert_int_equal(vmm_unmask(v, 0), 0);
	vmm_write_command(v, 0, INTERRUPT_DISABLE);
	vmm_write_command(v, 0, 0);
	guest_program(v, OTHER_PIN, ENTRY_LEVEL | OTHER_VECTOR);
	guest_eoi(v, OTHER_VECTOR);
	vmm_disable_intx(v, 0);
	vmm_enable_intx(v, 0);
	vmm_reset(v);
	vmm_close(v);
}

/* Why: a line of which not everything is known must be exactly as it would be without us. */
TEST(line_is_left_exactly_alone_until_its_entry_is_written)
{
	struct vmm plain = { .past_library = true }, watched = { .past_library = false };
	char *expected, *seen;

	fake_log_start();
	use_unknown(&plain);
	expected = fake_log_end();
	fake_log_start();
	use_unknown(&watched);
	seen = fake_log_end();
	assert_string_equal(seen, expected);
	free(expected);
	free(seen);
}

TEST(taken_while_armed_by_an_unmask)
{
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	assert_gated(&vmm, 0);
}

TEST(taken_while_armed_by_a_mask)
{
	guest_program(&vmm, PIN, ENTRY_LEVEL | ENTRY_MASKED | VECTOR);
	fake_assert(vmm.device[0].fd);
	assert_int_equal(fake_messages(vmm.vm, VECTOR), 0);
	guest_unmask(&vmm, PIN);
	assert_heard();
}

/* Why: the VMM leaves the route of a masked pin alive, and VFIO still listens. */
TEST(taken_while_armed_by_a_mask_with_a_live_route)
{
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	write_state();
	guest_mask(&vmm, PIN);
	fake_assert(vmm.device[0].fd);
	assert_int_equal(fake_messages(vmm.vm, VECTOR), 0);
	guest_unmask(&vmm, PIN);
	assert_heard();
}

/* Why: the upper half has the destination only; whether it is masked is not known then. */
TEST(upper_half_of_an_entry_says_nothing)
{
	fake_write(vmm.vcpu[0], IOAPIC_AT + IOREGSEL, ENTRY_FROM + 2 * PIN + 1, sizeof(uint32_t));
	fake_write(vmm.vcpu[0], IOAPIC_AT + IOWIN, 0, sizeof(uint32_t));
	vmm_run(&vmm, 0);
	assert_true(device().has_resample);
	guest_write_low(&vmm, 0, PIN, ENTRY_LEVEL | VECTOR);
	assert_false(device().has_resample);
	assert_gated(&vmm, 0);
}

/* Why: it has triggered into a GSI without a route: nobody but the unmask can bring it back. */
TEST(taken_while_asserted_by_an_unmask)
{
	fake_assert(vmm.device[0].fd);
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	assert_heard();
}

TEST(taken_while_asserted_by_a_mask)
{
	fake_assert(vmm.device[0].fd);
	guest_program(&vmm, PIN, ENTRY_LEVEL | ENTRY_MASKED | VECTOR);
	assert_int_equal(fake_messages(vmm.vm, VECTOR), 0);
	guest_unmask(&vmm, PIN);
	assert_heard();
}

/* Why: a restored or rebooted VM goes on with an interrupt in service. */
TEST(taken_in_service_by_a_mask)
{
	fake_assert(vmm.device[0].fd);
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	guest_take(&vmm, VECTOR);
	write_state();
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	assert_true(device().masked);
	guest_unmask(&vmm, PIN);
	assert_heard();
}

TEST(taken_in_service_by_a_write_that_leaves_it_unmasked)
{
	fake_assert(vmm.device[0].fd);
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	guest_take(&vmm, VECTOR);
	write_state();
	guest_unmask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	assert_heard();
}

TEST(taken_in_service_with_mask_and_unmask_before_the_eoi)
{
	fake_assert(vmm.device[0].fd);
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	guest_take(&vmm, VECTOR);
	write_state();
	guest_mask(&vmm, PIN);
	guest_unmask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	assert_heard();
}

TEST(taken_while_requested)
{
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	fake_assert(vmm.device[0].fd);
	write_state();
	guest_mask(&vmm, PIN);
	guest_unmask(&vmm, PIN);
	assert_heard();
}

TEST(taken_while_masked_by_the_vmm)
{
	vmm_mask(&vmm, 0);
	fake_assert(vmm.device[0].fd);
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	guest_mask(&vmm, PIN);
	guest_unmask(&vmm, PIN);
	assert_int_equal(device().triggers, 0);
	vmm_unmask(&vmm, 0);
	assert_int_equal(device().triggers, 1);
	assert_heard();
}

TEST(taken_while_disabled_by_the_guest)
{
	vmm_write_command(&vmm, 0, INTERRUPT_DISABLE);
	fake_assert(vmm.device[0].fd);
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	guest_mask(&vmm, PIN);
	guest_unmask(&vmm, PIN);
	assert_int_equal(device().triggers, 0);
	vmm_write_command(&vmm, 0, 0);
	assert_int_equal(fake_messages(vmm.vm, VECTOR), 1);
	assert_heard();
}

TEST(taken_while_masked_and_disabled)
{
	vmm_write_command(&vmm, 0, INTERRUPT_DISABLE);
	vmm_mask(&vmm, 0);
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	fake_assert(vmm.device[0].fd);
	vmm_unmask(&vmm, 0);
	assert_int_equal(device().triggers, 0);
	vmm_write_command(&vmm, 0, 0);
	assert_heard();
}

/* Why: a reset writes every vCPU's state, and the VMM's chip with it: the line is the VMM's until the guest is back. */
TEST(state_written_while_armed_gives_the_line_back)
{
	assert_gated(&vmm, 0);
	vmm_reset(&vmm);
	assert_true(device().has_resample);
	assert_false(device().masked);
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	assert_gated(&vmm, 0);
}

/* Why: the EOI or unmask that would have ended it does not come any more. */
TEST(state_written_in_a_hold_loses_nothing)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	vmm_reset(&vmm);
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	assert_heard();
}

TEST(state_written_in_service_loses_nothing)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	vmm_reset(&vmm);
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	assert_heard();
}

TEST(state_written_while_requested_loses_nothing)
{
	fake_assert(vmm.device[0].fd);
	vmm_reset(&vmm);
	guest_program(&vmm, PIN, ENTRY_LEVEL | ENTRY_MASKED | VECTOR);
	guest_unmask(&vmm, PIN);
	assert_heard();
}

/* Why: it is a vCPU's set-up (Hyper-V's SynIC, say), and no word about what the chips hold. */
TEST(capability_of_a_vcpu_is_not_its_state)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_HYPERV_SYNIC };

	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	assert_int_equal(vmm_ioctl(&vmm, vmm.vcpu[1], KVM_ENABLE_CAP, &cap), 0);
	assert_true(device().masked);
	assert_false(device().has_resample);
	assert_int_equal(device().triggers, 1);
}

/* Why: what an exit asks for counts at the next KVM_RUN, and the state may have been written by then. */
TEST(state_written_between_an_exit_and_the_next_run)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	fake_eoi(vmm.vcpu[0], VECTOR);
	assert_true(vmm_run_once(&vmm, 0));
	vmm_reset(&vmm);
	vmm_run(&vmm, 0);
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	assert_heard();
}

/* Why: the VMM has dealt with the write before it reset its chip: it is older than that. */
TEST(state_written_between_a_write_of_an_entry_and_the_next_run)
{
	guest_mask(&vmm, PIN);
	fake_write(vmm.vcpu[0], IOAPIC_AT + IOREGSEL, ENTRY_FROM + 2 * PIN, sizeof(uint32_t));
	vmm_run(&vmm, 0);
	fake_write(vmm.vcpu[0], IOAPIC_AT + IOWIN, ENTRY_LEVEL | VECTOR, sizeof(uint32_t));
	assert_true(vmm_run_once(&vmm, 0));
	vmm_reset(&vmm);
	vmm_run(&vmm, 0);
	assert_true(device().has_resample);
	guest_program(&vmm, PIN, ENTRY_LEVEL | VECTOR);
	assert_gated(&vmm, 0);
}

/* Why: a register is selected by one vCPU and written by another exit; without its number a write says nothing. */
TEST(write_after_a_reset_without_a_select_is_not_followed)
{
	fake_write(vmm.vcpu[0], IOAPIC_AT + IOREGSEL, ENTRY_FROM + 2 * PIN, sizeof(uint32_t));
	vmm_run(&vmm, 0);
	write_state();
	vmm.select = ENTRY_FROM + 2 * OTHER_PIN; /* as the VMM has loaded it */
	fake_write(vmm.vcpu[0], IOAPIC_AT + IOWIN, ENTRY_LEVEL | OTHER_VECTOR, sizeof(uint32_t));
	vmm_run(&vmm, 0);
	assert_true(device().has_resample);
	guest_mask(&vmm, PIN);
	assert_false(device().has_resample);
}

#define UNKNOWN(name) cmocka_unit_test_setup_teardown(name, open_unknown, close_all)
#define READY(name)   cmocka_unit_test_setup_teardown(name, open_ready, close_all)

static int tests(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(line_is_left_exactly_alone_until_its_entry_is_written),
		UNKNOWN(taken_while_armed_by_an_unmask),
		UNKNOWN(taken_while_armed_by_a_mask),
		UNKNOWN(taken_while_armed_by_a_mask_with_a_live_route),
		UNKNOWN(upper_half_of_an_entry_says_nothing),
		UNKNOWN(taken_while_asserted_by_an_unmask),
		UNKNOWN(taken_while_asserted_by_a_mask),
		UNKNOWN(taken_in_service_by_a_mask),
		UNKNOWN(taken_in_service_by_a_write_that_leaves_it_unmasked),
		UNKNOWN(taken_in_service_with_mask_and_unmask_before_the_eoi),
		UNKNOWN(taken_while_requested),
		UNKNOWN(taken_while_masked_by_the_vmm),
		UNKNOWN(taken_while_disabled_by_the_guest),
		UNKNOWN(taken_while_masked_and_disabled),
		READY(state_written_while_armed_gives_the_line_back),
		READY(state_written_in_a_hold_loses_nothing),
		READY(state_written_in_service_loses_nothing),
		READY(state_written_while_requested_loses_nothing),
		READY(capability_of_a_vcpu_is_not_its_state),
		READY(state_written_between_an_exit_and_the_next_run),
		READY(state_written_between_a_write_of_an_entry_and_the_next_run),
		READY(write_after_a_reset_without_a_select_is_not_followed),
	};

	return cmocka_run_group_tests_name("takes", all, NULL, NULL);
}

int main(int argc, char **argv)
{
	return run_program(argc, argv, NULL, tests);
}
