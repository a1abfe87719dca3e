/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Where the machine's ACPI hardware and tables are: for the tables, for the DSDT's source and for what
 * answers the guest. Only constants.
 */
#ifndef IG_ACPI_H
#define IG_ACPI_H

/*
 * Guest memory that the tables are in; it starts with the root pointer, where a BIOS's would be looked for
 * too.
 */
#define IG_ACPI_START 0xe0000
#define IG_ACPI_END   0x100000

/*
 * The GSI of the INTx of the device in each slot, from slot 1 on, one byte each: the DSDT's _PRT reads them.
 */
#define IG_ACPI_GSIS 0xe0040

/* Ports of the fixed hardware (ACPI 6.3, 4.8.3), and of PCI's reset control register. */
#define IG_ACPI_PM_EVENT   0x600
#define IG_ACPI_PM_CONTROL 0x604
#define IG_ACPI_PM_TIMER   0x608
#define IG_ACPI_PM_END     0x60c
#define IG_ACPI_RESET      0xcf9

#define IG_ACPI_SLEEP_OFF 5 /* SLP_TYP of S5 */
#define IG_ACPI_SCI       9

/* What the guest may give BARs. */
#define IG_PCI_MEMORY_START 0xe0000000
#define IG_PCI_MEMORY_END   0xfec00000
#define IG_PCI_PORT_START   0xc000
#define IG_PCI_PORT_END     0x10000

#endif
