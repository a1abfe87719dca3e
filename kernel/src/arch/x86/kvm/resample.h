/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two chips of x86 tell the gate of forwarded interrupts. All under the lock of the chip. */
#ifndef __KVM_X86_RESAMPLE_H
#define __KVM_X86_RESAMPLE_H

#include <linux/kvm_resample.h>

#include "ioapic.h"
#include "irq.h"

/* An EOI has reached the pin; before remote IRR is cleared. */
void kvm_ioapic_resample_acked(struct kvm_ioapic *ioapic, int pin);

/* The entry was written, and is as it will stay; what its mask and remote IRR were before. */
void kvm_ioapic_resample_written(struct kvm_ioapic *ioapic, int pin, bool was_masked, bool was_in_service);

/* All registers were set; returns which of the pins that were saved as pending are so still. */
u32 kvm_ioapic_resample_restored(struct kvm_ioapic *ioapic, u32 pending);

/* `line` is no longer in service; 0 to 15. */
void kvm_pic_resample_acked(struct kvm_kpic_state *chip, int line);

/* These bits of the mask register go from 1 to 0. */
void kvm_pic_resample_unmasked(struct kvm_kpic_state *chip, u8 pins);

/* All registers of both chips were set. */
void kvm_pic_resample_restored(struct kvm_pic *pic);

#endif
