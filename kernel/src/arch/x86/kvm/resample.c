// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOAPIC's and the 8259's side of the gate of forwarded interrupts; see resample.h and linux/kvm_resample.h.
 *
 * Each chip decides alone, by its own pin, and under its own lock: it sees each EOI and each unmask of the pin in
 * order, so there is no copy of the mask that could be old. If the GSI feeds a pin of the other chip too, that one
 * follows when the debt is paid.
 */
#include <linux/kvm_host.h>

#include "resample.h"

#define PIC_PINS 8

bool kvm_arch_resamples(const struct kvm_kernel_irq_routing_entry *entry)
{
	return entry->type == KVM_IRQ_ROUTING_IRQCHIP;
}

/* What other sources assert stays pending. */
static void lower_ioapic_pin(struct kvm_ioapic *ioapic, int pin)
{
	__clear_bit(KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID, &ioapic->irq_states[pin]);
	if (!ioapic->irq_states[pin])
		ioapic->irr &= ~BIT(pin);
}

/*
 * The EOI may be another entry's, of the same vector: a level that is not in service is not acked by it. An edge is
 * over with its EOI, masked or not: the next one that comes while the pin is masked would be lost.
 */
void kvm_ioapic_resample_acked(struct kvm_ioapic *ioapic, int pin)
{
	const union kvm_ioapic_redirect_entry *entry = &ioapic->redirtbl[pin];
	bool level = entry->fields.trig_mode == IOAPIC_LEVEL_TRIG;

	if (level && !entry->fields.remote_irr)
		return;
	if (kvm_resample_acked(ioapic->kvm, KVM_IRQCHIP_IOAPIC, pin, level && entry->fields.mask))
		lower_ioapic_pin(ioapic, pin);
}

/*
 * Whether the write has opened the pin: unmasked it, or changed it to edge, which is an EOI; and a level that is
 * pending here although nothing kept it from being sent was not accepted by any LAPIC.
 */
static bool is_opened(const struct kvm_ioapic *ioapic, int pin, bool was_masked, bool was_in_service)
{
	const union kvm_ioapic_redirect_entry *entry = &ioapic->redirtbl[pin];

	if (entry->fields.mask || entry->fields.remote_irr)
		return false;
	if (entry->fields.trig_mode == IOAPIC_EDGE_TRIG)
		return was_masked || was_in_service;
	return was_masked || ioapic->irr & BIT(pin);
}

void kvm_ioapic_resample_written(struct kvm_ioapic *ioapic, int pin, bool was_masked, bool was_in_service)
{
	if (is_opened(ioapic, pin, was_masked, was_in_service) &&
	    kvm_resample_opened(ioapic->kvm, KVM_IRQCHIP_IOAPIC, pin))
		lower_ioapic_pin(ioapic, pin);
}

/* An open pin is as if it had just been unmasked: what is pending there may be older than the state. */
u32 kvm_ioapic_resample_restored(struct kvm_ioapic *ioapic, u32 pending)
{
	for (int pin = 0; pin < IOAPIC_NUM_PINS; pin++) {
		if (!is_opened(ioapic, pin, true, false) ||
		    !kvm_resample_opened(ioapic->kvm, KVM_IRQCHIP_IOAPIC, pin))
			continue;
		lower_ioapic_pin(ioapic, pin);
		if (!ioapic->irq_states[pin])
			pending &= ~BIT(pin);
	}
	return pending;
}

static int line_of(const struct kvm_kpic_state *chip, int pin)
{
	return chip == &chip->pics_state->pics[0] ? pin : PIC_PINS + pin;
}

/* An edge that is latched already stays so. */
static void lower_pic_line(struct kvm_kpic_state *chip, int line)
{
	u8 bit = BIT(line % PIC_PINS);
	unsigned long *sources = &chip->pics_state->irq_states[line];

	__clear_bit(KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID, sources);
	if (*sources)
		return;
	chip->last_irr &= ~bit;
	if (chip->elcr & bit)
		chip->irr &= ~bit;
}

void kvm_pic_resample_acked(struct kvm_kpic_state *chip, int line)
{
	u8 bit = BIT(line % PIC_PINS);
	bool masked = chip->elcr & chip->imr & bit;

	if (kvm_resample_acked(chip->pics_state->kvm, SELECT_PIC(line), line, masked))
		lower_pic_line(chip, line);
}

void kvm_pic_resample_unmasked(struct kvm_kpic_state *chip, u8 pins)
{
	u8 latched = chip->irr & ~chip->elcr;
	unsigned long open = pins & ~chip->isr & ~latched;
	int pin;

	for_each_set_bit(pin, &open, PIC_PINS) {
		int line = line_of(chip, pin);

		if (kvm_resample_opened(chip->pics_state->kvm, SELECT_PIC(line), line))
			lower_pic_line(chip, line);
	}
}

void kvm_pic_resample_restored(struct kvm_pic *pic)
{
	for (int i = 0; i < ARRAY_SIZE(pic->pics); i++)
		kvm_pic_resample_unmasked(&pic->pics[i], ~pic->pics[i].imr);
}
