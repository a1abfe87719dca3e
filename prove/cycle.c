/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Looks for cycles; see cycle.h. States without an edge to them are taken away until none is left, or a cycle
 * is.
 */
#include "prove/cycle.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_ROOM = 1 << 16, BLOCK = 64 };

int edges_next(struct edges *edges)
{
	if (edges->states == edges->states_room) {
		uint32_t room = edges->states_room ? edges->states_room * 2 : FIRST_ROOM;
		uint8_t *from = realloc(edges->from, room);

		if (!from)
			return -ENOMEM;
		edges->from = from;
		edges->states_room = room;
	}
	edges->from[edges->states++] = 0;
	return 0;
}

int edges_add(struct edges *edges, uint32_t to)
{
	if (edges->count == edges->room) {
		size_t room = edges->room ? edges->room * 2 : FIRST_ROOM;
		uint32_t *more = realloc(edges->to, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		edges->to = more;
		edges->room = room;
	}
	edges->to[edges->count++] = to;
	edges->from[edges->states - 1]++;
	return 0;
}

void edges_close(struct edges *edges)
{
	free(edges->to);
	free(edges->from);
	*edges = (struct edges){ 0 };
}

/* What is left of the graph. */
struct graph {
	const struct edges *edges;
	size_t *block;      /* where the edges of each BLOCKth state begin */
	uint32_t *into;     /* how many edges lead to a state */
	uint32_t *waiting;  /* states that are to be taken away */
	uint32_t waits;
};

static int make_graph(const struct edges *edges, struct graph *graph)
{
	size_t at = 0;

	*graph = (struct graph){ .edges = edges };
	graph->block = calloc((size_t)edges->states / BLOCK + 1, sizeof(*graph->block));
	graph->into = calloc((size_t)edges->states + 1, sizeof(*graph->into));
	graph->waiting = calloc((size_t)edges->states + 1, sizeof(*graph->waiting));
	if (!graph->block || !graph->into || !graph->waiting)
		return -ENOMEM;
	for (uint32_t i = 0; i < edges->states; i++) {
		if (!(i % BLOCK))
			graph->block[i / BLOCK] = at;
		at += edges->from[i];
	}
	for (size_t i = 0; i < edges->count; i++)
		graph->into[edges->to[i]]++;
	for (uint32_t i = 0; i < edges->states; i++)
		if (!graph->into[i])
			graph->waiting[graph->waits++] = i;
	return 0;
}

static const uint32_t *edges_from(const struct graph *graph, uint32_t state)
{
	size_t at = graph->block[state / BLOCK];

	for (uint32_t i = state / BLOCK * BLOCK; i < state; i++)
		at += graph->edges->from[i];
	return &graph->edges->to[at];
}

static void take_away(struct graph *graph)
{
	while (graph->waits) {
		uint32_t state = graph->waiting[--graph->waits];
		const uint32_t *to = edges_from(graph, state);

		for (uint32_t i = 0; i < graph->edges->from[state]; i++)
			if (!--graph->into[to[i]])
				graph->waiting[graph->waits++] = to[i];
	}
}

int edges_find_cycle(const struct edges *edges, bool *found, uint32_t *state)
{
	struct graph graph;
	int error = make_graph(edges, &graph);

	*found = false;
	if (!error)
		take_away(&graph);
	for (uint32_t i = 0; !error && i < edges->states && !*found; i++) {
		*found = graph.into[i];
		*state = i;
	}
	free(graph.block);
	free(graph.into);
	free(graph.waiting);
	return error;
}
