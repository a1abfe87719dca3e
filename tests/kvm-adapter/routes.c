/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* KVM's table of routes: the library's part of it, and the VMM's. */
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "vm.h"

/* KVM_SET_GSI_ROUTING replaces the whole table. */
static void routes_of_the_vmm_survive_those_of_the_library(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	struct kvm_irq_routing_entry own = vm_msi(irqgate_kvm_first_gsi(vm->gate), 0x77);
	struct test_source source = { .level = -1 };
	int msix;

	(void)state;
	assert_int_equal(irqgate_kvm_set_routes(vm->gate, &own, 1), 0);
	msix = vm_bind_irqfd(vm, own.gsi);
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
	struct kvm_irq_routing_entry own = vm_msi(irqgate_kvm_first_gsi(vm->gate) - 1, 0x77);

	(void)state;
	assert_int_equal(irqgate_kvm_set_routes(vm->gate, &own, 1), -EINVAL);
	vm_close(vm);
}

/* A VM whose pin is in service for a trigger that was taken on the userspace path. */
static struct test_vm *open_in_service(unsigned int vcpus, struct test_source *source)
{
	struct test_vm *vm = vm_open(vcpus, TEST_ROUTES_CALLBACK | TEST_USERSPACE);

	source_open(vm, source, TEST_PIN);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	source_trigger(source);
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	source_resamples(source);
	return vm;
}

/* The EOI exit comes from the route: the message in service keeps its own while the entry moves on. */
static void vector_rewritten_in_service_keeps_its_route(void **state)
{
	struct test_source source = { .level = -1 };
	struct test_vm *vm = open_in_service(1, &source);

	(void)state;
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

enum { OTHER_PIN = TEST_PIN + 1, OTHER_VECTOR = 0x66, PATIENCE_SEC = 10 };

static void *send_eoi(void *opaque)
{
	guest_eoi(opaque, 1, TEST_VECTOR);
	return NULL;
}

static bool was_served;

/* By another thread, which has PATIENCE_SEC for it. */
static void serve_meanwhile(struct test_vm *vm)
{
	struct timespec until;
	pthread_t thread;

	vm->during_routes = NULL;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_SEC;
	assert_int_equal(pthread_create(&thread, NULL, send_eoi, vm), 0);
	was_served = !pthread_timedjoin_np(thread, NULL, &until);
	if (!was_served)
		pthread_detach(thread);
}

/* KVM may take milliseconds for its table, and a guest that is hostile changes it again and again. */
static void line_does_not_wait_for_the_routes_of_another(void **state)
{
	struct test_source source = { .level = -1 };
	struct test_vm *vm = open_in_service(2, &source);

	(void)state;
	vm->during_routes = serve_meanwhile;
	guest_write_rte(vm, OTHER_PIN, rte(OTHER_VECTOR, 0));
	assert_true(was_served);
	assert_int_equal(source_resamples(&source), 1);
	source_close(vm, &source);
	vm_close(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_of_the_vmm_survive_those_of_the_library),
		cmocka_unit_test(routes_callback_gets_the_entries_instead),
		cmocka_unit_test(route_of_the_vmm_among_the_librarys_is_refused),
		cmocka_unit_test(vector_rewritten_in_service_keeps_its_route),
		cmocka_unit_test(line_does_not_wait_for_the_routes_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
