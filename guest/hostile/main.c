/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * guest/hostile: how well a line is served while another processor does its worst. Processor 0 has the device
 * raise its interrupt, and takes the time until it is handled; by turns with processor 1 in a loop of its own
 * ("alone"), busy with exits that do no harm ("busy"), and writing random values to every register that it
 * can reach ("hostile", hammer.c). So whatever else the host does meanwhile is the same for all three. One
 * line tells of them, times in units of 1000 cycles. The gap between events is that of the hostile turns;
 * those of the others are shorter.
 *
 *   mode=plain  cpus=2  events=N  gap=CYCLES  limit=CYCLES
 */
#include "hammer.h"

#define EVENTS_MAX 20000
#define TURNS 10
#define UNIT 1000
#define SHORTER 8

static struct times {
	const char *name;
	uint32_t count, took[EVENTS_MAX];
} all[] = {
	[HAMMER_REST] = { .name = "alone" },
	[HAMMER_HARMLESS] = { .name = "busy" },
	[HAMMER_HOSTILE] = { .name = "hostile" },
};
#define WORKS (sizeof(all) / sizeof(all[0]))

static bool run_event(struct times *times, uint64_t gap)
{
	uint64_t start = cycles();

	seen = 0;
	device_raise(1);
	while (!seen)
		if (cycles() - start > options.limit)
			return false;
	times->took[times->count++] = (uint32_t)((uint32_t)(cycles() - start) / UNIT);
	spin(gap);
	return true;
}

/* A line that is lost stays so: the guest would not know whether it did it itself. */
static void run(struct times *times, uint64_t gap)
{
	for (uint32_t i = 0; i < options.events / TURNS && times->count < EVENTS_MAX; i++) {
		if (run_event(times, gap))
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

/* The time that so many of a thousand did not exceed. */
static uint32_t quantile(const struct times *times, uint32_t of_thousand)
{
	return times->count ? times->took[(times->count - 1) * of_thousand / 1000] : 0;
}

static void print_times(struct times *times)
{
	sort(times);
	print(" %s_median=%u %s_p90=%u %s_p99=%u %s_p999=%u %s_worst=%u", times->name, quantile(times, 500), times->name,
	      quantile(times, 900), times->name, quantile(times, 990), times->name, quantile(times, 999), times->name,
	      quantile(times, 1000));
}

static void report(uint32_t pin)
{
	uint32_t events = 0;

	for (uint32_t i = 0; i < WORKS; i++)
		events += all[i].count;
	interrupts_off();
	print_claim();
	print(IG_GUEST_PREFIX "hostile gsi=%u events=%u accesses=%u lost=%u", pin, events, hammer_count(), counts.lost);
	for (uint32_t i = 0; i < WORKS; i++)
		print_times(&all[i]);
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
	print(IG_GUEST_PREFIX "begins\n");
	for (uint32_t turn = 0; turn < TURNS; turn++) {
		for (uint32_t i = 0; i < WORKS; i++) {
			hammer_do((enum hammer_work)i, pin);
			run(&all[i], i == HAMMER_HOSTILE ? options.gap : options.gap / SHORTER);
		}
	}
	hammer_do(HAMMER_REST, pin);
	report(pin);
	leave(counts.lost ? 1 : 0);
}
