/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Which vectors the LAPICs hold, for the pins whose remote IRR the core can not know. A vCPU's LAPIC is read on
 * its own thread only: from another one KVM_GET_LAPIC would wait until that vCPU leaves KVM_RUN, and that may
 * be never. So others are asked: they are kicked, and answer as they pass through here.
 */
#include <string.h>

#include "kvm/split.h"

/* Offsets of the register banks in the LAPIC's page: 8 registers of 32 bits, 16 bytes apart (SDM vol. 3, 11.4). */
#define LAPIC_ISR           0x100U
#define LAPIC_IRR           0x200U
#define REGISTER_STRIDE     0x10U
#define VECTORS_PER_REGISTER 32U

static bool bank_has(const struct kvm_lapic_state *lapic, uint32_t bank, uint8_t vector)
{
	uint32_t bits;

	memcpy(&bits, &lapic->regs[bank + vector / VECTORS_PER_REGISTER * REGISTER_STRIDE], sizeof(bits));
	return bits >> vector % VECTORS_PER_REGISTER & 1;
}

/* The first of the vectors that this vCPU's LAPIC holds, or an IRQGATE_LAPIC_ value. */
static int look(struct irqgate_kvm *gate, int vcpu, const uint8_t *vector, uint32_t vectors)
{
	struct kvm_lapic_state lapic;

	gate->lapic_reads++;
	if (ig_ioctl(gate->vcpu[vcpu].fd, KVM_GET_LAPIC, &lapic) < 0)
		return IRQGATE_LAPIC_NOT_ASKED;
	for (uint32_t i = 0; i < vectors; i++)
		if (bank_has(&lapic, LAPIC_IRR, vector[i]) || bank_has(&lapic, LAPIC_ISR, vector[i]))
			return vector[i];
	return IRQGATE_LAPIC_IDLE;
}

/* The only forwarded source on the line of an access: where the core asks, there is one. */
static const struct ig_kvm_source *find_source(const struct irqgate_kvm *gate, uint32_t gsi)
{
	for (uint32_t i = 0; i < gate->config.sources; i++)
		if (gate->source[i].handle && gate->source[i].gsi == gsi)
			return &gate->source[i];
	return NULL;
}

static bool is_current(const struct irqgate_kvm *gate, irqgate_source source, uint64_t version)
{
	return gate->question.source == source && gate->question.version == version;
}

/* What the other vCPUs have answered so far. Each answer counts once. */
static int take_answer(struct irqgate_kvm *gate)
{
	int found = gate->question.found;

	if (found < 0 && atomic_load(&gate->unanswered))
		return IRQGATE_LAPIC_NOT_ASKED;
	gate->question.source = 0;
	return found < 0 ? IRQGATE_LAPIC_IDLE : found;
}

static void ask_others(struct irqgate_kvm *gate, int vcpu, const struct ig_kvm_question *question, uint64_t *kick)
{
	uint64_t all = UINT64_MAX >> (IRQGATE_KVM_VCPUS_MAX - gate->vcpus);

	gate->question = *question;
	*kick = all & ~(UINT64_C(1) << vcpu);
	atomic_store(&gate->unanswered, *kick);
}

int ig_lapic_answer(struct irqgate_kvm *gate, int vcpu, const struct irqgate_access *access, uint64_t *kick)
{
	struct ig_kvm_question question = { .found = -1 };
	const struct ig_kvm_source *source;
	struct irqgate_wish wish;
	int gsi, own;

	*kick = 0;
	gsi = irqgate_core_asks_lapic(gate->core, access, question.vector, &question.vectors);
	if (gsi < 0)
		return IRQGATE_LAPIC_NOT_ASKED;
	own = look(gate, vcpu, question.vector, question.vectors);
	if (own != IRQGATE_LAPIC_IDLE || gate->vcpus == 1)
		return own;
	source = find_source(gate, (uint32_t)gsi);
	if (!source || irqgate_core_wish(gate->core, source->handle, &wish))
		return IRQGATE_LAPIC_NOT_ASKED;
	question.source = source->handle;
	question.version = wish.version;
	if (is_current(gate, question.source, question.version))
		return take_answer(gate);
	if (!access->write && gate->config.callbacks.kick)
		ask_others(gate, vcpu, &question, kick);
	return IRQGATE_LAPIC_NOT_ASKED;
}

void ig_lapic_reply(struct irqgate_kvm *gate, int vcpu)
{
	uint64_t self = UINT64_C(1) << vcpu;
	int found;

	if (!(atomic_load(&gate->unanswered) & self))
		return;
	pthread_mutex_lock(&gate->lock);
	if (atomic_load(&gate->unanswered) & self) {
		found = look(gate, vcpu, gate->question.vector, gate->question.vectors);
		if (found >= 0)
			gate->question.found = found;
		if (found == IRQGATE_LAPIC_NOT_ASKED)
			gate->question.source = 0; /* no answer to be had: the next access asks anew */
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
