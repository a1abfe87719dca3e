/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The machine, as ACPI describes it (ACPI 6.3, chapter 19): a PCI bus whose slots have an interrupt line each, a serial
 * port, a clock. acpi.h has the addresses; they are checked where the table is loaded.
 */
#include "vmm/acpi.h"

DefinitionBlock ("", "DSDT", 2, "IRQGAT", "IRQGATE ", 1)
{
    Name (_S5, Package () { IG_ACPI_SLEEP_OFF, IG_ACPI_SLEEP_OFF, 0, 0 })

    OperationRegion (GSIS, SystemMemory, IG_ACPI_GSIS, 8)
    Field (GSIS, ByteAcc, NoLock, Preserve)
    {
        GS01, 8, GS02, 8, GS03, 8, GS04, 8, GS05, 8, GS06, 8, GS07, 8, GS08, 8
    }

    Scope (\_SB)
    {
        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A03"))
            Name (_UID, 0)
            Name (_BBN, 0)

            Name (_CRS, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0, 0, 0, 0, 1)
                IO (Decode16, 0x0CF8, 0x0CF8, 1, 8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                    0, IG_PCI_PORT_START, 0xFFFF, 0, 0x4000)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
                    0, IG_PCI_MEMORY_START, 0xFEBFFFFF, 0, 0x1EC00000)
            })

            // INTA of one slot: straight to a GSI, with no link device in between (6.2.13).
            Method (INTA, 2)
            {
                Local0 = Package (4) { 0, 0, 0, 0 }
                Local0 [0] = (Arg0 << 16) | 0xFFFF
                Local0 [3] = Arg1
                Return (Local0)
            }

            Method (_PRT)
            {
                Local0 = Package (8) { 0, 0, 0, 0, 0, 0, 0, 0 }
                Local0 [0] = INTA (1, GS01)
                Local0 [1] = INTA (2, GS02)
                Local0 [2] = INTA (3, GS03)
                Local0 [3] = INTA (4, GS04)
                Local0 [4] = INTA (5, GS05)
                Local0 [5] = INTA (6, GS06)
                Local0 [6] = INTA (7, GS07)
                Local0 [7] = INTA (8, GS08)
                Return (Local0)
            }
        }

        Device (COM1)
        {
            Name (_HID, EisaId ("PNP0501"))
            Name (_UID, 1)
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x03F8, 0x03F8, 1, 8)
                IRQNoFlags () { 4 }
            })
        }

        Device (RTC0)
        {
            Name (_HID, EisaId ("PNP0B00"))
            Name (_CRS, ResourceTemplate ()
            {
                IO (Decode16, 0x0070, 0x0070, 1, 2)
            })
        }
    }
}
