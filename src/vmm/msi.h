/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Registers of MSI and MSI-X (PCI 3.0, 6.8), for what shows them to the guest and what carries them out. */
#ifndef IG_MSI_H
#define IG_MSI_H

#include "vmm/vfio.h"

/* MSI (6.8.1): its registers after the header, and its control register. */
enum { MSI_CONTROL = 2, MSI_ADDRESS = 4, MSI_ADDRESS_HIGH = 8, MSI_SIZE = 10, MSI_SIZE_64 = 14 };
#define MSI_ENABLE         0x0001U
#define MSI_CAPABLE_SHIFT  1
#define MSI_ENABLED_SHIFT  4
#define MSI_COUNT_MASK     0x7U
#define MSI_64             0x0080U
#define MSI_MASKABLE       0x0100U
#define MSI_WRITABLE       (MSI_ENABLE | MSI_COUNT_MASK << MSI_ENABLED_SHIFT)
#define MSI_VECTORS_MAX    32U
#define MSI_MASK_SIZE      10U /* mask and pending bits, where there are any */

/* MSI-X (6.8.2). */
enum { MSIX_CONTROL = 2, MSIX_TABLE = 4, MSIX_SIZE = 12 };
enum { ENTRY_ADDRESS, ENTRY_ADDRESS_HIGH, ENTRY_DATA, ENTRY_CONTROL };
#define MSIX_COUNT_MASK    0x07ffU
#define MSIX_FUNCTION_MASK 0x4000U
#define MSIX_ENABLE        0x8000U
#define MSIX_WRITABLE      (MSIX_FUNCTION_MASK | MSIX_ENABLE)
#define MSIX_BAR_MASK      0x7U
#define MSIX_ENTRY_SIZE    16U
#define MSIX_ENTRY_MASKED  1U

#define VECTORS_MAX 64U /* of one device: its MSI-X table is shown to be no longer */

#endif
