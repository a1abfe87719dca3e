/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Which vectors the LAPICs hold, for the pins whose remote IRR the core can not know. A vCPU's LAPIC is read on
 * its own thread only: from another one KVM_GET_LAPIC would wait until that vCPU leaves KVM_RUN, and that may
 * be never. So others are asked: they are kicked, and answer as they pass through here.
 */
#include <string.h>
#include <time.h>

#include "kvm/split.h"

/* Offsets in the LAPIC's page; IRR and ISR are banks of 8 registers of 32 bits, 16 bytes apart (SDM vol. 3, 11.4). */
#define LAPIC_ID             0x20U
#define LAPIC_LDR            0xd0U
#define LAPIC_DFR            0xe0U
#define LAPIC_ISR            0x100U
#define LAPIC_IRR            0x200U
#define REGISTER_STRIDE      0x10U
#define VECTORS_PER_REGISTER 32U

/* Destinations: of a message (SDM vol. 3, 11.11.1), and what a LAPIC answers to (11.6.2, 11.12.10). */
#define MSI_DESTINATION_SHIFT 12
#define MSI_LOGICAL           (UINT64_C(1) << 2)
#define DESTINATION_ALL       0xffU
#define XAPIC_SHIFT           24
#define XAPIC_RESERVED        0xffffffU
#define X2APIC_CLUSTER_SHIFT  16
#define DFR_MODEL_SHIFT       28
#define DFR_FLAT              0xfU
#define CLUSTER_SHIFT         4
#define CLUSTER_MEMBERS       0xfU
#define CLUSTER_ALL           0xfU

/* How long an answer is good: a guest that waits for it reads again within microseconds. */
#define ANSWER_NANOSECONDS INT64_C(10000000)

static bool bank_has(const struct kvm_lapic_state *lapic, uint32_t bank, uint8_t vector)
{
	uint32_t bits;

	memcpy(&bits, &lapic->regs[bank + vector / VECTORS_PER_REGISTER * REGISTER_STRIDE], sizeof(bits));
	return bits >> vector % VECTORS_PER_REGISTER & 1;
}

static uint32_t read_register(const struct kvm_lapic_state *lapic, uint32_t offset)
{
	uint32_t value;

	memcpy(&value, &lapic->regs[offset], sizeof(value));
	return value;
}

/* KVM shows the id of an x2APIC in either place, as KVM_CAP_X2APIC_API was set (KVM API, KVM_GET_LAPIC). */
static bool matches_physical(const struct kvm_lapic_state *lapic, uint32_t destination)
{
	uint32_t id = read_register(lapic, LAPIC_ID);

	return destination == DESTINATION_ALL || id >> XAPIC_SHIFT == destination || id == destination;
}

/* SDM vol. 3, 11.6.2.2 (flat, cluster) and 11.12.10 (x2APIC: it has bits below those of an xAPIC's). */
static bool matches_logical(const struct kvm_lapic_state *lapic, uint32_t destination)
{
	uint32_t ldr = read_register(lapic, LAPIC_LDR), own = ldr >> XAPIC_SHIFT;

	if (ldr & XAPIC_RESERVED)
		return destination == DESTINATION_ALL || (!(ldr >> X2APIC_CLUSTER_SHIFT) && (ldr & destination));
	if (read_register(lapic, LAPIC_DFR) >> DFR_MODEL_SHIFT == DFR_FLAT)
		return own & destination;
	return (own & destination & CLUSTER_MEMBERS) &&
	       (own >> CLUSTER_SHIFT == destination >> CLUSTER_SHIFT || destination >> CLUSTER_SHIFT == CLUSTER_ALL);
}

static bool goes_to(const struct irqgate_message *message, const struct kvm_lapic_state *lapic)
{
	uint32_t destination = (uint32_t)(message->address >> MSI_DESTINATION_SHIFT) & DESTINATION_ALL;

	return message->address & MSI_LOGICAL ? matches_logical(lapic, destination) : matches_physical(lapic, destination);
}

/*
 * The vector of the first of the messages that this vCPU's LAPIC holds, or an IRQGATE_LAPIC_ value. The same vector
 * in a LAPIC that the message does not go to is another device's.
 */
static int look(struct irqgate_kvm *gate, int vcpu, const struct irqgate_message *message, uint32_t messages)
{
	struct kvm_lapic_state lapic;

	gate->lapic_reads++;
	if (ig_ioctl(gate->vcpu[vcpu].fd, KVM_GET_LAPIC, &lapic) < 0)
		return IRQGATE_LAPIC_NOT_ASKED;
	for (uint32_t i = 0; i < messages; i++) {
		uint8_t vector = (uint8_t)message[i].data;

		if (goes_to(&message[i], &lapic) &&
		    (bank_has(&lapic, LAPIC_IRR, vector) || bank_has(&lapic, LAPIC_ISR, vector)))
			return vector;
	}
	return IRQGATE_LAPIC_IDLE;
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static bool is_fresh(const struct ig_kvm_question *question)
{
	return question->gsi >= 0 && now() - question->asked < ANSWER_NANOSECONDS;
}

/* What the other vCPUs have answered so far. Each answer counts once. */
static int take_answer(struct irqgate_kvm *gate)
{
	int found = gate->question.found;

	if (found < 0 && atomic_load(&gate->unanswered))
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
	gate->question.asked = now();
	*kick = all & ~(UINT64_C(1) << vcpu);
	atomic_store(&gate->unanswered, *kick);
}

int ig_lapic_answer(struct irqgate_kvm *gate, int vcpu, const struct irqgate_access *access, uint64_t *kick)
{
	struct ig_kvm_question question = { .found = -1 };
	int own;

	*kick = 0;
	question.gsi = irqgate_core_asks_lapic(gate->core, access, question.message, &question.messages);
	if (question.gsi < 0)
		return IRQGATE_LAPIC_NOT_ASKED;
	own = look(gate, vcpu, question.message, question.messages);
	if (own != IRQGATE_LAPIC_IDLE || gate->vcpus == 1)
		return own;
	question.epoch = irqgate_core_epoch(gate->core, (uint32_t)question.gsi);
	if (is_fresh(&gate->question) && gate->question.gsi == question.gsi && gate->question.epoch == question.epoch)
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
