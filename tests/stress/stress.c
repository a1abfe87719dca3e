/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * stress --played|--kvm EVENTS [SECONDS [PATIENCE]]: the KVM adapter under threads. Lines in five groups, each
 * line with a device and a vCPU: on the direct path; on the userspace path; on either with other vCPUs that mask
 * and unmask the pin too; on either with other threads that switch the device off and on. On the userspace path
 * each event comes exactly once, whatever they do. On the direct path too where nobody does anything; else none
 * is lost, and there is at most one interrupt too many for each time. A device that is off is not listened to.
 * And one line whose devices come and go while a wire moves: none is lost. A thread for each group's vCPUs,
 * each group's devices, two that switch them, the wire, and the VMM's loop. Threads wait at the library's locks
 * and ioctls by chance. It ends after so many events, or when the time is over and none is under way; an event
 * that has not been handled after PATIENCE seconds (120) is lost.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"

enum { PATIENCE_SEC = 120, PINS = 40, SWITCHES = 2 };

struct stress s = { .index_lock = PTHREAD_MUTEX_INITIALIZER };

uint64_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec;
}

uint32_t group_of(uint32_t line)
{
	return line / EACH;
}

uint32_t end_of(uint32_t group)
{
	return group == CHANGING ? LINES : (group + 1) * EACH;
}

bool is_direct(uint32_t line)
{
	switch (group_of(line)) {
	case MEDDLED:
	case SWITCHED: return line % 2;
	case USERSPACE: return false;
	default: return true;
	}
}

bool is_exact(uint32_t line)
{
	return group_of(line) == DIRECT || !is_direct(line);
}

uint32_t pick(uint32_t below)
{
	static _Thread_local unsigned int seed;
	static _Atomic unsigned int threads;

	if (!seed)
		seed = ++threads;
	return (uint32_t)rand_r(&seed) % below;
}

/* The wire interrupts for as long as it is up. */
static void *live_as_wire(void *opaque)
{
	irqgate_source wire = *(irqgate_source *)opaque;

	while (!s.ended) {
		s.wire = true;
		irqgate_kvm_set_level(s.gate, wire, true);
		usleep(pick(500));
		irqgate_kvm_set_level(s.gate, wire, false);
		s.wire = false;
		usleep(pick(2000));
	}
	return NULL;
}

static void kick(void *opaque, int vcpu_fd)
{
	(void)opaque;
	for (uint32_t i = 0; i < WORLD_VCPUS; i++)
		if (world_vcpu_fd(i) == vcpu_fd)
			s.kicked[i] = true;
}

/* What must be exact: all lines but the one that changes. */
static bool is_done(void)
{
	bool done = true;

	for (uint32_t line = 0; line < CHANGING_LINE; line++) {
		struct device *device = &s.device[line];

		pthread_mutex_lock(&device->lock);
		done &= device->handled == device->events && (s.closing || device->events >= s.goal);
		pthread_mutex_unlock(&device->lock);
	}
	return done;
}

static int open_all(bool real, irqgate_source *wire)
{
	struct irqgate_kvm_config config = {
		.size = sizeof(config), .callbacks.kick = kick, .chips = 1,
		.chip[0] = { .chip.pins = PINS, .base = IRQGATE_KVM_IOAPIC_BASE },
	};
	int error = world_open(real);

	config.vm_fd = world_vm_fd();
	if (!error)
		error = irqgate_kvm_open(&config, &s.gate);
	for (uint32_t i = 0; i < WORLD_VCPUS && !error; i++) {
		int fd = world_vcpu_fd(i);
		struct kvm_run *run = fd < 0 ? NULL : world_run(i);

		error = run ? irqgate_kvm_add_vcpu(s.gate, fd, run) : -1;
	}
	for (uint32_t line = 0; line < LINES && !error; line++) {
		s.device[line].masked = true;
		s.device[line].progress = seconds();
		s.device[line].trigger_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		s.device[line].resample_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		pthread_mutex_init(&s.device[line].lock, NULL);
		pthread_mutex_init(&s.pin[line].lock, NULL);
		s.pin[line].masked_by = MASKED_BY_HANDLER; /* as after a reset */
		add_device(line);
	}
	for (uint32_t line = SWITCHED * EACH; line < end_of(SWITCHED) && !error; line++)
		if (!is_direct(line)) /* a wire that never moves keeps the line off the direct path */
			error = irqgate_kvm_add_wire(s.gate, FIRST_GSI + line, "wire", wire);
	return error ? error : irqgate_kvm_add_wire(s.gate, FIRST_GSI + CHANGING_LINE, "wire", wire);
}

static void loop(void)
{
	struct pollfd readable = { .fd = irqgate_kvm_poll_fd(s.gate), .events = POLLIN };
	uint64_t began = seconds();

	while (!s.wrong && !is_done()) {
		if (poll(&readable, 1, 10) > 0)
			irqgate_kvm_dispatch(s.gate);
		if (s.limit && seconds() >= began + s.limit)
			s.closing = true;
	}
}

static void run(irqgate_source *wire)
{
	pthread_t thread[2 * GROUPS + SWITCHES + 1];
	uint32_t threads = 0;

	for (uintptr_t group = 0; group < GROUPS; group++) {
		pthread_create(&thread[threads++], NULL, live_as_vcpus, (void *)group);
		pthread_create(&thread[threads++], NULL, live_as_devices, (void *)group);
	}
	for (uintptr_t i = 0; i < SWITCHES; i++)
		pthread_create(&thread[threads++], NULL, live_as_switch, (void *)i);
	pthread_create(&thread[threads++], NULL, live_as_wire, wire);
	loop();
	s.ended = true;
	while (threads)
		pthread_join(thread[--threads], NULL);
}

/* Each event was handled; and on the exact lines by one interrupt. Returns how many there were on those. */
static uint64_t judge(void)
{
	uint64_t exact = 0;

	for (uint32_t line = 0; line < CHANGING_LINE; line++) {
		const struct device *device = &s.device[line];

		exact += is_exact(line) ? device->handled : 0;
		if (!s.wrong && device->handled != device->events)
			s.wrong = "not as many handled as there were";
		else if (!s.wrong && device->extra > (is_exact(line) ? 0 : device->meddled))
			s.wrong = "interrupts that nobody asserted";
	}
	return exact;
}

static void print_groups(void)
{
	static const char *const names[GROUPS] = { "direct", "userspace", "masked by others", "switched by others", "changing" };

	for (uint32_t group = 0; group < GROUPS; group++) {
		unsigned long long events = 0, extra = 0, meddled = 0;

		for (uint32_t line = group * EACH; line < end_of(group); line++) {
			events += s.device[line].events;
			extra += s.device[line].extra;
			meddled += s.device[line].meddled;
		}
		fprintf(stderr, "%s: %llu events, %llu interrupts too many, %llu times by others\n", names[group], events, extra,
			meddled);
	}
}

static void close_all(void)
{
	irqgate_kvm_close(s.gate);
	for (uint32_t line = 0; line < LINES; line++) {
		close(s.device[line].trigger_fd);
		close(s.device[line].resample_fd);
	}
	world_close();
}

static bool read_arguments(int argc, char **argv)
{
	uint64_t exact = 0;

	for (uint32_t line = 0; line < CHANGING_LINE; line++)
		exact += is_exact(line);
	if (argc < 3 || argc > 5 || (strcmp(argv[1], "--played") && strcmp(argv[1], "--kvm")))
		return false;
	s.goal = (strtoull(argv[2], NULL, 0) + exact - 1) / exact;
	s.limit = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;
	s.patience = argc > 4 ? strtoull(argv[4], NULL, 0) : PATIENCE_SEC;
	return s.goal;
}

int main(int argc, char **argv)
{
	uint64_t began = seconds(), events;
	irqgate_source wire;

	if (!read_arguments(argc, argv)) {
		fputs("usage: stress --played|--kvm EVENTS [SECONDS [PATIENCE]]\n", stderr);
		return 2;
	}
	if (open_all(!strcmp(argv[1], "--kvm"), &wire)) {
		puts("not ok stress: there is no KVM that can be used");
		return 1;
	}
	run(&wire);
	events = judge();
	close_all();
	print_groups();
	fprintf(stderr, "%llu interrupts in %llu s; %llu times a source was changed%s%s\n", (unsigned long long)s.interrupts,
		(unsigned long long)(seconds() - began), (unsigned long long)s.changes, s.wrong ? ": " : "",
		s.wrong ? s.wrong : "");
	printf("%s stress/%s: %llu events exactly once\n", s.wrong ? "not ok" : "ok", argv[1] + 2,
	       (unsigned long long)events);
	return s.wrong != NULL;
}
