/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * An entry that is written while its interrupt is in service: by the handler itself, and while the
 * processor holds the interrupt back. Whatever is written, the line's next interrupt comes, and only that.
 */
#include "chips.h"

static volatile bool irr_inside;
static volatile uint32_t new_low, new_destination;

/* Held back by its processor until release(); the line goes down when it is taken. */
static void begin_held_back(void)
{
	take_lowering(VECTOR, LINE, 1);
	take_lowering(OTHER_VECTOR, LINE, 1);
	entry_set(LINE, LEVEL, target);
	do_on(target, lapic_set_priority, OTHER_VECTOR | 0xf);
	line_set(LINE, true);
}

static void release(void)
{
	do_on(target, lapic_set_priority, 0);
}

static void remote_irr_outlives_a_write(void)
{
	begin_held_back();
	require(remote_irr(LINE));
	entry_set_low(LINE, LEVEL | RTE_MASKED);
	require(remote_irr(LINE));
	entry_set_low(LINE, LEVEL);
	require(remote_irr(LINE));
	ioapic_write(IOAPIC_RTE_HIGH(LINE), NOBODY << ID_SHIFT);
	require(remote_irr(LINE));
	ioapic_write(IOAPIC_RTE_HIGH(LINE), target << ID_SHIFT);
	release();
	require(came(VECTOR, 1));
	require(!remote_irr(LINE));
}

static void eoi_of_a_masked_pin_is_seen(void)
{
	begin_held_back();
	entry_set_low(LINE, LEVEL | RTE_MASKED);
	release();
	require(came(VECTOR, 1));
	require(!remote_irr(LINE));
}

static void change_to_edge_clears_remote_irr(void)
{
	begin_held_back();
	entry_set_low(LINE, EDGE | RTE_MASKED);
	require(!remote_irr(LINE));
	line_set(LINE, false);
	entry_set_low(LINE, LEVEL);
	require(!remote_irr(LINE));
	release();
	require(came(VECTOR, 1)); /* the LAPIC had it already */
	require(!remote_irr(LINE));
}

/* How Linux acknowledges a chip without an EOI register: masked to edge, and back. */
static void acks_by_the_edge(uint32_t vector)
{
	line_set(LINE, false);
	entry_set_low(LINE, EDGE | RTE_MASKED);
	entry_set_low(LINE, LEVEL);
	irr_inside = remote_irr(LINE);
	ends_it(vector);
}

static void edge_and_back_is_an_eoi(void)
{
	irr_inside = true;
	take_with(VECTOR, acks_by_the_edge);
	entry_set(LINE, LEVEL, target);
	for (uint32_t i = 1; i <= 5; i++) {
		line_set(LINE, true);
		require(came(VECTOR, i));
		require(!irr_inside && !remote_irr(LINE));
	}
}

/* A level that is still up when the entry is a level again is an interrupt. */
static void edge_and_back_with_the_line_up_comes_again(void)
{
	begin_held_back();
	entry_set_low(LINE, EDGE | RTE_MASKED);
	entry_set_low(LINE, LEVEL);
	require(remote_irr(LINE));
	release();
	require(came(VECTOR, 1));
	require(!remote_irr(LINE));
}

static void level_to_edge_unmasked_makes_no_edge(void)
{
	entry_set(LINE, LEVEL | RTE_MASKED, target);
	line_set(LINE, true);
	entry_set_low(LINE, EDGE);
	require(came(VECTOR, 0));
	line_set(LINE, false);
	line_pulse(LINE);
	require(came(VECTOR, 1));
}

static void edge_to_level_with_the_line_up_comes(void)
{
	entry_set(LINE, EDGE, target);
	line_set(LINE, true);
	require(came(VECTOR, 1));
	take_lowering(VECTOR, LINE, 1);
	entry_set_low(LINE, LEVEL);
	require(came(VECTOR, 2));
	require(!remote_irr(LINE));
}

/* The handler writes the entry, its own vector in it, and ends the interrupt. */
static void rewrites_it(uint32_t vector)
{
	line_set(LINE, false);
	ioapic_write(IOAPIC_RTE_HIGH(LINE), new_destination << ID_SHIFT);
	entry_set_low(LINE, new_low);
	ends_it(vector);
}

static void rewrites_what_it_reads(uint32_t vector)
{
	entry_set_low(LINE, entry_low(LINE));
	irr_inside = remote_irr(LINE);
	line_set(LINE, false);
	entry_set_low(LINE, entry_low(LINE));
	ends_it(vector);
}

static void handler_may_write_back_what_it_reads(void)
{
	irr_inside = false;
	take_with(VECTOR, rewrites_what_it_reads);
	entry_set(LINE, LEVEL, target);
	for (uint32_t i = 1; i <= 5; i++) {
		line_set(LINE, true);
		require(came(VECTOR, i));
		require(irr_inside && !remote_irr(LINE));
	}
}

static void take_rewriting(uint32_t low, uint32_t destination)
{
	new_low = low;
	new_destination = destination;
	take_with(VECTOR, rewrites_it);
	entry_set(LINE, LEVEL, target);
	line_set(LINE, true);
}

static void handler_may_move_it_away(void)
{
	take_rewriting(LEVEL, NOBODY);
	require(came(VECTOR, 1));
	require(!remote_irr(LINE));
	ioapic_write(IOAPIC_RTE_HIGH(LINE), target << ID_SHIFT);
	take_lowering(VECTOR, LINE, 1);
	line_set(LINE, true);
	require(came(VECTOR, 2));
	require(!remote_irr(LINE));
}

static void handler_may_move_it_to_another_processor(void)
{
	uint32_t next = (target + 1) % cpus;

	take_rewriting(LEVEL, next);
	require(came(VECTOR, 1));
	require(!remote_irr(LINE));
	take_lowering(VECTOR, LINE, 1);
	line_set(LINE, true);
	require(came(VECTOR, 2));
	require(taken_by(VECTOR, next) == 1);
	require(!remote_irr(LINE));
}

static void handler_may_make_it_logical(void)
{
	take_rewriting(LEVEL | RTE_LOGICAL, 1u << target);
	require(came(VECTOR, 1));
	require(!remote_irr(LINE));
	take_lowering(VECTOR, LINE, 1);
	line_set(LINE, true);
	require(came(VECTOR, 2));
	require(!remote_irr(LINE));
}

static void handler_may_make_it_lowest_priority(void)
{
	take_rewriting(LEVEL | RTE_LOGICAL | RTE_LOWEST, 1u << target);
	require(came(VECTOR, 1));
	require(!remote_irr(LINE));
	take_lowering(VECTOR, LINE, 1);
	line_set(LINE, true);
	require(came(VECTOR, 2));
	require(!remote_irr(LINE));
}

static void handler_may_make_it_an_edge(void)
{
	take_rewriting(EDGE, target);
	require(came(VECTOR, 1));
	require(!remote_irr(LINE));
	take_with(VECTOR, ends_it);
	line_pulse(LINE);
	require(came(VECTOR, 2));
}

/*
 * The 82093AA would compare the new vector with the EOI's, and the pin be dead until its next change to
 * edge.
 */
static void handler_may_change_its_vector(void)
{
	take_rewriting(RTE_LEVEL | OTHER_VECTOR, target);
	require(came(VECTOR, 1));
	require(!remote_irr(LINE));
	take_lowering(OTHER_VECTOR, LINE, 1);
	line_set(LINE, true);
	require(came(OTHER_VECTOR, 1));
	require(taken(VECTOR) == 1);
	require(!remote_irr(LINE));
}

static void keeps_the_line_up(uint32_t vector)
{
	ioapic_write(IOAPIC_RTE_HIGH(LINE), target << ID_SHIFT);
	entry_set_low(LINE, RTE_LEVEL | OTHER_VECTOR);
	ends_it(vector);
}

static void level_that_stays_comes_by_its_new_vector(void)
{
	take_with(VECTOR, keeps_the_line_up);
	take_lowering(OTHER_VECTOR, LINE, 1);
	entry_set(LINE, LEVEL, target);
	line_set(LINE, true);
	require(came(OTHER_VECTOR, 1));
	require(taken(VECTOR) == 1);
	require(!remote_irr(LINE));
}

static void changed_twice_in_service(void)
{
	begin_held_back();
	entry_set_low(LINE, RTE_LEVEL | OTHER_VECTOR);
	ioapic_write(IOAPIC_RTE_HIGH(LINE), NOBODY << ID_SHIFT);
	entry_set_low(LINE, LEVEL | RTE_MASKED);
	entry_set(LINE, RTE_LEVEL | OTHER_VECTOR, target);
	require(remote_irr(LINE));
	release();
	require(came(VECTOR, 1) && came(OTHER_VECTOR, 0));
	require(!remote_irr(LINE));
	take_lowering(OTHER_VECTOR, LINE, 1);
	line_set(LINE, true);
	require(came(OTHER_VECTOR, 1));
}

#define RACES 50
#define MASKS 5

/* With another processor the interrupt is taken and ended while the pin is masked and unmasked. */
static void mask_races_with_the_eoi(void)
{
	entry_set(LINE, LEVEL, target);
	for (uint32_t i = 1; i <= RACES; i++) {
		take_lowering(VECTOR, LINE, 1);
		line_set(LINE, true);
		for (uint32_t j = 0; j < MASKS; j++) {
			entry_set_low(LINE, LEVEL | RTE_MASKED);
			entry_set_low(LINE, LEVEL);
		}
		require(came(VECTOR, i));
		require(!remote_irr(LINE));
	}
}

const struct group rewrite_group = { "rewrite", (const struct test[]){
	{ .name = "remote IRR outlives a write", .run = remote_irr_outlives_a_write, .anywhere = true },
	{ .name = "EOI of a masked pin is seen", .run = eoi_of_a_masked_pin_is_seen, .anywhere = true },
	{ .name = "change to edge clears remote IRR", .run = change_to_edge_clears_remote_irr, .anywhere = true },
	{ .name = "edge and back is an EOI", .run = edge_and_back_is_an_eoi, .anywhere = true },
	{ .name = "edge and back with the line up comes again", .run = edge_and_back_with_the_line_up_comes_again,
	  .anywhere = true },
	{ .name = "level to edge makes no edge", .run = level_to_edge_unmasked_makes_no_edge, .anywhere = true },
	{ .name = "edge to level with the line up comes", .run = edge_to_level_with_the_line_up_comes,
	  .anywhere = true },
	{ .name = "handler may write back what it reads", .run = handler_may_write_back_what_it_reads,
	  .anywhere = true },
	{ .name = "handler may move it away", .run = handler_may_move_it_away, .anywhere = true },
	{ .name = "handler may move it to another processor", .run = handler_may_move_it_to_another_processor,
	  .anywhere = true, .cpus = 2 },
	{ .name = "handler may make it logical", .run = handler_may_make_it_logical, .anywhere = true },
	{ .name = "handler may make it lowest priority", .run = handler_may_make_it_lowest_priority,
	  .anywhere = true },
	{ .name = "handler may make it an edge", .run = handler_may_make_it_an_edge, .anywhere = true },
	{ .name = "handler may change its vector", .run = handler_may_change_its_vector, .anywhere = true,
	  .irqgate = true },
	{ .name = "level that stays comes by its new vector", .run = level_that_stays_comes_by_its_new_vector,
	  .anywhere = true, .irqgate = true },
	{ .name = "changed twice in service", .run = changed_twice_in_service, .anywhere = true, .irqgate = true },
	{ .name = "mask races with the EOI", .run = mask_races_with_the_eoi, .anywhere = true },
	{ .name = 0 },
} };
