/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The parts of guest/oneshot, one block a file. The boot processor runs everything but the interrupt
 * handler, which runs on the last processor (the boot processor, if it is alone).
 */
#ifndef ONESHOT_H
#define ONESHOT_H

#include "../guest.h"
#include "x86.h"

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

/* print.c: lines on the serial port. print knows %s, %u and %x. A line is printed under print_lock. */
extern uint32_t print_lock;
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_claim(void);
_Noreturn void fail(const char *what, uint32_t value);
_Noreturn void leave(uint8_t status);

/* interrupt.c: the interrupt descriptor table, the same on every processor. */
#define VECTOR_EXCEPTIONS 32
#define VECTOR_PIN 0x40 /* of pin 0; each pin has its own */
#define VECTOR_PIC 0x60 /* of IRQ 0 of the 8259s; a multiple of 8 */
#define VECTOR_SPURIOUS 0xff
#define PINS 24
#define IRQS 16
void interrupts_prepare(void);
void interrupts_load(void);

/* A chip that the device's line leads to: by its pins, or IRQs. */
struct chip {
	void (*mask)(uint32_t line);
	void (*unmask)(uint32_t line);
	void (*eoi)(uint32_t line);
};
extern const struct chip ioapic; /* apic.c */
extern const struct chip pic;    /* pic.c */

/* apic.c: local APIC (its processor's own) and IOAPIC (behind a lock of its own). */
void lapic_enable(void);
void lapic_take_pic(void);
uint32_t lapic_id(void);
void lapic_init_processor(uint32_t id);
void lapic_start_processor(uint32_t id, uint32_t page);
uint32_t ioapic_claim(void);
void ioapic_release(uint32_t flags);
uint32_t ioapic_pins(void);
void ioapic_route(uint32_t pin, uint32_t processor);
void ioapic_take_edges(void);

/* pic.c: the pair of 8259As. It interrupts the boot processor, if its local APIC takes that. */
void pic_start(void);
bool pic_set_level(uint32_t irq);
bool pic_is_spurious(uint32_t irq);

/* cpus.c: the other processors. Returns the id of the last one, which shall take the interrupts. */
#define MAX_CPUS 16
extern void (*cpus_work)(void); /* what they do, with interrupts off; NULL: they take interrupts */
uint32_t cpus_start(uint32_t count);

/* pci.c: configuration mechanism 1, bus 0. */
bool pci_find(uint32_t vendor, uint32_t device, uint32_t *address);
uint32_t pci_read(uint32_t address, uint32_t offset);
void pci_write(uint32_t address, uint32_t offset, uint32_t value);

/* device.c: the device that interrupts. */
const char *device_find(void);
uint32_t device_irq(void);
void device_raise(uint32_t bits);
uint32_t device_status(void);
void device_ack(uint32_t bits);
void device_make_deaf(void);

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
void handle_interrupt(uint32_t vector);
void handle_thread(void);
void handle_switch(void);
void handle_recover(void);
void progress_restart(void);
void progress(void);

#endif
