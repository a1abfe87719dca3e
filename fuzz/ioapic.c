/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Fuzz target: an IOAPIC of any size and version beside a model from the data sheet (82093AA, section 3;
 * ICH9, 13.5): an array of entries as the guest reads them. All registers are compared after each step.
 */
#include <string.h>

#include "chance.h"
#include "chip/ioapic.h"
#include "fuzz.h"

enum { WINDOW = 0x10, EOI = 0x40, FIRST_ENTRY = 0x10, REGISTERS = 0x100 };

/* Bits of an entry (82093AA 3.2.4), by their numbers there. */
#define BIT(n) (UINT64_C(1) << (n))
#define MODE(entry) ((entry) >> 8 & 7)
#define WRITABLE UINT64_C(0xff0000000001afff)
#define EXTENDED UINT64_C(0x00fe000000000000)

struct model {
	uint64_t entry[IRQGATE_PINS_MAX]; /* as read, remote IRR and delivery status included */
	bool level[IRQGATE_PINS_MAX];     /* of the input */
	uint32_t sent[IRQGATE_PINS_MAX];  /* tickets */
	uint32_t pins, version, id, select;
	bool extended;
};

struct chips {
	struct chance chance;
	struct ig_ioapic chip;
	struct ig_pin pin[IRQGATE_PINS_MAX];
	struct model model;
};

/* Only fixed and lowest-priority interrupts have a remote IRR. */
static bool is_level(uint64_t entry)
{
	return (entry & BIT(15)) && MODE(entry) < 2;
}

static bool is_masked(uint64_t entry)
{
	return entry & BIT(16);
}

static uint32_t model_register(const struct model *m, uint32_t index)
{
	uint32_t pin = (index - FIRST_ENTRY) / 2;

	if (index == 0 || index == 2)
		return m->id;
	if (index == 1)
		return m->version | (m->pins - 1) << 16;
	if (index < FIRST_ENTRY || pin >= m->pins)
		return 0;
	return (uint32_t)(index & 1 ? m->entry[pin] >> 32 : m->entry[pin]);
}

static void model_write_register(struct model *m, uint32_t value)
{
	uint32_t pin = (m->select - FIRST_ENTRY) / 2;
	uint64_t writable = WRITABLE | (m->extended ? EXTENDED : 0), half, wide = value;

	if (m->select == 0)
		m->id = value & 0x0f000000;
	if (m->select < FIRST_ENTRY || pin >= m->pins)
		return;
	half = m->select & 1 ? UINT64_C(0xffffffff00000000) : UINT64_C(0xffffffff);
	wide = m->select & 1 ? wide << 32 : wide;
	m->entry[pin] = (m->entry[pin] & ~(half & writable)) | (wide & half & writable);
	m->entry[pin] &= ~BIT(12);
}

static void write_offset(struct chips *c, uint64_t offset, uint32_t value)
{
	struct model *m = &c->model;
	struct ig_ioapic_written written;
	uint32_t pin = (m->select - FIRST_ENTRY) / 2;
	bool to_entry = offset == WINDOW && m->select >= FIRST_ENTRY && pin < m->pins;
	uint64_t before = to_entry ? m->entry[pin] : 0;

	ig_ioapic_write(&c->chip, c->pin, offset, value, &written);
	if (offset == 0)
		m->select = value & 0xff;
	else if (offset == WINDOW)
		model_write_register(m, value);
	REQUIRE((written.what == IG_WROTE_RTE) == to_entry);
	REQUIRE((written.what == IG_WROTE_EOI) == (offset == EOI && m->version == 0x20));
	REQUIRE(written.what != IG_WROTE_EOI || written.vector == (value & 0xff));
	if (!to_entry)
		return;
	REQUIRE(written.pin == pin && written.before == (before & (WRITABLE | EXTENDED)));
	REQUIRE(written.acked == ((before & BIT(14)) && !is_level(m->entry[pin])));
	if (written.acked) { /* the caller's part, as is any EOI */
		c->pin[pin].irr = IG_IRR_CLEAR;
		m->entry[pin] &= ~BIT(14);
	}
}

static bool model_drive(struct model *m, uint32_t pin, bool level)
{
	uint64_t *entry = &m->entry[pin];
	bool rises = level && !m->level[pin], sends;

	m->level[pin] = level;
	*entry &= ~BIT(12);
	if (is_masked(*entry))
		return false;
	sends = is_level(*entry) ? level && !(*entry & BIT(14)) : rises;
	if (sends && is_level(*entry))
		*entry |= BIT(14);
	return sends;
}

static void drive(struct chips *c, uint32_t pin, bool level)
{
	bool sends = model_drive(&c->model, pin, level);

	REQUIRE(ig_pin_drive(&c->pin[pin], level) == sends);
	if (!sends)
		return;
	c->model.sent[pin]++;
	if (is_level(c->model.entry[pin]))
		REQUIRE(ig_rte_message(c->pin[pin].rte).data >> 14 == 3 && c->pin[pin].served.address);
}

/* No LAPIC took the newest message, or an older one. */
static void fail_send(struct chips *c, uint32_t pin, bool newest)
{
	struct model *m = &c->model;
	bool counts = newest && (m->entry[pin] & BIT(14));

	REQUIRE(ig_pin_send_failed(&c->pin[pin], (m->sent[pin] - !newest) & 0xff) == counts);
	if (counts)
		m->entry[pin] = (m->entry[pin] & ~BIT(14)) | BIT(12);
}

static void check(const struct chips *c, uint32_t offset)
{
	struct ig_ioapic chip = c->chip;

	REQUIRE(ig_ioapic_read(&chip, c->pin, 0) == c->model.select);
	REQUIRE(ig_ioapic_read(&chip, c->pin, WINDOW) == model_register(&c->model, c->model.select));
	if (offset != 0 && offset != WINDOW)
		REQUIRE(ig_ioapic_read(&chip, c->pin, offset) == 0);
	for (uint32_t index = 0; index < REGISTERS; index++) {
		chip.select = (uint8_t)index;
		REQUIRE(ig_ioapic_read(&chip, c->pin, WINDOW) == model_register(&c->model, index));
	}
	for (uint32_t pin = 0; pin < c->model.pins; pin++)
		REQUIRE(ig_pin_is_valid(&c->chip, &c->pin[pin]));
}

static uint32_t draw_value(struct chance *chance)
{
	uint32_t high = draw(chance, 0x10000);

	return high << 16 | draw(chance, 0x10000);
}

static void step(struct chips *c)
{
	static const uint32_t offsets[] = { 0, 0, WINDOW, WINDOW, WINDOW, EOI, 4, 0x20 };
	uint32_t offset = offsets[draw(&c->chance, sizeof(offsets) / sizeof(offsets[0]))];
	uint32_t pin = draw(&c->chance, c->model.pins);

	switch (draw(&c->chance, 8)) {
	case 0: case 1: drive(c, pin, true); break;
	case 2: drive(c, pin, false); break;
	case 3: fail_send(c, pin, draw(&c->chance, 4)); break;
	case 4: /* an EOI, which is the caller's to match */
		c->pin[pin].irr = IG_IRR_CLEAR;
		c->model.entry[pin] &= ~BIT(14);
		break;
	case 5: /* the usual way to an entry */
		write_offset(c, 0, FIRST_ENTRY + 2 * pin + draw(&c->chance, 2));
		write_offset(c, WINDOW, draw_value(&c->chance));
		break;
	default: write_offset(c, offset, draw_value(&c->chance)); break;
	}
	check(c, offset);
}

static void begin(struct chips *c)
{
	struct irqgate_chip config = {
		.pins = 1 + draw(&c->chance, IRQGATE_PINS_MAX),
		.id = (uint8_t)draw(&c->chance, 16),
		.version = draw(&c->chance, 2) ? IRQGATE_IOAPIC_VERSION_11 : IRQGATE_IOAPIC_VERSION_20,
		.extended_destinations = draw(&c->chance, 2),
	};

	ig_ioapic_init(&c->chip, &config);
	c->model = (struct model){ .pins = config.pins, .version = config.version,
				   .id = (uint32_t)config.id << 24, .extended = config.extended_destinations };
	for (uint32_t pin = 0; pin < config.pins; pin++) {
		ig_pin_reset(&c->pin[pin]);
		c->model.entry[pin] = BIT(16);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chips c = { .chance = chance_from(data, size) };

	if (!size)
		return 0;
	for (begin(&c); !chance_is_over(&c.chance);)
		step(&c);
	return 0;
}
