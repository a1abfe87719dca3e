/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A split irqchip: the VMM emulates the IOAPIC, and each of the guest's writes to it, and each EOI, is an
 * exit. The core follows them once the VMM has dealt with them, which it has when it enters the guest again:
 * so its routes are in force before a source is resampled.
 */
#include <string.h>

#include "chip/ioapic.h"
#include "exec/exec.h"
#include "kvm/lapic-state.h"
#include "line/core.h"

#define IOAPIC_AT UINT64_C(0xfec00000)

static void note_write(struct ig_vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;
	uint64_t offset = run->mmio.phys_addr - IOAPIC_AT;

	if (!run->mmio.is_write || offset >= IG_IOAPIC_WINDOW_SIZE || run->mmio.len > sizeof(vcpu->access.value))
		return;
	vcpu->access = (struct irqgate_access){ .offset = offset, .bytes = run->mmio.len, .write = true };
	memcpy(&vcpu->access.value, run->mmio.data, run->mmio.len);
	vcpu->exit = IG_EXIT_WRITE;
}

void ig_split_exit(struct ig_vcpu *vcpu)
{
	if (vcpu->vm->chip != IG_CHIP_SPLIT)
		return;
	if (vcpu->run->exit_reason == KVM_EXIT_MMIO) {
		note_write(vcpu);
	} else if (vcpu->run->exit_reason == KVM_EXIT_IOAPIC_EOI) {
		vcpu->vector = vcpu->run->eoi.vector;
		vcpu->exit = IG_EXIT_EOI;
	}
}

/* Only the LAPIC of the vCPU that does the access can be read without waiting: with others it stays open. */
static int ask_lapic(const struct ig_vcpu *vcpu)
{
	struct irqgate_message message[2];
	struct kvm_lapic_state lapic;
	uint32_t messages;
	int answer;

	if (irqgate_core_asks_lapic(vcpu->vm->core, &vcpu->access, message, &messages) < 0)
		return IRQGATE_LAPIC_NOT_ASKED;
	if (ig_real.ioctl(vcpu->object.fd, KVM_GET_LAPIC, &lapic) < 0)
		return IRQGATE_LAPIC_NOT_ASKED;
	answer = ig_lapic_find(&lapic, message, messages);
	return answer == IRQGATE_LAPIC_IDLE && vcpu->vm->vcpus > 1 ? IRQGATE_LAPIC_NOT_ASKED : answer;
}

/* What was signalled before an unmask is older than it. */
static void read_triggers(struct ig_vm *vm, int gsi)
{
	ig_for_each_device(device)
		if (device->vm == vm && (int)device->gsi == gsi && device->between)
			ig_line_triggered(device);
}

static void write_eoi(struct ig_vm *vm, uint8_t vector)
{
	struct irqgate_effects effects;
	uint32_t pin = 0;

	while (irqgate_core_ioapic_eoi(vm->core, 0, vector, &pin, &effects))
		ig_line_effects(vm, &effects);
}

/* The lower half of an entry has its mask: from its first write on it is known. */
static void learn(struct ig_vm *vm, const struct irqgate_access *access)
{
	int pin = ig_ioapic_selected_pin(&vm->core->chip[0], access->offset);
	bool upper = (vm->core->chip[0].select - IG_IOAPIC_REDTBL) & 1;

	if (access->offset == IG_IOAPIC_IOREGSEL)
		vm->select_known = true;
	if (pin < 0 || upper || vm->known[pin])
		return;
	vm->known[pin] = true;
	ig_line_settle_all();
}

static void apply_write(struct ig_vcpu *vcpu)
{
	struct ig_vm *vm = vcpu->vm;
	struct irqgate_effects effects;
	int vector;

	if (vcpu->access.offset == IG_IOAPIC_IOWIN && !vm->select_known)
		return;
	read_triggers(vm, irqgate_core_unmasks(vm->core, &vcpu->access));
	vector = irqgate_core_ioapic_write(vm->core, &vcpu->access, ask_lapic(vcpu), &effects);
	ig_line_effects(vm, &effects);
	learn(vm, &vcpu->access);
	if (vector >= 0)
		write_eoi(vm, (uint8_t)vector);
}

/* For the statistics: of every device on a pin of this vector, gated or not. */
static void count_eoi(struct ig_vm *vm, uint8_t vector)
{
	ig_for_each_device(device) {
		const struct ig_irqfd *irqfd = ig_vm_find_irqfd(vm, &device->trigger);
		struct ig_record *record;
		uint64_t rte;

		if (!irqfd || !vm->known[irqfd->gsi])
			continue;
		rte = ig_core_pin(vm->core, irqfd->gsi)->rte;
		if (!ig_rte_is_level(rte) || (rte & IG_RTE_VECTOR) != vector)
			continue;
		record = ig_record_of(device, irqfd->gsi, "split");
		if (!record)
			continue;
		record->eois++;
		record->masked_eois += ig_rte_is_masked(rte);
	}
}

static void apply_eoi(struct ig_vm *vm, uint8_t vector)
{
	struct irqgate_effects effects;
	uint32_t pin = 0;

	count_eoi(vm, vector);
	while (irqgate_core_eoi(vm->core, vector, &pin, &effects))
		ig_line_effects(vm, &effects);
}

void ig_split_apply(struct ig_vcpu *vcpu)
{
	enum ig_exit_kind exit = vcpu->exit;

	vcpu->exit = IG_EXIT_NOTHING;
	if (exit == IG_EXIT_WRITE)
		apply_write(vcpu);
	else if (exit == IG_EXIT_EOI)
		apply_eoi(vcpu->vm, vcpu->vector);
}
