/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A VM without a guest: the tests play the guest by handing the adapter the exits that one would cause, and
 * see what arrives in the LAPICs by KVM_GET_LAPIC. One thread, but where a test says otherwise.
 */
#ifndef IG_TEST_VM_H
#define IG_TEST_VM_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <irqgate/kvm.h>

#define TEST_VCPUS  3U
#define TEST_PIN    5U
#define TEST_VECTOR 0x55U

#define REMOTE_IRR 0x4000U

struct test_source {
	struct irqgate_forwarded forwarded;
	irqgate_source handle;
	unsigned int silences;
	int level; /* what the probe says; negative: no probe */
};

struct test_vm {
	int kvm_fd, vm_fd;
	int vcpu_fd[TEST_VCPUS];
	struct kvm_run *run[TEST_VCPUS];
	size_t run_size;
	struct irqgate_kvm *gate;
	uint64_t base;       /* of the IOAPIC that the guest's accesses are to */
	unsigned int kicked; /* bitmap of vCPUs */
	void (*kick)(void);  /* called at each kick, if it is set */
	struct irqgate_route routes[48];
	unsigned int routes_set, route_calls;
	void (*during_routes)(struct test_vm *vm); /* called while the routes are set, if it is set */
};

enum test_flags { TEST_USERSPACE = 1, TEST_ROUTES_CALLBACK = 2, TEST_NO_KICK = 4, TEST_PIC = 8 };

/* A VM without a chip yet. */
struct test_vm *vm_open_bare(void);

/* Opens the gate of a bare VM with one chip, or those of config; the rest of config is filled in. */
void vm_open_gate(struct test_vm *vm, unsigned int flags, struct irqgate_kvm_config *config);

/* Adds the next vCPU, of that APIC id. */
void vm_add_vcpu(struct test_vm *vm, unsigned int id);

/* A VM with enabled LAPICs; fails the test where it can not be had. */
struct test_vm *vm_open(unsigned int vcpus, unsigned int flags);
void vm_close(struct test_vm *vm);

/* The guest's accesses, by vCPU 0 unless named. Each is one exit. */
void guest_write_rte(struct test_vm *vm, uint32_t pin, uint32_t low);
void guest_write_dest(struct test_vm *vm, uint32_t pin, uint32_t apic_id);
void guest_write_register(struct test_vm *vm, uint32_t index, uint32_t value);
uint32_t guest_read_register(struct test_vm *vm, uint32_t index);
void guest_eoi_register(struct test_vm *vm, uint8_t vector);
uint32_t guest_read_rte(struct test_vm *vm, int vcpu, uint32_t pin);
void guest_eoi(struct test_vm *vm, int vcpu, uint8_t vector);

/* The same to a port, bytes wide, count times as `rep` does. Returns what irqgate_kvm_exit() does. */
int guest_outs(struct test_vm *vm, uint16_t port, uint8_t bytes, uint32_t count, const void *data);
int guest_ins(struct test_vm *vm, uint16_t port, uint8_t bytes, uint32_t count, void *data);
void guest_out(struct test_vm *vm, uint16_t port, uint8_t value);
uint8_t guest_in(struct test_vm *vm, uint16_t port);

/* Level, fixed, physical, to APIC id 0. */
uint32_t rte(uint8_t vector, int masked);

/* Whether a LAPIC has the vector in IRR; and taking it out again, as a CPU that takes the interrupt does. */
int lapic_has(struct test_vm *vm, int vcpu, uint8_t vector);
int lapic_gets(struct test_vm *vm, int vcpu, uint8_t vector); /* soon: the kernel's injection may take a worker's time */
void lapic_take(struct test_vm *vm, int vcpu, uint8_t vector);
void lapic_enable(struct test_vm *vm, int vcpu, int on);

/* A route of the VMM's own, to vCPU 0; and an eventfd that is bound to it. */
struct kvm_irq_routing_entry vm_msi(uint32_t gsi, uint8_t vector);
int vm_bind_irqfd(struct test_vm *vm, uint32_t gsi);

/* A forwarded source with descriptors of its own, added to the GSI. */
void source_open(struct test_vm *vm, struct test_source *source, uint32_t gsi);

/* On a pin that the guest has unmasked; what that made of resamples and silencing is not counted. */
void source_open_unmasked(struct test_vm *vm, struct test_source *source);
void source_close(struct test_vm *vm, struct test_source *source);
void source_trigger(const struct test_source *source);

/* How often the source was resampled since the last call. */
uint64_t source_resamples(const struct test_source *source);

#endif
