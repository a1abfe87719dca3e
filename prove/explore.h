/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Explores a world breadth first: every step from every state that can be reached. So the way to what breaks
 * a property is a shortest one. One thread.
 */
#ifndef IG_PROVE_EXPLORE_H
#define IG_PROVE_EXPLORE_H

#include "prove/set.h"
#include "prove/world.h"

enum { WAY_MAX = 255 };

/* The steps from the start to what breaks a property; the last one breaks it. */
struct way {
	uint32_t steps;
	uint8_t step[WAY_MAX];
};

struct result {
	uint32_t states, depth;
	uint64_t transitions, violations; /* steps that broke a property */
	bool complete;                    /* nothing was left to explore */
	double seconds;
	uint64_t peak_kib;                /* of memory */
	bool broken[PROPERTIES];
	struct way way[PROPERTIES];
};

struct search {
	struct world *world; /* opened */
	uint32_t limit;      /* of states */
	uint32_t memory;     /* limit, in MiB; 0: what the machine has */
	bool until_found;    /* ends at the first violation */
	struct result result;
};

/* 0, -ENOSPC (the limit), or -ENOMEM. */
int explore(struct search *search);

#endif
