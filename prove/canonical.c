/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The canonical form: of numbers that only count up, what matters is which of two is greater, or whether they
 * are equal; so they are made small. The new state is one that could have been: whatever can happen from it
 * can happen from the old one, and the other way round. One thread.
 */
#include <string.h>

#include "prove/steps.h"

#define HANDLE_INDEX_BITS 16
#define HANDLE_INDEX_MASK 0xffffU

enum {
	STALE_TICKET = 0x80,     /* of a message that is history */
	STALE_GENERATION = 0x70, /* of a source that has gone */
	FIRST_GENERATION = 1,
	DONE = 1, WANTED = 2,    /* versions of wishes */
	VERSIONS = THREADS + LINES + 3,
};

/*
 * Versions of the table of routes: the core's, those of its lines, KVM's, that under way, and what threads wait for. Only
 * their order counts; and of what KVM has, nothing but that.
 */
struct versions {
	uint64_t *at[VERSIONS];
	uint32_t count;
};

/* What somebody may wait for. */
static void collect_needed(struct versions *versions, uint64_t *version, uint64_t done)
{
	if (*version <= done)
		*version = 0;
	else
		versions->at[versions->count++] = version;
}

static void collect(struct world *w, struct versions *versions)
{
	struct state *s = &w->s;

	versions->at[versions->count++] = &core_of(w)->routes_version;
	versions->at[versions->count++] = &s->routes_done;
	for (uint32_t i = 0; i < w->config->lines; i++)
		collect_needed(versions, &ig_core_line(core_of(w), gsi_of(w, i))->routes_version, s->routes_done);
	for (uint32_t i = 0; i < THREADS; i++) {
		collect_needed(versions, &s->thread[i].need, s->routes_done);
		if (s->thread[i].building)
			versions->at[versions->count++] = &s->routes_next;
	}
}

static void rank_routes(struct world *w)
{
	struct versions versions = { .count = 0 };
	uint64_t rank[VERSIONS];

	collect(w, &versions);
	for (uint32_t i = 0; i < versions.count; i++) {
		rank[i] = 1;
		for (uint32_t j = 0; j < versions.count; j++) {
			bool first = true; /* of those that are equal, one counts */

			for (uint32_t k = 0; k < j; k++)
				first &= *versions.at[k] != *versions.at[j];
			rank[i] += first && *versions.at[j] < *versions.at[i];
		}
	}
	for (uint32_t i = 0; i < versions.count; i++)
		*versions.at[i] = rank[i];
}

static bool is_building(const struct world *w)
{
	for (uint32_t i = 0; i < THREADS; i++)
		if (w->s.thread[i].building)
			return true;
	return false;
}

/* Wish 0 is none yet; else only whether it is newer than what was done counts. */
static void rank_wish(struct world *w, struct ig_source *source, struct device *device)
{
	bool newer = source->wish > device->wish_done;

	(void)w;
	if (!source->wish)
		return;
	source->wish = newer ? WANTED : DONE;
	device->wish_done = DONE;
}

/* The effects under way, of all threads. */
#define FOR_EACH_EFFECT(w, effect)                                                                           \
	for (uint32_t thread_ = 0; thread_ < THREADS; thread_++)                                             \
		for (struct effect *effect = (w)->s.thread[thread_].queue;                                   \
		     effect < (w)->s.thread[thread_].queue + (w)->s.thread[thread_].count; effect++)

static irqgate_source small_handle(const struct world *w, irqgate_source handle)
{
	uint32_t index = handle & HANDLE_INDEX_MASK;
	bool current = ig_core_source(core_of(w), (uint16_t)index)->generation == handle >> HANDLE_INDEX_BITS;

	if (!handle)
		return 0;
	return (uint32_t)(current ? FIRST_GENERATION : STALE_GENERATION) << HANDLE_INDEX_BITS | index;
}

static void rank_handles(struct world *w)
{
	struct irqgate_core *core = core_of(w);

	FOR_EACH_EFFECT(w, effect)
		effect->source = small_handle(w, effect->source);
	for (uint32_t i = 0; i < w->config->devices; i++)
		w->s.device[i].source = small_handle(w, w->s.device[i].source);
	w->s.wire = small_handle(w, w->s.wire);
	for (uint32_t i = 0; i < core->sources; i++) {
		struct ig_source *source = ig_core_source(core, (uint16_t)i);

		source->generation = FIRST_GENERATION;
		if (!source->used) /* what it was is overwritten when its place is taken */
			*source = (struct ig_source){ .generation = FIRST_GENERATION };
	}
}

/* A ticket is the pin's last one, or history. */
static void rank_tickets(struct world *w)
{
	FOR_EACH_EFFECT(w, effect) {
		if (effect->kind != IRQGATE_EFFECT_SEND)
			continue;
		if (effect->ticket != ig_core_pin(core_of(w), gsi_of(w, effect->line))->ticket)
			effect->ticket = STALE_TICKET;
		else
			effect->ticket = 0;
	}
}

static void rank_line(struct world *w, uint32_t number)
{
	struct ig_line *line = ig_core_line(core_of(w), gsi_of(w, number));
	struct line *told = &w->s.line[number];

	ig_core_pin(core_of(w), gsi_of(w, number))->ticket = 0;
	if (w->s.question.asked && w->s.question.line == number)
		w->s.question.epoch = w->s.question.epoch == line->epoch;
	line->epoch = 1;
	told->told_acks = told->told_acks == line->acks;
	line->acks = 1;
	told->told_version = told->told_version == line->version;
	line->version = 1;
}

void canonicalize(struct world *w)
{
	rank_routes(w);
	if (!is_building(w))
		w->s.routes_next = 0;
	for (uint32_t i = 0; i < w->config->devices; i++) {
		struct ig_source *source = ig_core_find(core_of(w), w->s.device[i].source);

		if (source)
			rank_wish(w, source, &w->s.device[i]);
	}
	rank_tickets(w);
	rank_handles(w);
	for (uint32_t i = 0; i < w->config->lines; i++)
		rank_line(w, i);
}
