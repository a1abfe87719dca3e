/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The gate against time: what happens at once on several CPUs. The device of the last test has a thread of
 * its own, as vfio has; it and the vCPUs share only what is atomic.
 */
#include "tests.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { LATE = 500, EVENTS = 500 };

/* What is triggered before the unmask and injected after it; the device has gone quiet. */
static void late_injection_is_not_delivered(void **state)
{
	uint64_t resamples = 0;
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	for (int i = 0; i < LATE; i++) {
		guest_write_rte(f.cpu, GSI, VECTOR | LEVEL | MASKED);
		rush(true);
		source_trigger(&f.source);
		guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
		rush(false);
		resamples += source_resamples(&f.source);
	}
	assert_int_equal(resamples, LATE);
	assert_int_equal(after_a_while(f.cpu, VECTOR), 0);
	fixture_close(&f);
}

static void sources_come_and_go_while_held(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, GSI);
	for (int i = 0; i < LATE / 10; i++) {
		source_trigger(&f.source);
		source_deassign(&f.source);
		source_assign(&f.source);
	}
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	source_trigger(&f.source);
	assert_true(comes(f.cpu, VECTOR, 1));
	fixture_close(&f);
}

static void vm_that_ends_while_held_leaves_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < LATE / 10; i++) {
		struct fixture f;

		fixture_open(&f, GSI);
		source_trigger(&f.source);
		fixture_close(&f);
	}
}

struct device {
	struct fixture f;
	pthread_barrier_t barrier;
	pthread_mutex_t lock; /* of asserted and masked */
	bool asserted, masked;
	atomic_bool stop;
};

static void look(struct device *device)
{
	device->masked = device->asserted;
	if (device->asserted)
		source_trigger(&device->f.source);
}

/* As vfio: a trigger masks; a resample unmasks, and what asserts then triggers again. */
static void resampled(struct device *device)
{
	pthread_mutex_lock(&device->lock);
	if (device->masked)
		look(device);
	pthread_mutex_unlock(&device->lock);
}

static void set_asserted(struct device *device, bool asserted)
{
	pthread_mutex_lock(&device->lock);
	device->asserted = asserted;
	if (!device->masked)
		look(device);
	pthread_mutex_unlock(&device->lock);
}

static void *be_the_device(void *context)
{
	struct device *device = context;

	while (!device->stop) {
		struct pollfd fd = { .fd = device->f.source.resample, .events = POLLIN };

		if (poll(&fd, 1, 10) == 1 && source_resamples(&device->f.source))
			resampled(device);
	}
	return NULL;
}

/* The second CPU: quiets the device and unmasks, while the first one sends its EOI. */
static void *be_the_thread(void *context)
{
	struct device *device = context;

	for (int i = 0; i < EVENTS; i++) {
		pthread_barrier_wait(&device->barrier);
		set_asserted(device, false);
		guest_write_rte(&device->f.vm.vcpu[1], GSI, VECTOR | LEVEL);
		pthread_barrier_wait(&device->barrier);
	}
	return NULL;
}

static void one_event(struct device *device, unsigned int n)
{
	set_asserted(device, true);
	assert_true(comes(device->f.cpu, VECTOR, n));
	guest_write_rte(device->f.cpu, GSI, VECTOR | LEVEL | MASKED);
	pthread_barrier_wait(&device->barrier);
	guest_eoi(device->f.cpu);
	pthread_barrier_wait(&device->barrier);
	assert_int_equal(guest_look(device->f.cpu, VECTOR), n);
}

static void eoi_beside_the_unmask_of_another_cpu_loses_and_adds_nothing(void **state)
{
	struct device device = { .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t self, thread;

	(void)state;
	fixture_open(&device.f, GSI);
	guest_write_rte(device.f.cpu, GSI, VECTOR | LEVEL);
	assert_int_equal(pthread_barrier_init(&device.barrier, NULL, 2), 0);
	assert_int_equal(pthread_create(&self, NULL, be_the_device, &device), 0);
	assert_int_equal(pthread_create(&thread, NULL, be_the_thread, &device), 0);
	for (unsigned int i = 1; i <= EVENTS; i++)
		one_event(&device, i);
	pthread_join(thread, NULL);
	device.stop = true;
	pthread_join(self, NULL);
	assert_int_equal(after_a_while(device.f.cpu, VECTOR), EVENTS);
	pthread_barrier_destroy(&device.barrier);
	fixture_close(&device.f);
}

int test_race(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(late_injection_is_not_delivered),
		cmocka_unit_test(sources_come_and_go_while_held),
		cmocka_unit_test(vm_that_ends_while_held_leaves_nothing),
		cmocka_unit_test(eoi_beside_the_unmask_of_another_cpu_loses_and_adds_nothing),
	};

	return cmocka_run_group_tests_name("race", tests, NULL, NULL);
}
