/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The VM of the stress test: its LAPICs, on a real KVM or on one that is played, whose LAPICs, routes and
 * irqfds are plain memory. No guest runs: each vCPU's thread plays its part. Any thread; a vCPU's LAPIC is
 * taken from and written by its own thread only.
 */
#ifndef IG_STRESS_WORLD_H
#define IG_STRESS_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include <irqgate/kvm.h>

enum { WORLD_VCPUS = 25 };

/* Opens the VM. 0, or a negative errno. */
int world_open(bool real);
void world_close(void);

int world_vm_fd(void);
int world_vcpu_fd(uint32_t vcpu);
struct kvm_run *world_run(uint32_t vcpu);

/* Whether a LAPIC has the vector in its IRR; moves it to the ISR; out of the ISR. */
bool world_has(uint32_t vcpu, uint8_t vector);
void world_take(uint32_t vcpu, uint8_t vector);
void world_eoi(uint32_t vcpu, uint8_t vector);

/* A host signals a trigger. */
void world_signal(int fd);

/* Waits, now and then, a little: called wherever another thread could come in between. */
void world_delay(void);

#endif
