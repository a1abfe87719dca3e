/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * How an interrupt is handled. In oneshot mode as Linux does a threaded one: the handler masks the line and
 * ends the interrupt with the device still asserting; the thread quiets the device and unmasks. In plain
 * mode the handler does it all; at an 8259 it masks the line meanwhile, as Linux does there. Handler and
 * thread may be on two processors: what both write (pending, seen) is written whole or atomically, so that
 * no lock is held across them.
 */
#include "oneshot.h"

#define NO_LINE UINT32_MAX
#define FIRST_PIN 5 /* below are the board's own */
#define RTC_PIN 8
#define SCI_PIN 9
#define PROBE_BIT 0x10000
#define PROBE_TRIES 4
#define PROBE_CYCLES 3000000000
#define QUIET_CYCLES 20000000
#define PROGRESS_CYCLES 5000000000

struct counts counts;
volatile uint32_t seen;

/* The device's pin or IRQ, and the chip at which it is unmasked. */
static volatile uint32_t line = NO_LINE;
static const struct chip *volatile chip = &ioapic;
static volatile bool probing, pending;
static volatile uint64_t last_line; /* written under print_lock */

static void find_device(uint32_t status)
{
	if (!status)
		counts.quiet++;
	else
		device_ack(status);
	__atomic_fetch_or(&seen, status, __ATOMIC_SEQ_CST);
}

/* Whoever comes is masked: the device's pin until the probe is over, anybody else's for good. */
static void handle_stranger(const struct chip *from, uint32_t number)
{
	uint32_t status;

	from->mask(number);
	if (probing && line == NO_LINE && (status = device_status())) {
		line = number;
		device_ack(status);
	}
	from->eoi(number);
}

/*
 * The write of the mask comes first: an emulator that ends the interrupt by itself when it delivers it
 * (some software KVMs do) should have as little time as possible before it.
 */
static void handle_oneshot(const struct chip *from)
{
	from->mask(line);
	from->eoi(line);
	pending = true;
}

static void handle_plain(const struct chip *from)
{
	bool masks = from == &pic;

	if (masks) {
		from->mask(line);
		from->eoi(line);
	}
	find_device(device_status());
	if (masks)
		from->unmask(line);
	else
		from->eoi(line);
}

/* A driver that acks none of what the device says; nobody quiets it before the thread has had its time. */
static void handle_storm(const struct chip *from)
{
	device_ack(0);
	from->eoi(line);
	pending = true;
}

static void handle_line(const struct chip *from)
{
	counts.entries++;
	if (options.mode->storm)
		handle_storm(from);
	else if (options.mode->plain)
		handle_plain(from);
	else
		handle_oneshot(from);
	progress(); /* in a storm nothing outside the handler ever runs */
}

void handle_interrupt(uint32_t vector)
{
	const struct chip *from = vector < VECTOR_PIC ? &ioapic : &pic;
	uint32_t number = vector - (from == &pic ? VECTOR_PIC : VECTOR_PIN);

	if (from == &pic && pic_is_spurious(number))
		from->eoi(number);
	else if (probing || number != line)
		handle_stranger(from, number);
	else
		handle_line(from);
}

/* The oneshot thread: called from every wait. */
void handle_thread(void)
{
	if (!pending)
		return;
	pending = false;
	spin(options.work);
	find_device(device_status());
	if (!options.mode->storm)
		chip->unmask(line);
}

/* With both chips the next event comes through the other one. */
void handle_switch(void)
{
	if (!options.mode->pic || !options.mode->ioapic)
		return;
	chip->mask(line);
	chip = chip == &pic ? &ioapic : &pic;
	chip->unmask(line);
}

/* After a lost event: nothing of it stays behind. */
void handle_recover(void)
{
	device_ack(device_status());
	chip->unmask(line);
}

/* Before any pin was unmasked. */
void handle_too_early(void)
{
	device_raise(PROBE_BIT);
	spin(QUIET_CYCLES);
}

static bool may_probe(uint32_t pin)
{
	return pin >= FIRST_PIN && pin != RTC_PIN && pin != SCI_PIN;
}

/* One try: a stale interrupt of the device, from before it was quiet, may have its pin masked as a stranger's. */
static void try_probe(uint32_t pins, uint32_t processor)
{
	device_ack(device_status());
	for (uint32_t pin = 0; pin < pins && pin < PINS; pin++)
		if (may_probe(pin))
			ioapic_route(pin, processor);
	device_raise(PROBE_BIT);
	for (uint64_t start = cycles(); line == NO_LINE && cycles() - start < PROBE_CYCLES;)
		progress();
}

/*
 * Finds the device's pin: the interrupt line register knows only the 8259's. A board may wire a device to
 * two pins: the highest comes first, as it has the highest vector; the others find the device quiet.
 */
uint32_t handle_probe(uint32_t processor)
{
	uint32_t pins = ioapic_pins();

	probing = true;
	for (int i = 0; i < PROBE_TRIES && line == NO_LINE; i++)
		try_probe(pins, processor);
	if (line == NO_LINE)
		fail("the device's interrupt came on none of the IOAPIC's pins, its status", device_status());
	spin(QUIET_CYCLES);
	for (uint32_t pin = 0; pin < pins && pin < PINS; pin++)
		if (may_probe(pin) && pin != line)
			ioapic.mask(pin);
	probing = false;
	if (options.mode->edge)
		ioapic_take_edges();
	if (options.mode->deaf)
		device_make_deaf();
	chip->unmask(line);
	return line;
}

/* The 8259s know the device's IRQ from its configuration space; at the IOAPIC it has the same number. */
uint32_t handle_legacy(void)
{
	line = device_irq();
	if (line >= IRQS || !pic_set_level(line))
		fail("the device's interrupt line register names none of the 8259s' level inputs, but", line);
	device_ack(device_status());
	lapic_take_pic();
	if (options.mode->ioapic) {
		ioapic_route(line, lapic_id());
		ioapic.mask(line);
	}
	chip = &pic;
	chip->unmask(line);
	return line;
}

void progress_restart(void)
{
	last_line = cycles();
}

static bool progress_is_due(void)
{
	return (int64_t)(cycles() - last_line) > PROGRESS_CYCLES;
}

/* The first look is without the lock: a torn last_line is found out by the second. */
void progress(void)
{
	uint32_t flags;

	if (!progress_is_due())
		return;
	flags = interrupts_off();
	if (try_lock(&print_lock)) {
		if (progress_is_due()) {
			print(IG_GUEST_PROGRESS "events=%u entries=%u quiet=%u lost=%u\n",
			      counts.events, counts.entries, counts.quiet, counts.lost);
			last_line = cycles();
		}
		unlock(&print_lock);
	}
	interrupts_restore(flags);
}
