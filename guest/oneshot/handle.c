/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * How an interrupt is handled. In oneshot mode as Linux does a threaded one: the handler masks the pin and
 * ends the interrupt with the device still asserting; the thread quiets the device and unmasks. In plain
 * mode the handler does it all. Handler and thread may be on two processors: what both write (pending,
 * seen) is written whole or atomically, so that no lock is held across them.
 */
#include "oneshot.h"

#define NO_PIN UINT32_MAX
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

static volatile uint32_t device_pin = NO_PIN;
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
static void handle_stranger(uint32_t pin)
{
	uint32_t status;

	ioapic_mask(pin);
	if (probing && device_pin == NO_PIN && (status = device_status())) {
		device_pin = pin;
		device_ack(status);
	}
	lapic_eoi();
}

/*
 * The write of the mask comes first: an emulator that ends the interrupt by itself when it delivers it
 * (some software KVMs do) should have as little time as possible before it.
 */
static void handle_oneshot(void)
{
	ioapic_mask(device_pin);
	lapic_eoi();
	pending = true;
}

static void handle_plain(void)
{
	find_device(device_status());
	lapic_eoi();
}

void handle_interrupt(uint32_t vector)
{
	uint32_t pin = vector - VECTOR_PIN;

	if (probing || pin != device_pin) {
		handle_stranger(pin);
		return;
	}
	counts.entries++;
	if (options.plain)
		handle_plain();
	else
		handle_oneshot();
	progress(); /* in a storm nothing outside the handler ever runs */
}

/* The oneshot thread: called from every wait. */
void handle_thread(void)
{
	if (!pending)
		return;
	pending = false;
	spin(options.work);
	find_device(device_status());
	ioapic_unmask(device_pin);
}

/* After a lost event: nothing of it stays behind. */
void handle_recover(void)
{
	device_ack(device_status());
	ioapic_unmask(device_pin);
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
	for (uint64_t start = cycles(); device_pin == NO_PIN && cycles() - start < PROBE_CYCLES;)
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
	for (int i = 0; i < PROBE_TRIES && device_pin == NO_PIN; i++)
		try_probe(pins, processor);
	if (device_pin == NO_PIN)
		fail("the device's interrupt came on none of the IOAPIC's pins, its status", device_status());
	spin(QUIET_CYCLES);
	for (uint32_t pin = 0; pin < pins && pin < PINS; pin++)
		if (may_probe(pin) && pin != device_pin)
			ioapic_mask(pin);
	probing = false;
	ioapic_unmask(device_pin);
	return device_pin;
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
