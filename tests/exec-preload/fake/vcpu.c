/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * vCPUs: a LAPIC that knows IRR and ISR, and a guest that does what the test says. KVM_RUN brings the exits that this
 * makes, one each; when there is none it is interrupted, and leaves the exit reason as it was.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

/* In the LAPIC's page (SDM vol. 3, 11.4.1). */
enum { LAPIC_ID = 0x20, LAPIC_LDR = 0xd0, LAPIC_DFR = 0xe0, LAPIC_ISR = 0x100, LAPIC_IRR = 0x200 };

#define XAPIC_SHIFT 24
#define DFR_FLAT    0xffffffffU

enum { RUN_SIZE = 3 * 4096 };

int fake_vcpu_create(struct vm *vm, uint32_t id)
{
	struct vcpu *vcpu;
	int fd;

	if (id >= FAKE_VCPUS)
		return -EINVAL;
	if (vm->vcpu[id])
		return -EEXIST;
	vcpu = calloc(1, sizeof(*vcpu));
	if (!vcpu)
		return -ENOMEM;
	fd = fake_add_object(&vcpu->object, OBJECT_VCPU, RUN_SIZE);
	if (fd < 0) {
		free(vcpu);
		return fd;
	}
	vcpu->run = mmap(NULL, RUN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (vcpu->run == MAP_FAILED)
		abort();
	vcpu->vm = vm;
	vcpu->id = id;
	vm->vcpu[id] = vcpu;
	return fd;
}

void fake_vcpu_release(struct vcpu *vcpu)
{
	if (vcpu->vm)
		vcpu->vm->vcpu[vcpu->id] = NULL;
	munmap(vcpu->run, RUN_SIZE);
	free(vcpu);
}

static void set_register(struct kvm_lapic_state *lapic, uint32_t offset, uint32_t value)
{
	memcpy(&lapic->regs[offset], &value, sizeof(value));
}

static void set_bank(struct kvm_lapic_state *lapic, uint32_t bank, const bool set[FAKE_VECTORS])
{
	for (uint32_t i = 0; i < FAKE_VECTORS / 32; i++) {
		uint32_t value = 0;

		for (uint32_t bit = 0; bit < 32; bit++)
			value |= (uint32_t)set[32 * i + bit] << bit;
		set_register(lapic, bank + 16 * i, value);
	}
}

static int get_lapic(const struct vcpu *vcpu, void *argument)
{
	struct kvm_lapic_state lapic = { .regs = { 0 } };

	set_register(&lapic, LAPIC_ID, vcpu->id << XAPIC_SHIFT);
	set_register(&lapic, LAPIC_LDR, 1U << vcpu->id << XAPIC_SHIFT);
	set_register(&lapic, LAPIC_DFR, DFR_FLAT);
	set_bank(&lapic, LAPIC_ISR, vcpu->in_service);
	set_bank(&lapic, LAPIC_IRR, vcpu->requested);
	return fake_copy_out(argument, &lapic, sizeof(lapic));
}

/* Tests only write the state of a LAPIC after reset. */
static int set_lapic(struct vcpu *vcpu, const void *argument)
{
	struct kvm_lapic_state lapic;
	int error = fake_copy_in(&lapic, argument, sizeof(lapic));

	if (error)
		return error;
	memset(vcpu->requested, 0, sizeof(vcpu->requested));
	memset(vcpu->in_service, 0, sizeof(vcpu->in_service));
	return 0;
}

static int run(struct vcpu *vcpu)
{
	if (!vcpu->exits)
		return -EINTR;
	*vcpu->run = vcpu->exit[0];
	memmove(&vcpu->exit[0], &vcpu->exit[1], sizeof(vcpu->exit[0]) * --vcpu->exits);
	return 0;
}

int fake_vcpu_ioctl(struct vcpu *vcpu, unsigned long request, void *argument)
{
	struct kvm_mp_state state;
	struct kvm_enable_cap cap;

	switch (request) {
	case KVM_RUN: return run(vcpu);
	case KVM_GET_LAPIC: return get_lapic(vcpu, argument);
	case KVM_SET_LAPIC: return set_lapic(vcpu, argument);
	case KVM_SET_MP_STATE: return fake_copy_in(&state, argument, sizeof(state));
	case KVM_ENABLE_CAP: return fake_copy_in(&cap, argument, sizeof(cap));
	default: return -ENOTTY;
	}
}

static bool goes_to(uint32_t address, uint32_t id)
{
	uint32_t destination = address >> MSI_DESTINATION_SHIFT & BROADCAST;

	return address & MSI_LOGICAL ? destination >> id & 1 : destination == id || destination == BROADCAST;
}

void fake_deliver(struct vm *vm, uint32_t address, uint32_t data)
{
	uint8_t vector = (uint8_t)data;

	for (uint32_t id = 0; id < FAKE_VCPUS; id++) {
		if (!vm->vcpu[id] || !goes_to(address, id))
			continue;
		vm->messages[vector]++;
		vm->vcpu[id]->requested[vector] = true;
	}
}

static struct vcpu *vcpu_of(int fd)
{
	struct object *object = fake_object(fd, OBJECT_VCPU);

	if (!object)
		abort(); /* a test's mistake */
	return (struct vcpu *)object;
}

bool fake_is_requested(int fd, uint8_t vector)
{
	bool is;

	fake_lock();
	is = vcpu_of(fd)->requested[vector];
	fake_unlock();
	return is;
}

bool fake_is_in_service(int fd, uint8_t vector)
{
	bool is;

	fake_lock();
	is = vcpu_of(fd)->in_service[vector];
	fake_unlock();
	return is;
}

bool fake_take(int fd, uint8_t vector)
{
	struct vcpu *vcpu;
	bool taken;

	fake_lock();
	vcpu = vcpu_of(fd);
	taken = vcpu->requested[vector] && !vcpu->in_service[vector];
	if (taken) {
		vcpu->requested[vector] = false;
		vcpu->in_service[vector] = true;
	}
	fake_unlock();
	return taken;
}

static struct kvm_run *add_exit(struct vcpu *vcpu, uint32_t reason)
{
	struct kvm_run *run = &vcpu->exit[vcpu->exits++];

	if (vcpu->exits > FAKE_EXITS)
		abort(); /* a test's mistake */
	*run = (struct kvm_run){ .exit_reason = reason };
	return run;
}

/* KVM makes an exit of the EOIs that a level-triggered route of a reserved GSI stands for. */
static bool exits_at_eoi(const struct vcpu *vcpu, uint8_t vector)
{
	const struct vm *vm = vcpu->vm;

	for (uint32_t gsi = 0; vm->split && gsi < vm->pins; gsi++) {
		const struct route *route = &vm->route[gsi];

		if (route->is_msi && route->data & MSI_LEVEL && (uint8_t)route->data == vector &&
		    goes_to(route->address, vcpu->id))
			return true;
	}
	return false;
}

void fake_eoi(int fd, uint8_t vector)
{
	struct vcpu *vcpu;

	fake_lock();
	vcpu = vcpu_of(fd);
	vcpu->in_service[vector] = false;
	if (!vcpu->suppresses_eois && exits_at_eoi(vcpu, vector))
		add_exit(vcpu, KVM_EXIT_IOAPIC_EOI)->eoi.vector = vector;
	else if (vcpu->vm->chips)
		fake_chips_eoi(vcpu->vm, vector);
	fake_pump();
	fake_unlock();
}

void fake_suppress_eois(int fd)
{
	fake_lock();
	vcpu_of(fd)->suppresses_eois = true;
	fake_unlock();
}

static void access_memory(int fd, uint64_t at, uint32_t value, uint32_t bytes, bool is_write)
{
	struct kvm_run *run;

	fake_lock();
	run = add_exit(vcpu_of(fd), KVM_EXIT_MMIO);
	run->mmio.phys_addr = at;
	run->mmio.len = bytes;
	run->mmio.is_write = is_write;
	memcpy(run->mmio.data, &value, sizeof(value));
	fake_unlock();
}

void fake_write(int fd, uint64_t at, uint32_t value, uint32_t bytes)
{
	access_memory(fd, at, value, bytes, true);
}

void fake_read(int fd, uint64_t at, uint32_t bytes)
{
	access_memory(fd, at, 0, bytes, false);
}
