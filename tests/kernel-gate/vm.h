/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A VM on KVM's in-kernel irqchip whose guest is played by the test, access by access (guest.S), and
 * forwarded sources as vfio would drive them. Each vCPU belongs to one thread.
 */
#ifndef IG_TEST_KERNEL_VM_H
#define IG_TEST_KERNEL_VM_H

#define PORT_OPERATION 0xe0
#define PORT_ADDRESS   0xe4
#define PORT_VALUE     0xe8
#define PORT_RESULT    0xec
#define PORT_VECTOR    0xf0

#define GUEST_LOOK  0
#define GUEST_WRITE 1
#define GUEST_READ  2
#define GUEST_OUT   3
#define GUEST_IN    4
#define GUEST_STUB  16

#ifndef __ASSEMBLER__
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define TEST_VCPUS 2

struct test_vcpu {
	int fd;
	struct kvm_run *run;
	int pending_in;			/* the port that the guest waits to read from, or 0 */
	uint32_t result;
	unsigned int taken[256];	/* interrupts, by vector */
};

struct test_vm {
	int kvm_fd, vm_fd;
	size_t run_size;
	uint8_t *memory;
	struct test_vcpu vcpu[TEST_VCPUS];
};

void vm_open(struct test_vm *vm);
void vm_close(struct test_vm *vm);

/* The guest does one thing. Interrupts are taken by guest_look() only, which returns all that were ever taken. */
void guest_write(struct test_vcpu *vcpu, uint32_t address, uint32_t value);
uint32_t guest_read(struct test_vcpu *vcpu, uint32_t address);
void guest_out(struct test_vcpu *vcpu, uint32_t port, uint8_t value);
uint8_t guest_in(struct test_vcpu *vcpu, uint32_t port);
unsigned int guest_look(struct test_vcpu *vcpu, uint8_t vector);

/* The IOAPIC and the LAPIC. */
void guest_write_rte(struct test_vcpu *vcpu, uint32_t pin, uint32_t low);
void guest_eoi(struct test_vcpu *vcpu);

/* The 8259 pair, initialized for vectors PIC_VECTOR and up, with a line level-triggered and all others masked. */
#define PIC_VECTOR 0x40
void guest_start_pic(struct test_vcpu *vcpu, uint32_t line, uint8_t icw4);
void guest_mask_pic(struct test_vcpu *vcpu, uint32_t line, bool masked);
void guest_eoi_pic(struct test_vcpu *vcpu, uint32_t line);
bool guest_sees_pic_request(struct test_vcpu *vcpu, uint32_t line);

/* A forwarded source: a trigger and a resample eventfd. */
struct test_source {
	struct test_vm *vm;
	uint32_t gsi;
	int trigger, resample;
};

void source_open(struct test_vm *vm, struct test_source *source, uint32_t gsi);
void source_assign(struct test_source *source);
void source_deassign(struct test_source *source);
void source_close(struct test_source *source);
void source_trigger(const struct test_source *source);

/* How often it was resampled since the last call. */
uint64_t source_resamples(const struct test_source *source);

/* An emulated device drives the GSI. */
void wire_set(struct test_vm *vm, uint32_t gsi, int level);

struct kvm_ioapic_state ioapic_state(struct test_vm *vm);
void ioapic_restore(struct test_vm *vm, const struct kvm_ioapic_state *state);

#endif
#endif
