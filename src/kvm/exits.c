/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The vCPUs' exits: what a guest does to the IOAPICs, and its EOIs. On the thread of the vCPU that exited. */
#include <errno.h>
#include <string.h>

#include "chip/ioapic.h"
#include "kvm/split.h"

#define ALL_CHIPS UINT32_MAX

static int find_vcpu(const struct irqgate_kvm *gate, int vcpu_fd)
{
	for (uint32_t i = 0; i < gate->vcpus; i++)
		if (gate->vcpu[i].fd == vcpu_fd)
			return (int)i;
	return -1;
}

bool ig_chip_find(const struct irqgate_kvm *gate, uint64_t address, struct irqgate_access *access)
{
	for (uint32_t i = 0; i < gate->config.chips; i++) {
		access->chip = i;
		access->offset = address - gate->config.chip[i].base;
		if (access->offset < IG_IOAPIC_WINDOW_SIZE)
			return true;
	}
	return false;
}

static bool ack(struct irqgate_core *core, uint32_t chip, uint8_t vector, uint32_t *pin,
		struct irqgate_effects *effects)
{
	if (chip == ALL_CHIPS)
		return irqgate_core_eoi(core, vector, pin, effects);
	return irqgate_core_ioapic_eoi(core, chip, vector, pin, effects);
}

/* So many pins that share a vector are acked under one hold of the lock. */
#define EOI_PINS 16U

/* A trigger that nobody has read yet, of a line whose interrupt the EOI ends: its device has been served. */
static bool read_served(struct irqgate_kvm *gate, uint8_t vector, struct irqgate_effects *effects)
{
	int gsi = -1;

	while ((gsi = irqgate_core_serves(gate->core, vector, (uint32_t)(gsi + 1))) >= 0)
		if (ig_source_read_any(gate, (uint32_t)gsi, effects))
			return true;
	return false;
}

/* Returns how many pins took the EOI, from one on: EOI_PINS if there may be more. */
static uint32_t ack_some(struct irqgate_core *core, uint32_t chip, uint8_t vector, uint32_t *pin,
			 struct irqgate_effects effects[EOI_PINS])
{
	uint32_t hits = 0;

	while (hits < EOI_PINS && ack(core, chip, vector, pin, &effects[hits]))
		hits++;
	return hits;
}

/*
 * More than one pin may share the vector: all under one hold of the lock, for a message that another one
 * sends meanwhile is not what this EOI is for.
 */
static void eoi(struct irqgate_kvm *gate, uint32_t chip, uint8_t vector)
{
	struct irqgate_effects effects[EOI_PINS];
	uint32_t pin = 0, calls;
	bool unread;

	do {
		ig_kvm_lock(gate);
		unread = read_served(gate, vector, &effects[0]);
		calls = unread ? 1 : ack_some(gate->core, chip, vector, &pin, effects);
		pthread_mutex_unlock(&gate->lock);
		for (uint32_t i = 0; i < calls; i++)
			ig_effects_run(gate, &effects[i]);
	} while (unread || calls == EOI_PINS);
}

static int exit_eoi(struct irqgate_kvm *gate, const struct kvm_run *run)
{
	pthread_mutex_lock(&gate->lock);
	ig_coalesced_drain(gate);
	pthread_mutex_unlock(&gate->lock);
	eoi(gate, ALL_CHIPS, run->eoi.vector);
	return 1;
}

static int write_ioapic(struct irqgate_kvm *gate, int vcpu, const struct irqgate_access *access)
{
	struct irqgate_effects effects;
	uint64_t kick;
	int gsi, answer, vector, error;

	ig_kvm_lock(gate);
	ig_coalesced_drain(gate);
	gsi = irqgate_core_unmasks(gate->core, access);
	if (gsi >= 0) /* triggers that nobody has read yet are older than the unmask that comes now */
		ig_source_read_line(gate, (uint32_t)gsi);
	answer = ig_lapic_answer(gate, vcpu, access, &kick);
	vector = irqgate_core_ioapic_write(gate->core, access, answer, &effects);
	pthread_mutex_unlock(&gate->lock);
	error = ig_effects_run(gate, &effects);
	if (vector >= 0)
		eoi(gate, access->chip, (uint8_t)vector);
	return error;
}

static uint64_t read_ioapic(struct irqgate_kvm *gate, int vcpu, const struct irqgate_access *access)
{
	uint64_t kick, value;
	int answer;

	pthread_mutex_lock(&gate->lock);
	ig_coalesced_drain(gate);
	answer = ig_lapic_answer(gate, vcpu, access, &kick);
	value = irqgate_core_ioapic_read(gate->core, access, answer);
	pthread_mutex_unlock(&gate->lock);
	ig_lapic_kick(gate, kick);
	return value;
}

static int exit_mmio(struct irqgate_kvm *gate, int vcpu, struct kvm_run *run)
{
	struct irqgate_access access = {
		.bytes = run->mmio.len,
		.write = run->mmio.is_write,
	};
	uint64_t value;
	int error;

	if (!ig_chip_find(gate, run->mmio.phys_addr, &access))
		return 0;
	if (access.write) {
		memcpy(&access.value, run->mmio.data, sizeof(access.value));
		error = write_ioapic(gate, vcpu, &access);
		return error < 0 ? error : 1;
	}
	value = read_ioapic(gate, vcpu, &access);
	memcpy(run->mmio.data, &value, sizeof(value));
	return 1;
}

int irqgate_kvm_exit(struct irqgate_kvm *gate, int vcpu_fd, struct kvm_run *run)
{
	int vcpu = find_vcpu(gate, vcpu_fd);

	if (vcpu < 0)
		return -EINVAL;
	ig_lapic_reply(gate, vcpu);
	switch (run->exit_reason) {
	case KVM_EXIT_IOAPIC_EOI:
		return exit_eoi(gate, run);
	case KVM_EXIT_MMIO:
		return exit_mmio(gate, vcpu, run);
	case KVM_EXIT_IO:
		return ig_legacy_io(gate, run);
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		return gate->config.pic;
	default:
		return 0;
	}
}

void irqgate_kvm_kicked(struct irqgate_kvm *gate, int vcpu_fd)
{
	int vcpu = find_vcpu(gate, vcpu_fd);

	if (vcpu >= 0)
		ig_lapic_reply(gate, vcpu);
}

int irqgate_kvm_reset(struct irqgate_kvm *gate)
{
	struct irqgate_effects effects;
	uint32_t pin = 0;
	bool more;

	do {
		ig_kvm_lock(gate);
		ig_coalesced_drain(gate);
		more = irqgate_core_reset(gate->core, &pin, &effects);
		pthread_mutex_unlock(&gate->lock);
		if (more)
			ig_effects_run(gate, &effects);
	} while (more);
	return 0;
}
