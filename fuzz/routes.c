/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Fuzz target: the routes of a few pins. The oracle is what they are for: a message that is or may be in
 * service has an entry until it is served, the newest one always has, and the table says exactly that.
 */
#include <string.h>

#include "chance.h"
#include "fuzz.h"
#include "route/route.h"

enum { ROUTES = 4, VECTORS = 4, DESTINATIONS = 2 };

#define ADDRESS UINT64_C(0xfee00000)

/* What a pin has, or may have, in service, and what it sends. */
struct needs {
	struct irqgate_message current, served;
	bool has_current, in_service, known;
};

/* Bits 19:12 are the destination (Intel SDM 3, 11.11.1). */
static uint64_t address_of(uint32_t destination)
{
	return ADDRESS | (uint64_t)destination << 12;
}

static struct irqgate_message draw_message(struct chance *chance)
{
	return (struct irqgate_message){ .address = address_of(draw(chance, DESTINATIONS)), .data = draw(chance, VECTORS) };
}

static bool in_table(const struct irqgate_route *table, uint32_t count, uint32_t pin,
		     const struct irqgate_message *message)
{
	for (uint32_t i = 0; i < count; i++)
		if (table[i].gsi % ROUTES == pin && ig_route_same(&table[i].message, message))
			return true;
	return false;
}

/* What a LAPIC may hold is found if, and only if, it is one of the pin's messages. */
static void check_held(const struct ig_route *route, int held, const struct irqgate_route *table, uint32_t count,
		       uint32_t pin)
{
	struct irqgate_message message[2];
	uint32_t messages = ig_route_messages(route, message);
	const struct irqgate_message *found = ig_route_find(route, held);
	bool there = false;

	for (uint32_t i = 0; i < messages; i++)
		there |= irqgate_core_lapic_holds(&message[i]) == held;
	REQUIRE(there == (found != NULL));
	REQUIRE(!found || in_table(table, count, pin, found));
}

static void check_pin(const struct ig_route *route, const struct needs *needs, const struct irqgate_route *table,
		      uint32_t count, uint32_t pin)
{
	struct irqgate_message message[2];
	uint32_t messages = ig_route_messages(route, message);

	REQUIRE(messages <= 2);
	REQUIRE(messages < 2 || !ig_route_same(&message[0], &message[1]));
	REQUIRE(!needs->has_current || in_table(table, count, pin, &needs->current));
	REQUIRE(!needs->in_service || in_table(table, count, pin, &needs->served));
	for (uint32_t i = 0; i < DESTINATIONS * VECTORS; i++)
		check_held(route, irqgate_core_lapic_holds(&(struct irqgate_message){
					  .address = address_of(i / VECTORS), .data = i % VECTORS }),
			   table, count, pin);
}

static void check(const struct ig_route routes[ROUTES], const struct needs needs[ROUTES])
{
	struct irqgate_route table[2 * ROUTES];
	uint32_t count = ig_route_table(routes, ROUTES, table), expected = 0;

	for (uint32_t pin = 0; pin < ROUTES; pin++) {
		check_pin(&routes[pin], &needs[pin], table, count, pin);
		expected += ig_route_has(&routes[pin].current);
		expected += ig_route_has(&routes[pin].previous);
	}
	REQUIRE(count == expected);
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t j = 0; j < i; j++)
			REQUIRE(table[i].gsi != table[j].gsi);
}

/* The guest rewrites the entry. What the kernel has sent, if anything, is the message that was current. */
static void rewrite(struct ig_route *route, struct needs *needs, const struct irqgate_message *message)
{
	struct ig_route before = *route;
	bool changed = ig_route_set(route, message, needs->in_service, needs->known ? &needs->served : NULL);

	REQUIRE(changed == (memcmp(&before.current, message, sizeof(*message)) != 0));
	REQUIRE(changed || !memcmp(&before, route, sizeof(before)));
	if (needs->in_service && !needs->known && needs->has_current)
		needs->served = needs->current;
	needs->current = *message;
	needs->has_current = true;
}

static void step(struct chance *chance, struct ig_route *route, struct needs *needs)
{
	struct irqgate_message message;

	switch (draw(chance, 4)) {
	case 0: /* sent: it is known which */
		if (needs->has_current && !needs->in_service) {
			needs->in_service = needs->known = true;
			needs->served = needs->current;
		}
		break;
	case 1: /* handed to the kernel */
		if (needs->has_current && !needs->in_service) {
			needs->in_service = true;
			needs->known = false;
			needs->served = needs->current;
		}
		break;
	case 2:
		needs->in_service = false;
		ig_route_served(route);
		break;
	default:
		message = draw_message(chance);
		rewrite(route, needs, &message);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chance chance = chance_from(data, size);
	struct ig_route routes[ROUTES] = { 0 };
	struct needs needs[ROUTES] = { 0 };

	if (!size)
		return 0;
	while (!chance_is_over(&chance)) {
		uint32_t pin = draw(&chance, ROUTES);

		step(&chance, &routes[pin], &needs[pin]);
		check(routes, needs);
	}
	return 0;
}
