/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* See load.h. */
#include "load.h"

#include <string.h>
#include <sys/ioctl.h>

#include "vm.h"

#define GDT        0x1000U
#define IDT        0x2000U
#define CODE       0x4000U
#define CODE_SELECTOR 0x08
#define DATA_SELECTOR 0x10

/* 32-bit flat, present, ring 0: Intel SDM 3, 3.4.5; an interrupt gate: 6.11. */
#define CODE_DESCRIPTOR 0x00cf9b000000ffffULL
#define DATA_DESCRIPTOR 0x00cf93000000ffffULL
#define INTERRUPT_GATE  0x8e00U

extern const uint8_t guest_code[], guest_stubs[], guest_code_end[];

void guest_load(uint8_t *memory)
{
	const uint64_t gdt[] = { 0, CODE_DESCRIPTOR, DATA_DESCRIPTOR };
	uint32_t stubs = CODE + (uint32_t)(guest_stubs - guest_code);

	memcpy(memory + GDT, gdt, sizeof(gdt));
	memcpy(memory + CODE, guest_code, (size_t)(guest_code_end - guest_code));
	for (uint32_t vector = 0; vector < 256; vector++) {
		uint32_t stub = stubs + vector * GUEST_STUB;
		const uint16_t gate[] = { (uint16_t)stub, CODE_SELECTOR, INTERRUPT_GATE, (uint16_t)(stub >> 16) };

		memcpy(memory + IDT + vector * sizeof(gate), gate, sizeof(gate));
	}
}

static struct kvm_segment flat(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){
		.limit = UINT32_MAX, .selector = selector, .type = type, .present = 1, .db = 1, .s = 1, .g = 1,
	};
}

void guest_set_registers(int fd, uint32_t stack)
{
	struct kvm_regs regs = { .rip = CODE, .rsp = stack, .rflags = 2 };
	struct kvm_sregs sregs;

	assert_int_equal(ioctl(fd, KVM_GET_SREGS, &sregs), 0);
	sregs.cs = flat(CODE_SELECTOR, 0xb);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat(DATA_SELECTOR, 3);
	sregs.cr0 |= 1;
	sregs.gdt = (struct kvm_dtable){ .base = GDT, .limit = 0x17 };
	sregs.idt = (struct kvm_dtable){ .base = IDT, .limit = 0x7ff };
	assert_int_equal(ioctl(fd, KVM_SET_SREGS, &sregs), 0);
	assert_int_equal(ioctl(fd, KVM_SET_REGS, &regs), 0);
}
