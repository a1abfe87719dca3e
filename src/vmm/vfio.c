/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * An assigned vfio-pci device: its BARs mapped into the guest, its configuration space, its INTx through the
 * gate; see vfio.h.
 */
#include "vmm/vfio.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/cli.h"

#define BAR_IO_FLAGS     0x3U
#define BAR_MEMORY_FLAGS 0xfU
#define PAGE             UINT64_C(0x1000)

int ig_vfio_fail(const char *address, int error, const char *what)
{
	ig_error("%s: %s: %s", address, what, strerror(-error));
	return error;
}

static int fail(const struct ig_assigned *assigned, int error, const char *what)
{
	return ig_vfio_fail(assigned->address, error, what);
}

int ig_vfio_read_config(const struct ig_assigned *assigned, uint32_t offset, void *data, uint32_t size)
{
	return pread(assigned->fd, data, size, (off_t)(assigned->config_at + offset)) == (ssize_t)size ? 0
												       : -EIO;
}

static void read_config(struct ig_pci_device *pci, uint32_t offset, void *data, uint32_t size)
{
	if (ig_vfio_read_config((struct ig_assigned *)pci, offset, data, size))
		memset(data, 0xff, size); /* a device that is gone answers nothing any more */
}

static int open_device(struct ig_assigned *assigned)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	assigned->fd = ig_vfio_get_device(assigned->pci.vmm, assigned->address);
	if (assigned->fd < 0)
		return assigned->fd;
	if (ioctl(assigned->fd, VFIO_DEVICE_GET_INFO, &info))
		return fail(assigned, -errno, "cannot look at the device");
	assigned->resets = info.flags & VFIO_DEVICE_FLAGS_RESET && !ioctl(assigned->fd, VFIO_DEVICE_RESET);
	if (!assigned->resets)
		ig_error("%s: warning: it cannot be reset; the guest finds it as it was left, and leaves it "
			 "so",
			 assigned->address);
	return 0;
}

static int get_region(const struct ig_assigned *assigned, uint32_t index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){ .argsz = sizeof(*info), .index = index };
	return ioctl(assigned->fd, VFIO_DEVICE_GET_REGION_INFO, info) ? -errno : 0;
}

static void add_part(struct ig_vmm *vmm, struct ig_region *region, uint32_t index, uint64_t start,
		     uint64_t end)
{
	if (start >= end)
		return;
	region->part[index] = (struct ig_region_part){ start, end - start, vmm->slots++ };
}

/* The pages of an MSI-X table are ours to answer for. */
static void cut_region(struct ig_assigned *assigned, uint32_t index)
{
	const struct ig_messages *messages = &assigned->messages;
	struct ig_region *region = &assigned->region[index];
	uint64_t start = region->size, end = start;

	if (messages->table_size && messages->table_bar == index) {
		start = messages->table_at & ~(PAGE - 1);
		end = (messages->table_at + messages->table_size + PAGE - 1) & ~(PAGE - 1);
	}
	add_part(assigned->pci.vmm, region, 0, 0, start);
	add_part(assigned->pci.vmm, region, 1, end, region->size);
}

static void map_region(struct ig_assigned *assigned, uint32_t index, const struct vfio_region_info *info)
{
	struct ig_region *region = &assigned->region[index];
	void *map;

	if (!(info->flags & VFIO_REGION_INFO_FLAG_MMAP) || info->size % PAGE)
		return;
	map = mmap(NULL, info->size, PROT_READ | PROT_WRITE, MAP_SHARED, assigned->fd, (off_t)info->offset);
	if (map == MAP_FAILED)
		return; /* slower, but it works */
	region->map = map;
	cut_region(assigned, index);
}

static int open_bar(struct ig_assigned *assigned, uint32_t index)
{
	struct ig_pci_bar *bar = &assigned->pci.bar[index];
	struct ig_region *region = &assigned->region[index];
	struct vfio_region_info info;
	uint32_t value;
	int error = get_region(assigned, VFIO_PCI_BAR0_REGION_INDEX + index, &info);

	if (error || !info.size)
		return error;
	error = ig_vfio_read_config(assigned, IG_PCI_BAR0 + 4 * index, &value, sizeof(value));
	if (error)
		return error;
	if (info.size > UINT32_MAX / 4)
		return -EFBIG; /* there is no room for it below the chips */
	bar->flags = value & (value & IG_PCI_BAR_IO ? BAR_IO_FLAGS : BAR_MEMORY_FLAGS);
	bar->size = (uint32_t)info.size;
	region->offset = info.offset;
	region->size = info.size;
	if (!(bar->flags & IG_PCI_BAR_IO))
		map_region(assigned, index, &info);
	return 0;
}

static int open_bars(struct ig_assigned *assigned)
{
	for (uint32_t i = 0; i < IG_PCI_BARS; i++) {
		int error = open_bar(assigned, i);

		if (error)
			return fail(assigned, error, "cannot map one of its BARs");
	}
	if (!ig_pci_assign_bars(&assigned->pci))
		return 0;
	ig_error("%s: its BARs need more than the guest has left of 492 MiB for all", assigned->address);
	return -ENOSPC;
}

/*
 * What the guest sees is the device's own, but for the command register, BARs (the bus has them), the ROM
 * (there is none), the interrupt's line and pin, and what capabilities.c takes away.
 */
static int open_config(struct ig_assigned *assigned)
{
	struct ig_pci_device *pci = &assigned->pci;
	struct vfio_region_info info;
	int error = get_region(assigned, VFIO_PCI_CONFIG_REGION_INDEX, &info);

	if (error)
		return fail(assigned, error, "cannot find its configuration space");
	assigned->config_at = info.offset;
	memset(pci->real, 0xff, sizeof(pci->real));
	memset(&pci->real[IG_PCI_COMMAND], 0, 2);
	memset(&pci->real[IG_PCI_BAR0], 0, IG_PCI_BAR_END - IG_PCI_BAR0);
	memset(&pci->real[IG_PCI_ROM], 0, 4);
	memset(&pci->real[IG_PCI_INTERRUPT_LINE], 0, 2);
	pci->config[IG_PCI_INTERRUPT_LINE] = (uint8_t)pci->gsi;
	pci->config[IG_PCI_INTERRUPT_PIN] = IG_PCI_PIN_A;
	return ig_msi_open(assigned);
}

static void place_part(struct ig_vmm *vmm, const struct ig_region *region, const struct ig_region_part *part,
		       uint32_t address)
{
	if (part->size)
		ig_memory_set_slot(vmm, part->slot, address + part->start, address ? part->size : 0,
				   (char *)region->map + part->start, false);
}

/* A BAR that the guest decodes is memory of its own: accesses to it do not exit. */
static void place_region(struct ig_assigned *assigned, uint32_t index, bool decode)
{
	struct ig_region *region = &assigned->region[index];
	struct ig_vmm *vmm = assigned->pci.vmm;
	uint32_t address = decode ? assigned->pci.bar[index].address : 0;

	if (address < vmm->options.memory)
		address = 0;
	if (!region->map || region->mapped_at == address)
		return;
	for (uint32_t i = 0; i < IG_REGION_PARTS && region->mapped_at; i++)
		place_part(vmm, region, &region->part[i], 0);
	for (uint32_t i = 0; i < IG_REGION_PARTS && address; i++)
		place_part(vmm, region, &region->part[i],
			   address); /* if it overlaps another, accesses exit */
	region->mapped_at = address;
}

static void place_regions(struct ig_assigned *assigned, bool decode)
{
	for (uint32_t i = 0; i < IG_PCI_BARS; i++)
		place_region(assigned, i, decode);
}

static void update_regions(struct ig_assigned *assigned)
{
	place_regions(assigned, ig_pci_get16(&assigned->pci, IG_PCI_COMMAND) & IG_PCI_COMMAND_MEMORY);
}

/*
 * VFIO never sees the guest's interrupt-disable bit: clearing it would unmask the host, even in a hold. A BAR
 * that is no longer decoded leaves the guest's memory before the device stops answering.
 */
static void update(struct ig_pci_device *pci, uint16_t command)
{
	struct ig_assigned *assigned = (struct ig_assigned *)pci;
	uint16_t real = command & (uint16_t)~IG_PCI_COMMAND_INTX_DISABLE;
	ssize_t written;

	if (!(command & IG_PCI_COMMAND_MEMORY))
		place_regions(assigned, false);
	written = pwrite(assigned->fd, &real, sizeof(real), (off_t)(assigned->config_at + IG_PCI_COMMAND));
	(void)written;
	update_regions(assigned);
}

/* Asleep, it answers to nobody, and a vCPU that touches it faults: until it is told something, accesses exit. */
static bool withdraw(struct ig_pci_device *pci)
{
	struct ig_assigned *assigned = (struct ig_assigned *)pci;
	bool any = false;

	for (uint32_t i = 0; i < IG_PCI_BARS; i++)
		any |= assigned->region[i].mapped_at != 0;
	place_regions(assigned, false);
	return any;
}

static void write_config(struct ig_pci_device *pci, uint32_t offset, const void *data, uint32_t size)
{
	struct ig_assigned *assigned = (struct ig_assigned *)pci;
	ssize_t written;

	if (ig_msi_config_write(assigned, offset, data, size))
		return;
	written = pwrite(assigned->fd, data, size, (off_t)(assigned->config_at + offset));
	(void)written;
	update_regions(assigned); /* it may be awake now */
}

static void access_bar(struct ig_pci_device *pci, uint32_t bar, uint64_t offset, bool write, void *data,
		       uint32_t size)
{
	struct ig_assigned *assigned = (struct ig_assigned *)pci;
	off_t at = (off_t)(assigned->region[bar].offset + offset);
	ssize_t moved;

	if (ig_msi_bar_access(assigned, bar, offset, write, data, size))
		return;
	moved = write ? pwrite(assigned->fd, data, size, at) : pread(assigned->fd, data, size, at);
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
	if (pci->vmm->options.path == IRQGATE_PATH_USERSPACE ||
	    pci->vmm->options.policy != IRQGATE_POLICY_HOLD)
		*triggers = (int64_t)stats.triggers;
}

int ig_vfio_start_intx(struct ig_assigned *assigned)
{
	struct ig_pci_device *pci = &assigned->pci;
	struct irqgate_forwarded forwarded;
	int error = irqgate_vfio_intx_open(assigned->fd, &assigned->intx);

	if (error)
		return error;
	irqgate_vfio_intx_forwarded(assigned->intx, &forwarded);
	forwarded.name = assigned->address;
	error = irqgate_kvm_add_forwarded(pci->vmm->gate, pci->gsi, &forwarded, &pci->irq);
	if (error) {
		irqgate_vfio_intx_close(assigned->intx);
		assigned->intx = NULL;
		return error;
	}
	if (ig_pci_get16(pci, IG_PCI_COMMAND) & IG_PCI_COMMAND_INTX_DISABLE)
		irqgate_kvm_enable(pci->vmm->gate, pci->irq, false);
	assigned->interrupts = IG_INTERRUPTS_INTX;
	return 0;
}

void ig_vfio_stop_intx(struct ig_assigned *assigned)
{
	if (assigned->pci.irq)
		irqgate_kvm_remove(assigned->pci.vmm->gate, assigned->pci.irq);
	assigned->pci.irq = 0;
	irqgate_vfio_intx_close(assigned->intx);
	assigned->intx = NULL;
	if (assigned->interrupts == IG_INTERRUPTS_INTX)
		assigned->interrupts = IG_INTERRUPTS_NONE;
}

static int open_intx(struct ig_assigned *assigned)
{
	int error = ig_vfio_start_intx(assigned);

	if (error != -ENODEV)
		return error ? fail(assigned, error, "cannot forward its INTx") : 0;
	if (assigned->messages.vectors) {
		assigned->pci.config[IG_PCI_INTERRUPT_PIN] = 0;
		return 0;
	}
	ig_error("%s: has no INTx interrupt; if it has MSI, try --msi", assigned->address);
	return error;
}

/* The interrupts are off while the device is reset: it may raise one that nobody asked for. */
static int reset(struct ig_pci_device *pci)
{
	struct ig_assigned *assigned = (struct ig_assigned *)pci;
	int error = 0;

	ig_msi_reset(assigned);
	ig_vfio_stop_intx(assigned);
	if (assigned->resets)
		ioctl(assigned->fd, VFIO_DEVICE_RESET);
	if (pci->config[IG_PCI_INTERRUPT_PIN])
		error = ig_vfio_start_intx(assigned);
	return error ? fail(assigned, error, "cannot forward its INTx again after a reset") : 0;
}

static void close_regions(struct ig_assigned *assigned)
{
	for (uint32_t i = 0; i < IG_PCI_BARS; i++) {
		place_region(assigned, i, false);
		if (assigned->region[i].map)
			munmap(assigned->region[i].map, assigned->region[i].size);
	}
}

static void close_assigned(struct ig_pci_device *pci)
{
	struct ig_assigned *assigned = (struct ig_assigned *)pci;

	ig_msi_close(assigned);
	ig_vfio_stop_intx(assigned);
	close_regions(assigned);
	if (assigned->resets)
		ioctl(assigned->fd, VFIO_DEVICE_RESET);
	if (assigned->fd >= 0)
		close(assigned->fd);
	free(assigned);
}

static int open_all(struct ig_assigned *assigned)
{
	int error = open_device(assigned);

	if (!error)
		error = open_config(assigned);
	if (!error)
		error = open_bars(assigned);
	return error ? error : open_intx(assigned);
}

int ig_vfio_device_open(struct ig_vmm *vmm, const struct ig_device_option *option)
{
	struct ig_assigned *assigned = calloc(1, sizeof(*assigned));
	int error;

	if (!assigned)
		return ig_vfio_fail(option->address, -ENOMEM, "cannot assign it");
	assigned->address = option->address;
	assigned->fd = -1;
	assigned->pci = (struct ig_pci_device){
		.vmm = vmm,
		.gsi = option->gsi,
		.bar_access = access_bar,
		.update = update,
		.withdraw = withdraw,
		.config_read = read_config,
		.config_write = write_config,
		.count = count,
		.reset = reset,
		.close = close_assigned,
	};
	error = open_all(assigned);
	if (error) {
		close_assigned(&assigned->pci);
		return error;
	}
	ig_pci_plug(vmm, &assigned->pci);
	return 0;
}
