/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The plain model; see model.h. */
#include "model.h"

#include <string.h>

/* Of an entry (82093AA 3.2.4). */
#define LEVEL  (UINT64_C(1) << 15)
#define MASKED (UINT64_C(1) << 16)
#define MODE(entry) ((entry) >> 8 & 7)

bool model_is_level(uint64_t entry)
{
	return (entry & LEVEL) && MODE(entry) < 2; /* the other modes are edges, whatever the bit says */
}

bool model_is_masked(uint64_t entry)
{
	return entry & MASKED;
}

bool model_line_level(const struct model *model, uint32_t gsi)
{
	for (int i = 0; i < MODEL_SOURCES; i++)
		if (model->source[i].kind && model->source[i].gsi == gsi && model->source[i].asserted)
			return true;
	return false;
}

void model_begin(struct model *model)
{
	memset(&model->effects, 0, sizeof(model->effects));
}

static void send(struct model *model, uint32_t gsi)
{
	struct model_line *line = &model->line[gsi];
	struct model_effects *effects = &model->effects;

	line->sends++;
	if (effects->sends < MODEL_SENDS) {
		effects->send[effects->sends].gsi = gsi;
		effects->send[effects->sends].entry = line->entry;
	}
	effects->sends++;
}

/* "A line that is asserted, unmasked and not in service leads to a delivery"; an edge when it rises. */
static void drive(struct model *model, uint32_t gsi, bool level)
{
	struct model_line *line = &model->line[gsi];
	bool rose = level && !line->level;

	line->level = level;
	line->undelivered = false;
	if (model_is_masked(line->entry))
		return;
	if (!model_is_level(line->entry)) {
		if (rose)
			send(model, gsi);
		return;
	}
	if (!level || line->in_service)
		return;
	line->in_service = true;
	line->served = (uint8_t)line->entry;
	line->message = line->entry;
	send(model, gsi);
}

static void settle(struct model *model, uint32_t gsi)
{
	drive(model, gsi, model_line_level(model, gsi));
}

static void wish(struct model *model, uint32_t source, bool listen)
{
	model->source[source].listen = listen;
	model->effects.wished[source] = true;
}

/* "All forwarded sources of a line are resampled together"; what they asserted drops. */
static void resample(struct model *model, uint32_t gsi)
{
	for (uint32_t i = 0; i < MODEL_SOURCES; i++) {
		struct model_source *source = &model->source[i];

		if (source->kind != MODEL_FORWARDED || source->gsi != gsi || !source->enabled)
			continue;
		if (source->asserted)
			source->resamples++;
		else
			source->idle++;
		source->asserted = false;
		wish(model, i, true);
	}
}

static bool forwarded_is_pending(const struct model *model, uint32_t gsi)
{
	for (int i = 0; i < MODEL_SOURCES; i++)
		if (model->source[i].kind == MODEL_FORWARDED && model->source[i].gsi == gsi && model->source[i].asserted)
			return true;
	return false;
}

void model_add(struct model *model, uint32_t source, enum model_kind kind, uint32_t gsi)
{
	model->source[source] = (struct model_source){ .kind = kind, .gsi = gsi, .enabled = true };
	if (kind != MODEL_FORWARDED)
		return;
	model->source[source].idle++;
	wish(model, source, true);
}

void model_remove(struct model *model, uint32_t source)
{
	model->source[source].kind = MODEL_NONE;
	settle(model, model->source[source].gsi);
}

void model_set_level(struct model *model, uint32_t source, bool level)
{
	model->source[source].asserted = level;
	settle(model, model->source[source].gsi);
}

void model_pulse(struct model *model, uint32_t source)
{
	drive(model, model->source[source].gsi, true);
	settle(model, model->source[source].gsi);
}

void model_trigger(struct model *model, uint32_t index)
{
	struct model_source *source = &model->source[index];

	source->triggers++;
	if (source->asserted || !source->enabled) {
		source->absorbed++;
		return;
	}
	source->asserted = true;
	settle(model, source->gsi);
}

void model_enable(struct model *model, uint32_t index, bool enable)
{
	struct model_source *source = &model->source[index];

	if (source->enabled == enable)
		return;
	source->enabled = enable;
	source->asserted = false;
	if (enable)
		source->idle++;
	wish(model, index, enable);
	settle(model, source->gsi);
}

/* "Asserted, EOI": armed if the pin is unmasked, else held. */
static void acked(struct model *model, uint32_t gsi)
{
	model->line[gsi].in_service = false;
	if (model->policy == MODEL_HOLD && model_is_masked(model->line[gsi].entry))
		return;
	resample(model, gsi);
}

static bool opens(uint64_t before, uint64_t now)
{
	return !model_is_masked(now) && (model_is_masked(before) || (model_is_level(now) && !model_is_level(before)));
}

/* "Held, unmask": armed. In service nothing changes, for the EOI is to come. */
static void opened(struct model *model, uint32_t gsi)
{
	if (model->line[gsi].in_service || model->policy == MODEL_EOI)
		return;
	if (model->policy == MODEL_HOLD || forwarded_is_pending(model, gsi))
		resample(model, gsi);
}

void model_write(struct model *model, uint32_t gsi, uint64_t entry)
{
	struct model_line *line = &model->line[gsi];
	uint64_t before = line->entry;

	line->entry = entry;
	line->undelivered = false;
	if (line->in_service && !model_is_level(entry))
		acked(model, gsi);
	else if (opens(before, entry))
		opened(model, gsi);
	settle(model, gsi);
}

uint32_t model_find_eoi(const struct model *model, uint32_t chip, uint8_t vector, uint32_t gsi)
{
	for (; gsi < MODEL_LINES; gsi++) {
		const struct model_line *line = &model->line[gsi];

		if (line->exists && line->in_service && line->served == vector &&
		    (chip == MODEL_CHIPS || chip == line->chip))
			break;
	}
	return gsi;
}

void model_eoi(struct model *model, uint32_t gsi)
{
	model->line[gsi].eois++;
	acked(model, gsi);
	settle(model, gsi);
}

void model_reset(struct model *model, uint32_t gsi)
{
	model->line[gsi].entry = MASKED;
	model->line[gsi].in_service = false;
	settle(model, gsi);
}

bool model_send_failed(struct model *model, uint32_t gsi)
{
	struct model_line *line = &model->line[gsi];

	if (!line->in_service)
		return false;
	line->in_service = false;
	line->undelivered = true;
	return true;
}

void model_retry(struct model *model, uint32_t gsi)
{
	settle(model, gsi);
}

void model_restored(struct model *model, uint32_t gsi)
{
	for (uint32_t i = 0; i < MODEL_SOURCES; i++)
		if (model->source[i].kind == MODEL_FORWARDED && model->source[i].gsi == gsi)
			wish(model, i, model->source[i].listen);
}
