/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A core for a test; see machine.h. */
#include "machine.h"

#include <errno.h>
#include <stdlib.h>

#include <irqgate/core.h>

void machine_open_config(struct machine *machine, const struct irqgate_core_config *config)
{
	*machine = (struct machine){ .bytes = irqgate_core_size(config) };
	machine->memory = malloc(machine->bytes);
	assert_non_null(machine->memory);
	assert_int_equal(irqgate_core_init(machine->memory, machine->bytes, config, &machine->core), 0);
}

void machine_open_chip(struct machine *machine, const struct irqgate_chip *chip)
{
	struct irqgate_core_config config = {
		.size = sizeof(config), .sources = SOURCES, .chips = 1, .chip = { *chip },
	};

	machine_open_config(machine, &config);
}

void machine_open(struct machine *machine, enum irqgate_policy policy)
{
	struct irqgate_core_config config = {
		.size = sizeof(config), .policy = policy, .sources = SOURCES, .chips = 1, .chip = { { .pins = PINS } },
	};

	machine_open_config(machine, &config);
}

void machine_close(struct machine *machine)
{
	free(machine->memory);
}

irqgate_source machine_open_with(struct machine *machine, enum irqgate_policy policy, bool direct, uint64_t rte)
{
	irqgate_source source;

	machine_open(machine, policy);
	source = machine_add(machine, PIN, IRQGATE_SOURCE_FORWARDED, direct);
	machine_program(machine, PIN, rte);
	return source;
}

static void see_source(struct machine *machine, irqgate_source source)
{
	struct irqgate_wish wish;

	assert_int_equal(irqgate_core_wish(machine->core, source, &wish), 0);
	assert_true(wish.version > 0);
	if (wish.listen)
		machine->seen.listen[machine->seen.listens++] = source;
	else
		machine->seen.silence[machine->seen.silences++] = source;
}

void machine_see(struct machine *machine)
{
	assert_true(machine->effects.count <= IRQGATE_EFFECTS_MAX);
	assert_int_equal(machine->effects.intr, irqgate_core_pic_intr(machine->core));
	for (uint32_t i = 0; i < machine->effects.count; i++) {
		const struct irqgate_effect *effect = &machine->effects.effect[i];

		if (effect->kind == IRQGATE_EFFECT_SOURCE) {
			see_source(machine, effect->source);
			continue;
		}
		machine->seen.sends++;
		machine->seen.pin = effect->pin;
		machine->seen.ticket = effect->ticket;
		machine->seen.message = effect->message;
	}
}

void machine_forget(struct machine *machine)
{
	machine->seen = (struct seen){ 0 };
}

uint64_t machine_read_at(struct machine *machine, uint64_t offset, uint32_t bytes)
{
	struct irqgate_access access = { .offset = offset, .bytes = bytes, .chip = machine->chip };

	return irqgate_core_ioapic_read(machine->core, &access, IRQGATE_LAPIC_NOT_ASKED);
}

int machine_write_at(struct machine *machine, uint64_t offset, uint64_t value, uint32_t bytes)
{
	struct irqgate_access access = {
		.offset = offset, .value = value, .bytes = bytes, .chip = machine->chip, .write = true,
	};

	return irqgate_core_ioapic_write(machine->core, &access, IRQGATE_LAPIC_NOT_ASKED, &machine->effects);
}

static struct irqgate_access access_to(const struct machine *machine, uint64_t offset, uint32_t value, bool write)
{
	return (struct irqgate_access){
		.offset = offset, .value = value, .bytes = 4, .chip = machine->chip, .write = write,
	};
}

static void select_register(struct machine *machine, uint32_t reg)
{
	struct irqgate_access select = access_to(machine, IG_IOAPIC_IOREGSEL, reg, true);
	struct irqgate_effects none;

	irqgate_core_ioapic_write(machine->core, &select, IRQGATE_LAPIC_NOT_ASKED, &none);
	assert_int_equal(none.count, 0);
}

void machine_write_answered(struct machine *machine, uint32_t reg, uint32_t value, int answer)
{
	struct irqgate_access window = access_to(machine, IG_IOAPIC_IOWIN, value, true);

	machine_forget(machine);
	select_register(machine, reg);
	assert_int_equal(irqgate_core_ioapic_write(machine->core, &window, answer, &machine->effects), -1);
	machine_see(machine);
}

void machine_write(struct machine *machine, uint32_t reg, uint32_t value)
{
	machine_write_answered(machine, reg, value, IRQGATE_LAPIC_NOT_ASKED);
}

uint32_t machine_read_answered(struct machine *machine, uint32_t reg, int answer)
{
	struct irqgate_access window = access_to(machine, IG_IOAPIC_IOWIN, 0, false);

	select_register(machine, reg);
	return (uint32_t)irqgate_core_ioapic_read(machine->core, &window, answer);
}

uint32_t machine_read(struct machine *machine, uint32_t reg)
{
	return machine_read_answered(machine, reg, IRQGATE_LAPIC_NOT_ASKED);
}

bool machine_asks(struct machine *machine, uint32_t pin, uint32_t value)
{
	struct irqgate_access window = access_to(machine, IG_IOAPIC_IOWIN, value, true);
	struct irqgate_message asked[2];
	uint32_t count;

	select_register(machine, rte_low(pin));
	return irqgate_core_asks_lapic(machine->core, &window, asked, &count) >= 0;
}

uint32_t rte_low(uint32_t pin)
{
	return IG_IOAPIC_REDTBL + 2 * pin;
}

uint32_t rte_high(uint32_t pin)
{
	return rte_low(pin) + 1;
}

void machine_program(struct machine *machine, uint32_t pin, uint64_t rte)
{
	machine_write(machine, rte_high(pin), (uint32_t)(rte >> 32));
	machine_write(machine, rte_low(pin), (uint32_t)rte);
}

void machine_mask(struct machine *machine)
{
	machine_write(machine, rte_low(PIN), LEVEL | MASKED);
}

void machine_unmask(struct machine *machine)
{
	machine_write(machine, rte_low(PIN), LEVEL);
}

void machine_unmask_answered(struct machine *machine, int answer)
{
	machine_write_answered(machine, rte_low(PIN), LEVEL, answer);
}

bool machine_remote_irr(struct machine *machine, uint32_t pin)
{
	return machine_read(machine, rte_low(pin)) & IG_RTE_REMOTE_IRR;
}

uint32_t machine_eoi(struct machine *machine, uint8_t vector)
{
	uint32_t pin = 0, pins = 0;

	machine_forget(machine);
	for (; irqgate_core_eoi(machine->core, vector, &pin, &machine->effects); pins++)
		machine_see(machine);
	return pins;
}

uint32_t machine_ioapic_eoi(struct machine *machine, uint8_t vector)
{
	struct irqgate_access access = access_to(machine, IG_IOAPIC_EOI, vector, true);
	uint32_t pin = 0, pins = 0;

	machine_forget(machine);
	assert_int_equal(irqgate_core_ioapic_write(machine->core, &access, IRQGATE_LAPIC_NOT_ASKED, &machine->effects),
			 vector);
	assert_int_equal(machine->effects.count, 0);
	for (; irqgate_core_ioapic_eoi(machine->core, machine->chip, vector, &pin, &machine->effects); pins++)
		machine_see(machine);
	return pins;
}

void machine_out(struct machine *machine, uint16_t port, unsigned int value)
{
	struct irqgate_pic_access access = { .port = port, .write = true, .value = (uint8_t)value };

	machine_forget(machine);
	while (irqgate_core_pic_access(machine->core, &access, &machine->effects))
		machine_see(machine);
	machine_see(machine);
}

uint8_t machine_in(struct machine *machine, uint16_t port)
{
	struct irqgate_pic_access access = { .port = port };

	machine_forget(machine);
	while (irqgate_core_pic_access(machine->core, &access, &machine->effects))
		machine_see(machine);
	machine_see(machine);
	return access.value;
}

static uint16_t command_port(unsigned int irq)
{
	return irq < IG_PIC_INPUTS ? IG_PIC_MASTER_COMMAND : IG_PIC_SLAVE_COMMAND;
}

static uint8_t input_bit(unsigned int irq)
{
	return (uint8_t)(1U << irq % IG_PIC_INPUTS);
}

void machine_pic_mask(struct machine *machine, unsigned int irq)
{
	uint16_t data = command_port(irq) + 1;

	machine_out(machine, data, machine_in(machine, data) | input_bit(irq));
}

void machine_pic_unmask(struct machine *machine, unsigned int irq)
{
	uint16_t data = command_port(irq) + 1;

	machine_out(machine, data, machine_in(machine, data) & (uint8_t)~input_bit(irq));
}

/* The slave's last: it is the one that something is to be seen of. */
void machine_pic_eoi(struct machine *machine, unsigned int irq)
{
	if (irq >= IG_PIC_INPUTS)
		machine_out(machine, IG_PIC_MASTER_COMMAND, IG_OCW2_SPECIFIC_EOI | IG_PIC_CASCADE);
	machine_out(machine, command_port(irq), IG_OCW2_SPECIFIC_EOI | irq % IG_PIC_INPUTS);
}

static bool reads_set(struct machine *machine, unsigned int irq, unsigned int ocw3)
{
	machine_out(machine, command_port(irq), ocw3);
	return machine_in(machine, command_port(irq)) & input_bit(irq);
}

bool machine_pic_pending(struct machine *machine, unsigned int irq)
{
	return reads_set(machine, irq, IG_OCW3 | IG_OCW3_RR);
}

bool machine_pic_serves(struct machine *machine, unsigned int irq)
{
	return reads_set(machine, irq, IG_OCW3 | IG_OCW3_RR | IG_OCW3_RIS);
}

int machine_inta(struct machine *machine)
{
	bool intr = irqgate_core_pic_intr(machine->core);
	int vector;

	machine_forget(machine);
	vector = irqgate_core_pic_acknowledge(machine->core, &machine->effects);
	assert_int_equal(vector >= 0, intr);
	if (vector < 0) {
		assert_int_equal(vector, -EAGAIN);
		assert_int_equal(machine->effects.count, 0);
		return NO_VECTOR;
	}
	machine_see(machine);
	return vector - PAIR_BASE;
}

bool machine_intr(const struct machine *machine)
{
	return irqgate_core_pic_intr(machine->core);
}

static void init_chip(struct machine *machine, uint16_t command, unsigned int base, unsigned int icw4)
{
	machine_out(machine, command, IG_ICW1 | IG_ICW1_IC4);
	machine_out(machine, command + 1, base);
	machine_out(machine, command + 1, 0); /* ICW3: the cascade is wired */
	machine_out(machine, command + 1, icw4);
	machine_out(machine, command + 1, 0xff);
}

void machine_init_pair(struct machine *machine, unsigned int icw4)
{
	init_chip(machine, IG_PIC_MASTER_COMMAND, PAIR_BASE, icw4);
	init_chip(machine, IG_PIC_SLAVE_COMMAND, PAIR_BASE + IG_PIC_INPUTS, icw4);
	machine_out(machine, IG_PIC_MASTER_ELCR, 0xff);
	machine_out(machine, IG_PIC_SLAVE_ELCR, 0xff);
	machine_pic_unmask(machine, IG_PIC_CASCADE);
}

void machine_open_pair(struct machine *machine, enum irqgate_policy policy, unsigned int icw4)
{
	struct irqgate_core_config config = {
		.size = sizeof(config), .policy = policy, .sources = SOURCES, .chips = 1, .chip = { { .pins = PINS } },
		.pic = true,
	};

	machine_open_config(machine, &config);
	machine_init_pair(machine, icw4);
}

irqgate_source machine_add(struct machine *machine, uint32_t pin, enum irqgate_source_kind kind, bool direct)
{
	irqgate_source source = 0;

	machine_forget(machine);
	assert_int_equal(irqgate_core_add(machine->core, pin, kind, direct, "source", &source, &machine->effects), 0);
	assert_int_not_equal(source, 0);
	machine_see(machine);
	return source;
}

void machine_remove(struct machine *machine, irqgate_source source)
{
	machine_forget(machine);
	assert_int_equal(irqgate_core_remove(machine->core, source, &machine->effects), 0);
	machine_see(machine);
}

void machine_trigger(struct machine *machine, irqgate_source source)
{
	machine_forget(machine);
	assert_int_equal(irqgate_core_trigger(machine->core, source, &machine->effects), 0);
	machine_see(machine);
}

void machine_level(struct machine *machine, irqgate_source source, bool level)
{
	machine_forget(machine);
	assert_int_equal(irqgate_core_set_level(machine->core, source, level, &machine->effects), 0);
	machine_see(machine);
}

void machine_pulse(struct machine *machine, irqgate_source source)
{
	machine_forget(machine);
	assert_int_equal(irqgate_core_pulse(machine->core, source, &machine->effects), 0);
	machine_see(machine);
}

void machine_enable(struct machine *machine, irqgate_source source, bool enable)
{
	machine_forget(machine);
	assert_int_equal(irqgate_core_enable(machine->core, source, enable, &machine->effects), 0);
	machine_see(machine);
}

void machine_reset(struct machine *machine)
{
	uint32_t pin = 0;

	machine_forget(machine);
	while (irqgate_core_reset(machine->core, &pin, &machine->effects))
		machine_see(machine);
	assert_int_equal(pin, PINS);
}

void machine_retry(struct machine *machine)
{
	uint32_t pin = 0;

	machine_forget(machine);
	while (irqgate_core_retry(machine->core, &pin, &machine->effects))
		machine_see(machine);
}

struct irqgate_source_stats machine_stats(const struct machine *machine, irqgate_source source)
{
	struct irqgate_source_stats stats;

	assert_int_equal(irqgate_core_source_stats(machine->core, source, &stats), 0);
	return stats;
}

uint64_t machine_routes_version(const struct machine *machine)
{
	struct irqgate_route routes[2 * PINS];
	uint64_t version;

	assert_true(irqgate_core_routes(machine->core, routes, &version) <= 2 * PINS);
	return version;
}

bool machine_route(const struct machine *machine, uint32_t gsi, struct irqgate_message *message)
{
	struct irqgate_route routes[2 * PINS];
	uint64_t version;
	uint32_t count = irqgate_core_routes(machine->core, routes, &version);

	for (uint32_t i = 0; i < count; i++) {
		if (routes[i].gsi != gsi)
			continue;
		*message = routes[i].message;
		return true;
	}
	return false;
}
