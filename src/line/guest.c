/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What the guest does to the chip: register accesses and EOIs. The chip says what happened to its pin, the gate
 * decides what that means for the sources. Caller serialises.
 */
#include "line/core.h"
#include "line/gate.h"

#define VALUE_BITS 32

/* One register write is 32 bits wide: of a wider access the lower half counts, a narrower one is extended. */
static uint32_t narrow(uint64_t value, uint32_t bytes)
{
	uint32_t bits = bytes * 8;

	return (uint32_t)(bits < VALUE_BITS ? value & ((UINT64_C(1) << bits) - 1) : value);
}

static struct ig_pin *pins_of(const struct irqgate_core *core)
{
	return ig_core_pin(core, 0);
}

/* A LAPIC that holds the vector settles what the kernel left open; one that does not may take it any moment. */
static void answer_lapic(struct irqgate_core *core, const struct irqgate_access *access, int answer)
{
	int gsi = ig_ioapic_selected_pin(&core->chip, access->offset);

	if (gsi < 0 || ig_core_pin(core, (uint32_t)gsi)->irr != IG_IRR_UNKNOWN)
		return;
	if (answer >= 0)
		ig_gate_in_service(core, (uint32_t)gsi, (uint8_t)answer);
	else if (answer == IRQGATE_LAPIC_IDLE && access->write)
		ig_gate_idle(core, (uint32_t)gsi);
}

static bool reads_idle(const struct irqgate_core *core, uint64_t offset, int answer)
{
	int gsi = ig_ioapic_selected_pin(&core->chip, offset);

	return gsi >= 0 && answer == IRQGATE_LAPIC_IDLE && ig_core_pin(core, (uint32_t)gsi)->irr == IG_IRR_UNKNOWN;
}

uint64_t irqgate_core_ioapic_read(struct irqgate_core *core, const struct irqgate_access *access, int answer)
{
	uint32_t value;

	answer_lapic(core, access, answer);
	value = ig_ioapic_read(&core->chip, pins_of(core), access->offset);
	if (reads_idle(core, access->offset, answer))
		value &= ~(uint32_t)IG_RTE_REMOTE_IRR;
	return narrow(value, access->bytes);
}

/* The message goes into the table before it can be sent; the old one stays while it may be in service. */
static void update_route(struct irqgate_core *core, uint32_t gsi)
{
	const struct ig_pin *pin = ig_core_pin(core, gsi);
	struct irqgate_message message = ig_rte_message(pin->rte);
	const struct irqgate_message *served = pin->irr == IG_IRR_SET ? &pin->served : NULL;

	if (ig_route_set(ig_core_route(core, gsi), &message, pin->irr != IG_IRR_CLEAR, served))
		core->routes_version++;
}

static bool opens(uint64_t before, uint64_t rte)
{
	if (ig_rte_is_masked(rte))
		return false;
	return ig_rte_is_masked(before) || (ig_rte_is_level(rte) && !ig_rte_is_level(before));
}

/* A message rewritten under the kernel's hands: which one is in service can not be told. */
static bool moves_unknown(const struct irqgate_core *core, uint32_t gsi, uint64_t before)
{
	const struct ig_pin *pin = ig_core_pin(core, gsi);
	struct irqgate_message now = ig_rte_message(pin->rte), then = ig_rte_message(before);

	return pin->irr == IG_IRR_UNKNOWN && ig_rte_is_live(pin->rte) && !ig_route_same(&now, &then);
}

static void rte_written(struct irqgate_core *core, const struct ig_ioapic_written *written,
			struct irqgate_effects *effects)
{
	uint32_t gsi = written->pin;
	uint64_t rte = ig_core_pin(core, gsi)->rte;

	if (!ig_rte_is_masked(rte) && !ig_rte_is_level(rte))
		ig_gate_leave_direct(core, gsi);
	if (ig_rte_is_live(rte))
		update_route(core, gsi);
	if (ig_rte_is_live(written->before) && !ig_rte_is_live(rte))
		ig_gate_closed(core, gsi, effects);
	if (written->acked)
		ig_gate_acked(core, gsi, effects);
	else if (opens(written->before, rte) || moves_unknown(core, gsi, written->before))
		ig_gate_opened(core, gsi, effects);
	ig_gate_drive(core, gsi, effects);
}

/* Whether an EOI of the vector is the pin's: by vector and level and remote IRR. */
static bool is_served(const struct irqgate_core *core, uint32_t gsi, uint8_t vector, bool broadcast)
{
	const struct ig_pin *pin = ig_core_pin(core, gsi);

	switch (pin->irr) {
	case IG_IRR_SET:
		return ig_route_vector(&pin->served) == vector;
	case IG_IRR_UNKNOWN:
		return broadcast && ig_route_find(ig_core_route(core, gsi), vector);
	default:
		return false;
	}
}

static bool eoi(struct irqgate_core *core, uint8_t vector, bool broadcast, uint32_t *pin,
		struct irqgate_effects *effects)
{
	ig_effects_begin(core, effects);
	for (; *pin < core->chip.pins; ++*pin) {
		if (!is_served(core, *pin, vector, broadcast))
			continue;
		ig_core_line_stats(core, *pin)->eois++;
		ig_gate_acked(core, *pin, effects);
		ig_gate_drive(core, *pin, effects);
		ig_effects_end(core, effects);
		++*pin;
		return true;
	}
	return false;
}

bool irqgate_core_eoi(struct irqgate_core *core, uint8_t vector, uint32_t *pin, struct irqgate_effects *effects)
{
	return eoi(core, vector, true, pin, effects);
}

bool irqgate_core_ioapic_eoi(struct irqgate_core *core, uint8_t vector, uint32_t *pin,
			     struct irqgate_effects *effects)
{
	return eoi(core, vector, false, pin, effects);
}

int irqgate_core_ioapic_write(struct irqgate_core *core, const struct irqgate_access *access, int answer,
			      struct irqgate_effects *effects)
{
	struct ig_ioapic_written written;

	ig_effects_begin(core, effects);
	answer_lapic(core, access, answer);
	ig_ioapic_write(&core->chip, pins_of(core), access->offset, narrow(access->value, access->bytes), &written);
	if (written.what == IG_WROTE_RTE)
		rte_written(core, &written, effects);
	ig_effects_end(core, effects);
	return written.what == IG_WROTE_EOI ? written.vector : -1;
}

/* The entry as the access would leave it. */
static uint64_t rte_after(const struct irqgate_core *core, const struct ig_pin *pin,
			  const struct irqgate_access *access)
{
	if (!access->write)
		return pin->rte;
	return ig_ioapic_merge_rte(&core->chip, pin->rte, narrow(access->value, access->bytes));
}

int irqgate_core_unmasks(const struct irqgate_core *core, const struct irqgate_access *access)
{
	int gsi = ig_ioapic_selected_pin(&core->chip, access->offset);
	const struct ig_pin *pin;

	if (gsi < 0)
		return -1;
	pin = ig_core_pin(core, (uint32_t)gsi);
	if (!ig_rte_is_masked(pin->rte) || ig_rte_is_masked(rte_after(core, pin, access)))
		return -1;
	return gsi;
}

int irqgate_core_asks_lapic(const struct irqgate_core *core, const struct irqgate_access *access,
			    struct irqgate_message message[2], uint32_t *count)
{
	int gsi = ig_ioapic_selected_pin(&core->chip, access->offset);
	const struct ig_pin *pin;
	uint64_t rte;

	if (gsi < 0)
		return -1;
	pin = ig_core_pin(core, (uint32_t)gsi);
	rte = rte_after(core, pin, access);
	if (pin->irr != IG_IRR_UNKNOWN)
		return -1;
	if (access->write && (ig_rte_is_masked(rte) || rte == pin->rte))
		return -1;
	*count = ig_route_messages(ig_core_route(core, (uint32_t)gsi), message);
	return *count ? gsi : -1;
}

bool irqgate_core_send_failed(struct irqgate_core *core, uint32_t pin, uint32_t ticket)
{
	return pin < core->chip.pins && ig_pin_send_failed(ig_core_pin(core, pin), ticket);
}

bool irqgate_core_retry(struct irqgate_core *core, uint32_t *pin, struct irqgate_effects *effects)
{
	ig_effects_begin(core, effects);
	for (; *pin < core->chip.pins; ++*pin) {
		if (!ig_core_pin(core, *pin)->undelivered)
			continue;
		ig_gate_drive(core, *pin, effects);
		ig_effects_end(core, effects);
		++*pin;
		return true;
	}
	return false;
}

bool irqgate_core_reset(struct irqgate_core *core, uint32_t *pin, struct irqgate_effects *effects)
{
	ig_effects_begin(core, effects);
	if (*pin >= core->chip.pins)
		return false;
	core->chip.id = 0;
	core->chip.select = 0;
	ig_gate_closed(core, *pin, effects);
	ig_pin_reset(ig_core_pin(core, *pin));
	ig_gate_drive(core, *pin, effects);
	ig_effects_end(core, effects);
	++*pin;
	return true;
}
