/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The search; see explore.h. */
#include "prove/explore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "prove/cycle.h"
#include "prove/memory.h"
#include "prove/steps.h"

enum { PROGRESS_STATES = 1 << 20, CHECK_STATES = 1 << 15 };

/* Packed states, one after another: those of a depth, in the order in which they were found. */
struct queue {
	unsigned char *bytes;
	size_t size, room;
	uint32_t states;
};

struct explorer {
	struct search *search;
	struct set set;
	struct edges edges;
	struct queue now, next;
	struct state base, from; /* the start, and the state that is explored */
	bool moved;              /* the world is no longer in the state that is explored */
	unsigned char packed[PACKED_MAX(sizeof(struct state))];
};

static double seconds_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int enqueue(struct queue *queue, const unsigned char *packed, size_t size)
{
	uint16_t length = (uint16_t)size;

	if (queue->size + sizeof(length) + size > queue->room) {
		size_t room = queue->room + queue->room / 2 + PACKED_MAX(sizeof(struct state));
		unsigned char *bytes = realloc(queue->bytes, room);

		if (!bytes)
			return -ENOMEM;
		queue->bytes = bytes;
		queue->room = room;
	}
	memcpy(queue->bytes + queue->size, &length, sizeof(length));
	memcpy(queue->bytes + queue->size + sizeof(length), packed, size);
	queue->size += sizeof(length) + size;
	queue->states++;
	return 0;
}

/* The way to a state, and a step more. */
static void note_way(const struct set *set, uint32_t state, uint32_t last, struct way *way)
{
	uint32_t steps = 1;

	for (uint32_t at = state; at; at = set->parent[at])
		steps++;
	way->steps = steps < WAY_MAX ? steps : WAY_MAX;
	if (way->steps == steps)
		way->step[steps - 1] = (uint8_t)last;
	for (uint32_t at = state; at; at = set->parent[at])
		if (--steps <= way->steps)
			way->step[steps - 1] = set->step[at];
}

static void note_violations(struct explorer *e, uint32_t from, uint32_t step)
{
	struct result *result = &e->search->result;
	uint32_t violated = e->search->world->violated;

	result->violations += violated != 0;
	for (uint32_t i = 0; i < PROPERTIES; i++) {
		if (!(violated >> i & 1) || result->broken[i])
			continue;
		result->broken[i] = true;
		note_way(&e->set, from, step, &result->way[i]);
	}
}

/* What came of a step. 0, -ENOSPC, or -ENOMEM. */
static int add(struct explorer *e, uint32_t from, uint32_t step)
{
	struct world *w = e->search->world;
	enum set_result added;
	uint32_t number;
	size_t size = pack(&e->base, &w->s, w->bytes, e->packed);
	struct key key = hash_of(e->packed, size);

	added = set_add(&e->set, &key, from, step, &number);
	if (added == SET_FULL)
		return e->set.states == e->set.limit ? -ENOSPC : -ENOMEM;
	if (class_of(w, step) == HOST && edges_add(&e->edges, number))
		return -ENOMEM;
	return added == SET_NEW ? enqueue(&e->next, e->packed, size) : 0;
}

/* Takes the step, if it can be taken. 0, -ENOSPC, or -ENOMEM. */
static int follow(struct explorer *e, uint32_t from, uint32_t step)
{
	struct world *w = e->search->world;

	if (e->moved)
		memcpy(&w->s, &e->from, w->bytes);
	e->moved = try_step(w, step);
	if (!e->moved)
		return 0;
	e->search->result.transitions++;
	if (w->violated)
		note_violations(e, from, step);
	if (w->wrecked) {
		w->wrecked = false;
		return 0;
	}
	return add(e, from, step);
}

static int expand(struct explorer *e, uint32_t from)
{
	int error = edges_next(&e->edges);

	e->moved = true;
	for (uint32_t step = 0; step < e->search->world->steps && !error; step++)
		error = follow(e, from, step);
	return error;
}

static bool is_over(const struct explorer *e)
{
	return e->search->until_found && e->search->result.violations;
}

static void tell_progress(const struct explorer *e, uint32_t explored)
{
	if (!(explored % PROGRESS_STATES))
		fprintf(stderr, "%s: %u states explored, %u found, depth %u\n",
			e->search->world->config->name, explored, e->set.states, e->search->result.depth);
}

/* All states of a depth, the first of which has this number. */
static int expand_all(struct explorer *e, uint32_t first)
{
	const struct world *w = e->search->world;
	size_t at = 0;
	int error = 0;

	for (uint32_t i = 0; i < e->now.states && !is_over(e) && !error; i++) {
		uint16_t length;

		memcpy(&length, e->now.bytes + at, sizeof(length));
		unpack(&e->base, e->now.bytes + at + sizeof(length), length, &e->from, w->bytes);
		at += sizeof(length) + length;
		error = expand(e, first + i);
		if (!error && !((first + i) % CHECK_STATES))
			error = memory_check(e->search->memory);
		tell_progress(e, first + i + 1);
	}
	return error;
}

static void next_depth(struct explorer *e)
{
	struct queue empty = e->now;

	empty.size = empty.states = 0;
	e->now = e->next;
	e->next = empty;
}

/* The start is state 0; a depth is explored from the queue of those found at the depth before. */
static int explore_all(struct explorer *e)
{
	struct result *result = &e->search->result;
	uint32_t first = 0;
	int error = 0;

	while (e->now.states && !error && !is_over(e)) {
		uint32_t states = e->now.states;

		error = expand_all(e, first);
		first += states;
		next_depth(e);
		result->depth += e->now.states != 0;
	}
	result->complete = !error && !e->now.states;
	return error;
}

static int start(struct explorer *e)
{
	const struct world *w = e->search->world;
	size_t size = pack(&w->s, &w->s, w->bytes, e->packed);
	struct key key = hash_of(e->packed, size);
	uint32_t number;

	memcpy(&e->base, &w->s, w->bytes);
	memcpy(&e->from, &w->s, w->bytes);
	if (set_add(&e->set, &key, 0, 0, &number) != SET_NEW)
		return -ENOMEM;
	return enqueue(&e->now, e->packed, size);
}

static void free_queues(struct explorer *e)
{
	free(e->now.bytes);
	free(e->next.bytes);
	e->now = e->next = (struct queue){ 0 };
}

/* Whether the host could go on for ever by itself. What is not needed for that makes room for it. */
static int judge_cycles(struct explorer *e)
{
	struct result *result = &e->search->result;
	uint32_t state;
	bool found;
	int error;

	if (!result->complete)
		return 0;
	free_queues(e);
	set_forget_keys(&e->set);
	error = edges_find_cycle(&e->edges, &found, &state);
	result->complete = !error; /* what could not be looked at is not shown to be right */
	if (error || !found)
		return error;
	result->violations++;
	result->broken[ENDLESS] = true;
	note_way(&e->set, e->set.parent[state], e->set.step[state], &result->way[ENDLESS]);
	return 0;
}

int explore(struct search *search)
{
	struct explorer *e = calloc(1, sizeof(*e));
	double begin = seconds_now();
	int error;

	if (!e)
		return -ENOMEM;
	search->result = (struct result){ 0 };
	e->search = search;
	memory_begin();
	error = set_open(&e->set, search->limit);
	if (!error)
		error = start(e);
	if (!error)
		error = explore_all(e);
	if (!error)
		error = judge_cycles(e);
	search->result.states = e->set.states;
	search->result.seconds = seconds_now() - begin;
	search->result.peak_kib = memory_peak();
	edges_close(&e->edges);
	set_close(&e->set);
	free_queues(e);
	free(e);
	return error;
}
