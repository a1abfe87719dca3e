/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The IOAPIC's registers (82093AA, 3.1 and 3.2): what reads back, what is read-only, and which accesses do
 * harm.
 */
#include "chips.h"

#define RESERVED_VERSION 0xff00ff00
#define ID_BITS 0x0f000000
#define PAGE 0x1000
#define PATTERN (RTE_MASKED | RTE_ACTIVE_LOW | RTE_LOGICAL | RTE_LOWEST | 0xa5)
#define READ_ONLY (RTE_REMOTE_IRR | RTE_DELIVERY_STATUS)
#define REAL_BITS \
	(RTE_MASKED | RTE_LEVEL | READ_ONLY | RTE_ACTIVE_LOW | RTE_LOGICAL | RTE_EXTINT | RTE_VECTOR)

static void pins_are_masked_at_the_start(void)
{
	uint32_t pins = ioapic_pins();

	for (uint32_t pin = 0; pin < pins; pin++)
		require(entry_low(pin) & RTE_MASKED);
}

static void version_names_the_chip(void)
{
	uint32_t version = ioapic_read(IOAPIC_VERSION);

	require((version & 0xff) == 0x11 || (version & 0xff) == 0x20);
	require(!(version & RESERVED_VERSION));
	require(ioapic_pins() >= 24);
	ioapic_write(IOAPIC_VERSION, ~version);
	require(ioapic_read(IOAPIC_VERSION) == version);
}

static void id_has_four_bits(void)
{
	uint32_t id = ioapic_read(IOAPIC_ID);

	ioapic_write(IOAPIC_ID, UINT32_MAX);
	require(ioapic_read(IOAPIC_ID) == ID_BITS);
	ioapic_write(IOAPIC_ID, 0x05000000);
	require(ioapic_read(IOAPIC_ID) == 0x05000000);
	ioapic_write(IOAPIC_ID, id);
	require(ioapic_read(IOAPIC_ID) == id);
}

static void arbitration_is_the_id_and_read_only(void)
{
	uint32_t id = ioapic_read(IOAPIC_ID);

	ioapic_write(IOAPIC_ID, 0x03000000);
	require(ioapic_read(IOAPIC_ARBITRATION) == 0x03000000);
	ioapic_write(IOAPIC_ARBITRATION, 0x09000000);
	require(ioapic_read(IOAPIC_ARBITRATION) == 0x03000000);
	ioapic_write(IOAPIC_ID, id);
}

static void index_reads_back(void)
{
	write32(IOAPIC_SELECT, IOAPIC_RTE_LOW(7));
	require((read32(IOAPIC_SELECT) & 0xff) == IOAPIC_RTE_LOW(7));
}

static void entries_read_back(void)
{
	uint32_t pins = ioapic_pins();

	for (uint32_t pin = 0; pin < pins; pin++) {
		entry_set_low(pin, PATTERN ^ pin);
		ioapic_write(IOAPIC_RTE_HIGH(pin), (0x11 + pin) << ID_SHIFT);
	}
	for (uint32_t pin = 0; pin < pins; pin++) {
		require((entry_low(pin) & REAL_BITS) == (PATTERN ^ pin));
		require(ioapic_read(IOAPIC_RTE_HIGH(pin)) >> ID_SHIFT == 0x11 + pin);
	}
}

static void remote_irr_and_status_are_read_only(void)
{
	entry_set_low(LINE, RTE_MASKED | READ_ONLY | LEVEL);
	require(!(entry_low(LINE) & READ_ONLY));
	entry_set_low(LINE, RTE_MASKED | READ_ONLY | EDGE);
	require(!(entry_low(LINE) & READ_ONLY));
}

static void reserved_bits_read_as_zero(void)
{
	entry_set_low(LINE, UINT32_MAX & ~RTE_LEVEL);
	require(!(entry_low(LINE) & ~REAL_BITS));
	ioapic_write(IOAPIC_RTE_HIGH(LINE), UINT32_MAX);
	require(!(ioapic_read(IOAPIC_RTE_HIGH(LINE)) & 0x01ffff));
}

/* Of the data sheet's indices there are three, then the entries; the others must change none of these. */
static void other_indices_do_nothing(void)
{
	uint32_t id = ioapic_read(IOAPIC_ID), pins = ioapic_pins();

	for (uint32_t index = IOAPIC_ARBITRATION; index < 256; index++)
		if (index < IOAPIC_RTE_LOW(0) || index > IOAPIC_RTE_HIGH(pins - 1)) {
			ioapic_write(index, UINT32_MAX);
			ioapic_read(index);
		}
	require(ioapic_read(IOAPIC_ID) == id);
	for (uint32_t pin = 0; pin < pins; pin++)
		require(entry_low(pin) == (RTE_MASKED | VECTOR) && !ioapic_read(IOAPIC_RTE_HIGH(pin)));
}

static void narrow_accesses_reach_the_lower_bits(void)
{
	entry_set_low(LINE, RTE_MASKED | LEVEL);
	write32(IOAPIC_SELECT, 0);
	write8(IOAPIC_SELECT, IOAPIC_RTE_LOW(LINE));
	require(read32(IOAPIC_WINDOW) == (RTE_MASKED | LEVEL));
	require(read8(IOAPIC_WINDOW) == VECTOR);
	require(read16(IOAPIC_WINDOW) == (LEVEL & 0xffff));
	write16(IOAPIC_SELECT, IOAPIC_VERSION);
	require(read8(IOAPIC_WINDOW) == (ioapic_read(IOAPIC_VERSION) & 0xff));
}

/*
 * Only three offsets are registers. Writes of the index go another way to the chip than the others, so both
 * are mixed.
 */
static void other_offsets_do_nothing(void)
{
	uint32_t version = ioapic_read(IOAPIC_VERSION);

	for (uint32_t offset = 1; offset < PAGE; offset += offset < 0x100 ? 1 : 0x3f) {
		if (offset == IOAPIC_WINDOW - IOAPIC || offset == IOAPIC_EOI - IOAPIC)
			continue;
		write8(IOAPIC + offset, 0x5a);
		if (read8(IOAPIC + offset))
			skip("the chip has registers at other offsets");
	}
	write32(IOAPIC + PAGE - 4, UINT32_MAX);
	require(ioapic_read(IOAPIC_VERSION) == version);
	require(entry_low(LINE) == (RTE_MASKED | VECTOR));
}

const struct group register_group = { "registers", (const struct test[]){
	{ .name = "pins are masked at the start", .run = pins_are_masked_at_the_start },
	{ .name = "version names the chip", .run = version_names_the_chip },
	{ .name = "id has four bits", .run = id_has_four_bits },
	{ .name = "arbitration is the id, and read-only", .run = arbitration_is_the_id_and_read_only },
	{ .name = "index reads back", .run = index_reads_back },
	{ .name = "entries read back", .run = entries_read_back },
	{ .name = "remote IRR and delivery status are read-only", .run = remote_irr_and_status_are_read_only },
	{ .name = "reserved bits read as zero", .run = reserved_bits_read_as_zero, .irqgate = true },
	{ .name = "other indices do nothing", .run = other_indices_do_nothing },
	{ .name = "narrow accesses reach the lower bits", .run = narrow_accesses_reach_the_lower_bits,
	  .irqgate = true },
	{ .name = "other offsets do nothing", .run = other_offsets_do_nothing, .irqgate = true },
	{ .name = 0 },
} };
