/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The parts of guest/oneshot, one block a file. The boot processor runs everything but the interrupt
 * handler, which runs on the last processor (the boot processor, if it is alone).
 */
#ifndef ONESHOT_H
#define ONESHOT_H

#include "common/machine.h"
#include "common/registers.h"

/* How interrupts are handled, and the chips that they come through: with both, by turns. */
struct mode {
	const char *name;
	bool plain, ioapic, pic;
	/* Wrong ones: ended without quieting the device; taken for an edge; asserted too early; no resample is heard. */
	bool storm, edge, early, deaf;
};

/* options.c: the command line. Counts are events and processors, times are TSC cycles. */
struct options {
	const struct mode *mode;
	uint32_t events, cpus;
	uint64_t work, gap, limit;
};
extern struct options options;
void options_read(const char *line);

#define VECTOR_PIN 0x40 /* of pin 0; each pin has its own */
#define VECTOR_PIC 0x60 /* of IRQ 0 of the 8259s; a multiple of 8 */
#define PINS 24
#define IRQS 16

/* A chip that the device's line leads to: by its pins, or IRQs. */
struct chip {
	void (*mask)(uint32_t line);
	void (*unmask)(uint32_t line);
	void (*eoi)(uint32_t line);
};
extern const struct chip ioapic; /* ioapic.c; behind a lock of its own */
extern const struct chip pic;    /* pic.c */

/* ioapic.c */
uint32_t ioapic_claim(void);
void ioapic_release(uint32_t flags);
uint32_t ioapic_pins(void);
void ioapic_route(uint32_t pin, uint32_t processor);
void ioapic_take_edges(void);

/* pic.c: the pair of 8259As. It interrupts the boot processor, if its local APIC takes that. */
void pic_start(void);
bool pic_set_level(uint32_t irq);
bool pic_is_spurious(uint32_t irq);

/*
 * handle.c: how an interrupt is handled, and what is counted. One processor writes each counter: the
 * handler's entries, the thread's the rest (in plain mode the handler's also quiet).
 */
struct counts {
	volatile uint32_t events, entries, quiet, lost;
};
extern struct counts counts;
extern volatile uint32_t seen; /* the status bits that were found and acked */
void handle_too_early(void);
uint32_t handle_probe(uint32_t processor);
uint32_t handle_legacy(void);
void handle_thread(void);
void handle_switch(void);
void handle_recover(void);
void progress_restart(void);
void progress(void);

#endif
