/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* How the guest of guest.S comes into a VM. */
#ifndef IG_TEST_KERNEL_LOAD_H
#define IG_TEST_KERNEL_LOAD_H

#include <stdint.h>

/* Its memory, from address 0 on, bytes; and where the stack of the first vCPU begins. */
#define MEMORY 0x10000U
#define STACK  0xf000U

/* Its code, and the descriptor tables that it needs. */
void guest_load(uint8_t *memory);

/* At its start, in 32-bit protected mode. */
void guest_set_registers(int fd, uint32_t stack);

#endif
