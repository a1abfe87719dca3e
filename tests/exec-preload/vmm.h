/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A VMM with assigned INTx devices on the fake kernel, which does what QEMU 7.2 does and in that order, and
 * the guest in it. Its calls go through the library that is tested, or past it, for comparison. One thread.
 */
#ifndef EXEC_TESTS_VMM_H
#define EXEC_TESTS_VMM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/kvm.h>
#include <linux/vfio.h>

#include "fake/fake.h"

#define TEST(name) static void name(void **state __attribute__((unused)))

enum { DEVICES = 3, PIN = 16, OTHER_PIN = 17, VECTOR = 0x41, OTHER_VECTOR = 0x51, WAIT_MS = 5000 };

/* 82093AA, 3.1 and 3.2.4 */
#define IOAPIC_AT     UINT64_C(0xfec00000)
#define IOREGSEL      UINT64_C(0x00)
#define IOWIN         UINT64_C(0x10)
#define EOI_REGISTER  UINT64_C(0x40)
#define ENTRY_FROM    0x10U
#define ENTRY_LEVEL   UINT64_C(0x8000)
#define ENTRY_MASKED  UINT64_C(0x10000)
#define ENTRY_DESTINATION_SHIFT 56

/* PCI: the command register's upper byte and its interrupt disable bit. */
#define COMMAND_UPPER     (FAKE_CONFIG_AT + 5)
#define INTERRUPT_DISABLE 0x04

enum chip { SPLIT, KERNEL };

struct vmm_device {
	int fd;               /* -1: not there */
	uint32_t gsi;
	int trigger, resample; /* eventfds; -1: none */
};

struct vmm {
	enum chip chip;
	bool past_library;
	bool tells_all;   /* at an EOI all resample eventfds of the GSI; else the first one, as QEMU does */
	int kvm, group, vm;
	int vcpu[FAKE_VCPUS];
	struct kvm_run *run[FAKE_VCPUS];
	uint8_t select;
	uint64_t entry[FAKE_PINS];
	struct kvm_irq_routing_entry route[FAKE_PINS]; /* split: of each pin; type 0: none yet */
	struct vmm_device device[DEVICES];
};

void vmm_open(struct vmm *vmm, enum chip chip);
/* With as many GSIs of a split irqchip kept for the VMM's own. */
void vmm_open_with_pins(struct vmm *vmm, enum chip chip, uint64_t pins);
/* Opens one with device 0 on PIN, its INTx enabled, and the guest's entry for it written: unmasked. */
void vmm_open_ready(struct vmm *vmm, enum chip chip);
void vmm_close(struct vmm *vmm);

int vmm_ioctl(const struct vmm *vmm, int fd, unsigned long request, void *argument);
void vmm_close_fd(const struct vmm *vmm, int *fd);

/* VFIO_DEVICE_SET_IRQS of INTx; the eventfd is -1 where there is none. */
int vmm_set_irqs(const struct vmm *vmm, int device, uint32_t flags, uint32_t count, int eventfd);
int vmm_set_trigger(const struct vmm *vmm, int device, int eventfd);
int vmm_set_resample(const struct vmm *vmm, int device, int eventfd);
int vmm_mask(const struct vmm *vmm, int device);
int vmm_unmask(const struct vmm *vmm, int device);
int vmm_irqfd(const struct vmm *vmm, int device, uint32_t flags);

/* The command register's upper byte, as the guest writes it. */
void vmm_write_command(const struct vmm *vmm, int device, uint8_t value);

/* A device, without an interrupt; with INTx, enabled and disabled as QEMU does; gone. */
void vmm_add_device(struct vmm *vmm, int device, uint32_t gsi);
void vmm_enable_intx(struct vmm *vmm, int device);
void vmm_disable_intx(struct vmm *vmm, int device);
void vmm_remove_device(struct vmm *vmm, int device);
int vmm_new_eventfd(void);

/* One KVM_RUN, and what its exit asks for: false if there was none. Until there is none. */
bool vmm_run_once(struct vmm *vmm, int cpu);
void vmm_run(struct vmm *vmm, int cpu);

/* KVM_SET_LAPIC with the state after reset, and the VMM's own chip reset as well. */
void vmm_reset(struct vmm *vmm);

/* The library's helper has done all that there is to do now. */
void vmm_settle(const struct vmm *vmm);

/* The guest: writes an entry, both halves; only the mask. */
void guest_program(struct vmm *vmm, uint32_t pin, uint64_t entry);
void guest_write_low(struct vmm *vmm, int cpu, uint32_t pin, uint64_t entry);
void guest_mask(struct vmm *vmm, uint32_t pin);
void guest_unmask(struct vmm *vmm, uint32_t pin);
/* Waits for an interrupt with that vector on vCPU 0, and takes it; false if none comes. By any thread. */
bool guest_gets(const struct vmm *vmm, uint8_t vector);
/* The same, but the test fails if none comes; and ends it. */
void guest_take(const struct vmm *vmm, uint8_t vector);
void guest_eoi(struct vmm *vmm, uint8_t vector);

/* One event as an ordinary handler sees it: quiets the device, EOI. As a threaded one does: mask, EOI; quiet, unmask. */
void guest_handle(struct vmm *vmm, int device, uint32_t pin, uint8_t vector);
void guest_handle_threaded(struct vmm *vmm, int device, uint32_t pin, uint8_t vector);

/* The device asserts, the guest handles it threaded, and it was one trigger and one message: the line is alive. */
void assert_alive(struct vmm *vmm, int device);
/* The same, and the library holds it meanwhile. Or does not: the VMM's EOI unmasks at once. */
void assert_gated(struct vmm *vmm, int device);
void assert_left(struct vmm *vmm, int device);

/* Waits for something that the library's helper does. */
#define wait_until(condition)                                                          \
	do {                                                                           \
		for (int ms_ = 0; !(condition) && ms_ < WAIT_MS; ms_++)                \
			pause_ms(1);                                                   \
		assert_true(condition);                                                \
	} while (0)

void pause_ms(int ms);

/* harness.c: what the library has said since the last call of said_nothing() or this; the caller frees it. */
char *take_said(void);
void assert_said(const char *part, int times);
void assert_said_nothing(void);

/* The first thread with a name that begins so; -1: none. */
pid_t find_thread(const char *name);

/* From here on the library's helper runs only while the test waits: this thread comes first on their one CPU. */
void slow_down_helper(void);

/* Runs a part of a test in a process of its own, where the library begins anew with these settings. */
int run_alone(const char *settings, const char *part);

struct part {
	const char *name;
	void (*run)(void);
};

/* main() of a test program: makes the library begin as `irqgate exec` does, then runs the tests, or a part. */
int run_program(int argc, char **argv, const struct part *parts, int (*tests)(void));

#endif
