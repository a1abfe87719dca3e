/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The format of the saved state (docs/state.md), one description for both ways: each function reads or
 * writes. What is written is always of the newest version. Caller serialises.
 */
#ifndef IG_FORMAT_H
#define IG_FORMAT_H

#include "line/bytes.h"
#include "line/core.h"

#define IG_FORMAT_MAGIC UINT64_C(0x0045544147515249) /* "IRQGATE", with the NUL */

/* Versions. */
enum { IG_FORMAT_OLDEST = 1, IG_FORMAT_WITH_TIME = 2, IG_FORMAT_NEWEST = 2 };

/* What is kept of a line. */
struct ig_saved_source {
	uint8_t kind;
	bool asserted, enabled, listen;
	char name[IRQGATE_NAME_SIZE];
};

struct ig_saved_line {
	struct ig_pin pin;
	struct ig_route route;
	bool direct, bound;
	/* Of what depends on time: what is left, and what has passed, in nanoseconds. */
	bool opened, delayed, held, told;
	uint32_t spent;
	uint64_t delay_left, since_release, hold_age;
	uint8_t sources;
	struct ig_saved_source source[IRQGATE_LINE_SOURCES_MAX];
};

void ig_format_header(struct ig_bytes *bytes, uint32_t *version, uint32_t *size);
void ig_format_config(struct ig_bytes *bytes, struct irqgate_core *core);
void ig_format_chips(struct ig_bytes *bytes, struct irqgate_core *core);
void ig_format_line(struct ig_bytes *bytes, uint32_t version, struct ig_saved_line *line);

#endif
