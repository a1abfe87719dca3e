/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The KVM adapter on the userspace path: it reads the triggers, and sends the messages. */
#include <poll.h>
#include <unistd.h>

#include "vm.h"

/* What was signalled before the guest first unmasked is older than the unmask: looked at again, not delivered. */
static void trigger_unread_at_the_unmask_is_not_delivered(void **state)
{
	for (unsigned int flags = 0; flags <= TEST_USERSPACE; flags++) {
		struct test_vm *vm = vm_open(1, flags);
		struct test_source source = { .level = -1 };

		(void)state;
		source_open(vm, &source, TEST_PIN);
		source_resamples(&source);
		source_trigger(&source);
		guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
		assert_int_equal(source_resamples(&source), 1);
		assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
		usleep(20000);
		assert_false(lapic_has(vm, 0, TEST_VECTOR));
		source_close(vm, &source);
		vm_close(vm);
	}
}

static void userspace_path_needs_the_dispatch(void **state)
{
	struct test_vm *vm = vm_open(1, TEST_USERSPACE);
	struct test_source source = { .level = -1 };
	struct pollfd poll_fd = { .fd = irqgate_kvm_poll_fd(vm->gate), .events = POLLIN };

	(void)state;
	source_open_unmasked(vm, &source);
	source_trigger(&source);
	assert_int_equal(poll(&poll_fd, 1, 1000), 1);
	assert_false(lapic_has(vm, 0, TEST_VECTOR));
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	assert_true(lapic_has(vm, 0, TEST_VECTOR));
	assert_true(guest_read_rte(vm, 0, TEST_PIN) & REMOTE_IRR);
	assert_int_equal(poll(&poll_fd, 1, 0), 0);
	source_close(vm, &source);
	vm_close(vm);
}

static void second_source_moves_the_line_to_the_userspace_path(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	struct test_source source = { .level = -1 };
	irqgate_source wire;

	(void)state;
	source_open(vm, &source, TEST_PIN);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	assert_int_equal(irqgate_kvm_add_wire(vm->gate, TEST_PIN, "wire", &wire), 0);
	source_trigger(&source);
	usleep(20000);
	assert_false(lapic_has(vm, 0, TEST_VECTOR));
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	assert_true(lapic_has(vm, 0, TEST_VECTOR));
	assert_int_equal(irqgate_kvm_remove(vm->gate, wire), 0);
	source_close(vm, &source);
	vm_close(vm);
}

/* A guest that has its LAPIC off for a while loses nothing. */
static void message_that_no_lapic_takes_is_sent_again(void **state)
{
	struct test_vm *vm = vm_open(1, TEST_USERSPACE);
	struct test_source source = { .level = -1 };
	struct pollfd poll_fd = { .fd = irqgate_kvm_poll_fd(vm->gate), .events = POLLIN };

	(void)state;
	source_open(vm, &source, TEST_PIN);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	lapic_enable(vm, 0, 0);
	source_trigger(&source);
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	assert_false(guest_read_rte(vm, 0, TEST_PIN) & REMOTE_IRR);
	lapic_enable(vm, 0, 1);
	assert_int_equal(poll(&poll_fd, 1, 1000), 1);
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	assert_true(lapic_has(vm, 0, TEST_VECTOR));
	source_close(vm, &source);
	vm_close(vm);
}

/* To resample it while it triggers would make it trigger twice for one event. */
static void armed_source_is_not_resampled_by_an_unmask(void **state)
{
	struct test_vm *vm = vm_open(1, TEST_USERSPACE);
	struct test_source source = { .level = -1 };

	(void)state;
	source_open(vm, &source, TEST_PIN);
	assert_int_equal(source_resamples(&source), 1); /* which arms it */
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 1));
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	assert_int_equal(source_resamples(&source), 0);
	source_trigger(&source);
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	assert_true(lapic_has(vm, 0, TEST_VECTOR));
	lapic_take(vm, 0, TEST_VECTOR);
	guest_eoi(vm, 0, TEST_VECTOR);
	assert_int_equal(source_resamples(&source), 1);
	source_close(vm, &source);
	vm_close(vm);
}

/* A device that still asserts triggers again. */
static void trigger_older_than_the_resample_is_read_away(void **state)
{
	struct test_vm *vm = vm_open(1, TEST_USERSPACE);
	struct test_source source = { .level = -1 };

	(void)state;
	source_open_unmasked(vm, &source);
	assert_int_equal(irqgate_kvm_enable(vm->gate, source.handle, false), 0);
	source_trigger(&source);
	assert_int_equal(irqgate_kvm_enable(vm->gate, source.handle, true), 0);
	assert_int_equal(source_resamples(&source), 1);
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	assert_false(lapic_has(vm, 0, TEST_VECTOR));
	source_trigger(&source);
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	assert_true(lapic_has(vm, 0, TEST_VECTOR));
	source_close(vm, &source);
	vm_close(vm);
}

/* Of two devices on a line the guest's handler has served both, whose interrupt ever it was. */
static void trigger_unread_at_the_eoi_is_not_delivered(void **state)
{
	struct test_vm *vm = vm_open(1, TEST_USERSPACE);
	struct test_source one = { .level = -1 }, other = { .level = -1 };

	(void)state;
	source_open_unmasked(vm, &one);
	source_open(vm, &other, TEST_PIN);
	source_resamples(&other);
	source_trigger(&one);
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	assert_true(lapic_has(vm, 0, TEST_VECTOR));
	source_trigger(&other);
	lapic_take(vm, 0, TEST_VECTOR);
	guest_eoi(vm, 0, TEST_VECTOR);
	assert_int_equal(source_resamples(&one), 1);
	assert_int_equal(source_resamples(&other), 1); /* if it still asserts, it triggers again */
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	assert_false(lapic_has(vm, 0, TEST_VECTOR));
	source_close(vm, &other);
	source_close(vm, &one);
	vm_close(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trigger_unread_at_the_unmask_is_not_delivered),
		cmocka_unit_test(userspace_path_needs_the_dispatch),
		cmocka_unit_test(second_source_moves_the_line_to_the_userspace_path),
		cmocka_unit_test(message_that_no_lapic_takes_is_sent_again),
		cmocka_unit_test(armed_source_is_not_resampled_by_an_unmask),
		cmocka_unit_test(trigger_older_than_the_resample_is_read_away),
		cmocka_unit_test(trigger_unread_at_the_eoi_is_not_delivered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
