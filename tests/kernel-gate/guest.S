/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest: does what it is told to, one access or one look for interrupts at a time, and says which vector has
 * interrupted it. 32-bit, flat, independent of its address but for the stubs' place in it; see vm.c.
 */
#include "vm.h"

	.section .rodata
	.code32
	.globl guest_code, guest_stubs, guest_code_end

guest_code:
next:	inl $PORT_OPERATION, %eax
	movl %eax, %ebx
	inl $PORT_ADDRESS, %eax
	movl %eax, %edx
	inl $PORT_VALUE, %eax
	cmpl $GUEST_WRITE, %ebx
	je write
	cmpl $GUEST_READ, %ebx
	je read
	cmpl $GUEST_OUT, %ebx
	je out
	cmpl $GUEST_IN, %ebx
	je in
	sti
	nop
	nop
	cli
	jmp next
write:	movl %eax, (%edx)
	jmp next
read:	movl (%edx), %eax
	jmp result
out:	outb %al, %dx
	jmp next
in:	xorl %eax, %eax
	inb %dx, %al
result:	outl %eax, $PORT_RESULT
	jmp next

/* One for each vector. */
	.balign GUEST_STUB
guest_stubs:
	.set vector, 0
	.rept 256
	.balign GUEST_STUB
	pushl %eax
	movl $vector, %eax
	jmp interrupted
	.set vector, vector + 1
	.endr

interrupted:
	outl %eax, $PORT_VECTOR
	popl %eax
	iretl
guest_code_end:

	.section .note.GNU-stack, "", @progbits
