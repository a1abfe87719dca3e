/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The other processors, started one after the other, so that cpus_stack and arrived need no lock. */
#include "common/machine.h"

#define TRAMPOLINE 0x8000
#define PAGE_SHIFT 12
#define STACK_SIZE 4096
#define INIT_CYCLES 30000000   /* the 10 ms of SDM volume 3, 8.4.4, at 3 GHz */
#define STARTUP_CYCLES 3000000 /* long enough for most; else SIPI is sent again, as on hardware */
#define ARRIVE_CYCLES 60000000000

extern const char trampoline[], trampoline_end[];
extern void *volatile cpus_stack;
_Noreturn void cpus_main(void);

static char stacks[MAX_CPUS][STACK_SIZE] __attribute__((aligned(16)));
static volatile bool arrived;
void *volatile cpus_stack;
void (*cpus_work)(void);

/* All that another processor does: it takes interrupts, if it has no other work. */
void cpus_main(void)
{
	interrupts_load();
	lapic_enable();
	arrived = true;
	if (cpus_work)
		cpus_work();
	interrupts_on();
	for (;;)
		__asm__ volatile("");
}

static bool has_arrived(uint64_t patience)
{
	for (uint64_t start = cycles(); !arrived && cycles() - start < patience;)
		;
	return arrived;
}

void cpus_start_one(uint32_t id)
{
	arrived = false;
	cpus_stack = stacks[id] + STACK_SIZE;
	lapic_init_processor(id);
	spin(INIT_CYCLES);
	lapic_start_processor(id, TRAMPOLINE >> PAGE_SHIFT);
	if (has_arrived(STARTUP_CYCLES))
		return;
	lapic_start_processor(id, TRAMPOLINE >> PAGE_SHIFT);
	if (!has_arrived(ARRIVE_CYCLES))
		fail("cpus= asks for a processor that does not start, APIC id", id);
}

uint32_t cpus_start(uint32_t count)
{
	void *to = (void *)TRAMPOLINE;
	const char *from = trampoline;
	uint32_t size = (uint32_t)(trampoline_end - trampoline);

	if (count == 1)
		return lapic_id();
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
	for (uint32_t id = 1; id < count; id++)
		cpus_start_one(id);
	return count - 1;
}
