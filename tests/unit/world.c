/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The world around a core with one line; see world.h. */
#include "world.h"

#include <string.h>

enum { SETTLE_MAX = 1000, LONG = 1000000 };

uint32_t pick(struct world *w, uint32_t below)
{
	return draw(&w->chance, below);
}

bool guest_sees_masked(const struct world *w)
{
	return ig_rte_is_masked(w->rte);
}

static bool accept(struct world *w, const struct irqgate_message *message)
{
	uint8_t vector = (uint8_t)(message->data & IG_RTE_VECTOR);

	if (w->lapic_off)
		return false;
	w->requested[vector] = true;
	return true;
}

/* What KVM's table has for a GSI, or NULL. */
static const struct irqgate_message *route_of(const struct world *w, uint32_t gsi)
{
	for (uint32_t i = 0; i < w->route_count; i++)
		if (w->routes[i].gsi == gsi)
			return &w->routes[i].message;
	return NULL;
}

/* Whether a silencing of the device was asked for, but not yet carried out. */
static bool silencing_is_due(const struct world *w, const struct device *device)
{
	struct irqgate_wish wish;

	if (irqgate_core_wish(w->m.core, device->source, &wish))
		return false;
	return !wish.listen && wish.version > device->wish_done;
}

/* VFIO signals the trigger. The kernel's fast path knows no mask: so by then the device must be silent. */
static void vfio_trigger(struct world *w, struct device *device)
{
	const struct irqgate_message *message;

	CHECK(w, !device->automasked);
	device->automasked = true;
	device->sampled = ++w->clock;
	if (!device->bound) {
		device->unread++;
		return;
	}
	CHECK(w, !guest_sees_masked(w) || silencing_is_due(w, device)); /* invariant 4 */
	CHECK(w, !pair_interrupts(w)); /* which the kernel knows nothing of */
	message = route_of(w, w->gsi);
	CHECK(w, message);
	accept(w, message);
}

static void vfio_unmask(struct world *w, struct device *device)
{
	if (!device->automasked)
		return;
	device->automasked = false;
	if (device->asserts)
		vfio_trigger(w, device);
}

static struct device *find_device(struct world *w, irqgate_source source)
{
	for (int i = 0; i < DEVICES; i++)
		if (w->device[i].source == source)
			return &w->device[i];
	return NULL;
}

static void carry_out_wish(struct world *w, irqgate_source source)
{
	struct device *device = find_device(w, source);
	struct irqgate_wish wish;

	if (irqgate_core_wish(w->m.core, source, &wish))
		return;
	CHECK(w, device);
	if (wish.answered || wish.version <= device->wish_done)
		return;
	device->wish_done = wish.version;
	if (wish.listen)
		vfio_unmask(w, device);
	else
		device->automasked = true;
}

void watch(struct world *w)
{
	CHECK(w, !irqgate_core_watch(w->m.core, w->gsi, true));
	CHECK(w, !irqgate_core_line_state(w->m.core, w->gsi, &w->told));
}

static void tell(struct world *w)
{
	struct irqgate_line_state now;

	CHECK(w, !irqgate_core_line_state(w->m.core, w->gsi, &now));
	CHECK(w, now.version >= w->told.version && now.acks >= w->told.acks);
	w->told = now;
}

static void carry_out(struct world *w, const struct irqgate_effect *effect)
{
	if (effect->kind == IRQGATE_EFFECT_SOURCE)
		carry_out_wish(w, effect->source);
	else if (effect->kind == IRQGATE_EFFECT_LINE)
		tell(w);
	else if (!accept(w, &effect->message))
		w->retry |= irqgate_core_send_failed(w->m.core, effect->pin, effect->ticket);
}

void carry_out_one(struct world *w)
{
	uint32_t i;
	struct irqgate_effect effect;

	if (!w->queued)
		return;
	i = pick(w, w->queued);
	effect = w->queue[i];
	w->queue[i] = w->queue[--w->queued];
	carry_out(w, &effect);
}

bool is_wanted(struct world *w, uint64_t unmasked_at)
{
	if (w->policy == IRQGATE_POLICY_EOI || w->wire_level)
		return true;
	for (int i = 0; i < DEVICES; i++)
		if (irqgate_core_source_level(w->m.core, w->device[i].source) == 1 &&
		    w->device[i].sampled > unmasked_at)
			return true;
	return false;
}

/* The adapter's part before any effect. A trigger that is unread when it gets bound is read away. */
static void sync_kernel(struct world *w)
{
	if (w->m.effects.routes_version > w->routes_version)
		w->route_count = irqgate_core_routes(w->m.core, w->routes, &w->routes_version);
	for (int i = 0; i < DEVICES; i++) {
		struct device *device = &w->device[i];
		bool wanted = irqgate_core_bound(w->m.core, device->source);

		if (wanted && !device->bound)
			device->unread = 0;
		device->bound = wanted;
	}
}

void take_effects(struct world *w)
{
	const struct irqgate_effects *effects = &w->m.effects;

	sync_kernel(w);
	CHECK(w, effects->count <= IRQGATE_EFFECTS_MAX && w->queued + effects->count <= QUEUE);
	CHECK(w, effects->intr == machine_intr(&w->m));
	for (uint32_t i = 0; i < effects->count; i++) {
		w->queue[w->queued++] = effects->effect[i];
		if (effects->effect[i].kind != IRQGATE_EFFECT_LINE) /* of the only line that has routes */
			CHECK(w, effects->routes_version == machine_routes_version(&w->m));
		if (effects->effect[i].kind != IRQGATE_EFFECT_SEND)
			continue;
		CHECK(w, !guest_sees_masked(w)); /* invariant 4 */
		CHECK(w, is_wanted(w, w->unmasked_at));
	}
}

void check_together(struct world *w)
{
	uint32_t listens = 0, enabled = 0;
	struct irqgate_wish wish;

	for (uint32_t i = 0; i < w->m.effects.count; i++) {
		const struct irqgate_effect *effect = &w->m.effects.effect[i];

		if (effect->kind != IRQGATE_EFFECT_SOURCE)
			continue;
		CHECK(w, !irqgate_core_wish(w->m.core, effect->source, &wish));
		listens += wish.listen;
	}
	for (int i = 0; i < DEVICES; i++)
		enabled += w->device[i].source && w->device[i].enabled;
	CHECK(w, !listens || listens == enabled);
}

void read_trigger(struct world *w, struct device *device)
{
	if (!device->unread || device->bound)
		return;
	device->unread = 0;
	CHECK(w, !irqgate_core_trigger(w->m.core, device->source, &w->m.effects));
	take_effects(w);
}

void read_triggers(struct world *w)
{
	for (int i = 0; i < DEVICES; i++)
		read_trigger(w, &w->device[i]);
}

static int ask_lapic(struct world *w, const struct irqgate_access *access)
{
	struct irqgate_message asked[2];
	uint32_t count;

	if (irqgate_core_asks_lapic(w->m.core, access, asked, &count) < 0 || !pick(w, 4))
		return IRQGATE_LAPIC_NOT_ASKED;
	for (uint32_t i = 0; i < count; i++)
		if (w->requested[asked[i].data & 0xff] || w->serving[asked[i].data & 0xff])
			return (int)(asked[i].data & 0xff);
	return IRQGATE_LAPIC_IDLE;
}

void guest_write(struct world *w, uint64_t rte)
{
	struct irqgate_access access = { .offset = IG_IOAPIC_IOWIN, .value = rte, .bytes = 4, .write = true };
	bool in_service = machine_remote_irr(&w->m, w->gsi); /* selects the register too */

	if (!(rte & IG_RTE_VECTOR))
		access.value = rte |= VECTOR; /* no LAPIC serves vector 0 */
	if (irqgate_core_unmasks(w->m.core, &access) >= 0) {
		read_triggers(w);
		if (!in_service)
			w->unmasked_at = ++w->clock;
	}
	irqgate_core_ioapic_write(w->m.core, &access, ask_lapic(w, &access), &w->m.effects);
	w->rte = rte;
	take_effects(w);
	check_together(w);
}

void guest_read(struct world *w)
{
	struct irqgate_access access = { .offset = IG_IOAPIC_IOWIN, .bytes = 4 };
	uint64_t value;

	machine_read(&w->m, rte_low(w->gsi));
	value = irqgate_core_ioapic_read(w->m.core, &access, ask_lapic(w, &access));
	CHECK(w, (value & ~IG_RTE_REMOTE_IRR & ~IG_RTE_DELIVERY_STATUS) == w->rte);
}

/* With a split irqchip KVM exits at the EOI of the vectors that its table of routes has, and of no other. */
static bool exits(const struct world *w, uint8_t vector)
{
	for (uint32_t gsi = w->gsi; gsi <= PINS + w->gsi; gsi += PINS) {
		const struct irqgate_message *message = route_of(w, gsi);

		if (message && (message->data & IG_RTE_VECTOR) == vector)
			return true;
	}
	return false;
}

void guest_eoi(struct world *w, uint8_t vector)
{
	uint32_t pin = 0;

	if (!w->serving[vector])
		return;
	w->serving[vector] = false;
	if (!exits(w, vector))
		return;
	while (irqgate_core_eoi(w->m.core, vector, &pin, &w->m.effects)) {
		take_effects(w);
		check_together(w);
	}
}

bool guest_take(struct world *w, uint8_t vector)
{
	if (!w->requested[vector] || w->serving[vector])
		return false;
	w->requested[vector] = false;
	w->serving[vector] = true;
	return true;
}

void guard_line(struct world *w)
{
	const struct irqgate_guard guard = { .budget = 2, .pace = 20, .delay = 100 };

	if (!w->guarded)
		return;
	irqgate_core_set_time(w->m.core, w->time);
	CHECK(w, !irqgate_core_guard(w->m.core, w->gsi, &guard));
	irqgate_core_limit_holds(w->m.core, 50);
}

bool pass_time(struct world *w, uint64_t nanoseconds)
{
	uint32_t gsi = 0;
	bool any = false;

	if (!w->guarded)
		return false;
	w->time += nanoseconds;
	irqgate_core_set_time(w->m.core, w->time);
	while (irqgate_core_expire(w->m.core, &gsi, &w->m.effects)) {
		CHECK(w, gsi == w->gsi + 1);
		take_effects(w);
		check_together(w);
		any = true;
	}
	CHECK(w, w->m.effects.next_time > w->time);
	return any;
}

void set_wire(struct world *w, bool level)
{
	if (!w->wire)
		return;
	w->wire_level = level;
	CHECK(w, !irqgate_core_set_level(w->m.core, w->wire, level, &w->m.effects));
	take_effects(w);
}

void raise_device(struct world *w, struct device *device)
{
	if (!device->source || device->asserts)
		return;
	device->asserts = true;
	if (!device->automasked)
		vfio_trigger(w, device);
}

void enable(struct world *w, struct device *device, bool on)
{
	if (!device->source)
		return;
	device->enabled = on;
	device->was_disabled |= !on;
	CHECK(w, !irqgate_core_enable(w->m.core, device->source, on, &w->m.effects));
	take_effects(w);
}

void plug(struct world *w, struct device *device)
{
	*device = (struct device){ .enabled = true };
	CHECK(w, !irqgate_core_add(w->m.core, w->gsi, IRQGATE_SOURCE_FORWARDED, w->direct, "device",
				   &device->source, &w->m.effects));
	take_effects(w);
}

void unplug(struct world *w, struct device *device)
{
	irqgate_source source = device->source;

	*device = (struct device){ 0 };
	CHECK(w, !irqgate_core_remove(w->m.core, source, &w->m.effects));
	take_effects(w);
}

void plug_or_unplug_wire(struct world *w)
{
	w->wire_level = false;
	if (w->wire) {
		CHECK(w, !irqgate_core_remove(w->m.core, w->wire, &w->m.effects));
		w->wire = 0;
	} else {
		CHECK(w, !irqgate_core_add(w->m.core, w->gsi, IRQGATE_SOURCE_WIRE, false, "wire", &w->wire,
					   &w->m.effects));
	}
	take_effects(w);
}

void reset(struct world *w)
{
	uint32_t pin = 0;

	while (irqgate_core_reset(w->m.core, &pin, &w->m.effects)) {
		if (pin == w->gsi + 1)
			w->rte = IG_RTE_MASKED;
		take_effects(w);
	}
	memset(w->requested, 0, sizeof(w->requested));
	memset(w->serving, 0, sizeof(w->serving));
}

void retry(struct world *w)
{
	uint32_t pin = 0;

	while (irqgate_core_retry(w->m.core, &pin, &w->m.effects))
		take_effects(w);
}

/* Whoever watches knows the line as it is. */
static void check_told(const struct world *w)
{
	struct irqgate_line_state now;

	CHECK(w, !irqgate_core_line_state(w->m.core, w->gsi, &now));
	CHECK(w, now.masked == w->told.masked && now.acks == w->told.acks && now.version == w->told.version);
	CHECK(w, now.masked == (guest_sees_masked(w) && !pair_interrupts(w)));
}

void settle(struct world *w)
{
	for (int i = 0; i < SETTLE_MAX; i++) {
		bool busy = w->queued || w->retry;

		for (int j = 0; j < DEVICES; j++)
			busy |= w->device[j].unread && !w->device[j].bound;
		if (!busy && !pass_time(w, LONG)) {
			check_told(w);
			return;
		}
		carry_out_one(w);
		read_triggers(w);
		if (w->retry && !w->queued) {
			w->retry = false;
			retry(w);
		}
	}
	CHECK(w, !"the host never comes to rest");
}

void check_alternation(struct world *w)
{
	for (int i = 0; i < DEVICES; i++) {
		const struct device *device = &w->device[i];
		struct irqgate_source_stats stats;

		/* On the direct path the kernel takes triggers; disabling ends an assertion without a resample. */
		if (!device->source || device->was_disabled || w->direct)
			continue;
		stats = machine_stats(&w->m, device->source);
		CHECK(w, stats.triggers - stats.absorbed ==
				 stats.resamples + (uint64_t)irqgate_core_source_level(w->m.core, device->source));
	}
}

void guest_step(struct world *w)
{
	uint8_t vector = pick(w, 2) ? VECTOR : OTHER_VECTOR;

	switch (pick(w, 9)) {
	case 0: case 1: guest_write(w, w->rte | MASKED); break;
	case 2: case 3: guest_write(w, w->rte & ~MASKED); break;
	case 4: guest_write(w, (w->rte & ~IG_RTE_VECTOR) | IG_RTE_LEVEL | vector); break;
	case 5: guest_read(w); break;
	case 6: guest_take(w, vector); break;
	case 7: guest_eoi(w, vector); break;
	default:
		if (!pick(w, 8))
			guest_write(w, w->rte ^ IG_RTE_LEVEL);
		break;
	}
}
