/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * guest/oneshot: makes a device raise its level-triggered interrupt N times and counts what comes. Here:
 * the set-up and the measured loop, on the boot processor alone.
 *
 *   mode=oneshot|plain|storm|edge|early|deaf|oneshot-pic|plain-pic|both  events=N  cpus=N  work=CYCLES  gap=CYCLES  limit=CYCLES
 */
#include "oneshot.h"

#define EVENT_BITS 16
#define MARK_CYCLES 60000000
#define SETTLE_CYCLES 20000000
#define GRACE_CYCLES 200000000 /* for a processor that the host did not run until the limit was over */

/* Quiet for those who are not interrupted; stragglers are handled. */
static void wait(uint64_t count)
{
	for (uint64_t start = cycles(); cycles() - start < count; progress())
		handle_thread();
}

static bool wait_for(uint32_t bit, uint64_t limit)
{
	uint64_t start = cycles();

	while (!(seen & bit)) {
		if (cycles() - start > limit)
			return false;
		handle_thread();
		progress();
	}
	return true;
}

/* Its own status bit: an event is not mistaken for the one before. */
static void run_event(uint32_t number)
{
	uint32_t bit = 1u << (number % EVENT_BITS);

	handle_thread();
	handle_switch();
	seen = 0;
	counts.events++;
	device_raise(bit);
	if (!wait_for(bit, options.limit) && !wait_for(bit, GRACE_CYCLES)) {
		counts.lost++;
		handle_recover();
	}
	wait(options.gap);
}

static void mark(uint8_t value)
{
	out8(IG_GUEST_MARK_PORT, value);
}

static void measure(void)
{
	uint32_t flags = interrupts_off();

	counts = (struct counts){ 0 };
	progress_restart();
	mark(IG_GUEST_MARK_BEGIN);
	interrupts_restore(flags);
	wait(MARK_CYCLES);
	for (uint32_t i = 0; i < options.events; i++)
		run_event(i);
	wait(SETTLE_CYCLES);
	mark(IG_GUEST_MARK_END);
	wait(MARK_CYCLES);
}

static void report(const char *device, uint32_t pin)
{
	interrupts_off();
	print_claim();
	print(IG_GUEST_DONE "mode=%s device=%s gsi=%u cpus=%u events=%u entries=%u quiet=%u lost=%u\n",
	      options.mode->name, device, pin, options.cpus,
	      counts.events, counts.entries, counts.quiet, counts.lost);
}

void guest_main(uint32_t magic, const struct multiboot_info *info)
{
	const char *device;
	uint32_t processor, pin;

	options_read(multiboot_command_line(magic, info));
	progress_restart();
	interrupts_prepare();
	interrupts_load();
	pic_start();
	lapic_enable();
	device = device_find();
	if (!device)
		fail("no edu and no built-in device on PCI bus 0, vendor", IG_GUEST_PCI_VENDOR);
	processor = cpus_start(options.cpus);
	interrupts_on();
	if (options.mode->early)
		handle_too_early();
	pin = options.mode->pic ? handle_legacy() : handle_probe(processor);
	measure();
	report(device, pin);
	leave(counts.lost ? 1 : 0);
}
