/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The format of the saved state; see format.h. */
#include "line/format.h"

void ig_format_header(struct ig_bytes *bytes, uint32_t *version, uint32_t *size)
{
	uint64_t magic = IG_FORMAT_MAGIC;

	ig_bytes_u64(bytes, &magic);
	ig_bytes_u32(bytes, version);
	ig_bytes_u32(bytes, size);
	bytes->bad |= magic != IG_FORMAT_MAGIC;
}

static void code_chip_config(struct ig_bytes *bytes, struct ig_ioapic *chip)
{
	ig_bytes_u32(bytes, &chip->pins);
	ig_bytes_u32(bytes, &chip->gsi_base);
	ig_bytes_u32(bytes, &chip->id_reset);
	ig_bytes_u8(bytes, &chip->version);
	ig_bytes_flag(bytes, &chip->extended_destinations);
}

void ig_format_config(struct ig_bytes *bytes, struct irqgate_core *core)
{
	ig_bytes_u32(bytes, &core->policy);
	ig_bytes_flag(bytes, &core->has_pic);
	ig_bytes_flag(bytes, &core->directed_eoi);
	ig_bytes_u32(bytes, &core->chips);
	for (uint32_t i = 0; i < core->chips && i < IRQGATE_CHIPS_MAX; i++)
		code_chip_config(bytes, &core->chip[i]);
}

static void code_pic_chip(struct ig_bytes *bytes, struct ig_pic_chip *chip)
{
	uint8_t *registers[] = {
		&chip->line, &chip->pulse, &chip->cascade, &chip->armed, &chip->elcr, &chip->imr, &chip->isr,
		&chip->frozen, &chip->icw1, &chip->icw2, &chip->icw4, &chip->step, &chip->lowest,
	};
	bool *flags[] = { &chip->rotate_aeoi, &chip->special_mask, &chip->poll, &chip->read_isr };

	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		ig_bytes_u8(bytes, registers[i]);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		ig_bytes_flag(bytes, flags[i]);
}

void ig_format_chips(struct ig_bytes *bytes, struct irqgate_core *core)
{
	for (uint32_t i = 0; i < core->chips; i++) {
		ig_bytes_u32(bytes, &core->chip[i].id);
		ig_bytes_u8(bytes, &core->chip[i].select);
	}
	if (!core->has_pic)
		return;
	code_pic_chip(bytes, &core->pic.master);
	code_pic_chip(bytes, &core->pic.slave);
}

static void code_message(struct ig_bytes *bytes, struct irqgate_message *message)
{
	ig_bytes_u64(bytes, &message->address);
	ig_bytes_u32(bytes, &message->data);
}

static void code_pin(struct ig_bytes *bytes, struct ig_pin *pin)
{
	ig_bytes_u64(bytes, &pin->rte);
	ig_bytes_u8(bytes, &pin->irr);
	ig_bytes_u8(bytes, &pin->ticket);
	ig_bytes_flag(bytes, &pin->level);
	ig_bytes_flag(bytes, &pin->undelivered);
	code_message(bytes, &pin->served);
}

static void code_source(struct ig_bytes *bytes, struct ig_saved_source *source)
{
	ig_bytes_u8(bytes, &source->kind);
	ig_bytes_flag(bytes, &source->asserted);
	ig_bytes_flag(bytes, &source->enabled);
	ig_bytes_flag(bytes, &source->listen);
	for (uint32_t i = 0; i < IRQGATE_NAME_SIZE; i++)
		ig_bytes_u8(bytes, (uint8_t *)&source->name[i]);
}

static void code_limit(struct ig_bytes *bytes, struct ig_saved_line *line)
{
	ig_bytes_flag(bytes, &line->opened);
	ig_bytes_u32(bytes, &line->spent);
	ig_bytes_u64(bytes, &line->since_release);
	ig_bytes_flag(bytes, &line->delayed);
	ig_bytes_u64(bytes, &line->delay_left);
	ig_bytes_flag(bytes, &line->held);
	ig_bytes_flag(bytes, &line->told);
	ig_bytes_u64(bytes, &line->hold_age);
}

/* Version 1 had nothing that depends on time: a line that could interrupt once has been unmasked. */
static void guess_limit(struct ig_saved_line *line)
{
	line->opened = !ig_rte_is_masked(line->pin.rte) || ig_route_has(&line->route.current);
}

void ig_format_line(struct ig_bytes *bytes, uint32_t version, struct ig_saved_line *line)
{
	code_pin(bytes, &line->pin);
	code_message(bytes, &line->route.current);
	code_message(bytes, &line->route.previous);
	ig_bytes_flag(bytes, &line->direct);
	ig_bytes_flag(bytes, &line->bound);
	if (version >= IG_FORMAT_WITH_TIME)
		code_limit(bytes, line);
	else
		guess_limit(line);
	ig_bytes_u8(bytes, &line->sources);
	for (uint32_t i = 0; i < line->sources && i < IRQGATE_LINE_SOURCES_MAX; i++)
		code_source(bytes, &line->source[i]);
}
