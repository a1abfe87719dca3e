/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What must be so of every step; see property.h, and docs/proof.md in words. One thread. */
#include <string.h>

#include "prove/steps.h"

/*
 * On the direct path the core does not hear of triggers: so a resample of a source that is armed, carried out
 * late, may make it trigger once more. So may one of a source that another thread has not quite resampled
 * yet.
 */
void judge_opened(struct world *w, uint32_t line)
{
	for (uint32_t i = 0; i < w->config->devices; i++) {
		struct device *device = &w->s.device[i];

		if (!is_on(w, i, line))
			continue;
		device->judge_shut = false;
		device->judge_spare |= device->bound && (!device->automasked || device->signalling ||
							 is_locked(w, device) || w->s.line[line].judge_extra);
	}
}

void judge_unmasked(struct world *w, uint32_t line)
{
	for (uint32_t i = 0; i < w->config->devices; i++)
		if (is_on(w, i, line))
			w->s.device[i].judge_fresh = false;
}

static bool opens(uint64_t before, uint64_t rte)
{
	if (ig_rte_is_masked(rte))
		return false;
	return ig_rte_is_masked(before) || (ig_rte_is_level(rte) && !ig_rte_is_level(before));
}

void judge_slips(struct world *w, uint32_t line)
{
	for (uint32_t i = 0; i < w->config->devices; i++)
		if (is_on(w, i, line))
			w->s.device[i].judge_slipped |= w->s.device[i].signalling;
}

/* What KVM has sent is a message that the core may come to hear of still, or may not. */
void judge_leaves_direct(struct world *w, uint32_t line)
{
	if (!has(w, DIRECT) || ig_core_pin(core_of(w), gsi_of(w, line))->irr == IG_IRR_SET)
		return;
	if (is_held(w, UINT8_MAX))
		w->s.line[line].judge_extra = true;
	else
		w->s.line[line].judge_served = 0;
}

/* The line's message is in service; or one too many is, which the core may have come to hear of. */
static bool may_serve(const struct world *w, uint32_t line)
{
	return w->s.line[line].judge_served || (w->s.line[line].judge_extra && is_held(w, UINT8_MAX));
}

/* Where nobody could be asked whether the message is in service, an unmask or another vector may release. */
void judge_written(struct world *w, uint32_t line, uint64_t before, bool unasked)
{
	struct line *judged = &w->s.line[line];
	bool live = ig_rte_is_live(judged->rte);

	if ((judged->rte ^ before) & (IG_RTE_MASKED | IG_RTE_LEVEL))
		judge_slips(w, line);
	if (ig_rte_is_level(before) && !ig_rte_is_level(judged->rte)) { /* counts as the EOI */
		judged->judge_served = 0;
		judged->judge_extra |= has(w, DIRECT) && is_held(w, UINT8_MAX);
		if (!ig_rte_is_masked(judged->rte))
			judge_opened(w, line);
	}
	if (opens(before, judged->rte) ? !judged->judge_served || unasked : unasked && live)
		judge_opened(w, line);
	if (ig_rte_is_masked(before) && !ig_rte_is_masked(judged->rte) && !may_serve(w, line))
		judge_unmasked(w, line);
}

/*
 * What was heard is over: on the userspace path that is what the host has signalled, if the guest's handler has
 * served the devices of the line. Where KVM takes triggers, what has not been read has not been heard.
 */
void judge_released(struct world *w, uint32_t line, bool served)
{
	served &= !has(w, DIRECT);
	judge_opened(w, line);
	for (uint32_t i = 0; i < w->config->devices; i++) {
		struct device *device = &w->s.device[i];

		if (is_on(w, i, line) && (!device->unread || served) && !device->signalling && !device->taken)
			device->judge_fresh = false;
	}
}

/*
 * On the direct path the core can not know whose the EOI of a vector is: so a line that is armed may be
 * resampled.
 */
static void note_stray(struct world *w, uint32_t line, uint32_t vector)
{
	uint64_t rte = w->s.line[line].rte;

	if (!has(w, DIRECT) || !ig_rte_is_live(rte) || vector_index(rte & IG_RTE_VECTOR) != vector)
		return;
	w->s.line[line].judge_extra = true;
	judge_opened(w, line);
}

static bool ends(const struct world *w, uint32_t line, uint32_t vector, uint32_t chip)
{
	return w->s.line[line].judge_served >> vector & 1 && (chip == ALL_CHIPS || chip == chip_of(w, line));
}

static void end_interrupt(struct world *w, uint32_t line, uint32_t vector)
{
	struct line *judged = &w->s.line[line];
	uint8_t bit = (uint8_t)(1U << vector);

	if (!judged->judge_extra || !is_held(w, bit))
		judged->judge_served &= (uint8_t)~bit;
	if (w->s.question.line == line)
		w->s.question.judge_served &= (uint8_t)~bit;
	judged->judge_acked = has(w, WATCHED);
	if (ig_rte_is_live(judged->rte))
		judge_released(w, line, true);
}

uint8_t judge_eoi(struct world *w, uint32_t vector, uint32_t chip)
{
	uint8_t lines = 0;

	for (uint32_t line = 0; line < w->config->lines; line++) {
		if (!ends(w, line, vector, chip)) {
			note_stray(w, line, vector);
			continue;
		}
		end_interrupt(w, line, vector);
		lines |= (uint8_t)(1U << line);
	}
	return lines;
}

/* The vCPU had the line's message, and has it no more. */
static bool has_ended(const struct world *w, uint32_t line, uint32_t vector, uint32_t vcpu)
{
	return w->s.line[line].judge_sent_to == vcpu && !is_being_sent(w, line) &&
	       !(w->s.vcpu[vcpu].requested >> vector & 1);
}

void judge_unheard_eoi(struct world *w, uint32_t vector, uint32_t vcpu)
{
	for (uint32_t line = 0; line < w->config->lines; line++) {
		if (!ends(w, line, vector, ALL_CHIPS))
			note_stray(w, line, vector);
		else if (has(w, DIRECT) || has_ended(w, line, vector, vcpu))
			end_interrupt(w, line, vector);
	}
}

/* On the direct path the core can not know which lines of the vector have a message in service. */
void judge_hit(struct world *w, const struct vcpu *vcpu, uint32_t line)
{
	if (!has(w, DIRECT) && !(vcpu->judge_eoi_lines >> line & 1))
		violate(w, EOI, "it ends the interrupt of %s, which it is not for", line_name(line));
}

static bool is_wanted(const struct world *w, uint32_t line)
{
	if (!line && w->s.wire && w->s.wire_level)
		return true;
	for (uint32_t i = 0; i < w->config->devices; i++)
		if (is_on(w, i, line) && w->s.device[i].judge_fresh &&
		    irqgate_core_source_level(core_of(w), w->s.device[i].source) == 1)
			return true;
	return false;
}

void judge_send(struct world *w, uint32_t line, const struct effect *effect)
{
	if (ig_rte_is_masked(w->s.line[line].rte))
		violate(w, MASKED, "%s is masked, and sends", line_name(line));
	if (!effect->level)
		return;
	if (w->s.line[line].judge_served && !has(w, DIRECT))
		violate(w, TWICE, "the last message of %s has had no EOI yet", line_name(line));
	if (!is_wanted(w, line))
		violate(w, UNWANTED,
			"no trigger that the host has taken since the last unmask is behind it, and no "
			"emulated device asserts");
	w->s.line[line].judge_served |= (uint8_t)(1U << effect->vector);
	w->s.line[line].judge_sent_to = has(w, DIRECT) ? 0 : effect->vcpu;
}

/* On the userspace path no resample but the first may come while it is listened to. */
void judge_joined(const struct world *w, struct device *device)
{
	device->judge_spare |= !has(w, DIRECT);
}

/* So that first one is not needed any more, if nobody is about to make it. */
void judge_heard(const struct world *w, struct device *device)
{
	device->judge_spare &= has(w, DIRECT) || is_locked(w, device);
}

void judge_resampled(struct world *w, struct device *device)
{
	device->judge_spare &= has(w, SLOW_WISHES) && is_asked_for(w, device->source);
}

/* The mask is not done yet: its thread has to silence the source, or to take the trigger from KVM. */
static bool is_being_masked(const struct world *w, const struct device *device)
{
	bool busy = !is_idle(w, 0) || !is_idle(w, 1);

	return is_asked_for(w, device->source) || (busy && !irqgate_core_bound(core_of(w), device->source));
}

void judge_injection(struct world *w, struct device *device, uint32_t vector)
{
	struct line *line = &w->s.line[w->config->line_of[device - w->s.device]];
	bool live = ig_rte_is_live(line->rte) && irqgate_core_bound(core_of(w), device->source);

	if (!device->judge_slipped && !ig_rte_is_live(line->rte) && !is_being_masked(w, device))
		violate(w, MASKED, "the guest has masked the pin");
	if (!device->judge_slipped && !device->judge_fresh)
		violate(w, UNWANTED,
			"what the device said is older than the last unmask, or has been heard already");
	line->judge_extra |= is_held(w, line->judge_served);
	if (ig_rte_is_level(line->rte))
		line->judge_served |= (uint8_t)(1U << vector);
	if (!live)
		device->judge_shut = false; /* too late to be stopped, it is history for the pin */
	line->judge_extra |= !live || device->judge_slipped;
}

void judge_inta(struct world *w, uint32_t line)
{
	if (!is_wanted(w, line))
		violate(w, UNWANTED,
			"no trigger that the host has taken since the last unmask is behind it, and no "
			"emulated device asserts");
}

/*
 * On the direct path one that comes while the last is unread is one with it: an eventfd counts no further for
 * us. On the userspace path there is none such: the last may be read before the host signals this one.
 */
void judge_trigger(struct world *w, struct device *device)
{
	struct line *line = &w->s.line[w->config->line_of[device - w->s.device]];
	bool again = device->judge_shut && device->judge_steady && device->enabled &&
		     (!device->unread || !has(w, DIRECT));

	if (again && !device->signalling && !device->judge_slipped && !device->judge_spare &&
	    !line->judge_extra)
		violate(w, ONCE,
			"device %u has asserted since its last trigger, and since then the guest has not both "
			"sent EOI and unmasked",
			number_of(w, device));
	if (device->bound && (again || device->signalling))
		line->judge_extra = true;
	device->judge_shut = device->judge_fresh = device->judge_steady = true;
}

void judge_together(struct world *w)
{
	uint32_t listens[LINES] = { 0 }, enabled[LINES] = { 0 };
	struct irqgate_wish wish;

	for (uint32_t i = 0; i < w->config->devices; i++)
		enabled[w->config->line_of[i]] += w->s.device[i].source && w->s.device[i].enabled;
	for (uint32_t i = 0; i < w->effects.count; i++) {
		const struct device *device = device_of(w, w->effects.effect[i].source);

		if (device && !irqgate_core_wish(core_of(w), device->source, &wish))
			listens[w->config->line_of[device - w->s.device]] += wish.listen;
	}
	for (uint32_t line = 0; line < w->config->lines; line++)
		if (listens[line] && listens[line] != enabled[line])
			violate(w, SHARED, "of the sources of %s it asks for some only", line_name(line));
}

void judge_before(struct world *w, struct counted *before)
{
	memset((unsigned char *)core_of(w) + irqgate_core_state_size(core_of(w)), 0,
	       core_of(w)->source_stats_at - core_of(w)->line_stats_at +
	       core_of(w)->sources * sizeof(struct irqgate_source_stats));
	w->judge_uncounted = false;
	for (uint32_t i = 0; i < w->config->devices; i++)
		before->asserted[i] = irqgate_core_source_level(core_of(w), w->s.device[i].source) == 1;
	for (uint32_t i = 0; i < w->config->lines; i++)
		before->direct[i] = ig_core_line(core_of(w), gsi_of(w, i))->direct;
}

void judge_after(struct world *w, const struct counted *before)
{
	for (uint32_t i = 0; i < w->config->devices; i++) {
		const struct device *device = &w->s.device[i];
		struct irqgate_source_stats stats;
		uint64_t asserted;

		if (!device->source || w->judge_uncounted || before->direct[w->config->line_of[i]] ||
		    has(w, DIRECT))
			continue;
		irqgate_core_source_stats(core_of(w), device->source, &stats);
		asserted = irqgate_core_source_level(core_of(w), device->source) == 1;
		if (stats.triggers - stats.absorbed + before->asserted[i] != stats.resamples + asserted)
			violate(w, ALTERNATION,
				"device %u: triggers and resamples that counted do not alternate", i);
	}
}
