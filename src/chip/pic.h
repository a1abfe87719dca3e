/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The PC's pair of 8259A interrupt controllers: IRQ 0 to 7 at the master, IRQ 8 to 15 at the slave, whose
 * INT drives the master's IR2. It knows neither who drives an input nor what an EOI means to others: the
 * caller learns that from what the calls report. The state is plain bytes without pointers or padding: a
 * copy of them is a copy of the pair. Caller serialises.
 *
 * Sources: Intel 8259A data sheet (231468), cited by its headings; Intel AP-59, "Using the 8259A"; for the
 * ports and the ELCR, Intel ICH9 data sheet, section 13.4. What an IRQ is said to be:
 *
 *   pending     its IRR bit is set, as the guest reads it, whatever the mask. Level-triggered: its input
 *               is high. Edge-triggered: its input is high, and has risen since it was last acknowledged.
 *               (From OCW3's poll bit to the read that it asks for, the IRR is frozen: "Poll Command".)
 *   in service  its ISR bit is set: acknowledged, and no EOI yet. Never so with automatic EOI.
 *   masked      it can not reach INTR before the guest writes to a port: its IMR bit is set, or its chip
 *               is not initialised, or, for IRQ 8 to 15, that is so of the master's IR2. What is in
 *               service, and so holds it back, does not count.
 *
 * INTR follows the requests, and falls with them: a request that goes before it is acknowledged leaves
 * nothing behind. A processor that acknowledges all the same gets IRQ 7, without an ISR bit ("Interrupt
 * Sequence"). If the slave has no request when IR2 is acknowledged, because somebody else drove IR2, it is
 * IRQ 15, with IR2 in service at the master.
 *
 * Choices where the sources leave one: the cascade is wired, so ICW3 is taken and ignored, and SNGL leaves
 * ICW3 out and does nothing else; BUF, M/S and uPM are ignored; LTIM makes all inputs of its chip
 * level-triggered, as with the 8259A (the ICH9 ignores it); the slave drives IR2 as a level, so that to
 * initialise the master alone loses nothing; a poll is an acknowledgement in every respect, automatic EOI
 * included.
 */
#ifndef IG_PIC_H
#define IG_PIC_H

#include <stdbool.h>
#include <stdint.h>

/* I/O ports (ICH9, 13.4). The command port has A0 = 0, the data port A0 = 1. */
enum {
	IG_PIC_MASTER_COMMAND = 0x20,
	IG_PIC_MASTER_DATA = 0x21,
	IG_PIC_SLAVE_COMMAND = 0xa0,
	IG_PIC_SLAVE_DATA = 0xa1,
	IG_PIC_MASTER_ELCR = 0x4d0,
	IG_PIC_SLAVE_ELCR = 0x4d1,
};

enum {
	IG_PIC_INPUTS = 8, /* of one chip */
	IG_PIC_IRQS = 16,
	IG_PIC_CASCADE = 2, /* the master's input for the slave */
};

/* Initialization command words ("Initialization Command Words (ICWs)"). */
#define IG_ICW1      0x10U /* tells ICW1 from OCW2 and OCW3 */
#define IG_ICW1_IC4  0x01U /* ICW4 follows */
#define IG_ICW1_SNGL 0x02U /* no ICW3 follows */
#define IG_ICW1_LTIM 0x08U /* level-triggered inputs */
#define IG_ICW2_BASE 0xf8U /* of the vectors */
#define IG_ICW4_AEOI 0x02U /* automatic EOI */
#define IG_ICW4_SFNM 0x10U /* special fully nested mode */

/* Operation command word 2 ("Operation Control Word 2 (OCW2)"). */
#define IG_OCW2_LEVEL                 0x07U
#define IG_OCW2_COMMAND               0xe0U
#define IG_OCW2_ROTATE_AEOI_CLEAR     0x00U
#define IG_OCW2_EOI                   0x20U
#define IG_OCW2_NO_OPERATION          0x40U
#define IG_OCW2_SPECIFIC_EOI          0x60U
#define IG_OCW2_ROTATE_AEOI_SET       0x80U
#define IG_OCW2_ROTATE_EOI            0xa0U
#define IG_OCW2_SET_PRIORITY          0xc0U
#define IG_OCW2_ROTATE_SPECIFIC_EOI   0xe0U

/* Operation command word 3 ("Operation Control Word 3 (OCW3)"). */
#define IG_OCW3      0x08U /* tells OCW3 from OCW2 */
#define IG_OCW3_RIS  0x01U /* the ISR, else the IRR, is read from now on: counts with RR only */
#define IG_OCW3_RR   0x02U
#define IG_OCW3_POLL 0x04U
#define IG_OCW3_SMM  0x20U /* special mask mode on, else off: counts with ESMM only */
#define IG_OCW3_ESMM 0x40U

#define IG_POLL_INTERRUPT 0x80U /* the poll word: there was a request, its level in the low bits */

/* Where a chip is in the sequence that ICW1 starts: what a write to its data port is. */
enum ig_pic_step {
	IG_PIC_RESET, /* no ICW1 yet: OCW1, but nothing interrupts */
	IG_PIC_ICW2,
	IG_PIC_ICW3,
	IG_PIC_ICW4,
	IG_PIC_READY, /* OCW1 */
};

/* One 8259A. A byte named as a set has one bit for each input. */
struct ig_pic_chip {
	uint8_t line;    /* set: inputs that the caller drives high */
	uint8_t pulse;   /* set: inputs that a pulse keeps high until they are acknowledged */
	uint8_t cascade; /* set: inputs that the slave drives high */
	uint8_t armed;   /* set: the edge sense latches: low since it was last acknowledged, or now */
	uint8_t elcr;    /* set: level-triggered inputs, whatever LTIM says */
	uint8_t imr;     /* set */
	uint8_t isr;     /* set */
	uint8_t frozen;  /* set: the IRR, while a poll is under way, else 0 */
	uint8_t icw1;
	uint8_t icw2;
	uint8_t icw4;
	uint8_t step;    /* enum ig_pic_step */
	uint8_t lowest;  /* the input of lowest priority; the one after it has the highest */
	bool rotate_aeoi;
	bool special_mask;
	bool poll;       /* the next read is a poll */
	bool read_isr;
};

struct ig_pic {
	struct ig_pic_chip master, slave;
};

/* What a call did, in sets of IRQs with IRQ n as bit n. Every call overwrites all of it. */
struct ig_pic_result {
	uint16_t acked;    /* went out of service: by any EOI, the automatic one included, or by ICW1 */
	uint16_t masked;   /* are masked now, were not before */
	uint16_t unmasked; /* were masked before, are not now */
	bool intr_changed;
};

/* Puts a pair at the start of its life: no input driven, and reset. */
void ig_pic_init(struct ig_pic *pic);

/* Whether a pair can be in this state. */
bool ig_pic_is_valid(const struct ig_pic *pic);

/* A reset of the machine: all registers, the ELCR too. How the inputs are driven stays. */
void ig_pic_reset(struct ig_pic *pic, struct ig_pic_result *result);

/* Drives an input. irq: 0 to 15. Returns whether INTR changed. */
bool ig_pic_drive(struct ig_pic *pic, unsigned int irq, bool level);

/*
 * For sources without a level: the input rises now, and stays high until it is acknowledged or its chip is
 * initialised. (To drive it up and down at once makes a request that goes before it is acknowledged.) irq: 0
 * to 15. Returns whether INTR changed.
 */
bool ig_pic_pulse(struct ig_pic *pic, unsigned int irq);

/* A guest's write of a port. What is none of the pair's is ignored. */
void ig_pic_write(struct ig_pic *pic, uint16_t port, uint8_t value, struct ig_pic_result *result);

/* A guest's read of a port. A poll acknowledges. What is none of the pair's reads as ones. */
uint8_t ig_pic_read(struct ig_pic *pic, uint16_t port, struct ig_pic_result *result);

/*
 * The IRQs (a set) whose level a read of the port shows: of a chip's IRR, its level-triggered inputs. Their
 * requests are the levels, masked or not.
 */
uint16_t ig_pic_shown(const struct ig_pic *pic, uint16_t port);

/* Whether INTR is high: something not masked has a higher priority than what is in service. */
bool ig_pic_intr(const struct ig_pic *pic);

/* The processor's INTA cycles. Returns the vector; the spurious one if INTR is low. */
uint8_t ig_pic_acknowledge(struct ig_pic *pic, struct ig_pic_result *result);

/* What an IRQ (0 to 15) is; see above. Level: its input is level-triggered. */
bool ig_pic_is_masked(const struct ig_pic *pic, unsigned int irq);
bool ig_pic_in_service(const struct ig_pic *pic, unsigned int irq);
bool ig_pic_pending(const struct ig_pic *pic, unsigned int irq);
bool ig_pic_is_level(const struct ig_pic *pic, unsigned int irq);

#endif
