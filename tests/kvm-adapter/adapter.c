/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The KVM adapter on /dev/kvm, exit by exit. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vm.h"

#define REMOTE_IRR 0x4000U

/* A source on a pin that the guest has unmasked; what that made of resamples and silencing is not counted. */
static void open_unmasked(struct test_vm *vm, struct test_source *source)
{
	source_open(vm, source, TEST_PIN);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	source_resamples(source);
	source->silences = 0;
}

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
	open_unmasked(vm, &source);
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
	open_unmasked(vm, &source);
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
	open_unmasked(vm, &source);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 1));
	assert_int_equal(source.silences, 1);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	assert_int_equal(source_resamples(&source), 1);
	source_close(vm, &source);
	vm_close(vm);
}

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
	open_unmasked(vm, &source);
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

static struct kvm_irq_routing_entry msi_entry(uint32_t gsi, uint8_t vector)
{
	return (struct kvm_irq_routing_entry){
		.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI, .u.msi = { .address_lo = 0xfee00000, .data = vector },
	};
}

static int bind_irqfd(struct test_vm *vm, uint32_t gsi)
{
	struct kvm_irqfd irqfd = { .fd = (uint32_t)eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .gsi = gsi };

	assert_int_equal(ioctl(vm->vm_fd, KVM_IRQFD, &irqfd), 0);
	return (int)irqfd.fd;
}

/* KVM_SET_GSI_ROUTING replaces the whole table. */
static void routes_of_the_vmm_survive_those_of_the_library(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	struct kvm_irq_routing_entry own = msi_entry(irqgate_kvm_first_gsi(vm->gate), 0x77);
	struct test_source source = { .level = -1 };
	int msix;

	(void)state;
	assert_int_equal(irqgate_kvm_set_routes(vm->gate, &own, 1), 0);
	msix = bind_irqfd(vm, own.gsi);
	source_open(vm, &source, TEST_PIN);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	assert_int_equal(eventfd_write(msix, 1), 0);
	assert_true(lapic_gets(vm, 0, 0x77));
	own.u.msi.data = 0x78; /* and the other way round: the VMM changes its own */
	assert_int_equal(irqgate_kvm_set_routes(vm->gate, &own, 1), 0);
	assert_int_equal(eventfd_write(msix, 1), 0);
	assert_true(lapic_gets(vm, 0, 0x78));
	source_trigger(&source);
	assert_true(lapic_gets(vm, 0, TEST_VECTOR));
	close(msix);
	source_close(vm, &source);
	vm_close(vm);
}

static void routes_callback_gets_the_entries_instead(void **state)
{
	struct test_vm *vm = vm_open(1, TEST_ROUTES_CALLBACK);

	(void)state;
	assert_int_equal(irqgate_kvm_set_routes(vm->gate, NULL, 0), -EINVAL); /* there is no table to keep them in */
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	assert_int_equal(vm->route_calls, 1);
	assert_int_equal(vm->routes_set, 1);
	assert_int_equal(vm->routes[0].gsi, TEST_PIN);
	assert_int_equal(vm->routes[0].message.data & 0xff, TEST_VECTOR);
	vm_close(vm);
}

static void route_of_the_vmm_among_the_librarys_is_refused(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	struct kvm_irq_routing_entry own = msi_entry(irqgate_kvm_first_gsi(vm->gate) - 1, 0x77);

	(void)state;
	assert_int_equal(irqgate_kvm_set_routes(vm->gate, &own, 1), -EINVAL);
	vm_close(vm);
}

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
	open_unmasked(vm, &source);
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
	open_unmasked(vm, &source);
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
	struct kvm_irq_routing_entry own = msi_entry(irqgate_kvm_first_gsi(vm->gate), TEST_VECTOR);
	int msix;

	(void)state;
	assert_int_equal(irqgate_kvm_set_routes(vm->gate, &own, 1), 0);
	msix = bind_irqfd(vm, own.gsi);
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

/* The EOI exit comes from the route: the message in service keeps its own while the entry moves on. */
static void vector_rewritten_in_service_keeps_its_route(void **state)
{
	struct test_vm *vm = vm_open(1, TEST_ROUTES_CALLBACK | TEST_USERSPACE);
	struct test_source source = { .level = -1 };

	(void)state;
	source_open(vm, &source, TEST_PIN);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	source_trigger(&source);
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	source_resamples(&source);
	guest_write_rte(vm, TEST_PIN, rte(0x66, 0));
	assert_int_equal(vm->routes_set, 2);
	assert_int_equal(vm->routes[0].message.data & 0xff, 0x66);
	assert_int_equal(vm->routes[1].gsi, 24 + TEST_PIN);
	assert_int_equal(vm->routes[1].message.data & 0xff, TEST_VECTOR);
	guest_eoi(vm, 0, TEST_VECTOR);
	assert_int_equal(source_resamples(&source), 1);
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
	open_unmasked(vm, &source);
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
	open_unmasked(vm, &source);
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
		cmocka_unit_test(direct_path_reaches_the_lapic_without_userspace),
		cmocka_unit_test(oneshot_event_changes_no_route_and_no_irqfd),
		cmocka_unit_test(unmask_waits_for_the_eoi_while_the_lapic_holds_the_vector),
		cmocka_unit_test(unmask_resamples_at_once_while_no_lapic_holds_the_vector),
		cmocka_unit_test(trigger_unread_at_the_unmask_is_not_delivered),
		cmocka_unit_test(userspace_path_needs_the_dispatch),
		cmocka_unit_test(second_source_moves_the_line_to_the_userspace_path),
		cmocka_unit_test(routes_of_the_vmm_survive_those_of_the_library),
		cmocka_unit_test(routes_callback_gets_the_entries_instead),
		cmocka_unit_test(route_of_the_vmm_among_the_librarys_is_refused),
		cmocka_unit_test(second_source_on_a_taken_eventfd_is_refused),
		cmocka_unit_test(bad_arguments_are_refused),
		cmocka_unit_test(second_gate_of_one_vm_is_refused),
		cmocka_unit_test(directed_eoi_is_refused_where_kvm_lacks_it),
		cmocka_unit_test(removed_source_is_left_alone),
		cmocka_unit_test(message_that_no_lapic_takes_is_sent_again),
		cmocka_unit_test(another_vcpus_lapic_is_asked_by_a_kick),
		cmocka_unit_test(another_vcpus_lapic_that_holds_the_vector_counts),
		cmocka_unit_test(same_vector_in_a_lapic_that_the_message_does_not_go_to_is_no_answer),
		cmocka_unit_test(vector_rewritten_in_service_keeps_its_route),
		cmocka_unit_test(probe_tells_the_real_line),
		cmocka_unit_test(interrupt_disable_bit_silences_and_enables_again),
		cmocka_unit_test(reset_masks_and_silences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
