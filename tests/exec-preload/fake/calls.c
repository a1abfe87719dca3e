/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * libc's calls, in its place: what does not concern a file of the fake's goes on to the kernel. A file is a memfd,
 * and known by its inode, so that each of its descriptors is. It ends when its last descriptor is closed.
 */
#undef _FILE_OFFSET_BITS /* it would give some of these functions the names of others */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "internal.h"

enum { ROUNDS_MAX = 1000, DESCRIPTORS_MAX = 4096 };

static pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct object *objects;
static pid_t owner;
static bool signalled;
static struct {
	unsigned long request;
	int error;
} failure;

void fake_lock(void)
{
	pthread_mutex_lock(&mutex);
}

void fake_unlock(void)
{
	pthread_mutex_unlock(&mutex);
}

/* The lock is the parent's thread's, which this one is not: it is made anew. */
static void forked(void)
{
	const pthread_mutex_t fresh = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

	owner = getpid();
	mutex = fresh;
}

/* A child made by vfork() shares our memory, but not our descriptors. */
static bool is_ours(void)
{
	return owner == getpid();
}

/* What a descriptor was found to be, until it is closed. */
static struct object **remembered(int fd)
{
	static struct object *table[DESCRIPTORS_MAX], *none;

	none = NULL;
	return fd >= 0 && fd < DESCRIPTORS_MAX ? &table[fd] : &none;
}

static struct object *find(int fd)
{
	struct stat status;

	if (*remembered(fd))
		return *remembered(fd);
	if (!objects || fstat(fd, &status))
		return NULL;
	for (struct object *object = objects; object; object = object->next) {
		if (object->inode != status.st_ino)
			continue;
		*remembered(fd) = object;
		return object;
	}
	return NULL;
}

struct object *fake_object(int fd, enum object_kind kind)
{
	struct object *object = find(fd);

	return object && object->kind == kind ? object : NULL;
}

int fake_add_object(struct object *object, enum object_kind kind, size_t file_size)
{
	int fd = memfd_create("fake", MFD_CLOEXEC);
	struct stat status;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)file_size) || fstat(fd, &status))
		abort();
	*object = (struct object){ .kind = kind, .inode = status.st_ino, .next = objects };
	objects = object;
	return fd;
}

static int add_plain(enum object_kind kind)
{
	struct object *object = malloc(sizeof(*object));
	int fd;

	fake_lock();
	if (!owner) {
		owner = getpid();
		pthread_atfork(fake_lock, fake_unlock, forked);
	}
	fd = object ? fake_add_object(object, kind, 0) : NO_FD;
	fake_unlock();
	return fd;
}

int fake_open_kvm(void)
{
	return add_plain(OBJECT_KVM);
}

int fake_open_group(void)
{
	return add_plain(OBJECT_GROUP);
}

int fake_open_cdev(void)
{
	int fd;

	fake_lock();
	fd = fake_device_create();
	fake_unlock();
	return fd;
}

int fake_copy_in(void *to, const void *from, size_t bytes)
{
	const struct iovec local = { to, bytes }, remote = { (void *)(uintptr_t)from, bytes };

	return process_vm_readv(owner, &local, 1, &remote, 1, 0) == (ssize_t)bytes ? 0 : -EFAULT;
}

int fake_copy_out(void *to, const void *from, size_t bytes)
{
	const struct iovec local = { (void *)(uintptr_t)from, bytes }, remote = { to, bytes };

	return process_vm_writev(owner, &local, 1, &remote, 1, 0) == (ssize_t)bytes ? 0 : -EFAULT;
}

void fake_signalled(void)
{
	signalled = true;
}

void fake_pump(void)
{
	int rounds = 0;

	while (signalled) {
		signalled = false;
		for (struct object *object = objects; object; object = object->next) {
			if (object->kind == OBJECT_VM)
				fake_vm_pump((struct vm *)object);
			else if (object->kind == OBJECT_DEVICE)
				fake_device_pump((struct device *)object);
		}
		if (++rounds == ROUNDS_MAX)
			abort(); /* eventfds that signal each other for ever */
	}
}

void fake_fail_next(unsigned long request, int error)
{
	fake_lock();
	failure.request = request;
	failure.error = error;
	fake_unlock();
}

static int dispatch(struct object *object, unsigned long request, void *argument)
{
	switch (object->kind) {
	case OBJECT_KVM: return fake_kvm_ioctl(request);
	case OBJECT_VM: return fake_vm_ioctl((struct vm *)object, request, argument);
	case OBJECT_VCPU: return fake_vcpu_ioctl((struct vcpu *)object, request, argument);
	case OBJECT_GROUP: return fake_group_ioctl(request, argument);
	case OBJECT_DEVICE: return fake_device_ioctl((struct device *)object, request, argument);
	}
	return -ENOTTY;
}

static int call(struct object *object, unsigned long request, void *argument)
{
	int result;

	if (failure.error && failure.request == request) {
		result = -failure.error;
		failure.error = 0;
		return result;
	}
	result = dispatch(object, request, argument);
	fake_pump();
	fake_did(request);
	return result;
}

/* As the kernel returns it. */
static ssize_t result_of(ssize_t result)
{
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}

int fake_ioctl(int fd, unsigned long request, void *argument)
{
	struct object *object;
	int result = 0;

	fake_lock();
	object = find(fd);
	if (object)
		result = call(object, request, argument);
	fake_unlock();
	return object ? (int)result_of(result) : (int)syscall(SYS_ioctl, fd, request, argument);
}

int ioctl(int fd, unsigned long request, ...)
{
	void *argument;
	va_list args;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	return fake_ioctl(fd, request, argument);
}

ssize_t fake_pwrite(int fd, const void *bytes, size_t count, off_t at)
{
	struct device *device;
	ssize_t result = 0;

	fake_writes();
	fake_lock();
	device = (struct device *)fake_object(fd, OBJECT_DEVICE);
	if (device) {
		result = fake_device_write(device, bytes, count, at);
		fake_pump();
	}
	fake_unlock();
	return device ? result_of(result) : syscall(SYS_pwrite64, fd, bytes, count, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at)
{
	return fake_pwrite(fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) __attribute__((alias("pwrite")));

ssize_t pread(int fd, void *bytes, size_t count, off_t at)
{
	struct device *device;
	ssize_t result = 0;

	fake_lock();
	device = (struct device *)fake_object(fd, OBJECT_DEVICE);
	if (device)
		result = fake_device_read(device, bytes, count, at);
	fake_unlock();
	return device ? result_of(result) : syscall(SYS_pread64, fd, bytes, count, at);
}

ssize_t pread64(int fd, void *bytes, size_t count, off_t at) __attribute__((alias("pread")));

/* It may be to an eventfd that something is bound to. */
ssize_t write(int fd, const void *bytes, size_t count)
{
	ssize_t result = syscall(SYS_write, fd, bytes, count);
	int error = errno;

	if (count == sizeof(uint64_t) && is_ours()) {
		fake_lock();
		fake_signalled();
		fake_pump();
		fake_unlock();
	}
	errno = error;
	return result;
}

static bool has_descriptor(const struct object *object)
{
	DIR *folder = opendir("/proc/self/fd");
	const struct dirent *entry;
	struct stat status;
	bool found = false;

	while (folder && !found && (entry = readdir(folder)))
		found = !fstat(atoi(entry->d_name), &status) && status.st_ino == object->inode;
	if (folder)
		closedir(folder);
	return found;
}

static void release(struct object *object)
{
	for (struct object **at = &objects; *at; at = &(*at)->next) {
		if (*at != object)
			continue;
		*at = object->next;
		break;
	}
	switch (object->kind) {
	case OBJECT_VM: fake_vm_release((struct vm *)object); break;
	case OBJECT_VCPU: fake_vcpu_release((struct vcpu *)object); break;
	case OBJECT_DEVICE: fake_device_release((struct device *)object); break;
	default: free(object); break;
	}
}

/* After a descriptor is closed, or has become another file's. */
static void closed(int fd, struct object *object, int alias)
{
	*remembered(fd) = NULL;
	fake_descriptor_closed(fd, alias);
	fake_signalled();
	if (object && !has_descriptor(object))
		release(object);
	fake_pump();
}

int fake_close(int fd)
{
	struct object *object;
	int result, error, alias;

	if (!is_ours())
		return (int)syscall(SYS_close, fd);
	fake_lock();
	object = find(fd);
	alias = fake_descriptor_alias(fd);
	result = (int)syscall(SYS_close, fd);
	error = errno;
	if (!result)
		closed(fd, object, alias);
	fake_unlock();
	errno = error;
	return result;
}

int close(int fd)
{
	return fake_close(fd);
}

static int duplicate(int from, int to, int flags)
{
	struct object *object;
	int result, error, alias;

	if (!is_ours())
		return (int)syscall(SYS_dup3, from, to, flags);
	fake_lock();
	object = find(to);
	alias = fake_descriptor_alias(to);
	result = (int)syscall(SYS_dup3, from, to, flags);
	error = errno;
	if (result >= 0)
		closed(to, object, alias);
	fake_unlock();
	errno = error;
	return result;
}

int dup2(int from, int to)
{
	if (from == to)
		return syscall(SYS_fcntl, from, F_GETFD) < 0 ? -1 : to;
	return duplicate(from, to, 0);
}

int dup3(int from, int to, int flags)
{
	return duplicate(from, to, flags);
}

int close_range(unsigned int first, unsigned int last, int flags)
{
	if (!is_ours() || flags)
		return (int)syscall(SYS_close_range, first, last, flags);
	for (unsigned int fd = first; fd <= last && fd < DESCRIPTORS_MAX; fd++)
		fake_close((int)fd);
	return (int)syscall(SYS_close_range, first, last, flags);
}
