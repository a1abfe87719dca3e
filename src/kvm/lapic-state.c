/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What a LAPIC holds; see lapic-state.h. */
#include "kvm/lapic-state.h"

#include <stdbool.h>
#include <string.h>

#include "kvm/msi.h"

/* Offsets in the LAPIC's page; IRR and ISR are banks of 8 registers of 32 bits, 16 bytes apart (SDM vol. 3, 11.4). */
#define LAPIC_ID             0x20U
#define LAPIC_LDR            0xd0U
#define LAPIC_DFR            0xe0U
#define LAPIC_ISR            0x100U
#define LAPIC_IRR            0x200U
#define REGISTER_STRIDE      0x10U
#define VECTORS_PER_REGISTER 32U

/* Destinations: of a message (SDM vol. 3, 11.11.1), and what a LAPIC answers to (11.6.2, 11.12.10). */
#define MSI_LOGICAL           (UINT64_C(1) << 2)
#define DESTINATION_ALL       0xffU
#define XAPIC_SHIFT           24
#define XAPIC_RESERVED        0xffffffU
#define X2APIC_CLUSTER_SHIFT  16
#define DFR_MODEL_SHIFT       28
#define DFR_FLAT              0xfU
#define CLUSTER_SHIFT         4
#define CLUSTER_MEMBERS       0xfU
#define CLUSTER_ALL           0xfU

static bool bank_has(const struct kvm_lapic_state *lapic, uint32_t bank, uint8_t vector)
{
	uint32_t bits;

	memcpy(&bits, &lapic->regs[bank + vector / VECTORS_PER_REGISTER * REGISTER_STRIDE], sizeof(bits));
	return bits >> vector % VECTORS_PER_REGISTER & 1;
}

static uint32_t read_register(const struct kvm_lapic_state *lapic, uint32_t offset)
{
	uint32_t value;

	memcpy(&value, &lapic->regs[offset], sizeof(value));
	return value;
}

/* KVM shows the id of an x2APIC in either place, as KVM_CAP_X2APIC_API was set (KVM API, KVM_GET_LAPIC). */
static uint32_t read_id(const struct kvm_lapic_state *lapic)
{
	uint32_t id = read_register(lapic, LAPIC_ID);

	return id & XAPIC_RESERVED ? id : id >> XAPIC_SHIFT;
}

static bool matches_physical(const struct kvm_lapic_state *lapic, uint32_t destination)
{
	return destination == DESTINATION_ALL || read_id(lapic) == destination;
}

/* SDM vol. 3, 11.6.2.2 (flat, cluster) and 11.12.10 (x2APIC: it has bits below those of an xAPIC's). */
static bool matches_logical(const struct kvm_lapic_state *lapic, uint32_t destination)
{
	uint32_t ldr = read_register(lapic, LAPIC_LDR), own = ldr >> XAPIC_SHIFT;

	if (ldr & XAPIC_RESERVED)
		return destination == DESTINATION_ALL || (!(ldr >> X2APIC_CLUSTER_SHIFT) && (ldr & destination));
	if (destination > DESTINATION_ALL)
		return false;
	if (read_register(lapic, LAPIC_DFR) >> DFR_MODEL_SHIFT == DFR_FLAT)
		return own & destination;
	return (own & destination & CLUSTER_MEMBERS) &&
	       (own >> CLUSTER_SHIFT == destination >> CLUSTER_SHIFT || destination >> CLUSTER_SHIFT == CLUSTER_ALL);
}

static bool goes_to(const struct irqgate_message *message, const struct kvm_lapic_state *lapic)
{
	uint32_t destination = ig_msi_destination(message);

	return message->address & MSI_LOGICAL ? matches_logical(lapic, destination) : matches_physical(lapic, destination);
}

int ig_lapic_find(const struct kvm_lapic_state *lapic, const struct irqgate_message *message, uint32_t messages)
{
	for (uint32_t i = 0; i < messages; i++) {
		uint8_t vector = (uint8_t)message[i].data;

		if (goes_to(&message[i], lapic) &&
		    (bank_has(lapic, LAPIC_IRR, vector) || bank_has(lapic, LAPIC_ISR, vector)))
			return irqgate_core_lapic_holds(&message[i]);
	}
	return IRQGATE_LAPIC_IDLE;
}
