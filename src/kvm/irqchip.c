/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The chips' registers in KVM's own structures (KVM API 4.26; arch/x86/include/uapi/asm/kvm.h), to and fro.
 * Of KVM's fields that are not registers: the IOAPIC's irr is the lines' level, and an 8259's irr and
 * last_irr its request latches and inputs; init_state counts ICW2, ICW3 and ICW4, and is 0 before the first
 * ICW1 and after the last ICW; priority_add is the input of the highest priority; irq2 of the master is not
 * wired, but pulsed. Caller serialises.
 */
#include <errno.h>
#include <string.h>

#include <irqgate/irqchip.h>

#include "line/core.h"
#include "line/gate.h"
#include "line/limits.h"

/* Inputs that may be level-triggered (ICH9, 13.4, ELCR1 and ELCR2). */
#define MASTER_ELCR 0xf8
#define SLAVE_ELCR  0xde
#define CASCADE_BIT (1U << IG_PIC_CASCADE)
#define PRIORITIES  IG_PIC_INPUTS

static bool is_like_kvms(const struct irqgate_core *core)
{
	const struct ig_ioapic *chip = &core->chip[0];

	return core->chips == 1 && chip->pins == KVM_IOAPIC_NUM_PINS && !chip->gsi_base &&
	       !chip->extended_destinations && core->has_pic && !core->directed_eoi;
}

/* What the emulated devices of a line drive; of the others KVM's irqfds tell. */
static bool wires_level(const struct irqgate_core *core, uint32_t gsi)
{
	ig_for_each_source(core, gsi, source)
		if (source->kind == IRQGATE_SOURCE_WIRE && source->asserted)
			return true;
	return false;
}

/* From KVM. */

static uint8_t step_of(const struct kvm_pic_state *state)
{
	static const uint8_t steps[] = { IG_PIC_READY, IG_PIC_ICW2, IG_PIC_ICW3, IG_PIC_ICW4 };

	/* Without ICW4 a chip is of no use to a PC: it has not been initialised. */
	if (!state->init_state && !state->init4 && !state->irq_base)
		return IG_PIC_RESET;
	return steps[state->init_state];
}

/* lines: set of inputs that are driven high now. */
static void set_pic_chip(struct ig_pic_chip *chip, const struct kvm_pic_state *state, uint8_t lines)
{
	uint8_t edges = (uint8_t)~state->elcr;
	uint8_t pending = state->irr & edges;
	uint8_t risen = lines & edges & (uint8_t)~state->last_irr;

	*chip = (struct ig_pic_chip){
		.line = lines,
		.pulse = pending & (uint8_t)~lines,
		.elcr = state->elcr,
		.imr = state->imr,
		.isr = state->isr,
		.frozen = state->poll ? state->irr : 0,
		.icw1 = IG_ICW1 | (state->init4 ? IG_ICW1_IC4 : 0),
		.icw2 = state->irq_base,
		.icw4 = (uint8_t)((state->auto_eoi ? IG_ICW4_AEOI : 0) |
				  (state->special_fully_nested_mode ? IG_ICW4_SFNM : 0)),
		.step = step_of(state),
		.lowest = (uint8_t)(state->priority_add + PRIORITIES - 1) % PRIORITIES,
		.rotate_aeoi = state->rotate_on_auto_eoi,
		.special_mask = state->special_mask,
		.poll = state->poll,
		.read_isr = state->read_reg_select,
	};
	chip->armed = (uint8_t)(~(chip->line | chip->pulse) | pending | risen);
}

/* Sets of the levels of GSI 0 to 15: the slave's from bit 8 on. */
static uint16_t pic_lines(const struct irqgate_core *core)
{
	uint16_t lines = 0;

	for (uint32_t gsi = 0; gsi < IG_PIC_IRQS; gsi++)
		if (ig_core_feeds_pic(core, gsi) && wires_level(core, gsi))
			lines |= (uint16_t)(1U << gsi);
	return lines;
}

static void set_pic(struct ig_pic *pic, const struct irqgate_irqchip *irqchip, uint16_t lines)
{
	struct kvm_pic_state master = irqchip->master;

	master.irr &= (uint8_t)~CASCADE_BIT; /* the slave's request makes it anew */
	set_pic_chip(&pic->master, &master, (uint8_t)lines);
	set_pic_chip(&pic->slave, &irqchip->slave, (uint8_t)(lines >> IG_PIC_INPUTS));
	ig_pic_drive(pic, 0, lines & 1);
}

static bool pic_is_valid(const struct kvm_pic_state *state)
{
	return state->init_state <= 3 && state->priority_add < PRIORITIES;
}

static bool is_valid(const struct irqgate_core *core, const struct irqgate_irqchip *irqchip, struct ig_pic *pic)
{
	if (irqchip->size != sizeof(*irqchip) || !is_like_kvms(core))
		return false;
	if (!pic_is_valid(&irqchip->master) || !pic_is_valid(&irqchip->slave))
		return false;
	set_pic(pic, irqchip, pic_lines(core));
	return ig_pic_is_valid(pic);
}

/* What KVM says of an entry, but for the level of its line. */
static void set_pin(struct irqgate_core *core, uint32_t gsi, uint64_t bits)
{
	struct ig_pin *pin = ig_core_pin(core, gsi);
	uint64_t rte = bits & IG_RTE_WRITABLE;
	struct irqgate_message message = ig_rte_message(rte);
	bool in_service = (bits & IG_RTE_REMOTE_IRR) && ig_rte_is_level(rte);
	bool level = wires_level(core, gsi);

	*pin = (struct ig_pin){
		.rte = rte,
		.served = in_service ? message : (struct irqgate_message){ 0 },
		.irr = in_service ? IG_IRR_SET : IG_IRR_CLEAR,
		.ticket = pin->ticket,
		.level = level,
		.undelivered = level && !in_service && ig_rte_is_live(rte),
	};
	*ig_core_route(core, gsi) = (struct ig_route){ 0 };
	if (in_service || ig_rte_is_live(rte))
		ig_core_route(core, gsi)->current = message;
}

/* The forwarded sources are armed: what asserts triggers when it is resampled. */
static void set_line(struct irqgate_core *core, uint32_t gsi, uint64_t bits)
{
	struct ig_line *line = ig_core_line(core, gsi);
	const struct ig_pin *pin = ig_core_pin(core, gsi);

	ig_gate_unbind(core, gsi);
	set_pin(core, gsi, bits);
	if (!ig_rte_is_masked(pin->rte) && !ig_rte_is_level(pin->rte))
		ig_gate_leave_direct(core, gsi);
	ig_for_each_source(core, gsi, source) {
		if (source->kind != IRQGATE_SOURCE_FORWARDED)
			continue;
		source->asserted = false;
		source->listen = source->enabled;
	}
	line->epoch++;
	line->opened = !ig_rte_is_masked(pin->rte) || pin->irr == IG_IRR_SET;
	ig_limit_reset(core, gsi);
	ig_limit_look(core, gsi);
	ig_service_update(core, gsi);
}

int irqgate_core_set_irqchip(struct irqgate_core *core, const struct irqgate_irqchip *irqchip)
{
	struct ig_ioapic *chip = &core->chip[0];
	struct ig_pic pic;

	if (!is_valid(core, irqchip, &pic))
		return -EINVAL;
	chip->id = irqchip->ioapic.id << IG_IOAPIC_ID_SHIFT & IG_IOAPIC_ID_MASK;
	chip->select = (uint8_t)irqchip->ioapic.ioregsel;
	core->pic = pic;
	for (uint32_t gsi = 0; gsi < KVM_IOAPIC_NUM_PINS; gsi++)
		set_line(core, gsi, irqchip->ioapic.redirtbl[gsi].bits);
	ig_core_all_routes_changed(core);
	return 0;
}

/* To KVM. */

static uint8_t init_state_of(const struct ig_pic_chip *chip)
{
	return chip->step == IG_PIC_READY ? 0 : chip->step;
}

/* requests: as the guest reads them. */
static struct kvm_pic_state get_pic_chip(const struct ig_pic_chip *chip, uint8_t requests, uint8_t elcr)
{
	return (struct kvm_pic_state){
		.last_irr = chip->line | chip->cascade,
		.irr = requests,
		.imr = chip->imr,
		.isr = chip->isr,
		.priority_add = (uint8_t)(chip->lowest + 1) % PRIORITIES,
		.irq_base = chip->icw2,
		.read_reg_select = chip->read_isr,
		.poll = chip->poll,
		.special_mask = chip->special_mask,
		.init_state = init_state_of(chip),
		.auto_eoi = !!(chip->icw4 & IG_ICW4_AEOI),
		.rotate_on_auto_eoi = chip->rotate_aeoi,
		.special_fully_nested_mode = !!(chip->icw4 & IG_ICW4_SFNM),
		.init4 = chip->step != IG_PIC_RESET && chip->icw1 & IG_ICW1_IC4,
		.elcr = chip->elcr,
		.elcr_mask = elcr,
	};
}

/* The pair as the wires alone drive it. */
static struct ig_pic pic_of_wires(const struct irqgate_core *core)
{
	uint16_t lines = pic_lines(core);
	struct ig_pic pic = core->pic;

	pic.master.poll = pic.slave.poll = false; /* which freezes the requests */
	pic.master.frozen = pic.slave.frozen = 0;
	for (uint32_t irq = 0; irq < IG_PIC_IRQS; irq++)
		ig_pic_drive(&pic, irq, lines >> irq & 1);
	return pic;
}

static uint8_t requests_of(const struct ig_pic *pic, uint32_t first)
{
	uint8_t requests = 0;

	for (uint32_t i = 0; i < IG_PIC_INPUTS; i++)
		if (ig_pic_pending(pic, first + i))
			requests |= (uint8_t)(1U << i);
	return requests;
}

static void get_pic(const struct irqgate_core *core, struct irqgate_irqchip *irqchip)
{
	struct ig_pic pic = pic_of_wires(core);

	irqchip->master = get_pic_chip(&pic.master, requests_of(&pic, 0), MASTER_ELCR);
	irqchip->slave = get_pic_chip(&pic.slave, requests_of(&pic, IG_PIC_INPUTS), SLAVE_ELCR);
	irqchip->master.poll = core->pic.master.poll;
	irqchip->slave.poll = core->pic.slave.poll;
}

static uint64_t get_rte(const struct ig_pin *pin)
{
	struct irqgate_message message = ig_rte_message(pin->rte);
	bool in_service = pin->irr == IG_IRR_SET && ig_route_same(&message, &pin->served);

	return pin->rte | (in_service ? IG_RTE_REMOTE_IRR : 0);
}

int irqgate_core_get_irqchip(const struct irqgate_core *core, struct irqgate_irqchip *irqchip)
{
	const struct ig_ioapic *chip = &core->chip[0];

	if (irqchip->size != sizeof(*irqchip) || !is_like_kvms(core) || chip->version != IRQGATE_IOAPIC_VERSION_11)
		return -EINVAL;
	*irqchip = (struct irqgate_irqchip){
		.size = sizeof(*irqchip),
		.ioapic = {
			.base_address = IRQGATE_KVM_IOAPIC_BASE,
			.ioregsel = chip->select,
			.id = chip->id >> IG_IOAPIC_ID_SHIFT,
		},
	};
	for (uint32_t gsi = 0; gsi < KVM_IOAPIC_NUM_PINS; gsi++) {
		const struct ig_pin *pin = ig_core_pin(core, gsi);

		irqchip->ioapic.redirtbl[gsi].bits = get_rte(pin);
		if (wires_level(core, gsi) && ig_rte_is_level(pin->rte))
			irqchip->ioapic.irr |= 1U << gsi;
	}
	get_pic(core, irqchip);
	return 0;
}
