/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The calls that can fail, and a KVM and a VFIO device that are played; see calls.h. */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/kvm.h>
#include <linux/vfio.h>

#include "faults/table.h"

struct faults_world faults_world;

static uint32_t calls, armed, more_to_fail;
static const char *failed;
static struct faults_held held;

void faults_arm(uint32_t nth, uint32_t more)
{
	armed = nth;
	more_to_fail = more;
	calls = 0;
	failed = NULL;
}

uint32_t faults_calls(void)
{
	return calls;
}

const char *faults_failed(void)
{
	return failed;
}

struct faults_held faults_held(void)
{
	return held;
}

/* Whether this call is the one to fail, with its errno. */
static bool fails(const char *name, int error)
{
	bool again = failed && more_to_fail && !strcmp(name, failed);

	if (++calls != armed && !again)
		return false;
	more_to_fail -= again;
	failed = name;
	errno = error;
	return true;
}

/* The rows of the table, as the linker's wrappers. */
#define WRAP(type, name, parameters, arguments, result, error, kind, takes) \
	type __real_##name parameters;                              \
	type __wrap_##name parameters;                              \
	type __wrap_##name parameters                               \
	{                                                           \
		const int taken = (takes);                          \
		type value = fails(#name, error) ? (result) : __real_##name arguments; \
                                                                    \
		if (value != (result))                              \
			held.kind += taken;                         \
		return value;                                       \
	}

FAULTS_OF_MEMORY(WRAP)
FAULTS_OF_RESIZING(WRAP)
FAULTS_OF_DESCRIPTORS(WRAP)
FAULTS_OF_EVENTS(WRAP)
FAULTS_OF_STREAMS(WRAP)
FAULTS_OF_FILES(WRAP)

void faults_signal(int fd)
{
	const uint64_t one = 1;

	if (__real_write(fd, &one, sizeof(one)) < 0)
		perror("faults: an eventfd");
}

bool faults_was_signalled(int fd)
{
	uint64_t count;

	return __real_read(fd, &count, sizeof(count)) == sizeof(count);
}

int __real_epoll_ctl(int fd, int op, int of, struct epoll_event *event);
int __wrap_epoll_ctl(int fd, int op, int of, struct epoll_event *event);
void __real_free(void *block);
void __wrap_free(void *block);
int __real_close(int fd);
int __wrap_close(int fd);
int __real_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...);
ssize_t __real_pread64(int fd, void *to, size_t bytes, off64_t at);
ssize_t __wrap_pread64(int fd, void *to, size_t bytes, off64_t at);
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

/*
 * What only gives back does not fail, nor what changes what is there already: other operations than
 * EPOLL_CTL_ADD, close(), and the like of KVM and VFIO below.
 */
int __wrap_epoll_ctl(int fd, int op, int of, struct epoll_event *event)
{
	if (op == EPOLL_CTL_ADD && fails("epoll_ctl", ENOSPC))
		return -1;
	return __real_epoll_ctl(fd, op, of, event);
}

void __wrap_free(void *block)
{
	held.blocks -= block != NULL;
	__real_free(block);
}

int __wrap_close(int fd)
{
	held.descriptors--;
	return __real_close(fd);
}

int __wrap_fcntl64(int fd, int command, ...)
{
	va_list args;
	int argument;

	va_start(args, command);
	argument = va_arg(args, int);
	va_end(args);
	return fails("fcntl64", EBADF) ? -1 : __real_fcntl64(fd, command, argument);
}

ssize_t __wrap_pread64(int fd, void *to, size_t bytes, off64_t at)
{
	if (fails("pread64", EIO))
		return -1;
	if (fd != FAKE_DEVICE)
		return __real_pread64(fd, to, bytes, at);
	memset(to, 0, bytes);
	return (ssize_t)bytes;
}

/* The played VFIO device: masked at its trigger, until it is told to listen. */

static int set_interrupt(const struct vfio_irq_set *set)
{
	int fd = -1;

	if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		memcpy(&fd, set->data, sizeof(fd));
	if (set->flags & VFIO_IRQ_SET_ACTION_MASK) {
		faults_world.masked = true;
	} else if (set->flags & VFIO_IRQ_SET_ACTION_UNMASK) {
		faults_world.resample_fd = fd;
	} else {
		held.interrupts += (set->count && fd >= 0) - (faults_world.trigger_fd >= 0);
		faults_world.trigger_fd = fd;
		if (fd < 0)
			faults_world.resample_fd = -1;
	}
	return 0;
}

static int device_ioctl(unsigned long request, void *argument)
{
	struct vfio_irq_info *irq = argument;
	struct vfio_region_info *region = argument;

	if (request == VFIO_DEVICE_SET_IRQS)
		return set_interrupt(argument);
	if (request == VFIO_DEVICE_GET_IRQ_INFO) {
		irq->count = 1;
		irq->flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	} else {
		region->offset = 0;
		region->size = 256;
	}
	return 0;
}

/* The played KVM: a table of routes, irqfds, and LAPICs that hold nothing. */

static int set_irqfd(const struct kvm_irqfd *irqfd)
{
	bool assign = !(irqfd->flags & KVM_IRQFD_FLAG_DEASSIGN);

	if (!assign && faults_world.bound_fd != (int)irqfd->fd) {
		errno = ENOENT;
		return -1;
	}
	if (assign && faults_world.bound_fd >= 0) {
		errno = EBUSY;
		return -1;
	}
	faults_world.bound_fd = assign ? (int)irqfd->fd : -1;
	held.irqfds += assign ? 1 : -1;
	return 0;
}

static int kvm_ioctl(unsigned long request, void *argument)
{
	switch (request) {
	case KVM_CHECK_EXTENSION: return (long)argument == KVM_CAP_X2APIC_API ? 3 : 1;
	case KVM_ENABLE_CAP: return 0;
	case KVM_SET_GSI_ROUTING:
		faults_world.routes = ((const struct kvm_irq_routing *)argument)->nr;
		return 0;
	case KVM_IRQFD: return set_irqfd(argument);
	case KVM_SIGNAL_MSI:
		faults_world.messages++;
		return 1;
	case KVM_GET_LAPIC:
		memset(argument, 0, sizeof(struct kvm_lapic_state));
		return 0;
	default:
		errno = ENOTTY;
		return -1;
	}
}

static bool gives_back(unsigned long request, const void *argument)
{
	if (request == KVM_IRQFD)
		return ((const struct kvm_irqfd *)argument)->flags & KVM_IRQFD_FLAG_DEASSIGN;
	return request == VFIO_DEVICE_SET_IRQS && !((const struct vfio_irq_set *)argument)->count;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *argument;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	if (!gives_back(request, argument) && fails(fd == FAKE_DEVICE ? "ioctl of VFIO" : "ioctl of KVM", ENOMEM))
		return -1;
	if (fd == FAKE_DEVICE)
		return device_ioctl(request, argument);
	return fd == FAKE_VM || fd == FAKE_VCPU ? kvm_ioctl(request, argument) : __real_ioctl(fd, request, argument);
}
