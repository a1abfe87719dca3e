/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The layout of the core: one block of bytes, this struct at its start and the arrays behind it, found by
 * offset and never by pointer, so that a copy of the block is a copy of the core. Caller serialises.
 */
#ifndef IG_CORE_H
#define IG_CORE_H

#include <irqgate/core.h>

#include "chip/ioapic.h"
#include "chip/pic.h"
#include "line/service.h"
#include "route/route.h"

#define IG_NO_SOURCE UINT16_MAX
#define IG_NO_CHIP   UINT8_MAX
#define IG_NO_LINE   UINT32_MAX

/* One GSI: its sources as a list, and whether the kernel forwards the only one of them itself. */
struct ig_line {
	uint64_t epoch;  /* see irqgate_core_epoch() */
	uint64_t acks, version; /* see irqgate_core_line_state(); counted while it is watched */
	uint64_t routes_version; /* of the table that had its routes, or its binding, changed last */
	uint16_t first;  /* index of the first source, or IG_NO_SOURCE */
	bool direct;     /* on the direct path: exactly one source, which the kernel can forward */
	bool bound;      /* the trigger shall be bound to the route */
	bool watched;
	bool masked;     /* while it is watched: as notice was given of it */
	bool changed;    /* and acked since */
	bool opened;     /* a chip had it unmasked since the reset */
	uint8_t chip;    /* index of the chip that it feeds, or IG_NO_CHIP: then there is no such GSI */
};

struct ig_source {
	uint64_t wish;       /* version of what is wanted, 0 at first */
	uint16_t generation; /* of the handle; bumped when the source is removed */
	uint16_t next;       /* of its line */
	uint16_t gsi;
	uint8_t kind;        /* enum irqgate_source_kind */
	bool used;
	bool asserted;
	bool enabled;
	bool listen;         /* the wish */
	bool answered;       /* it has triggered since: see struct irqgate_wish */
	char name[IRQGATE_NAME_SIZE];
};

/* What depends on time; see limits.h. All zero where it is not used. */
struct ig_limit {
	struct irqgate_guard guard;
	uint64_t released;  /* when the line was released last */
	uint64_t due;       /* while it is delayed: until then */
	uint64_t held;      /* while it is: since then */
	uint32_t spent;     /* of the budget */
	bool delayed;
	bool is_held;
	bool told;          /* that it is held */
	bool reserved;      /* false: no byte is left to chance */
};

struct irqgate_core {
	uint64_t routes_version;
	uint64_t now;
	uint64_t next_time; /* nothing is due before */
	uint64_t hold_limit;
	uint32_t policy; /* enum irqgate_policy */
	uint32_t sources;
	uint32_t gsis; /* one more than the highest */
	uint32_t chips;
	struct ig_ioapic chip[IRQGATE_CHIPS_MAX];
	struct ig_pic pic;
	bool has_pic;
	bool directed_eoi;
	/* Offsets of the arrays from the start of the core; the two of counters come last. */
	uint32_t pin_at, line_at, limit_at, route_at, source_at, service_at, first_served_at;
	uint32_t line_stats_at, source_stats_at;
};

struct ig_ioapic *ig_core_chip(const struct irqgate_core *core, uint32_t chip);

/* Whether there is such a GSI. */
bool ig_core_has(const struct irqgate_core *core, uint32_t gsi);

/* Whether the line feeds an input of the 8259A pair as well; it has the GSI's number. */
bool ig_core_feeds_pic(const struct irqgate_core *core, uint32_t gsi);
struct ig_pic *ig_core_pic(const struct irqgate_core *core);

/* The parts of one GSI. */
struct ig_pin *ig_core_pin(const struct irqgate_core *core, uint32_t gsi);
struct ig_line *ig_core_line(const struct irqgate_core *core, uint32_t gsi);
struct ig_limit *ig_core_limit(const struct irqgate_core *core, uint32_t gsi);
struct ig_route *ig_core_route(const struct irqgate_core *core, uint32_t gsi);
struct ig_service *ig_core_service(const struct irqgate_core *core, uint32_t gsi);
struct irqgate_line_stats *ig_core_line_stats(const struct irqgate_core *core, uint32_t gsi);
struct irqgate_source_stats *ig_core_source_stats(const struct irqgate_core *core, const struct ig_source *source);

/* The first GSI of a vector's list; see service.h. */
uint16_t *ig_core_first_served(const struct irqgate_core *core, uint8_t vector);

/* The source at an index, or NULL for IG_NO_SOURCE. */
struct ig_source *ig_core_source(const struct irqgate_core *core, uint16_t index);

/* The source that a handle names, or NULL. */
struct ig_source *ig_core_find(const struct irqgate_core *core, irqgate_source handle);

/* The handle of a source. */
irqgate_source ig_core_handle(const struct irqgate_core *core, const struct ig_source *source);

/* What the table of routes is made of has changed: of one line, of all lines. */
void ig_core_routes_changed(struct irqgate_core *core, uint32_t gsi);
void ig_core_all_routes_changed(struct irqgate_core *core);

/*
 * Starts a call's effects, and ends them: those of one line, or of none (IG_NO_LINE). They wait for that line's routes
 * alone: a guest may keep those of other lines changing.
 */
void ig_effects_begin(const struct irqgate_core *core, struct irqgate_effects *effects);
void ig_effects_end(const struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects);

/* Walks the sources of a line. */
#define ig_for_each_source(core, gsi, source) \
	for (struct ig_source *source = ig_core_source(core, ig_core_line(core, gsi)->first); source; \
	     source = ig_core_source(core, source->next))

#endif
