/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The local APIC (SDM volume 3, chapter 10): each processor its own, so nothing here locks. */
#include "common/machine.h"
#include "common/registers.h"

#define ICR_PATIENCE 1000000

void lapic_enable(void)
{
	write32(LAPIC_TPR, 0);
	write32(LAPIC_LVT_LINT0, LVT_MASKED);
	write32(LAPIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
}

/* The 8259s' INTR is at LINT0 of the boot processor. */
void lapic_take_pic(void)
{
	write32(LAPIC_LVT_LINT0, LVT_EXTINT);
}

uint32_t lapic_id(void)
{
	return read32(LAPIC_ID) >> ID_SHIFT;
}

static void lapic_send(uint32_t id, uint32_t command)
{
	write32(LAPIC_ICR_HIGH, id << ID_SHIFT);
	write32(LAPIC_ICR_LOW, command);
	for (int i = 0; i < ICR_PATIENCE && read32(LAPIC_ICR_LOW) & ICR_PENDING; i++)
		;
}

void lapic_init_processor(uint32_t id)
{
	lapic_send(id, ICR_INIT);
}

void lapic_start_processor(uint32_t id, uint32_t page)
{
	lapic_send(id, ICR_STARTUP | page);
}

void lapic_eoi(void)
{
	write32(LAPIC_EOI, 0);
}

void lapic_set_priority(uint32_t priority)
{
	write32(LAPIC_TPR, priority);
}
