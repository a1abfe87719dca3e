/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The assigned devices, by sysfs; see device.h. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/cli.h"
#include "guest/guest.h"
#include "lab/device.h"
#include "lab/files.h"

#define DEVICES "/sys/bus/pci/devices"
#define DRIVER "/sys/bus/pci/drivers/vfio-pci"

enum { TRIES = 3 };

/* 8254x software developer's manual: reading ICR (13.4.17) acks all causes, IMC (13.4.21) masks them. */
#define E1000_ICR 0xc0
#define E1000_IMC 0xd8

static void write_register(volatile uint32_t *registers, size_t offset, uint32_t value)
{
	registers[offset / sizeof(*registers)] = value;
}

static void quiet_edu(volatile uint32_t *registers)
{
	write_register(registers, IG_GUEST_DEVICE_ACK, UINT32_MAX);
}

static void quiet_e1000(volatile uint32_t *registers)
{
	write_register(registers, E1000_IMC, UINT32_MAX);
	(void)registers[E1000_ICR / sizeof(*registers)];
}

static const struct ig_device_kind {
	const char *name;
	int vendor, device;
	void (*quiet)(volatile uint32_t *registers);
} kinds[] = {
	{ "edu", IG_GUEST_PCI_VENDOR, IG_GUEST_PCI_EDU, quiet_edu },
	{ "e1000", 0x8086, 0x100e, quiet_e1000 },
};

static const struct ig_device_kind *find_kind(const char *name)
{
	size_t i = 0;

	while (strcmp(kinds[i].name, name))
		i++;
	return &kinds[i];
}

static int read_id(const char *folder, const char *name)
{
	char *text = ig_file_read("%s/%s", folder, name);
	int id = text ? (int)strtol(text, NULL, 16) : -1;

	free(text);
	return id;
}

int ig_device_find(struct ig_device *device, const char *name)
{
	const struct ig_device_kind *kind = find_kind(name);
	glob_t found;

	*device = (struct ig_device){ .kind = kind };
	if (glob(DEVICES "/*", 0, NULL, &found))
		found.gl_pathc = 0;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *folder = found.gl_pathv[i];

		if (read_id(folder, "vendor") == kind->vendor && read_id(folder, "device") == kind->device)
			snprintf(device->address, sizeof(device->address), "%.15s", strrchr(folder, '/') + 1);
	}
	globfree(&found);
	if (device->address[0])
		return 0;
	ig_error("no %s device (%04x:%04x) on this machine: 'irqgate lab' makes one that has it", name,
		 (unsigned int)kind->vendor, (unsigned int)kind->device);
	return -ENODEV;
}

/* What gives back is tried again. Where there is nothing to take it from, all is well. */
static int write_surely(const char *text, const char *path)
{
	int error = -EAGAIN;

	for (int tries = 0; error && tries < TRIES; tries++) {
		error = ig_file_write(text, "%s", path);
		if (error == -ENODEV || error == -ENOENT)
			return 0;
	}
	return error;
}

static int unbind(const struct ig_device *device)
{
	return write_surely(device->address, DRIVER "/unbind");
}

/* No driver holds it now, so its memory must be enabled for the moment. */
static int quiet(struct ig_device *device)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	volatile uint32_t *registers;
	char path[80], enable[80];
	int fd, error;

	snprintf(enable, sizeof(enable), DEVICES "/%s/enable", device->address);
	error = ig_file_write("1", "%s", enable);
	if (error)
		return error;
	snprintf(path, sizeof(path), DEVICES "/%s/resource0", device->address);
	fd = open(path, O_RDWR | O_CLOEXEC);
	registers = fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (registers == MAP_FAILED) {
		error = -errno;
	} else {
		device->kind->quiet(registers);
		munmap((void *)registers, size);
	}
	if (fd >= 0)
		close(fd);
	write_surely("0", enable);
	return error;
}

static bool has_driver(const struct ig_device *device)
{
	char path[80];

	snprintf(path, sizeof(path), DRIVER "/%s", device->address);
	return !access(path, F_OK);
}

int ig_device_bind(struct ig_device *device)
{
	int error = unbind(device);

	if (!error)
		error = quiet(device);
	if (!error)
		error = ig_file_write("vfio-pci", DEVICES "/%s/driver_override", device->address);
	if (!error)
		error = ig_file_write(device->address, "/sys/bus/pci/drivers_probe");
	if (!error && !has_driver(device))
		error = access(DRIVER, F_OK) ? -ENOENT : -EBUSY; /* there is none; or it has another */
	if (error) {
		ig_error("cannot give the device %s to vfio-pci: %s", device->address, strerror(-error));
		ig_device_release(device);
	}
	return error;
}

void ig_device_release(struct ig_device *device)
{
	char override[80];
	int error = unbind(device), of_override;

	snprintf(override, sizeof(override), DEVICES "/%s/driver_override", device->address);
	of_override = write_surely("\n", override);
	if (error || of_override)
		ig_error("cannot take the device %s back from vfio-pci: %s; write its address to " DRIVER "/unbind, "
			 "and an empty line to %s", device->address, strerror(-(error ? error : of_override)), override);
}

/* " 21:   12   3   IO-APIC   21-fasteoi   vfio-intx(0000:00:01.0)" */
static int64_t sum_line(const char *line)
{
	const char *at = strchr(line, ':');
	int64_t sum = 0;

	for (at = at ? at + 1 : ""; ; ) {
		char *end;
		long long count = strtoll(at, &end, 10);

		if (end == at || !isspace((unsigned char)*end))
			return sum;
		sum += count;
		at = end;
	}
}

int64_t ig_device_interrupts(const struct ig_device *device)
{
	char *text = ig_file_read("/proc/interrupts"), name[40];
	int64_t count = IG_UNKNOWN;

	snprintf(name, sizeof(name), "vfio-intx(%s)", device->address);
	for (char *rest = text, *line; rest && (line = strsep(&rest, "\n"));)
		if (strstr(line, name))
			count = sum_line(line);
	free(text);
	return count;
}
