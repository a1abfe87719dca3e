/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The KVM adapter's calls on a gate and its sources: what is refused, removal, probe, disabling, reset. */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vm.h"

static void second_source_on_a_taken_eventfd_is_refused(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	struct test_source source = { .level = -1 };
	struct irqgate_forwarded copy;
	irqgate_source second = 7;

	(void)state;
	source_open(vm, &source, TEST_PIN);
	copy = source.forwarded;
	assert_int_equal(irqgate_kvm_add_forwarded(vm->gate, TEST_PIN + 1, &source.forwarded, &second), -EBUSY);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0)); /* bound to the kernel now: still taken */
	assert_int_equal(irqgate_kvm_add_forwarded(vm->gate, TEST_PIN + 1, &source.forwarded, &second), -EBUSY);
	assert_int_equal(second, 7);
	copy.trigger_fd = dup(copy.trigger_fd);
	assert_int_equal(irqgate_kvm_add_forwarded(vm->gate, TEST_PIN + 1, &copy, &second), -EBUSY);
	close(copy.trigger_fd);
	source_trigger(&source);
	assert_true(lapic_gets(vm, 0, TEST_VECTOR)); /* and the first one is none the worse */
	source_close(vm, &source);
	vm_close(vm);
}

static void bad_arguments_are_refused(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	struct test_source source = { .level = -1 };
	struct irqgate_forwarded bad;
	irqgate_source handle;
	int pipe_fds[2];

	(void)state;
	source_open(vm, &source, TEST_PIN);
	bad = source.forwarded;
	bad.trigger_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(irqgate_kvm_add_forwarded(vm->gate, 6, &bad, &handle), -EINVAL);
	close(bad.trigger_fd);
	assert_int_equal(irqgate_kvm_add_forwarded(vm->gate, 6, &bad, &handle), -EBADF);
	assert_int_equal(pipe(pipe_fds), 0); /* it can be waited for, but is no eventfd */
	bad.trigger_fd = pipe_fds[0];
	assert_int_equal(irqgate_kvm_add_forwarded(vm->gate, 6, &bad, &handle), -EINVAL);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	bad.trigger_fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(irqgate_kvm_add_forwarded(vm->gate, 24, &bad, &handle), -EINVAL);
	bad.size = 1;
	assert_int_equal(irqgate_kvm_add_forwarded(vm->gate, 6, &bad, &handle), -EINVAL);
	close(bad.trigger_fd);
	assert_int_equal(irqgate_kvm_line_level(vm->gate, 24), -EINVAL);
	assert_int_equal(irqgate_kvm_set_level(vm->gate, source.handle, true), -EINVAL);
	assert_int_equal(irqgate_kvm_remove(vm->gate, 0), -ENOENT);
	source_close(vm, &source);
	vm_close(vm);
}

static void second_gate_of_one_vm_is_refused(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	struct irqgate_kvm_config config = { .size = sizeof(config), .vm_fd = vm->vm_fd };
	struct irqgate_kvm *gate;

	(void)state;
	assert_int_equal(irqgate_kvm_open(&config, &gate), -EEXIST);
	config.size = 0;
	assert_int_equal(irqgate_kvm_open(&config, &gate), -EINVAL);
	vm_close(vm);
}

static void directed_eoi_is_refused_where_kvm_lacks_it(void **state)
{
	const int suppress_flag = 1 << 2; /* KVM API 7.7 */
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm_fd = ioctl(kvm_fd, KVM_CREATE_VM, 0);
	struct irqgate_kvm_config config = { .size = sizeof(config), .vm_fd = vm_fd, .directed_eoi = true };
	bool has = ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_X2APIC_API) & suppress_flag;
	struct irqgate_kvm *gate = NULL;

	(void)state;
	assert_int_equal(irqgate_kvm_open(&config, &gate), has ? 0 : -ENOSYS);
	irqgate_kvm_close(gate);
	close(vm_fd);
	close(kvm_fd);
}

static void removed_source_is_left_alone(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	struct test_source source = { .level = -1 };
	irqgate_source handle;

	(void)state;
	source_open_unmasked(vm, &source);
	handle = source.handle;
	assert_int_equal(irqgate_kvm_remove(vm->gate, handle), 0);
	assert_int_equal(irqgate_kvm_remove(vm->gate, handle), -ENOENT);
	source.handle = 0;
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 1));
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	source_trigger(&source);
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	usleep(20000);
	assert_false(lapic_has(vm, 0, TEST_VECTOR));
	assert_int_equal(source_resamples(&source), 0);
	assert_int_equal(source.silences, 0);
	source_close(vm, &source);
	vm_close(vm);
}

static void probe_tells_the_real_line(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	struct test_source source = { .level = 1 };

	(void)state;
	source_open(vm, &source, TEST_PIN);
	assert_int_equal(irqgate_kvm_line_level(vm->gate, TEST_PIN), 1);
	source.level = 0;
	assert_int_equal(irqgate_kvm_line_level(vm->gate, TEST_PIN), 0);
	source.level = -EIO; /* it can not be had: what the gate knows counts */
	source_trigger(&source);
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	assert_int_equal(irqgate_kvm_line_level(vm->gate, TEST_PIN), 1);
	source_close(vm, &source);
	vm_close(vm);
}

static void interrupt_disable_bit_silences_and_enables_again(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	struct test_source source = { .level = -1 };

	(void)state;
	source_open_unmasked(vm, &source);
	assert_int_equal(irqgate_kvm_enable(vm->gate, source.handle, false), 0);
	assert_int_equal(source.silences, 1);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 1));
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	assert_int_equal(source_resamples(&source), 0);
	assert_int_equal(irqgate_kvm_enable(vm->gate, source.handle, true), 0);
	assert_int_equal(source_resamples(&source), 1);
	source_close(vm, &source);
	vm_close(vm);
}

static void reset_masks_and_silences(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	struct test_source source = { .level = -1 };

	(void)state;
	source_open_unmasked(vm, &source);
	assert_int_equal(irqgate_kvm_reset(vm->gate), 0);
	assert_int_equal(source.silences, 1);
	assert_int_equal(guest_read_rte(vm, 0, TEST_PIN), 0x10000);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	assert_int_equal(source_resamples(&source), 1);
	source_close(vm, &source);
	vm_close(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(second_source_on_a_taken_eventfd_is_refused),
		cmocka_unit_test(bad_arguments_are_refused),
		cmocka_unit_test(second_gate_of_one_vm_is_refused),
		cmocka_unit_test(directed_eoi_is_refused_where_kvm_lacks_it),
		cmocka_unit_test(removed_source_is_left_alone),
		cmocka_unit_test(probe_tells_the_real_line),
		cmocka_unit_test(interrupt_disable_bit_silences_and_enables_again),
		cmocka_unit_test(reset_masks_and_silences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
