/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Looks for cycles; see cycle.h. States without an edge to them are taken away until none is left, or a cycle is. */
#include "prove/cycle.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_ROOM = 1 << 16 };

int edges_add(struct edges *edges, uint32_t from, uint32_t to)
{
	if (edges->count == edges->room) {
		size_t room = edges->room ? edges->room * 2 : FIRST_ROOM;
		uint32_t *end = realloc(edges->end, room * 2 * sizeof(*end));

		if (!end)
			return -ENOMEM;
		edges->end = end;
		edges->room = room;
	}
	edges->end[2 * edges->count] = from;
	edges->end[2 * edges->count + 1] = to;
	edges->count++;
	return 0;
}

void edges_close(struct edges *edges)
{
	free(edges->end);
	*edges = (struct edges){ 0 };
}

/* The edges by the state that they are from: those of state i are to[first[i]] to to[first[i + 1] - 1]. */
struct graph {
	size_t *first;
	uint32_t *to, *into, *free;
};

static bool make_graph(const struct edges *edges, uint32_t states, struct graph *graph)
{
	graph->first = calloc((size_t)states + 2, sizeof(*graph->first));
	graph->to = calloc(edges->count + 1, sizeof(*graph->to));
	graph->into = calloc((size_t)states + 1, sizeof(*graph->into));
	graph->free = calloc((size_t)states + 1, sizeof(*graph->free));
	if (!graph->first || !graph->to || !graph->into || !graph->free)
		return false;
	for (size_t i = 0; i < edges->count; i++) {
		graph->first[edges->end[2 * i] + 2]++;
		graph->into[edges->end[2 * i + 1]]++;
	}
	for (size_t i = 2; i < (size_t)states + 2; i++)
		graph->first[i] += graph->first[i - 1];
	for (size_t i = 0; i < edges->count; i++)
		graph->to[graph->first[edges->end[2 * i] + 1]++] = edges->end[2 * i + 1];
	return true;
}

static void take_away(struct graph *graph, uint32_t states)
{
	uint32_t waiting = 0;

	for (uint32_t i = 0; i < states; i++)
		if (!graph->into[i])
			graph->free[waiting++] = i;
	while (waiting) {
		uint32_t state = graph->free[--waiting];

		for (size_t i = graph->first[state]; i < graph->first[state + 1]; i++)
			if (!--graph->into[graph->to[i]])
				graph->free[waiting++] = graph->to[i];
	}
}

bool edges_have_cycle(const struct edges *edges, uint32_t states, uint32_t *state)
{
	struct graph graph = { NULL, NULL, NULL, NULL };
	bool found = !make_graph(edges, states, &graph); /* what could not be looked at is not shown to be right */

	*state = 0;
	if (!found) {
		take_away(&graph, states);
		for (uint32_t i = 0; i < states && !found; i++)
			if (graph.into[i]) {
				found = true;
				*state = i;
			}
	}
	free(graph.first);
	free(graph.to);
	free(graph.into);
	free(graph.free);
	return found;
}
