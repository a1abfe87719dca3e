/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Where an interrupt goes (82093AA, 3.2.4; SDM volume 3, 10.6.2). */
#include "chips.h"

#define EVERYBODY 0xff
#define CLUSTER_MEMBERS 4

static uint32_t takers(uint32_t vector)
{
	uint32_t count = 0;

	for (uint32_t id = 0; id < cpus; id++)
		count += taken_by(vector, id) > 0;
	return count;
}

static void physical_id_names_the_processor(void)
{
	for (uint32_t id = 0; id < cpus; id++) {
		take_reset();
		entry_set(LINE, EDGE, id);
		line_pulse(LINE);
		require(came(VECTOR, 1));
		require(taken_by(VECTOR, id) == 1);
	}
}

static void level_of_each_processor_is_acked(void)
{
	for (uint32_t id = 0; id < cpus; id++) {
		take_reset();
		take_lowering(VECTOR, LINE, 1);
		entry_set(LINE, LEVEL, id);
		line_set(LINE, true);
		require(came(VECTOR, 1));
		require(taken_by(VECTOR, id) == 1);
		require(!remote_irr(LINE));
	}
}

static void physical_broadcast_reaches_everybody(void)
{
	entry_set(LINE, EDGE, EVERYBODY);
	line_pulse(LINE);
	require(came(VECTOR, cpus));
	require(takers(VECTOR) == cpus);
}

static void flat_bits_name_processors(void)
{
	for (uint32_t set = 1; set < 1u << cpus; set++) {
		uint32_t members = 0;

		take_reset();
		entry_set(LINE, EDGE | RTE_LOGICAL, set);
		line_pulse(LINE);
		for (uint32_t id = 0; id < cpus; id++)
			members += set >> id & 1;
		require(came(VECTOR, members));
		for (uint32_t id = 0; id < cpus; id++)
			require(taken_by(VECTOR, id) == (set >> id & 1));
	}
}

static void logical_broadcast_reaches_everybody(void)
{
	entry_set(LINE, EDGE | RTE_LOGICAL, EVERYBODY);
	line_pulse(LINE);
	require(came(VECTOR, cpus));
	require(takers(VECTOR) == cpus);
}

static void level_of_the_flat_model_is_acked(void)
{
	take_lowering(VECTOR, LINE, 1);
	entry_set(LINE, LEVEL | RTE_LOGICAL, 1u << target);
	line_set(LINE, true);
	require(came(VECTOR, 1));
	require(taken_by(VECTOR, target) == 1);
	require(!remote_irr(LINE));
}

/* Two processors a cluster, by their bits. */
static uint32_t cluster_id(uint32_t id)
{
	return (id / 2) << CLUSTER_MEMBERS | 1u << id % 2;
}

static void join_cluster(uint32_t id)
{
	lapic_set_logical(cluster_id(id), true);
}

static void join_clusters(void)
{
	for (uint32_t id = 0; id < cpus; id++)
		do_on(id, join_cluster, id);
}

static void cluster_and_member_name_a_processor(void)
{
	join_clusters();
	for (uint32_t id = 0; id < cpus; id++) {
		take_reset();
		take_lowering(VECTOR, LINE, 1);
		entry_set(LINE, LEVEL | RTE_LOGICAL, cluster_id(id));
		line_set(LINE, true);
		require(came(VECTOR, 1));
		require(taken_by(VECTOR, id) == 1);
		require(!remote_irr(LINE));
	}
}

static void cluster_is_reached_as_a_whole(void)
{
	join_clusters();
	entry_set(LINE, EDGE | RTE_LOGICAL, 0x0f); /* cluster 0, each member */
	line_pulse(LINE);
	require(came(VECTOR, cpus < 2 ? cpus : 2));
	require(taken_by(VECTOR, 0) == 1);
}

static void lowest_priority_reaches_one(void)
{
	uint32_t all = (1u << cpus) - 1;

	entry_set(LINE, EDGE | RTE_LOGICAL | RTE_LOWEST, all);
	for (uint32_t i = 1; i <= 10; i++) {
		line_pulse(LINE);
		require(came(VECTOR, i));
	}
}

static void lowest_priority_level_is_acked(void)
{
	uint32_t all = (1u << cpus) - 1;

	entry_set(LINE, LEVEL | RTE_LOGICAL | RTE_LOWEST, all);
	for (uint32_t i = 1; i <= 10; i++) {
		take_lowering(VECTOR, LINE, 1);
		line_set(LINE, true);
		require(came(VECTOR, i));
		require(!remote_irr(LINE));
	}
}

static bool everybody_took_it(void)
{
	return takers(VECTOR) == cpus;
}

/* As on hardware: each ends it, and the first EOI that comes is the pin's. */
static void level_of_everybody_is_acked(void)
{
	take_lowering(VECTOR, LINE, 1);
	entry_set(LINE, LEVEL, EVERYBODY);
	line_set(LINE, true);
	require(wait_until(everybody_took_it));
	settle();
	require(!remote_irr(LINE));
}

static void level_to_nobody_comes_when_it_is_moved(void)
{
	take_lowering(VECTOR, LINE, 1);
	entry_set(LINE, LEVEL, NOBODY);
	line_set(LINE, true);
	require(came(VECTOR, 0));
	entry_set_low(LINE, LEVEL | RTE_MASKED);
	ioapic_write(IOAPIC_RTE_HIGH(LINE), target << ID_SHIFT);
	entry_set_low(LINE, LEVEL);
	require(came(VECTOR, 1));
	require(!remote_irr(LINE));
}

/* Moved from one processor to the next with an event on each: none is lost on the way. */
static void level_moves_from_one_to_the_next(void)
{
	entry_set(LINE, LEVEL, 0);
	for (uint32_t i = 0; i < 3 * cpus; i++) {
		take_lowering(VECTOR, LINE, 1);
		ioapic_write(IOAPIC_RTE_HIGH(LINE), (i % cpus) << ID_SHIFT);
		line_set(LINE, true);
		require(came(VECTOR, i + 1));
		require(taken_by(VECTOR, i % cpus) == i / cpus + 1);
		require(!remote_irr(LINE));
	}
}

const struct group destination_group = { "destination", (const struct test[]){
	{ .name = "physical id names the processor", .run = physical_id_names_the_processor },
	{ .name = "level of each processor is acked", .run = level_of_each_processor_is_acked },
	{ .name = "physical broadcast reaches everybody", .run = physical_broadcast_reaches_everybody },
	{ .name = "flat bits name processors", .run = flat_bits_name_processors },
	{ .name = "logical broadcast reaches everybody", .run = logical_broadcast_reaches_everybody },
	{ .name = "level of the flat model is acked", .run = level_of_the_flat_model_is_acked, .anywhere = true },
	{ .name = "cluster and member name a processor", .run = cluster_and_member_name_a_processor },
	{ .name = "cluster is reached as a whole", .run = cluster_is_reached_as_a_whole },
	{ .name = "lowest priority reaches one", .run = lowest_priority_reaches_one },
	{ .name = "lowest priority level is acked", .run = lowest_priority_level_is_acked },
	{ .name = "level of everybody is acked", .run = level_of_everybody_is_acked },
	{ .name = "level to nobody comes when it is moved", .run = level_to_nobody_comes_when_it_is_moved,
	  .anywhere = true },
	{ .name = "level moves from one to the next", .run = level_moves_from_one_to_the_next },
	{ .name = 0 },
} };
