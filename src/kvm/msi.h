/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A message's destination, and how KVM takes its address: KVM wants bits 31:8 of the id in the upper half,
 * where a chip with extended destinations puts bits 14:8 into bits 11:5 (Linux: MSI, virt_destid_8_14; KVM
 * API 4.52). No state.
 */
#ifndef IG_KVM_MSI_H
#define IG_KVM_MSI_H

#include <irqgate/core.h>

#define IG_MSI_DESTINATION_SHIFT 12 /* SDM vol. 3, 11.11.1 */
#define IG_MSI_DESTINATION_BITS  0xffU
#define IG_MSI_EXTENDED_SHIFT    5
#define IG_MSI_EXTENDED_BITS     0x7fU
#define IG_MSI_EXTENDED_ID_SHIFT 8

/* Bits 14:8 of the id, where they are in it. */
static inline uint32_t ig_msi_destination_high(const struct irqgate_message *message)
{
	uint32_t bits = (uint32_t)message->address >> IG_MSI_EXTENDED_SHIFT & IG_MSI_EXTENDED_BITS;

	return bits << IG_MSI_EXTENDED_ID_SHIFT;
}

static inline uint32_t ig_msi_destination(const struct irqgate_message *message)
{
	return ig_msi_destination_high(message) |
	       ((uint32_t)message->address >> IG_MSI_DESTINATION_SHIFT & IG_MSI_DESTINATION_BITS);
}

static inline uint32_t ig_msi_address_low(const struct irqgate_message *message)
{
	return (uint32_t)message->address & ~(IG_MSI_EXTENDED_BITS << IG_MSI_EXTENDED_SHIFT);
}

static inline uint32_t ig_msi_address_high(const struct irqgate_message *message)
{
	return ig_msi_destination_high(message);
}

#endif
