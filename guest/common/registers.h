/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Where the interrupt controllers are, and the bits of their registers: the local APIC (SDM volume 3,
 * chapter 10), the IOAPIC (82093AA, chapter 3; its EOI register: ICH9, 13.5), the pair of 8259As (Intel
 * 231468; its ELCR: ICH9, 13.4), and the 8254 (Intel 231164).
 */
#ifndef REGISTERS_H
#define REGISTERS_H

#define ID_SHIFT 24 /* of an APIC id, wherever it is the upper byte */

#define LAPIC 0xfee00000
#define LAPIC_ID (LAPIC + 0x20)
#define LAPIC_VERSION (LAPIC + 0x30)
#define LAPIC_TPR (LAPIC + 0x80)
#define LAPIC_EOI (LAPIC + 0xb0)
#define LAPIC_LDR (LAPIC + 0xd0)
#define LAPIC_DFR (LAPIC + 0xe0)
#define LAPIC_SVR (LAPIC + 0xf0)
#define LAPIC_TMR (LAPIC + 0x180)
#define LAPIC_ICR_LOW (LAPIC + 0x300)
#define LAPIC_ICR_HIGH (LAPIC + 0x310)
#define LAPIC_LVT_LINT0 (LAPIC + 0x350)
#define SVR_ENABLE 0x100
#define SVR_SUPPRESS_EOI 0x1000
#define VERSION_SUPPRESS_EOI 0x1000000
#define LVT_MASKED 0x10000
#define LVT_EXTINT 0x700
#define DFR_FLAT 0xffffffff
#define DFR_CLUSTER 0x0fffffff
#define ICR_INIT 0x4500 /* delivery mode INIT, assert */
#define ICR_STARTUP 0x4600
#define ICR_PENDING 0x1000

#define IOAPIC 0xfec00000
#define IOAPIC_SELECT (IOAPIC + 0x00)
#define IOAPIC_WINDOW (IOAPIC + 0x10)
#define IOAPIC_EOI (IOAPIC + 0x40)
#define IOAPIC_ID 0x00
#define IOAPIC_VERSION 0x01
#define IOAPIC_ARBITRATION 0x02
#define IOAPIC_RTE_LOW(pin) (0x10 + 2 * (pin))
#define IOAPIC_RTE_HIGH(pin) (0x11 + 2 * (pin))
#define RTE_VECTOR 0xff
#define RTE_FIXED 0x000
#define RTE_LOWEST 0x100
#define RTE_SMI 0x200
#define RTE_NMI 0x400
#define RTE_INIT 0x500
#define RTE_EXTINT 0x700
#define RTE_LOGICAL 0x800
#define RTE_DELIVERY_STATUS 0x1000
#define RTE_ACTIVE_LOW 0x2000
#define RTE_REMOTE_IRR 0x4000
#define RTE_LEVEL 0x8000
#define RTE_MASKED 0x10000

#define MASTER 0x20
#define SLAVE 0xa0
#define DATA 1     /* from a chip's command port to its data port */
#define ELCR 0x4d0 /* one bit an IRQ, in two ports */
#define CHIP_IRQS 8
#define CASCADE 2  /* the master's input for the slave */
#define ICW1 0x11  /* ICW4 follows; edges, but where ELCR says level */
#define ICW1_LEVEL 0x08
#define ICW4 0x01  /* 8086 mode, without automatic EOI */
#define ICW4_AUTO_EOI 0x02
#define ICW4_SPECIAL_NESTED 0x10
#define OCW2_ROTATE_AUTO_CLEAR 0x00
#define OCW2_EOI 0x20
#define OCW2_SPECIFIC_EOI 0x60
#define OCW2_ROTATE_AUTO_SET 0x80
#define OCW2_ROTATE 0xa0
#define OCW2_SET_PRIORITY 0xc0
#define OCW2_ROTATE_SPECIFIC 0xe0
#define OCW3_READ_IRR 0x0a
#define OCW3_READ_ISR 0x0b
#define OCW3_POLL 0x0c
#define OCW3_SPECIAL_MASK_OFF 0x48
#define OCW3_SPECIAL_MASK_ON 0x68
#define POLL_INTERRUPT 0x80

#define PIT_COUNTER_0 0x40
#define PIT_CONTROL 0x43
#define PIT_COUNTER_0_MODE_0 0x30 /* both bytes of the count follow */

#endif
