/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The life of a VM with the library, in which the nth call of the system or the allocator fails, and with it
 * the next three of its name or none, for every n: set-up, a watch, interrupts of a VFIO device, a change of
 * paths, teardown. After each, whatever failed said so by a negative errno; nothing is held any more; and an
 * interrupt whose source was added came, and was resampled. KVM and the device are played (calls.c). One
 * thread.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <irqgate/kvm.h>
#include <irqgate/vfio.h>

#include "calls.h"

enum { GSI = 20, VECTOR = 0x51, EVENTS = 3, PATIENCE_MS = 2000, STEP_MS = 20, POINTS_MAX = 10000, MORE = 3 };

#define LEVEL        0x8000U
#define MASKED       0x10000U
#define IOWIN        0x10U
#define FIRST_ENTRY  0x10U
#define PAGE         4096U

struct life {
	enum irqgate_path path;
	bool pic;
	struct irqgate_kvm *gate;
	struct irqgate_vfio_intx *intx;
	irqgate_source source, wire;
	irqgate_watcher watcher;
	union {
		char area[2 * PAGE]; /* as KVM maps it: the ring of the coalesced writes is behind the run area */
		struct kvm_run run;
	};
	bool asserts;      /* the device */
	uint32_t noticed;
	const char *wrong; /* what must not be */
};

static void exit_mmio(struct life *life, uint32_t offset, uint32_t value)
{
	life->run.exit_reason = KVM_EXIT_MMIO;
	life->run.mmio.phys_addr = IRQGATE_KVM_IOAPIC_BASE + offset;
	life->run.mmio.len = sizeof(value);
	life->run.mmio.is_write = 1;
	memcpy(life->run.mmio.data, &value, sizeof(value));
	irqgate_kvm_exit(life->gate, FAKE_VCPU, &life->run);
}

static void write_entry(struct life *life, uint32_t low)
{
	exit_mmio(life, 0, FIRST_ENTRY + 2 * GSI);
	exit_mmio(life, IOWIN, low);
}

static void send_eoi(struct life *life)
{
	life->run.exit_reason = KVM_EXIT_IOAPIC_EOI;
	life->run.eoi.vector = VECTOR;
	irqgate_kvm_exit(life->gate, FAKE_VCPU, &life->run);
}

/* VFIO: masks the device, and signals the trigger; KVM sends the message of a trigger that is bound. */
static void device_triggers(void)
{
	faults_world.masked = true;
	if (faults_world.bound_fd == faults_world.trigger_fd)
		faults_world.messages++;
	else
		faults_signal(faults_world.trigger_fd);
}

/* The host's half: a resample unmasks, and a device that still asserts triggers again. */
static void host_looks(struct life *life)
{
	if (faults_world.resample_fd < 0 || !faults_was_signalled(faults_world.resample_fd))
		return;
	faults_world.masked = false;
	if (life->asserts)
		device_triggers();
}

/* Lets the library's descriptor wake the VMM until something has come about, or for long enough. */
static bool comes(struct life *life, bool (*come)(const struct life *life, uint32_t before), uint32_t before)
{
	struct pollfd readable = { .fd = irqgate_kvm_poll_fd(life->gate), .events = POLLIN };

	for (int waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
		host_looks(life);
		if (come(life, before))
			return true;
		if (poll(&readable, 1, STEP_MS) > 0)
			irqgate_kvm_dispatch(life->gate);
	}
	return false;
}

static bool has_message(const struct life *life, uint32_t before)
{
	(void)life;
	return faults_world.messages > before;
}

static bool is_listened_to(const struct life *life, uint32_t before)
{
	(void)life;
	(void)before;
	return !faults_world.masked;
}

/* One event, as a oneshot guest handles it. */
static void interrupt(struct life *life)
{
	uint32_t before = faults_world.messages;

	life->asserts = true;
	if (!faults_world.masked)
		device_triggers();
	if (!comes(life, has_message, before)) {
		life->wrong = "an interrupt was lost";
		return;
	}
	write_entry(life, LEVEL | MASKED | VECTOR);
	send_eoi(life);
	life->asserts = false;
	write_entry(life, LEVEL | VECTOR);
	if (!comes(life, is_listened_to, 0))
		life->wrong = "the device is silent for ever";
}

static void notice(void *opaque, bool masked)
{
	struct life *life = opaque;

	life->noticed += 1 + masked;
}

static int set_up(struct life *life)
{
	struct irqgate_kvm_config config = {
		.size = sizeof(config), .vm_fd = FAKE_VM, .path = life->path, .pic = life->pic,
	};
	struct irqgate_watch watch = {
		.size = sizeof(watch), .masked = notice, .opaque = life, .ack_fd = -1, .mask_fd = -1, .unmask_fd = -1,
	};
	struct irqgate_line_state now;
	struct irqgate_forwarded forwarded;
	int error = irqgate_kvm_open(&config, &life->gate);

	if (!error)
		error = irqgate_kvm_add_vcpu(life->gate, FAKE_VCPU, &life->run);
	if (!error)
		error = irqgate_kvm_watch(life->gate, GSI, &watch, &now, &life->watcher);
	if (!error)
		error = irqgate_vfio_intx_open(FAKE_DEVICE, &life->intx);
	if (error)
		return error;
	irqgate_vfio_intx_forwarded(life->intx, &forwarded);
	return irqgate_kvm_add_forwarded(life->gate, GSI, &forwarded, &life->source);
}

/* A wire joins, which takes the line off the direct path, and goes; the VMM has a route of its own. */
static int change(struct life *life)
{
	struct kvm_irq_routing_entry own = { .gsi = irqgate_kvm_first_gsi(life->gate), .type = KVM_IRQ_ROUTING_MSI };
	int error = irqgate_kvm_set_routes(life->gate, &own, 1);

	irqgate_kvm_line_level(life->gate, GSI); /* asks the device */
	if (!error)
		error = irqgate_kvm_add_wire(life->gate, GSI, "wire", &life->wire);
	if (!error)
		error = irqgate_kvm_remove(life->gate, life->wire);
	return error;
}

static int live(struct life *life)
{
	int error = set_up(life);

	if (error)
		return error;
	write_entry(life, LEVEL | VECTOR);
	for (int i = 0; i < EVENTS && !life->wrong; i++)
		interrupt(life);
	error = change(life);
	for (int i = 0; i < EVENTS && !life->wrong; i++)
		interrupt(life);
	return error;
}

static void tear_down(struct life *life)
{
	if (life->source)
		irqgate_kvm_remove(life->gate, life->source);
	if (faults_held().irqfds && !life->wrong)
		life->wrong = "the kernel still has the trigger of a source that was removed";
	irqgate_kvm_close(life->gate);
	irqgate_vfio_intx_close(life->intx);
}

/* Returns whether the call to fail was reached. */
static bool try_point(enum irqgate_path path, bool pic, uint32_t nth, uint32_t more, uint32_t *wrong)
{
	struct life life = { .path = path, .pic = pic };
	struct faults_held before = faults_held(), after;
	const char *failed;
	int error;

	faults_world = (struct faults_world){ .trigger_fd = -1, .resample_fd = -1, .bound_fd = -1, .masked = true };
	faults_arm(nth, more);
	error = live(&life);
	tear_down(&life);
	failed = faults_failed();
	after = faults_held();
	if (!life.wrong && memcmp(&before, &after, sizeof(before)))
		life.wrong = "something is still held";
	if (!life.wrong && (error > 0 || (error && !failed)))
		life.wrong = "an error that says nothing";
	if (!life.wrong)
		return failed;
	fprintf(stderr, "path %d, pair %d, call %u and %u more (%s) fail: %s (error %d; held: blocks %d, descriptors %d, irqfds %d, "
		"interrupts %d)\n", path, pic, nth, more, failed ? failed : "none", life.wrong, error,
		after.blocks - before.blocks, after.descriptors - before.descriptors, after.irqfds - before.irqfds,
		after.interrupts - before.interrupts);
	++*wrong;
	return failed;
}

static uint32_t try_all(enum irqgate_path path, bool pic, uint32_t more, uint32_t *wrong)
{
	uint32_t nth = 0;

	/* 0: nothing fails, and all must be well. */
	try_point(path, pic, nth, more, wrong);
	while (nth < POINTS_MAX && try_point(path, pic, ++nth, more, wrong))
		;
	return nth - 1;
}

int main(void)
{
	uint32_t wrong = 0, points = 0;

	for (int pic = 0; pic < 2; pic++) {
		for (uint32_t more = 0; more <= MORE; more += MORE) {
			points += try_all(IRQGATE_PATH_DIRECT, pic, more, &wrong);
			points += try_all(IRQGATE_PATH_USERSPACE, pic, more, &wrong);
		}
	}
	printf("%s faults/library: %u points\n", wrong || points < 100 ? "not ok" : "ok", points);
	return wrong != 0;
}
