/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The core as one block of bytes: set-up, where things lie, and what can be asked of it. */
#include "line/core.h"

#include <errno.h>
#include <string.h>

#define HANDLE_INDEX_BITS 16
#define HANDLE_INDEX_MASK 0xffffU
#define ALIGNMENT         8U

static bool version_is_valid(uint8_t version)
{
	return !version || version == IRQGATE_IOAPIC_VERSION_11 || version == IRQGATE_IOAPIC_VERSION_20;
}

static bool chip_is_valid(const struct irqgate_chip *chip)
{
	return chip->pins >= 1 && chip->pins <= IRQGATE_PINS_MAX &&
	       chip->gsi_base <= IRQGATE_GSIS_MAX - chip->pins &&
	       chip->id <= IG_IOAPIC_ID_MASK >> IG_IOAPIC_ID_SHIFT && version_is_valid(chip->version);
}

static uint32_t end_of(const struct irqgate_chip *chip)
{
	return chip->gsi_base + chip->pins;
}

static bool overlaps(const struct irqgate_chip *a, const struct irqgate_chip *b)
{
	return a->gsi_base < end_of(b) && b->gsi_base < end_of(a);
}

static bool chips_are_valid(const struct irqgate_core_config *config)
{
	if (config->chips < 1 || config->chips > IRQGATE_CHIPS_MAX)
		return false;
	for (uint32_t i = 0; i < config->chips; i++) {
		if (!chip_is_valid(&config->chip[i]))
			return false;
		for (uint32_t j = 0; j < i; j++)
			if (overlaps(&config->chip[i], &config->chip[j]))
				return false;
	}
	return true;
}

static bool config_is_valid(const struct irqgate_core_config *config)
{
	return config->size == sizeof(*config) && config->policy <= IRQGATE_POLICY_UNMASK_RESAMPLE &&
	       config->sources >= 1 && config->sources <= IRQGATE_SOURCES_MAX && chips_are_valid(config);
}

static uint32_t count_gsis(const struct irqgate_core_config *config)
{
	uint32_t gsis = 0;

	for (uint32_t i = 0; i < config->chips; i++)
		if (end_of(&config->chip[i]) > gsis)
			gsis = end_of(&config->chip[i]);
	return gsis;
}

/* Takes room for count things of a size from *end on. */
static uint32_t take(uint32_t *end, uint32_t count, size_t size)
{
	uint32_t at = *end;

	*end = (at + count * (uint32_t)size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	return at;
}

/* Where the arrays of this configuration lie. Returns the bytes of the whole. */
static uint32_t lay_out(const struct irqgate_core_config *config, struct irqgate_core *core)
{
	uint32_t end = (sizeof(*core) + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	uint32_t gsis = count_gsis(config);

	core->pin_at = take(&end, gsis, sizeof(struct ig_pin));
	core->line_at = take(&end, gsis, sizeof(struct ig_line));
	core->limit_at = take(&end, gsis, sizeof(struct ig_limit));
	core->route_at = take(&end, gsis, sizeof(struct ig_route));
	core->source_at = take(&end, config->sources, sizeof(struct ig_source));
	core->service_at = take(&end, gsis, IG_SERVICE_LISTS * sizeof(struct ig_service));
	core->first_served_at = take(&end, IG_VECTORS, sizeof(uint16_t));
	core->line_stats_at = take(&end, gsis, sizeof(struct irqgate_line_stats));
	core->source_stats_at = take(&end, config->sources, sizeof(struct irqgate_source_stats));
	return end;
}

size_t irqgate_core_size(const struct irqgate_core_config *config)
{
	struct irqgate_core scratch;

	return config_is_valid(config) ? lay_out(config, &scratch) : 0;
}

static void make_line(struct irqgate_core *core, uint32_t gsi)
{
	struct ig_line *line = ig_core_line(core, gsi);

	ig_pin_reset(ig_core_pin(core, gsi));
	line->first = IG_NO_SOURCE;
	line->chip = IG_NO_CHIP;
}

static void make_chip(struct irqgate_core *core, uint32_t chip, const struct irqgate_chip *config)
{
	ig_ioapic_init(&core->chip[chip], config);
	for (uint32_t gsi = config->gsi_base; gsi < end_of(config); gsi++)
		ig_core_line(core, gsi)->chip = (uint8_t)chip;
}

/* The cast takes const away: what is const for a caller is so by the signature of the public function. */
static void *at(const struct irqgate_core *core, uint32_t offset)
{
	return (unsigned char *)(uintptr_t)core + offset;
}

static struct ig_source *source_at(const struct irqgate_core *core, uint32_t index)
{
	return (struct ig_source *)at(core, core->source_at) + index;
}

int irqgate_core_init(void *memory, size_t bytes, const struct irqgate_core_config *config, struct irqgate_core **core)
{
	struct irqgate_core *made = memory;

	if (!config_is_valid(config))
		return -EINVAL;
	if (bytes < irqgate_core_size(config))
		return -ENOSPC;
	memset(memory, 0, irqgate_core_size(config));
	lay_out(config, made);
	made->next_time = IRQGATE_NEVER;
	made->policy = config->policy;
	made->sources = config->sources;
	made->gsis = count_gsis(config);
	made->chips = config->chips;
	made->has_pic = config->pic;
	made->directed_eoi = config->directed_eoi;
	ig_pic_init(&made->pic);
	for (uint32_t gsi = 0; gsi < made->gsis; gsi++)
		make_line(made, gsi);
	for (uint32_t chip = 0; chip < config->chips; chip++)
		make_chip(made, chip, &config->chip[chip]);
	for (uint32_t vector = 0; vector < IG_VECTORS; vector++)
		*ig_core_first_served(made, (uint8_t)vector) = IG_NO_GSI;
	for (uint32_t i = 0; i < config->sources; i++)
		source_at(made, i)->generation = 1;
	*core = made;
	return 0;
}

struct ig_ioapic *ig_core_chip(const struct irqgate_core *core, uint32_t chip)
{
	return (struct ig_ioapic *)at(core, offsetof(struct irqgate_core, chip)) + chip;
}

bool ig_core_has(const struct irqgate_core *core, uint32_t gsi)
{
	return gsi < core->gsis && ig_core_line(core, gsi)->chip != IG_NO_CHIP;
}

bool ig_core_feeds_pic(const struct irqgate_core *core, uint32_t gsi)
{
	return core->has_pic && gsi < IG_PIC_IRQS && gsi != IG_PIC_CASCADE && ig_core_has(core, gsi);
}

struct ig_pic *ig_core_pic(const struct irqgate_core *core)
{
	return at(core, offsetof(struct irqgate_core, pic));
}

uint32_t irqgate_core_gsis(const struct irqgate_core *core)
{
	return core->gsis;
}

struct ig_pin *ig_core_pin(const struct irqgate_core *core, uint32_t gsi)
{
	return (struct ig_pin *)at(core, core->pin_at) + gsi;
}

struct ig_line *ig_core_line(const struct irqgate_core *core, uint32_t gsi)
{
	return (struct ig_line *)at(core, core->line_at) + gsi;
}

struct ig_limit *ig_core_limit(const struct irqgate_core *core, uint32_t gsi)
{
	return (struct ig_limit *)at(core, core->limit_at) + gsi;
}

struct ig_route *ig_core_route(const struct irqgate_core *core, uint32_t gsi)
{
	return (struct ig_route *)at(core, core->route_at) + gsi;
}

struct ig_service *ig_core_service(const struct irqgate_core *core, uint32_t gsi)
{
	return (struct ig_service *)at(core, core->service_at) + (size_t)gsi * IG_SERVICE_LISTS;
}

uint16_t *ig_core_first_served(const struct irqgate_core *core, uint8_t vector)
{
	return (uint16_t *)at(core, core->first_served_at) + vector;
}

struct irqgate_line_stats *ig_core_line_stats(const struct irqgate_core *core, uint32_t gsi)
{
	return (struct irqgate_line_stats *)at(core, core->line_stats_at) + gsi;
}

struct ig_source *ig_core_source(const struct irqgate_core *core, uint16_t index)
{
	return index == IG_NO_SOURCE ? NULL : source_at(core, index);
}

static uint16_t index_of(const struct irqgate_core *core, const struct ig_source *source)
{
	return (uint16_t)(source - source_at(core, 0));
}

struct irqgate_source_stats *ig_core_source_stats(const struct irqgate_core *core, const struct ig_source *source)
{
	return (struct irqgate_source_stats *)at(core, core->source_stats_at) + index_of(core, source);
}

struct ig_source *ig_core_find(const struct irqgate_core *core, irqgate_source handle)
{
	uint32_t index = handle & HANDLE_INDEX_MASK;
	struct ig_source *source;

	if (index >= core->sources)
		return NULL;
	source = source_at(core, index);
	return source->used && source->generation == handle >> HANDLE_INDEX_BITS ? source : NULL;
}

irqgate_source ig_core_handle(const struct irqgate_core *core, const struct ig_source *source)
{
	return (irqgate_source)source->generation << HANDLE_INDEX_BITS | index_of(core, source);
}

void ig_core_routes_changed(struct irqgate_core *core, uint32_t gsi)
{
	ig_core_line(core, gsi)->routes_version = ++core->routes_version;
}

void ig_core_all_routes_changed(struct irqgate_core *core)
{
	core->routes_version++;
	for (uint32_t gsi = 0; gsi < core->gsis; gsi++)
		ig_core_line(core, gsi)->routes_version = core->routes_version;
}

void ig_effects_begin(const struct irqgate_core *core, struct irqgate_effects *effects)
{
	effects->count = 0;
	effects->diagnosed = 0;
	effects->diagnosed_gsi = 0;
	ig_effects_end(core, IG_NO_LINE, effects);
}

void ig_effects_end(const struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects)
{
	effects->intr = irqgate_core_pic_intr(core);
	effects->routes_version = gsi == IG_NO_LINE ? 0 : ig_core_line(core, gsi)->routes_version;
	effects->next_time = core->next_time;
}

int irqgate_core_wish(const struct irqgate_core *core, irqgate_source handle, struct irqgate_wish *wish)
{
	const struct ig_source *source = ig_core_find(core, handle);

	if (!source)
		return -ENOENT;
	*wish = (struct irqgate_wish){ .listen = source->listen, .answered = source->answered, .version = source->wish,
				       .routes_version = ig_core_line(core, source->gsi)->routes_version };
	return 0;
}

uint64_t irqgate_core_epoch(const struct irqgate_core *core, uint32_t gsi)
{
	return ig_core_has(core, gsi) ? ig_core_line(core, gsi)->epoch : 0;
}

bool irqgate_core_enabled(const struct irqgate_core *core, irqgate_source handle)
{
	const struct ig_source *source = ig_core_find(core, handle);

	return source && source->enabled;
}

bool irqgate_core_bound(const struct irqgate_core *core, irqgate_source handle)
{
	const struct ig_source *source = ig_core_find(core, handle);

	return source && ig_core_line(core, source->gsi)->bound;
}

uint32_t irqgate_core_routes(const struct irqgate_core *core, struct irqgate_route *route, uint64_t *version)
{
	*version = core->routes_version;
	return ig_route_table(ig_core_route(core, 0), core->gsis, route);
}

int irqgate_core_source_stats(const struct irqgate_core *core, irqgate_source handle,
			      struct irqgate_source_stats *stats)
{
	const struct ig_source *source = ig_core_find(core, handle);

	if (!source)
		return -ENOENT;
	*stats = *ig_core_source_stats(core, source);
	return 0;
}

int irqgate_core_line_stats(const struct irqgate_core *core, uint32_t gsi, struct irqgate_line_stats *stats)
{
	if (!ig_core_has(core, gsi))
		return -EINVAL;
	*stats = *ig_core_line_stats(core, gsi);
	return 0;
}

const char *irqgate_core_name(const struct irqgate_core *core, irqgate_source handle)
{
	const struct ig_source *source = ig_core_find(core, handle);

	return source ? source->name : "";
}

size_t irqgate_core_state_size(const struct irqgate_core *core)
{
	return core->line_stats_at;
}
