/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The GSI routes of one pin. KVM computes from its routing table on which vCPU the EOI of which vector exits
 * (KVM API, KVM_CAP_SPLIT_IRQCHIP): a route that goes while its message is in service takes the EOI with it.
 * So a pin has two: its current message, and the one that may still be in service. Caller serialises.
 */
#ifndef IG_ROUTE_H
#define IG_ROUTE_H

#include <irqgate/core.h>

struct ig_route {
	struct irqgate_message current;
	struct irqgate_message previous;
	bool acked;          /* an EOI came, which may have been the current one's */
	uint8_t reserved[7]; /* 0: no byte of a core's state is left to chance */
};

/* Whether there is a message at all: the address of one is never 0. */
bool ig_route_has(const struct irqgate_message *message);

/* The vector of a message. */
uint8_t ig_route_vector(const struct irqgate_message *message);

/* Whether two messages are the same. */
bool ig_route_same(const struct irqgate_message *a, const struct irqgate_message *b);

/*
 * Makes message the current one. in_service: whether a message is or may be in service; served: which one, or
 * NULL where that is not known. Returns whether the table changed.
 */
bool ig_route_set(struct ig_route *route, const struct irqgate_message *message, bool in_service,
		  const struct irqgate_message *served);

/*
 * An EOI of a vector, after which the kernel may send again by itself. The previous message is over once the
 * current one has had its EOI. The first EOI may have been that of an older message, with the same vector:
 * until the table is in force that the current one is in, the kernel sends the previous one. So it is over
 * with the second.
 */
void ig_route_acked(struct ig_route *route, uint8_t vector);

/* Nothing is in service any more. KVM's table may keep the entry until its next change. */
void ig_route_served(struct ig_route *route);

/* The message that a LAPIC was said to hold; see irqgate_core_lapic_holds(). Or NULL. */
const struct irqgate_message *ig_route_find(const struct ig_route *route, int held);

/* The messages, each once. Returns how many: 0 to 2. */
uint32_t ig_route_messages(const struct ig_route *route, struct irqgate_message message[2]);

/* Writes the table of so many pins; see irqgate_core_routes(). */
uint32_t ig_route_table(const struct ig_route *routes, uint32_t pins, struct irqgate_route *table);

#endif
