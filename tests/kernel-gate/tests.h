/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What the tests of KVM's own gate share. No state. */
#ifndef IG_TEST_KERNEL_TESTS_H
#define IG_TEST_KERNEL_TESTS_H

#include "vm.h"

#define GSI        20U	/* an IOAPIC pin only */
#define SHARED_GSI 10U	/* a line of the 8259 too */
#define VECTOR     0x60U
#define LEVEL      0x8000U
#define MASKED     0x10000U
#define REMOTE_IRR 0x4000U

/*
 * A test's VM with one source, assigned, on the pin of `gsi`, which is masked and level-triggered. It was open once: the
 * first unmask resamples a source that is new, as it may have triggered before.
 */
struct fixture {
	struct test_vm vm;
	struct test_vcpu *cpu;
	struct test_source source;
};

void fixture_open(struct fixture *fixture, uint32_t gsi);
void fixture_close(struct fixture *fixture);

/* Unmasks the pin, and takes the resamples that there are. */
void open_pin(struct fixture *fixture);

/* Waits for the nth interrupt of that vector. */
bool comes(struct test_vcpu *vcpu, uint8_t vector, unsigned int n);

/* Waits long enough for one that is on its way; returns how many were taken at all. */
unsigned int after_a_while(struct test_vcpu *vcpu, uint8_t vector);

/*
 * As a vCPU thread of real-time priority: until it is taken back, no work item that this thread causes runs
 * before the thread sleeps. So KVM's injection, which is one, comes after all that the guest does until then.
 */
void rush(bool on);

/* An operator sets the policy of VMs to come, or gets -1; and reads the counters of one that has forwarded a GSI. */
int set_policy(const char *policy);
void read_counters(const struct test_vm *vm, char *text, size_t size);

int test_ioapic(void);
int test_pic(void);
int test_race(void);
int test_policies(void);

/* Each source comes and goes so many times. */
int test_stress(unsigned int rounds);

/* No test: what this KVM does, whatever it is. */
int print_figures(void);

/* Starts and kills so many small VMMs with the edu device of that PCI address, which vfio-pci has. Returns 0, or 1. */
int kill_many(const char *address, unsigned int rounds);

#endif
