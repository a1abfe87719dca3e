/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Fuzz target: restoring a saved state. The input is the state itself, or changes to a good one, with its
 * checksum mended or not. It is refused and nothing has changed; or it is the state from there on: saved
 * again it is a state that stays the same, and whatever guest and devices do then stays within the rules of a
 * call's effects.
 */
#include <string.h>

#include "chance.h"
#include "fuzz.h"
#include "line/bytes.h"
#include "saved.h"

enum { RAW, MENDED, CHANGED, KINDS, STEPS = 64 };

/* What follows CRC_BYTES before the end. */
static void mend(struct saved *saved)
{
	struct ig_bytes tail = { .write = saved->bytes, .size = saved->size, .at = saved->size - CRC_BYTES };
	struct ig_bytes length = { .write = saved->bytes, .size = saved->size, .at = SIZE_AT };
	uint32_t crc, size = (uint32_t)saved->size;

	ig_bytes_u32(&length, &size);
	crc = ig_bytes_crc(saved->bytes, saved->size - CRC_BYTES);
	ig_bytes_u32(&tail, &crc);
}

static void change(struct chance *chance, struct saved *saved)
{
	uint32_t changes = 1 + draw(chance, 16);

	while (changes-- && !chance_is_over(chance)) {
		uint32_t at = draw(chance, (uint32_t)saved->size);

		saved->bytes[at] = (unsigned char)draw(chance, 0x100);
	}
}

static void make(struct chance *chance, struct saved *saved)
{
	uint32_t kind = draw(chance, KINDS);

	if (kind == CHANGED) {
		change(chance, saved);
	} else {
		saved->size = chance->left < SAVED_MAX ? chance->left : SAVED_MAX;
		memcpy(saved->bytes, chance->bytes, saved->size);
		chance->left = 0;
	}
	if (kind != RAW && saved->size >= SIZE_AT + 2 * CRC_BYTES)
		mend(saved);
}

static void check_effects(const struct machine *m)
{
	REQUIRE(m->effects.count <= IRQGATE_EFFECTS_MAX);
}

static void step_sources(struct chance *chance, struct machine *m, const irqgate_source source[RICH_SOURCES])
{
	irqgate_source one = source[draw(chance, RICH_SOURCES)];

	switch (draw(chance, 4)) {
	case 0: irqgate_core_trigger(m->core, one, &m->effects); break;
	case 1: irqgate_core_set_level(m->core, one, draw(chance, 2), &m->effects); break;
	case 2: irqgate_core_pulse(m->core, one, &m->effects); break;
	default: irqgate_core_enable(m->core, one, draw(chance, 2), &m->effects); break;
	}
	check_effects(m);
}

static void step(struct chance *chance, struct machine *m, const irqgate_source source[RICH_SOURCES])
{
	uint32_t pin = draw(chance, PINS);

	switch (draw(chance, 6)) {
	case 0: machine_write(m, rte_low(pin), draw(chance, 0x20000)); break;
	case 1: machine_eoi(m, (uint8_t)draw(chance, 0x100)); break;
	case 2: write_port(m, (uint16_t)(IG_PIC_MASTER_COMMAND + draw(chance, 2)), draw(chance, 0x100)); break;
	case 3: irqgate_core_pic_acknowledge(m->core, &m->effects); break;
	case 4: machine_retry(m); break;
	default: step_sources(chance, m, source); break;
	}
	check_effects(m);
}

/* Each source of the machine can still be named, and each route is a message. */
static void live_on(struct chance *chance, struct machine *m, irqgate_source source[RICH_SOURCES])
{
	struct irqgate_route route[2 * 64];
	uint64_t version;
	uint32_t gsi = 0, count;

	while (irqgate_core_restored(m->core, &gsi, &m->effects))
		check_effects(m);
	for (int i = 0; i < STEPS && !chance_is_over(chance); i++)
		step(chance, m, source);
	REQUIRE(irqgate_core_gsis(m->core) <= 64);
	count = irqgate_core_routes(m->core, route, &version);
	for (uint32_t i = 0; i < count; i++)
		REQUIRE(route[i].message.address >> 20 == 0xfee);
	for (int i = 0; i < RICH_SOURCES; i++)
		REQUIRE(!irqgate_core_remove(m->core, source[i], &m->effects));
	for (gsi = 0; irqgate_core_reset(m->core, &gsi, &m->effects);)
		check_effects(m);
	machine_retry(m);
	for (uint32_t i = 0; i < irqgate_core_gsis(m->core); i++)
		REQUIRE(!irqgate_core_line_level(m->core, i));
}

static void check_refused(const struct machine *m, const void *before)
{
	REQUIRE(!memcmp(before, m->core, m->bytes));
}

/*
 * What can not be here (a path that a source can not take, time without a limit, what an older version had)
 * is gone after the first time. From then on nothing changes any more.
 */
static void check_restored(const struct machine *m)
{
	static struct saved again, third;
	struct machine other;
	irqgate_source source[RICH_SOURCES];

	save(m, &again);
	open_rich(&other, source);
	REQUIRE(!restore(&other, &again));
	save(&other, &third);
	REQUIRE(third.size == again.size && !memcmp(third.bytes, again.bytes, again.size));
	machine_close(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct saved saved;
	struct chance chance = chance_from(data, size);
	irqgate_source source[RICH_SOURCES];
	struct machine from, to;
	unsigned char *exact, *before;

	if (!size)
		return 0;
	save_rich(&from, source, &saved);
	machine_close(&from);
	open_rich(&to, source);
	make(&chance, &saved);
	exact = malloc(saved.size ? saved.size : 1); /* no byte beyond */
	before = malloc(to.bytes);
	REQUIRE(exact && before);
	memcpy(before, to.core, to.bytes);
	memcpy(exact, saved.bytes, saved.size);
	if (irqgate_core_restore(to.core, exact, saved.size)) {
		check_refused(&to, before);
	} else {
		check_restored(&to);
		live_on(&chance, &to, source);
	}
	free(before);
	free(exact);
	machine_close(&to);
	return 0;
}
