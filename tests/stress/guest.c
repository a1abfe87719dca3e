/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest of the stress test: accesses of its vCPUs, handed to the library as their exits. A thread is all
 * vCPUs of a group, by turns, and masks the pins of other groups now and then.
 */
#include <string.h>
#include <sched.h>
#include <unistd.h>

#include "stress.h"

enum { READ_ONCE_IN = 64, MEDDLE_ONCE_IN = 4, PATIENT_FOR = 8, IDLE_USEC = 30 };
enum { IOWIN = 0x10, FIRST_ENTRY = 0x10 };

#define LEVEL  0x8000U
#define MASKED 0x10000U

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
void *live_as_vcpus(void *opaque)
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
