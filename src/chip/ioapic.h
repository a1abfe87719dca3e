/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The IOAPIC: its registers, and of each pin what is masked, in service and driven. It knows neither who
 * drives a pin nor what its EOI means to others: the caller learns that from what the calls return.
 *
 * Source: Intel 82093AA data sheet (290566), section 3; the EOI register of version 0x20: Intel ICH9 data
 * sheet, section 13.5. Caller serialises.
 */
#ifndef IG_IOAPIC_H
#define IG_IOAPIC_H

#include <irqgate/core.h>

/* Memory-mapped registers (82093AA 3.1; ICH9 13.5.1). */
enum {
	IG_IOAPIC_IOREGSEL = 0x00,
	IG_IOAPIC_IOWIN = 0x10,
	IG_IOAPIC_EOI = 0x40,
	IG_IOAPIC_WINDOW_SIZE = 0x1000,
};

/* Indirect registers (82093AA 3.2). */
enum {
	IG_IOAPIC_ID = 0x00,
	IG_IOAPIC_VER = 0x01,
	IG_IOAPIC_ARB = 0x02,
	IG_IOAPIC_REDTBL = 0x10,
};

#define IG_IOAPIC_ID_SHIFT  24
#define IG_IOAPIC_ID_MASK   0x0f000000U
#define IG_IOAPIC_MAX_SHIFT 16 /* VER: number of the last entry */

/* A redirection table entry (82093AA 3.2.4). */
#define IG_RTE_VECTOR          UINT64_C(0xff)
#define IG_RTE_DELIVERY_SHIFT  8
#define IG_RTE_DELIVERY        (UINT64_C(7) << IG_RTE_DELIVERY_SHIFT)
#define IG_RTE_LOGICAL         (UINT64_C(1) << 11)
#define IG_RTE_DELIVERY_STATUS (UINT64_C(1) << 12)
#define IG_RTE_POLARITY        (UINT64_C(1) << 13)
#define IG_RTE_REMOTE_IRR      (UINT64_C(1) << 14)
#define IG_RTE_LEVEL           (UINT64_C(1) << 15)
#define IG_RTE_MASKED          (UINT64_C(1) << 16)
#define IG_RTE_DEST_SHIFT      56
#define IG_RTE_DEST            (UINT64_C(0xff) << IG_RTE_DEST_SHIFT)
/* Reserved, but for chips with extended destinations (Linux: IO_APIC_route_entry, virt_destid_8_14). */
#define IG_RTE_DEST_HIGH_SHIFT 49
#define IG_RTE_DEST_HIGH       (UINT64_C(0x7f) << IG_RTE_DEST_HIGH_SHIFT)
#define IG_RTE_WRITABLE \
	(IG_RTE_VECTOR | IG_RTE_DELIVERY | IG_RTE_LOGICAL | IG_RTE_POLARITY | IG_RTE_LEVEL | IG_RTE_MASKED | IG_RTE_DEST)

enum { IG_DELIVERY_FIXED = 0, IG_DELIVERY_LOWEST = 1 };

/* Remote IRR. Unknown: the kernel may have sent the pin's message itself (direct path). */
enum ig_irr { IG_IRR_CLEAR, IG_IRR_SET, IG_IRR_UNKNOWN };

struct ig_pin {
	uint64_t rte;    /* the writable bits */
	struct irqgate_message served; /* what was sent, while irr is set */
	uint8_t irr;     /* enum ig_irr */
	uint8_t ticket;  /* counts the messages sent */
	bool level;      /* how the line drives the pin */
	bool undelivered; /* no LAPIC took the message */
};

struct ig_ioapic {
	uint32_t id;       /* as its register has it */
	uint32_t id_reset;
	uint32_t pins;
	uint32_t gsi_base;
	uint8_t select;
	uint8_t version;
	bool extended_destinations;
	bool reserved; /* false: no byte is left to chance */
};

/* What a register write did. */
struct ig_ioapic_written {
	enum { IG_WROTE_NOTHING, IG_WROTE_RTE, IG_WROTE_EOI } what;
	uint32_t pin;    /* of IG_WROTE_RTE */
	uint64_t before; /* the entry before it */
	bool acked;      /* the trigger mode went to edge while remote IRR was set or unknown: the same as an EOI */
	uint8_t vector;  /* of IG_WROTE_EOI */
};

void ig_pin_reset(struct ig_pin *pin);

/* A chip of this configuration, after reset; its pins are reset apart. */
void ig_ioapic_init(struct ig_ioapic *chip, const struct irqgate_chip *config);

void ig_ioapic_reset(struct ig_ioapic *chip);

/* Level-triggered, in a delivery mode that has a remote IRR. */
bool ig_rte_is_level(uint64_t rte);

/* Level-triggered and unmasked: what asserts it leads to an interrupt that ends with an EOI. */
bool ig_rte_is_live(uint64_t rte);

bool ig_rte_is_masked(uint64_t rte);

/* The message that the entry stands for. */
struct irqgate_message ig_rte_message(uint64_t rte);

/* Whether a pin of the chip can be in this state; of the message in service it says nothing. */
bool ig_pin_is_valid(const struct ig_ioapic *chip, const struct ig_pin *pin);

/* The line drives the pin. True: the pin's message must be sent; remote IRR is set already. */
bool ig_pin_drive(struct ig_pin *pin, bool level);

/* No LAPIC took the message of that ticket: remote IRR was not to be set. False: it is history already. */
bool ig_pin_send_failed(struct ig_pin *pin, uint32_t ticket);

/* The pin that IOWIN shows half of, or -1. */
int ig_ioapic_selected_pin(const struct ig_ioapic *chip, uint64_t offset);

/* The entry as it would be after a write of value to IOWIN. */
uint64_t ig_ioapic_merge_rte(const struct ig_ioapic *chip, uint64_t rte, uint32_t value);

uint32_t ig_ioapic_read(const struct ig_ioapic *chip, const struct ig_pin *pins, uint64_t offset);

void ig_ioapic_write(struct ig_ioapic *chip, struct ig_pin *pins, uint64_t offset, uint32_t value,
		     struct ig_ioapic_written *written);

#endif
