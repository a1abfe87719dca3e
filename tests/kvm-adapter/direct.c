/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The KVM adapter on the direct path: the kernel has the trigger, and LAPICs are asked. */
#include <sys/eventfd.h>
#include <unistd.h>

#include "vm.h"

static void direct_path_reaches_the_lapic_without_userspace(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	struct test_source source = { .level = -1 };

	(void)state;
	source_open(vm, &source, TEST_PIN);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	assert_int_equal(source_resamples(&source), 1);
	source_trigger(&source);
	assert_true(lapic_gets(vm, 0, TEST_VECTOR)); /* nobody called irqgate_kvm_dispatch() */
	source_close(vm, &source);
	vm_close(vm);
}

static void oneshot_event_changes_no_route_and_no_irqfd(void **state)
{
	struct irqgate_kvm_stats before = { .size = sizeof(before) }, after = before;
	struct test_vm *vm = vm_open(1, 0);
	struct test_source source = { .level = -1 };

	(void)state;
	source_open_unmasked(vm, &source);
	assert_int_equal(irqgate_kvm_stats(vm->gate, &before), 0);
	source_trigger(&source);
	assert_true(lapic_gets(vm, 0, TEST_VECTOR));
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 1));
	assert_int_equal(source.silences, 1);
	lapic_take(vm, 0, TEST_VECTOR);
	guest_eoi(vm, 0, TEST_VECTOR);
	assert_int_equal(source_resamples(&source), 0); /* held: the pin is masked */
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	assert_int_equal(source_resamples(&source), 1);
	assert_int_equal(irqgate_kvm_stats(vm->gate, &after), 0);
	assert_int_equal(after.route_updates, before.route_updates);
	assert_int_equal(after.irqfd_updates, before.irqfd_updates);
	source_close(vm, &source);
	vm_close(vm);
}

static void unmask_waits_for_the_eoi_while_the_lapic_holds_the_vector(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	struct test_source source = { .level = -1 };

	(void)state;
	source_open_unmasked(vm, &source);
	source_trigger(&source);
	assert_true(lapic_gets(vm, 0, TEST_VECTOR));
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 1));
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	assert_int_equal(source_resamples(&source), 0);
	lapic_take(vm, 0, TEST_VECTOR);
	guest_eoi(vm, 0, TEST_VECTOR);
	assert_int_equal(source_resamples(&source), 1);
	source_close(vm, &source);
	vm_close(vm);
}

static void unmask_resamples_at_once_while_no_lapic_holds_the_vector(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	struct test_source source = { .level = -1 };

	(void)state;
	source_open_unmasked(vm, &source);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 1));
	assert_int_equal(source.silences, 1);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	assert_int_equal(source_resamples(&source), 1);
	source_close(vm, &source);
	vm_close(vm);
}

static void another_vcpus_lapic_is_asked_by_a_kick(void **state)
{
	struct test_vm *vm = vm_open(2, 0);
	struct test_source source = { .level = -1 };

	(void)state;
	source_open(vm, &source, TEST_PIN);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 1)); /* unknown, and silent from now on */
	assert_true(guest_read_rte(vm, 1, TEST_PIN) & REMOTE_IRR); /* not known yet: in service */
	assert_int_equal(vm->kicked, 1U << 0);
	irqgate_kvm_kicked(vm->gate, vm->vcpu_fd[0]);
	assert_false(guest_read_rte(vm, 1, TEST_PIN) & REMOTE_IRR); /* so a guest that waits for this goes on */
	source_close(vm, &source);
	vm_close(vm);
}

static void another_vcpus_lapic_that_holds_the_vector_counts(void **state)
{
	struct test_vm *vm = vm_open(2, 0);
	struct test_source source = { .level = -1 };

	(void)state;
	source_open_unmasked(vm, &source);
	source_trigger(&source);
	assert_true(lapic_gets(vm, 0, TEST_VECTOR));
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 1));
	guest_read_rte(vm, 1, TEST_PIN);
	irqgate_kvm_kicked(vm->gate, vm->vcpu_fd[0]);
	assert_true(guest_read_rte(vm, 1, TEST_PIN) & REMOTE_IRR);
	lapic_take(vm, 0, TEST_VECTOR);
	guest_eoi(vm, 0, TEST_VECTOR);
	assert_int_equal(source_resamples(&source), 0);
	assert_false(guest_read_rte(vm, 1, TEST_PIN) & REMOTE_IRR);
	source_close(vm, &source);
	vm_close(vm);
}

/* Linux gives out vectors by CPU: the same number on another one is another device's. */
static void same_vector_in_a_lapic_that_the_message_does_not_go_to_is_no_answer(void **state)
{
	struct test_vm *vm = vm_open(2, 0);
	struct test_source source = { .level = -1 };
	struct kvm_irq_routing_entry own = vm_msi(irqgate_kvm_first_gsi(vm->gate), TEST_VECTOR);
	int msix;

	(void)state;
	assert_int_equal(irqgate_kvm_set_routes(vm->gate, &own, 1), 0);
	msix = vm_bind_irqfd(vm, own.gsi);
	source_open(vm, &source, TEST_PIN);
	guest_write_dest(vm, TEST_PIN, 1);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	source_resamples(&source);
	assert_int_equal(eventfd_write(msix, 1), 0);
	assert_true(lapic_gets(vm, 0, TEST_VECTOR));
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 1));
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0)); /* by vCPU 0, whose LAPIC has the vector of the other */
	assert_int_equal(source_resamples(&source), 1);
	close(msix);
	source_close(vm, &source);
	vm_close(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(direct_path_reaches_the_lapic_without_userspace),
		cmocka_unit_test(oneshot_event_changes_no_route_and_no_irqfd),
		cmocka_unit_test(unmask_waits_for_the_eoi_while_the_lapic_holds_the_vector),
		cmocka_unit_test(unmask_resamples_at_once_while_no_lapic_holds_the_vector),
		cmocka_unit_test(another_vcpus_lapic_is_asked_by_a_kick),
		cmocka_unit_test(another_vcpus_lapic_that_holds_the_vector_counts),
		cmocka_unit_test(same_vector_in_a_lapic_that_the_message_does_not_go_to_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
