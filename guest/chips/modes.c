/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Delivery modes that have no remote IRR: NMI, SMI, INIT and ExtINT (82093AA, 3.2.4: such pins are edge-
 * triggered, whatever the trigger mode says); and local APICs that suppress the broadcast of EOIs (SDM
 * volume 3, 10.8.5).
 */
#include "chips.h"

/* This guest has no iret, without which a processor takes one NMI only. */
static void nmi_has_no_remote_irr(void)
{
	if (!first_round)
		skip("NMIs are blocked since the first one");
	interrupts_take_nmi = true;
	entry_set(LINE, RTE_LEVEL | RTE_NMI | VECTOR, target);
	line_set(LINE, true);
	require(came(VECTOR_NMI, 1));
	require(!remote_irr(LINE));
	require(came(VECTOR, 0));
	line_set(LINE, false);
	require(came(VECTOR_NMI, 1));
	take_lowering(VECTOR, LINE, 1);
	entry_set_low(LINE, LEVEL);
	line_set(LINE, true);
	require(came(VECTOR, 1));
}

static void nmi_of_another_processor(void)
{
	target = cpus - 1;
	nmi_has_no_remote_irr();
}

static void masked_nmi_does_not_come(void)
{
	interrupts_take_nmi = true;
	entry_set(LINE, RTE_NMI | RTE_MASKED | VECTOR, target);
	line_pulse(LINE);
	require(came(VECTOR_NMI, 0));
}

/* To no processor: this guest has no handler for it. */
static void smi_has_no_remote_irr(void)
{
	entry_set(LINE, RTE_LEVEL | RTE_SMI, NOBODY);
	line_set(LINE, true);
	require(!remote_irr(LINE));
	settle();
	require(!remote_irr(LINE));
	line_set(LINE, false);
	take_lowering(VECTOR, LINE, 1);
	entry_set(LINE, LEVEL, target);
	line_set(LINE, true);
	require(came(VECTOR, 1));
}

static void extint_has_no_remote_irr(void)
{
	entry_set(LINE, RTE_LEVEL | RTE_EXTINT | VECTOR, target);
	line_set(LINE, true);
	require(!remote_irr(LINE));
	require(came(VECTOR, 0));
	line_set(LINE, false);
	take_lowering(VECTOR, LINE, 1);
	entry_set(LINE, LEVEL, target);
	line_set(LINE, true);
	require(came(VECTOR, 1));
}

static bool stands_still(void)
{
	return !beats(cpus - 1);
}

/* It runs again whatever is found: the tests that follow need it. */
static void init_stops_a_processor(void)
{
	uint32_t last = cpus - 1;
	bool has_remote_irr, stood_still;

	require(beats(last));
	entry_set(LINE, RTE_LEVEL | RTE_INIT, last);
	line_set(LINE, true);
	has_remote_irr = remote_irr(LINE);
	stood_still = wait_until(stands_still);
	line_set(LINE, false);
	entry_set(LINE, RTE_MASKED | VECTOR, 0);
	cpus_start_one(last);
	require(!has_remote_irr);
	require(stood_still);
	require(beats(last));
	take_lowering(VECTOR, LINE, 1);
	entry_set(LINE, LEVEL, last);
	line_set(LINE, true);
	require(came(VECTOR, 1));
	require(!remote_irr(LINE));
}

static void mode_of_a_level_in_service_changes_to_nmi(void)
{
	take_lowering(VECTOR, LINE, 1);
	entry_set(LINE, LEVEL, target);
	do_on(target, lapic_set_priority, VECTOR | 0xf);
	line_set(LINE, true);
	require(remote_irr(LINE));
	entry_set_low(LINE, RTE_MASKED | RTE_LEVEL | RTE_NMI | VECTOR);
	do_on(target, lapic_set_priority, 0);
	require(came(VECTOR, 1));
	require(!remote_irr(LINE));
	take_lowering(VECTOR, LINE, 1);
	entry_set_low(LINE, LEVEL);
	line_set(LINE, true);
	require(came(VECTOR, 2));
}

static void suppress(uint32_t on)
{
	write32(LAPIC_SVR, SVR_ENABLE | (on ? SVR_SUPPRESS_EOI : 0) | VECTOR_SPURIOUS);
}

static volatile bool irr_after_eoi, irr_after_register;

static void ends_it_twice(uint32_t vector)
{
	line_set(LINE, false);
	lapic_eoi();
	irr_after_eoi = remote_irr(LINE);
	ioapic_eoi(vector);
	irr_after_register = remote_irr(LINE);
}

/* The LAPIC's EOI stays with it; the register's is the IOAPIC's. */
static void suppressed_eoi_is_left_to_the_register(void)
{
	if (!has_directed_eoi)
		skip("local APICs are not said to suppress it (directed-eoi)");
	require(read32(LAPIC_VERSION) & VERSION_SUPPRESS_EOI);
	take_with(VECTOR, ends_it_twice);
	entry_set(LINE, LEVEL, target);
	do_on(target, suppress, true);
	for (uint32_t i = 1; i <= 5; i++) {
		line_set(LINE, true);
		require(came(VECTOR, i));
		require(irr_after_eoi && !irr_after_register);
	}
	do_on(target, suppress, false);
	take_lowering(VECTOR, LINE, 1);
	line_set(LINE, true);
	require(came(VECTOR, 6));
	require(!remote_irr(LINE));
}

/* Until then the level does not come again, though it is up. */
static void suppressed_eoi_holds_the_level_back(void)
{
	if (!has_directed_eoi)
		skip("local APICs are not said to suppress it (directed-eoi)");
	take_with(VECTOR, ends_it);
	entry_set(LINE, LEVEL, target);
	do_on(target, suppress, true);
	line_set(LINE, true);
	require(came(VECTOR, 1));
	take_with(VECTOR, ends_it_twice);
	ioapic_eoi(VECTOR);
	require(came(VECTOR, 2));
	require(!remote_irr(LINE));
}

const struct group mode_group = { "modes", (const struct test[]){
	{ .name = "NMI has no remote IRR", .run = nmi_has_no_remote_irr },
	{ .name = "NMI reaches another processor", .run = nmi_of_another_processor, .cpus = 2, .irqgate = true },
	{ .name = "masked NMI does not come", .run = masked_nmi_does_not_come, .anywhere = true },
	{ .name = "SMI has no remote IRR", .run = smi_has_no_remote_irr },
	{ .name = "ExtINT has no remote IRR", .run = extint_has_no_remote_irr },
	{ .name = "INIT stops a processor", .run = init_stops_a_processor, .cpus = 2 },
	{ .name = "mode of a level in service changes to NMI", .run = mode_of_a_level_in_service_changes_to_nmi,
	  .irqgate = true, .anywhere = true },
	{ .name = "suppressed EOI is left to the register", .run = suppressed_eoi_is_left_to_the_register,
	  .anywhere = true },
	{ .name = "suppressed EOI holds the level back", .run = suppressed_eoi_holds_the_level_back,
	  .anywhere = true },
	{ .name = 0 },
} };
