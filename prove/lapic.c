/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * KVM's LAPICs, the EOI exits that its routes make, and how the adapter asks what the LAPICs hold: as in
 * src/kvm/lapic.c, that of the accessing vCPU at once, those of others as they pass. One thread.
 */
#include "prove/steps.h"
#include "route/route.h"

/* Of a message (SDM vol. 3, 11.11). */
#define MSI_ADDRESS           UINT64_C(0xfee00000)
#define MSI_DESTINATION_SHIFT 12
#define MSI_DESTINATION       0xffU
#define MSI_LEVEL             (1U << 15)

uint8_t message_vector(const struct irqgate_message *message)
{
	return ig_route_vector(message);
}

uint8_t message_vcpu(const struct irqgate_message *message)
{
	return (uint8_t)(message->address >> MSI_DESTINATION_SHIFT & MSI_DESTINATION);
}

bool message_is_level(const struct irqgate_message *message)
{
	return message->data & MSI_LEVEL;
}

static uint8_t vector_bit(const struct irqgate_message *message)
{
	return (uint8_t)(1U << vector_index(message_vector(message)));
}

bool is_held(const struct world *w, uint8_t vectors)
{
	for (uint32_t i = 0; i < VCPUS; i++)
		if ((w->s.vcpu[i].requested | w->s.vcpu[i].serving) & vectors)
			return true;
	return false;
}

void accept_message(struct world *w, uint32_t vcpu, uint32_t vector)
{
	w->s.vcpu[vcpu].requested |= (uint8_t)(1U << vector);
}

/* KVM API 4.96: of level-triggered messages in the table that go to this vCPU, and of no other. */
bool eoi_exits(const struct world *w, uint32_t vcpu, uint32_t vector)
{
	uint32_t kept = w->defect == DEFECT_PREVIOUS_ROUTE_IS_DROPPED ? 1 : 2;

	if (w->defect == DEFECT_EOI_EXIT_IS_NEVER_ARMED)
		return false;
	for (uint32_t line = 0; line < w->config->lines; line++)
		for (uint32_t i = 0; i < kept; i++) {
			const struct route *route = &w->s.table[line][i];

			if (route->there && route->level && route->vector == vector && route->vcpu == vcpu)
				return true;
		}
	return false;
}

/* The answer that a vCPU's LAPIC holds a vector. */
static int answer_of(uint32_t vcpu, uint32_t vector)
{
	struct irqgate_message message = {
		.address = MSI_ADDRESS | (uint64_t)vcpu << MSI_DESTINATION_SHIFT,
		.data = vector_number(vector),
	};

	return irqgate_core_lapic_holds(&message);
}

/* What a LAPIC holds of a set of vectors, or an IRQGATE_LAPIC_ value. */
static int look(const struct world *w, uint32_t vcpu, uint32_t vectors)
{
	uint32_t held = (w->s.vcpu[vcpu].requested | w->s.vcpu[vcpu].serving) & vectors;

	for (uint32_t vector = 0; vector < VECTORS; vector++)
		if (held >> vector & 1)
			return answer_of(vcpu, vector);
	return IRQGATE_LAPIC_IDLE;
}

static int take_answer(struct world *w, bool write)
{
	struct question *question = &w->s.question;
	int found = question->found ? question->found : IRQGATE_LAPIC_IDLE;

	if (!question->found && (write || question->unanswered))
		return IRQGATE_LAPIC_NOT_ASKED;
	if (question->judge_served & w->s.line[question->line].judge_served && !question->found &&
	    !w->s.line[question->line].judge_extra)
		/* and has been, ever since the question was put */
		violate(w, REGISTERS, "no LAPIC is said to hold the interrupt, but it is in service");
	*question = (struct question){ 0 };
	w->judge_answered = true;
	return found;
}

static void ask_others(struct world *w, uint32_t vcpu, const struct question *question)
{
	if (w->s.question.asked)
		return;
	w->s.question = *question;
	w->s.question.judge_served = w->s.line[question->line].judge_served;
	for (uint32_t i = 0; i < w->config->vcpus; i++)
		if (i != vcpu)
			w->s.question.unanswered |= (uint8_t)(1U << i);
	say(w, "     it asks the other vCPUs what their LAPICs hold\n");
}

static bool is_same(const struct world *w, const struct question *question)
{
	return w->s.question.asked && w->s.question.line == question->line &&
	       w->s.question.vcpu == question->vcpu &&
	       (w->s.question.epoch == question->epoch || w->defect == DEFECT_LAPIC_ANSWER_IS_NEVER_OLD);
}

int ask_lapics(struct world *w, uint32_t vcpu, const struct irqgate_access *access)
{
	struct question question = { .asked = true };
	struct irqgate_message message[2];
	uint32_t count = 0;
	int gsi = irqgate_core_asks_lapic(core_of(w), access, message, &count), own;

	if (gsi < 0)
		return IRQGATE_LAPIC_NOT_ASKED;
	for (uint32_t i = 0; i < count; i++)
		question.vectors[message_vcpu(&message[i])] |= vector_bit(&message[i]);
	own = look(w, vcpu, question.vectors[vcpu]);
	if (own != IRQGATE_LAPIC_IDLE || w->config->vcpus == 1 || w->defect == DEFECT_LAPIC_OF_THIS_VCPU_ONLY)
		return own;
	question.vcpu = (uint8_t)vcpu;
	question.line = (uint8_t)line_of_gsi(w, (uint32_t)gsi);
	question.epoch = irqgate_core_epoch(core_of(w), (uint32_t)gsi);
	if (is_same(w, &question))
		return take_answer(w, access->write);
	if (!access->write)
		ask_others(w, vcpu, &question);
	return IRQGATE_LAPIC_NOT_ASKED;
}

void answer_question(struct world *w, uint32_t vcpu)
{
	struct question *question = &w->s.question;
	int found;

	if (!(question->unanswered >> vcpu & 1))
		return;
	found = look(w, vcpu, question->vectors[vcpu]);
	if (found >= 0)
		question->found = found;
	question->unanswered &= (uint8_t)~(1U << vcpu);
	say(w, "     vCPU %u answers that its LAPIC holds %s\n", vcpu, found < 0 ? "none" : "one of them");
}

bool vcpu_answers(struct world *w, uint32_t vcpu)
{
	if (!(w->s.question.unanswered >> vcpu & 1) || !is_idle(w, vcpu))
		return false;
	say(w, "vCPU %u, which was kicked, passes through the VMM\n", vcpu);
	answer_question(w, vcpu);
	return true;
}

bool question_grows_old(struct world *w, uint32_t argument)
{
	(void)argument;
	if (!w->s.question.asked)
		return false;
	say(w, "Time passes: the question to the LAPICs is too old to count\n");
	w->s.question = (struct question){ 0 };
	return true;
}
