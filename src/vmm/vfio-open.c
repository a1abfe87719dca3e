/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * How the assigned devices are opened: what is the same by iommufd and by groups (vfio-iommufd.c,
 * vfio-group.c), one of which has all of them. Main thread.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "vmm/vfio.h"

void ig_vfio_read_link(const char *address, const char *link, char name[NAME_MAX])
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, link);
	length = readlink(path, target, sizeof(target) - 1);
	target[length < 0 ? 0 : length] = '\0';
	snprintf(name, NAME_MAX, "%.*s", NAME_MAX - 1, strrchr(target, '/') ? strrchr(target, '/') + 1 : "");
}

static int check_device(const char *address, char group[NAME_MAX])
{
	char path[PATH_MAX], driver[NAME_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", address);
	if (access(path, F_OK)) {
		ig_error("%s: no such PCI device; 'ls /sys/bus/pci/devices' lists them", address);
		return -ENODEV;
	}
	ig_vfio_read_link(address, "driver", driver);
	if (strcmp(driver, "vfio-pci")) {
		ig_error("%s: bound to %s, not to vfio-pci; write vfio-pci to its driver_override, unbind "
			 "it, and write its address to /sys/bus/pci/drivers_probe",
			 address, *driver ? driver : "no driver");
		return -ENODEV;
	}
	ig_vfio_read_link(address, "iommu_group", group);
	if (!*group) {
		ig_error("%s: has no IOMMU group; turn the IOMMU on (intel_iommu=on)", address);
		return -ENODEV;
	}
	return 0;
}

/* The members of a group that keep it from being used: bound to a driver that is not VFIO's. */
static void name_members(const char *group, char *names, size_t size)
{
	char path[PATH_MAX], driver[NAME_MAX];
	struct dirent *entry;
	size_t length = 0;
	DIR *folder;

	names[0] = '\0';
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%s/devices", group);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		ig_vfio_read_link(entry->d_name, "driver", driver);
		if (*driver && strcmp(driver, "vfio-pci") && length < size)
			length += (size_t)snprintf(names + length, size - length, " %s (%s)", entry->d_name,
						   driver);
	}
	if (folder)
		closedir(folder);
}

int ig_vfio_not_viable(const char *address, const char *group)
{
	char names[512];

	name_members(group, names, sizeof(names));
	if (!names[0])
		return 0;
	ig_error("%s: its IOMMU group %s is not viable; bind all of it to vfio-pci, also%s", address, group,
		 names);
	return -EPERM;
}

int ig_vfio_in_use(const char *address, const char *group)
{
	ig_error("%s: its IOMMU group %s is in use: another VMM has it", address, group);
	return -EBUSY;
}

int ig_vfio_not_mapped(const struct ig_vmm *vmm, const char *address, int error)
{
	if (error != -ENOMEM)
		return ig_vfio_fail(address, error, "cannot map the guest's memory for DMA");
	ig_error("%s: cannot pin the guest's %llu MiB for DMA; raise the limit of locked memory (ulimit -l), "
		 "or give less with --mem",
		 address, (unsigned long long)(vmm->options.memory >> 20));
	return -ENOMEM;
}

/* By iommufd where that is asked for, or where the kernel has it for the device and nobody asks for groups. */
static int open_shared(struct ig_vmm *vmm, const char *address)
{
	struct ig_vfio *vfio = calloc(1, sizeof(*vfio));

	if (!vfio)
		return ig_vfio_fail(address, -ENOMEM, "cannot assign it");
	vmm->vfio = vfio;
	vfio->fd = -1;
	vfio->iommufd = vmm->options.iommu == IG_IOMMU_IOMMUFD ||
			(vmm->options.iommu == IG_IOMMU_AUTO && ig_iommufd_is_usable(address));
	return vfio->iommufd ? ig_iommufd_open(vmm, address) : ig_group_open_container(vmm, address);
}

int ig_vfio_get_device(struct ig_vmm *vmm, const char *address)
{
	char group[NAME_MAX];
	int error = check_device(address, group);

	if (!error && !vmm->vfio)
		error = open_shared(vmm, address);
	if (error)
		return error;
	if (vmm->vfio->iommufd)
		return ig_iommufd_get_device(vmm, address, group);
	return ig_group_get_device(vmm, address, group);
}

void ig_vfio_close(struct ig_vmm *vmm)
{
	struct ig_vfio *vfio = vmm->vfio;

	if (!vfio)
		return;
	ig_group_close_all(vfio);
	if (vfio->fd >= 0)
		close(vfio->fd);
	free(vfio);
	vmm->vfio = NULL;
}
