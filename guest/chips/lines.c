/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The line of a device that is forwarded (irqgate's built-in one; QEMU's edu has the same registers): an
 * event is an interrupt, whatever the order of mask, EOI, quieting and unmask. A test port shares the line
 * in the last tests.
 */
#include <stddef.h>

#include "chips.h"

#define EVENTS 20
#define BIT 1
#define PIC_IRQS 16

static uint32_t pin;
static volatile uint32_t quiet; /* interrupts that found nothing to do */

static const char *no_device(void)
{
	if (!device_find())
		return "there is no device that interrupts (edu, or irqgate's)";
	pin = device_irq();
	if (pin >= ioapic_pins())
		return "the device's interrupt line register names no pin";
	device_ack(device_status());
	quiet = 0;
	return NULL;
}

#define require_device()                      \
	do {                                  \
		const char *why = no_device(); \
		if (why)                      \
			skip(why);            \
	} while (0)

static void quiets_and_ends_it(uint32_t vector)
{
	uint32_t status = device_status();

	quiet += !status;
	device_ack(status);
	ends_it(vector);
}

static void masks_and_ends_it(uint32_t vector)
{
	entry_set_low(pin, LEVEL | RTE_MASKED);
	quiet += !device_status();
	ends_it(vector);
}

static void plain_event_is_an_interrupt(void)
{
	require_device();
	take_with(VECTOR, quiets_and_ends_it);
	entry_set(pin, LEVEL, target);
	for (uint32_t i = 1; i <= EVENTS; i++) {
		device_raise(BIT);
		require(came(VECTOR, i));
	}
	require(!quiet);
}

static void oneshot_event_is_an_interrupt(void)
{
	require_device();
	take_with(VECTOR, masks_and_ends_it);
	entry_set(pin, LEVEL, target);
	for (uint32_t i = 1; i <= EVENTS; i++) {
		device_raise(BIT);
		require(came(VECTOR, i));
		device_ack(BIT);
		entry_set_low(pin, LEVEL);
	}
	require(came(VECTOR, EVENTS));
	require(!quiet);
}

static void oneshot_event_that_is_not_quieted_comes_again(void)
{
	require_device();
	take_with(VECTOR, masks_and_ends_it);
	entry_set(pin, LEVEL, target);
	device_raise(BIT);
	for (uint32_t i = 1; i <= EVENTS; i++) {
		require(came(VECTOR, i));
		entry_set_low(pin, LEVEL);
	}
	require(came(VECTOR, EVENTS + 1));
	device_ack(BIT);
	entry_set_low(pin, LEVEL);
	require(came(VECTOR, EVENTS + 1));
}

static void event_while_masked_comes_at_the_unmask(void)
{
	require_device();
	take_with(VECTOR, quiets_and_ends_it);
	entry_set(pin, LEVEL | RTE_MASKED, target);
	for (uint32_t i = 1; i <= EVENTS; i++) {
		device_raise(BIT);
		require(came(VECTOR, i - 1));
		entry_set_low(pin, LEVEL);
		require(came(VECTOR, i));
		entry_set_low(pin, LEVEL | RTE_MASKED);
	}
	require(!quiet);
}

static void event_that_goes_away_while_masked_is_forgotten(void)
{
	require_device();
	take_with(VECTOR, quiets_and_ends_it);
	entry_set(pin, LEVEL | RTE_MASKED, target);
	for (uint32_t i = 1; i <= EVENTS; i++) {
		device_raise(BIT);
		settle();
		device_ack(BIT);
		entry_set_low(pin, LEVEL);
		require(came(VECTOR, 0));
		entry_set_low(pin, LEVEL | RTE_MASKED);
	}
}

/* Each event at another processor, and by another vector. */
static void entry_moves_between_events(void)
{
	require_device();
	for (uint32_t i = 0; i < EVENTS; i++) {
		uint32_t vector = i & 1 ? VECTOR : OTHER_VECTOR;

		take_with(vector, quiets_and_ends_it);
		entry_set(pin, RTE_LEVEL | vector, i % cpus);
		device_raise(BIT);
		require(came(vector, i / 2 + 1));
	}
	require(!quiet);
}

static void moves_it_on(uint32_t vector)
{
	uint32_t status = device_status();

	quiet += !status;
	entry_set(pin, RTE_LEVEL | (vector == VECTOR ? OTHER_VECTOR : VECTOR), (lapic_id() + 1) % cpus);
	device_ack(status);
	ends_it(vector);
}

static void handler_moves_it_on(void)
{
	require_device();
	take_with(VECTOR, moves_it_on);
	take_with(OTHER_VECTOR, moves_it_on);
	entry_set(pin, LEVEL, target);
	for (uint32_t i = 1; i <= EVENTS; i++) {
		device_raise(BIT);
		require(came(VECTOR, (i + 1) / 2) && came(OTHER_VECTOR, i / 2));
	}
	require(!quiet);
}

static void event_at_the_pair_is_an_interrupt(void)
{
	require_device();
	if (pin >= PIC_IRQS)
		skip("the device has no IRQ of the 8259s (--gsi 11)");
	pic_setup();
	pic_levels((uint16_t)(1u << pin));
	for (uint32_t i = 0; i < EVENTS; i++) {
		pic_unmask((uint16_t)(1u << pin));
		device_raise(BIT);
		require(irq_taken() == pin);
		pic_unmask(0);
		pic_eoi(pin);
		require(pic_read(pin < CHIP_IRQS ? MASTER : SLAVE, OCW3_READ_IRR) & 1u << pin % CHIP_IRQS);
		device_ack(BIT);
	}
	pic_unmask((uint16_t)(1u << pin));
	require(no_irq());
}

static void quiets_the_device_first(uint32_t vector)
{
	device_ack(device_status());
	lowers_it(vector);
}

/* From here on a wire is on the line too. It comes as long as it is up, whatever the device does. */
static void wire_of_the_same_line_comes_again(void)
{
	require_device();
	if (!on_irqgate)
		skip("the test port of others may not reach this line");
	take_lowering(VECTOR, pin, EVENTS);
	take_with(VECTOR, quiets_the_device_first);
	entry_set(pin, LEVEL | RTE_MASKED, target);
	device_raise(BIT);
	line_set(pin, true);
	entry_set_low(pin, LEVEL);
	require(came(VECTOR, EVENTS));
	require(!device_status());
}

static void device_comes_beside_the_wire(void)
{
	require_device();
	if (!on_irqgate)
		skip("the test port of others may not reach this line");
	take_with(VECTOR, masks_and_ends_it);
	entry_set(pin, LEVEL, target);
	for (uint32_t i = 1; i <= EVENTS; i++) {
		if (i & 1)
			device_raise(BIT);
		else
			line_set(pin, true);
		require(came(VECTOR, i));
		device_ack(BIT);
		line_set(pin, false);
		entry_set_low(pin, LEVEL);
	}
	require(came(VECTOR, EVENTS));
}

const struct group line_group = { "lines", (const struct test[]){
	{ .name = "plain event is an interrupt", .run = plain_event_is_an_interrupt, .anywhere = true },
	{ .name = "oneshot event is an interrupt", .run = oneshot_event_is_an_interrupt, .anywhere = true },
	{ .name = "oneshot event that is not quieted comes again",
	  .run = oneshot_event_that_is_not_quieted_comes_again, .anywhere = true },
	{ .name = "event while masked comes at the unmask", .run = event_while_masked_comes_at_the_unmask,
	  .anywhere = true },
	{ .name = "event that goes away while masked is forgotten",
	  .run = event_that_goes_away_while_masked_is_forgotten, .anywhere = true },
	{ .name = "entry moves between events", .run = entry_moves_between_events },
	{ .name = "handler moves it on", .run = handler_moves_it_on, .anywhere = true },
	{ .name = "event at the pair is an interrupt", .run = event_at_the_pair_is_an_interrupt },
	{ .name = "wire of the same line comes again", .run = wire_of_the_same_line_comes_again, .anywhere = true },
	{ .name = "device comes beside the wire", .run = device_comes_beside_the_wire, .anywhere = true },
	{ .name = 0 },
} };
