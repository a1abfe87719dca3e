/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * An assigned vfio-pci device (Linux, Documentation/driver-api/vfio.rst): its group and container, DMA to the
 * guest's memory, its BARs mapped into the guest, its configuration space, and its INTx through the gate. Set up
 * and closed by the main thread; what the guest reaches is under pci.lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <irqgate/vfio.h>

#include "cli/cli.h"
#include "vmm/pci.h"

#define BAR_IO_FLAGS     0x3U
#define BAR_MEMORY_FLAGS 0xfU
#define PAGE             0x1000U

struct region {
	uint64_t offset; /* in the device's descriptor */
	void *map;       /* NULL: accesses are emulated */
	uint64_t size;
	uint32_t slot;
	uint32_t mapped_at; /* guest-physical; 0: nowhere */
};

struct assigned {
	struct ig_pci_device pci;
	const char *address;
	int container_fd, group_fd, fd;
	struct irqgate_vfio_intx *intx;
	uint64_t config_at;
	struct region region[IG_PCI_BARS];
};

static int fail(const struct assigned *assigned, int error, const char *what)
{
	ig_error("%s: %s: %s", assigned->address, what, strerror(-error));
	return error;
}

/* The last part of a link in the device's folder in sysfs, or "" where there is none. */
static void read_link(const char *address, const char *link, char name[NAME_MAX])
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, link);
	length = readlink(path, target, sizeof(target) - 1);
	target[length < 0 ? 0 : length] = '\0';
	snprintf(name, NAME_MAX, "%.*s", NAME_MAX - 1, strrchr(target, '/') ? strrchr(target, '/') + 1 : "");
}

static int find_group(const struct assigned *assigned, char group[NAME_MAX])
{
	char path[PATH_MAX], driver[NAME_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", assigned->address);
	if (access(path, F_OK)) {
		ig_error("%s: no such PCI device; 'ls /sys/bus/pci/devices' lists them", assigned->address);
		return -ENODEV;
	}
	read_link(assigned->address, "driver", driver);
	if (strcmp(driver, "vfio-pci")) {
		ig_error("%s: bound to %s, not to vfio-pci; write vfio-pci to its driver_override, unbind it, and "
			 "write its address to /sys/bus/pci/drivers_probe",
			 assigned->address, *driver ? driver : "no driver");
		return -ENODEV;
	}
	read_link(assigned->address, "iommu_group", group);
	if (!*group) {
		ig_error("%s: has no IOMMU group; turn the IOMMU on (intel_iommu=on)", assigned->address);
		return -ENODEV;
	}
	return 0;
}

static int open_group(struct assigned *assigned)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char group[NAME_MAX], path[PATH_MAX];
	int error = find_group(assigned, group);

	if (error)
		return error;
	snprintf(path, sizeof(path), "/dev/vfio/%s", group);
	assigned->container_fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (assigned->container_fd < 0)
		return fail(assigned, -errno, "cannot open /dev/vfio/vfio");
	assigned->group_fd = open(path, O_RDWR | O_CLOEXEC);
	if (assigned->group_fd < 0)
		return fail(assigned, -errno, "cannot open its group in /dev/vfio (as root? another VMM has it?)");
	if (ioctl(assigned->group_fd, VFIO_GROUP_GET_STATUS, &status))
		return fail(assigned, -errno, "cannot look at its group");
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE)) {
		ig_error("%s: its group %s is not viable; bind the other devices of the group to vfio-pci too",
			 assigned->address, group);
		return -EPERM;
	}
	if (ioctl(assigned->group_fd, VFIO_GROUP_SET_CONTAINER, &assigned->container_fd))
		return fail(assigned, -errno, "cannot put its group into a container");
	if (ioctl(assigned->container_fd, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU))
		return fail(assigned, -errno, "cannot use the IOMMU (vfio_iommu_type1)");
	return 0;
}

static int open_device(struct assigned *assigned)
{
	struct ig_vmm *vmm = assigned->pci.vmm;
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)vmm->memory,
		.size = vmm->options.memory,
	};

	if (ioctl(assigned->container_fd, VFIO_IOMMU_MAP_DMA, &map))
		return fail(assigned, -errno, "cannot map the guest's memory for DMA (is ulimit -l too low?)");
	assigned->fd = ioctl(assigned->group_fd, VFIO_GROUP_GET_DEVICE_FD, assigned->address);
	if (assigned->fd < 0)
		return fail(assigned, -errno, "cannot open the device");
	ioctl(assigned->fd, VFIO_DEVICE_RESET); /* not every device can */
	return 0;
}

static int get_region(const struct assigned *assigned, uint32_t index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){ .argsz = sizeof(*info), .index = index };
	return ioctl(assigned->fd, VFIO_DEVICE_GET_REGION_INFO, info) ? -errno : 0;
}

static int read_config(const struct assigned *assigned, uint32_t offset, void *data, uint32_t size)
{
	return pread(assigned->fd, data, size, (off_t)(assigned->config_at + offset)) == (ssize_t)size ? 0 : -EIO;
}

static void map_region(struct assigned *assigned, struct region *region, const struct vfio_region_info *info)
{
	void *map;

	if (!(info->flags & VFIO_REGION_INFO_FLAG_MMAP) || info->size % PAGE)
		return;
	map = mmap(NULL, info->size, PROT_READ | PROT_WRITE, MAP_SHARED, assigned->fd, (off_t)info->offset);
	if (map == MAP_FAILED)
		return; /* slower, but it works */
	region->map = map;
	region->slot = assigned->pci.vmm->slots++;
}

static int open_bar(struct assigned *assigned, uint32_t index)
{
	struct ig_pci_bar *bar = &assigned->pci.bar[index];
	struct region *region = &assigned->region[index];
	struct vfio_region_info info;
	uint32_t value;
	int error = get_region(assigned, VFIO_PCI_BAR0_REGION_INDEX + index, &info);

	if (error || !info.size)
		return error;
	error = read_config(assigned, IG_PCI_BAR0 + 4 * index, &value, sizeof(value));
	if (error)
		return error;
	if (info.size > UINT32_MAX / 4)
		return -EFBIG; /* there is no room for it below the chips */
	bar->flags = value & (value & IG_PCI_BAR_IO ? BAR_IO_FLAGS : BAR_MEMORY_FLAGS);
	bar->size = (uint32_t)info.size;
	region->offset = info.offset;
	region->size = info.size;
	if (!(bar->flags & IG_PCI_BAR_IO))
		map_region(assigned, region, &info);
	return 0;
}

/* What the guest sees: the device's own registers, without its capabilities: MSI would bypass the gate. */
static void refresh_config(struct ig_pci_device *pci)
{
	struct assigned *assigned = (struct assigned *)pci;
	uint16_t command = ig_pci_get16(pci, IG_PCI_COMMAND);
	uint8_t line = pci->config[IG_PCI_INTERRUPT_LINE];

	if (read_config(assigned, 0, pci->config, IG_PCI_CONFIG_SIZE))
		memset(pci->config, 0xff, IG_PCI_CONFIG_SIZE);
	ig_pci_set16(pci, IG_PCI_COMMAND, command);
	ig_pci_set16(pci, IG_PCI_STATUS, ig_pci_get16(pci, IG_PCI_STATUS) & (uint16_t)~IG_PCI_STATUS_CAPABILITIES);
	pci->config[IG_PCI_INTERRUPT_LINE] = line;
	memset(&pci->config[IG_PCI_ROM], 0, 4);
	pci->config[IG_PCI_CAPABILITIES] = 0;
}

static int open_bars(struct assigned *assigned)
{
	struct vfio_region_info info;
	int error = get_region(assigned, VFIO_PCI_CONFIG_REGION_INDEX, &info);

	if (error)
		return fail(assigned, error, "cannot find its configuration space");
	assigned->config_at = info.offset;
	for (uint32_t i = 0; i < IG_PCI_BARS; i++) {
		error = open_bar(assigned, i);
		if (error)
			return fail(assigned, error, "cannot map one of its BARs");
	}
	if (ig_pci_assign_bars(&assigned->pci)) {
		ig_error("%s: its BARs need more than the 492 MiB that the guest has for them", assigned->address);
		return -ENOSPC;
	}
	refresh_config(&assigned->pci);
	assigned->pci.config[IG_PCI_INTERRUPT_LINE] = (uint8_t)assigned->pci.vmm->options.gsi;
	ig_pci_set16(&assigned->pci, IG_PCI_COMMAND, 0);
	return 0;
}

/* A BAR that the guest decodes is memory of its own: accesses to it do not exit. */
static void place_region(struct assigned *assigned, uint32_t index, bool decode)
{
	struct region *region = &assigned->region[index];
	uint32_t address = decode ? assigned->pci.bar[index].address : 0;

	if (!region->map || region->mapped_at == address)
		return;
	if (region->mapped_at)
		ig_vmm_set_slot(assigned->pci.vmm, region->slot, region->mapped_at, 0, NULL, false);
	region->mapped_at = 0;
	if (address >= assigned->pci.vmm->options.memory &&
	    !ig_vmm_set_slot(assigned->pci.vmm, region->slot, address, region->size, region->map, false))
		region->mapped_at = address;
}

/* VFIO never sees the guest's interrupt-disable bit: clearing it would unmask the host, even in a hold. */
static void update(struct ig_pci_device *pci, uint16_t command)
{
	struct assigned *assigned = (struct assigned *)pci;
	uint16_t real = command & (uint16_t)~IG_PCI_COMMAND_INTX_DISABLE;
	ssize_t written = pwrite(assigned->fd, &real, sizeof(real), (off_t)(assigned->config_at + IG_PCI_COMMAND));

	(void)written; /* a device that is gone answers nothing any more */
	for (uint32_t i = 0; i < IG_PCI_BARS; i++)
		place_region(assigned, i, command & IG_PCI_COMMAND_MEMORY);
}

static void write_config(struct ig_pci_device *pci, uint32_t offset, const void *data, uint32_t size)
{
	struct assigned *assigned = (struct assigned *)pci;
	ssize_t written = pwrite(assigned->fd, data, size, (off_t)(assigned->config_at + offset));

	(void)written;
}

static void access_bar(struct ig_pci_device *pci, uint32_t bar, uint64_t offset, bool write, void *data,
		       uint32_t size)
{
	struct assigned *assigned = (struct assigned *)pci;
	off_t at = (off_t)(assigned->region[bar].offset + offset);
	ssize_t moved = write ? pwrite(assigned->fd, data, size, at) : pread(assigned->fd, data, size, at);

	if (!write && moved != (ssize_t)size)
		memset(data, 0xff, size);
}

/* On the direct path the kernel takes the triggers: then nobody here can count them. */
static void count(struct ig_pci_device *pci, int64_t *triggers, int64_t *resamples)
{
	struct irqgate_source_stats stats;

	*triggers = *resamples = -1;
	if (irqgate_kvm_source_stats(pci->vmm->gate, pci->irq, &stats))
		return;
	*resamples = (int64_t)stats.resamples;
	if (pci->vmm->options.path == IRQGATE_PATH_USERSPACE || pci->vmm->options.policy != IRQGATE_POLICY_HOLD)
		*triggers = (int64_t)stats.triggers;
}

static void close_regions(struct assigned *assigned)
{
	for (uint32_t i = 0; i < IG_PCI_BARS; i++) {
		place_region(assigned, i, false);
		if (assigned->region[i].map)
			munmap(assigned->region[i].map, assigned->region[i].size);
	}
}

static void close_assigned(struct ig_pci_device *pci)
{
	struct assigned *assigned = (struct assigned *)pci;

	if (pci->irq)
		irqgate_kvm_remove(pci->vmm->gate, pci->irq);
	irqgate_vfio_intx_close(assigned->intx);
	close_regions(assigned);
	if (assigned->fd >= 0) {
		ioctl(assigned->fd, VFIO_DEVICE_RESET);
		close(assigned->fd);
	}
	if (assigned->group_fd >= 0)
		close(assigned->group_fd);
	if (assigned->container_fd >= 0)
		close(assigned->container_fd);
	free(assigned);
}

static int open_intx(struct assigned *assigned)
{
	struct ig_vmm *vmm = assigned->pci.vmm;
	struct irqgate_forwarded forwarded;
	int error = irqgate_vfio_intx_open(assigned->fd, &assigned->intx);

	if (error == -ENODEV) {
		ig_error("%s: has no INTx interrupt; irqgate forwards no other kind", assigned->address);
		return error;
	}
	if (error)
		return fail(assigned, error, "cannot enable its INTx");
	irqgate_vfio_intx_forwarded(assigned->intx, &forwarded);
	error = irqgate_kvm_add_forwarded(vmm->gate, vmm->options.gsi, &forwarded, &assigned->pci.irq);
	return error ? fail(assigned, error, "cannot add its INTx to the gate") : 0;
}

int ig_vfio_device_open(struct ig_vmm *vmm, const char *address, struct ig_pci_device **device)
{
	struct assigned *assigned = calloc(1, sizeof(*assigned));
	int error;

	if (!assigned) {
		ig_error("out of memory");
		return -ENOMEM;
	}
	assigned->address = address;
	assigned->container_fd = assigned->group_fd = assigned->fd = -1;
	assigned->pci = (struct ig_pci_device){
		.vmm = vmm,
		.bar_access = access_bar,
		.update = update,
		.config_write = write_config,
		.config_refresh = refresh_config,
		.count = count,
		.close = close_assigned,
	};
	error = open_group(assigned);
	if (!error)
		error = open_device(assigned);
	if (!error)
		error = open_bars(assigned);
	if (!error)
		error = open_intx(assigned);
	if (error) {
		close_assigned(&assigned->pci);
		return error;
	}
	ig_pci_plug(vmm, &assigned->pci);
	*device = &assigned->pci;
	return 0;
}
