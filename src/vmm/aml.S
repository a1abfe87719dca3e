/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The DSDT as read-only data of the command (declared in aml.h). Nothing here locks. */
	.section .rodata
	.balign 16
	.globl ig_dsdt, ig_dsdt_end
	.hidden ig_dsdt, ig_dsdt_end
	.type ig_dsdt, @object
ig_dsdt:
	.incbin IG_AML
	.size ig_dsdt, . - ig_dsdt
ig_dsdt_end:
	.byte 0
	.section .note.GNU-stack, "", @progbits
