/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The vCPU, its LAPIC, and what the guest does to its chips. Each access is done whole, as an exit of a vCPU
 * is; an interrupt is taken as soon as there is one and interrupts are on. One thread; see machine.h.
 */
#include "chip/ioapic.h"
#include "chip/pic.h"
#include "sim/machine.h"

/* The vector of the line; that of the kernel after the next kexec is another. */
static const uint8_t vectors[IG_SIM_VECTORS] = { 0x41, 0x51 };

enum {
	LEGACY_BASE = 0x20, SLAVE_BASE = 0x28, /* vectors of the pair, as PCs have them */
	LEGACY_INPUT = 2, /* IRQ 10 at the slave */
	SLAVE_ID = 2,
	ICW1 = IG_ICW1 | IG_ICW1_IC4, ICW4_8086 = 0x01,
};

static const struct ig_sim_range entry_latency = { 500, 1500 };

static uint8_t input_bit(void)
{
	return 1U << LEGACY_INPUT;
}

/* The IOAPIC. */

static uint64_t access_register(struct ig_sim *sim, uint64_t offset, uint64_t value, bool write)
{
	struct irqgate_access access = { .offset = offset, .value = value, .bytes = 4, .write = write };
	struct irqgate_effects effects;

	if (!write)
		return irqgate_core_ioapic_read(sim->core, &access, IRQGATE_LAPIC_NOT_ASKED);
	if (irqgate_core_unmasks(sim->core, &access) >= 0)
		ig_sim_read_triggers(sim);
	irqgate_core_ioapic_write(sim->core, &access, IRQGATE_LAPIC_NOT_ASKED, &effects);
	ig_sim_carry_out(sim, &effects);
	return 0;
}

static void select_entry(struct ig_sim *sim)
{
	access_register(sim, IG_IOAPIC_IOREGSEL, IG_IOAPIC_REDTBL + 2 * sim->gsi, true);
}

static void write_entry(struct ig_sim *sim, uint64_t flags)
{
	select_entry(sim);
	access_register(sim, IG_IOAPIC_IOWIN, flags | vectors[sim->vector], true);
}

static bool reads_remote_irr(struct ig_sim *sim)
{
	select_entry(sim);
	return access_register(sim, IG_IOAPIC_IOWIN, 0, false) & IG_RTE_REMOTE_IRR;
}

/* The 8259A pair. */

static uint8_t access_port(struct ig_sim *sim, uint16_t port, uint8_t value, bool write)
{
	struct irqgate_pic_access access = { .port = port, .value = value, .write = write };
	struct irqgate_effects effects;
	bool off = sim->interrupts_off, more;

	if (irqgate_core_pic_unmasks(sim->core, &access) & 1U << sim->gsi)
		ig_sim_read_triggers(sim);
	sim->interrupts_off = true; /* INTR counts at the end of the access only */
	do {
		more = irqgate_core_pic_access(sim->core, &access, &effects);
		ig_sim_carry_out(sim, &effects);
	} while (more);
	sim->interrupts_off = off;
	ig_sim_take(sim);
	return access.value;
}

static void write_port(struct ig_sim *sim, uint16_t port, uint8_t value)
{
	access_port(sim, port, value, true);
}

static void prepare_pair(struct ig_sim *sim)
{
	write_port(sim, IG_PIC_MASTER_COMMAND, ICW1);
	write_port(sim, IG_PIC_MASTER_DATA, LEGACY_BASE);
	write_port(sim, IG_PIC_MASTER_DATA, 1U << IG_PIC_CASCADE);
	write_port(sim, IG_PIC_MASTER_DATA, ICW4_8086);
	write_port(sim, IG_PIC_SLAVE_COMMAND, ICW1);
	write_port(sim, IG_PIC_SLAVE_DATA, SLAVE_BASE);
	write_port(sim, IG_PIC_SLAVE_DATA, SLAVE_ID);
	write_port(sim, IG_PIC_SLAVE_DATA, ICW4_8086);
	write_port(sim, IG_PIC_SLAVE_ELCR, input_bit());
	write_port(sim, IG_PIC_MASTER_DATA, (uint8_t)~(1U << IG_PIC_CASCADE));
}

/* As Linux does: a specific EOI at the slave, then one at the master for the slave. */
static void end_at_pair(struct ig_sim *sim)
{
	write_port(sim, IG_PIC_SLAVE_COMMAND, IG_OCW2_SPECIFIC_EOI | LEGACY_INPUT);
	write_port(sim, IG_PIC_MASTER_COMMAND, IG_OCW2_SPECIFIC_EOI | IG_PIC_CASCADE);
}

bool ig_sim_reads_pending(struct ig_sim *sim)
{
	write_port(sim, IG_PIC_SLAVE_COMMAND, IG_OCW3 | IG_OCW3_RR);
	return access_port(sim, IG_PIC_SLAVE_COMMAND, 0, false) & input_bit();
}

/* Whichever chip it is. */

void ig_sim_mask(struct ig_sim *sim)
{
	sim->masked = true;
	if (sim->guest->legacy)
		write_port(sim, IG_PIC_SLAVE_DATA, IG_SIM_ALL);
	else
		write_entry(sim, IG_RTE_LEVEL | IG_RTE_MASKED);
}

void ig_sim_unmask(struct ig_sim *sim)
{
	sim->masked = false;
	if (sim->guest->legacy)
		write_port(sim, IG_PIC_SLAVE_DATA, IG_SIM_ALL & (uint8_t)~input_bit());
	else
		write_entry(sim, IG_RTE_LEVEL);
}

void ig_sim_chips_prepare(struct ig_sim *sim)
{
	if (sim->guest->legacy)
		prepare_pair(sim);
	ig_sim_unmask(sim);
}

static void end_vector(struct ig_sim *sim, uint32_t vector)
{
	struct irqgate_effects effects;
	uint32_t pin = 0;

	if (!sim->serving[vector])
		return;
	sim->serving[vector] = false;
	while (irqgate_core_eoi(sim->core, vectors[vector], &pin, &effects))
		ig_sim_carry_out(sim, &effects);
}

void ig_sim_clear_lapic(struct ig_sim *sim)
{
	for (uint32_t i = 0; i < IG_SIM_VECTORS; i++)
		end_vector(sim, i);
}

void ig_sim_eoi(struct ig_sim *sim)
{
	if (sim->guest->legacy)
		end_at_pair(sim);
	else
		ig_sim_clear_lapic(sim); /* no more than one is ever in service */
}

void ig_sim_clear_ioapic(struct ig_sim *sim)
{
	sim->masked = true;
	write_entry(sim, IG_RTE_LEVEL | IG_RTE_MASKED);
	if (!reads_remote_irr(sim))
		return;
	write_entry(sim, IG_RTE_MASKED); /* edge-triggered: ends it */
	write_entry(sim, IG_RTE_LEVEL | IG_RTE_MASKED);
}

void ig_sim_accept(struct ig_sim *sim, const struct irqgate_message *message)
{
	uint32_t vector = (message->data & IG_RTE_VECTOR) == vectors[0] ? 0 : 1;

	sim->requested[vector] = true;
}

/* The interrupt that waits is in service now; false: none does. */
static bool acknowledge(struct ig_sim *sim)
{
	struct irqgate_effects effects;

	for (uint32_t i = 0; i < IG_SIM_VECTORS; i++) {
		if (!sim->requested[i])
			continue;
		sim->requested[i] = false;
		sim->serving[i] = true;
		return true;
	}
	return irqgate_core_pic_acknowledge(sim->core, &effects) >= 0;
}

void ig_sim_take(struct ig_sim *sim)
{
	if (sim->interrupts_off || !acknowledge(sim))
		return;
	sim->interrupts_off = true;
	sim->figures.guest_interrupts++;
	sim->figures.extra += !ig_sim_anything_asserts(sim);
	ig_sim_after(sim, IG_SIM_HARDIRQ, entry_latency, ig_sim_interrupted);
}

void ig_sim_interrupts_on(struct ig_sim *sim)
{
	sim->interrupts_off = false;
	ig_sim_take(sim);
}
