/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * guest/chips: tests of the IOAPIC and the pair of 8259As, as a guest sees them. One line a test on the
 * serial port, then "N passed, N failed, N skipped". It ends by the exit port: 0 if none failed, else 1.
 *
 *   only=PREFIX  (of the names of tests)   rounds=N   directed-eoi  (local APICs may suppress the broadcast)
 *
 * Lines are raised by the test port: 0x2000 + line. So it runs under irqgate, and under QEMU:
 *
 *   irqgate run --multiboot chips.elf [--cpus N] [--gsi N] [--append "rounds=3"]
 *   qemu-system-x86_64 -accel kvm -machine pc,kernel-irqchip=on|split -nodefaults -display none -serial stdio \
 *       -device pc-testdev -device isa-debug-exit,iobase=0xf4,iosize=0x4 [-device edu] [-smp N] \
 *       -kernel chips.elf [-append "rounds=3"]
 *
 * (The exit port makes of 0 a status of 1, and of 1 one of 3.)
 */
#include <stddef.h>

#include "chips.h"

#define FWCFG_SELECT 0x510 /* QEMU, docs/specs/fw_cfg */
#define FWCFG_DATA 0x511
#define FWCFG_SIGNATURE 0x00
#define FWCFG_CPU_COUNT 0x05
#define CPUS_MAX 8 /* the ids of the flat logical model */

uint32_t cpus = 1, target;
bool on_irqgate, has_directed_eoi, first_round = true;

static const char *only = "";
static uint32_t rounds = 1;
static uint32_t total_passed, total_failed, total_skipped;

/* Of the test that runs. */
static const char *failure_file, *failure_condition, *skip_reason;
static uint32_t failure_line;

static const struct group *const groups[] = {
	&register_group, &deliver_group, &rewrite_group, &destination_group, &mode_group, &pic_group,
	&pic_mode_group, &line_group,
};

void failed(const char *file, uint32_t line, const char *condition)
{
	failure_file = file;
	failure_line = line;
	failure_condition = condition;
}

void skipped(const char *reason)
{
	skip_reason = reason;
}

static void report(const char *group, const struct test *test)
{
	const char *where = test->anywhere && target ? ", on another processor" : "";

	if (failure_file) {
		total_failed++;
		print("not ok %s/%s%s: %s:%u: %s\n", group, test->name, where, failure_file, failure_line,
		      failure_condition);
	} else if (skip_reason) {
		total_skipped++;
		print("skip %s/%s%s: %s\n", group, test->name, where, skip_reason);
	} else {
		total_passed++;
		print("ok %s/%s%s\n", group, test->name, where);
	}
}

static void run(const char *group, const struct test *test)
{
	failure_file = skip_reason = NULL;
	board_reset();
	take_reset();
	if (cpus < (test->cpus ? test->cpus : 1))
		skipped("it needs more processors");
	else if (test->irqgate && !on_irqgate)
		skipped("the data sheets leave it open");
	else
		test->run();
	board_reset();
	report(group, test);
}

/* "group/test" begins with the prefix. */
static bool is_wanted(const char *group, const char *name)
{
	const char *prefix = only;

	for (; *group && *prefix == *group; prefix++)
		group++;
	if (*group || !*prefix)
		return !*prefix;
	return *prefix == '/' && (!prefix[1] || words_after(name, prefix + 1));
}

static void run_group(const struct group *group)
{
	for (const struct test *test = group->test; test->name; test++) {
		if (!is_wanted(group->name, test->name))
			continue;
		target = 0;
		run(group->name, test);
		target = cpus - 1;
		if (test->anywhere && target)
			run(group->name, test);
	}
}

static void read_word(const char *word)
{
	const char *value;

	if ((value = words_after(word, "only=")))
		only = value;
	else if ((value = words_after(word, "rounds=")))
		rounds = (uint32_t)words_number(value, UINT32_MAX, "rounds= takes a number below 2^32");
	else if (words_same(word, "directed-eoi"))
		has_directed_eoi = true;
}

/* The prefix ends with its word. */
static void end_words(char *line)
{
	for (; *line; line++)
		if (*line == ' ')
			*line = '\0';
}

static uint32_t count_processors(void)
{
	uint32_t count;

	out16(FWCFG_SELECT, FWCFG_SIGNATURE);
	if (in8(FWCFG_DATA) != 'Q')
		return 1;
	out16(FWCFG_SELECT, FWCFG_CPU_COUNT);
	count = in8(FWCFG_DATA);
	return count > CPUS_MAX ? CPUS_MAX : count;
}

void guest_main(uint32_t magic, const struct multiboot_info *info)
{
	const char *line = multiboot_command_line(magic, info);

	words_each(line, read_word);
	end_words((char *)line);
	on_irqgate = words_same(multiboot_loader(info), "irqgate");
	take_reset();
	interrupts_prepare();
	interrupts_load();
	lapic_enable();
	pit_stop();
	pic_start(ICW1, ICW4, ICW4); /* whatever it still says has a vector of its own from here on */
	cpus = count_processors();
	cpus_work = take_work;
	cpus_start(cpus);
	interrupts_on();
	print("%u processors, %s\n", cpus, on_irqgate ? "irqgate" : "not irqgate");
	for (uint32_t i = 0; i < rounds; i++, first_round = false)
		for (uint32_t j = 0; j < sizeof(groups) / sizeof(groups[0]); j++)
			run_group(groups[j]);
	print("%u passed, %u failed, %u skipped\n", total_passed, total_failed, total_skipped);
	leave(total_failed || !total_passed);
}
