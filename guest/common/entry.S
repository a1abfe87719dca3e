/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Where processors come in: the boot processor by multiboot (flat 32-bit protected mode), the others by
 * SIPI (real mode), everybody by interrupt. Locks nothing.
 */
#define MULTIBOOT_MAGIC 0x1badb002 /* Multiboot 0.6.96, 3.1.1 */
#define MULTIBOOT_MEMORY_INFO 2
#define CODE_SELECTOR 0x08
#define DATA_SELECTOR 0x10
#define CR0_PE 1
#define CR0_CACHE_OFF 0x60000000 /* CD and NW, set by INIT */
#define STACK_SIZE 8192
#define EFLAGS_IF 0x200
#define FRAME_VECTOR 32
#define FRAME_EIP 40
#define FRAME_CS 44
#define FRAME_EFLAGS 48
#define VECTORS 256
#define EXCEPTIONS 32
#define ERROR_CODES 0x60227d00 /* the exceptions that push one: SDM volume 3, table 6-1 */

	.file "entry.S" /* else the name of a temporary file: no two builds alike */

	.section .multiboot, "a"
	.balign 4
	.long MULTIBOOT_MAGIC, MULTIBOOT_MEMORY_INFO, -(MULTIBOOT_MAGIC + MULTIBOOT_MEMORY_INFO)

	.macro load_segments
	movw $DATA_SELECTOR, %cx
	movw %cx, %ds
	movw %cx, %es
	movw %cx, %fs
	movw %cx, %gs
	movw %cx, %ss
	.endm

	.text
	.globl start
start:
	cli
	cld
	lgdt gdt_pointer
	ljmpl $CODE_SELECTOR, $1f
1:	load_segments
	movl $(stack + STACK_SIZE), %esp
	pushl %ebx
	pushl %eax
	call guest_main

	.globl trampoline, trampoline_end
	.code16
trampoline:
	cli
	cld
	movw %cs, %cx
	movw %cx, %ds
	lgdtl (trampoline_gdt - trampoline)
	movl %cr0, %ecx
	andl $~CR0_CACHE_OFF, %ecx
	orl $CR0_PE, %ecx
	movl %ecx, %cr0
	ljmpl $CODE_SELECTOR, $started
trampoline_gdt:
	.word gdt_end - gdt - 1
	.long gdt
trampoline_end:

	.code32
started:
	load_segments
	movl cpus_stack, %esp
	call cpus_main

	/* What the handler gets is struct frame in interrupt.c. */
common:
	pushal
	cld
	pushl %esp
	call interrupt
	addl $4, %esp

	/*
	 * Back without iret, which KVM's instruction emulator does not know in protected mode (a guest may be
	 * run by it alone): flags, then a far return in the shadow of sti. Only code with interrupts on is
	 * interrupted. Where the shadow is lost, an interrupt before the far return must not pile up on the
	 * stack: its own frame is dropped.
	 */
	andl $~EFLAGS_IF, FRAME_EFLAGS(%esp)
	cmpl $far_return, FRAME_EIP(%esp)
	je 1f
	movl FRAME_EIP(%esp), %eax
	movl FRAME_CS(%esp), %ecx
	movl FRAME_EFLAGS(%esp), %edx
	movl %edx, FRAME_EIP(%esp)
	movl %eax, FRAME_CS(%esp)
	movl %ecx, FRAME_EFLAGS(%esp)
	popal
	addl $(FRAME_EIP - FRAME_VECTOR), %esp
	jmp 2f
1:	popal
	addl $(FRAME_EFLAGS - FRAME_VECTOR), %esp
2:	popfl
	sti
far_return:
	lret

	.macro stubs name, first, count, error_codes
	.balign 16
	.globl \name
\name:
	.set vector, \first
	.rept \count
	.balign 16
	.set pushes, 0
	.if \error_codes
	.set pushes, (\error_codes >> (vector - \first)) & 1
	.endif
	.if !pushes
	pushl $0
	.endif
	pushl $vector
	jmp common
	.set vector, vector + 1
	.endr
	.endm

	stubs exception_stubs, 0, EXCEPTIONS, ERROR_CODES
	stubs interrupt_stubs, EXCEPTIONS, (VECTORS - EXCEPTIONS), 0

	.data
	.balign 8
gdt:	.quad 0
	.quad 0x00cf9b000000ffff /* flat code */
	.quad 0x00cf93000000ffff /* flat data */
gdt_end:
gdt_pointer:
	.word gdt_end - gdt - 1
	.long gdt

	.bss
	.balign 16
stack:	.skip STACK_SIZE
	.section .note.GNU-stack, "", @progbits
