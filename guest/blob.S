/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The image of guest/oneshot as read-only data of the command (declared in guest.h). Nothing here locks. */
	.section .rodata
	.balign 16
	.globl ig_guest_oneshot, ig_guest_oneshot_end
	.hidden ig_guest_oneshot, ig_guest_oneshot_end
	.type ig_guest_oneshot, @object
ig_guest_oneshot:
	.incbin IG_GUEST_ELF
	.size ig_guest_oneshot, . - ig_guest_oneshot
ig_guest_oneshot_end:
	.byte 0
	.section .note.GNU-stack, "", @progbits
