/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Which vectors the LAPICs hold, for the pins whose remote IRR the core can not know. A vCPU's LAPIC is read
 * on its own thread only: from another one KVM_GET_LAPIC would wait until that vCPU leaves KVM_RUN, and that
 * may be never. So others are asked: they are kicked, and answer as they pass through here.
 */
#include "kvm/lapic-state.h"
#include "kvm/split.h"

/* How long an answer is good: a guest that waits for it reads again within microseconds. */
#define ANSWER_NANOSECONDS UINT64_C(10000000)

/* Which of the messages this vCPU's LAPIC holds, as irqgate_core_lapic_holds(), or an IRQGATE_LAPIC_ value. */
static int look(struct irqgate_kvm *gate, int vcpu, const struct irqgate_message *message, uint32_t messages)
{
	struct kvm_lapic_state lapic;

	gate->lapic_reads++;
	if (ig_ioctl(gate->vcpu[vcpu].fd, KVM_GET_LAPIC, &lapic) < 0)
		return IRQGATE_LAPIC_NOT_ASKED;
	return ig_lapic_find(&lapic, message, messages);
}

static bool is_fresh(const struct ig_kvm_question *question)
{
	return question->gsi >= 0 && ig_now() - question->asked < ANSWER_NANOSECONDS;
}

/*
 * What the other vCPUs have answered so far. Each answer counts once. That their LAPICs hold nothing is no
 * answer to a write: another vCPU's mask may not have silenced the source yet, and then the kernel can still
 * send.
 */
static int take_answer(struct irqgate_kvm *gate, bool write)
{
	int found = gate->question.found;

	if (found < 0 && (write || atomic_load(&gate->unanswered)))
		return IRQGATE_LAPIC_NOT_ASKED;
	gate->question.gsi = -1;
	return found < 0 ? IRQGATE_LAPIC_IDLE : found;
}

/* One question at a time: another one that comes meanwhile is put again by whoever needs it. */
static void ask_others(struct irqgate_kvm *gate, int vcpu, const struct ig_kvm_question *question, uint64_t *kick)
{
	uint64_t all = UINT64_MAX >> (IRQGATE_KVM_VCPUS_MAX - gate->vcpus);

	if (is_fresh(&gate->question))
		return;
	gate->question = *question;
	gate->question.asked = ig_now();
	*kick = all & ~(UINT64_C(1) << vcpu);
	atomic_store(&gate->unanswered, *kick);
}

/* What another vCPU wanted to know was answered before this one asked: its LAPIC may have changed since. */
static bool is_same(const struct ig_kvm_question *a, const struct ig_kvm_question *b)
{
	return a->gsi == b->gsi && a->epoch == b->epoch && a->vcpu == b->vcpu;
}

int ig_lapic_answer(struct irqgate_kvm *gate, int vcpu, const struct irqgate_access *access, uint64_t *kick)
{
	struct ig_kvm_question question = { .found = -1, .vcpu = vcpu };
	int own;

	*kick = 0;
	question.gsi = irqgate_core_asks_lapic(gate->core, access, question.message, &question.messages);
	if (question.gsi < 0)
		return IRQGATE_LAPIC_NOT_ASKED;
	own = look(gate, vcpu, question.message, question.messages);
	if (own != IRQGATE_LAPIC_IDLE || gate->vcpus == 1)
		return own;
	question.epoch = irqgate_core_epoch(gate->core, (uint32_t)question.gsi);
	if (is_fresh(&gate->question) && is_same(&gate->question, &question))
		return take_answer(gate, access->write);
	if (!access->write && gate->config.callbacks.kick)
		ask_others(gate, vcpu, &question, kick);
	return IRQGATE_LAPIC_NOT_ASKED;
}

int ig_lapic_ask_all(struct irqgate_kvm *gate, const struct irqgate_access *access)
{
	struct irqgate_message message[2];
	uint32_t messages;
	int found = IRQGATE_LAPIC_IDLE;

	if (irqgate_core_asks_lapic(gate->core, access, message, &messages) < 0)
		return IRQGATE_LAPIC_NOT_ASKED;
	for (uint32_t vcpu = 0; vcpu < gate->vcpus && found == IRQGATE_LAPIC_IDLE; vcpu++)
		found = look(gate, (int)vcpu, message, messages);
	return found;
}

void ig_lapic_reply(struct irqgate_kvm *gate, int vcpu)
{
	uint64_t self = UINT64_C(1) << vcpu;
	int found;

	if (!(atomic_load(&gate->unanswered) & self))
		return;
	pthread_mutex_lock(&gate->lock);
	if (atomic_load(&gate->unanswered) & self) {
		found = look(gate, vcpu, gate->question.message, gate->question.messages);
		if (found >= 0)
			gate->question.found = found;
		if (found == IRQGATE_LAPIC_NOT_ASKED)
			gate->question.gsi = -1; /* no answer to be had: the next access asks anew */
		atomic_fetch_and(&gate->unanswered, ~self);
	}
	pthread_mutex_unlock(&gate->lock);
}

void ig_lapic_kick(struct irqgate_kvm *gate, uint64_t kick)
{
	const struct irqgate_kvm_callbacks *callbacks = &gate->config.callbacks;

	for (uint32_t i = 0; kick; i++, kick >>= 1)
		if (kick & 1)
			callbacks->kick(callbacks->opaque, gate->vcpu[i].fd);
}
