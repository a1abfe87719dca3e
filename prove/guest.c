/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What a guest does to the IOAPIC and the LAPICs: anything, in any order, on each vCPU. A vCPU does nothing
 * more until its thread has carried out what its last access asked for. One thread.
 */
#include <string.h>

#include "prove/steps.h"

#define DESTINATION_BITS 32

/* A step's argument: the vCPU, and which of so many. */
static uint32_t vcpu_in(uint32_t argument, uint32_t choices)
{
	return argument / choices;
}

static void select_register(struct world *w, uint32_t chip, uint32_t select)
{
	struct irqgate_access access = {
		.offset = IG_IOAPIC_IOREGSEL, .value = select, .bytes = 4, .chip = chip, .write = true,
	};

	irqgate_core_ioapic_write(core_of(w), &access, IRQGATE_LAPIC_NOT_ASKED, &w->effects);
}

/* The access to a half of a line's entry, whose register is selected. */
static struct irqgate_access window_of(struct world *w, uint32_t line, bool high)
{
	uint32_t chip = chip_of(w, line), pin = gsi_of(w, line) - ig_core_chip(core_of(w), chip)->gsi_base;

	select_register(w, chip, IG_IOAPIC_REDTBL + 2 * pin + high);
	return (struct irqgate_access){ .offset = IG_IOAPIC_IOWIN, .bytes = 4, .chip = chip };
}

/* With a defect: what is believed of the pin follows the guest only once the source is there. */
static void notify_mask(struct world *w, uint64_t rte)
{
	if (w->defect == DEFECT_MASK_IS_READ_BEFORE_THE_REGISTRATION && w->s.device[0].source)
		w->s.believed_masked = ig_rte_is_masked(rte);
}

/* The guest holds a lock of its own over IOREGSEL and IOWIN; what IOREGSEL is left at is of no account. */
static void write_entry(struct world *w, uint32_t vcpu, uint32_t line, uint64_t rte)
{
	uint64_t before = w->s.line[line].rte;
	bool high = rte >> DESTINATION_BITS != before >> DESTINATION_BITS, unasked;
	struct irqgate_access access = window_of(w, line, high);
	int answer;

	access.write = true;
	access.value = high ? rte >> DESTINATION_BITS : rte & UINT32_MAX;
	answer_question(w, vcpu);
	if (irqgate_core_unmasks(core_of(w), &access) >= 0)
		read_line(w, line, vcpu);
	unasked = ig_core_pin(core_of(w), gsi_of(w, line))->irr == IG_IRR_UNKNOWN;
	answer = ask_lapics(w, vcpu, &access);
	w->s.line[line].rte = rte;
	judge_written(w, line, before, unasked && answer < 0 && w->config->vcpus > 1);
	irqgate_core_ioapic_write(core_of(w), &access, answer, &w->effects);
	judge_together(w);
	take_effects(w, vcpu);
	select_register(w, access.chip, 0);
	notify_mask(w, rte);
}

bool guest_masks(struct world *w, uint32_t argument)
{
	uint32_t line = argument % LINES, vcpu = vcpu_in(argument, LINES);
	uint64_t rte = w->s.line[line].rte;

	if (line >= w->config->lines || !is_idle(w, vcpu) || ig_rte_is_masked(rte))
		return false;
	say(w, "The guest masks %s (on vCPU %u)\n", line_name(line), vcpu);
	write_entry(w, vcpu, line, rte | IG_RTE_MASKED);
	return true;
}

static uint64_t vector_of(const struct world *w, uint32_t line)
{
	return vector_number(has(w, SAME_VECTOR) ? 0 : line);
}

bool guest_unmasks(struct world *w, uint32_t argument)
{
	uint32_t line = argument % LINES, vcpu = vcpu_in(argument, LINES);
	uint64_t rte = w->s.line[line].rte;

	if (line >= w->config->lines || !is_idle(w, vcpu) || !ig_rte_is_masked(rte) || has(w, PAIR_ALONE))
		return false;
	say(w, "The guest unmasks %s (on vCPU %u)\n", line_name(line), vcpu);
	if (!(rte & IG_RTE_VECTOR)) /* after a reset */
		rte |= IG_RTE_LEVEL | vector_of(w, line);
	write_entry(w, vcpu, line, rte & ~IG_RTE_MASKED);
	return true;
}

bool guest_rewrites(struct world *w, uint32_t argument)
{
	uint32_t line = argument % LINES, vcpu = vcpu_in(argument, LINES), other;
	uint64_t rte = w->s.line[line].rte;

	if (line >= w->config->lines || !is_idle(w, vcpu) || !(rte & IG_RTE_VECTOR))
		return false;
	other = vector_number(!vector_index(rte & IG_RTE_VECTOR));
	say(w, "The guest writes vector 0x%x into the entry of %s (on vCPU %u)\n", other, line_name(line),
	    vcpu);
	write_entry(w, vcpu, line, (rte & ~IG_RTE_VECTOR) | other);
	return true;
}

bool guest_moves(struct world *w, uint32_t argument)
{
	uint32_t line = argument % LINES, vcpu = vcpu_in(argument, LINES);
	uint64_t rte = w->s.line[line].rte ^ UINT64_C(1) << IG_RTE_DEST_SHIFT;

	if (line >= w->config->lines || !is_idle(w, vcpu) || w->config->vcpus < 2)
		return false;
	say(w, "The guest sends the interrupts of %s to vCPU %u (on vCPU %u)\n", line_name(line),
	    (unsigned int)(rte >> IG_RTE_DEST_SHIFT), vcpu);
	write_entry(w, vcpu, line, rte);
	return true;
}

bool guest_changes_mode(struct world *w, uint32_t argument)
{
	uint32_t line = argument % LINES, vcpu = vcpu_in(argument, LINES);
	uint64_t rte = w->s.line[line].rte ^ IG_RTE_LEVEL;

	if (line >= w->config->lines || !is_idle(w, vcpu) || !(rte & IG_RTE_VECTOR))
		return false;
	say(w, "The guest makes %s %s-triggered (on vCPU %u)\n", line_name(line),
	    rte & IG_RTE_LEVEL ? "level" : "edge", vcpu);
	write_entry(w, vcpu, line, rte);
	return true;
}

bool guest_reads(struct world *w, uint32_t argument)
{
	uint32_t line = argument % LINES, vcpu = vcpu_in(argument, LINES);
	const uint64_t status = IG_RTE_REMOTE_IRR | IG_RTE_DELIVERY_STATUS;
	struct irqgate_access access;
	uint64_t value;

	if (line >= w->config->lines || !is_idle(w, vcpu))
		return false;
	say(w, "The guest reads the entry of %s (on vCPU %u)\n", line_name(line), vcpu);
	answer_question(w, vcpu);
	access = window_of(w, line, false);
	w->judge_answered = false;
	value = irqgate_core_ioapic_read(core_of(w), &access, ask_lapics(w, vcpu, &access));
	if ((value & ~status) != (w->s.line[line].rte & UINT32_MAX))
		violate(w, REGISTERS, "the entry reads otherwise than the guest wrote it");
	if (!w->judge_answered && !(value & IG_RTE_REMOTE_IRR) && w->s.line[line].judge_served &&
	    !w->s.line[line].judge_extra)
		violate(w, REGISTERS, "remote IRR reads as clear, but the interrupt is in service");
	select_register(w, access.chip, 0);
	return true;
}

bool guest_takes(struct world *w, uint32_t argument)
{
	uint32_t vector = argument % VECTORS, number = vcpu_in(argument, VECTORS);
	struct vcpu *vcpu = &w->s.vcpu[number];
	uint8_t bit = (uint8_t)(1U << vector);

	if (!(vcpu->requested & bit) || vcpu->serving >= bit || !is_idle(w, number))
		return false;
	say(w, "vCPU %u takes the interrupt with vector 0x%x\n", number, vector_number(vector));
	vcpu->requested &= (uint8_t)~bit;
	vcpu->serving |= bit;
	return true;
}

static void start_eoi(struct world *w, uint32_t number, uint32_t vector, uint8_t lines)
{
	struct vcpu *vcpu = &w->s.vcpu[number];

	vcpu->eoi = true;
	vcpu->eoi_vector = (uint8_t)vector;
	vcpu->judge_eoi_lines = lines;
	vcpu->eoi_pin = 0;
	adapter_acks(w, number);
}

static uint32_t highest(uint8_t set)
{
	uint32_t vector = VECTORS - 1;

	while (!(set >> vector & 1))
		vector--;
	return vector;
}

bool guest_eois(struct world *w, uint32_t number)
{
	struct vcpu *vcpu = &w->s.vcpu[number];
	uint32_t vector;

	if (!vcpu->serving || !is_idle(w, number))
		return false;
	vector = highest(vcpu->serving);
	vcpu->serving &= (uint8_t)~(1U << vector);
	say(w, "The guest sends EOI on vCPU %u for vector 0x%x\n", number, vector_number(vector));
	if (has(w, DIRECTED))
		return true; /* no broadcast: what the LAPIC ends, the IOAPIC does not hear of */
	if (!eoi_exits(w, number, vector)) {
		judge_unheard_eoi(w, vector, number);
		say(w, "     KVM has no route that makes it an exit: nobody hears of it\n");
		return true;
	}
	answer_question(w, number);
	start_eoi(w, number, vector, judge_eoi(w, vector, ALL_CHIPS));
	return true;
}

/* The argument: vCPU, chip, vector. */
bool guest_writes_eoi(struct world *w, uint32_t argument)
{
	uint32_t vector = argument % VECTORS, chip = argument / VECTORS % LINES,
		 number = argument / VECTORS / LINES;
	struct irqgate_access access = {
		.offset = IG_IOAPIC_EOI,
		.value = vector_number(vector),
		.bytes = 4,
		.chip = chip,
		.write = true,
	};

	if (chip >= core_of(w)->chips || !is_idle(w, number))
		return false;
	say(w, "The guest writes vector 0x%x to the IOAPIC's EOI register (on vCPU %u)\n",
	    vector_number(vector), number);
	answer_question(w, number);
	if (irqgate_core_ioapic_write(core_of(w), &access, IRQGATE_LAPIC_NOT_ASKED, &w->effects) < 0)
		return true;
	w->s.vcpu[number].eoi_by_register = true;
	w->s.vcpu[number].eoi_chip = (uint8_t)chip;
	start_eoi(w, number, vector, judge_eoi(w, vector, chip));
	return true;
}

/*
 * Accesses to what is no register, and to a chip that there is not. A live entry is what would do most harm.
 */
bool guest_goes_wild(struct world *w, uint32_t which)
{
	struct irqgate_access access = { .value = IG_RTE_LEVEL | vector_number(0),
					 .bytes = 4,
					 .write = true };
	struct irqgate_core *core = core_of(w);
	unsigned char before[CORE_BYTES];
	size_t bytes = irqgate_core_state_size(core);

	if (!is_idle(w, 0))
		return false;
	memcpy(before, w->s.core, bytes);
	switch (which) {
	case 0: select_register(w, 0, IG_IOAPIC_REDTBL + 2 * ig_core_chip(core, 0)->pins); break;
	case 1: select_register(w, 0, IG_IOAPIC_REDTBL - 1); break;
	case 2: select_register(w, 0, UINT8_MAX); break;
	default: select_register(w, 0, IG_IOAPIC_REDTBL); break;
	}
	access.offset = which == 3 ? IG_IOAPIC_IOWIN + 4 : IG_IOAPIC_IOWIN;
	access.chip = which == 4 ? core->chips : 0;
	say(w, "The guest writes to what is no register\n");
	irqgate_core_ioapic_write(core, &access, IRQGATE_LAPIC_NOT_ASKED, &w->effects);
	select_register(w, 0, 0);
	if (memcmp(before, w->s.core, bytes))
		violate(w, REGISTERS, "something of the chip changed all the same");
	return true;
}

bool guest_turns_lapics(struct world *w, uint32_t argument)
{
	(void)argument;
	w->s.lapic_off = !w->s.lapic_off;
	say(w, "The guest turns its LAPICs %s\n", w->s.lapic_off ? "off" : "on");
	return true;
}

/* At the start its entries are masked, and it is about to unmask them. */
void guest_starts(struct world *w)
{
	for (uint32_t line = 0; line < w->config->lines; line++) {
		w->s.line[line].rte = IG_RTE_MASKED;
		write_entry(w, 0, line, IG_RTE_MASKED | IG_RTE_LEVEL | vector_of(w, line));
	}
	if (has(w, PAIR))
		pair_starts(w);
}
