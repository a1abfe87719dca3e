/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What leads to an interrupt, and what does not: edges and levels, the mask, the EOI (82093AA, 2.4 and
 * 3.2.4).
 */
#include "chips.h"

#define TIMES 10

static void edge_comes_once(void)
{
	entry_set(LINE, EDGE, target);
	line_set(LINE, true);
	require(came(VECTOR, 1));
	require(!remote_irr(LINE));
	line_set(LINE, false);
	require(came(VECTOR, 1));
	line_set(LINE, true);
	require(came(VECTOR, 2));
}

static void edges_come_one_by_one(void)
{
	entry_set(LINE, EDGE, target);
	for (uint32_t i = 1; i <= TIMES; i++) {
		line_pulse(LINE);
		require(came(VECTOR, i));
	}
}

static void edge_on_a_masked_pin_is_dropped(void)
{
	entry_set(LINE, EDGE | RTE_MASKED, target);
	line_set(LINE, true);
	entry_set_low(LINE, EDGE);
	require(came(VECTOR, 0));
	line_set(LINE, false);
	line_set(LINE, true);
	require(came(VECTOR, 1));
}

static void level_comes_once_if_it_is_quieted(void)
{
	entry_set(LINE, LEVEL, target);
	for (uint32_t i = 1; i <= TIMES; i++) {
		take_lowering(VECTOR, LINE, 1);
		line_set(LINE, true);
		require(came(VECTOR, i));
	}
	require(!remote_irr(LINE));
}

static void level_comes_again_until_it_is_quieted(void)
{
	take_lowering(VECTOR, LINE, TIMES);
	entry_set(LINE, LEVEL, target);
	line_set(LINE, true);
	require(came(VECTOR, TIMES));
}

static void level_that_is_there_before_the_entry_comes(void)
{
	line_set(LINE, true);
	take_lowering(VECTOR, LINE, 1);
	entry_set(LINE, LEVEL, target);
	require(came(VECTOR, 1));
}

static void masked_level_waits_for_the_unmask(void)
{
	take_lowering(VECTOR, LINE, 1);
	entry_set(LINE, LEVEL | RTE_MASKED, target);
	line_set(LINE, true);
	require(came(VECTOR, 0));
	require(!remote_irr(LINE));
	entry_set_low(LINE, LEVEL);
	require(came(VECTOR, 1));
}

static void masked_level_that_goes_away_is_forgotten(void)
{
	entry_set(LINE, LEVEL | RTE_MASKED, target);
	line_set(LINE, true);
	line_set(LINE, false);
	entry_set_low(LINE, LEVEL);
	require(came(VECTOR, 0));
	require(!remote_irr(LINE));
}

static volatile bool irr_inside;

static void looks_inside(uint32_t vector)
{
	irr_inside = remote_irr(LINE);
	lowers_it(vector);
}

static void remote_irr_is_set_until_the_eoi(void)
{
	irr_inside = false;
	take_lowering(VECTOR, LINE, 1);
	take_with(VECTOR, looks_inside);
	entry_set(LINE, LEVEL, target);
	require(!remote_irr(LINE));
	line_set(LINE, true);
	require(came(VECTOR, 1));
	require(irr_inside);
	require(!remote_irr(LINE));
}

/* As a Linux oneshot handler: the device is quieted after the EOI, and then the pin unmasked. */
static void masks_and_ends_it(uint32_t vector)
{
	(void)vector;
	entry_set_low(LINE, LEVEL | RTE_MASKED);
	lapic_eoi();
}

static void oneshot_level_comes_once(void)
{
	take_with(VECTOR, masks_and_ends_it);
	entry_set(LINE, LEVEL, target);
	for (uint32_t i = 1; i <= TIMES; i++) {
		line_set(LINE, true);
		require(came(VECTOR, i));
		require(!remote_irr(LINE));
		line_set(LINE, false);
		entry_set_low(LINE, LEVEL);
		require(came(VECTOR, i));
	}
}

static void oneshot_level_that_stays_comes_again(void)
{
	take_with(VECTOR, masks_and_ends_it);
	entry_set(LINE, LEVEL, target);
	line_set(LINE, true);
	for (uint32_t i = 1; i <= TIMES; i++) {
		require(came(VECTOR, i));
		entry_set_low(LINE, LEVEL);
	}
	require(came(VECTOR, TIMES + 1));
	line_set(LINE, false);
}

static void masks_and_unmasks(uint32_t vector)
{
	entry_set_low(LINE, LEVEL | RTE_MASKED);
	entry_set_low(LINE, LEVEL);
	irr_inside = remote_irr(LINE);
	lowers_it(vector);
}

/* The interrupt in service is the one that the level has: a mask and an unmask do not make a second one. */
static void mask_and_unmask_in_service_change_nothing(void)
{
	irr_inside = false;
	take_lowering(VECTOR, LINE, TIMES);
	take_with(VECTOR, masks_and_unmasks);
	entry_set(LINE, LEVEL, target);
	line_set(LINE, true);
	require(came(VECTOR, TIMES));
	require(irr_inside);
	require(!remote_irr(LINE));
}

/*
 * Both lines are up before the processor may take one: the higher class comes first (SDM volume 3, 10.8.3).
 */
static void raise_two(uint32_t unused)
{
	uint32_t flags = interrupts_off();

	(void)unused;
	line_set(LINE, true);
	line_set(OTHER, true);
	interrupts_restore(flags);
}

static void simultaneous_edges_come_by_priority(void)
{
	entry_set(LINE, EDGE, target);
	entry_set(OTHER, OTHER_VECTOR, target);
	do_on(target, raise_two, 0);
	require(came(VECTOR, 1) && came(OTHER_VECTOR, 1));
	require(taken_order(0) == OTHER_VECTOR && taken_order(1) == VECTOR);
}

static void lowers_other(uint32_t vector)
{
	line_set(vector == VECTOR ? LINE : OTHER, false);
	lapic_eoi();
}

static void simultaneous_levels_come_by_priority(void)
{
	take_with(VECTOR, lowers_other);
	take_with(OTHER_VECTOR, lowers_other);
	entry_set(LINE, LEVEL, target);
	entry_set(OTHER, RTE_LEVEL | OTHER_VECTOR, target);
	do_on(target, raise_two, 0);
	require(came(VECTOR, 1) && came(OTHER_VECTOR, 1));
	require(taken_order(0) == OTHER_VECTOR && taken_order(1) == VECTOR);
	require(!remote_irr(LINE) && !remote_irr(OTHER));
}

/* The LAPIC has accepted it: remote IRR is set, though the processor does not take it. */
static void level_that_the_processor_holds_back_is_accepted(void)
{
	take_lowering(VECTOR, LINE, 1);
	entry_set(LINE, LEVEL, target);
	do_on(target, lapic_set_priority, VECTOR | 0xf);
	line_set(LINE, true);
	require(came(VECTOR, 0));
	require(remote_irr(LINE));
	do_on(target, lapic_set_priority, 0);
	require(came(VECTOR, 1));
	require(!remote_irr(LINE));
}

static void trigger_mode_is_in_the_tmr(void)
{
	take_lowering(VECTOR, LINE, 1);
	entry_set(LINE, LEVEL, 0);
	line_set(LINE, true);
	require(came(VECTOR, 1));
	require(lapic_tmr(VECTOR));
	take_with(VECTOR, ends_it);
	entry_set(LINE, EDGE, 0);
	line_pulse(LINE);
	require(came(VECTOR, 2));
	require(!lapic_tmr(VECTOR));
}

static void polarity_is_the_boards(void)
{
	take_lowering(VECTOR, LINE, 1);
	entry_set(LINE, LEVEL | RTE_ACTIVE_LOW, target);
	require(entry_low(LINE) & RTE_ACTIVE_LOW);
	require(came(VECTOR, 0));
	line_set(LINE, true);
	require(came(VECTOR, 1));
}

/* Whatever the vector of an EOI is, it is for the pins that have it in service, level-triggered. */
static void eoi_of_another_vector_is_not_for_the_pin(void)
{
	take_lowering(VECTOR, LINE, 1);
	entry_set(LINE, LEVEL, target);
	do_on(target, lapic_set_priority, VECTOR | 0xf);
	line_set(LINE, true);
	require(remote_irr(LINE));
	entry_set(OTHER, OTHER_VECTOR, target);
	line_pulse(OTHER);
	take_lowering(THIRD_VECTOR, THIRD, 1);
	entry_set(THIRD, RTE_LEVEL | THIRD_VECTOR, target);
	line_set(THIRD, true);
	require(came(OTHER_VECTOR, 1) && came(THIRD_VECTOR, 1));
	require(remote_irr(LINE));
	do_on(target, lapic_set_priority, 0);
	require(came(VECTOR, 1));
	require(!remote_irr(LINE));
}

static void lowers_both(uint32_t vector)
{
	(void)vector;
	line_set(LINE, false);
	line_set(OTHER, false);
	lapic_eoi();
}

/* One EOI ends it for both. */
static void two_levels_may_share_a_vector(void)
{
	take_with(VECTOR, lowers_both);
	entry_set(LINE, LEVEL, target);
	entry_set(OTHER, LEVEL, target);
	do_on(target, raise_two, 0);
	require(came(VECTOR, 1));
	require(!remote_irr(LINE) && !remote_irr(OTHER));
	line_set(OTHER, true);
	require(came(VECTOR, 2));
	require(!remote_irr(OTHER));
}

/* The pin that shares the vector is edge-triggered, or masked: the EOI is none of its business. */
static void eoi_by_vector_looks_at_the_trigger_mode_and_the_mask(void)
{
	entry_set(LINE, LEVEL, target);
	entry_set(OTHER, EDGE, target);
	entry_set(THIRD, LEVEL | RTE_MASKED, target);
	line_set(THIRD, true);
	line_set(OTHER, true);
	require(came(VECTOR, 1));
	take_lowering(VECTOR, LINE, 1);
	line_set(LINE, true);
	require(came(VECTOR, 2));
	require(!remote_irr(THIRD));
}

static void ends_it_by_the_register(uint32_t vector)
{
	line_set(LINE, false);
	ioapic_eoi(vector);
	irr_inside = remote_irr(LINE);
	ioapic_eoi(vector);
	lapic_eoi();
}

static void eoi_register_ends_it(void)
{
	if (!ioapic_has_eoi())
		skip("the chip is older than version 0x20");
	irr_inside = true;
	take_with(VECTOR, ends_it_by_the_register);
	entry_set(LINE, LEVEL, target);
	for (uint32_t i = 1; i <= TIMES; i++) {
		line_set(LINE, true);
		require(came(VECTOR, i));
		require(!irr_inside);
	}
}

static void ends_another_by_the_register(uint32_t vector)
{
	ioapic_eoi(vector + 1);
	irr_inside = remote_irr(LINE);
	lowers_it(vector);
}

static void eoi_register_of_another_vector_does_nothing(void)
{
	if (!ioapic_has_eoi())
		skip("the chip is older than version 0x20");
	irr_inside = false;
	take_lowering(VECTOR, LINE, 1);
	take_with(VECTOR, ends_another_by_the_register);
	entry_set(LINE, LEVEL, target);
	line_set(LINE, true);
	require(came(VECTOR, 1));
	require(irr_inside);
}

static void old_chip_has_no_eoi_register(void)
{
	if (ioapic_has_eoi())
		skip("the chip is of version 0x20");
	take_lowering(VECTOR, LINE, 1);
	entry_set(LINE, LEVEL, target);
	do_on(target, lapic_set_priority, VECTOR | 0xf);
	line_set(LINE, true);
	ioapic_eoi(VECTOR);
	require(remote_irr(LINE));
	do_on(target, lapic_set_priority, 0);
	require(came(VECTOR, 1));
}

static void second_eoi_does_nothing(void)
{
	take_lowering(VECTOR, LINE, 1);
	entry_set(LINE, LEVEL, target);
	line_set(LINE, true);
	require(came(VECTOR, 1));
	if (ioapic_has_eoi())
		ioapic_eoi(VECTOR);
	lapic_eoi();
	require(came(VECTOR, 1));
	take_lowering(VECTOR, LINE, 1);
	line_set(LINE, true);
	require(came(VECTOR, 2));
}

static void switch_lapic(uint32_t on)
{
	write32(LAPIC_SVR, (on ? SVR_ENABLE : 0) | VECTOR_SPURIOUS);
}

static bool it_came(void)
{
	return taken(VECTOR) > 0;
}

/* No LAPIC takes it at first. */
static void level_that_no_lapic_takes_is_sent_again(void)
{
	take_lowering(VECTOR, LINE, 1);
	entry_set(LINE, LEVEL, target);
	do_on(target, switch_lapic, false);
	line_set(LINE, true);
	require(came(VECTOR, 0));
	require(!remote_irr(LINE));
	do_on(target, switch_lapic, true);
	require(wait_until(it_came));
	require(came(VECTOR, 1));
}

const struct group deliver_group = { "deliver", (const struct test[]){
	{ .name = "edge comes once", .run = edge_comes_once, .anywhere = true },
	{ .name = "edges come one by one", .run = edges_come_one_by_one, .anywhere = true },
	{ .name = "edge on a masked pin is dropped", .run = edge_on_a_masked_pin_is_dropped, .anywhere = true },
	{ .name = "level comes once if it is quieted", .run = level_comes_once_if_it_is_quieted, .anywhere = true },
	{ .name = "level comes again until it is quieted", .run = level_comes_again_until_it_is_quieted,
	  .anywhere = true },
	{ .name = "level that is there before the entry comes", .run = level_that_is_there_before_the_entry_comes,
	  .anywhere = true },
	{ .name = "masked level waits for the unmask", .run = masked_level_waits_for_the_unmask, .anywhere = true },
	{ .name = "masked level that goes away is forgotten", .run = masked_level_that_goes_away_is_forgotten,
	  .anywhere = true },
	{ .name = "remote IRR is set until the EOI", .run = remote_irr_is_set_until_the_eoi, .anywhere = true },
	{ .name = "oneshot level comes once", .run = oneshot_level_comes_once, .anywhere = true },
	{ .name = "oneshot level that stays comes again", .run = oneshot_level_that_stays_comes_again,
	  .anywhere = true },
	{ .name = "mask and unmask in service change nothing", .run = mask_and_unmask_in_service_change_nothing,
	  .anywhere = true },
	{ .name = "simultaneous edges come by priority", .run = simultaneous_edges_come_by_priority,
	  .anywhere = true },
	{ .name = "simultaneous levels come by priority", .run = simultaneous_levels_come_by_priority,
	  .anywhere = true },
	{ .name = "level that the processor holds back is accepted",
	  .run = level_that_the_processor_holds_back_is_accepted, .anywhere = true },
	{ .name = "trigger mode is in the TMR", .run = trigger_mode_is_in_the_tmr },
	{ .name = "polarity is the board's", .run = polarity_is_the_boards, .anywhere = true },
	{ .name = "EOI of another vector is not for the pin", .run = eoi_of_another_vector_is_not_for_the_pin,
	  .anywhere = true },
	{ .name = "two levels may share a vector", .run = two_levels_may_share_a_vector, .anywhere = true },
	{ .name = "EOI by vector looks at the trigger mode and the mask",
	  .run = eoi_by_vector_looks_at_the_trigger_mode_and_the_mask, .anywhere = true },
	{ .name = "EOI register ends it", .run = eoi_register_ends_it, .anywhere = true },
	{ .name = "EOI register of another vector does nothing", .run = eoi_register_of_another_vector_does_nothing,
	  .anywhere = true },
	{ .name = "old chip has no EOI register", .run = old_chip_has_no_eoi_register, .anywhere = true },
	{ .name = "second EOI does nothing", .run = second_eoi_does_nothing, .anywhere = true },
	{ .name = "level that no LAPIC takes is sent again", .run = level_that_no_lapic_takes_is_sent_again,
	  .anywhere = true, .irqgate = true },
	{ .name = 0 },
} };
