/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Assigned devices by their IOMMU groups, in one container, which maps the guest's memory for DMA: what every
 * kernel with VFIO has. Main thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "vmm/vfio.h"

int ig_group_open_container(struct ig_vmm *vmm, const char *address)
{
	vmm->vfio->fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	return vmm->vfio->fd < 0 ? ig_vfio_fail(address, -errno, "cannot open /dev/vfio/vfio") : 0;
}

static int check_group(const char *address, const struct ig_vfio_group *group)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int error;

	if (ioctl(group->fd, VFIO_GROUP_GET_STATUS, &status))
		return ig_vfio_fail(address, -errno, "cannot look at its group");
	if (status.flags & VFIO_GROUP_FLAGS_VIABLE)
		return 0;
	error = ig_vfio_not_viable(address, group->name);
	return error ? error : ig_vfio_in_use(address, group->name);
}

static int set_iommu(const struct ig_vmm *vmm, const char *address)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)vmm->memory,
		.size = vmm->options.memory,
	};

	if (ioctl(vmm->vfio->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return ig_vfio_fail(address, -errno, "cannot use the IOMMU (vfio_iommu_type1)");
	return ioctl(vmm->vfio->fd, VFIO_IOMMU_MAP_DMA, &map) ? ig_vfio_not_mapped(vmm, address, -errno) : 0;
}

/* Opens the group in the last record, which is counted only once all of it is done. */
static int open_group(struct ig_vmm *vmm, const char *address)
{
	struct ig_vfio *vfio = vmm->vfio;
	struct ig_vfio_group *group = &vfio->group[vfio->groups];
	char path[PATH_MAX];
	int error;

	snprintf(path, sizeof(path), "/dev/vfio/%s", group->name);
	group->fd = open(path, O_RDWR | O_CLOEXEC);
	if (group->fd < 0 && errno == EBUSY)
		return ig_vfio_in_use(address, group->name);
	if (group->fd < 0)
		return ig_vfio_fail(address, -errno, "cannot open its IOMMU group in /dev/vfio (as root?)");
	error = check_group(address, group);
	if (!error && ioctl(group->fd, VFIO_GROUP_SET_CONTAINER, &vfio->fd))
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
static struct ig_vfio_group *get_group(struct ig_vmm *vmm, const char *address, const char *name, int *error)
{
	struct ig_vfio *vfio = vmm->vfio;
	struct ig_vfio_group *group = &vfio->group[vfio->groups];

	for (uint32_t i = 0; i < vfio->groups; i++)
		if (!strcmp(vfio->group[i].name, name))
			return &vfio->group[i];
	snprintf(group->name, sizeof(group->name), "%s", name);
	*error = open_group(vmm, address);
	return *error ? NULL : group;
}

int ig_group_get_device(struct ig_vmm *vmm, const char *address, const char *name)
{
	int error = 0, fd;
	struct ig_vfio_group *group = get_group(vmm, address, name, &error);

	if (!group)
		return error;
	fd = ioctl(group->fd, VFIO_GROUP_GET_DEVICE_FD, address);
	return fd < 0 ? ig_vfio_fail(address, -errno, "cannot open the device") : fd;
}

void ig_group_close_all(struct ig_vfio *vfio)
{
	while (vfio->groups)
		close(vfio->group[--vfio->groups].fd);
}
