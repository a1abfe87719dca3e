/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Whoever manages the machine: sources come and go, are disabled; a wire changes; the machine is reset, or
 * saved and restored. On a thread of its own. One thread.
 */
#include <errno.h>
#include <string.h>

#include "prove/steps.h"

enum { SAVED_BYTES = 4096 };

static const char *const device_names[DEVICES] = { "device 0", "device 1", "device 2" };

static bool is_building(const struct world *w)
{
	for (uint32_t i = 0; i < THREADS; i++)
		if (w->s.thread[i].building)
			return true;
	return false;
}

static void reopen(struct world *w, uint32_t line)
{
	judge_opened(w, line);
	w->s.line[line].judge_extra |= has(w, DIRECT); /* what KVM has sent before may be in service still */
	w->judge_uncounted = true;
}

static int add_source(struct world *w, uint32_t number)
{
	struct device *device = &w->s.device[number];

	return irqgate_core_add(core_of(w), gsi_of(w, w->config->line_of[number]), IRQGATE_SOURCE_FORWARDED,
				has(w, DIRECT), device_names[number], &device->source, &w->effects);
}

/* VFIO is set up before: from then on the device may trigger. */
void add_device(struct world *w, uint32_t number)
{
	struct device *device = &w->s.device[number];

	*device = (struct device){ .asserts = device->asserts, .enabled = true };
	if (device->asserts) {
		device->automasked = device->unread = true;
		device->judge_fresh = device->judge_steady = device->judge_shut = true;
		say(w, "     it asserts already: the host has signalled its trigger\n");
	}
	judge_joined(w, device);
	if (add_source(w, number))
		violate(w, LOST, "it can not be added");
	reopen(w, w->config->line_of[number]);
	take_effects(w, MANAGER);
}

bool mask_is_peeked_at(struct world *w, uint32_t number)
{
	if (w->s.device[number].source || w->s.peeked)
		return false;
	say(w, "Before it adds device %u, the VMM looks whether the pin is masked\n", number);
	w->s.peeked = true;
	w->s.peeked_masked = ig_rte_is_masked(w->s.line[w->config->line_of[number]].rte);
	return true;
}

bool device_is_added(struct world *w, uint32_t number)
{
	if (w->s.device[number].source || !is_idle(w, MANAGER) || is_building(w))
		return false;
	if (w->defect == DEFECT_MASK_IS_READ_BEFORE_THE_REGISTRATION) {
		if (!w->s.peeked)
			return false;
		w->s.believed_masked = w->s.peeked_masked;
		w->s.peeked = w->s.peeked_masked = false;
	}
	say(w, "The VMM adds device %u\n", number);
	add_device(w, number);
	return true;
}

/* What is under way for the source must come to nothing. */
static void mark_gone(struct world *w, irqgate_source source)
{
	for (uint32_t i = 0; i < THREADS; i++)
		for (uint32_t j = 0; j < w->s.thread[i].count; j++)
			if (w->s.thread[i].queue[j].source == source)
				w->s.thread[i].queue[j].judge_gone = true;
}

/* What the core has of a device that is to be left alone. */
struct left {
	int level;
	struct irqgate_wish wish;
};

static void note(const struct world *w, struct left left[DEVICES])
{
	for (uint32_t i = 0; i < w->config->devices; i++) {
		left[i] = (struct left){ .level = irqgate_core_source_level(core_of(w),
									    w->s.device[i].source) };
		irqgate_core_wish(core_of(w), w->s.device[i].source, &left[i].wish);
	}
}

static void judge_left(struct world *w, const struct left before[DEVICES])
{
	struct left after[DEVICES];

	note(w, after);
	for (uint32_t i = 0; i < w->config->devices; i++)
		if (w->s.device[i].source && (before[i].level != after[i].level ||
		    before[i].wish.version != after[i].wish.version))
			violate(w, SHARED, "device %u, which is another one, is touched by that", i);
}

/*
 * The removal ends when KVM no longer has the trigger, and no thread the record; effects may still be under
 * way.
 */
bool device_is_removed(struct world *w, uint32_t number)
{
	struct device *device = &w->s.device[number];
	irqgate_source source = device->source;
	struct left left[DEVICES];

	if (!source || !is_idle(w, MANAGER) || is_building(w))
		return false;
	say(w, "The VMM removes device %u\n", number);
	note(w, left);
	mark_gone(w, source);
	irqgate_core_remove(core_of(w), source, &w->effects);
	judge_leaves_direct(w, w->config->line_of[number]);
	*device = (struct device){ .asserts = device->asserts };
	judge_left(w, left);
	w->judge_uncounted = true;
	take_effects(w, MANAGER);
	give_routes(w);
	return true;
}

static bool enable(struct world *w, uint32_t number, bool on)
{
	struct device *device = &w->s.device[number];

	if (!device->source || device->enabled == on || !is_idle(w, MANAGER))
		return false;
	say(w, "The guest %s device %u's interrupt in its config space\n", on ? "enables" : "disables",
	    number);
	device->enabled = on;
	if (on)
		judge_joined(w, device);
	irqgate_core_enable(core_of(w), device->source, on, &w->effects);
	reopen(w, w->config->line_of[number]);
	take_effects(w, MANAGER);
	return true;
}

bool device_is_disabled(struct world *w, uint32_t number)
{
	return enable(w, number, false);
}

bool device_is_enabled(struct world *w, uint32_t number)
{
	return enable(w, number, true);
}

static bool set_wire(struct world *w, bool level)
{
	if (!w->s.wire || w->s.wire_level == level || !is_idle(w, MANAGER))
		return false;
	say(w, "The emulated device %s the line\n", level ? "asserts" : "no longer asserts");
	w->s.wire_level = level;
	irqgate_core_set_level(core_of(w), w->s.wire, level, &w->effects);
	take_effects(w, MANAGER);
	return true;
}

bool wire_rises(struct world *w, uint32_t argument)
{
	(void)argument;
	return set_wire(w, true);
}

bool wire_falls(struct world *w, uint32_t argument)
{
	(void)argument;
	return set_wire(w, false);
}

void add_wire(struct world *w)
{
	irqgate_core_add(core_of(w), gsi_of(w, 0), IRQGATE_SOURCE_WIRE, false, "wire", &w->s.wire,
			 &w->effects);
	take_effects(w, MANAGER);
}

bool wire_is_added(struct world *w, uint32_t argument)
{
	(void)argument;
	if (w->s.wire || !is_idle(w, MANAGER) || is_building(w))
		return false;
	say(w, "The VMM adds an emulated device to the line\n");
	reopen(w, 0);
	add_wire(w);
	return true;
}

bool wire_is_removed(struct world *w, uint32_t argument)
{
	struct left left[DEVICES];

	(void)argument;
	if (!w->s.wire || !is_idle(w, MANAGER) || is_building(w))
		return false;
	say(w, "The VMM removes the emulated device\n");
	note(w, left);
	irqgate_core_remove(core_of(w), w->s.wire, &w->effects);
	w->s.wire = 0;
	w->s.wire_level = false;
	judge_left(w, left);
	take_effects(w, MANAGER);
	return true;
}

static bool vcpus_are_idle(const struct world *w)
{
	for (uint32_t i = 0; i < VCPUS; i++)
		if (!is_idle(w, i))
			return false;
	return true;
}

/* What the host has masked and is about to signal is older than what comes now. */
static void slip_all(struct world *w)
{
	for (uint32_t i = 0; i < w->config->devices; i++)
		w->s.device[i].judge_slipped |= w->s.device[i].signalling;
}

bool machine_is_reset(struct world *w, uint32_t argument)
{
	uint32_t pin = 0;

	(void)argument;
	if (!vcpus_are_idle(w) || !is_idle(w, MANAGER))
		return false;
	say(w, "The machine is reset, its LAPICs too\n");
	for (uint32_t i = 0; i < VCPUS; i++)
		w->s.vcpu[i] = (struct vcpu){ 0 };
	for (uint32_t i = 0; i < w->config->lines; i++) {
		w->s.line[i].rte = IG_RTE_MASKED;
		w->s.line[i].judge_served = 0;
		w->s.line[i].judge_extra |= has(w, DIRECT) && is_being_sent(w, i); /* it comes after the reset */
	}
	w->s.question = (struct question){ 0 };
	w->s.stopped = w->s.resetting = true;
	slip_all(w);
	while (irqgate_core_reset(core_of(w), &pin, &w->effects))
		take_effects(w, MANAGER);
	if (has(w, PAIR))
		pair_starts(w);
	return true;
}

/* The new machine's host knows nothing of what was: a device that asserts triggers. */
static void set_up_again(struct world *w, uint32_t number)
{
	struct device *device = &w->s.device[number];

	if (!device->source)
		return;
	device->wish_done = 0;
	device->bound = device->armed = device->signalling = device->judge_slipped = false;
	device->unread = device->automasked = device->asserts;
	device->judge_fresh |= device->asserts;
	device->judge_steady = device->asserts;
	judge_joined(w, device);
	add_source(w, number);
	reopen(w, w->config->line_of[number]);
}

/* On the direct path the entries are read before, with what the LAPICs hold: see irqgate_core_save(). */
static void settle_entries(struct world *w)
{
	for (uint32_t line = 0; has(w, DIRECT) && line < w->config->lines; line++)
		guest_reads(w, line);
}

bool machine_is_restored(struct world *w, uint32_t argument)
{
	static unsigned char saved[SAVED_BYTES];
	size_t bytes;
	uint32_t gsi = 0;

	(void)argument;
	if (!all_are_idle(w))
		return false;
	say(w, "The machine is saved, and restored into a new one\n");
	settle_entries(w);
	bytes = irqgate_core_save_size(core_of(w));
	if (irqgate_core_save(core_of(w), saved, sizeof(saved)) || make_core(w))
		violate(w, LOST, "its state can not be saved");
	for (uint32_t i = 0; i < w->config->devices; i++)
		set_up_again(w, i);
	if (w->s.wire)
		irqgate_core_add(core_of(w), gsi_of(w, 0), IRQGATE_SOURCE_WIRE, false, "wire", &w->s.wire,
				 &w->effects);
	watch_lines(w);
	if (irqgate_core_restore(core_of(w), saved, bytes))
		violate(w, LOST, "its state can not be restored");
	w->s.question = (struct question){ 0 };
	w->s.stopped = true;
	memset(w->s.table, 0, sizeof(w->s.table));
	w->s.routes_done = 0;
	while (irqgate_core_restored(core_of(w), &gsi, &w->effects))
		take_effects(w, MANAGER);
	w->s.retry = true;
	return true;
}

/* Only with a defect: a time-out instead of the unmask. */
bool hold_times_out(struct world *w, uint32_t number)
{
	struct device *device = &w->s.device[number];

	if (w->defect != DEFECT_HOLD_TIMES_OUT || !device->judge_shut || !device->automasked ||
	    !all_are_idle(w) || !ig_rte_is_masked(w->s.line[w->config->line_of[number]].rte))
		return false;
	say(w, "The VMM has waited long enough for the unmask: it resamples device %u\n", number);
	listen_to(w, device);
	return true;
}
