/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The steps that the host takes by itself, as edges between states: they must form no cycle. One thread. */
#ifndef IG_PROVE_CYCLE_H
#define IG_PROVE_CYCLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * States are explored in the order of their numbers: so the edges lie in the order of the states that they
 * are from.
 */
struct edges {
	uint32_t *to;
	size_t count, room;
	uint8_t *from;  /* how many edges a state has */
	uint32_t states, states_room;
};

/* The edges that are added from now on are from the next state. 0 or -ENOMEM. */
int edges_next(struct edges *edges);

/* 0 or -ENOMEM. */
int edges_add(struct edges *edges, uint32_t to);
void edges_close(struct edges *edges);

/* Whether there is a cycle: then a state that is on one, or that one leads to. 0 or -ENOMEM. */
int edges_find_cycle(const struct edges *edges, bool *found, uint32_t *state);

#endif
