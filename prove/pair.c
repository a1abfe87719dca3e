/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What a guest does to the pair of 8259As, and how its INTR reaches the first vCPU: as in src/kvm/legacy.c.
 * What is masked and in service there is read from the chip, which has tests of its own. One thread.
 */
#include "prove/steps.h"

enum { ALL = 0xff, BASE = 0x20, INPUT_MASK = IG_PIC_INPUTS - 1 };

static bool is_masked(const struct world *w, uint32_t line)
{
	return ig_pic_is_masked(ig_core_pic(core_of(w)), gsi_of(w, line));
}

static bool serves(const struct world *w, uint32_t line)
{
	return ig_pic_in_service(ig_core_pic(core_of(w)), gsi_of(w, line));
}

/* What was so of the lines before an access. */
struct before {
	bool served[LINES], masked[LINES];
};

static struct before look(const struct world *w)
{
	struct before before = { { 0 }, { 0 } };

	for (uint32_t line = 0; line < w->config->lines; line++) {
		before.served[line] = serves(w, line);
		before.masked[line] = is_masked(w, line);
	}
	return before;
}

static void judge_access(struct world *w, const struct before *before)
{
	for (uint32_t line = 0; line < w->config->lines; line++) {
		bool unmasked = before->masked[line] && !is_masked(w, line);

		if (before->masked[line] != is_masked(w, line))
			judge_slips(w, line);
		if (before->served[line] && !serves(w, line) && !is_masked(w, line)) {
			judge_released(w, line, true);
			judge_leaves_direct(w, line);
		}
		if (unmasked)
			judge_leaves_direct(w, line);
		if (!unmasked || before->served[line])
			continue;
		judge_opened(w, line);
		judge_unmasked(w, line);
	}
}

/* A trigger of a line that the access would unmask, or whose interrupt it ends, which nobody has read yet. */
static bool reads_trigger(struct world *w, uint32_t vcpu, const struct irqgate_pic_access *access)
{
	uint16_t gsis = irqgate_core_pic_unmasks(core_of(w), access);

	if (w->defect != DEFECT_UNREAD_TRIGGER_OUTLIVES_THE_EOI)
		gsis |= irqgate_core_pic_acks(core_of(w), access);

	for (uint32_t i = 0; i < w->config->devices; i++) {
		const struct device *device = &w->s.device[i];
		uint32_t line = w->config->line_of[i];

		if (!(gsis >> gsi_of(w, line) & 1) || !device->source || !device->unread ||
		    device->bound || w->defect == DEFECT_UNREAD_TRIGGER_OUTLIVES_THE_UNMASK)
			continue;
		read_line(w, line, vcpu);
		return true;
	}
	return false;
}

/* False: a trigger had to be read before, whose effects are to be carried out first. */
static bool access_port(struct world *w, uint32_t vcpu, struct irqgate_pic_access *access)
{
	struct before before = look(w);
	bool kick = w->s.thread[vcpu].kick;

	answer_question(w, vcpu);
	if (reads_trigger(w, vcpu, access))
		return false;
	while (irqgate_core_pic_access(core_of(w), access, &w->effects)) {
		judge_together(w);
		take_effects(w, vcpu);
	}
	w->s.thread[vcpu].kick = kick; /* INTR counts as it is at the end */
	take_effects(w, vcpu);
	judge_access(w, &before);
	return true;
}

static bool out(struct world *w, uint32_t vcpu, uint32_t port, uint32_t value)
{
	struct irqgate_pic_access access = { .port = (uint16_t)port, .write = true, .value = (uint8_t)value };

	return access_port(w, vcpu, &access);
}

static void in(struct world *w, uint32_t vcpu, uint32_t port)
{
	struct irqgate_pic_access access = { .port = (uint16_t)port };

	access_port(w, vcpu, &access);
}

static uint32_t command_port(const struct world *w, uint32_t line)
{
	return gsi_of(w, line) < IG_PIC_INPUTS ? IG_PIC_MASTER_COMMAND : IG_PIC_SLAVE_COMMAND;
}

static const char *input_name(uint32_t line)
{
	return line ? "the second line" : "the line";
}

static void set_mask(struct world *w, uint32_t vcpu, uint32_t line, bool masked)
{
	const struct ig_pic *pic = ig_core_pic(core_of(w));
	uint32_t bit = 1U << (gsi_of(w, line) & INPUT_MASK);
	uint32_t imr = gsi_of(w, line) < IG_PIC_INPUTS ? pic->master.imr : pic->slave.imr;

	out(w, vcpu, command_port(w, line) + 1, masked ? imr | bit : imr & ~bit);
}

bool pair_masks(struct world *w, uint32_t argument)
{
	uint32_t line = argument % LINES, vcpu = argument / LINES;

	if (line >= w->config->lines || !is_idle(w, vcpu) || is_masked(w, line))
		return false;
	say(w, "The guest masks %s at the 8259A (on vCPU %u)\n", input_name(line), vcpu);
	set_mask(w, vcpu, line, true);
	return true;
}

bool pair_unmasks(struct world *w, uint32_t argument)
{
	uint32_t line = argument % LINES, vcpu = argument / LINES;

	if (line >= w->config->lines || !is_idle(w, vcpu) || !is_masked(w, line))
		return false;
	say(w, "The guest unmasks %s at the 8259A (on vCPU %u)\n", input_name(line), vcpu);
	set_mask(w, vcpu, line, false);
	return true;
}

/* The specific EOI; of the slave's, one for IR2 of the master too. */
bool pair_eoi(struct world *w, uint32_t argument)
{
	uint32_t line = argument % LINES, vcpu = argument / LINES;

	if (line >= w->config->lines || !is_idle(w, vcpu) || !serves(w, line))
		return false;
	say(w, "The guest sends EOI for %s to the 8259A (on vCPU %u)\n", input_name(line), vcpu);
	out(w, vcpu, command_port(w, line), IG_OCW2_SPECIFIC_EOI | (gsi_of(w, line) & INPUT_MASK));
	if (gsi_of(w, line) >= IG_PIC_INPUTS)
		out(w, vcpu, IG_PIC_MASTER_COMMAND, IG_OCW2_SPECIFIC_EOI | IG_PIC_CASCADE);
	return true;
}

/* The unspecific one, to either chip. */
bool pair_eoi_any(struct world *w, uint32_t argument)
{
	uint32_t slave = argument % 2, vcpu = argument / 2;
	const struct ig_pic *pic = ig_core_pic(core_of(w));

	if (!is_idle(w, vcpu) || !(slave ? pic->slave.isr : pic->master.isr))
		return false;
	say(w, "The guest sends an unspecific EOI to the %s 8259A (on vCPU %u)\n", slave ? "slave" : "master",
	    vcpu);
	out(w, vcpu, slave ? IG_PIC_SLAVE_COMMAND : IG_PIC_MASTER_COMMAND, IG_OCW2_EOI);
	return true;
}

static uint32_t line_of_vector(const struct world *w, uint32_t vector)
{
	return line_of_gsi(w, vector - BASE);
}

/* With automatic EOI the acknowledgement is the EOI as well. */
static void judge_taken(struct world *w, uint32_t vector)
{
	uint32_t line = line_of_vector(w, vector);

	if (line >= w->config->lines) {
		violate(w, UNWANTED, "the vector is a spurious one: INTR was high for nothing");
		return;
	}
	judge_inta(w, line);
	if (is_masked(w, line))
		violate(w, MASKED, "the 8259A delivers an input that it has masked");
}

static void judge_automatic(struct world *w, uint32_t vector)
{
	uint32_t line = line_of_vector(w, vector);

	if (line < w->config->lines && !serves(w, line) && !is_masked(w, line))
		judge_released(w, line, false);
}

bool pair_inta(struct world *w, uint32_t argument)
{
	struct ig_pic then = *ig_core_pic(core_of(w));
	struct ig_pic_result result;
	int vector;

	(void)argument;
	if (!is_idle(w, 0) || !w->s.intr_known || !irqgate_core_pic_intr(core_of(w)))
		return false;
	judge_taken(w, ig_pic_acknowledge(&then, &result));
	vector = irqgate_core_pic_acknowledge(core_of(w), &w->effects);
	say(w, "vCPU 0 acknowledges the 8259A's INTR: vector 0x%x\n", (unsigned int)vector);
	judge_automatic(w, (uint32_t)vector);
	judge_together(w);
	take_effects(w, 0);
	return true;
}

static void initialise(struct world *w, uint32_t command, uint32_t base, uint32_t icw4, uint32_t imr)
{
	out(w, 0, command, IG_ICW1 | IG_ICW1_IC4);
	out(w, 0, command + 1, base);
	out(w, 0, command + 1, 0); /* ICW3: the cascade is wired */
	out(w, 0, command + 1, icw4);
	out(w, 0, command + 1, imr);
}

/* Where an input may be level-triggered, it is so now. */
static void initialise_both(struct world *w, uint32_t icw4)
{
	initialise(w, IG_PIC_SLAVE_COMMAND, BASE + IG_PIC_INPUTS, icw4, ALL);
	initialise(w, IG_PIC_MASTER_COMMAND, BASE, icw4, ALL & ~(1U << IG_PIC_CASCADE));
	out(w, 0, IG_PIC_MASTER_ELCR, ALL);
	out(w, 0, IG_PIC_SLAVE_ELCR, ALL);
	for (uint32_t line = 0; line < w->config->lines; line++)
		if (!ig_pic_is_level(ig_core_pic(core_of(w)), gsi_of(w, line)))
			violate(w, REGISTERS, "the ELCR does not have what was written to it");
}

/*
 * The argument: without automatic EOI, or with it. Between ICW4 and OCW1 all is unmasked: triggers are read
 * before.
 */
bool pair_initialises(struct world *w, uint32_t automatic)
{
	if (!is_idle(w, 0))
		return false;
	for (uint32_t i = 0; i < w->config->devices; i++)
		if (w->s.device[i].unread && !w->s.device[i].bound)
			return false;
	say(w, "The guest initialises the 8259As%s\n", automatic ? " for automatic EOI" : "");
	initialise_both(w, automatic ? IG_ICW4_AEOI : 0);
	return true;
}

static uint8_t foresee(const struct world *w, uint32_t port)
{
	struct ig_pic then = *ig_core_pic(core_of(w));
	struct ig_pic_result result;

	return ig_pic_read(&then, (uint16_t)port, &result);
}

bool pair_polls(struct world *w, uint32_t line)
{
	uint32_t command = command_port(w, line), vector;
	uint8_t word;

	if (line >= w->config->lines || !is_idle(w, 0))
		return false;
	say(w, "The guest polls the 8259A\n");
	out(w, 0, command, IG_OCW3 | IG_OCW3_POLL);
	word = foresee(w, command);
	vector = BASE + (command == IG_PIC_SLAVE_COMMAND ? IG_PIC_INPUTS : 0U) + (word & IG_OCW2_LEVEL);
	if (word & IG_POLL_INTERRUPT && line_of_vector(w, vector) < w->config->lines)
		judge_inta(w, line_of_vector(w, vector));
	in(w, 0, command);
	if (word & IG_POLL_INTERRUPT)
		judge_automatic(w, vector);
	return true;
}

void enter_guest(struct world *w, uint32_t vcpu)
{
	if (!vcpu && has(w, PAIR) && is_idle(w, 0))
		w->s.intr_known = irqgate_core_pic_intr(core_of(w));
}

/* It was kicked, or its window has opened, for what has gone since. */
bool vcpu_passes(struct world *w, uint32_t argument)
{
	(void)argument;
	if (!is_idle(w, 0) || !w->s.intr_known || irqgate_core_pic_intr(core_of(w)))
		return false;
	say(w, "vCPU 0 passes through the VMM: INTR is low again\n");
	enter_guest(w, 0);
	return true;
}

void pair_starts(struct world *w)
{
	initialise_both(w, 0);
}
