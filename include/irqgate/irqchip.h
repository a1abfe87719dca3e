/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Between KVM's own irqchip and a split one: the chips' registers as KVM_GET_IRQCHIP and KVM_SET_IRQCHIP have
 * them (KVM API 4.26, 4.27), so that a VM can move from one to the other, in the middle of a hold too. On
 * x86.
 *
 * The registers are all that moves. KVM does not know what asserts a line, so nothing is taken from it about
 * that: a wire is as its device drives it, and a forwarded source is resampled on the other side, where one
 * that still asserts triggers anew. The LAPICs are KVM's on both sides (KVM_GET_LAPIC).
 *
 * KVM's chips: an IOAPIC of 24 pins from GSI 0, version 0x11, without extended destinations; a pair of
 * 8259As; EOIs that are broadcast. A guest that once found an IOAPIC of version 0x20 may use its EOI
 * register, so it can not move to KVM's. The 8254 moves apart: see irqgate/pit.h.
 */
#ifndef IRQGATE_IRQCHIP_H
#define IRQGATE_IRQCHIP_H

#include <linux/kvm.h>

#include <irqgate/core.h>
#include <irqgate/kvm.h>

#ifdef __cplusplus
extern "C" {
#endif

struct irqgate_irqchip {
	size_t size; /* set by the caller: sizeof(struct irqgate_irqchip) */
	struct kvm_ioapic_state ioapic; /* KVM_IRQCHIP_IOAPIC */
	struct kvm_pic_state master;    /* KVM_IRQCHIP_PIC_MASTER */
	struct kvm_pic_state slave;     /* KVM_IRQCHIP_PIC_SLAVE */
};

/*
 * Takes KVM's registers over. The core's wires must be as their devices drive them. Afterwards call
 * irqgate_core_restored() and irqgate_core_retry(), as after irqgate_core_restore(). -EINVAL: a size that is
 * not known, a core whose chips are others (its version may be 0x20), or registers that can not be so; then
 * nothing has changed.
 */
IRQGATE_API int irqgate_core_set_irqchip(struct irqgate_core *core, const struct irqgate_irqchip *irqchip);

/*
 * The registers for KVM, in the state that irqgate_core_save() asks for. The IOAPIC's irr has what wires
 * assert; tell KVM of them all the same (KVM_IRQ_LINE), and resample the forwarded sources once their irqfds
 * are there. What is in service by a message that the guest has since changed is not: KVM would not know its
 * EOI. -EINVAL: a size that is not known, or a core whose chips are others.
 */
IRQGATE_API int irqgate_core_get_irqchip(const struct irqgate_core *core, struct irqgate_irqchip *irqchip);

/*
 * The same with an adapter, before the vCPUs run, or while none does. Setting carries out what follows. After
 * getting, sources on the direct path are silent, until irqgate_kvm_resume(). -EINVAL: as above, or another
 * base address. Otherwise KVM's errors to a change of its routes.
 */
IRQGATE_API int irqgate_kvm_set_irqchip(struct irqgate_kvm *gate, const struct irqgate_irqchip *irqchip);
IRQGATE_API int irqgate_kvm_get_irqchip(struct irqgate_kvm *gate, struct irqgate_irqchip *irqchip);

#ifdef __cplusplus
}
#endif

#endif
