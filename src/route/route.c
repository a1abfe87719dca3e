/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The GSI routes of one pin; see route.h. */
#include "route/route.h"

/* Of a message (Intel SDM vol. 3, 11.11); the lowest two bits of the address are 0. */
#define MSI_DATA_VECTOR         0xffU
#define MSI_ADDRESS_DESTINATION 0xfffffU
#define MSI_HELD_SHIFT          6

uint8_t ig_route_vector(const struct irqgate_message *message)
{
	return (uint8_t)(message->data & MSI_DATA_VECTOR);
}

bool ig_route_same(const struct irqgate_message *a, const struct irqgate_message *b)
{
	return a->address == b->address && a->data == b->data;
}

bool ig_route_has(const struct irqgate_message *message)
{
	return message->address != 0;
}

bool ig_route_set(struct ig_route *route, const struct irqgate_message *message, bool in_service,
		  const struct irqgate_message *served)
{
	if (ig_route_same(&route->current, message))
		return false;
	route->acked = false;
	if (!in_service)
		ig_route_served(route);
	else if (!served || ig_route_same(message, served) || !ig_route_same(&route->previous, served))
		route->previous = route->current; /* else a newer message must not push out the one in service */
	route->current = *message;
	return true;
}

void ig_route_acked(struct ig_route *route, uint8_t vector)
{
	if (!ig_route_has(&route->previous) || ig_route_vector(&route->current) != vector)
		return;
	if (route->acked)
		ig_route_served(route);
	else
		route->acked = true;
}

void ig_route_served(struct ig_route *route)
{
	route->previous = (struct irqgate_message){ 0 };
	route->acked = false;
}

/* The vector, and above it all of the address that says where the message goes to. */
int irqgate_core_lapic_holds(const struct irqgate_message *message)
{
	return (int)((uint32_t)(message->address & MSI_ADDRESS_DESTINATION) << MSI_HELD_SHIFT | ig_route_vector(message));
}

const struct irqgate_message *ig_route_find(const struct ig_route *route, int held)
{
	if (ig_route_has(&route->previous) && irqgate_core_lapic_holds(&route->previous) == held)
		return &route->previous;
	if (ig_route_has(&route->current) && irqgate_core_lapic_holds(&route->current) == held)
		return &route->current;
	return NULL;
}

uint32_t ig_route_messages(const struct ig_route *route, struct irqgate_message message[2])
{
	uint32_t count = 0;

	if (ig_route_has(&route->current))
		message[count++] = route->current;
	if (ig_route_has(&route->previous) && !ig_route_same(&route->previous, &route->current))
		message[count++] = route->previous;
	return count;
}

uint32_t ig_route_table(const struct ig_route *routes, uint32_t pins, struct irqgate_route *table)
{
	uint32_t count = 0;

	for (uint32_t pin = 0; pin < pins; pin++) {
		if (ig_route_has(&routes[pin].current))
			table[count++] = (struct irqgate_route){ pin, routes[pin].current };
		if (ig_route_has(&routes[pin].previous))
			table[count++] = (struct irqgate_route){ pins + pin, routes[pin].previous };
	}
	return count;
}
