/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * guest/hostile: how well a line is served while another processor does its worst. Processor 0 has the device raise
 * its interrupt, and takes the time until it is handled; first alone, then beside processor 1, which writes random
 * values to every register that it can reach (hammer.c). One line tells of both, times in units of 1000 cycles.
 *
 *   mode=plain  cpus=2  events=N  gap=CYCLES  limit=CYCLES
 */
#include "hammer.h"

#define EVENTS_MAX 20000
#define UNIT 1000
#define PER_CENT_99 99

struct times {
	uint32_t count, took[EVENTS_MAX];
};

static struct times alone, beside;

static bool run_event(struct times *times)
{
	uint64_t start = cycles();

	seen = 0;
	device_raise(1);
	while (!seen)
		if (cycles() - start > options.limit)
			return false;
	times->took[times->count++] = (uint32_t)((uint32_t)(cycles() - start) / UNIT);
	spin(options.gap);
	return true;
}

/* A line that is lost stays so: the guest would not know whether it did it itself. */
static void run(struct times *times)
{
	for (uint32_t i = 0; i < options.events && i < EVENTS_MAX; i++) {
		if (run_event(times))
			continue;
		counts.lost++;
		device_ack(device_status());
	}
}

/* Shell's sort. */
static void sort(struct times *times)
{
	for (uint32_t gap = times->count / 2; gap; gap /= 2)
		for (uint32_t i = gap; i < times->count; i++)
			for (uint32_t j = i; j >= gap && times->took[j] < times->took[j - gap]; j -= gap) {
				uint32_t other = times->took[j];

				times->took[j] = times->took[j - gap];
				times->took[j - gap] = other;
			}
}

static void print_times(const char *name, struct times *times)
{
	uint32_t last = times->count ? times->count - 1 : 0;

	sort(times);
	print(" %s_median=%u %s_p99=%u %s_worst=%u", name, times->took[last / 2], name,
	      times->took[last / 100 * PER_CENT_99], name, times->took[last]);
}

static void report(uint32_t pin)
{
	interrupts_off();
	print_claim();
	print(IG_GUEST_PREFIX "hostile gsi=%u events=%u writes=%u lost=%u", pin, alone.count + beside.count,
	      hammer_count(), counts.lost);
	print_times("alone", &alone);
	print_times("beside", &beside);
	print("\n");
}

void guest_main(uint32_t magic, const struct multiboot_info *info)
{
	uint32_t pin;

	options_read(multiboot_command_line(magic, info));
	if (options.cpus != 2 || !options.mode->plain || !options.mode->ioapic)
		fail("needs cpus=2 mode=plain, not cpus", options.cpus);
	progress_restart();
	interrupts_prepare();
	interrupts_load();
	pic_start();
	lapic_enable();
	if (!device_find())
		fail("no device on PCI bus 0, vendor", IG_GUEST_PCI_VENDOR);
	cpus_work = hammer;
	cpus_start(options.cpus);
	interrupts_on();
	pin = handle_probe(lapic_id());
	run(&alone);
	hammer_begin(pin);
	run(&beside);
	hammer_end();
	report(pin);
	leave(counts.lost ? 1 : 0);
}
