/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The VM of the tests of KVM's own gate; see vm.h. */
#include "load.h"
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define STACK_SIZE 0x400U /* of a vCPU */

/* 82093AA, 3.0; Intel SDM 3, 11.4.1. */
#define IOAPIC          0xfec00000U
#define IOAPIC_WINDOW   0x10U
#define IOAPIC_REDTBL   0x10U
#define LAPIC           0xfee00000U
#define LAPIC_EOI       0xb0U
#define LAPIC_SVR       0xf0U
#define LAPIC_SVR_ON    0x1ffU
#define LAPIC_LVT0      0x350U
#define LAPIC_LVT_EXTINT 0x700U

/* 8259A: ICW1 to ICW4, OCW1 to OCW3. */
#define PIC_MASTER      0x20U
#define PIC_SLAVE       0xa0U
#define PIC_ELCR        0x4d0U
#define PIC_ICW1        0x11
#define PIC_CASCADE     2
#define PIC_PINS        8
#define PIC_EOI         0x60 /* specific */
#define PIC_READ_IRR    0x0a

static void open_vcpu(struct test_vm *vm, unsigned int index)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct test_vcpu *vcpu = &vm->vcpu[index];

	vcpu->fd = ioctl(vm->vm_fd, KVM_CREATE_VCPU, (unsigned long)index);
	assert_true(vcpu->fd >= 0);
	vcpu->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	assert_ptr_not_equal(vcpu->run, MAP_FAILED);
	guest_set_registers(vcpu->fd, STACK - index * STACK_SIZE);
	assert_int_equal(ioctl(vcpu->fd, KVM_SET_MP_STATE, &runnable), 0);
	guest_write(vcpu, LAPIC + LAPIC_SVR, LAPIC_SVR_ON);
}

void vm_open(struct test_vm *vm)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY };

	*vm = (struct test_vm){ .kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC) };
	assert_true(vm->kvm_fd >= 0);
	vm->vm_fd = ioctl(vm->kvm_fd, KVM_CREATE_VM, 0);
	assert_true(vm->vm_fd >= 0);
	vm->run_size = (size_t)ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	vm->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(vm->memory, MAP_FAILED);
	guest_load(vm->memory);
	region.userspace_addr = (uintptr_t)vm->memory;
	assert_int_equal(ioctl(vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region), 0);
	assert_int_equal(ioctl(vm->vm_fd, KVM_CREATE_IRQCHIP), 0);
	for (unsigned int i = 0; i < TEST_VCPUS; i++)
		open_vcpu(vm, i);
}

void vm_close(struct test_vm *vm)
{
	for (unsigned int i = 0; i < TEST_VCPUS; i++) {
		munmap(vm->vcpu[i].run, vm->run_size);
		close(vm->vcpu[i].fd);
	}
	close(vm->vm_fd);
	close(vm->kvm_fd);
	munmap(vm->memory, MEMORY);
}

static void put(struct test_vcpu *vcpu, uint32_t value)
{
	memcpy((uint8_t *)vcpu->run + vcpu->run->io.data_offset, &value, sizeof(value));
	vcpu->pending_in = 0;
}

/* Lets the guest go on until it asks for something. */
static void run_until_asked(struct test_vcpu *vcpu)
{
	uint32_t value;

	while (!vcpu->pending_in) {
		assert_true(ioctl(vcpu->fd, KVM_RUN, 0) == 0 || errno == EINTR);
		assert_int_equal(vcpu->run->exit_reason, KVM_EXIT_IO);
		memcpy(&value, (uint8_t *)vcpu->run + vcpu->run->io.data_offset, sizeof(value));
		if (vcpu->run->io.direction == KVM_EXIT_IO_IN)
			vcpu->pending_in = vcpu->run->io.port;
		else if (vcpu->run->io.port == PORT_VECTOR)
			vcpu->taken[value & 0xff]++;
		else
			vcpu->result = value;
	}
}

static void answer(struct test_vcpu *vcpu, int port, uint32_t value)
{
	run_until_asked(vcpu);
	assert_int_equal(vcpu->pending_in, port);
	put(vcpu, value);
}

static void command(struct test_vcpu *vcpu, uint32_t operation, uint32_t address, uint32_t value)
{
	answer(vcpu, PORT_OPERATION, operation);
	answer(vcpu, PORT_ADDRESS, address);
	answer(vcpu, PORT_VALUE, value);
	run_until_asked(vcpu);
}

void guest_write(struct test_vcpu *vcpu, uint32_t address, uint32_t value)
{
	command(vcpu, GUEST_WRITE, address, value);
}

uint32_t guest_read(struct test_vcpu *vcpu, uint32_t address)
{
	command(vcpu, GUEST_READ, address, 0);
	return vcpu->result;
}

void guest_out(struct test_vcpu *vcpu, uint32_t port, uint8_t value)
{
	command(vcpu, GUEST_OUT, port, value);
}

uint8_t guest_in(struct test_vcpu *vcpu, uint32_t port)
{
	command(vcpu, GUEST_IN, port, 0);
	return (uint8_t)vcpu->result;
}

unsigned int guest_look(struct test_vcpu *vcpu, uint8_t vector)
{
	command(vcpu, GUEST_LOOK, 0, 0);
	return vcpu->taken[vector];
}

void guest_write_rte(struct test_vcpu *vcpu, uint32_t pin, uint32_t low)
{
	guest_write(vcpu, IOAPIC, IOAPIC_REDTBL + 2 * pin);
	guest_write(vcpu, IOAPIC + IOAPIC_WINDOW, low);
}

void guest_eoi(struct test_vcpu *vcpu)
{
	guest_write(vcpu, LAPIC + LAPIC_EOI, 0);
}

static uint32_t chip_of(uint32_t line)
{
	return line < PIC_PINS ? PIC_MASTER : PIC_SLAVE;
}

static uint8_t bit_of(uint32_t line)
{
	return (uint8_t)(1U << line % PIC_PINS);
}

void guest_start_pic(struct test_vcpu *vcpu, uint32_t line, uint8_t icw4)
{
	for (uint32_t first = 0; first <= PIC_PINS; first += PIC_PINS) {
		uint32_t chip = chip_of(first);

		guest_out(vcpu, chip, PIC_ICW1);
		guest_out(vcpu, chip + 1, (uint8_t)(PIC_VECTOR + first));
		guest_out(vcpu, chip + 1, first ? PIC_CASCADE : 1U << PIC_CASCADE);
		guest_out(vcpu, chip + 1, icw4);
		guest_out(vcpu, chip + 1, 0xff);
	}
	guest_out(vcpu, PIC_ELCR + line / PIC_PINS, bit_of(line));
	guest_out(vcpu, PIC_MASTER + 1, (uint8_t)~(1U << PIC_CASCADE));
	guest_write(vcpu, LAPIC + LAPIC_LVT0, LAPIC_LVT_EXTINT);
}

void guest_mask_pic(struct test_vcpu *vcpu, uint32_t line, bool masked)
{
	uint32_t port = chip_of(line) + 1;
	uint8_t others = guest_in(vcpu, port) & (uint8_t)~bit_of(line);

	guest_out(vcpu, port, masked ? others | bit_of(line) : others);
}

void guest_eoi_pic(struct test_vcpu *vcpu, uint32_t line)
{
	guest_out(vcpu, chip_of(line), (uint8_t)(PIC_EOI | line % PIC_PINS));
	if (line >= PIC_PINS)
		guest_out(vcpu, PIC_MASTER, PIC_EOI | PIC_CASCADE);
}

bool guest_sees_pic_request(struct test_vcpu *vcpu, uint32_t line)
{
	guest_out(vcpu, chip_of(line), PIC_READ_IRR);
	return guest_in(vcpu, chip_of(line)) & bit_of(line);
}

void source_open(struct test_vm *vm, struct test_source *source, uint32_t gsi)
{
	*source = (struct test_source){
		.vm = vm,
		.gsi = gsi,
		.trigger = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.resample = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
}

static int set_irqfd(const struct test_source *source, uint32_t flags)
{
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)source->trigger, .gsi = source->gsi, .flags = flags,
		.resamplefd = (uint32_t)source->resample,
	};

	return ioctl(source->vm->vm_fd, KVM_IRQFD, &irqfd);
}

void source_assign(struct test_source *source)
{
	assert_int_equal(set_irqfd(source, KVM_IRQFD_FLAG_RESAMPLE), 0);
}

void source_deassign(struct test_source *source)
{
	assert_int_equal(set_irqfd(source, KVM_IRQFD_FLAG_DEASSIGN), 0);
}

void source_close(struct test_source *source)
{
	close(source->trigger);
	close(source->resample);
}

void source_trigger(const struct test_source *source)
{
	assert_int_equal(eventfd_write(source->trigger, 1), 0);
}

uint64_t source_resamples(const struct test_source *source)
{
	eventfd_t count = 0;

	return eventfd_read(source->resample, &count) ? 0 : count;
}

void wire_set(struct test_vm *vm, uint32_t gsi, int level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = (uint32_t)level };

	assert_int_equal(ioctl(vm->vm_fd, KVM_IRQ_LINE, &line), 0);
}

struct kvm_ioapic_state ioapic_state(struct test_vm *vm)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	assert_int_equal(ioctl(vm->vm_fd, KVM_GET_IRQCHIP, &chip), 0);
	return chip.chip.ioapic;
}

void ioapic_restore(struct test_vm *vm, const struct kvm_ioapic_state *state)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC, .chip.ioapic = *state };

	assert_int_equal(ioctl(vm->vm_fd, KVM_SET_IRQCHIP, &chip), 0);
}
