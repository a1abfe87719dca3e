/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What the guest does to the chip: register accesses and EOIs. The chip says what happened to its pin, the
 * gate decides what that means for the sources. Caller serialises.
 */
#include "line/core.h"
#include "line/gate.h"
#include "line/limits.h"
#include "line/watch.h"

#define VALUE_BITS 32
#define ALL_CHIPS  UINT32_MAX

/* One register write is 32 bits wide: of a wider access the lower half counts, a narrower one is extended. */
static uint32_t narrow(uint64_t value, uint32_t bytes)
{
	uint32_t bits = bytes * 8;

	return (uint32_t)(bits < VALUE_BITS ? value & ((UINT64_C(1) << bits) - 1) : value);
}

/* The chip of an access, or NULL. */
static struct ig_ioapic *chip_of(const struct irqgate_core *core, const struct irqgate_access *access)
{
	return access->chip < core->chips ? ig_core_chip(core, access->chip) : NULL;
}

static struct ig_pin *pins_of(const struct irqgate_core *core, const struct ig_ioapic *chip)
{
	return ig_core_pin(core, chip->gsi_base);
}

/* The GSI of the pin whose entry an access is to, or -1. */
static int selected_gsi(const struct irqgate_core *core, const struct irqgate_access *access)
{
	const struct ig_ioapic *chip = chip_of(core, access);
	int pin = chip ? ig_ioapic_selected_pin(chip, access->offset) : -1;

	return pin < 0 ? -1 : (int)chip->gsi_base + pin;
}

/* A LAPIC that holds the vector settles what the kernel left open; one that does not may take it any moment. */
static void answer_lapic(struct irqgate_core *core, const struct irqgate_access *access, int answer)
{
	int gsi = selected_gsi(core, access);

	if (gsi < 0 || ig_core_pin(core, (uint32_t)gsi)->irr != IG_IRR_UNKNOWN)
		return;
	if (answer >= 0)
		ig_gate_in_service(core, (uint32_t)gsi, answer);
	else if (answer == IRQGATE_LAPIC_IDLE && access->write)
		ig_gate_idle(core, (uint32_t)gsi);
}

static bool reads_idle(const struct irqgate_core *core, const struct irqgate_access *access, int answer)
{
	int gsi = selected_gsi(core, access);

	return gsi >= 0 && answer == IRQGATE_LAPIC_IDLE && ig_core_pin(core, (uint32_t)gsi)->irr == IG_IRR_UNKNOWN;
}

uint64_t irqgate_core_ioapic_read(struct irqgate_core *core, const struct irqgate_access *access, int answer)
{
	const struct ig_ioapic *chip = chip_of(core, access);
	uint32_t value;

	if (!chip)
		return 0;
	answer_lapic(core, access, answer);
	value = ig_ioapic_read(chip, pins_of(core, chip), access->offset);
	if (reads_idle(core, access, answer))
		value &= ~(uint32_t)IG_RTE_REMOTE_IRR;
	return narrow(value, access->bytes);
}

/*
 * The message goes into the table before it can be sent; the old one stays while it may be in service: or
 * come to be, as long as KVM has the trigger and another vCPU's thread has not silenced the source yet,
 * though the pin was masked.
 */
static void update_route(struct irqgate_core *core, uint32_t gsi)
{
	const struct ig_pin *pin = ig_core_pin(core, gsi);
	bool in_service = pin->irr != IG_IRR_CLEAR || ig_core_line(core, gsi)->bound;
	struct irqgate_message message = ig_rte_message(pin->rte);
	const struct irqgate_message *served = pin->irr == IG_IRR_SET ? &pin->served : NULL;

	if (ig_route_set(ig_core_route(core, gsi), &message, in_service, served))
		ig_core_routes_changed(core, gsi);
	ig_service_update(core, gsi);
}

static bool opens(uint64_t before, uint64_t rte)
{
	if (ig_rte_is_masked(rte))
		return false;
	return ig_rte_is_masked(before) || (ig_rte_is_level(rte) && !ig_rte_is_level(before));
}

/*
 * A message rewritten under the kernel's hands, and no LAPIC could be asked: an older one still may be in
 * service, whose route is lost with it. (If none is, the one that may come from now on has kept its route.)
 */
static bool moves_unknown(const struct irqgate_core *core, uint32_t gsi, uint64_t before, int answer)
{
	const struct ig_pin *pin = ig_core_pin(core, gsi);
	struct irqgate_message now = ig_rte_message(pin->rte), then = ig_rte_message(before);

	return answer == IRQGATE_LAPIC_NOT_ASKED && pin->irr == IG_IRR_UNKNOWN && ig_rte_is_live(pin->rte) &&
	       !ig_route_same(&now, &then);
}

static void rte_written(struct irqgate_core *core, uint32_t gsi, const struct ig_ioapic_written *written, int answer,
			struct irqgate_effects *effects)
{
	uint64_t rte = ig_core_pin(core, gsi)->rte;

	ig_core_line(core, gsi)->opened |= !ig_rte_is_masked(rte);
	if (!ig_rte_is_masked(rte) && !ig_rte_is_level(rte))
		ig_gate_leave_direct(core, gsi);
	if (ig_rte_is_live(rte))
		update_route(core, gsi);
	if (ig_rte_is_live(written->before) && !ig_rte_is_live(rte))
		ig_gate_closed(core, gsi, effects);
	if (written->acked)
		ig_gate_acked(core, gsi, IG_IOAPIC, effects);
	else if (opens(written->before, rte) || moves_unknown(core, gsi, written->before, answer))
		ig_gate_opened(core, gsi, IG_IOAPIC, effects);
	ig_gate_drive(core, gsi, effects);
	ig_watch_look(core, gsi, effects);
}

/* Whether a pin that is listed for the vector takes an EOI to a chip, or to ALL_CHIPS. */
static bool takes_eoi(const struct irqgate_core *core, uint32_t gsi, uint32_t chip)
{
	if (chip == ALL_CHIPS)
		return true;
	return chip == ig_core_line(core, gsi)->chip && (core->directed_eoi || ig_core_pin(core, gsi)->irr == IG_IRR_SET);
}

static bool eoi(struct irqgate_core *core, uint32_t chip, uint8_t vector, uint32_t *pin,
		struct irqgate_effects *effects)
{
	ig_effects_begin(core, effects);
	do {
		*pin = ig_service_next(core, vector, *pin);
		if (*pin >= core->gsis)
			return false;
	} while (!takes_eoi(core, (*pin)++, chip));
	ig_core_line_stats(core, *pin - 1)->eois++;
	ig_route_acked(ig_core_route(core, *pin - 1), vector);
	ig_gate_acked(core, *pin - 1, IG_IOAPIC, effects);
	ig_gate_drive(core, *pin - 1, effects);
	ig_watch_look(core, *pin - 1, effects);
	ig_effects_end(core, *pin - 1, effects);
	return true;
}

int irqgate_core_serves(const struct irqgate_core *core, uint8_t vector, uint32_t gsi)
{
	gsi = ig_service_next(core, vector, gsi);
	return gsi < core->gsis ? (int)gsi : -1;
}

bool irqgate_core_eoi(struct irqgate_core *core, uint8_t vector, uint32_t *pin, struct irqgate_effects *effects)
{
	return eoi(core, ALL_CHIPS, vector, pin, effects);
}

bool irqgate_core_ioapic_eoi(struct irqgate_core *core, uint32_t chip, uint8_t vector, uint32_t *pin,
			     struct irqgate_effects *effects)
{
	return chip < core->chips && eoi(core, chip, vector, pin, effects);
}

int irqgate_core_ioapic_write(struct irqgate_core *core, const struct irqgate_access *access, int answer,
			      struct irqgate_effects *effects)
{
	struct ig_ioapic *chip = chip_of(core, access);
	struct ig_ioapic_written written;
	uint32_t gsi = IG_NO_LINE;

	ig_effects_begin(core, effects);
	if (!chip)
		return -1;
	answer_lapic(core, access, answer);
	ig_ioapic_write(chip, pins_of(core, chip), access->offset, narrow(access->value, access->bytes),
			&written);
	if (written.what == IG_WROTE_RTE) {
		gsi = chip->gsi_base + written.pin;
		rte_written(core, gsi, &written, answer, effects);
	}
	ig_effects_end(core, gsi, effects);
	return written.what == IG_WROTE_EOI ? written.vector : -1;
}

/* The entry as the access would leave it. */
static uint64_t rte_after(const struct irqgate_core *core, const struct ig_pin *pin,
			  const struct irqgate_access *access)
{
	if (!access->write)
		return pin->rte;
	return ig_ioapic_merge_rte(chip_of(core, access), pin->rte, narrow(access->value, access->bytes));
}

int irqgate_core_unmasks(const struct irqgate_core *core, const struct irqgate_access *access)
{
	int gsi = selected_gsi(core, access);
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
	int gsi = selected_gsi(core, access);
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
	if (!ig_core_has(core, pin) || !ig_pin_send_failed(ig_core_pin(core, pin), ticket))
		return false;
	ig_service_update(core, pin);
	return true;
}

bool irqgate_core_retry(struct irqgate_core *core, uint32_t *pin, struct irqgate_effects *effects)
{
	ig_effects_begin(core, effects);
	for (; *pin < core->gsis; ++*pin) {
		if (!ig_core_pin(core, *pin)->undelivered)
			continue;
		ig_gate_drive(core, *pin, effects);
		ig_effects_end(core, *pin, effects);
		++*pin;
		return true;
	}
	return false;
}

static void reset_chips(struct irqgate_core *core)
{
	struct ig_pic_result result;

	for (uint32_t chip = 0; chip < core->chips; chip++)
		ig_ioapic_reset(&core->chip[chip]);
	ig_pic_reset(&core->pic, &result);
}

bool irqgate_core_reset(struct irqgate_core *core, uint32_t *pin, struct irqgate_effects *effects)
{
	ig_effects_begin(core, effects);
	if (*pin >= core->gsis)
		return false;
	if (!*pin)
		reset_chips(core);
	ig_gate_closed(core, *pin, effects);
	ig_pin_reset(ig_core_pin(core, *pin));
	ig_limit_reset(core, *pin);
	ig_core_line(core, *pin)->opened = false;
	ig_service_update(core, *pin);
	ig_gate_drive(core, *pin, effects);
	ig_watch_look(core, *pin, effects);
	ig_effects_end(core, *pin, effects);
	++*pin;
	return true;
}
