/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Interrupts that are taken, counted when they are done with, by vector and processor, and the work of the
 * other processors. Counts are atomic; what a handler looks at is set before its interrupt can come.
 */
#include <stddef.h>

#include "chips.h"

#define ORDER_SIZE 64
#define PATIENCE_CYCLES 6000000000 /* a processor may wait for the host's */
#define SETTLE_CYCLES 3000000
#define STORM 2000 /* nothing but the handler runs: the test has failed, but the next one shall run */

static uint32_t count[VECTORS][MAX_CPUS];
static void (*volatile handler[VECTORS])(uint32_t vector);
static volatile uint8_t order[ORDER_SIZE];
static uint32_t orders;
static volatile uint32_t lowered_line[VECTORS], lowered_after[VECTORS];

/* Of each processor: what it shall do, and how often it has looked. */
static struct work {
	void (*volatile function)(uint32_t argument);
	volatile uint32_t argument;
	volatile uint32_t beat;
} works[MAX_CPUS];

void take_reset(void)
{
	for (uint32_t vector = 0; vector < VECTORS; vector++) {
		handler[vector] = ends_it;
		for (uint32_t i = 0; i < MAX_CPUS; i++)
			count[vector][i] = 0;
	}
	for (uint32_t i = 0; i < ORDER_SIZE; i++)
		order[i] = 0;
	orders = 0;
}

void take_with(uint32_t vector, void (*with)(uint32_t vector))
{
	handler[vector] = with;
}

void ends_it(uint32_t vector)
{
	(void)vector;
	lapic_eoi();
}

void lowers_it(uint32_t vector)
{
	if (__atomic_sub_fetch(&lowered_after[vector], 1, __ATOMIC_SEQ_CST) == 0)
		line_set(lowered_line[vector], false);
	lapic_eoi();
}

void take_lowering(uint32_t vector, uint32_t line, uint32_t times)
{
	lowered_line[vector] = line;
	lowered_after[vector] = times;
	take_with(vector, lowers_it);
}

void handle_interrupt(uint32_t vector)
{
	uint32_t place = __atomic_fetch_add(&orders, 1, __ATOMIC_SEQ_CST);

	if (place < ORDER_SIZE)
		order[place] = (uint8_t)vector;
	if (place > STORM)
		board_lower();
	if (vector != VECTOR_NMI)
		handler[vector](vector);
	__atomic_fetch_add(&count[vector][lapic_id() % MAX_CPUS], 1, __ATOMIC_SEQ_CST);
}

uint32_t taken_by(uint32_t vector, uint32_t processor)
{
	return __atomic_load_n(&count[vector][processor], __ATOMIC_SEQ_CST);
}

uint32_t taken(uint32_t vector)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < MAX_CPUS; i++)
		sum += taken_by(vector, i);
	return sum;
}

uint32_t taken_order(uint32_t index)
{
	return order[index];
}

void settle(void)
{
	spin(SETTLE_CYCLES);
}

bool wait_until(bool (*condition)(void))
{
	for (uint64_t start = cycles(); !condition();)
		if (cycles() - start > PATIENCE_CYCLES)
			return false;
	return true;
}

bool came(uint32_t vector, uint32_t times)
{
	for (uint64_t start = cycles(); taken(vector) < times && cycles() - start < PATIENCE_CYCLES;)
		;
	settle();
	return taken(vector) == times;
}

/* All that another processor does when it is not interrupted. */
void take_work(void)
{
	struct work *work = &works[lapic_id() % MAX_CPUS];

	interrupts_on();
	for (;; work->beat++) {
		if (!work->function)
			continue;
		work->function(work->argument);
		work->function = NULL;
	}
}

void do_on(uint32_t processor, void (*function)(uint32_t argument), uint32_t argument)
{
	struct work *work = &works[processor];
	uint64_t start = cycles();

	if (processor == lapic_id()) {
		function(argument);
		return;
	}
	work->argument = argument;
	work->function = function;
	while (work->function)
		if (cycles() - start > PATIENCE_CYCLES)
			fail("a processor does not do what it is asked to, APIC id", processor);
}

bool beats(uint32_t processor)
{
	uint32_t before = works[processor].beat;

	for (uint64_t start = cycles(); cycles() - start < PATIENCE_CYCLES / 4;)
		if (works[processor].beat != before)
			return true;
	return false;
}
