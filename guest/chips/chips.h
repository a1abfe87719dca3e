/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The parts of guest/chips, one block a file. The boot processor runs the tests one after another; the
 * others take interrupts, and do what it asks them to.
 */
#ifndef CHIPS_H
#define CHIPS_H

#include "common/machine.h"
#include "common/registers.h"

/*
 * main.c: a test ends at the first condition that does not hold, or where it says why it can not be made
 * here.
 */
#define require(condition)                                     \
	do {                                                   \
		if (!(condition)) {                            \
			failed(__FILE__, __LINE__, #condition); \
			return;                                \
		}                                              \
	} while (0)
#define skip(reason)             \
	do {                     \
		skipped(reason); \
		return;          \
	} while (0)
void failed(const char *file, uint32_t line, const char *condition);
void skipped(const char *reason);

struct test {
	const char *name;
	void (*run)(void);
	uint32_t cpus;  /* that it needs; 0: one */
	bool anywhere;  /* run once for each processor that may be the target */
	bool irqgate;   /* what the data sheets leave open, as irqgate has it */
};

struct group {
	const char *name;
	const struct test *test; /* the last one has no name */
};
extern const struct group register_group, deliver_group, rewrite_group, destination_group, mode_group,
	pic_group, pic_mode_group, line_group;

/* main.c: what there is. target: the processor that the tests' interrupts go to. */
extern uint32_t cpus, target;
extern bool on_irqgate, has_directed_eoi, first_round;

/* board.c: the lines of the test port, which lead to the pins and IRQs of these numbers. */
#define LINE 14 /* what a test needs first ... */
#define OTHER 15
#define THIRD 10
#define VECTOR 0x51 /* ... of three classes of priority */
#define OTHER_VECTOR 0x62
#define THIRD_VECTOR 0x73
#define LEVEL (RTE_LEVEL | VECTOR)
#define EDGE VECTOR
#define NOBODY 0xee /* an APIC id that no processor has */
void line_set(uint32_t line, bool level);
void line_pulse(uint32_t line);

/* board.c: the IOAPIC's registers, from one processor at a time; low has all bits but the destination. */
uint32_t ioapic_read(uint32_t index);
void ioapic_write(uint32_t index, uint32_t value);
uint32_t ioapic_pins(void);
bool ioapic_has_eoi(void);
void ioapic_eoi(uint32_t vector);
void entry_set(uint32_t pin, uint32_t low, uint32_t destination);
void entry_set_low(uint32_t pin, uint32_t low);
uint32_t entry_low(uint32_t pin);
bool remote_irr(uint32_t pin);

/* board.c: every line low, the 8259s masked; and every pin masked. lapic_reset is for each processor. */
void board_lower(void);
void board_reset(void);
void lapic_reset(void);
void lapic_set_logical(uint32_t id, bool cluster);
bool lapic_tmr(uint32_t vector);

/*
 * take.c: interrupts that are taken. A handler runs on the processor that takes it, and sends the EOI;
 * unless a test gives another, it is ends_it. With lowers_it, the line that was named goes down when it has
 * come so many times.
 */
void take_reset(void);
void take_with(uint32_t vector, void (*handler)(uint32_t vector));
void ends_it(uint32_t vector);
void lowers_it(uint32_t vector);
void take_lowering(uint32_t vector, uint32_t line, uint32_t times);
uint32_t taken(uint32_t vector);
uint32_t taken_by(uint32_t vector, uint32_t processor);
bool came(uint32_t vector, uint32_t times); /* waits for so many, and a little for one too many */
uint32_t taken_order(uint32_t index);       /* the vector that came at that place, or 0 */
void settle(void);
bool wait_until(bool (*condition)(void));

/* take.c: another processor's work: done when it returns. */
void take_work(void);
void do_on(uint32_t processor, void (*work)(uint32_t argument), uint32_t argument);
bool beats(uint32_t processor); /* it runs */

/*
 * pic.c: the pair of 8259As, at INTR of the boot processor, which has its interrupts off but in
 * irq_taken().
 */
#define VECTOR_PIC 0x30
#define NO_IRQ 0xff
void pic_start(uint8_t icw1, uint8_t master_icw4, uint8_t slave_icw4);
void pit_stop(void);
void pic_setup(void);
void pic_unmask(uint16_t irqs);
void pic_levels(uint16_t irqs);
void pic_eoi(uint32_t irq);
uint8_t pic_read(uint16_t chip, uint8_t what);
uint32_t irq_taken(void);       /* the next one that INTR brings; NO_IRQ: none does */
bool no_irq(void);              /* there is none, and none comes for a little */
void irq_note(uint32_t vector); /* the handler */

#endif
