/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A plain model of the gate on the userspace path, written from the rules that it has to keep
 * (ARCHITECTURE.md) and the data sheet: IOAPICs as arrays of entries, a line as a list of levels, searched
 * from end to end. It knows no lists by vector, no routes, no direct path. Each call says what the world must
 * be asked for. One thread.
 */
#ifndef IG_FUZZ_MODEL_H
#define IG_FUZZ_MODEL_H

#include <stdbool.h>
#include <stdint.h>

enum { MODEL_CHIPS = 2, MODEL_LINES = 12, MODEL_SOURCES = 12, MODEL_SENDS = 2 };
enum model_kind { MODEL_NONE, MODEL_WIRE, MODEL_EDGE, MODEL_FORWARDED };
enum model_policy { MODEL_HOLD, MODEL_EOI, MODEL_UNMASK_RESAMPLE };

struct model_line {
	bool exists;
	uint32_t chip;
	uint64_t entry;   /* what the guest wrote, without the read-only bits */
	bool level;       /* of the pin */
	bool in_service;  /* remote IRR */
	uint8_t served;   /* the vector in service */
	uint64_t message; /* the entry that was sent, in service */
	bool undelivered;
	uint64_t sends, eois;
};

struct model_source {
	enum model_kind kind;
	uint32_t gsi;
	bool asserted, enabled, listen;
	uint64_t triggers, absorbed, resamples, idle;
};

/* What a call asks the world for. */
struct model_effects {
	uint32_t sends;
	struct { uint32_t gsi; uint64_t entry; } send[MODEL_SENDS];
	bool wished[MODEL_SOURCES];
};

struct model {
	enum model_policy policy;
	struct model_line line[MODEL_LINES];
	struct model_source source[MODEL_SOURCES];
	struct model_effects effects; /* of the last call */
};

bool model_is_level(uint64_t entry);
bool model_is_masked(uint64_t entry);
bool model_line_level(const struct model *model, uint32_t gsi);

void model_begin(struct model *model); /* a call: nothing is asked for yet */
void model_add(struct model *model, uint32_t source, enum model_kind kind, uint32_t gsi);
void model_remove(struct model *model, uint32_t source);
void model_set_level(struct model *model, uint32_t source, bool level);
void model_pulse(struct model *model, uint32_t source);
void model_trigger(struct model *model, uint32_t source);
void model_enable(struct model *model, uint32_t source, bool enable);
void model_write(struct model *model, uint32_t gsi, uint64_t entry);

/* The first line from gsi on that an EOI of the vector is for, or MODEL_LINES; chip MODEL_CHIPS: any. */
uint32_t model_find_eoi(const struct model *model, uint32_t chip, uint8_t vector, uint32_t gsi);
void model_eoi(struct model *model, uint32_t gsi);

void model_reset(struct model *model, uint32_t gsi);
bool model_send_failed(struct model *model, uint32_t gsi);
void model_retry(struct model *model, uint32_t gsi);

/* Restored on a new machine: what is wanted of the sources is stated anew, line by line. */
void model_restored(struct model *model, uint32_t gsi);

#endif
