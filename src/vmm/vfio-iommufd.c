/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Assigned devices by iommufd (Linux 6.6 and later, Documentation/userspace-api/iommufd.rst): each device has
 * a node of its own, and one I/O address space maps the guest's memory for all of them. Main thread.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "vmm/vfio.h"

#define IOMMUFD "/dev/iommu"

/*
 * The calls (include/uapi/linux/iommufd.h and vfio.h), by names of our own: the headers that this is built
 * with may be older than the kernel that it runs on, or have them.
 */
#define CALL_ALLOC_SPACE _IO(';', 0x81)
#define CALL_MAP         _IO(';', 0x85)
#define CALL_BIND        _IO(VFIO_TYPE, VFIO_BASE + 18)
#define CALL_ATTACH      _IO(VFIO_TYPE, VFIO_BASE + 19)

#define MAP_FIXED_ADDRESS (1U << 0)
#define MAP_WRITABLE      (1U << 1)
#define MAP_READABLE      (1U << 2)

struct alloc_space {
	uint32_t size, flags, space;
};

struct map {
	uint32_t size, flags, space, reserved;
	uint64_t host, length, guest;
};

struct bind {
	uint32_t size, flags;
	int32_t iommufd;
	uint32_t device;
};

struct attach {
	uint32_t size, flags, space;
};

/* The device's own node, or "" where this kernel has none. */
static void find_node(const char *address, char *path, size_t size)
{
	char folder[PATH_MAX];
	struct dirent *entry;
	DIR *names;

	path[0] = '\0';
	snprintf(folder, sizeof(folder), "/sys/bus/pci/devices/%s/vfio-dev", address);
	names = opendir(folder);
	while (names && (entry = readdir(names)))
		if (entry->d_name[0] != '.')
			snprintf(path, size, "/dev/vfio/devices/%s", entry->d_name);
	if (names)
		closedir(names);
}

bool ig_iommufd_is_usable(const char *address)
{
	char node[PATH_MAX];

	find_node(address, node, sizeof(node));
	return !access(IOMMUFD, R_OK | W_OK) && node[0] && !access(node, R_OK | W_OK);
}

int ig_iommufd_open(struct ig_vmm *vmm, const char *address)
{
	struct alloc_space alloc = { .size = sizeof(alloc) };

	vmm->vfio->fd = open(IOMMUFD, O_RDWR | O_CLOEXEC);
	if (vmm->vfio->fd < 0)
		return ig_vfio_fail(address, -errno, "cannot open " IOMMUFD " (--iommu group does without)");
	if (ioctl(vmm->vfio->fd, CALL_ALLOC_SPACE, &alloc))
		return ig_vfio_fail(address, -errno, "cannot make an I/O address space");
	vmm->vfio->space = alloc.space;
	return 0;
}

/* The kernel tells with the same errors of a device that is open already and of a group that others use. */
static int bind_device(const struct ig_vfio *vfio, int fd, const char *address, const char *group)
{
	struct bind bind = { .size = sizeof(bind), .iommufd = vfio->fd };
	int error;

	if (!ioctl(fd, CALL_BIND, &bind))
		return 0;
	error = -errno;
	if (ig_vfio_not_viable(address, group))
		return -EPERM;
	if (error == -EBUSY || error == -EPERM || error == -EINVAL)
		return ig_vfio_in_use(address, group);
	return ig_vfio_fail(address, error, "cannot bind it to iommufd");
}

/* Nothing is pinned before a device is attached. */
static int map_memory(const struct ig_vmm *vmm, const char *address)
{
	struct map map = {
		.size = sizeof(map),
		.flags = MAP_FIXED_ADDRESS | MAP_WRITABLE | MAP_READABLE,
		.space = vmm->vfio->space,
		.host = (uintptr_t)vmm->memory,
		.length = vmm->options.memory,
	};

	return ioctl(vmm->vfio->fd, CALL_MAP, &map) ? ig_vfio_not_mapped(vmm, address, -errno) : 0;
}

static int attach(struct ig_vmm *vmm, int fd, const char *address)
{
	struct attach attach = { .size = sizeof(attach), .space = vmm->vfio->space };
	int error;

	if (ioctl(fd, CALL_ATTACH, &attach))
		return ig_vfio_fail(address, -errno, "cannot attach it to the guest's memory");
	if (vmm->vfio->mapped)
		return 0;
	error = map_memory(vmm, address);
	vmm->vfio->mapped = !error;
	return error;
}

static int open_node(const char *address)
{
	char node[PATH_MAX];
	int fd;

	find_node(address, node, sizeof(node));
	if (!node[0]) {
		ig_error("%s: this kernel has no node for it in /dev/vfio/devices; --iommu group does without",
			 address);
		return -ENODEV;
	}
	fd = open(node, O_RDWR | O_CLOEXEC);
	return fd < 0 ? ig_vfio_fail(address, -errno, "cannot open its node in /dev/vfio/devices (as root?)") : fd;
}

int ig_iommufd_get_device(struct ig_vmm *vmm, const char *address, const char *group)
{
	int fd = open_node(address), error;

	if (fd < 0)
		return fd;
	error = bind_device(vmm->vfio, fd, address, group);
	if (!error)
		error = attach(vmm, fd, address);
	if (!error)
		return fd;
	close(fd);
	return error;
}
