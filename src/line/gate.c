/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The gate; see gate.h. */
#include "line/gate.h"

#include "line/limits.h"
#include "line/watch.h"

static bool is_forwarded(const struct ig_source *source)
{
	return source->kind == IRQGATE_SOURCE_FORWARDED;
}

static bool is_masked(const struct irqgate_core *core, uint32_t gsi)
{
	return ig_rte_is_masked(ig_core_pin(core, gsi)->rte);
}

static bool pic_masks(const struct irqgate_core *core, uint32_t gsi)
{
	return !ig_core_feeds_pic(core, gsi) || ig_pic_is_masked(&core->pic, gsi);
}

static bool pic_serves(const struct irqgate_core *core, uint32_t gsi)
{
	return ig_core_feeds_pic(core, gsi) && ig_pic_in_service(&core->pic, gsi);
}

bool ig_gate_masked(const struct irqgate_core *core, uint32_t gsi)
{
	return is_masked(core, gsi) && pic_masks(core, gsi);
}

/* No chip gives an interrupt for the line, and none has one in service that is known of. */
static bool is_shut(const struct irqgate_core *core, uint32_t gsi)
{
	return ig_gate_masked(core, gsi) && ig_core_pin(core, gsi)->irr != IG_IRR_SET && !pic_serves(core, gsi);
}

static bool is_live(const struct irqgate_core *core, uint32_t gsi)
{
	return ig_rte_is_live(ig_core_pin(core, gsi)->rte);
}

bool ig_gate_level(const struct irqgate_core *core, uint32_t gsi)
{
	ig_for_each_source(core, gsi, source)
		if (source->asserted)
			return true;
	return false;
}

static void drive_pin(struct irqgate_core *core, uint32_t gsi, bool level, struct irqgate_effects *effects)
{
	struct ig_pin *pin = ig_core_pin(core, gsi);

	if (!ig_pin_drive(pin, level))
		return;
	ig_service_update(core, gsi);
	ig_core_line_stats(core, gsi)->sends++;
	effects->effect[effects->count++] = (struct irqgate_effect){
		.kind = IRQGATE_EFFECT_SEND,
		.pin = gsi,
		.ticket = pin->ticket,
		.message = ig_rte_message(pin->rte),
	};
}

/* What the chips see of it. */
static bool driven_level(const struct irqgate_core *core, uint32_t gsi)
{
	return ig_gate_level(core, gsi) && !ig_limit_delays(core, gsi);
}

void ig_gate_drive(struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects)
{
	bool level = driven_level(core, gsi);

	drive_pin(core, gsi, level, effects);
	if (ig_core_feeds_pic(core, gsi))
		ig_pic_drive(&core->pic, gsi, level);
	ig_limit_look(core, gsi);
}

void ig_gate_pulse(struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects)
{
	drive_pin(core, gsi, true, effects);
	drive_pin(core, gsi, driven_level(core, gsi), effects);
	if (ig_core_feeds_pic(core, gsi))
		ig_pic_pulse(&core->pic, gsi);
}

/* States what is wanted of a source from now on. */
static void wish(struct irqgate_core *core, struct ig_source *source, bool listen, struct irqgate_effects *effects)
{
	source->listen = listen;
	source->answered = false;
	source->wish++;
	effects->effect[effects->count++] = (struct irqgate_effect){
		.kind = IRQGATE_EFFECT_SOURCE,
		.source = ig_core_handle(core, source),
	};
}

static void resample(struct irqgate_core *core, struct ig_source *source, struct irqgate_effects *effects)
{
	struct irqgate_source_stats *stats = ig_core_source_stats(core, source);

	if (!source->enabled)
		return;
	if (source->asserted)
		stats->resamples++;
	else
		stats->idle_resamples++;
	source->asserted = false;
	wish(core, source, true, effects);
}

static void silence(struct irqgate_core *core, struct ig_source *source, struct irqgate_effects *effects)
{
	ig_core_source_stats(core, source)->silences++;
	wish(core, source, false, effects);
}

/* Settles or opens the question whether the pin's message is in service. */
static void set_irr(struct irqgate_core *core, uint32_t gsi, enum ig_irr irr)
{
	ig_core_pin(core, gsi)->irr = (uint8_t)irr;
	ig_core_line(core, gsi)->epoch++;
	ig_service_update(core, gsi);
}

/* Nothing of the pin is in service, and until its next resample nothing is to be sent. */
static void set_idle(struct irqgate_core *core, uint32_t gsi)
{
	ig_route_served(ig_core_route(core, gsi));
	set_irr(core, gsi, IG_IRR_CLEAR);
}

/* From here on the kernel may send the pin's message by itself at any time; see ig_route_acked(). */
static void hand_to_kernel(struct irqgate_core *core, uint32_t gsi)
{
	struct ig_line *line = ig_core_line(core, gsi);

	set_irr(core, gsi, IG_IRR_UNKNOWN);
	if (line->bound)
		return;
	line->bound = true;
	ig_core_routes_changed(core, gsi);
}

/* What the kernel sends goes to a LAPIC alone: not while the pair of 8259As gives interrupts for the line too. */
static bool is_direct(const struct irqgate_core *core, uint32_t gsi)
{
	return ig_core_line(core, gsi)->direct && pic_masks(core, gsi);
}

/*
 * Opens the gate: what the forwarded sources asserted is dropped, and all of them are looked at again. Not
 * before the storm guard lets it.
 */
static void release(struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects)
{
	if (ig_limit_delays(core, gsi))
		return;
	ig_limit_released(core, gsi);
	ig_for_each_source(core, gsi, source)
		if (is_forwarded(source))
			resample(core, source, effects);
	if (ig_core_pin(core, gsi)->irr == IG_IRR_SET) /* the 8259A released: the IOAPIC's own EOI is to come */
		return;
	if (is_direct(core, gsi) && is_live(core, gsi))
		hand_to_kernel(core, gsi);
	else
		set_idle(core, gsi);
}

static void count_holds(struct irqgate_core *core, uint32_t gsi)
{
	ig_for_each_source(core, gsi, source)
		if (is_forwarded(source) && source->asserted)
			ig_core_source_stats(core, source)->holds++;
}

/* The kernel took the trigger; an EOI or a LAPIC shows now that there was one. */
static void assert_unseen(struct irqgate_core *core, uint32_t gsi)
{
	ig_for_each_source(core, gsi, source)
		if (is_forwarded(source) && source->enabled)
			source->asserted = true;
}

static bool forwards_level(const struct irqgate_core *core, uint32_t gsi)
{
	ig_for_each_source(core, gsi, source)
		if (is_forwarded(source) && source->asserted)
			return true;
	return false;
}

bool ig_gate_is_held(const struct irqgate_core *core, uint32_t gsi)
{
	return is_shut(core, gsi) && forwards_level(core, gsi);
}

/* An unmasked entry that takes a level for an edge: it delivers the first, and no EOI comes of it. */
static bool takes_edges(const struct irqgate_core *core, uint32_t gsi)
{
	uint64_t rte = ig_core_pin(core, gsi)->rte;

	if (!ig_rte_is_masked(rte) && !ig_rte_is_level(rte))
		return true;
	return !pic_masks(core, gsi) && !ig_pic_is_level(&core->pic, gsi);
}

/* What the trigger shows to be wrong. */
static void diagnose_trigger(struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects)
{
	if (takes_edges(core, gsi))
		ig_diagnose(core, gsi, IRQGATE_DIAGNOSIS_EDGE, effects);
	else if (!ig_core_line(core, gsi)->opened && is_shut(core, gsi))
		ig_diagnose(core, gsi, IRQGATE_DIAGNOSIS_NEVER_UNMASKED, effects);
}

void ig_gate_triggered(struct irqgate_core *core, struct ig_source *source, struct irqgate_effects *effects)
{
	struct irqgate_source_stats *stats = ig_core_source_stats(core, source);

	stats->triggers++;
	source->answered = source->listen; /* to resample it late would make it trigger once more for the same event */
	if (source->asserted || !source->enabled) {
		stats->absorbed++;
		return;
	}
	source->asserted = true;
	diagnose_trigger(core, source->gsi, effects);
	if (ig_core_line(core, source->gsi)->bound && is_live(core, source->gsi) &&
	    !ig_limit_delays(core, source->gsi)) {
		/* Signalled before the kernel got the trigger, read after: too old to be delivered. */
		resample(core, source, effects);
		return;
	}
	if (core->policy == IRQGATE_POLICY_HOLD && is_shut(core, source->gsi))
		stats->holds++;
	ig_gate_drive(core, source->gsi, effects);
}

static bool masks(const struct irqgate_core *core, uint32_t gsi, enum ig_controller by)
{
	return by == IG_PIC ? pic_masks(core, gsi) : is_masked(core, gsi);
}

static bool serves(const struct irqgate_core *core, uint32_t gsi, enum ig_controller by)
{
	return by == IG_PIC ? pic_serves(core, gsi) : ig_core_pin(core, gsi)->irr == IG_IRR_SET;
}

void ig_gate_acked(struct irqgate_core *core, uint32_t gsi, enum ig_controller by, struct irqgate_effects *effects)
{
	ig_watch_acked(core, gsi);
	if (by == IG_IOAPIC || ig_pic_is_level(&core->pic, gsi))
		ig_limit_acked(core, gsi, effects);
	if (by == IG_IOAPIC) {
		if (ig_core_pin(core, gsi)->irr == IG_IRR_UNKNOWN)
			assert_unseen(core, gsi);
		set_irr(core, gsi, IG_IRR_CLEAR);
	}
	if (core->policy == IRQGATE_POLICY_HOLD && masks(core, gsi, by)) {
		if (by == IG_IOAPIC)
			set_idle(core, gsi);
		count_holds(core, gsi);
	} else {
		release(core, gsi, effects);
	}
}

void ig_gate_opened(struct irqgate_core *core, uint32_t gsi, enum ig_controller by, struct irqgate_effects *effects)
{
	if (serves(core, gsi, by) || core->policy == IRQGATE_POLICY_EOI)
		return;
	if (core->policy == IRQGATE_POLICY_UNMASK_RESAMPLE && !forwards_level(core, gsi))
		return;
	release(core, gsi, effects);
}

void ig_gate_closed(struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects)
{
	/* A message that a LAPIC holds may be an older one: it does not show that the device is silent. */
	if (!is_direct(core, gsi) || !ig_core_line(core, gsi)->bound)
		return; /* what it triggers from now on, the core hears of */
	ig_for_each_source(core, gsi, source)
		if (source->enabled && source->listen)
			silence(core, source, effects);
}

void ig_gate_in_service(struct irqgate_core *core, uint32_t gsi, int held)
{
	const struct irqgate_message *served = ig_route_find(ig_core_route(core, gsi), held);
	struct irqgate_effects none; /* it is in service: nothing more is sent */

	if (!served)
		return;
	assert_unseen(core, gsi);
	ig_core_pin(core, gsi)->served = *served;
	set_irr(core, gsi, IG_IRR_SET);
	ig_effects_begin(core, &none);
	ig_gate_drive(core, gsi, &none);
}

void ig_gate_idle(struct irqgate_core *core, uint32_t gsi)
{
	if (is_masked(core, gsi)) /* and so silent: no message can come any more */
		set_idle(core, gsi);
}

void ig_gate_joined(struct irqgate_core *core, struct ig_source *source, struct irqgate_effects *effects)
{
	if (!is_direct(core, source->gsi)) {
		resample(core, source, effects);
		return;
	}
	if (is_live(core, source->gsi) && ig_core_pin(core, source->gsi)->irr != IG_IRR_SET)
		release(core, source->gsi, effects);
	/* Else the next unmask or EOI resamples it. */
}

void ig_gate_restored(struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects)
{
	if (ig_limit_delays(core, gsi)) /* and released when that is over */
		return;
	if (ig_core_line(core, gsi)->bound && is_live(core, gsi) && ig_core_pin(core, gsi)->irr == IG_IRR_SET)
		return;
	ig_for_each_source(core, gsi, source)
		if (is_forwarded(source))
			wish(core, source, source->listen, effects);
}

void ig_gate_resume(struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects)
{
	if (core->policy != IRQGATE_POLICY_HOLD || !ig_gate_masked(core, gsi))
		release(core, gsi, effects);
	ig_gate_drive(core, gsi, effects);
}

void ig_gate_disabled(struct irqgate_core *core, struct ig_source *source, struct irqgate_effects *effects)
{
	source->asserted = false;
	silence(core, source, effects);
}

void ig_gate_unbind(struct irqgate_core *core, uint32_t gsi)
{
	struct ig_line *line = ig_core_line(core, gsi);

	if (!line->bound)
		return;
	line->bound = false;
	ig_core_routes_changed(core, gsi);
}

void ig_gate_leave_direct(struct irqgate_core *core, uint32_t gsi)
{
	ig_core_line(core, gsi)->direct = false;
	ig_gate_unbind(core, gsi);
}
