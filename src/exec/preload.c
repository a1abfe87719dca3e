/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The functions of libc's that are watched, in its place: each makes the real call, and notes what it means.
 * See exec.h. A call that does not concern us costs the look at its number, or at the descriptor's place in a
 * table.
 */
#undef _FILE_OFFSET_BITS /* it would give some of these functions the names of others */

#include "exec/exec.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

#define PREFIX "irqgate: "

/* A pipe that polls as writable takes as much without blocking (POSIX: PIPE_BUF). */
#define LINE_SIZE 512

struct ig_exec ig_exec;
struct ig_real ig_real;

static pthread_mutex_t mutex;
static __thread bool inside;
static pid_t process;
static struct stat log_file; /* the VMM's stderr as it was at its start; no inode: none */

static void *real(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static void find_real(void)
{
	ig_real.ioctl = (int (*)(int, unsigned long, ...))real("ioctl");
	ig_real.close = (int (*)(int))real("close");
	ig_real.dup = (int (*)(int))real("dup");
	ig_real.dup2 = (int (*)(int, int))real("dup2");
	ig_real.dup3 = (int (*)(int, int, int))real("dup3");
	ig_real.fcntl = (int (*)(int, int, ...))real("fcntl");
	ig_real.close_range = (int (*)(unsigned int, unsigned int, int))real("close_range");
	ig_real.pwrite = (ssize_t (*)(int, const void *, size_t, off_t))real("pwrite");
}

/* Other libraries may call before our constructor has run. */
static const struct ig_real *libc(void)
{
	if (!ig_real.pwrite)
		find_real();
	return &ig_real;
}

/* A child that was forked off a VMM is a helper of the VMM's; and one made by vfork() shares our memory. */
bool ig_exec_lock(void)
{
	if (inside || ig_exec.off || getpid() != process)
		return false;
	inside = true;
	pthread_mutex_lock(&mutex);
	return true;
}

void ig_exec_unlock(void)
{
	pthread_mutex_unlock(&mutex);
	inside = false;
}

/*
 * The VMM may close its stderr, and open a disk there. A copy of it would not do: whoever reads the stderr of
 * a VMM that becomes a daemon waits until all have closed it.
 */
static bool has_log(void)
{
	struct stat now;

	return !fstat(STDERR_FILENO, &now) && now.st_ino && now.st_ino == log_file.st_ino &&
	       now.st_dev == log_file.st_dev;
}

/* A line that would have to wait for whoever reads it is dropped: vCPUs may be waiting for this thread. */
void ig_exec_say(const char *format, ...)
{
	struct pollfd log = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[LINE_SIZE] = PREFIX;
	size_t length = strlen(PREFIX);
	va_list args;

	va_start(args, format);
	length += (size_t)vsnprintf(line + length, sizeof(line) - length, format, args);
	va_end(args);
	if (length > sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	if (!has_log() || poll(&log, 1, 0) != 1 || !(log.revents & POLLOUT))
		return;
	if (write(log.fd, line, length) < 0)
		return; /* there is nowhere else to say it */
}

/* Where the kernel does not tell (a seccomp filter may forbid the question), it is taken to be readable. */
bool ig_exec_can_read(const void *at, size_t bytes)
{
	uint8_t copy[32];
	const struct iovec to = { copy, bytes }, from = { (void *)(uintptr_t)at, bytes };
	ssize_t count = process_vm_readv(getpid(), &to, 1, &from, 1, 0);

	return count < 0 ? errno != EFAULT : (size_t)count == bytes;
}

/* A VMM that becomes a daemon does so before it makes a VM: from there on the child is the VMM. */
static void before_fork(void)
{
	if (!inside)
		pthread_mutex_lock(&mutex);
}

static void after_fork_in_parent(void)
{
	if (!inside)
		pthread_mutex_unlock(&mutex);
}

/* The lock is held over calls that a vCPU of high priority may wait for. */
static void make_lock(void)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
}

/* The lock belongs to the thread that forked. By its number the child's only thread is another: it makes a new one. */
static void after_fork_in_child(void)
{
	if (!inside)
		make_lock();
	ig_helper_forked();
	ig_stats_forked();
	process = getpid();
	ig_exec.off = ig_exec.off || ig_exec.vms;
}

__attribute__((constructor)) static void begin(void)
{
	libc();
	make_lock();
	process = getpid();
	ig_exec_read_settings(&ig_exec.config);
	if (fstat(STDERR_FILENO, &log_file))
		log_file.st_ino = 0;
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

__attribute__((destructor)) static void end(void)
{
	struct ig_text json = { .bytes = NULL };

	if (!ig_exec_lock())
		return;
	if ((ig_exec.vms || ig_exec.records) && ig_exec.config.stats_seconds >= 0)
		ig_stats_print();
	if (ig_exec.vms || !ig_exec.config.follow) /* of the many that follow, the VMM writes */
		json = ig_stats_json();
	ig_exec_unlock();
	ig_stats_write(json, true);
}

/* KVM_RUN is most of what there is: it takes the lock only after an exit that matters. */
static int run_vcpu(int fd, void *argument)
{
	struct ig_vcpu *vcpu = ig_fd_find(fd, IG_VCPU);
	int result;

	if (!vcpu || !ig_vcpu_hold(vcpu))
		return libc()->ioctl(fd, KVM_RUN, argument);
	if (vcpu->exit != IG_EXIT_NOTHING && ig_exec_lock()) {
		ig_split_apply(vcpu);
		ig_exec_unlock();
	}
	result = ig_real.ioctl(fd, KVM_RUN, argument);
	if (result == 0)
		ig_split_exit(vcpu);
	ig_vcpu_release(vcpu);
	return result;
}

static void vm_did(struct ig_vm *vm, unsigned long request, const void *argument, int result)
{
	const struct kvm_enable_cap *cap = argument;

	switch (request) {
	case KVM_CREATE_VCPU: ig_vcpu_created(vm, result); break;
	case KVM_CREATE_IRQCHIP: ig_vm_chip(vm, IG_CHIP_KERNEL, 0); break;
	case KVM_IRQFD: ig_vm_irqfd(vm, argument); break;
	case KVM_SET_GSI_ROUTING: ig_kernel_set_routes(vm, argument); break;
	case KVM_REGISTER_COALESCED_MMIO: ig_vm_coalesced(vm, argument); break;
	case KVM_ENABLE_CAP:
		if (cap->cap == KVM_CAP_SPLIT_IRQCHIP)
			ig_vm_chip(vm, IG_CHIP_SPLIT, cap->args[0]);
		break;
	}
}

/* After the real call, and only if that went well. */
static void did(int fd, unsigned long request, const void *argument, int result)
{
	struct ig_vm *vm = ig_fd_find(fd, IG_VM);
	const struct ig_vcpu *vcpu = ig_fd_find(fd, IG_VCPU);
	bool writes_state = request == KVM_SET_LAPIC || request == KVM_SET_MP_STATE;

	if (request == KVM_CREATE_VM)
		ig_vm_created(result);
	else if (request == VFIO_GROUP_GET_DEVICE_FD)
		ig_device_opened(result, argument);
	else if (request == VFIO_DEVICE_SET_IRQS && !ig_fd_object(fd))
		ig_device_first_set_irqs(fd, argument);
	else if (vcpu && writes_state)
		ig_vm_state_written(vcpu->vm);
	else if (vm)
		vm_did(vm, request, argument, result);
}

static bool is_watched(unsigned long request)
{
	switch (request) {
	case KVM_CREATE_VM:
	case KVM_CREATE_VCPU:
	case KVM_CREATE_IRQCHIP:
	case KVM_ENABLE_CAP:
	case KVM_IRQFD:
	case KVM_SET_GSI_ROUTING:
	case KVM_REGISTER_COALESCED_MMIO:
	case KVM_SET_LAPIC:
	case KVM_SET_MP_STATE:
	case VFIO_GROUP_GET_DEVICE_FD:
	case VFIO_DEVICE_SET_IRQS:
		return true;
	default:
		return false;
	}
}

static int watch(int fd, unsigned long request, void *argument)
{
	int result = libc()->ioctl(fd, request, argument), error = errno;

	if (result >= 0 && ig_exec_lock()) {
		did(fd, request, argument, result);
		ig_exec_unlock();
	}
	errno = error;
	return result;
}

/* Calls on a device's interrupts are carried out under the lock, as some of them do not reach VFIO as they are. */
static int device_call(int fd, struct ig_device *device, unsigned long request, void *argument)
{
	int result, error;

	if (!ig_exec_lock())
		return libc()->ioctl(fd, request, argument);
	if (request == VFIO_DEVICE_SET_IRQS)
		result = ig_device_set_irqs(device, argument);
	else
		result = ig_device_set_feature(device, argument);
	error = errno;
	ig_exec_unlock();
	errno = error;
	return result;
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	struct ig_device *device;
	void *argument;
	va_list args;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	request = (unsigned int)request; /* all that the kernel looks at; some bindings extend its sign */
	if (request == KVM_RUN)
		return run_vcpu(fd, argument);
	device = request == VFIO_DEVICE_SET_IRQS || request == VFIO_DEVICE_FEATURE ? ig_fd_find(fd, IG_DEVICE) : NULL;
	if (device)
		return device_call(fd, device, request, argument);
	if (is_watched(request))
		return watch(fd, request, argument);
	return libc()->ioctl(fd, request, argument);
}

static void eventfd_closing(int fd)
{
	ig_for_each_vm(vm)
		ig_vm_eventfd_closing(vm, fd);
	ig_for_each_device(device)
		ig_device_eventfd_closing(device, fd);
	ig_fd_remove(fd);
}

/* A descriptor is about to be closed: from then on its number may be another's. A close that succeeds keeps errno. */
static void closing(int fd)
{
	struct ig_object *object = ig_fd_object(fd);
	int error = errno;

	if (!object || !ig_exec_lock())
		return;
	if (object->kind == IG_EVENTFD) {
		eventfd_closing(fd);
	} else if (ig_fd_remove(fd)) {
		if (object->kind == IG_DEVICE)
			ig_device_closed((struct ig_device *)object);
		else if (object->kind == IG_VCPU)
			ig_vcpu_closed((struct ig_vcpu *)object);
		else
			ig_vm_closed((struct ig_vm *)object);
	}
	ig_exec_unlock();
	errno = error;
}

EXPORT int close(int fd)
{
	closing(fd);
	return libc()->close(fd);
}

EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	if (!(flags & CLOSE_RANGE_CLOEXEC))
		for (unsigned int fd = first; fd <= last && ig_fd_is_possible(fd); fd++)
			closing((int)fd);
	return libc()->close_range(first, last, flags);
}

/* Another descriptor of the same. */
static int duplicated(int from, int to)
{
	struct ig_object *object = ig_fd_object(from);
	int error = errno;

	if (to >= 0 && to != from && object && ig_exec_lock()) {
		ig_fd_add(to, object);
		ig_exec_unlock();
	}
	errno = error;
	return to;
}

static void closing_by_dup(int from, int to)
{
	if (from != to && libc()->fcntl(from, F_GETFD) >= 0)
		closing(to);
}

EXPORT int dup(int fd)
{
	return duplicated(fd, libc()->dup(fd));
}

EXPORT int dup2(int from, int to)
{
	closing_by_dup(from, to);
	return duplicated(from, libc()->dup2(from, to));
}

EXPORT int dup3(int from, int to, int flags)
{
	if (!(flags & ~O_CLOEXEC)) /* else it fails, and closes nothing */
		closing_by_dup(from, to);
	return duplicated(from, libc()->dup3(from, to, flags));
}

EXPORT int fcntl(int fd, int command, ...)
{
	void *argument;
	va_list args;
	int result;

	va_start(args, command);
	argument = va_arg(args, void *);
	va_end(args);
	result = libc()->fcntl(fd, command, argument);
	return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? duplicated(fd, result) : result;
}

EXPORT int fcntl64(int fd, int command, ...) __attribute__((alias("fcntl")));

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at)
{
	struct ig_device *device = ig_fd_find(fd, IG_DEVICE);
	int before = errno;
	ssize_t result;
	bool ours;

	if (!device || !ig_exec_lock())
		return libc()->pwrite(fd, bytes, count, at);
	ours = ig_device_pwrite(device, bytes, count, at, &result);
	ig_exec_unlock();
	if (!ours || result >= 0)
		errno = before;
	return ours ? result : ig_real.pwrite(fd, bytes, count, at); /* a reset of the device takes its time */
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) __attribute__((alias("pwrite")));
