/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Who watches a line is told of acks and masks: by functions, by eventfds, from several threads. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "chip/pic.h"
#include "chip/pit.h"
#include "vm.h"

enum { BASE = 0x20, TIMER_IRQ = 0, NO_FD = -1 };

struct watcher {
	struct irqgate_watch watch;
	struct irqgate_line_state now; /* at registration */
	irqgate_watcher handle;
	_Atomic uint64_t acks;
	_Atomic unsigned int masks, unmasks;
	bool masked_at_ack;
};

static void acked(void *opaque, uint64_t acks)
{
	struct watcher *w = opaque;

	w->acks += acks;
	w->masked_at_ack = w->masks > w->unmasks;
}

static void masked(void *opaque, bool is_masked)
{
	struct watcher *w = opaque;

	if (is_masked)
		w->masks++;
	else
		w->unmasks++;
}

static struct irqgate_watch functions_of(struct watcher *w)
{
	return (struct irqgate_watch){
		.size = sizeof(struct irqgate_watch), .ack_fd = NO_FD, .mask_fd = NO_FD, .unmask_fd = NO_FD,
		.acked = acked, .masked = masked, .opaque = w,
	};
}

static void begin_watch(struct test_vm *vm, struct watcher *w, uint32_t gsi)
{
	*w = (struct watcher){ .handle = 0 };
	w->watch = functions_of(w);
	assert_int_equal(irqgate_kvm_watch(vm->gate, gsi, &w->watch, &w->now, &w->handle), 0);
	assert_int_not_equal(w->handle, 0);
}

static void assert_told(const struct watcher *w, uint64_t acks, unsigned int masks, unsigned int unmasks)
{
	assert_int_equal(w->acks, acks);
	assert_int_equal(w->masks, masks);
	assert_int_equal(w->unmasks, unmasks);
}

/* A wire that asserts, in service: the next EOI is an ack, and so is the one after it. */
static irqgate_source begin_service(struct test_vm *vm)
{
	irqgate_source wire;

	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	assert_int_equal(irqgate_kvm_add_wire(vm->gate, TEST_PIN, "wire", &wire), 0);
	assert_int_equal(irqgate_kvm_set_level(vm->gate, wire, true), 0);
	return wire;
}

/* On both paths. */
static void oneshot_event_is_told_step_by_step(void **state)
{
	for (unsigned int flags = 0; flags <= TEST_USERSPACE; flags++) {
		struct test_vm *vm = vm_open(1, flags);
		struct test_source source = { .level = -1 };
		struct watcher w;

		(void)state;
		source_open(vm, &source, TEST_PIN);
		begin_watch(vm, &w, TEST_PIN);
		assert_true(w.now.masked);
		guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
		assert_told(&w, 0, 0, 1);
		source_trigger(&source);
		assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
		guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 1));
		assert_told(&w, 0, 1, 1);
		guest_eoi(vm, 0, TEST_VECTOR);
		assert_told(&w, 1, 1, 1);
		guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
		assert_told(&w, 1, 1, 2);
		source_close(vm, &source);
		vm_close(vm);
	}
}

static eventfd_t count_of(int fd)
{
	eventfd_t count = 0;

	return eventfd_read(fd, &count) ? 0 : count;
}

/* Whoever listens decides by itself: a descriptor for each. */
static void eventfds_are_signalled(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	struct irqgate_watch watch = {
		.size = sizeof(watch),
		.ack_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.mask_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.unmask_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	struct irqgate_line_state now;
	irqgate_watcher handle;

	(void)state;
	begin_service(vm);
	assert_int_equal(irqgate_kvm_watch(vm->gate, TEST_PIN, &watch, &now, &handle), 0);
	assert_false(now.masked);
	guest_eoi(vm, 0, TEST_VECTOR);
	guest_eoi(vm, 0, TEST_VECTOR);
	assert_int_equal(count_of(watch.ack_fd), 2);
	assert_int_equal(count_of(watch.mask_fd) + count_of(watch.unmask_fd), 0);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 1));
	assert_int_equal(count_of(watch.mask_fd), 1);
	assert_int_equal(count_of(watch.unmask_fd), 0);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	assert_int_equal(count_of(watch.mask_fd), 0);
	assert_int_equal(count_of(watch.unmask_fd), 1);
	assert_int_equal(count_of(watch.ack_fd), 0);
	assert_int_equal(irqgate_kvm_unwatch(vm->gate, handle), 0);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 1));
	assert_int_equal(count_of(watch.mask_fd), 0);
	close(watch.ack_fd);
	close(watch.mask_fd);
	close(watch.unmask_fd);
	vm_close(vm);
}

/* A change to edge acks and may mask at once: whoever hears of the ack knows of the mask. */
static void mask_is_told_before_the_ack(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	struct watcher w;

	(void)state;
	begin_service(vm);
	begin_watch(vm, &w, TEST_PIN);
	guest_write_rte(vm, TEST_PIN, 0x10000 | TEST_VECTOR);
	assert_told(&w, 1, 1, 0);
	assert_true(w.masked_at_ack);
	vm_close(vm);
}

static void several_watch_one_line_and_end_apart(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	struct watcher one, two, other;
	irqgate_watcher ended;

	(void)state;
	begin_service(vm);
	begin_watch(vm, &one, TEST_PIN);
	begin_watch(vm, &two, TEST_PIN);
	begin_watch(vm, &other, TEST_PIN + 1);
	guest_eoi(vm, 0, TEST_VECTOR);
	assert_told(&one, 1, 0, 0);
	assert_told(&two, 1, 0, 0);
	assert_int_equal(irqgate_kvm_unwatch(vm->gate, one.handle), 0);
	guest_eoi(vm, 0, TEST_VECTOR);
	assert_told(&one, 1, 0, 0);
	assert_told(&two, 2, 0, 0);
	assert_told(&other, 0, 0, 0);
	ended = one.handle;
	begin_watch(vm, &one, TEST_PIN);
	assert_int_equal(one.now.acks, 2);
	assert_int_equal(irqgate_kvm_unwatch(vm->gate, ended), -ENOENT);
	guest_eoi(vm, 0, TEST_VECTOR);
	assert_told(&one, 1, 0, 0); /* since it began to watch */
	vm_close(vm);
}

static void bad_arguments_are_refused(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	struct watcher w = { .now.version = 7, .handle = 7 };
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	w.watch = functions_of(&w);
	assert_int_equal(irqgate_kvm_watch(vm->gate, 24, &w.watch, &w.now, &w.handle), -EINVAL);
	w.watch.mask_fd = fds[1];
	assert_int_equal(irqgate_kvm_watch(vm->gate, TEST_PIN, &w.watch, &w.now, &w.handle), -EINVAL);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(irqgate_kvm_watch(vm->gate, TEST_PIN, &w.watch, &w.now, &w.handle), -EBADF);
	w.watch = functions_of(&w);
	w.watch.size--;
	assert_int_equal(irqgate_kvm_watch(vm->gate, TEST_PIN, &w.watch, &w.now, &w.handle), -EINVAL);
	assert_int_equal(w.handle, 7);
	assert_int_equal(w.now.version, 7);
	assert_int_equal(irqgate_kvm_unwatch(vm->gate, 0), -ENOENT);
	assert_int_equal(irqgate_kvm_unwatch(vm->gate, UINT32_MAX), -ENOENT);
	vm_close(vm);
}

static void there_is_room_for_so_many(void **state)
{
	static struct watcher w[IRQGATE_KVM_WATCHES_MAX];
	struct test_vm *vm = vm_open(1, 0);
	struct watcher more = { .handle = 0 };

	(void)state;
	begin_service(vm);
	for (unsigned int i = 0; i < IRQGATE_KVM_WATCHES_MAX; i++)
		begin_watch(vm, &w[i], TEST_PIN);
	more.watch = functions_of(&more);
	assert_int_equal(irqgate_kvm_watch(vm->gate, TEST_PIN, &more.watch, &more.now, &more.handle),
			 -ENOSPC);
	guest_eoi(vm, 0, TEST_VECTOR);
	for (unsigned int i = 0; i < IRQGATE_KVM_WATCHES_MAX; i++)
		assert_told(&w[i], 1, 0, 0);
	assert_int_equal(irqgate_kvm_unwatch(vm->gate, w[IRQGATE_KVM_WATCHES_MAX - 1].handle), 0);
	begin_watch(vm, &more, TEST_PIN);
	vm_close(vm);
}

struct slow {
	struct watcher w;
	struct test_vm *vm;
	_Atomic bool begun, ended;
};

static void ack_slowly(void *opaque, uint64_t acks)
{
	struct slow *slow = opaque;

	slow->w.acks += acks;
	slow->begun = true;
	usleep(50000);
	slow->ended = true;
}

struct sender {
	pthread_t thread;
	struct test_vm *vm;
	int vcpu;
};

static void *send_eoi(void *opaque)
{
	struct sender *sender = opaque;

	guest_eoi(sender->vm, sender->vcpu, TEST_VECTOR);
	return NULL;
}

static void start_sender(struct sender *sender, struct test_vm *vm, int vcpu)
{
	*sender = (struct sender){ .vm = vm, .vcpu = vcpu };
	assert_int_equal(pthread_create(&sender->thread, NULL, send_eoi, sender), 0);
}

/* While somebody is being told of the first, two more come: whoever is told of them is told of both. */
static void acks_that_come_meanwhile_all_count(void **state)
{
	struct slow slow = { .vm = vm_open(TEST_VCPUS, 0) };
	struct irqgate_watch watch = functions_of(&slow.w);
	struct sender sender[TEST_VCPUS];

	(void)state;
	begin_service(slow.vm);
	watch.acked = ack_slowly;
	watch.opaque = &slow;
	watch.ack_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_int_equal(irqgate_kvm_watch(slow.vm->gate, TEST_PIN, &watch, &slow.w.now, &slow.w.handle), 0);
	for (unsigned int i = 0; i < TEST_VCPUS; i++) {
		start_sender(&sender[i], slow.vm, (int)i);
		while (!slow.begun)
			usleep(100);
	}
	for (unsigned int i = 0; i < TEST_VCPUS; i++)
		pthread_join(sender[i].thread, NULL);
	assert_int_equal(slow.w.acks, TEST_VCPUS);
	assert_int_equal(count_of(watch.ack_fd), TEST_VCPUS);
	close(watch.ack_fd);
	vm_close(slow.vm);
}

static void end_of_a_watch_waits_for_who_is_being_told(void **state)
{
	struct slow slow = { .vm = vm_open(1, 0) };
	struct sender sender;

	(void)state;
	begin_service(slow.vm);
	slow.w.watch = functions_of(&slow.w);
	slow.w.watch.acked = ack_slowly;
	slow.w.watch.opaque = &slow;
	assert_int_equal(irqgate_kvm_watch(slow.vm->gate, TEST_PIN, &slow.w.watch, &slow.w.now, &slow.w.handle),
			 0);
	start_sender(&sender, slow.vm, 0);
	while (!slow.begun)
		usleep(100);
	assert_int_equal(irqgate_kvm_unwatch(slow.vm->gate, slow.w.handle), 0);
	assert_true(slow.ended);
	pthread_join(sender.thread, NULL);
	vm_close(slow.vm);
}

enum { ROUNDS = 2000 };

static void *come_and_go(void *opaque)
{
	struct slow *slow = opaque;

	while (!slow->ended) {
		struct watcher w;

		begin_watch(slow->vm, &w, TEST_PIN);
		assert_int_equal(irqgate_kvm_unwatch(slow->vm->gate, w.handle), 0);
	}
	return NULL;
}

/* The guest acks and masks while others come and go: who stays misses no ack, and knows the mask at last. */
static void nothing_is_missed_while_others_come_and_go(void **state)
{
	struct slow slow = { .vm = vm_open(1, 0) };
	pthread_t thread;

	(void)state;
	begin_service(slow.vm);
	begin_watch(slow.vm, &slow.w, TEST_PIN);
	assert_int_equal(pthread_create(&thread, NULL, come_and_go, &slow), 0);
	for (int i = 0; i < ROUNDS; i++) {
		guest_eoi(slow.vm, 0, TEST_VECTOR);
		guest_write_rte(slow.vm, TEST_PIN, rte(TEST_VECTOR, 1));
		assert_int_equal(slow.w.masks, slow.w.unmasks + 1);
		guest_write_rte(slow.vm, TEST_PIN, rte(TEST_VECTOR, 0));
		assert_int_equal(slow.w.masks, slow.w.unmasks);
	}
	slow.ended = true;
	pthread_join(thread, NULL);
	assert_told(&slow.w, ROUNDS, ROUNDS, ROUNDS);
	vm_close(slow.vm);
}

/* A timer whose ticks are pulses of IRQ 0 at the 8259: the next one comes after the ack. */
struct timer {
	struct test_vm *vm;
	struct ig_pit pit;
	uint64_t now;
	irqgate_source edge;
	irqgate_watcher handle;
	uint64_t acks;
};

static void pulse(struct timer *timer, bool due)
{
	if (due)
		assert_int_equal(irqgate_kvm_pulse(timer->vm->gate, timer->edge), 0);
}

static void timer_acked(void *opaque, uint64_t acks)
{
	struct timer *timer = opaque;

	timer->acks += acks;
	pulse(timer, ig_pit_acked(&timer->pit, timer->now));
}

static void init_master(struct test_vm *vm, unsigned int icw4)
{
	guest_out(vm, IG_PIC_MASTER_COMMAND, IG_ICW1 | IG_ICW1_IC4);
	guest_out(vm, IG_PIC_MASTER_DATA, BASE);
	guest_out(vm, IG_PIC_MASTER_DATA, 0);
	guest_out(vm, IG_PIC_MASTER_DATA, (uint8_t)icw4);
}

/* A period of a millisecond, and more. */
static void timer_open(struct timer *timer, unsigned int icw4)
{
	struct irqgate_watch watch = {
		.size = sizeof(watch), .ack_fd = NO_FD, .mask_fd = NO_FD, .unmask_fd = NO_FD,
		.acked = timer_acked, .opaque = timer,
	};
	struct irqgate_line_state state;

	*timer = (struct timer){ .vm = vm_open(1, TEST_PIC) };
	init_master(timer->vm, icw4);
	assert_int_equal(irqgate_kvm_add_edge(timer->vm->gate, TIMER_IRQ, "timer", &timer->edge), 0);
	assert_int_equal(irqgate_kvm_watch(timer->vm->gate, TIMER_IRQ, &watch, &state, &timer->handle), 0);
	ig_pit_init(&timer->pit, IG_PIT_REINJECT, timer->now);
	ig_pit_write(&timer->pit, IG_PIT_PORT_CONTROL, 0x34, timer->now); /* counter 0, both bytes, mode 2 */
	ig_pit_write(&timer->pit, IG_PIT_PORT_COUNTER, 0, timer->now);
	ig_pit_write(&timer->pit, IG_PIT_PORT_COUNTER, 5, timer->now);
}

static int polls(struct test_vm *vm)
{
	guest_out(vm, IG_PIC_MASTER_COMMAND, IG_OCW3 | IG_OCW3_POLL);
	return guest_in(vm, IG_PIC_MASTER_COMMAND) & IG_POLL_INTERRUPT;
}

/* A guest that slept for a while gets each tick, one after another. */
static void timer_that_waits_for_acks_loses_no_tick(void **state)
{
	struct timer timer;
	uint64_t taken = 0;

	(void)state;
	timer_open(&timer, 0);
	timer.now = 100000000;
	pulse(&timer, ig_pit_tick(&timer.pit, timer.now));
	while (polls(timer.vm)) {
		taken++;
		guest_out(timer.vm, IG_PIC_MASTER_COMMAND, IG_OCW2_EOI);
	}
	assert_true(taken > 50);
	assert_int_equal(taken, timer.pit.stats.due);
	assert_int_equal(timer.acks, taken);
	vm_close(timer.vm);
}

/*
 * The INTA is the ack; the next tick rises while the vCPU is about to enter, and it must not sleep over it.
 */
static void tick_that_rises_in_the_entry_is_not_slept_over(void **state)
{
	struct timer timer;

	(void)state;
	timer_open(&timer, IG_ICW4_AEOI);
	timer.now = 100000000;
	pulse(&timer, ig_pit_tick(&timer.pit, timer.now));
	timer.vm->run[0]->ready_for_interrupt_injection = 1;
	assert_int_equal(irqgate_kvm_entry(timer.vm->gate, timer.vm->vcpu_fd[0], timer.vm->run[0]), 0);
	assert_int_equal(timer.acks, 1);
	assert_int_equal(timer.vm->run[0]->request_interrupt_window, 1);
	vm_close(timer.vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(oneshot_event_is_told_step_by_step),
		cmocka_unit_test(eventfds_are_signalled),
		cmocka_unit_test(mask_is_told_before_the_ack),
		cmocka_unit_test(several_watch_one_line_and_end_apart),
		cmocka_unit_test(bad_arguments_are_refused),
		cmocka_unit_test(there_is_room_for_so_many),
		cmocka_unit_test(acks_that_come_meanwhile_all_count),
		cmocka_unit_test(end_of_a_watch_waits_for_who_is_being_told),
		cmocka_unit_test(nothing_is_missed_while_others_come_and_go),
		cmocka_unit_test(timer_that_waits_for_acks_loses_no_tick),
		cmocka_unit_test(tick_that_rises_in_the_entry_is_not_slept_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
