/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The IOAPIC; see ioapic.h. */
#include "chip/ioapic.h"

/* Where a LAPIC's messages go, and the bits of one (Intel SDM vol. 3, 11.11). */
#define MSI_ADDRESS_BASE       UINT64_C(0xfee00000)
#define MSI_ADDRESS_DEST_SHIFT 12
#define MSI_ADDRESS_HIGH_SHIFT 5 /* with extended destinations */
#define MSI_ADDRESS_REDIRECT   (UINT64_C(1) << 3)
#define MSI_ADDRESS_LOGICAL    (UINT64_C(1) << 2)
#define MSI_DATA_LEVEL_ASSERT  (1U << 14)
#define MSI_DATA_LEVEL         (1U << 15)

#define BITS_PER_REGISTER 32
#define REGISTER_MASK     UINT64_C(0xffffffff)

static unsigned int delivery_mode(uint64_t rte)
{
	return (unsigned int)((rte & IG_RTE_DELIVERY) >> IG_RTE_DELIVERY_SHIFT);
}

bool ig_rte_is_level(uint64_t rte)
{
	return (rte & IG_RTE_LEVEL) && delivery_mode(rte) <= IG_DELIVERY_LOWEST;
}

bool ig_rte_is_masked(uint64_t rte)
{
	return rte & IG_RTE_MASKED;
}

bool ig_rte_is_live(uint64_t rte)
{
	return ig_rte_is_level(rte) && !ig_rte_is_masked(rte);
}

struct irqgate_message ig_rte_message(uint64_t rte)
{
	struct irqgate_message message = {
		.address = MSI_ADDRESS_BASE | (rte >> IG_RTE_DEST_SHIFT) << MSI_ADDRESS_DEST_SHIFT |
			   (rte & IG_RTE_DEST_HIGH) >> IG_RTE_DEST_HIGH_SHIFT << MSI_ADDRESS_HIGH_SHIFT,
		.data = (uint32_t)(rte & (IG_RTE_VECTOR | IG_RTE_DELIVERY)),
	};

	if (rte & IG_RTE_LOGICAL)
		message.address |= MSI_ADDRESS_LOGICAL;
	if (delivery_mode(rte) == IG_DELIVERY_LOWEST)
		message.address |= MSI_ADDRESS_REDIRECT;
	if (ig_rte_is_level(rte))
		message.data |= MSI_DATA_LEVEL | MSI_DATA_LEVEL_ASSERT;
	return message;
}

void ig_ioapic_init(struct ig_ioapic *chip, const struct irqgate_chip *config)
{
	*chip = (struct ig_ioapic){
		.id_reset = (uint32_t)config->id << IG_IOAPIC_ID_SHIFT,
		.pins = config->pins,
		.gsi_base = config->gsi_base,
		.version = config->version ? config->version : IRQGATE_IOAPIC_VERSION_20,
		.extended_destinations = config->extended_destinations,
	};
	ig_ioapic_reset(chip);
}

void ig_ioapic_reset(struct ig_ioapic *chip)
{
	chip->id = chip->id_reset;
	chip->select = 0;
}

void ig_pin_reset(struct ig_pin *pin)
{
	pin->rte = IG_RTE_MASKED;
	pin->irr = IG_IRR_CLEAR;
	pin->served = (struct irqgate_message){ 0 };
	pin->undelivered = false;
}

static bool drive_level(struct ig_pin *pin)
{
	if (!pin->level || !ig_rte_is_live(pin->rte) || pin->irr == IG_IRR_SET)
		return false;
	pin->irr = IG_IRR_SET;
	pin->served = ig_rte_message(pin->rte);
	return true;
}

bool ig_pin_drive(struct ig_pin *pin, bool level)
{
	bool rises = level && !pin->level;
	bool send;

	pin->level = level;
	pin->undelivered = false;
	if (ig_rte_is_level(pin->rte))
		send = drive_level(pin);
	else
		send = rises && !ig_rte_is_masked(pin->rte);
	pin->ticket = (uint8_t)(pin->ticket + send);
	return send;
}

bool ig_pin_send_failed(struct ig_pin *pin, uint32_t ticket)
{
	if (pin->irr != IG_IRR_SET || pin->ticket != ticket)
		return false;
	pin->irr = IG_IRR_CLEAR;
	pin->undelivered = true;
	return true;
}

int ig_ioapic_selected_pin(const struct ig_ioapic *chip, uint64_t offset)
{
	uint32_t pin = (chip->select - IG_IOAPIC_REDTBL) / 2U;

	if (offset != IG_IOAPIC_IOWIN || chip->select < IG_IOAPIC_REDTBL || pin >= chip->pins)
		return -1;
	return (int)pin;
}

/* Each entry is two registers: the even one is its lower half. */
static bool selects_high(const struct ig_ioapic *chip)
{
	return chip->select & 1;
}

static uint64_t writable_bits(const struct ig_ioapic *chip)
{
	return IG_RTE_WRITABLE | (chip->extended_destinations ? IG_RTE_DEST_HIGH : 0);
}

bool ig_pin_is_valid(const struct ig_ioapic *chip, const struct ig_pin *pin)
{
	if (pin->rte & ~writable_bits(chip) || pin->irr > IG_IRR_UNKNOWN)
		return false;
	return !pin->undelivered || pin->irr == IG_IRR_CLEAR;
}

uint64_t ig_ioapic_merge_rte(const struct ig_ioapic *chip, uint64_t rte, uint32_t value)
{
	uint64_t merged;

	if (selects_high(chip))
		merged = (rte & REGISTER_MASK) | (uint64_t)value << BITS_PER_REGISTER;
	else
		merged = (rte & ~REGISTER_MASK) | value;
	return merged & writable_bits(chip);
}

static uint32_t read_rte(const struct ig_ioapic *chip, const struct ig_pin *pin)
{
	uint64_t rte = pin->rte;

	if (pin->irr != IG_IRR_CLEAR)
		rte |= IG_RTE_REMOTE_IRR;
	if (pin->undelivered)
		rte |= IG_RTE_DELIVERY_STATUS;
	return (uint32_t)(selects_high(chip) ? rte >> BITS_PER_REGISTER : rte);
}

static uint32_t read_window(const struct ig_ioapic *chip, const struct ig_pin *pins)
{
	int pin = ig_ioapic_selected_pin(chip, IG_IOAPIC_IOWIN);

	if (pin >= 0)
		return read_rte(chip, &pins[pin]);
	switch (chip->select) {
	case IG_IOAPIC_ID:
	case IG_IOAPIC_ARB: /* loaded with the ID (82093AA 3.2.3), and rotated only by an APIC bus */
		return chip->id;
	case IG_IOAPIC_VER:
		return chip->version | (chip->pins - 1) << IG_IOAPIC_MAX_SHIFT;
	default:
		return 0;
	}
}

uint32_t ig_ioapic_read(const struct ig_ioapic *chip, const struct ig_pin *pins, uint64_t offset)
{
	switch (offset) {
	case IG_IOAPIC_IOREGSEL:
		return chip->select;
	case IG_IOAPIC_IOWIN:
		return read_window(chip, pins);
	default:
		return 0;
	}
}

static void write_rte(struct ig_ioapic *chip, struct ig_pin *pin, uint32_t value, struct ig_ioapic_written *written)
{
	written->what = IG_WROTE_RTE;
	written->before = pin->rte;
	pin->rte = ig_ioapic_merge_rte(chip, pin->rte, value);
	pin->undelivered = false;
	written->acked = !ig_rte_is_level(pin->rte) && pin->irr != IG_IRR_CLEAR;
}

static void write_window(struct ig_ioapic *chip, struct ig_pin *pins, uint32_t value,
			 struct ig_ioapic_written *written)
{
	int pin = ig_ioapic_selected_pin(chip, IG_IOAPIC_IOWIN);

	if (pin >= 0) {
		written->pin = (uint32_t)pin;
		write_rte(chip, &pins[pin], value, written);
	} else if (chip->select == IG_IOAPIC_ID) {
		chip->id = value & IG_IOAPIC_ID_MASK;
	}
}

void ig_ioapic_write(struct ig_ioapic *chip, struct ig_pin *pins, uint64_t offset, uint32_t value,
		     struct ig_ioapic_written *written)
{
	*written = (struct ig_ioapic_written){ .what = IG_WROTE_NOTHING };
	switch (offset) {
	case IG_IOAPIC_IOREGSEL:
		chip->select = (uint8_t)value;
		break;
	case IG_IOAPIC_IOWIN:
		write_window(chip, pins, value, written);
		break;
	case IG_IOAPIC_EOI:
		if (chip->version < IRQGATE_IOAPIC_VERSION_20)
			break;
		written->what = IG_WROTE_EOI;
		written->vector = (uint8_t)value;
		break;
	default:
		break;
	}
}
