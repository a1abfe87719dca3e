/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What the guests share, one block a file. What a guest must have itself is said last. */
#ifndef MACHINE_H
#define MACHINE_H

#include "../guest.h"
#include "x86.h"

/* multiboot.c: what the loader says. Strings are "" where it says nothing. */
struct multiboot_info;
const char *multiboot_command_line(uint32_t magic, const struct multiboot_info *info);
const char *multiboot_loader(const struct multiboot_info *info);

/* words.c: a line of words "name=value"; each is handed on, and ends with a blank or the line. */
void words_each(const char *line, void (*word)(const char *word));
const char *words_after(const char *word, const char *name); /* what follows name, or NULL */
bool words_end(const char *text);
bool words_same(const char *word, const char *name);
uint64_t words_number(const char *text, uint64_t max, const char *error); /* fails with that error */

/* print.c: lines on the serial port. print knows %s, %u and %x. A line is printed under print_lock. */
extern uint32_t print_lock;
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_claim(void);
_Noreturn void fail(const char *what, uint32_t value);
_Noreturn void leave(uint8_t status);

/*
 * interrupt.c: the interrupt descriptor table, the same on every processor. An NMI is an error but where it
 * is taken.
 */
#define VECTOR_NMI 2
#define VECTOR_EXCEPTIONS 32
#define VECTOR_SPURIOUS 0xff
#define VECTORS 256
extern bool interrupts_take_nmi;
void interrupts_prepare(void);
void interrupts_load(void);

/* lapic.c: this processor's own. */
void lapic_enable(void);
void lapic_take_pic(void);
uint32_t lapic_id(void);
void lapic_eoi(void);
void lapic_set_priority(uint32_t priority);
void lapic_init_processor(uint32_t id);
void lapic_start_processor(uint32_t id, uint32_t page);

/* cpus.c: the other processors, with the ids from 1 on. cpus_start returns the id of the last one. */
#define MAX_CPUS 16
extern void (*cpus_work)(void); /* what they do, with interrupts off; NULL: they take interrupts */
uint32_t cpus_start(uint32_t count);
void cpus_start_one(uint32_t id);

/* pci.c: configuration mechanism 1, bus 0. */
bool pci_find(uint32_t vendor, uint32_t device, uint32_t *address);
uint32_t pci_read(uint32_t address, uint32_t offset);
void pci_write(uint32_t address, uint32_t offset, uint32_t value);

/* device.c: the device that interrupts. Finding it returns its name, or NULL. */
const char *device_find(void);
uint32_t device_irq(void);
void device_raise(uint32_t bits);
uint32_t device_status(void);
void device_ack(uint32_t bits);
void device_make_deaf(void);

/* The guest's own: where it starts, and what is done with a vector. */
_Noreturn void guest_main(uint32_t magic, const struct multiboot_info *info);
void handle_interrupt(uint32_t vector);

#endif
