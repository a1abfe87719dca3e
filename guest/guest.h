/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What the small guests and the host agree on: ports, device registers and the lines of the report.
 * Used by the guests (freestanding) and by the command. Only constants; nothing here locks.
 */
#ifndef IG_GUEST_H
#define IG_GUEST_H

#define IG_GUEST_SERIAL_PORT 0x3f8 /* the report goes to this 16550 */
#define IG_GUEST_MARK_PORT 0x1e0   /* byte writes: the two ends of the measured phase */
#define IG_GUEST_MARK_BEGIN 1      /* a quiet wait follows, then the events */
#define IG_GUEST_MARK_END 2        /* a quiet wait follows, then the report */
#define IG_GUEST_EXIT_PORT 0xf4    /* a byte write ends the guest: 0 nothing lost, 1 lost or error */

/* Each line of the report starts with the prefix and one of these words. */
#define IG_GUEST_PREFIX "irqgate-guest: "
#define IG_GUEST_DONE IG_GUEST_PREFIX "done "
#define IG_GUEST_PROGRESS IG_GUEST_PREFIX "progress "
#define IG_GUEST_ERROR IG_GUEST_PREFIX "error: "

/* The device: QEMU's edu, or irqgate's built-in one; the same three registers in BAR 0. */
#define IG_GUEST_PCI_VENDOR 0x1234
#define IG_GUEST_PCI_EDU 0x11e8
#define IG_GUEST_PCI_BUILTIN 0x1e9a
#define IG_GUEST_DEVICE_STATUS 0x24 /* read: the events that wait; INTx is up while it is not 0 */
#define IG_GUEST_DEVICE_RAISE 0x60  /* write: sets these status bits */
#define IG_GUEST_DEVICE_ACK 0x64    /* write: clears these status bits */
#define IG_GUEST_DEVICE_DEAF 0x68   /* write, the built-in device: from now on its host hears of no resample */

/* Host only: the ELF image of guest/oneshot, embedded in the command. */
#if __STDC_HOSTED__
extern const unsigned char ig_guest_oneshot[];
extern const unsigned char ig_guest_oneshot_end[];
#endif

#endif
