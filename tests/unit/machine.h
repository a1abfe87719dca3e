/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A core for a test, in memory of its own, and what its last call asked the world to do. The calls here act
 * as a guest, a device or a world would; each forgets what the call before it left in "seen". One thread.
 */
#ifndef IG_TESTS_MACHINE_H
#define IG_TESTS_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <irqgate/core.h>

#include "chip/ioapic.h"
#include "chip/pic.h"

#define TEST(name) static void name(void **state __attribute__((unused)))

/* A test of an IRQ of the master, and of one of the slave. */
#define TEST_BOTH(name)                               \
	static void name##_at(unsigned int irq);      \
	TEST(name)                                    \
	{                                             \
		name##_at(MASTER_IRQ);                \
		name##_at(SLAVE_IRQ);                 \
	}                                             \
	static void name##_at(unsigned int irq)

enum { PINS = 24, SOURCES = 40, PIN = 16, OTHER_PIN = 17, VECTOR = 0x41, OTHER_VECTOR = 0x51 };

/* The pair's vectors; the slave's follow the master's. */
enum { PAIR_BASE = 0x20, NO_VECTOR = -1, MASTER_IRQ = 5, SLAVE_IRQ = 11 };

/* What the tests program a pin with. */
#define LEVEL  (IG_RTE_LEVEL | VECTOR)
#define EDGE   (UINT64_C(0) | VECTOR)
#define MASKED IG_RTE_MASKED

/* What the last call asked for. */
struct seen {
	uint32_t sends, listens, silences, notices;
	uint32_t pin, ticket; /* of the last send */
	uint32_t line;        /* of the last notice */
	struct irqgate_message message;
	irqgate_source listen[IRQGATE_EFFECTS_MAX], silence[IRQGATE_EFFECTS_MAX];
};

struct machine {
	void *memory;
	size_t bytes;
	struct irqgate_core *core;
	uint32_t chip; /* whose registers the calls below access */
	struct irqgate_effects effects; /* of the last call */
	struct seen seen;
};

void machine_open(struct machine *machine, enum irqgate_policy policy);
void machine_open_config(struct machine *machine, const struct irqgate_core_config *config);
void machine_open_chip(struct machine *machine, const struct irqgate_chip *chip);
void machine_close(struct machine *machine);

/* One with a pair of 8259As, initialised (icw4: of both), with all inputs masked, and level-triggered that may be. */
void machine_open_pair(struct machine *machine, enum irqgate_policy policy, unsigned int icw4);
void machine_init_pair(struct machine *machine, unsigned int icw4);

/* Opens one with a forwarded source alone on PIN, which is programmed; direct: it may take the direct path. */
irqgate_source machine_open_with(struct machine *machine, enum irqgate_policy policy, bool direct, uint64_t rte);

/* Adds what another call of the core asked for to what was seen. */
void machine_see(struct machine *machine);
void machine_forget(struct machine *machine);

/* Any access; a write returns what irqgate_core_ioapic_write() does. */
uint64_t machine_read_at(struct machine *machine, uint64_t offset, uint32_t bytes);
int machine_write_at(struct machine *machine, uint64_t offset, uint64_t value, uint32_t bytes);

/* Registers of the IOAPIC through IOREGSEL and IOWIN. */
void machine_write(struct machine *machine, uint32_t reg, uint32_t value);
uint32_t machine_read(struct machine *machine, uint32_t reg);

/* The same with what the LAPICs say. */
void machine_write_answered(struct machine *machine, uint32_t reg, uint32_t value, int answer);
uint32_t machine_read_answered(struct machine *machine, uint32_t reg, int answer);

/* Whether the core wants the LAPICs to be asked before that write to the lower half of a pin's entry. */
bool machine_asks(struct machine *machine, uint32_t pin, uint32_t value);

/* The lower half of a pin's entry is this register, the upper half the next. */
uint32_t rte_low(uint32_t pin);
uint32_t rte_high(uint32_t pin);

/* Writes both halves of an entry: the upper, then the lower one. */
void machine_program(struct machine *machine, uint32_t pin, uint64_t rte);

/* What a oneshot guest writes to PIN, which is programmed as LEVEL. */
void machine_mask(struct machine *machine);
void machine_unmask(struct machine *machine);
void machine_unmask_answered(struct machine *machine, int answer);

bool machine_remote_irr(struct machine *machine, uint32_t pin);

/* Hands an EOI in; returns how many pins it was for. */
uint32_t machine_eoi(struct machine *machine, uint8_t vector);

/* The same for an EOI through the IOAPIC's own register. */
uint32_t machine_ioapic_eoi(struct machine *machine, uint8_t vector);

/* Ports of the pair. */
void machine_out(struct machine *machine, uint16_t port, unsigned int value);
uint8_t machine_in(struct machine *machine, uint16_t port);

/* What a guest writes to mask and unmask an IRQ at the pair, and the specific EOI; a slave's IRQ leaves IR2 unmasked. */
void machine_pic_mask(struct machine *machine, unsigned int irq);
void machine_pic_unmask(struct machine *machine, unsigned int irq);
void machine_pic_eoi(struct machine *machine, unsigned int irq);

/* What a guest reads: the bit of an IRQ in IRR and ISR. */
bool machine_pic_pending(struct machine *machine, unsigned int irq);
bool machine_pic_serves(struct machine *machine, unsigned int irq);

/* The processor acknowledges: the IRQ whose vector it gets, or NO_VECTOR if INTR is low. */
int machine_inta(struct machine *machine);

bool machine_intr(const struct machine *machine);

irqgate_source machine_add(struct machine *machine, uint32_t pin, enum irqgate_source_kind kind, bool direct);
void machine_remove(struct machine *machine, irqgate_source source);
void machine_trigger(struct machine *machine, irqgate_source source);
void machine_level(struct machine *machine, irqgate_source source, bool level);
void machine_pulse(struct machine *machine, irqgate_source source);
void machine_enable(struct machine *machine, irqgate_source source, bool enable);
void machine_reset(struct machine *machine);
void machine_retry(struct machine *machine);

/* Counters of a source. */
struct irqgate_source_stats machine_stats(const struct machine *machine, irqgate_source source);

/* The version of the table of routes; the table itself, and a route in it by GSI or NULL. */
uint64_t machine_routes_version(const struct machine *machine);
bool machine_route(const struct machine *machine, uint32_t gsi, struct irqgate_message *message);

/* Fails unless the last call asked for so many messages, resamples and silencings. */
#define assert_seen(machine, send_count, listen_count, silence_count)   \
	do {                                                             \
		assert_int_equal((machine)->seen.sends, send_count);       \
		assert_int_equal((machine)->seen.listens, listen_count);   \
		assert_int_equal((machine)->seen.silences, silence_count); \
	} while (0)

#endif
