/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The state of an adapter, saved and restored on /dev/kvm; its storm guard, and what it tells of. One thread. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <irqgate/irqchip.h>

#include "vm.h"

/* The kernel's injection may take a worker's time. */
static int comes(struct test_vm *vm, uint8_t vector)
{
	for (int i = 0; i < 200; i++) {
		if (lapic_has(vm, 0, vector))
			return 1;
		usleep(1000);
	}
	return 0;
}

struct state {
	unsigned char *bytes;
	size_t size;
};

static void save(struct test_vm *vm, struct state *state)
{
	state->size = irqgate_kvm_save_size(vm->gate);
	state->bytes = malloc(state->size);
	assert_non_null(state->bytes);
	assert_int_equal(irqgate_kvm_save(vm->gate, state->bytes, state->size - 1), -ENOSPC);
	assert_int_equal(irqgate_kvm_save(vm->gate, state->bytes, state->size), 0);
}

static void restore(struct test_vm *vm, const struct state *state)
{
	assert_int_equal(irqgate_kvm_restore(vm->gate, state->bytes, state->size), 0);
}

/* Another VM with the same source, whose device still asserts or not. */
static struct test_vm *reopen(struct test_vm *old, struct test_source *source, unsigned int flags)
{
	struct test_vm *vm;

	source_close(old, source);
	vm_close(old);
	vm = vm_open(1, flags);
	source_open(vm, source, TEST_PIN);
	return vm;
}

static void hold_is_restored_in_another_vm(void **unused)
{
	struct test_vm *vm = vm_open(1, 0);
	struct test_source source = { .level = -1 };
	struct state state;

	(void)unused;
	source_open(vm, &source, TEST_PIN);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	source_trigger(&source);
	assert_true(comes(vm, TEST_VECTOR));
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 1));
	lapic_take(vm, 0, TEST_VECTOR);
	guest_eoi(vm, 0, TEST_VECTOR);
	save(vm, &state);
	vm = reopen(vm, &source, 0);
	restore(vm, &state);
	assert_int_equal(irqgate_kvm_line_level(vm->gate, TEST_PIN), 1);
	source_resamples(&source);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	assert_int_equal(source_resamples(&source), 1);
	assert_false(lapic_has(vm, 0, TEST_VECTOR)); /* the device has gone quiet meanwhile */
	source_trigger(&source);
	assert_true(comes(vm, TEST_VECTOR));
	source_close(vm, &source);
	vm_close(vm);
	free(state.bytes);
}

/* The kernel has sent the message, which only the LAPIC knows. */
static void message_that_the_kernel_sent_is_in_service_after_a_restore(void **unused)
{
	struct test_vm *vm = vm_open(1, 0);
	struct test_source source = { .level = -1 };
	struct state state;

	(void)unused;
	source_open(vm, &source, TEST_PIN);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	source_trigger(&source);
	assert_true(comes(vm, TEST_VECTOR));
	save(vm, &state);
	assert_true(source.silences > 0);
	vm = reopen(vm, &source, 0);
	restore(vm, &state);
	source_resamples(&source);
	assert_true(guest_read_rte(vm, 0, TEST_PIN) & REMOTE_IRR);
	guest_eoi(vm, 0, TEST_VECTOR);
	assert_int_equal(source_resamples(&source), 1);
	source_close(vm, &source);
	vm_close(vm);
	free(state.bytes);
}

static void vm_goes_on_after_a_save(void **unused)
{
	struct test_vm *vm = vm_open(1, 0);
	struct test_source source = { .level = -1 };
	struct state state;

	(void)unused;
	source_open(vm, &source, TEST_PIN);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	source_resamples(&source);
	save(vm, &state);
	assert_int_equal(source_resamples(&source), 0); /* it is silent */
	assert_int_equal(irqgate_kvm_resume(vm->gate), 0);
	assert_int_equal(source_resamples(&source), 1);
	source_trigger(&source);
	assert_true(comes(vm, TEST_VECTOR));
	source_close(vm, &source);
	vm_close(vm);
	free(state.bytes);
}

static void damaged_state_changes_nothing(void **unused)
{
	struct irqgate_irqchip chips = { .size = sizeof(chips) - 1 };
	struct test_vm *vm = vm_open(1, TEST_USERSPACE | TEST_PIC);
	struct test_source source = { .level = -1 };
	struct state state;

	(void)unused;
	source_open(vm, &source, TEST_PIN);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	save(vm, &state);
	source_resamples(&source);
	state.bytes[state.size / 2] ^= 1;
	assert_int_equal(irqgate_kvm_restore(vm->gate, state.bytes, state.size), -EBADMSG);
	assert_int_equal(irqgate_kvm_restore(vm->gate, state.bytes, 0), -EBADMSG);
	assert_int_equal(irqgate_kvm_set_irqchip(vm->gate, &chips), -EINVAL);
	assert_int_equal(irqgate_kvm_get_irqchip(vm->gate, &chips), -EINVAL);
	chips.size = sizeof(chips);
	assert_int_equal(irqgate_kvm_get_irqchip(vm->gate, &chips), -EINVAL); /* its version is 0x20 */
	memset(&chips, 0xff, sizeof(chips));
	chips.size = sizeof(chips);
	assert_int_equal(irqgate_kvm_set_irqchip(vm->gate, &chips), -EINVAL);
	chips.ioapic.base_address = IRQGATE_KVM_IOAPIC_BASE;
	assert_int_equal(irqgate_kvm_set_irqchip(vm->gate, &chips), -EINVAL); /* an 8259 can not be so */
	assert_int_equal(source_resamples(&source), 0);
	assert_int_equal(guest_read_rte(vm, 0, TEST_PIN), rte(TEST_VECTOR, 0));
	source_close(vm, &source);
	vm_close(vm);
	free(state.bytes);
}

/* Runs the adapter's loop for so long. */
static void dispatch_for(struct test_vm *vm, int milliseconds)
{
	struct pollfd poll_fd = { .fd = irqgate_kvm_poll_fd(vm->gate), .events = POLLIN };

	for (int i = 0; i < milliseconds; i++) {
		poll(&poll_fd, 1, 1);
		assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	}
}

static uint64_t storms(struct test_vm *vm)
{
	struct irqgate_line_stats stats;

	assert_int_equal(irqgate_kvm_line_stats(vm->gate, TEST_PIN, &stats), 0);
	return stats.diagnoses[IRQGATE_DIAGNOSIS_STORM];
}

static void storm(unsigned int flags)
{
	const struct irqgate_guard guard = { .budget = 3, .pace = 10000000000, .delay = 100000000 };
	struct test_vm *vm = vm_open(1, flags);
	struct test_source source = { .level = -1 };

	source_open(vm, &source, TEST_PIN);
	assert_int_equal(irqgate_kvm_guard(vm->gate, TEST_PIN, &guard), 0);
	assert_int_equal(irqgate_kvm_guard(vm->gate, 24, &guard), -EINVAL);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	source_resamples(&source);
	for (int i = 0; i < 3; i++) {
		source_trigger(&source);
		irqgate_kvm_dispatch(vm->gate);
		assert_true(comes(vm, TEST_VECTOR));
		lapic_take(vm, 0, TEST_VECTOR);
		guest_eoi(vm, 0, TEST_VECTOR);
		assert_int_equal(source_resamples(&source), i < 2);
	}
	assert_int_equal(storms(vm), 1);
	dispatch_for(vm, 300);
	assert_int_equal(source_resamples(&source), 1);
	source_trigger(&source);
	irqgate_kvm_dispatch(vm->gate);
	assert_true(comes(vm, TEST_VECTOR));
	guest_eoi(vm, 0, TEST_VECTOR);
	assert_int_equal(source_resamples(&source), 1);
	source_close(vm, &source);
	vm_close(vm);
}

static void storm_guard_delays_the_resample(void **unused)
{
	(void)unused;
	storm(0);
	storm(TEST_USERSPACE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hold_is_restored_in_another_vm),
		cmocka_unit_test(message_that_the_kernel_sent_is_in_service_after_a_restore),
		cmocka_unit_test(vm_goes_on_after_a_save),
		cmocka_unit_test(damaged_state_changes_nothing),
		cmocka_unit_test(storm_guard_delays_the_resample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
