/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The smallest VMM with a device assigned: it raises one event after another on an edu device, handled as by
 * a oneshot handler, until it is killed. And who kills hundreds of them, at moments that differ, most often
 * in a hold.
 */
#include "tests.h"

#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/guest.h"

enum { PATH_LENGTH = 80, WORK_US = 2000, EVENTS = 3, MOMENTS = 10, MOMENT_US = 400, TOLD = 50 };

/* What the two processes share. */
struct shared {
	atomic_uint events;	/* that were taken */
	atomic_bool held;	/* the pin is masked, and the EOI was sent */
};

static int open_group(const char *address)
{
	char path[PATH_LENGTH], group[PATH_LENGTH] = "";
	int container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC), fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", address);
	assert_true(readlink(path, group, sizeof(group) - 1) > 0);
	snprintf(path, sizeof(path), "/dev/vfio/%.20s", strrchr(group, '/') + 1);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(container >= 0 && fd >= 0);
	assert_int_equal(ioctl(fd, VFIO_GROUP_SET_CONTAINER, &container), 0);
	assert_int_equal(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU), 0);
	return fd;
}

static off_t region(int device, uint32_t index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	assert_int_equal(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info), 0);
	return (off_t)info.offset;
}

static void enable_memory(int device)
{
	const uint16_t command = PCI_COMMAND_MEMORY;
	off_t at = region(device, VFIO_PCI_CONFIG_REGION_INDEX) + PCI_COMMAND;

	assert_int_equal(pwrite(device, &command, sizeof(command), at), sizeof(command));
}

static void write_register(int device, off_t offset, uint32_t value)
{
	off_t at = region(device, VFIO_PCI_BAR0_REGION_INDEX) + offset;

	assert_int_equal(pwrite(device, &value, sizeof(value), at), sizeof(value));
}

static void set_eventfd(int device, uint32_t action, int eventfd)
{
	char memory[sizeof(struct vfio_irq_set) + sizeof(eventfd)];
	struct vfio_irq_set set = {
		.argsz = sizeof(memory), .flags = VFIO_IRQ_SET_DATA_EVENTFD | action,
		.index = VFIO_PCI_INTX_IRQ_INDEX, .count = 1,
	};

	memcpy(memory, &set, sizeof(set));
	memcpy(memory + sizeof(set), &eventfd, sizeof(eventfd));
	assert_int_equal(ioctl(device, VFIO_DEVICE_SET_IRQS, memory), 0);
}

/* The device is quieted first: it has no reset, and may be in the state in which the last victim left it. */
static int assign(struct fixture *f, const char *address)
{
	int device = ioctl(open_group(address), VFIO_GROUP_GET_DEVICE_FD, address);

	assert_true(device >= 0);
	enable_memory(device);
	write_register(device, IG_GUEST_DEVICE_ACK, UINT32_MAX);
	set_eventfd(device, VFIO_IRQ_SET_ACTION_TRIGGER, f->source.trigger);
	set_eventfd(device, VFIO_IRQ_SET_ACTION_UNMASK, f->source.resample);
	return device;
}

/* False: an interrupt was lost, or one came that was not of an event. */
static bool one_event(struct fixture *f, int device, struct shared *shared, unsigned int n)
{
	write_register(device, IG_GUEST_DEVICE_RAISE, 1);
	if (!comes(f->cpu, VECTOR, n))
		return false;
	guest_write_rte(f->cpu, GSI, VECTOR | LEVEL | MASKED);
	guest_eoi(f->cpu);
	shared->events = n;
	shared->held = true;
	usleep(WORK_US);
	write_register(device, IG_GUEST_DEVICE_ACK, UINT32_MAX);
	shared->held = false;
	guest_write_rte(f->cpu, GSI, VECTOR | LEVEL);
	return guest_look(f->cpu, VECTOR) == n;
}

static void be_killed(const char *address, struct shared *shared)
{
	struct fixture f;
	int device;

	fixture_open(&f, GSI);
	device = assign(&f, address);
	guest_write_rte(f.cpu, GSI, VECTOR | LEVEL);
	for (unsigned int n = 1; one_event(&f, device, shared, n); n++)
		;
	_exit(1);
}

/* Returns whether it lived until it was killed. */
static bool start_and_kill(const char *address, struct shared *shared, unsigned int round, unsigned int *held)
{
	pid_t pid;
	int status;

	shared->events = 0;
	shared->held = false;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		be_killed(address, shared);
	while (shared->events < EVENTS && waitpid(pid, &status, WNOHANG) == 0)
		usleep(MOMENT_US);
	usleep(round % MOMENTS * MOMENT_US);
	*held += shared->held;
	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
}

int kill_many(const char *address, unsigned int rounds)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int held = 0, round;

	assert_ptr_not_equal(shared, MAP_FAILED);
	for (round = 0; round < rounds; round++) {
		if (round && round % TOLD == 0)
			fprintf(stderr, "%u of %u VMMs were killed ...\n", round, rounds);
		if (!start_and_kill(address, shared, round, &held))
			break;
	}
	printf("%u of %u VMMs were killed, %u of them while an interrupt was held\n", round, rounds, held);
	return round != rounds;
}
