/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Which vectors a LAPIC holds, as KVM_GET_LAPIC shows it (KVM API 4.57). No state. */
#ifndef IG_LAPIC_STATE_H
#define IG_LAPIC_STATE_H

#include <irqgate/core.h>
#include <linux/kvm.h>

/*
 * irqgate_core_lapic_holds() of the first of the messages that is in the LAPIC's IRR or ISR, or
 * IRQGATE_LAPIC_IDLE. The same vector in a LAPIC that the message does not go to is another device's.
 */
int ig_lapic_find(const struct kvm_lapic_state *lapic, const struct irqgate_message *message, uint32_t messages);

#endif
