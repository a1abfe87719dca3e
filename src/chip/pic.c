/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The 8259A pair; see pic.h. The upper half is about one chip, the lower about the pair. */
#include "chip/pic.h"

#define ALL 0xffU

/* Inputs that may be level-triggered: not IRQ 0, 1, 2, nor 8 and 13 (ICH9, 13.4, ELCR1 and ELCR2). */
#define MASTER_ELCR 0xf8U
#define SLAVE_ELCR  0xdeU

enum {
	LAST = IG_PIC_INPUTS - 1, /* of lowest priority after ICW1; taken where nothing requests */
	NONE = IG_PIC_INPUTS,
	NO_PORT = 0xff,
};

static uint8_t bit(unsigned int input)
{
	return (uint8_t)(1U << input);
}

static bool is_ready(const struct ig_pic_chip *chip)
{
	return chip->step == IG_PIC_READY;
}

static uint8_t inputs(const struct ig_pic_chip *chip)
{
	return chip->line | chip->pulse;
}

static uint8_t level_triggered(const struct ig_pic_chip *chip)
{
	return chip->icw1 & IG_ICW1_LTIM ? ALL : chip->elcr;
}

/* The request latches ("Edge and Level Triggered Modes", and the figure of the priority cell). */
static uint8_t irr(const struct ig_pic_chip *chip)
{
	if (chip->poll)
		return chip->frozen;
	return chip->cascade | (inputs(chip) & (level_triggered(chip) | chip->armed));
}

/* An input that is low is ready for its next edge. Ends every change of the inputs. */
static void rearm(struct ig_pic_chip *chip)
{
	chip->armed |= (uint8_t)~inputs(chip);
}

/* Which of a set has the highest priority; NONE of an empty one. */
static unsigned int first(const struct ig_pic_chip *chip, uint8_t set)
{
	for (unsigned int i = 1; i <= IG_PIC_INPUTS; i++) {
		unsigned int input = (chip->lowest + i) % IG_PIC_INPUTS;

		if (set & bit(input))
			return input;
	}
	return NONE;
}

/* What is in service and counts. In special mask mode, what is masked does not ("Special Mask Mode"). */
static uint8_t serving(const struct ig_pic_chip *chip)
{
	return chip->special_mask ? chip->isr & (uint8_t)~chip->imr : chip->isr;
}

/* In special fully nested mode a slave may interrupt its own service. */
static bool may_nest(const struct ig_pic_chip *chip, unsigned int input)
{
	return (chip->icw4 & IG_ICW4_SFNM) && (chip->cascade & bit(input));
}

/* The input that makes INT high, or NONE ("Fully Nested Mode", "Special Fully Nested Mode"). */
static unsigned int resolve(const struct ig_pic_chip *chip)
{
	uint8_t requests = irr(chip) & (uint8_t)~chip->imr;
	unsigned int input = first(chip, requests | serving(chip));

	if (!is_ready(chip) || input == NONE || !(requests & bit(input)))
		return NONE;
	if ((serving(chip) & bit(input)) && !may_nest(chip, input))
		return NONE;
	return input;
}

/* Does nothing for NONE. */
static void end_service(struct ig_pic_chip *chip, unsigned int input, bool rotate)
{
	if (input == NONE)
		return;
	chip->isr &= (uint8_t)~bit(input);
	if (rotate)
		chip->lowest = (uint8_t)input;
}

/* Puts what makes INT high into service. Returns the input, or NONE ("Interrupt Sequence"). */
static unsigned int serve(struct ig_pic_chip *chip)
{
	unsigned int input = resolve(chip);

	if (input == NONE)
		return NONE;
	chip->isr |= bit(input);
	chip->armed &= (uint8_t)~bit(input);
	chip->pulse &= (uint8_t)~bit(input);
	rearm(chip);
	return input;
}

/* A non-specific EOI at the end of the acknowledgement ("Automatic End of Interrupt (AEOI) Mode"). */
static void end_automatically(struct ig_pic_chip *chip)
{
	if (chip->icw4 & IG_ICW4_AEOI)
		end_service(chip, first(chip, serving(chip)), chip->rotate_aeoi);
}

static uint8_t vector(const struct ig_pic_chip *chip, unsigned int input)
{
	return (uint8_t)(chip->icw2 | (input == NONE ? LAST : input));
}

/* "Poll Command". */
static uint8_t poll(struct ig_pic_chip *chip)
{
	unsigned int input = serve(chip);

	chip->poll = false;
	chip->frozen = 0;
	return (uint8_t)(input == NONE ? LAST : IG_POLL_INTERRUPT | input);
}

/* ICW1 leaves of a chip how its inputs are driven and sensed. (AP-59 for the ISR and the rotation.) */
static void initialise(struct ig_pic_chip *chip, uint8_t icw1)
{
	*chip = (struct ig_pic_chip){
		.line = chip->line,
		.cascade = chip->cascade,
		.elcr = chip->elcr,
		.icw1 = icw1,
		.step = IG_PIC_ICW2,
		.lowest = LAST,
	};
	rearm(chip);
}

static void reset(struct ig_pic_chip *chip)
{
	initialise(chip, 0);
	chip->elcr = 0;
	chip->step = IG_PIC_RESET;
}

static void write_ocw2(struct ig_pic_chip *chip, uint8_t value)
{
	unsigned int command = value & IG_OCW2_COMMAND;
	unsigned int level = value & IG_OCW2_LEVEL;

	switch (command) {
	case IG_OCW2_EOI:
	case IG_OCW2_ROTATE_EOI:
		end_service(chip, first(chip, serving(chip)), command == IG_OCW2_ROTATE_EOI);
		break;
	case IG_OCW2_SPECIFIC_EOI:
	case IG_OCW2_ROTATE_SPECIFIC_EOI:
		end_service(chip, level, command == IG_OCW2_ROTATE_SPECIFIC_EOI);
		break;
	case IG_OCW2_SET_PRIORITY:
		chip->lowest = (uint8_t)level;
		break;
	case IG_OCW2_ROTATE_AEOI_SET:
	case IG_OCW2_ROTATE_AEOI_CLEAR:
		chip->rotate_aeoi = command == IG_OCW2_ROTATE_AEOI_SET;
		break;
	default: /* IG_OCW2_NO_OPERATION */
		break;
	}
}

static void write_ocw3(struct ig_pic_chip *chip, uint8_t value)
{
	if (value & IG_OCW3_ESMM)
		chip->special_mask = value & IG_OCW3_SMM;
	if (value & IG_OCW3_RR)
		chip->read_isr = value & IG_OCW3_RIS;
	if ((value & IG_OCW3_POLL) && !chip->poll) {
		chip->frozen = irr(chip);
		chip->poll = true;
	}
}

static void write_command(struct ig_pic_chip *chip, uint8_t value)
{
	if (value & IG_ICW1)
		initialise(chip, value);
	else if (value & IG_OCW3)
		write_ocw3(chip, value);
	else
		write_ocw2(chip, value);
}

static uint8_t after_icw3(const struct ig_pic_chip *chip)
{
	return chip->icw1 & IG_ICW1_IC4 ? IG_PIC_ICW4 : IG_PIC_READY;
}

static void write_data(struct ig_pic_chip *chip, uint8_t value)
{
	switch (chip->step) {
	case IG_PIC_ICW2:
		chip->icw2 = value & IG_ICW2_BASE;
		chip->step = chip->icw1 & IG_ICW1_SNGL ? after_icw3(chip) : IG_PIC_ICW3;
		break;
	case IG_PIC_ICW3:
		chip->step = after_icw3(chip);
		break;
	case IG_PIC_ICW4:
		chip->icw4 = value;
		chip->step = IG_PIC_READY;
		break;
	default: /* OCW1 */
		chip->imr = value;
		break;
	}
}

/* The read after OCW3's poll bit is a poll, whichever port it is from. */
static uint8_t read_command(struct ig_pic_chip *chip)
{
	if (chip->poll)
		return poll(chip);
	return chip->read_isr ? chip->isr : irr(chip);
}

static uint8_t read_data(struct ig_pic_chip *chip)
{
	return chip->poll ? poll(chip) : chip->imr;
}

/* The pair. */

static uint16_t irqs(uint8_t master, uint8_t slave)
{
	return (uint16_t)(master | slave << IG_PIC_INPUTS);
}

static uint8_t masked(const struct ig_pic_chip *chip)
{
	return is_ready(chip) ? chip->imr : ALL;
}

static uint16_t masked_irqs(const struct ig_pic *pic)
{
	uint8_t master = masked(&pic->master);

	return irqs(master, master & bit(IG_PIC_CASCADE) ? ALL : masked(&pic->slave));
}

static uint16_t served_irqs(const struct ig_pic *pic)
{
	return irqs(pic->master.isr, pic->slave.isr);
}

/* Brings the slave's INT to the master. Ends every change of the slave. */
static void settle(struct ig_pic *pic)
{
	pic->master.cascade = resolve(&pic->slave) == NONE ? 0 : bit(IG_PIC_CASCADE);
}

/* Ends every call that has a result. With automatic EOI, an IRQ goes in and out of service within it. */
static void finish(struct ig_pic *pic, const struct ig_pic *before, struct ig_pic_result *result)
{
	uint16_t served = served_irqs(before) | served_irqs(pic);

	end_automatically(&pic->master);
	end_automatically(&pic->slave);
	settle(pic);
	*result = (struct ig_pic_result){
		.acked = served & (uint16_t)~served_irqs(pic),
		.masked = masked_irqs(pic) & (uint16_t)~masked_irqs(before),
		.unmasked = masked_irqs(before) & (uint16_t)~masked_irqs(pic),
		.intr_changed = ig_pic_intr(pic) != ig_pic_intr(before),
	};
}

static struct ig_pic_chip *chip_of(struct ig_pic *pic, unsigned int irq)
{
	return irq < IG_PIC_INPUTS ? &pic->master : &pic->slave;
}

static bool has(uint16_t set, unsigned int irq)
{
	return set >> irq & 1;
}

void ig_pic_init(struct ig_pic *pic)
{
	*pic = (struct ig_pic){ 0 };
	reset(&pic->master);
	reset(&pic->slave);
}

static bool chip_is_valid(const struct ig_pic_chip *chip, uint8_t elcr)
{
	return chip->step <= IG_PIC_READY && chip->lowest < IG_PIC_INPUTS && !(chip->icw2 & ~IG_ICW2_BASE) &&
	       !(chip->elcr & ~elcr) && (chip->poll || !chip->frozen) &&
	       !(~inputs(chip) & ~chip->armed & ALL);
}

bool ig_pic_is_valid(const struct ig_pic *pic)
{
	struct ig_pic settled = *pic;

	settle(&settled);
	return chip_is_valid(&pic->master, MASTER_ELCR) && chip_is_valid(&pic->slave, SLAVE_ELCR) &&
	       settled.master.cascade == pic->master.cascade && !pic->slave.cascade;
}

void ig_pic_reset(struct ig_pic *pic, struct ig_pic_result *result)
{
	const struct ig_pic before = *pic;

	reset(&pic->master);
	reset(&pic->slave);
	finish(pic, &before, result);
}

bool ig_pic_drive(struct ig_pic *pic, unsigned int irq, bool level)
{
	struct ig_pic_chip *chip = chip_of(pic, irq);
	uint8_t input = bit(irq % IG_PIC_INPUTS);
	bool intr = ig_pic_intr(pic);

	chip->line = level ? chip->line | input : chip->line & (uint8_t)~input;
	rearm(chip);
	settle(pic);
	return ig_pic_intr(pic) != intr;
}

bool ig_pic_pulse(struct ig_pic *pic, unsigned int irq)
{
	struct ig_pic_chip *chip = chip_of(pic, irq);
	uint8_t input = bit(irq % IG_PIC_INPUTS);
	bool intr = ig_pic_intr(pic);

	chip->armed |= input;
	chip->pulse |= input;
	settle(pic);
	return ig_pic_intr(pic) != intr;
}

void ig_pic_write(struct ig_pic *pic, uint16_t port, uint8_t value, struct ig_pic_result *result)
{
	const struct ig_pic before = *pic;

	switch (port) {
	case IG_PIC_MASTER_COMMAND: write_command(&pic->master, value); break;
	case IG_PIC_MASTER_DATA: write_data(&pic->master, value); break;
	case IG_PIC_MASTER_ELCR: pic->master.elcr = value & MASTER_ELCR; break;
	case IG_PIC_SLAVE_COMMAND: write_command(&pic->slave, value); break;
	case IG_PIC_SLAVE_DATA: write_data(&pic->slave, value); break;
	case IG_PIC_SLAVE_ELCR: pic->slave.elcr = value & SLAVE_ELCR; break;
	default: break;
	}
	finish(pic, &before, result);
}

static uint8_t read_port(struct ig_pic *pic, uint16_t port)
{
	switch (port) {
	case IG_PIC_MASTER_COMMAND: return read_command(&pic->master);
	case IG_PIC_MASTER_DATA: return read_data(&pic->master);
	case IG_PIC_MASTER_ELCR: return pic->master.elcr;
	case IG_PIC_SLAVE_COMMAND: return read_command(&pic->slave);
	case IG_PIC_SLAVE_DATA: return read_data(&pic->slave);
	case IG_PIC_SLAVE_ELCR: return pic->slave.elcr;
	default: return NO_PORT;
	}
}

uint8_t ig_pic_read(struct ig_pic *pic, uint16_t port, struct ig_pic_result *result)
{
	const struct ig_pic before = *pic;
	uint8_t value = read_port(pic, port);

	finish(pic, &before, result);
	return value;
}

static uint8_t shown(const struct ig_pic_chip *chip)
{
	return chip->poll || chip->read_isr ? 0 : level_triggered(chip);
}

uint16_t ig_pic_shown(const struct ig_pic *pic, uint16_t port)
{
	switch (port) {
	case IG_PIC_MASTER_COMMAND: return irqs(shown(&pic->master), 0);
	case IG_PIC_SLAVE_COMMAND: return irqs(0, shown(&pic->slave));
	default: return 0;
	}
}

bool ig_pic_intr(const struct ig_pic *pic)
{
	return resolve(&pic->master) != NONE;
}

/* The slave answers for its input at the master, even if it has no request ("Cascade Mode"). */
static uint8_t serve_pair(struct ig_pic *pic)
{
	unsigned int input = serve(&pic->master);

	if (input == IG_PIC_CASCADE)
		return vector(&pic->slave, serve(&pic->slave));
	return vector(&pic->master, input);
}

uint8_t ig_pic_acknowledge(struct ig_pic *pic, struct ig_pic_result *result)
{
	const struct ig_pic before = *pic;
	uint8_t taken = serve_pair(pic);

	finish(pic, &before, result);
	return taken;
}

bool ig_pic_is_masked(const struct ig_pic *pic, unsigned int irq)
{
	return has(masked_irqs(pic), irq);
}

bool ig_pic_in_service(const struct ig_pic *pic, unsigned int irq)
{
	return has(served_irqs(pic), irq);
}

bool ig_pic_pending(const struct ig_pic *pic, unsigned int irq)
{
	return has(irqs(irr(&pic->master), irr(&pic->slave)), irq);
}

bool ig_pic_is_level(const struct ig_pic *pic, unsigned int irq)
{
	return has(irqs(level_triggered(&pic->master), level_triggered(&pic->slave)), irq);
}
