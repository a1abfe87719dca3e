/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The steps that the host takes by itself, as edges between states: they must form no cycle. One thread. */
#ifndef IG_PROVE_CYCLE_H
#define IG_PROVE_CYCLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct edges {
	uint32_t *end; /* two numbers an edge */
	size_t count, room;
};

/* 0 or -ENOMEM. */
int edges_add(struct edges *edges, uint32_t from, uint32_t to);
void edges_close(struct edges *edges);

/* Whether there is a cycle: then a state that is on one, or that one leads to. */
bool edges_have_cycle(const struct edges *edges, uint32_t states, uint32_t *state);

#endif
