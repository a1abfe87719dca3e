/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * stress --played|--kvm EVENTS [SECONDS]: the KVM adapter under threads. Lines in four groups, each line with
 * a device and a vCPU. On the direct path, and on the userspace path: there each event comes exactly once. On
 * either path with other vCPUs that mask and unmask the pin too: none is lost, and there is at most one
 * interrupt too many for each of their unmasks. And one line whose devices come and go while a wire moves:
 * none is lost. A thread for each group's vCPUs, each group's devices, the wire, and the VMM's loop. Threads
 * wait at the library's locks and ioctls by chance. It ends after so many events, or when the time is over
 * and none is under way.
 */
#include <pthread.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "world.h"

enum { DIRECT, USERSPACE, MEDDLED, CHANGING, GROUPS };
enum { EACH = 6, CHANGING_LINE = CHANGING * EACH, LINES, EXACT_LINES = MEDDLED * EACH, FIRST_GSI = 4 };
enum { FIRST_VECTOR = 0x41, PATIENCE_SEC = 120, CHANGE_EVERY = 20 };
enum { READ_ONCE_IN = 64, MEDDLE_ONCE_IN = 4, PATIENT_FOR = 8, IDLE_USEC = 30 };
enum { IOWIN = 0x10, FIRST_ENTRY = 0x10 };

#define LEVEL  0x8000U
#define MASKED 0x10000U

#define MASKED_BY_HANDLER (1U << GROUPS)

/* A device and its host, which masks it at the trigger. */
struct device {
	pthread_mutex_t lock;
	int trigger_fd, resample_fd;
	bool asserts, masked;
	irqgate_source source;
	uint64_t events, handled, extra, progress; /* under lock; the last: when something was handled */
	_Atomic uint64_t meddled;
};

/* A guest's pin: masked for as long as any of its threads wishes so. */
struct pin {
	pthread_mutex_t lock;
	uint32_t masked_by; /* bits: MASKED_BY_HANDLER, and one a group that meddles */
};

static struct {
	struct irqgate_kvm *gate;
	pthread_mutex_t index_lock; /* a guest's: one index register for all */
	struct device device[LINES];
	struct pin pin[LINES];
	_Atomic bool wire; /* is up, or was a moment ago */
	_Atomic bool kicked[WORLD_VCPUS], closing, ended;
	_Atomic uint64_t interrupts, changes;
	uint64_t goal, limit; /* events of a line; seconds, 0: none */
	const char *_Atomic wrong;
} s = { .index_lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec;
}

static uint32_t group_of(uint32_t line)
{
	return line / EACH;
}

/* The lines of a group are those from the first to before the end. */
static uint32_t end_of(uint32_t group)
{
	return group == CHANGING ? LINES : (group + 1) * EACH;
}

static uint32_t pick(uint32_t below)
{
	static _Thread_local unsigned int seed;
	static _Atomic unsigned int threads;

	if (!seed)
		seed = ++threads;
	return (uint32_t)rand_r(&seed) % below;
}

/* The host. Each is called with the device's lock. */

static void host_trigger(struct device *device)
{
	if (!device->asserts || device->masked)
		return;
	device->masked = true;
	world_signal(device->trigger_fd);
}

static int host_silence(void *opaque)
{
	struct device *device = opaque;

	pthread_mutex_lock(&device->lock);
	device->masked = true;
	pthread_mutex_unlock(&device->lock);
	return 0;
}

static void host_resample(struct device *device)
{
	eventfd_t count;

	if (eventfd_read(device->resample_fd, &count))
		return;
	device->masked = false;
	host_trigger(device);
}

/* A source that can not be silenced is on the userspace path. */
static bool is_silenced(uint32_t line)
{
	return group_of(line) == MEDDLED ? line % 2 : group_of(line) != USERSPACE;
}

static void add_device(uint32_t line)
{
	struct device *device = &s.device[line];
	struct irqgate_forwarded forwarded = {
		.size = sizeof(forwarded), .name = "device", .trigger_fd = device->trigger_fd,
		.resample_fd = device->resample_fd, .silence = is_silenced(line) ? host_silence : NULL, .opaque = device,
	};

	if (irqgate_kvm_add_forwarded(s.gate, FIRST_GSI + line, &forwarded, &device->source))
		s.wrong = "a source could not be added";
}

/* What it asserted goes with it. */
static void change_device(uint32_t line)
{
	struct device *device = &s.device[line];

	if (irqgate_kvm_remove(s.gate, device->source))
		s.wrong = "a source could not be removed";
	pthread_mutex_lock(&device->lock);
	device->handled += device->asserts;
	device->asserts = false;
	pthread_mutex_unlock(&device->lock);
	s.changes++;
	add_device(line);
}

static void complain(uint32_t line)
{
	static const char *const lost[GROUPS] = {
		"an event was lost on the direct path", "an event was lost on the userspace path",
		"an event was lost of a line that others mask", "an event was lost on the line that changes",
	};

	s.wrong = lost[group_of(line)];
}

static void be_device(uint32_t line)
{
	struct device *device = &s.device[line];

	pthread_mutex_lock(&device->lock);
	host_resample(device);
	if (!device->asserts && device->events < s.goal && !s.closing) {
		device->asserts = true;
		device->events++;
		host_trigger(device);
	}
	if (device->asserts && seconds() > device->progress + PATIENCE_SEC)
		complain(line);
	pthread_mutex_unlock(&device->lock);
	if (line == CHANGING_LINE && !pick(CHANGE_EVERY))
		change_device(line);
}

static void *live_as_devices(void *opaque)
{
	uint32_t group = (uint32_t)(uintptr_t)opaque, first = group * EACH, end = end_of(group);
	struct pollfd resampled[EACH];

	for (uint32_t line = first; line < end; line++)
		resampled[line - first] = (struct pollfd){ .fd = s.device[line].resample_fd, .events = POLLIN };
	while (!s.ended) {
		poll(resampled, end - first, pick(64) ? 1 : 0); /* what is new follows a resample */
		for (uint32_t line = first; line < end; line++)
			be_device(line);
		sched_yield();
	}
	return NULL;
}

/* The guest: accesses of one vCPU, handed to the library as its exits. */

static uint32_t exit_mmio(uint32_t vcpu, uint32_t offset, bool write, uint32_t value)
{
	struct kvm_run *run = world_run(vcpu);

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = IRQGATE_KVM_IOAPIC_BASE + offset;
	run->mmio.len = sizeof(value);
	run->mmio.is_write = write;
	memcpy(run->mmio.data, &value, sizeof(value));
	if (irqgate_kvm_exit(s.gate, world_vcpu_fd(vcpu), run) != 1)
		s.wrong = "an access to the IOAPIC was not the library's";
	memcpy(&value, run->mmio.data, sizeof(value));
	return value;
}

static void write_entry(uint32_t vcpu, uint32_t line, uint32_t half, uint32_t value)
{
	pthread_mutex_lock(&s.index_lock);
	exit_mmio(vcpu, 0, true, FIRST_ENTRY + 2 * (FIRST_GSI + line) + half);
	exit_mmio(vcpu, IOWIN, true, value);
	pthread_mutex_unlock(&s.index_lock);
}

static void read_entry(uint32_t vcpu, uint32_t line)
{
	pthread_mutex_lock(&s.index_lock);
	exit_mmio(vcpu, 0, true, FIRST_ENTRY + 2 * (FIRST_GSI + line));
	exit_mmio(vcpu, IOWIN, false, 0);
	pthread_mutex_unlock(&s.index_lock);
}

static void mask(uint32_t vcpu, uint32_t line, uint32_t by, bool masked)
{
	struct pin *pin = &s.pin[line];
	uint32_t before;

	pthread_mutex_lock(&pin->lock);
	before = pin->masked_by;
	pin->masked_by = masked ? before | by : before & ~by;
	if (!before != !pin->masked_by)
		write_entry(vcpu, line, 0, LEVEL | (FIRST_VECTOR + line) | (pin->masked_by ? MASKED : 0));
	pthread_mutex_unlock(&pin->lock);
}

static void send_eoi(uint32_t vcpu)
{
	struct kvm_run *run = world_run(vcpu);

	world_eoi(vcpu, (uint8_t)(FIRST_VECTOR + vcpu));
	run->exit_reason = KVM_EXIT_IOAPIC_EOI;
	run->eoi.vector = (uint8_t)(FIRST_VECTOR + vcpu);
	if (irqgate_kvm_exit(s.gate, world_vcpu_fd(vcpu), run) != 1)
		s.wrong = "an EOI was not the library's";
}

/* The driver: what asserts is quieted; an interrupt without a reason is counted. */
static void serve(uint32_t line)
{
	struct device *device = &s.device[line];
	bool wire = line == CHANGING_LINE && s.wire;

	pthread_mutex_lock(&device->lock);
	if (device->asserts)
		device->handled++;
	else
		device->extra += !wire;
	device->asserts = false;
	device->progress = seconds();
	pthread_mutex_unlock(&device->lock);
	s.interrupts++;
}

/* As a plain handler, a oneshot one, or one that masks and unmasks before its EOI too. */
static void handle(uint32_t vcpu)
{
	uint32_t how = pick(4);

	world_take(vcpu, (uint8_t)(FIRST_VECTOR + vcpu));
	if (how == 0) {
		serve(vcpu);
		send_eoi(vcpu);
		return;
	}
	mask(vcpu, vcpu, MASKED_BY_HANDLER, true);
	if (how == 1) {
		mask(vcpu, vcpu, MASKED_BY_HANDLER, false);
		mask(vcpu, vcpu, MASKED_BY_HANDLER, true);
	}
	send_eoi(vcpu);
	serve(vcpu);
	mask(vcpu, vcpu, MASKED_BY_HANDLER, false);
}

/* Returns whether there was anything to do. */
static bool be_vcpu(uint32_t vcpu)
{
	if (atomic_exchange(&s.kicked[vcpu], false))
		irqgate_kvm_kicked(s.gate, world_vcpu_fd(vcpu));
	if (!world_has(vcpu, (uint8_t)(FIRST_VECTOR + vcpu)))
		return false;
	handle(vcpu);
	return true;
}

/* One thread is all vCPUs of a group, by turns. */
static void *live_as_vcpus(void *opaque)
{
	uint32_t group = (uint32_t)(uintptr_t)opaque, first = group * EACH, end = end_of(group), meddled = first;

	for (uint32_t vcpu = first; vcpu < end; vcpu++) {
		write_entry(vcpu, vcpu, 1, vcpu << 24);
		mask(vcpu, vcpu, MASKED_BY_HANDLER, false);
	}
	for (uint32_t idle = 0; !s.ended; idle++) {
		for (uint32_t vcpu = first; vcpu < end; vcpu++)
			if (be_vcpu(vcpu))
				idle = 0;
		mask(first, meddled, 1U << group, false);
		if (!pick(MEDDLE_ONCE_IN)) {
			meddled = MEDDLED * EACH + pick(LINES - MEDDLED * EACH);
			s.device[meddled].meddled++;
			mask(first, meddled, 1U << group, true);
		}
		if (!pick(READ_ONCE_IN))
			read_entry(first, pick(LINES));
		else if (idle > PATIENT_FOR)
			usleep(IDLE_USEC);
		else
			sched_yield();
	}
	return NULL;
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
	struct irqgate_kvm_config config = { .size = sizeof(config), .callbacks.kick = kick };
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
	pthread_t thread[2 * GROUPS + 1];
	uint32_t threads = 0;

	for (uintptr_t group = 0; group < GROUPS; group++) {
		pthread_create(&thread[threads++], NULL, live_as_vcpus, (void *)group);
		pthread_create(&thread[threads++], NULL, live_as_devices, (void *)group);
	}
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
		bool is_exact = group_of(line) != MEDDLED || !is_silenced(line);

		exact += is_exact ? device->handled : 0;
		if (!s.wrong && device->handled != device->events)
			s.wrong = "not as many handled as there were";
		else if (!s.wrong && device->extra > (is_exact ? 0 : device->meddled))
			s.wrong = "interrupts that nobody asserted";
	}
	return exact;
}

static void print_groups(void)
{
	static const char *const names[GROUPS] = { "direct", "userspace", "masked by others", "changing" };

	for (uint32_t group = 0; group < GROUPS; group++) {
		unsigned long long events = 0, extra = 0, meddled = 0;

		for (uint32_t line = group * EACH; line < end_of(group); line++) {
			events += s.device[line].events;
			extra += s.device[line].extra;
			meddled += s.device[line].meddled;
		}
		fprintf(stderr, "%s: %llu events, %llu interrupts too many, %llu masks by others\n", names[group], events, extra,
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
	if (argc < 3 || argc > 4 || (strcmp(argv[1], "--played") && strcmp(argv[1], "--kvm")))
		return false;
	s.goal = (strtoull(argv[2], NULL, 0) + EXACT_LINES - 1) / EXACT_LINES;
	s.limit = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;
	return s.goal;
}

int main(int argc, char **argv)
{
	uint64_t began = seconds(), events;
	irqgate_source wire;

	if (!read_arguments(argc, argv)) {
		fputs("usage: stress --played|--kvm EVENTS [SECONDS]\n", stderr);
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
