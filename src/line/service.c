/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What is in service, by vector; see service.h. */
#include "line/service.h"

#include "line/core.h"

/* Where a GSI's next one in the list of a vector is. */
static uint16_t *next_of(const struct irqgate_core *core, uint16_t gsi, uint8_t vector)
{
	struct ig_service *entry = ig_core_service(core, gsi);

	return entry->listed && entry->vector == vector ? &entry->next : &entry[1].next;
}

/* The link of a vector's list that leads to the first GSI from this one on. */
static uint16_t *link_to(const struct irqgate_core *core, uint8_t vector, uint32_t gsi)
{
	uint16_t *link = ig_core_first_served(core, vector);

	while (*link != IG_NO_GSI && *link < gsi)
		link = next_of(core, *link, vector);
	return link;
}

static void list(struct irqgate_core *core, uint32_t gsi, struct ig_service *entry, uint8_t vector)
{
	uint16_t *link = link_to(core, vector, gsi);

	*entry = (struct ig_service){ .next = *link, .vector = vector, .listed = true };
	*link = (uint16_t)gsi;
}

static void unlist(struct irqgate_core *core, uint32_t gsi, struct ig_service *entry)
{
	*link_to(core, entry->vector, gsi) = entry->next;
	*entry = (struct ig_service){ 0 };
}

/* The vectors that the pin has, or may have, in service; each once. Returns how many. */
static uint32_t vectors_of(const struct irqgate_core *core, uint32_t gsi, uint8_t vector[IG_SERVICE_LISTS])
{
	const struct ig_pin *pin = ig_core_pin(core, gsi);
	struct irqgate_message message[IG_SERVICE_LISTS] = { pin->served };
	uint32_t messages = pin->irr == IG_IRR_SET;

	if (pin->irr == IG_IRR_UNKNOWN)
		messages = ig_route_messages(ig_core_route(core, gsi), message);
	for (uint32_t i = 0; i < messages; i++)
		vector[i] = ig_route_vector(&message[i]);
	return messages == IG_SERVICE_LISTS && vector[0] == vector[1] ? 1 : messages;
}

void ig_service_update(struct irqgate_core *core, uint32_t gsi)
{
	struct ig_service *entry = ig_core_service(core, gsi);
	uint8_t vector[IG_SERVICE_LISTS];
	uint32_t count = vectors_of(core, gsi, vector);

	for (uint32_t i = 0; i < IG_SERVICE_LISTS; i++)
		if (entry[i].listed && (i >= count || entry[i].vector != vector[i]))
			unlist(core, gsi, &entry[i]);
	for (uint32_t i = 0; i < count; i++)
		if (!entry[i].listed)
			list(core, gsi, &entry[i], vector[i]);
}

uint32_t ig_service_next(const struct irqgate_core *core, uint8_t vector, uint32_t gsi)
{
	return *link_to(core, vector, gsi);
}
