/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Fuzz target: whole sequences of calls of the core, of two IOAPICs with a gap between them and up to a dozen
 * sources, beside the plain model (model.h): everything that a call asks the world for, and after it all
 * registers, levels, wishes, counters and the routes that must be there. Now and then the core is saved and
 * goes on as another one.
 */
#include <string.h>

#include <irqgate/core.h>

#include "chance.h"
#include "fuzz.h"
#include "model.h"

enum { IOWIN = 0x10, EOI_REGISTER = 0x40, FIRST_ENTRY = 0x10, PINS_0 = 6, GSI_1 = 8, PINS_1 = 4, VECTORS = 3 };

#define WRITABLE    UINT64_C(0xff0000000001afff)
#define REMOTE_IRR  (UINT64_C(1) << 14)
#define UNDELIVERED (UINT64_C(1) << 12)
#define MASK        (UINT64_C(1) << 16)
#define TRIGGER     (UINT64_C(1) << 15)

struct session {
	struct chance chance;
	struct irqgate_core_config config;
	struct irqgate_core *core;
	struct irqgate_effects effects;
	struct model model;
	irqgate_source handle[MODEL_SOURCES];
	uint64_t wishes[MODEL_SOURCES];    /* versions */
	uint32_t added[MODEL_SOURCES];     /* sources in the order in which they came */
	uint32_t sources;
	uint32_t ticket[MODEL_LINES];
};

static const enum irqgate_source_kind kinds[] = {
	[MODEL_WIRE] = IRQGATE_SOURCE_WIRE, [MODEL_EDGE] = IRQGATE_SOURCE_EDGE,
	[MODEL_FORWARDED] = IRQGATE_SOURCE_FORWARDED,
};

static struct irqgate_core *make_core(const struct irqgate_core_config *config)
{
	size_t bytes = irqgate_core_size(config);
	void *memory = malloc(bytes);
	struct irqgate_core *core;

	REQUIRE(bytes && memory && !irqgate_core_init(memory, bytes, config, &core));
	return core;
}

/* The message of an entry as a LAPIC gets it (SDM vol. 3, 11.11). */
static struct irqgate_message message_of(uint64_t entry)
{
	struct irqgate_message message = { .address = 0xfee00000 | (entry >> 56) << 12, .data = entry & 0x7ff };

	if (entry >> 11 & 1)
		message.address |= 1U << 2;
	if ((entry >> 8 & 7) == 1)
		message.address |= 1U << 3;
	if (model_is_level(entry))
		message.data |= 3U << 14;
	return message;
}

static bool same(const struct irqgate_message *a, const struct irqgate_message *b)
{
	return a->address == b->address && a->data == b->data;
}

static uint32_t find_source(const struct session *s, irqgate_source handle)
{
	uint32_t i = 0;

	while (i < MODEL_SOURCES && (s->handle[i] != handle || !s->model.source[i].kind))
		i++;
	REQUIRE(i < MODEL_SOURCES);
	return i;
}

/* What the call asked for is what the model asks for, no more and no less. */
static void compare_effects(struct session *s)
{
	const struct model_effects *expected = &s->model.effects;
	bool wished[MODEL_SOURCES] = { false };
	uint32_t sends = 0;

	REQUIRE(s->effects.count <= IRQGATE_EFFECTS_MAX && !s->effects.intr);
	for (uint32_t i = 0; i < s->effects.count; i++) {
		const struct irqgate_effect *effect = &s->effects.effect[i];

		if (effect->kind == IRQGATE_EFFECT_SOURCE) {
			wished[find_source(s, effect->source)] = true;
			continue;
		}
		REQUIRE(effect->kind == IRQGATE_EFFECT_SEND && sends < expected->sends && sends < MODEL_SENDS);
		struct irqgate_message message = message_of(expected->send[sends].entry);

		REQUIRE(effect->pin == expected->send[sends++].gsi && same(&effect->message, &message));
		s->ticket[effect->pin] = effect->ticket;
	}
	REQUIRE(sends == expected->sends && !memcmp(wished, expected->wished, sizeof(wished)));
	model_begin(&s->model);
}

static void write_register(struct session *s, uint32_t chip, uint32_t offset, uint32_t value)
{
	struct irqgate_access access = { .offset = offset, .value = value, .bytes = 4, .chip = chip, .write = true };
	int vector = irqgate_core_ioapic_write(s->core, &access, IRQGATE_LAPIC_NOT_ASKED, &s->effects);

	REQUIRE(vector == (offset == EOI_REGISTER && !chip ? (int)(value & 0xff) : -1));
}

static uint32_t read_register(struct session *s, uint32_t chip, uint32_t index)
{
	struct irqgate_access access = { .offset = IOWIN, .bytes = 4, .chip = chip };

	write_register(s, chip, 0, index);
	REQUIRE(!s->effects.count);
	return (uint32_t)irqgate_core_ioapic_read(s->core, &access, IRQGATE_LAPIC_NOT_ASKED);
}

static uint32_t index_of(const struct session *s, uint32_t gsi)
{
	return FIRST_ENTRY + 2 * (gsi - (s->model.line[gsi].chip ? GSI_1 : 0));
}

static void compare_line(struct session *s, uint32_t gsi)
{
	const struct model_line *line = &s->model.line[gsi];
	uint32_t index = index_of(s, gsi);
	uint64_t entry = read_register(s, line->chip, index);
	struct irqgate_line_stats stats;

	entry |= (uint64_t)read_register(s, line->chip, index + 1) << 32;
	REQUIRE(entry == (line->entry | (line->in_service ? REMOTE_IRR : 0) | (line->undelivered ? UNDELIVERED : 0)));
	REQUIRE(irqgate_core_line_level(s->core, gsi) == model_line_level(&s->model, gsi));
	REQUIRE(!irqgate_core_line_stats(s->core, gsi, &stats));
	REQUIRE(stats.sends == line->sends && stats.eois == line->eois);
}

static void compare_source(struct session *s, uint32_t i)
{
	const struct model_source *source = &s->model.source[i];
	struct irqgate_source_stats stats;
	struct irqgate_wish wish;

	REQUIRE(irqgate_core_source_level(s->core, s->handle[i]) == source->asserted);
	REQUIRE(irqgate_core_enabled(s->core, s->handle[i]) == source->enabled);
	REQUIRE(!irqgate_core_bound(s->core, s->handle[i]));
	REQUIRE(!irqgate_core_wish(s->core, s->handle[i], &wish) && wish.version >= s->wishes[i]);
	REQUIRE(wish.listen == source->listen);
	s->wishes[i] = wish.version;
	REQUIRE(!irqgate_core_source_stats(s->core, s->handle[i], &stats));
	REQUIRE(stats.triggers == source->triggers && stats.absorbed == source->absorbed);
	REQUIRE(stats.resamples == source->resamples && stats.idle_resamples == source->idle);
}

static bool has_route(const struct irqgate_route *route, uint32_t count, uint32_t gsi, uint64_t entry)
{
	struct irqgate_message message = message_of(entry);

	for (uint32_t i = 0; i < count; i++)
		if (route[i].gsi % MODEL_LINES == gsi && same(&route[i].message, &message))
			return true;
	return false;
}

/* What is in service has a route, or KVM would not exit at its EOI; so has what may be sent. */
static void compare_routes(struct session *s)
{
	struct irqgate_route route[2 * MODEL_LINES];
	uint64_t version;
	uint32_t count = irqgate_core_routes(s->core, route, &version);

	for (uint32_t gsi = 0; gsi < MODEL_LINES; gsi++) {
		const struct model_line *line = &s->model.line[gsi];

		if (!line->exists)
			continue;
		if (line->in_service)
			REQUIRE(has_route(route, count, gsi, line->message));
		if (model_is_level(line->entry) && !model_is_masked(line->entry))
			REQUIRE(has_route(route, count, gsi, line->entry));
	}
}

static void compare(struct session *s)
{
	for (uint32_t gsi = 0; gsi < MODEL_LINES; gsi++)
		if (s->model.line[gsi].exists)
			compare_line(s, gsi);
	for (uint32_t i = 0; i < MODEL_SOURCES; i++)
		if (s->model.source[i].kind)
			compare_source(s, i);
	compare_routes(s);
}

/* The first of a slot's name counts: two names, so that some sources share one. */
static irqgate_source add_to(struct irqgate_core *core, struct irqgate_effects *effects, uint32_t slot,
			     enum model_kind kind, uint32_t gsi)
{
	irqgate_source handle;

	REQUIRE(!irqgate_core_add(core, gsi, kinds[kind], false, slot % 2 ? "nic" : "disk", &handle, effects));
	return handle;
}

static void add(struct session *s, uint32_t slot)
{
	enum model_kind kind = MODEL_WIRE + draw(&s->chance, MODEL_FORWARDED);
	uint32_t gsi = draw(&s->chance, MODEL_LINES);
	irqgate_source handle;

	if (!s->model.line[gsi].exists) {
		REQUIRE(irqgate_core_add(s->core, gsi, kinds[kind], false, "x", &handle, &s->effects) < 0);
		return;
	}
	s->handle[slot] = add_to(s->core, &s->effects, slot, kind, gsi);
	s->added[s->sources++] = slot;
	s->wishes[slot] = 0;
	model_add(&s->model, slot, kind, gsi);
	compare_effects(s);
}

static void remove_source(struct session *s, uint32_t slot)
{
	irqgate_source handle = s->handle[slot];
	uint32_t at = 0;

	REQUIRE(!irqgate_core_remove(s->core, handle, &s->effects));
	model_remove(&s->model, slot);
	while (s->added[at] != slot)
		at++;
	s->sources--;
	memmove(&s->added[at], &s->added[at + 1], (s->sources - at) * sizeof(s->added[0]));
	compare_effects(s);
	REQUIRE(irqgate_core_remove(s->core, handle, &s->effects) < 0);
}

/* A call for another kind of source is refused. */
static void step_source(struct session *s)
{
	uint32_t slot = draw(&s->chance, MODEL_SOURCES);
	enum model_kind kind = s->model.source[slot].kind;
	bool level = draw(&s->chance, 2);
	int error = 0;

	if (kind == MODEL_NONE) {
		add(s, slot);
		return;
	}
	switch (draw(&s->chance, 8)) {
	case 0: remove_source(s, slot); return;
	case 1: case 2:
		error = irqgate_core_set_level(s->core, s->handle[slot], level, &s->effects);
		REQUIRE(!error == (kind == MODEL_WIRE));
		if (!error)
			model_set_level(&s->model, slot, level);
		break;
	case 3:
		error = irqgate_core_pulse(s->core, s->handle[slot], &s->effects);
		REQUIRE(!error == (kind == MODEL_EDGE));
		if (!error)
			model_pulse(&s->model, slot);
		break;
	case 4:
		error = irqgate_core_enable(s->core, s->handle[slot], level, &s->effects);
		REQUIRE(!error == (kind == MODEL_FORWARDED));
		if (!error)
			model_enable(&s->model, slot, level);
		break;
	default:
		error = irqgate_core_trigger(s->core, s->handle[slot], &s->effects);
		REQUIRE(!error == (kind == MODEL_FORWARDED));
		if (!error)
			model_trigger(&s->model, slot);
		break;
	}
	compare_effects(s);
}

/* Mostly what a guest does: mask, unmask, another vector or mode; now and then anything. */
static void write_entry(struct session *s)
{
	uint32_t gsi = draw(&s->chance, MODEL_LINES), high = draw(&s->chance, 4);
	struct model_line *line = &s->model.line[gsi];
	uint64_t entry = line->entry;

	switch (draw(&s->chance, 8)) {
	case 0: case 1: entry |= MASK; break;
	case 2: case 3: entry &= ~MASK; break;
	case 4: entry = (entry & ~UINT64_C(0xff)) | TRIGGER | (0x40 + draw(&s->chance, VECTORS)); break;
	case 5: entry ^= TRIGGER; break;
	default: entry = (entry & ~UINT64_C(0xffffffff)) | draw(&s->chance, 0x20000); break;
	}
	if (!line->exists)
		return;
	write_register(s, line->chip, 0, index_of(s, gsi) + !high);
	model_begin(&s->model);
	if (!high) {
		entry = (line->entry & 0xffffffff) | (uint64_t)draw(&s->chance, 0x100) << 56;
		write_register(s, line->chip, IOWIN, (uint32_t)(entry >> 32));
	} else {
		write_register(s, line->chip, IOWIN, (uint32_t)entry);
	}
	model_write(&s->model, gsi, entry & WRITABLE);
	compare_effects(s);
}

static void eoi(struct session *s)
{
	uint8_t vector = (uint8_t)(draw(&s->chance, 8) ? 0x40 + draw(&s->chance, VECTORS) : draw(&s->chance, 0x100));
	uint32_t chip = draw(&s->chance, MODEL_CHIPS + 2), pin = 0, gsi = 0;

	if (chip > MODEL_CHIPS)
		chip = MODEL_CHIPS;
	if (chip == 0)
		write_register(s, chip, EOI_REGISTER, vector);
	for (;;) {
		bool more = chip == MODEL_CHIPS
				    ? irqgate_core_eoi(s->core, vector, &pin, &s->effects)
				    : irqgate_core_ioapic_eoi(s->core, chip, vector, &pin, &s->effects);

		gsi = model_find_eoi(&s->model, chip, vector, gsi);
		REQUIRE(more == (gsi < MODEL_LINES));
		if (!more)
			return;
		REQUIRE(pin == gsi + 1);
		model_eoi(&s->model, gsi++);
		compare_effects(s);
	}
}

static void reset(struct session *s)
{
	uint32_t gsi = 0;

	while (irqgate_core_reset(s->core, &gsi, &s->effects)) {
		if (s->model.line[gsi - 1].exists)
			model_reset(&s->model, gsi - 1);
		compare_effects(s);
	}
	REQUIRE(gsi == MODEL_LINES);
}

static void fail_send(struct session *s)
{
	uint32_t gsi = draw(&s->chance, MODEL_LINES);
	bool newest = draw(&s->chance, 4);

	if (!s->model.line[gsi].exists || !newest) {
		REQUIRE(!irqgate_core_send_failed(s->core, gsi, s->ticket[gsi] + 1));
		return;
	}
	REQUIRE(irqgate_core_send_failed(s->core, gsi, s->ticket[gsi]) == model_send_failed(&s->model, gsi));
}

static void retry(struct session *s)
{
	uint32_t pin = 0;

	for (uint32_t gsi = 0; gsi < MODEL_LINES; gsi++) {
		if (!s->model.line[gsi].undelivered)
			continue;
		REQUIRE(irqgate_core_retry(s->core, &pin, &s->effects) && pin == gsi + 1);
		model_retry(&s->model, gsi);
		compare_effects(s);
	}
	REQUIRE(!irqgate_core_retry(s->core, &pin, &s->effects));
}

/* Counters are a machine's own. */
static void forget_counters(struct session *s)
{
	for (uint32_t gsi = 0; gsi < MODEL_LINES; gsi++)
		s->model.line[gsi].sends = s->model.line[gsi].eois = 0;
	for (uint32_t i = 0; i < s->sources; i++) {
		struct model_source *source = &s->model.source[s->added[i]];

		source->triggers = source->absorbed = source->resamples = 0;
		source->idle = source->kind == MODEL_FORWARDED; /* when it was added */
		s->wishes[s->added[i]] = 0;
	}
}

static void move(struct session *s)
{
	size_t size = irqgate_core_save_size(s->core);
	void *saved = malloc(size);
	struct irqgate_core *other = make_core(&s->config);
	uint32_t gsi = 0;

	REQUIRE(saved && !irqgate_core_save(s->core, saved, size));
	for (uint32_t i = 0; i < s->sources; i++) {
		const struct model_source *source = &s->model.source[s->added[i]];

		s->handle[s->added[i]] = add_to(other, &s->effects, s->added[i], source->kind, source->gsi);
	}
	REQUIRE(!irqgate_core_restore(other, saved, size));
	free(saved);
	free(s->core);
	s->core = other;
	forget_counters(s);
	while (irqgate_core_restored(other, &gsi, &s->effects)) {
		model_restored(&s->model, gsi - 1);
		compare_effects(s);
	}
}

static void step(struct session *s)
{
	switch (draw(&s->chance, 16)) {
	case 0: case 1: case 2: case 3: case 4: step_source(s); break;
	case 5: case 6: case 7: case 8: case 9: write_entry(s); break;
	case 10: case 11: case 12: eoi(s); break;
	case 13: fail_send(s); break;
	case 14: retry(s); break;
	default:
		if (draw(&s->chance, 4))
			move(s);
		else
			reset(s);
		break;
	}
	compare(s);
}

static void begin(struct session *s)
{
	s->config = (struct irqgate_core_config){
		.size = sizeof(s->config), .sources = MODEL_SOURCES, .chips = MODEL_CHIPS,
		.policy = (enum irqgate_policy)draw(&s->chance, 3), .directed_eoi = draw(&s->chance, 2),
		.chip = { { .pins = PINS_0, .version = IRQGATE_IOAPIC_VERSION_20 },
			  { .pins = PINS_1, .gsi_base = GSI_1, .version = IRQGATE_IOAPIC_VERSION_11 } },
	};
	s->core = make_core(&s->config);
	s->model = (struct model){ .policy = (enum model_policy)s->config.policy };
	for (uint32_t gsi = 0; gsi < MODEL_LINES; gsi++) {
		struct model_line *line = &s->model.line[gsi];

		line->exists = gsi < PINS_0 || gsi >= GSI_1;
		line->chip = gsi >= GSI_1;
		line->entry = MASK;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct session s;

	if (!size)
		return 0;
	s = (struct session){ .chance = chance_from(data, size) };
	for (begin(&s); !chance_is_over(&s.chance);)
		step(&s);
	free(s.core);
	return 0;
}
