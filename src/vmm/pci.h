/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * PCI: configuration mechanism 1, bus 0 with a host bridge at slot 0 and a device, of one function, at each
 * slot from 1 on. Everything that a guest can reach is under pci.lock; what opens, resets and closes a device
 * runs in the main thread while no vCPU does, and count may be called at any time.
 */
#ifndef IG_PCI_H
#define IG_PCI_H

#include "vmm/vmm.h"

#define IG_PCI_BARS        6U
#define IG_PCI_CONFIG_SIZE 256U

struct ig_pci_bar {
	uint32_t size;    /* a power of two, or 0: none */
	uint32_t flags;   /* the read-only low bits */
	uint32_t home;    /* the address after a reset */
	uint32_t address; /* where it is decoded; the upper half of a 64-bit BAR is always 0 */
	uint32_t probe;   /* what the guest wrote last, all ones while it asks for the size */
};

struct ig_pci_device {
	struct ig_vmm *vmm;
	uint8_t config[IG_PCI_CONFIG_SIZE]; /* what the guest reads */
	uint8_t real[IG_PCI_CONFIG_SIZE];   /* the bits that come from the device instead */
	struct ig_pci_bar bar[IG_PCI_BARS];
	uint32_t gsi;       /* of its INTx */
	irqgate_source irq; /* 0: it has none at the moment */

	/* An access to what a BAR decodes. */
	void (*bar_access)(struct ig_pci_device *device, uint32_t bar, uint64_t offset, bool write,
			   void *data, uint32_t size);
	/* The command register or a BAR changed. NULL: nothing to do. */
	void (*update)(struct ig_pci_device *device, uint16_t command);
	/* Takes its BARs out of the guest's memory for now; whether any was there. NULL: none is that can fault. */
	bool (*withdraw)(struct ig_pci_device *device);
	/* A write to configuration space that the bus does not know. NULL: ignored. */
	void (*config_write)(struct ig_pci_device *device, uint32_t offset, const void *data, uint32_t size);
	/* Reads the device's own; needed where any bit is real. */
	void (*config_read)(struct ig_pci_device *device, uint32_t offset, void *data, uint32_t size);
	/* Triggers and resamples so far, or -1. NULL: no such thing. */
	void (*count)(struct ig_pci_device *device, int64_t *triggers, int64_t *resamples);
	/*
	 * The machine is reset; the registers that the bus knows are already. 0 or a negative errno. NULL:
	 * nothing to do.
	 */
	int (*reset)(struct ig_pci_device *device);
	void (*close)(struct ig_pci_device *device);
};

/* Offsets and bits in configuration space (PCI 3.0, 6.1 and 6.2). */
enum {
	IG_PCI_VENDOR = 0x00,
	IG_PCI_DEVICE = 0x02,
	IG_PCI_COMMAND = 0x04,
	IG_PCI_STATUS = 0x06,
	IG_PCI_CLASS = 0x0a,
	IG_PCI_CACHE_LINE = 0x0c,
	IG_PCI_BAR0 = 0x10,
	IG_PCI_BAR_END = 0x28,
	IG_PCI_ROM = 0x30,
	IG_PCI_CAPABILITIES = 0x34,
	IG_PCI_INTERRUPT_LINE = 0x3c,
	IG_PCI_INTERRUPT_PIN = 0x3d,
	IG_PCI_HEADER_END = 0x40,
};

#define IG_PCI_COMMAND_IO           0x0001U
#define IG_PCI_COMMAND_MEMORY       0x0002U
#define IG_PCI_COMMAND_INTX_DISABLE 0x0400U
#define IG_PCI_STATUS_CAPABILITIES  0x10U /* of its lower byte */
#define IG_PCI_BAR_IO               0x1U
#define IG_PCI_BAR_64               0x4U
#define IG_PCI_PIN_A                1U

/* An empty bus, with its host bridge. Prints its error and returns 0 or a negative errno. */
int ig_pci_open(struct ig_vmm *vmm);

/* Closes the devices. */
void ig_pci_close(struct ig_vmm *vmm);

/* Resets the devices. The errors are printed; returns 0 or the last of them. */
int ig_pci_reset(struct ig_vmm *vmm);

/* Gives every BAR an address, as firmware does. -ENOSPC: there is no room below the chips. */
int ig_pci_assign_bars(struct ig_pci_device *device);

/* Puts the device into the next slot; there is one. */
void ig_pci_plug(struct ig_vmm *vmm, struct ig_pci_device *device);

/* Little-endian access to config[]. */
uint16_t ig_pci_get16(const struct ig_pci_device *device, uint32_t offset);
void ig_pci_set16(struct ig_pci_device *device, uint32_t offset, uint16_t value);

/* Port and memory accesses of the guest; the latter two tell whether a device decodes them. */
void ig_pci_address_access(struct ig_vmm *vmm, bool write, void *data); /* 32 bits */
void ig_pci_data_access(struct ig_vmm *vmm, uint32_t offset, bool write, void *data, uint32_t size);
bool ig_pci_port_access(struct ig_vmm *vmm, uint16_t port, bool write, void *data, uint32_t size);
bool ig_pci_mmio_access(struct ig_vmm *vmm, uint64_t address, bool write, void *data, uint32_t size);

/*
 * A vCPU has faulted on what the guest sees as memory: BARs are taken out of that, so that accesses exit.
 * Whether any was there.
 */
bool ig_pci_withdraw(struct ig_vmm *vmm);

/* The devices, each in the next slot. Each prints its error and returns 0 or a negative errno. */
int ig_builtin_open(struct ig_vmm *vmm);
int ig_vfio_device_open(struct ig_vmm *vmm, const struct ig_device_option *option);

#endif
