/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A VM whose guest is played by the test, access by access (kernel-gate/guest.S), with KVM's own irqchip or a
 * split one, and a device that is forwarded to it. With KVM's own irqchip the test is a VMM that keeps a
 * resample back until the guest unmasks. One thread.
 */
#ifndef IG_TESTS_MOVED_WORLD_H
#define IG_TESTS_MOVED_WORLD_H

#include "../kernel-gate/load.h"
#include "../kernel-gate/vm.h" /* the guest's operations */

#include <irqgate/kvm.h>

/* 82093AA, 3.0; Intel SDM 3, 11.4.1; 8259A. */
#define IOAPIC         0xfec00000U
#define IOAPIC_WINDOW  0xfec00010U
#define IOAPIC_REDTBL  0x10U
#define LAPIC_EOI      0xfee000b0U
#define LAPIC_SVR      0xfee000f0U
#define LAPIC_SVR_ON   0x1ffU
#define LAPIC_LVT0     0xfee00350U
#define LAPIC_EXTINT   0x700U
#define LEVEL          0x8000U
#define MASKED         0x10000U
#define PIC_MASTER     0x20U
#define PIC_SLAVE      0xa0U
#define PIC_BASE       0x40
#define PIC_CASCADE    2
#define PIC_EOI        0x60
#define PIC_INPUTS     8U

enum { PIN = 16, VECTOR = 0x71, IRQ = 11, PIC_IRQ_VECTOR = PIC_BASE + IRQ, WAIT_MICROSECONDS = 20000 };

/* The device and the host's part of its interrupt: masked at each trigger, until it is resampled. */
struct device {
	uint32_t gsi;
	int trigger, resample;
	bool asserts, masked;
	unsigned int triggers;
};

struct world {
	int kvm_fd, vm_fd, vcpu_fd;
	struct kvm_run *run;
	struct irqgate_kvm *gate; /* NULL: KVM's own irqchip */
	uint8_t *memory;
	struct device device;
	bool kept;                /* a resample of KVM's, which waits for the unmask */
	bool pic;                 /* the guest uses the 8259s */
	uint32_t mask;            /* of the pin or IRQ, as the guest wrote it last */
	int pending_in;
	uint32_t result;
	unsigned int taken[256];
};

/* It asserts. */
void device_raise(struct device *device);

/* Lets the host do what it has to. With KVM's own irqchip a resample is kept back while the guest has it masked. */
void host(struct world *w);

/* Runs the guest until it asks what to do. */
void run_until_asked(struct world *w);

/* Answers what it asked at a port. */
void answer(struct world *w, int port, uint32_t value);

/* Has it do one operation. */
void command(struct world *w, uint32_t operation, uint32_t address, uint32_t value);

/* Has it write to a port. */
void out(struct world *w, uint32_t port, uint32_t value);

/* At the chip that the guest uses. */
void guest_mask(struct world *w, bool masked);

/* EOI there. */
void guest_end(struct world *w);

/* Opens a window for interrupts. Returns how many have come since the start. */
unsigned int guest_taken(struct world *w);

/* A VM with KVM's own irqchip, whose guest uses the IOAPIC or the 8259s, and its device. */
void open_world(struct world *w, bool pic);
void close_world(struct world *w);

/* The VM alone; its memory and its device outlive it. */
void open_vm(struct world *w, bool split);
void close_vm(struct world *w);

/* Connects the device. */
void plug(struct world *w);

#endif
