/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The interrupt descriptor table, and what is done with a vector. Written once, before it is loaded. */
#include "common/machine.h"

#define STUB_SIZE 16 /* entry.S */
#define CODE_SELECTOR 0x08
#define GATE_INTERRUPT 0x8e00 /* present, ring 0, 32 bits, interrupts off: SDM volume 3, 6.11 */
#define VECTORS 256

struct gate {
	uint16_t offset_low, selector, type, offset_high;
};

/* What entry.S leaves on the stack. */
struct frame {
	uint32_t registers[8], vector, error, eip, cs, eflags;
};

extern const char exception_stubs[], interrupt_stubs[];
void interrupt(const struct frame *frame);

static struct gate table[VECTORS];
bool interrupts_take_nmi;

static void set_gate(uint32_t vector, const char *stub)
{
	uintptr_t address = (uintptr_t)stub;

	table[vector] = (struct gate){
		.offset_low = (uint16_t)address,
		.selector = CODE_SELECTOR,
		.type = GATE_INTERRUPT,
		.offset_high = (uint16_t)(address >> 16),
	};
}

void interrupts_prepare(void)
{
	for (uint32_t i = 0; i < VECTOR_EXCEPTIONS; i++)
		set_gate(i, exception_stubs + i * STUB_SIZE);
	for (uint32_t i = VECTOR_EXCEPTIONS; i < VECTORS; i++)
		set_gate(i, interrupt_stubs + (i - VECTOR_EXCEPTIONS) * STUB_SIZE);
}

void interrupts_load(void)
{
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) pointer = { sizeof(table) - 1, (uintptr_t)table };

	__asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}

void interrupt(const struct frame *frame)
{
	if (frame->vector == VECTOR_SPURIOUS)
		return;
	if (frame->vector >= VECTOR_EXCEPTIONS || (frame->vector == VECTOR_NMI && interrupts_take_nmi)) {
		handle_interrupt(frame->vector);
		return;
	}
	print_claim();
	print(IG_GUEST_ERROR "exception %u (code 0x%x) at eip 0x%x\n",
	      frame->vector, frame->error, frame->eip);
	leave(1);
}
