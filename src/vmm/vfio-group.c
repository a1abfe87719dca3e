/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What the assigned devices share: one container, which maps the guest's memory for DMA, and their IOMMU
 * groups. Main thread.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "vmm/vfio.h"

struct ig_vfio {
	int container_fd;
	uint32_t groups;
	struct group {
		char name[NAME_MAX];
		int fd;
	} group[IG_DEVICES_MAX];
};

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

static int find_group(const char *address, char group[NAME_MAX])
{
	char path[PATH_MAX], driver[NAME_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", address);
	if (access(path, F_OK)) {
		ig_error("%s: no such PCI device; 'ls /sys/bus/pci/devices' lists them", address);
		return -ENODEV;
	}
	read_link(address, "driver", driver);
	if (strcmp(driver, "vfio-pci")) {
		ig_error("%s: bound to %s, not to vfio-pci; write vfio-pci to its driver_override, unbind "
			 "it, and "
			 "write its address to /sys/bus/pci/drivers_probe",
			 address, *driver ? driver : "no driver");
		return -ENODEV;
	}
	read_link(address, "iommu_group", group);
	if (!*group) {
		ig_error("%s: has no IOMMU group; turn the IOMMU on (intel_iommu=on)", address);
		return -ENODEV;
	}
	return 0;
}

static int open_container(struct ig_vmm *vmm, const char *address)
{
	struct ig_vfio *vfio = calloc(1, sizeof(*vfio));

	if (!vfio)
		return ig_vfio_fail(address, -ENOMEM, "cannot open a container");
	vmm->vfio = vfio;
	vfio->container_fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	return vfio->container_fd < 0 ? ig_vfio_fail(address, -errno, "cannot open /dev/vfio/vfio") : 0;
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
		read_link(entry->d_name, "driver", driver);
		if (*driver && strcmp(driver, "vfio-pci") && length < size)
			length += (size_t)snprintf(names + length, size - length, " %s (%s)", entry->d_name,
						   driver);
	}
	if (folder)
		closedir(folder);
}

static int check_group(const char *address, const struct group *group)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char names[512];

	if (ioctl(group->fd, VFIO_GROUP_GET_STATUS, &status))
		return ig_vfio_fail(address, -errno, "cannot look at its group");
	if (status.flags & VFIO_GROUP_FLAGS_VIABLE)
		return 0;
	name_members(group->name, names, sizeof(names));
	ig_error("%s: its IOMMU group %s is not viable; bind all of it to vfio-pci, also%s", address,
		 group->name, names);
	return -EPERM;
}

static int set_iommu(const struct ig_vmm *vmm, const char *address)
{
	int fd = vmm->vfio->container_fd;
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)vmm->memory,
		.size = vmm->options.memory,
	};

	if (ioctl(fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return ig_vfio_fail(address, -errno, "cannot use the IOMMU (vfio_iommu_type1)");
	if (!ioctl(fd, VFIO_IOMMU_MAP_DMA, &map))
		return 0;
	if (errno != ENOMEM)
		return ig_vfio_fail(address, -errno, "cannot map the guest's memory for DMA");
	ig_error("%s: cannot pin the guest's %llu MiB for DMA; raise the limit of locked memory (ulimit -l), "
		 "or give "
		 "less with --mem",
		 address, (unsigned long long)(vmm->options.memory >> 20));
	return -ENOMEM;
}

/* Opens the group in the last record, which is counted only once all of it is done. */
static int open_group(struct ig_vmm *vmm, const char *address)
{
	struct ig_vfio *vfio = vmm->vfio;
	struct group *group = &vfio->group[vfio->groups];
	char path[PATH_MAX];
	int error;

	snprintf(path, sizeof(path), "/dev/vfio/%s", group->name);
	group->fd = open(path, O_RDWR | O_CLOEXEC);
	if (group->fd < 0 && errno == EBUSY) {
		ig_error("%s: its IOMMU group %s is in use: another VMM has it", address, group->name);
		return -EBUSY;
	}
	if (group->fd < 0)
		return ig_vfio_fail(address, -errno, "cannot open its IOMMU group in /dev/vfio (as root?)");
	error = check_group(address, group);
	if (!error && ioctl(group->fd, VFIO_GROUP_SET_CONTAINER, &vfio->container_fd))
		error = ig_vfio_fail(address, -errno, "cannot put its IOMMU group into a container");
	if (!error && !vfio->groups)
		error = set_iommu(vmm, address);
	if (error)
		close(group->fd);
	else
		vfio->groups++;
	return error;
}

/* The group's record; it is opened for the first of its devices. */
static struct group *get_group(struct ig_vmm *vmm, const char *address, const char *name, int *error)
{
	struct ig_vfio *vfio = vmm->vfio;
	struct group *group = &vfio->group[vfio->groups];

	for (uint32_t i = 0; i < vfio->groups; i++)
		if (!strcmp(vfio->group[i].name, name))
			return &vfio->group[i];
	snprintf(group->name, sizeof(group->name), "%s", name);
	*error = open_group(vmm, address);
	return *error ? NULL : group;
}

int ig_vfio_get_device(struct ig_vmm *vmm, const char *address)
{
	char name[NAME_MAX];
	int error = find_group(address, name), fd;
	struct group *group;

	if (!error && !vmm->vfio)
		error = open_container(vmm, address);
	if (error)
		return error;
	group = get_group(vmm, address, name, &error);
	if (!group)
		return error;
	fd = ioctl(group->fd, VFIO_GROUP_GET_DEVICE_FD, address);
	return fd < 0 ? ig_vfio_fail(address, -errno, "cannot open the device") : fd;
}

void ig_vfio_close(struct ig_vmm *vmm)
{
	struct ig_vfio *vfio = vmm->vfio;

	if (!vfio)
		return;
	while (vfio->groups)
		close(vfio->group[--vfio->groups].fd);
	if (vfio->container_fd >= 0)
		close(vfio->container_fd);
	free(vfio);
	vmm->vfio = NULL;
}
