/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Assigned devices (Linux, Documentation/driver-api/vfio.rst). Set up and closed by the main thread; what the
 * guest reaches is under pci.lock.
 */
#ifndef IG_VMM_VFIO_H
#define IG_VMM_VFIO_H

#include <limits.h>
#include <linux/vfio.h>

#include <irqgate/vfio.h>

#include "vmm/pci.h"

#define IG_REGION_PARTS 2U

/*
 * A BAR. The guest reaches its parts without an exit; what is between them, and all of it without a map, is
 * emulated.
 */
struct ig_region {
	uint64_t offset; /* in the device's descriptor */
	uint64_t size;
	void *map;
	struct ig_region_part {
		uint64_t start, size; /* 0: none */
		uint32_t slot;
	} part[IG_REGION_PARTS];
	uint32_t mapped_at; /* guest-physical; 0: nowhere */
};

enum ig_interrupts { IG_INTERRUPTS_NONE, IG_INTERRUPTS_INTX, IG_INTERRUPTS_MSI, IG_INTERRUPTS_MSIX };

/* An entry of an MSI-X table (PCI 3.0, 6.8.2), and what stands behind it; of MSI without the former. */
struct ig_message_vector {
	uint32_t entry[4];
	int event_fd; /* -1: none */
	bool bound;   /* the kernel sends the message */
};

/* Where a capability is in configuration space; size 0: there is none. Hidden, the guest can not reach it. */
struct ig_capability {
	uint32_t at, size;
	bool hidden;
};

/* What the guest sees of MSI and MSI-X; msi.c. */
struct ig_messages {
	struct ig_capability msi, msix;
	uint32_t table_bar;
	uint64_t table_at, table_size; /* in that BAR; size 0: no table of ours */
	uint32_t first_gsi;
	uint32_t vectors;              /* there is room for */
	uint32_t used;
	struct ig_message_vector *vector;
};

struct ig_assigned {
	struct ig_pci_device pci;
	const char *address;
	int fd;
	bool resets; /* VFIO can reset it */
	bool complained; /* of its interrupts */
	uint64_t config_at;
	struct ig_region region[IG_PCI_BARS];
	enum ig_interrupts interrupts; /* that are on */
	struct irqgate_vfio_intx *intx;
	struct ig_messages messages;
};

/* What the assigned devices share. */
struct ig_vfio {
	bool iommufd;   /* all of them are by it, or all by groups */
	int fd;         /* of /dev/iommu, or of the container */
	uint32_t space; /* iommufd: the guest's memory, once it is mapped there */
	bool mapped;
	uint32_t groups;
	struct ig_vfio_group {
		char name[NAME_MAX];
		int fd;
	} group[IG_DEVICES_MAX];
};

/* vfio-open.c: opens a device, the first time with what they share. Prints its error; a descriptor or -errno. */
int ig_vfio_get_device(struct ig_vmm *vmm, const char *address);
void ig_vfio_close(struct ig_vmm *vmm);

/* vfio-open.c: the last part of a link in the device's folder in sysfs, or "" where there is none. */
void ig_vfio_read_link(const char *address, const char *link, char name[NAME_MAX]);

/*
 * vfio-open.c: errors that have several causes, on stderr. Each returns a negative errno; the first one 0,
 * and prints nothing, where the group's other devices are not the cause.
 */
int ig_vfio_not_viable(const char *address, const char *group);
int ig_vfio_in_use(const char *address, const char *group);
int ig_vfio_not_mapped(const struct ig_vmm *vmm, const char *address, int error);

/* vfio-group.c and vfio-iommufd.c; each prints its error, and returns as ig_vfio_get_device() does. */
int ig_group_open_container(struct ig_vmm *vmm, const char *address);
int ig_group_get_device(struct ig_vmm *vmm, const char *address, const char *group);
void ig_group_close_all(struct ig_vfio *vfio);
bool ig_iommufd_is_usable(const char *address);
int ig_iommufd_open(struct ig_vmm *vmm, const char *address);
int ig_iommufd_get_device(struct ig_vmm *vmm, const char *address, const char *group);

/* vfio.c: "ADDRESS: WHAT: reason" on stderr; returns error. */
int ig_vfio_fail(const char *address, int error, const char *what);

/* vfio.c: configuration space as VFIO shows it. 0 or -EIO. */
int ig_vfio_read_config(const struct ig_assigned *assigned, uint32_t offset, void *data, uint32_t size);

/* vfio.c: turns INTx on, through the gate. 0 or a negative errno. */
int ig_vfio_start_intx(struct ig_assigned *assigned);
void ig_vfio_stop_intx(struct ig_assigned *assigned);

/*
 * capabilities.c: finds MSI and MSI-X, and hides them if the guest shall not have them. Before BARs are
 * mapped. Prints its error and returns 0 or a negative errno.
 */
int ig_msi_open(struct ig_assigned *assigned);
void ig_msi_close(struct ig_assigned *assigned);

/* msi.c: back to no messages, as after a reset. */
void ig_msi_reset(struct ig_assigned *assigned);

/* msi.c: a write to configuration space; whether it was to one of the capabilities. */
bool ig_msi_config_write(struct ig_assigned *assigned, uint32_t offset, const uint8_t *data, uint32_t size);

/* msi.c: an access to a BAR; whether it was to the table. */
bool ig_msi_bar_access(struct ig_assigned *assigned, uint32_t bar, uint64_t offset, bool write, void *data,
		       uint32_t size);

#endif
