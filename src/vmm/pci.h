/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * PCI: configuration mechanism 1, and one device at slot 1 of bus 0. Everything that a guest can reach is under
 * pci.lock; the device's close and count are called without it.
 */
#ifndef IG_PCI_H
#define IG_PCI_H

#include "vmm/vmm.h"

#define IG_PCI_BARS        6U
#define IG_PCI_CONFIG_SIZE 256U

struct ig_pci_bar {
	uint32_t size;    /* a power of two, or 0: none */
	uint32_t flags;   /* the read-only low bits */
	uint32_t address; /* where it is decoded; the upper half of a 64-bit BAR is always 0 */
	uint32_t probe;   /* what the guest wrote last, all ones while it asks for the size */
};

struct ig_pci_device {
	struct ig_vmm *vmm;
	uint8_t config[IG_PCI_CONFIG_SIZE]; /* what the guest reads, where the device has no more to say */
	struct ig_pci_bar bar[IG_PCI_BARS];

	/* An access to what a BAR decodes. */
	void (*bar_access)(struct ig_pci_device *device, uint32_t bar, uint64_t offset, bool write, void *data,
			   uint32_t size);
	/* The command register or a BAR changed. NULL: nothing to do. */
	void (*update)(struct ig_pci_device *device, uint16_t command);
	/* A write to configuration space that the bus does not know. NULL: ignored. */
	void (*config_write)(struct ig_pci_device *device, uint32_t offset, const void *data, uint32_t size);
	/* Brings config[] up to date before a read. NULL: it is. */
	void (*config_refresh)(struct ig_pci_device *device);
	/* Triggers and resamples so far, or -1. */
	void (*count)(struct ig_pci_device *device, int64_t *triggers, int64_t *resamples);
	void (*close)(struct ig_pci_device *device);
	irqgate_source irq;
};

/* Offsets and bits in configuration space (PCI 3.0, 6.1 and 6.2). */
enum {
	IG_PCI_VENDOR = 0x00,
	IG_PCI_DEVICE = 0x02,
	IG_PCI_COMMAND = 0x04,
	IG_PCI_STATUS = 0x06,
	IG_PCI_CLASS = 0x0a,
	IG_PCI_HEADER_TYPE = 0x0e,
	IG_PCI_BAR0 = 0x10,
	IG_PCI_BAR_END = 0x28,
	IG_PCI_ROM = 0x30,
	IG_PCI_CAPABILITIES = 0x34,
	IG_PCI_INTERRUPT_LINE = 0x3c,
	IG_PCI_INTERRUPT_PIN = 0x3d,
};

#define IG_PCI_COMMAND_IO           0x0001U
#define IG_PCI_COMMAND_MEMORY       0x0002U
#define IG_PCI_COMMAND_INTX_DISABLE 0x0400U
#define IG_PCI_STATUS_CAPABILITIES  0x0010U
#define IG_PCI_BAR_IO               0x1U
#define IG_PCI_BAR_64               0x4U

/* Gives every BAR an address, as firmware does. -ENOSPC: there is no room below the chips. */
int ig_pci_assign_bars(struct ig_pci_device *device);

/* Puts the device into the bus. */
void ig_pci_plug(struct ig_vmm *vmm, struct ig_pci_device *device);

/* Little-endian access to configuration space. */
uint16_t ig_pci_get16(const struct ig_pci_device *device, uint32_t offset);
void ig_pci_set16(struct ig_pci_device *device, uint32_t offset, uint16_t value);

/* Port and memory accesses of the guest; the latter two tell whether the device decodes them. */
void ig_pci_address_access(struct ig_vmm *vmm, bool write, void *data, uint32_t size);
void ig_pci_data_access(struct ig_vmm *vmm, uint32_t offset, bool write, void *data, uint32_t size);
bool ig_pci_port_access(struct ig_vmm *vmm, uint16_t port, bool write, void *data, uint32_t size);
bool ig_pci_mmio_access(struct ig_vmm *vmm, uint64_t address, bool write, void *data, uint32_t size);

/* The devices. Each prints its error and returns 0 or a negative errno. */
int ig_builtin_open(struct ig_vmm *vmm, struct ig_pci_device **device);
int ig_vfio_device_open(struct ig_vmm *vmm, const char *address, struct ig_pci_device **device);

#endif
