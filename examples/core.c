/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The core without KVM: one oneshot interrupt, step by step. It prints what the world would have to do. */
#include <stdio.h>
#include <stdlib.h>

#include <irqgate/core.h>

enum { GSI = 16, VECTOR = 0x40, LEVEL = 1 << 15, MASKED = 1 << 16 };
enum { IOREGSEL = 0x00, IOWIN = 0x10, REDIRECTION = 0x10 + 2 * GSI };

static struct irqgate_core *core;
static struct irqgate_effects effects;

static void carry_out(const char *what)
{
	struct irqgate_wish wish;

	printf("%s:\n", what);
	for (uint32_t i = 0; i < effects.count; i++) {
		const struct irqgate_effect *effect = &effects.effect[i];

		if (effect->kind == IRQGATE_EFFECT_SEND)
			printf("  send vector 0x%02x\n", effect->message.data & 0xff);
		else if (!irqgate_core_wish(core, effect->source, &wish) && wish.listen)
			printf("  resample %s\n", irqgate_core_name(core, effect->source));
	}
}

static void write_entry(uint64_t low, const char *what)
{
	struct irqgate_access select = { .offset = IOREGSEL, .value = REDIRECTION, .bytes = 4, .write = true };
	struct irqgate_access entry = { .offset = IOWIN, .value = low, .bytes = 4, .write = true };

	irqgate_core_ioapic_write(core, &select, IRQGATE_LAPIC_NOT_ASKED, &effects);
	irqgate_core_ioapic_write(core, &entry, IRQGATE_LAPIC_NOT_ASKED, &effects);
	carry_out(what);
}

int main(void)
{
	struct irqgate_core_config config = {
		.size = sizeof(config), .chips = 1, .chip = { { .pins = 24 } }, .sources = 1
	};
	void *memory = malloc(irqgate_core_size(&config));
	irqgate_source card;
	uint32_t pin = 0;

	if (!memory || irqgate_core_init(memory, irqgate_core_size(&config), &config, &core) ||
	    irqgate_core_add(core, GSI, IRQGATE_SOURCE_FORWARDED, false, "card", &card, &effects))
		return 1;
	write_entry(LEVEL | VECTOR, "the guest unmasks");
	irqgate_core_trigger(core, card, &effects);
	carry_out("the card triggers");
	write_entry(LEVEL | VECTOR | MASKED, "the handler masks");
	while (irqgate_core_eoi(core, VECTOR, &pin, &effects))
		carry_out("the handler sends EOI: the gate stays shut");
	write_entry(LEVEL | VECTOR, "the thread has quieted the card, and unmasks");
	free(memory);
	return 0;
}
