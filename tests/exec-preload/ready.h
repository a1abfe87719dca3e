/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The VM of most test programs: one device on a split irqchip, its line the library's. One a program, and one thread. */
#ifndef EXEC_TESTS_READY_H
#define EXEC_TESTS_READY_H

#include "vmm.h"

static struct vmm vmm;

static inline struct fake_device device(void)
{
	return fake_look(vmm.device[0].fd);
}

static inline uint32_t messages(void)
{
	return fake_messages(vmm.vm, VECTOR);
}

static inline int open_ready(void **state)
{
	(void)state;
	vmm = (struct vmm){ 0 };
	vmm_open_ready(&vmm, SPLIT);
	return 0;
}

static inline int close_all(void **state)
{
	(void)state;
	vmm_close(&vmm);
	assert_said_nothing();
	return 0;
}

static inline void hold(void)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	assert_true(device().masked);
}

#endif
