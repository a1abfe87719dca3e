/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Which lines an EOI of a vector may be for, so that it need not look at all of them: of each vector a list
 * of the GSIs whose message is or may be in service, in the order of the GSIs: the same state is always the
 * same bytes. Caller serialises.
 */
#ifndef IG_SERVICE_H
#define IG_SERVICE_H

#include <irqgate/core.h>

#define IG_NO_GSI  UINT16_MAX
#define IG_VECTORS 256U

/* How many vectors a pin may have in service: where it is not known which, those of its route. */
enum { IG_SERVICE_LISTS = 2 };

/* Where a GSI is listed. */
struct ig_service {
	uint16_t next; /* of the vector's list, or IG_NO_GSI */
	uint8_t vector;
	bool listed;
};

/* Follows a change of the pin's remote IRR, or of what may be in service. */
void ig_service_update(struct irqgate_core *core, uint32_t gsi);

/* The first GSI from this one on that an EOI of the vector may be for, or IG_NO_GSI. */
uint32_t ig_service_next(const struct irqgate_core *core, uint8_t vector, uint32_t gsi);

#endif
