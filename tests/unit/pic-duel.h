/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Histories of the 8259A pair beside a second model of it, written from the data sheet in another way: inputs
 * as records, priorities as a list that is rotated and searched, initialisation as a stack of words. After
 * each step INTR, what was reported and what was read must agree; the state whenever it is looked at. For a
 * random test and a fuzzer.
 */
#ifndef IG_TESTS_PIC_DUEL_H
#define IG_TESTS_PIC_DUEL_H

#include <string.h>

#include "chance.h"
#include "pair.h"

enum { NOBODY = -1 };

struct model_input {
	bool high, pulsed, fresh; /* fresh: has been low since it was taken */
	bool requested_at_poll;
	bool masked, served, level;
};

enum word { WORD_ICW2, WORD_ICW3, WORD_ICW4 };

struct model_chip {
	struct model_input input[IG_PIC_INPUTS];
	struct model_chip *slave; /* at IR2, or none */
	int order[IG_PIC_INPUTS]; /* the inputs, highest priority first */
	enum word awaited[3];
	int words;                /* how many are awaited */
	int base;
	bool initialised, ltim, nests, automatic, rotates, special, polled, shows_served;
};

struct model {
	struct model_chip master, slave;
	uint16_t acked; /* by the call under way */
};

struct pic_duel {
	struct pair pair;
	struct model model;
	struct chance chance;
};

static unsigned int pick(struct pic_duel *h, unsigned int below)
{
	return draw(&h->chance, below);
}

static int model_winner(const struct model_chip *c);

static bool model_slave_asks(const struct model_chip *c, int n)
{
	return c->slave && n == IG_PIC_CASCADE && model_winner(c->slave) != NOBODY;
}

static bool model_requests(const struct model_chip *c, int n)
{
	const struct model_input *i = &c->input[n];

	if (c->polled)
		return i->requested_at_poll;
	return model_slave_asks(c, n) || ((i->high || i->pulsed) && (i->level || c->ltim || i->fresh));
}

/* The data sheet's sentences one after another, from the highest priority down. */
static int model_winner(const struct model_chip *c)
{
	if (!c->initialised || c->words)
		return NOBODY;
	for (int rank = 0; rank < IG_PIC_INPUTS; rank++) {
		int n = c->order[rank];
		const struct model_input *i = &c->input[n];
		bool blocks = i->served && !(c->special && i->masked);

		if (model_requests(c, n) && !i->masked && (!blocks || (c->nests && model_slave_asks(c, n))))
			return n;
		if (blocks)
			return NOBODY;
	}
	return NOBODY;
}

static void model_make_lowest(struct model_chip *c, int n)
{
	while (c->order[IG_PIC_INPUTS - 1] != n) {
		int highest = c->order[0];

		memmove(&c->order[0], &c->order[1], sizeof(c->order) - sizeof(c->order[0]));
		c->order[IG_PIC_INPUTS - 1] = highest;
	}
}

static int model_irq(const struct model *m, const struct model_chip *c, int n)
{
	return c == &m->slave ? IG_PIC_INPUTS + n : n;
}

static void model_end(struct model *m, struct model_chip *c, int n, bool rotate)
{
	if (c->input[n].served)
		m->acked |= (uint16_t)irq_bit(model_irq(m, c, n));
	c->input[n].served = false;
	if (rotate)
		model_make_lowest(c, n);
}

static void model_end_highest(struct model *m, struct model_chip *c, bool rotate)
{
	for (int rank = 0; rank < IG_PIC_INPUTS; rank++) {
		const struct model_input *i = &c->input[c->order[rank]];

		if (i->served && !(c->special && i->masked)) {
			model_end(m, c, c->order[rank], rotate);
			return;
		}
	}
}

static int model_take(struct model_chip *c)
{
	int n = model_winner(c);

	if (n == NOBODY)
		return NOBODY;
	c->input[n].served = true;
	c->input[n].pulsed = false;
	c->input[n].fresh = !c->input[n].high;
	return n;
}

static uint8_t model_acknowledge(struct model *m)
{
	int n = model_take(&m->master), s = NOBODY;
	uint8_t vector = (uint8_t)(m->master.base + (n == NOBODY ? 7 : n));

	if (n == IG_PIC_CASCADE) {
		s = model_take(&m->slave);
		vector = (uint8_t)(m->slave.base + (s == NOBODY ? 7 : s));
	}
	if (s != NOBODY && m->slave.automatic)
		model_end(m, &m->slave, s, m->slave.rotates);
	if (n != NOBODY && m->master.automatic)
		model_end(m, &m->master, n, m->master.rotates);
	return vector;
}

static void model_icw1(struct model *m, struct model_chip *c, unsigned int value)
{
	for (int n = 0; n < IG_PIC_INPUTS; n++) {
		struct model_input *i = &c->input[n];

		model_end(m, c, n, false);
		i->masked = i->pulsed = false;
		i->fresh = !i->high;
		c->order[n] = n;
	}
	c->initialised = true;
	c->ltim = value & 8;
	c->nests = c->automatic = c->rotates = c->special = c->polled = c->shows_served = false;
	c->base = 0;
	c->words = 0;
	if (value & 1)
		c->awaited[c->words++] = WORD_ICW4; /* the last first */
	if (!(value & 2))
		c->awaited[c->words++] = WORD_ICW3;
	c->awaited[c->words++] = WORD_ICW2;
}

static void model_command(struct model *m, struct model_chip *c, unsigned int value)
{
	int level = value & 7;

	if (value & 0x10) {
		model_icw1(m, c, value);
		return;
	}
	if (value & 0x08) {
		if (value & 0x40)
			c->special = value & 0x20;
		if (value & 2)
			c->shows_served = value & 1;
		for (int n = 0; (value & 4) && !c->polled && n < IG_PIC_INPUTS; n++)
			c->input[n].requested_at_poll = model_requests(c, n);
		c->polled |= (value & 4) != 0;
		return;
	}
	switch (value >> 5) { /* R, SL, EOI */
	case 0: c->rotates = false; break;
	case 1: model_end_highest(m, c, false); break;
	case 3: model_end(m, c, level, false); break;
	case 4: c->rotates = true; break;
	case 5: model_end_highest(m, c, true); break;
	case 6: model_make_lowest(c, level); break;
	case 7: model_end(m, c, level, true); break;
	default: break;
	}
}

static void model_data(struct model_chip *c, unsigned int value)
{
	for (int n = 0; !c->words && n < IG_PIC_INPUTS; n++)
		c->input[n].masked = value >> n & 1;
	if (!c->words)
		return;
	switch (c->awaited[--c->words]) {
	case WORD_ICW2: c->base = value / 8 * 8; break;
	case WORD_ICW3: break;
	case WORD_ICW4:
		c->automatic = value & 2;
		c->nests = value & 0x10;
		break;
	}
}

static uint8_t model_bits(const struct model_chip *c, bool (*has)(const struct model_chip *c, int n))
{
	unsigned int bits = 0;

	for (int n = 0; n < IG_PIC_INPUTS; n++)
		bits |= (unsigned int)has(c, n) << n;
	return (uint8_t)bits;
}

static bool is_masked(const struct model_chip *c, int n) { return c->input[n].masked; }
static bool is_served(const struct model_chip *c, int n) { return c->input[n].served; }

/* Masked, or its chip is out of order. */
static bool is_shut(const struct model_chip *c, int n)
{
	return !c->initialised || c->words || is_masked(c, n);
}

static uint8_t model_read(struct model *m, struct model_chip *c, bool data)
{
	int n;

	if (!c->polled && data)
		return model_bits(c, is_masked);
	if (!c->polled)
		return model_bits(c, c->shows_served ? is_served : model_requests);
	n = model_take(c);
	c->polled = false;
	if (n != NOBODY && c->automatic)
		model_end(m, c, n, c->rotates);
	return (uint8_t)(n == NOBODY ? 7 : 0x80 + n);
}

static uint16_t model_masked(const struct model *m)
{
	uint8_t slave = is_shut(&m->master, IG_PIC_CASCADE) ? 0xff : model_bits(&m->slave, is_shut);

	return (uint16_t)(model_bits(&m->master, is_shut) | slave << IG_PIC_INPUTS);
}

static struct model_chip *either(struct pic_duel *h, uint16_t *command)
{
	bool slave = pick(h, 2);

	*command = slave ? IG_PIC_SLAVE_COMMAND : IG_PIC_MASTER_COMMAND;
	return slave ? &h->model.slave : &h->model.master;
}

static void step_input(struct pic_duel *h)
{
	unsigned int irq = pick(h, IG_PIC_IRQS);
	struct model_chip *c = irq < IG_PIC_INPUTS ? &h->model.master : &h->model.slave;
	struct model_input *i = &c->input[irq % IG_PIC_INPUTS];

	if (irq == IG_PIC_CASCADE && pick(h, 8))
		return;
	if (pick(h, 8)) {
		i->high = pick(h, 2);
		i->fresh |= !i->high && !i->pulsed;
		h->pair.result.intr_changed = ig_pic_drive(&h->pair.pic, irq, i->high);
	} else {
		i->pulsed = i->fresh = true;
		h->pair.result.intr_changed = ig_pic_pulse(&h->pair.pic, irq);
	}
}

/* Mostly the words of a guest that means it; now and then anything at all. */
static void step_command(struct pic_duel *h)
{
	static const uint8_t words[] = {
		0x20, 0x20, 0x20, 0x60, 0x60, 0xa0, 0xe0, 0xc0, 0x80, 0x00, 0x68, 0x48, 0x0c,
	};
	uint16_t command;
	struct model_chip *c = either(h, &command);
	unsigned int value = words[pick(h, sizeof(words))];

	if (!(value & 0x08))
		value |= pick(h, 8);
	if (!pick(h, 200))
		value = 0x10 | pick(h, 256);
	else if (!pick(h, 10))
		value = pick(h, 256) & 0xefU;
	model_command(&h->model, c, value);
	pair_write(&h->pair, command, value);
}

static void step_data(struct pic_duel *h)
{
	uint16_t command;
	struct model_chip *c = either(h, &command);
	unsigned int value = pick(h, 256) & pick(h, 256);

	model_data(c, value);
	pair_write(&h->pair, command + 1, value);
}

static void step_elcr(struct pic_duel *h)
{
	bool slave = pick(h, 2);
	struct model_chip *c = slave ? &h->model.slave : &h->model.master;
	unsigned int value = pick(h, 256);

	for (int n = slave ? 1 : 3; n < IG_PIC_INPUTS; n++)
		c->input[n].level = (value >> n & 1) && !(slave && n == 5);
	pair_write(&h->pair, slave ? IG_PIC_SLAVE_ELCR : IG_PIC_MASTER_ELCR, value);
}

static void step_read(struct pic_duel *h)
{
	uint16_t command;
	struct model_chip *c = either(h, &command);
	bool data = pick(h, 2);

	assert_int_equal(pair_read(&h->pair, command + data), model_read(&h->model, c, data));
}

static void step_acknowledge(struct pic_duel *h)
{
	if (!ig_pic_intr(&h->pair.pic) && pick(h, 8))
		return;
	assert_int_equal(pair_acknowledge(&h->pair), model_acknowledge(&h->model));
}

static void pic_duel_look(struct pic_duel *h)
{
	for (unsigned int irq = 0; irq < IG_PIC_IRQS; irq++) {
		const struct model_chip *c = irq < IG_PIC_INPUTS ? &h->model.master : &h->model.slave;
		int n = (int)irq % IG_PIC_INPUTS;

		assert_int_equal(ig_pic_pending(&h->pair.pic, irq), model_requests(c, n));
		assert_int_equal(ig_pic_in_service(&h->pair.pic, irq), c->input[n].served);
		assert_int_equal(ig_pic_is_level(&h->pair.pic, irq), c->input[n].level || c->ltim);
	}
}

static void pic_duel_step(struct pic_duel *h)
{
	struct model *m = &h->model;
	uint16_t masked = model_masked(m), now;
	bool intr = model_winner(&m->master) != NOBODY, intr_now;

	m->acked = 0;
	h->pair.result = (struct ig_pic_result){ 0 };
	switch (pick(h, 16)) {
	case 0: case 1: case 2: case 3: case 4: step_input(h); break;
	case 5: case 6: case 7: case 8: step_acknowledge(h); break;
	case 9: case 10: case 11: step_command(h); break;
	case 12: case 13: step_data(h); break;
	case 14: step_read(h); break;
	default: step_elcr(h); break;
	}
	now = model_masked(m);
	intr_now = model_winner(&m->master) != NOBODY;
	assert_int_equal(ig_pic_intr(&h->pair.pic), intr_now);
	assert_int_equal(h->pair.result.intr_changed, intr_now != intr);
	assert_reported(&h->pair, m->acked, now & ~masked, masked & ~now);
}

/* Behind each level-triggered input that is high is a device: each interrupts exactly once. */
static void pic_duel_end(struct pic_duel *h)
{
	struct pair *p = &h->pair;
	uint16_t high = 0, served = 0;

	pair_initialise(p, IG_PIC_MASTER_COMMAND, ICW4_8086);
	pair_initialise(p, IG_PIC_SLAVE_COMMAND, ICW4_8086);
	for (unsigned int irq = 0; irq < IG_PIC_IRQS; irq++)
		if (ig_pic_pending(&p->pic, irq) && irq != IG_PIC_CASCADE)
			high |= (uint16_t)irq_bit(irq);
	while (ig_pic_intr(&p->pic)) {
		unsigned int irq = pair_acknowledge(p) - MASTER_BASE;

		assert_true(irq < IG_PIC_IRQS && !(served & irq_bit(irq)));
		served |= (uint16_t)irq_bit(irq);
		pair_lower(p, irq);
		pair_write(p, IG_PIC_SLAVE_COMMAND, IG_OCW2_EOI);
		pair_write(p, IG_PIC_MASTER_COMMAND, IG_OCW2_EOI);
	}
	assert_int_equal(served, high);
}

static void pic_duel_begin(struct pic_duel *h, unsigned int number, struct chance chance)
{
	*h = (struct pic_duel){ .chance = chance };
	h->model.master.slave = &h->model.slave;
	for (int n = 0; n < IG_PIC_INPUTS; n++) {
		h->model.master.order[n] = h->model.slave.order[n] = n;
		h->model.master.input[n].fresh = h->model.slave.input[n].fresh = true;
	}
	ig_pic_init(&h->pair.pic);
	/* Some histories begin before initialisation; in others all the modes that ICW4 has. */
	for (int chip = 0; chip < 2 && number % 4; chip++) {
		uint16_t command = chip ? IG_PIC_SLAVE_COMMAND : IG_PIC_MASTER_COMMAND;
		struct model_chip *c = chip ? &h->model.slave : &h->model.master;
		const unsigned int words[] = { chip ? SLAVE_BASE : MASTER_BASE, 0, pick(h, 256) };

		model_command(&h->model, c, 0x11);
		pair_write(&h->pair, command, 0x11);
		for (int word = 0; word < 3; word++) {
			model_data(c, words[word]);
			pair_write(&h->pair, command + 1, words[word]);
		}
	}
}

#endif
