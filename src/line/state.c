/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state of a core as bytes that are the same on every machine (docs/state.md), and back. What is to be
 * restored is read twice: it is looked at as a whole before anything is changed. Counters, handles and
 * versions are the machine's own; which lines an EOI may be for follows from the rest. Caller serialises.
 */
#include <errno.h>
#include <string.h>

#include "line/bytes.h"
#include "line/core.h"
#include "line/format.h"
#include "line/gate.h"
#include "line/limits.h"
#include "line/watch.h"

#define CRC_BYTES 4U

/* A message: what does not vary of its address, above the destination; the bits of its data (SDM vol. 3, 11.11). */
#define MSI_ADDRESS_FIXED       0xfeeU
#define MSI_ADDRESS_FIXED_SHIFT 20
#define MSI_DATA_BITS           0xc7ffU

/* Saving. */

/* A forwarded source that nothing has been wanted of yet may trigger. */
static bool is_listened_to(const struct ig_source *source)
{
	return source->listen || (source->kind == IRQGATE_SOURCE_FORWARDED && source->enabled && !source->wish);
}

static void take_limit(const struct irqgate_core *core, uint32_t gsi, struct ig_saved_line *line)
{
	const struct ig_limit *limit = ig_core_limit(core, gsi);

	line->opened = ig_core_line(core, gsi)->opened;
	line->spent = limit->spent;
	if (limit->guard.budget)
		line->since_release = core->now - limit->released;
	line->delayed = limit->delayed;
	if (limit->delayed && limit->due > core->now)
		line->delay_left = limit->due - core->now;
	line->held = limit->is_held;
	line->told = limit->told;
	if (limit->is_held)
		line->hold_age = core->now - limit->held;
}

static void take_line(const struct irqgate_core *core, uint32_t gsi, struct ig_saved_line *line)
{
	*line = (struct ig_saved_line){
		.pin = *ig_core_pin(core, gsi),
		.route = *ig_core_route(core, gsi),
		.direct = ig_core_line(core, gsi)->direct,
		.bound = ig_core_line(core, gsi)->bound,
	};
	if (line->pin.irr != IG_IRR_SET) /* history */
		line->pin.served = (struct irqgate_message){ 0 };
	take_limit(core, gsi, line);
	ig_for_each_source(core, gsi, source) {
		struct ig_saved_source *saved = &line->source[line->sources++];

		*saved = (struct ig_saved_source){
			.kind = source->kind,
			.asserted = source->asserted,
			.enabled = source->enabled,
			.listen = is_listened_to(source),
		};
		memcpy(saved->name, source->name, sizeof(saved->name));
	}
}

static void write_state(const struct irqgate_core *core, uint32_t size, struct ig_bytes *bytes)
{
	struct irqgate_core head = *core;
	uint32_t version = IG_FORMAT_NEWEST;

	ig_format_header(bytes, &version, &size);
	ig_format_config(bytes, &head);
	ig_format_chips(bytes, &head);
	for (uint32_t gsi = 0; gsi < core->gsis; gsi++) {
		struct ig_saved_line line;

		if (!ig_core_has(core, gsi))
			continue;
		take_line(core, gsi, &line);
		ig_format_line(bytes, version, &line);
	}
}

size_t irqgate_core_save_size(const struct irqgate_core *core)
{
	struct ig_bytes bytes = { 0 };

	write_state(core, 0, &bytes);
	return bytes.at + CRC_BYTES;
}

int irqgate_core_save(const struct irqgate_core *core, void *buffer, size_t size)
{
	size_t needed = irqgate_core_save_size(core);
	struct ig_bytes bytes = { .write = buffer, .size = needed };
	uint32_t crc;

	if (size < needed)
		return -ENOSPC;
	write_state(core, (uint32_t)needed, &bytes);
	crc = ig_bytes_crc(buffer, bytes.at);
	ig_bytes_u32(&bytes, &crc);
	return 0;
}

/* Looking at what is to be restored. */

static bool message_is_valid(const struct irqgate_message *message)
{
	if (!ig_route_has(message))
		return !message->data;
	return message->address >> MSI_ADDRESS_FIXED_SHIFT == MSI_ADDRESS_FIXED && !(message->data & ~MSI_DATA_BITS);
}

/* A name ends with a NUL, and after it there is nothing. */
static bool name_is_valid(const char *name)
{
	bool ended = false;

	for (uint32_t i = 0; i < IRQGATE_NAME_SIZE; i++) {
		if (ended && name[i])
			return false;
		ended |= !name[i];
	}
	return ended;
}

static bool source_is_valid(const struct ig_saved_source *source)
{
	if (source->kind > IRQGATE_SOURCE_FORWARDED || !name_is_valid(source->name))
		return false;
	if (source->asserted && (source->kind == IRQGATE_SOURCE_EDGE || !source->enabled))
		return false;
	return source->kind == IRQGATE_SOURCE_FORWARDED || (source->enabled && !source->listen);
}

static bool path_is_valid(const struct irqgate_core *core, const struct ig_saved_line *line)
{
	if (!line->direct)
		return !line->bound;
	return core->policy == IRQGATE_POLICY_HOLD && line->sources == 1 &&
	       line->source[0].kind == IRQGATE_SOURCE_FORWARDED;
}

static bool limit_is_valid(const struct ig_saved_line *line)
{
	if (!line->delayed && line->delay_left)
		return false;
	return line->held || (!line->told && !line->hold_age);
}

static bool line_is_valid(const struct irqgate_core *core, uint32_t gsi, const struct ig_saved_line *line)
{
	const struct ig_ioapic *chip = ig_core_chip(core, ig_core_line(core, gsi)->chip);

	if (!ig_pin_is_valid(chip, &line->pin) || !message_is_valid(&line->pin.served) ||
	    !message_is_valid(&line->route.current) || !message_is_valid(&line->route.previous))
		return false;
	if (ig_route_has(&line->pin.served) != (line->pin.irr == IG_IRR_SET))
		return false;
	if (line->sources > IRQGATE_LINE_SOURCES_MAX || !path_is_valid(core, line) || !limit_is_valid(line))
		return false;
	for (uint32_t i = 0; i < line->sources; i++)
		if (!source_is_valid(&line->source[i]))
			return false;
	return true;
}

static bool is_named(const struct ig_saved_source *saved, uint8_t kind, const char *name)
{
	return saved->kind == kind && !memcmp(saved->name, name, IRQGATE_NAME_SIZE);
}

/* The line's source of the same kind and name; of several, the one at the same place among them. Or NULL. */
static struct ig_source *find_source(const struct irqgate_core *core, uint32_t gsi, const struct ig_saved_line *line,
				     uint32_t index)
{
	const struct ig_saved_source *saved = &line->source[index];
	uint32_t before = 0;

	for (uint32_t i = 0; i < index; i++)
		before += is_named(&line->source[i], saved->kind, saved->name);
	ig_for_each_source(core, gsi, source)
		if (is_named(saved, source->kind, source->name) && !before--)
			return source;
	return NULL;
}

static bool sources_match(const struct irqgate_core *core, uint32_t gsi, const struct ig_saved_line *line)
{
	uint32_t sources = 0;

	ig_for_each_source(core, gsi, source)
		sources++;
	for (uint32_t i = 0; i < line->sources; i++)
		if (!find_source(core, gsi, line, i))
			return false;
	return sources == line->sources;
}

static bool same_chip(const struct ig_ioapic *a, const struct ig_ioapic *b)
{
	return a->pins == b->pins && a->gsi_base == b->gsi_base && a->id_reset == b->id_reset &&
	       a->version == b->version && a->extended_destinations == b->extended_destinations;
}

static bool same_config(const struct irqgate_core *a, const struct irqgate_core *b)
{
	if (a->policy != b->policy || a->has_pic != b->has_pic || a->directed_eoi != b->directed_eoi ||
	    a->chips != b->chips)
		return false;
	for (uint32_t i = 0; i < a->chips; i++)
		if (!same_chip(&a->chip[i], &b->chip[i]))
			return false;
	return true;
}

/* Restoring. */

static void put_head(struct irqgate_core *core, const struct irqgate_core *head)
{
	for (uint32_t i = 0; i < core->chips; i++) {
		core->chip[i].id = head->chip[i].id;
		core->chip[i].select = head->chip[i].select;
	}
	core->pic = head->pic;
	ig_core_all_routes_changed(core);
}

/* What the core's own guard and limit make of it: without a guard a line that was delayed goes on at once. */
static void put_limit(struct irqgate_core *core, uint32_t gsi, const struct ig_saved_line *saved)
{
	struct ig_limit *limit = ig_core_limit(core, gsi);
	bool guarded = limit->guard.budget;

	ig_core_line(core, gsi)->opened = saved->opened;
	limit->spent = guarded ? saved->spent : 0;
	limit->released = guarded && saved->since_release < core->now ? core->now - saved->since_release : 0;
	limit->delayed = saved->delayed;
	limit->due = saved->delayed ? ig_limit_later(core, guarded ? saved->delay_left : 0) : 0;
	limit->is_held = saved->held && core->hold_limit;
	limit->told = limit->is_held && saved->told;
	limit->held = limit->is_held && saved->hold_age < core->now ? core->now - saved->hold_age : 0;
	if (limit->delayed || limit->is_held)
		ig_limit_schedule(core, core->now);
}

/* A source that the kernel could not forward here takes the userspace path, where it need not be silent. */
static void put_line(struct irqgate_core *core, uint32_t gsi, const struct ig_saved_line *saved)
{
	struct ig_line *line = ig_core_line(core, gsi);
	bool unbound;

	*ig_core_pin(core, gsi) = saved->pin;
	*ig_core_route(core, gsi) = saved->route;
	line->epoch++;
	line->direct = line->direct && saved->direct;
	line->bound = line->direct && saved->bound;
	unbound = saved->bound && !line->bound;
	for (uint32_t i = 0; i < saved->sources; i++) {
		struct ig_source *source = find_source(core, gsi, saved, i);

		source->asserted = saved->source[i].asserted;
		source->enabled = saved->source[i].enabled;
		source->listen = saved->source[i].listen || (unbound && source->enabled);
		source->wish++;
	}
	ig_service_update(core, gsi);
	put_limit(core, gsi, saved);
}

/* Checks that this can be the state of the core's chips. */
static int read_head(struct ig_bytes *bytes, const struct irqgate_core *core, struct irqgate_core *head,
		     uint32_t *version)
{
	uint32_t size;

	*head = *core;
	ig_format_header(bytes, version, &size);
	ig_format_config(bytes, head);
	if (bytes->bad)
		return -EBADMSG;
	if (!same_config(head, core))
		return -EINVAL;
	ig_format_chips(bytes, head);
	for (uint32_t i = 0; i < head->chips; i++)
		bytes->bad |= head->chip[i].id & ~IG_IOAPIC_ID_MASK;
	return bytes->bad || !ig_pic_is_valid(&head->pic) ? -EBADMSG : 0;
}

static int read_line(struct ig_bytes *bytes, uint32_t version, const struct irqgate_core *core, uint32_t gsi,
		     struct ig_saved_line *line)
{
	*line = (struct ig_saved_line){ 0 };
	ig_format_line(bytes, version, line);
	if (bytes->bad || !line_is_valid(core, gsi, line))
		return -EBADMSG;
	return sources_match(core, gsi, line) ? 0 : -ENODEV;
}

/* Looks at the whole, or (as this was done before) puts it into the core. */
static int read_state(struct ig_bytes *bytes, struct irqgate_core *core, bool put)
{
	struct irqgate_core head;
	uint32_t version;
	int error = read_head(bytes, core, &head, &version);

	if (error)
		return error;
	if (put)
		put_head(core, &head);
	for (uint32_t gsi = 0; gsi < core->gsis; gsi++) {
		struct ig_saved_line line;

		if (!ig_core_has(core, gsi))
			continue;
		error = read_line(bytes, version, core, gsi, &line);
		if (error)
			return error;
		if (put)
			put_line(core, gsi, &line);
	}
	return bytes->at == bytes->size ? 0 : -EBADMSG;
}

/* The frame, which is the same in every version. */
static int check_frame(const void *saved, size_t bytes)
{
	struct ig_bytes head = { .read = saved, .size = bytes }, tail;
	uint32_t version = 0, size = 0, crc = 0;

	ig_format_header(&head, &version, &size);
	if (head.bad || size != bytes || bytes < head.at + CRC_BYTES)
		return -EBADMSG;
	tail = (struct ig_bytes){ .read = saved, .size = bytes, .at = bytes - CRC_BYTES };
	ig_bytes_u32(&tail, &crc);
	if (crc != ig_bytes_crc(saved, bytes - CRC_BYTES))
		return -EBADMSG;
	return version >= IG_FORMAT_OLDEST && version <= IG_FORMAT_NEWEST ? 0 : -ENOTSUP;
}

int irqgate_core_restore(struct irqgate_core *core, const void *saved, size_t bytes)
{
	struct ig_bytes first, second;
	int error = check_frame(saved, bytes);

	if (error)
		return error;
	first = second = (struct ig_bytes){ .read = saved, .size = bytes - CRC_BYTES };
	error = read_state(&first, core, false);
	return error ? error : read_state(&second, core, true);
}

bool irqgate_core_restored(struct irqgate_core *core, uint32_t *gsi, struct irqgate_effects *effects)
{
	ig_effects_begin(core, effects);
	while (*gsi < core->gsis && !ig_core_has(core, *gsi))
		++*gsi;
	if (*gsi >= core->gsis)
		return false;
	if (ig_limit_is_over(core, *gsi)) /* the guard of where it was saved delayed it, and here there is none */
		ig_gate_resume(core, *gsi, effects);
	else
		ig_gate_restored(core, *gsi, effects);
	ig_watch_look(core, *gsi, effects);
	ig_effects_end(core, *gsi, effects);
	++*gsi;
	return true;
}
