/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The 8254 of a PC, for a VM with a split irqchip, where KVM has none: three counters, port 0x61, and the
 * ticks of counter 0, which are pulses of IRQ 0. A tick is *unacked* until the caller tells of its ack
 * (irqgate_core_watch()); what comes due meanwhile is pulsed later, or dropped.
 *
 * It has no clock: time is handed in, in nanoseconds of a clock that never goes back. After each other call
 * the caller asks irqgate_pit_next(), and calls irqgate_pit_tick() when that time has come, or later. All
 * state is in the memory that the caller gave, as plain bytes. The caller serialises. Intel 8254 data sheet
 * (231164); ICH9 data sheet, 13.3, 13.7.1.
 */
#ifndef IRQGATE_PIT_H
#define IRQGATE_PIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/kvm.h>

#include <irqgate/api.h>

#ifdef __cplusplus
extern "C" {
#endif

enum irqgate_pit_policy {
	IRQGATE_PIT_REINJECT, /* a tick that comes due while one is unacked is pulsed after the ack */
	IRQGATE_PIT_DROP,     /* it is dropped */
};

struct irqgate_pit;

IRQGATE_API size_t irqgate_pit_size(void);

/* Makes one in memory (aligned as malloc aligns), after power-up. */
IRQGATE_API struct irqgate_pit *irqgate_pit_init(void *memory, enum irqgate_pit_policy policy, uint64_t now);

/* Ports 0x40 to 0x43 and 0x61, a byte each. Others read as 0xff, writes to them are ignored. */
IRQGATE_API uint8_t irqgate_pit_read(struct irqgate_pit *pit, uint16_t port, uint64_t now);
IRQGATE_API void irqgate_pit_write(struct irqgate_pit *pit, uint16_t port, uint8_t value, uint64_t now);

/* When irqgate_pit_tick() is due next: in the past, if it is already; UINT64_MAX before an ack, a write or at all. */
IRQGATE_API uint64_t irqgate_pit_next(const struct irqgate_pit *pit);

/* Whether to pulse IRQ 0 now: at its time; as the guest has acked it. */
IRQGATE_API bool irqgate_pit_tick(struct irqgate_pit *pit, uint64_t now);
IRQGATE_API bool irqgate_pit_acked(struct irqgate_pit *pit, uint64_t now);

/* The last pulse reached nothing that will ack it. What is pending is dropped. */
IRQGATE_API void irqgate_pit_lost(struct irqgate_pit *pit, uint64_t now);

/*
 * To and from what KVM_GET_PIT2 and KVM_SET_PIT2 have (KVM API 4.71, 4.72), so that a VM can move between
 * KVM's own irqchip and a split one. kvm_now: KVM's clock at that moment, CLOCK_MONOTONIC of the host that it
 * is of. Ticks that are unacked or pending are not moved. KVM does not tell when counter 0 was loaded, so its
 * tick begins anew; KVM_SET_PIT2 starts all counts anew. -EINVAL: flags that are not known, or counters that
 * can not be so; then nothing has changed.
 */
IRQGATE_API int irqgate_pit_set_kvm(struct irqgate_pit *pit, const struct kvm_pit_state2 *state, uint64_t kvm_now,
				    uint64_t now);
IRQGATE_API void irqgate_pit_get_kvm(struct irqgate_pit *pit, struct kvm_pit_state2 *state, uint64_t kvm_now,
				     uint64_t now);

#ifdef __cplusplus
}
#endif

#endif
