/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When the owner of a forwarded level-triggered interrupt is told to listen to its device again: the gate.
 *
 * The level of a forwarded source is one bit of its GSI's resampler. A trigger sets it. A chip that the GSI is
 * routed to clears it, under the chip's own lock, in the moment in which it knows that the guest has dealt with the
 * interrupt; then the resample is owed, and is paid by kvm_resample_settle() once no chip's lock is held. Who may
 * clear it, and when, is the policy. An ack is told even if the level was another source's: at once, or at the unmask.
 */
#ifndef __KVM_RESAMPLE_H
#define __KVM_RESAMPLE_H

#include <linux/atomic.h>
#include <linux/types.h>

struct kvm;
struct kvm_irq_ack_notifier;
struct kvm_kernel_irqfd;
struct kvm_kernel_irqfd_resampler;
struct kvm_kernel_irq_routing_entry;

enum kvm_resample_policy {
	KVM_RESAMPLE_EOI,		/* at each EOI */
	KVM_RESAMPLE_UNMASK,		/* at each EOI, and again at the unmask */
	KVM_RESAMPLE_HOLD,		/* at the EOI of an unmasked pin, else at the unmask */
};

/* The part of a resampler that the gate owns. */
struct kvm_resample {
	enum kvm_resample_policy policy;	/* never changes */
	unsigned long state;
	atomic_long_t triggers, holds, resamples;
};

/* A new resampler, not in the VM's list yet; under resampler_lock. */
void kvm_resample_init(struct kvm_kernel_irqfd_resampler *resampler);

/* A source was added to it; under resampler_lock. */
void kvm_resample_joined(struct kvm_kernel_irqfd_resampler *resampler);

/* The trigger was signalled; in any context. */
void kvm_resample_trigger(struct kvm_kernel_irqfd *irqfd);

/* The ack notifier of a resampler: for the chips that do not use what follows. */
void kvm_resample_notified(struct kvm_irq_ack_notifier *notifier);

/* Whether the chip of that route calls kvm_resample_acked() itself. */
bool kvm_arch_resamples(const struct kvm_kernel_irq_routing_entry *entry);

/*
 * For the chips, under the lock that guards the pin. Both return whether the pin is forwarded and its level, as far
 * as it is a forwarded one, low now.
 * acked: the guest has acked the pin, which is now masked or not.
 * opened: it has unmasked the pin, and nothing that was sent for it is in service.
 */
bool kvm_resample_acked(struct kvm *kvm, unsigned int irqchip, unsigned int pin, bool masked);
bool kvm_resample_opened(struct kvm *kvm, unsigned int irqchip, unsigned int pin);

/* The level that a source drives now, under the same lock: what it was a moment ago may be in `level`. */
int kvm_resample_level(struct kvm *kvm, unsigned int irqchip, unsigned int pin, int source, int level);

/* Pays what is owed. After the above, and under no chip's lock. */
void kvm_resample_settle(struct kvm *kvm);

#endif
