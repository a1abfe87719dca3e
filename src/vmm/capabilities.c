/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The capabilities that an assigned device shows (PCI 3.0, 6.7): its own, but MSI and MSI-X are hidden, or
 * msi.c answers for them. Main thread, before any vCPU runs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/msi.h"

enum { CAPABILITY_MSI = 0x05, CAPABILITY_MSIX = 0x11, CAPABILITY_NEXT = 1, CAPABILITIES_MAX = 48 };

#define CAPABILITY_ALIGNED 0xfcU

/* The capability is the guest's: it sees what is in config[] now, and what it writes goes nowhere else. */
static void take_over(struct ig_assigned *assigned, const struct ig_capability *capability)
{
	struct ig_pci_device *pci = &assigned->pci;

	ig_vfio_read_config(assigned, capability->at, &pci->config[capability->at], capability->size);
	memset(&pci->real[capability->at], 0, capability->size);
	if (capability->hidden)
		memset(&pci->config[capability->at], 0, capability->size);
}

/* There are no masks of vectors here: so they are not shown. */
static void take_msi(struct ig_assigned *assigned, uint32_t at)
{
	struct ig_messages *messages = &assigned->messages;
	uint16_t control = 0;

	ig_vfio_read_config(assigned, at + MSI_CONTROL, &control, sizeof(control));
	messages->msi = (struct ig_capability){
		.at = at,
		.size = (control & MSI_64 ? MSI_SIZE_64 : MSI_SIZE) +
			(control & MSI_MASKABLE ? MSI_MASK_SIZE : 0),
		.hidden = !assigned->pci.vmm->options.msi,
	};
	take_over(assigned, &messages->msi);
	if (messages->msi.hidden)
		return;
	ig_pci_set16(&assigned->pci, at + MSI_CONTROL, control & (uint16_t)~(MSI_MASKABLE | MSI_WRITABLE));
	messages->vectors = 1U << (control >> MSI_CAPABLE_SHIFT & MSI_COUNT_MASK);
	if (messages->vectors > MSI_VECTORS_MAX)
		messages->vectors = MSI_VECTORS_MAX;
}

static void take_msix(struct ig_assigned *assigned, uint32_t at)
{
	struct ig_messages *messages = &assigned->messages;
	uint32_t table, count;
	uint16_t control;

	messages->msix = (struct ig_capability){ at, MSIX_SIZE, !assigned->pci.vmm->options.msi };
	take_over(assigned, &messages->msix);
	if (messages->msix.hidden)
		return;
	control = ig_pci_get16(&assigned->pci, at + MSIX_CONTROL);
	memcpy(&table, &assigned->pci.config[at + MSIX_TABLE], sizeof(table));
	count = (control & MSIX_COUNT_MASK) + 1;
	if (count > VECTORS_MAX)
		count = VECTORS_MAX;
	ig_pci_set16(&assigned->pci, at + MSIX_CONTROL, (uint16_t)(count - 1));
	messages->table_bar = table & MSIX_BAR_MASK;
	messages->table_at = table & ~MSIX_BAR_MASK;
	messages->table_size = count * MSIX_ENTRY_SIZE;
	if (count > messages->vectors)
		messages->vectors = count;
}

static bool is_hidden(const struct ig_capability *capability, uint32_t at)
{
	return capability->size && capability->hidden && capability->at == at;
}

/* Leaves a hidden capability out of the list; `link` is where its address is. */
static void unlink_capability(struct ig_assigned *assigned, uint32_t link, uint8_t next)
{
	assigned->pci.config[link] = next;
	assigned->pci.real[link] = 0;
}

/* Follows the list as the device has it, which may be damaged: it ends after as many as there can be. */
static void walk(struct ig_assigned *assigned)
{
	const struct ig_messages *messages = &assigned->messages;
	uint32_t link = IG_PCI_CAPABILITIES;
	uint8_t at = 0, header[2];

	ig_vfio_read_config(assigned, IG_PCI_CAPABILITIES, &at, 1);
	for (uint32_t i = 0; i < CAPABILITIES_MAX; i++) {
		at &= CAPABILITY_ALIGNED;
		if (at < IG_PCI_HEADER_END || ig_vfio_read_config(assigned, at, header, sizeof(header)))
			return;
		if (header[0] == CAPABILITY_MSI && !messages->msi.size)
			take_msi(assigned, at);
		else if (header[0] == CAPABILITY_MSIX && !messages->msix.size)
			take_msix(assigned, at);
		if (is_hidden(&messages->msi, at) || is_hidden(&messages->msix, at))
			unlink_capability(assigned, link, header[CAPABILITY_NEXT]);
		else
			link = at + (uint32_t)CAPABILITY_NEXT;
		at = header[CAPABILITY_NEXT];
	}
}

int ig_msi_open(struct ig_assigned *assigned)
{
	struct ig_messages *messages = &assigned->messages;
	struct ig_pci_device *pci = &assigned->pci;

	walk(assigned);
	if (!pci->real[IG_PCI_CAPABILITIES] && !pci->config[IG_PCI_CAPABILITIES])
		pci->real[IG_PCI_STATUS] = (uint8_t)~IG_PCI_STATUS_CAPABILITIES; /* the list is empty now */
	if (!messages->vectors)
		return 0;
	messages->vector = calloc(messages->vectors, sizeof(*messages->vector));
	if (!messages->vector)
		return ig_vfio_fail(assigned->address, -ENOMEM, "cannot let its MSI through");
	messages->first_gsi = pci->vmm->pci.next_gsi;
	pci->vmm->pci.next_gsi += messages->vectors;
	ig_msi_reset(assigned);
	return 0;
}

