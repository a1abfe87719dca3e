/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A test machine's core, saved and restored; one with something in every part of its state. One thread. */
#ifndef IG_TESTS_SAVED_H
#define IG_TESTS_SAVED_H

#include "chip/pic.h"
#include "machine.h"

enum { SAVED_MAX = 4096 };

struct saved {
	unsigned char bytes[SAVED_MAX];
	size_t size;
};

static inline void save(const struct machine *m, struct saved *saved)
{
	saved->size = irqgate_core_save_size(m->core);
	assert_true(saved->size <= SAVED_MAX);
	assert_int_equal(irqgate_core_save(m->core, saved->bytes, saved->size), 0);
}

static inline int restore(struct machine *m, const struct saved *saved)
{
	return irqgate_core_restore(m->core, saved->bytes, saved->size);
}

enum { CRC_BYTES = 4, VERSION_AT = 8, SIZE_AT = 12, POLICY_AT = 16 };

/* CRC-32 by its definition, so that a state that was changed can be made to pass for a whole one. */
static inline void mend_checksum(struct saved *saved)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < saved->size - CRC_BYTES; i++) {
		crc ^= saved->bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ UINT32_C(0xedb88320) : crc >> 1;
	}
	for (size_t i = 0; i < CRC_BYTES; i++)
		saved->bytes[saved->size - CRC_BYTES + i] = (unsigned char)(~crc >> i * 8);
}

static const struct irqgate_core_config rich = {
	.size = sizeof(rich), .policy = IRQGATE_POLICY_HOLD, .sources = SOURCES, .chips = 2, .pic = true,
	.chip = { { .pins = PINS }, { .pins = 8, .gsi_base = 40, .id = 1, .version = 0x11 } },
};

static inline irqgate_source add(struct machine *m, uint32_t gsi, enum irqgate_source_kind kind, bool direct, const char *name)
{
	irqgate_source source;

	assert_int_equal(irqgate_core_add(m->core, gsi, kind, direct, name, &source, &m->effects), 0);
	return source;
}

enum { DEVICE, NIC_A, NIC_B, WIRE, BELL, LEGACY, RICH_SOURCES };

/* Sources of every kind; two of one name on one line. */
static inline void plug_all(struct machine *m, irqgate_source source[RICH_SOURCES])
{
	source[DEVICE] = add(m, PIN, IRQGATE_SOURCE_FORWARDED, true, "device");
	source[NIC_A] = add(m, OTHER_PIN, IRQGATE_SOURCE_FORWARDED, false, "nic");
	source[NIC_B] = add(m, OTHER_PIN, IRQGATE_SOURCE_FORWARDED, false, "nic");
	source[WIRE] = add(m, OTHER_PIN, IRQGATE_SOURCE_WIRE, false, "wire");
	source[BELL] = add(m, 41, IRQGATE_SOURCE_EDGE, false, "bell");
	source[LEGACY] = add(m, 10, IRQGATE_SOURCE_FORWARDED, false, "a name that is cut off somewhere");
}

static inline void open_rich(struct machine *m, irqgate_source source[RICH_SOURCES])
{
	machine_open_config(m, &rich);
	plug_all(m, source);
}

static inline void write_port(struct machine *m, uint16_t port, unsigned int value)
{
	struct irqgate_pic_access access = { .port = port, .write = true, .value = (uint8_t)value };

	while (irqgate_core_pic_access(m->core, &access, &m->effects))
		;
}

/* A history that leaves something in every part of the state. */
static inline void live_richly(struct machine *m, const irqgate_source source[RICH_SOURCES])
{
	machine_program(m, PIN, LEVEL);
	machine_program(m, OTHER_PIN, IG_RTE_LEVEL | OTHER_VECTOR | UINT64_C(3) << IG_RTE_DEST_SHIFT);
	machine_trigger(m, source[NIC_A]);
	machine_write(m, rte_low(OTHER_PIN), IG_RTE_LEVEL | OTHER_VECTOR | MASKED);
	machine_eoi(m, OTHER_VECTOR);
	machine_level(m, source[WIRE], true);
	machine_trigger(m, source[NIC_B]);
	machine_write(m, IG_IOAPIC_ID, 0x05000000);
	write_port(m, IG_PIC_SLAVE_ELCR, 1U << 2);
	write_port(m, IG_PIC_SLAVE_COMMAND, IG_ICW1 | IG_ICW1_IC4);
	write_port(m, IG_PIC_SLAVE_DATA, 0x28);
	machine_trigger(m, source[LEGACY]);
}

/* A rich machine in the middle of its life, and its state. */
static inline void save_rich(struct machine *m, irqgate_source source[RICH_SOURCES], struct saved *saved)
{
	open_rich(m, source);
	live_richly(m, source);
	save(m, saved);
}

#endif
