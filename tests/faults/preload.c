/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * To be preloaded into a program of ours: the nth call (IRQGATE_FAULT, from 1) that it or its library makes of what is
 * in the table below fails. IRQGATE_FAULT_COUNT names a file that gets the number of calls and the name of the one that
 * failed when the program ends. Any thread.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <linux/kvm.h>

/* Of glibc, by the names that nobody replaces. */
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_malloc(size_t bytes);
void *__libc_realloc(void *block, size_t bytes);

static _Atomic long calls;
static const char *_Atomic failed;

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static bool is_ours(const void *caller)
{
	const char *name;
	Dl_info info;

	if (!dladdr(caller, &info) || !info.dli_fname)
		return false;
	name = strrchr(info.dli_fname, '/') ? strrchr(info.dli_fname, '/') + 1 : info.dli_fname;
	return begins(name, "irqgate") || begins(name, "libirqgate");
}

static bool fails(const char *name, const void *caller, int error)
{
	const char *nth = getenv("IRQGATE_FAULT");

	if (!nth || !is_ours(caller) || atomic_fetch_add(&calls, 1) + 1 != atol(nth))
		return false;
	failed = name;
	errno = error;
	return true;
}

/* Opened early: later the program may have forbidden itself to open files. */
static int count_fd = -1;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("IRQGATE_FAULT_COUNT");

	if (path)
		count_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

/* _exit() passes this by: then the file is empty. */
__attribute__((destructor)) static void tell(void)
{
	char line[64];
	int length = snprintf(line, sizeof(line), "%ld %s\n", (long)calls, failed ? failed : "none");

	if (count_fd >= 0 && write(count_fd, line, (size_t)length) < 0)
		abort();
}

/* The table. */
#define REPLACE(type, name, parameters, real, result, error)                                  \
	type name parameters                                                                  \
	{                                                                                     \
		return fails(#name, __builtin_return_address(0), error) ? (result) : (real);  \
	}

#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

REPLACE(void *, malloc, (size_t bytes), __libc_malloc(bytes), NULL, ENOMEM)
REPLACE(void *, calloc, (size_t count, size_t bytes), __libc_calloc(count, bytes), NULL, ENOMEM)
REPLACE(void *, realloc, (void *block, size_t bytes), __libc_realloc(block, bytes), NULL, ENOMEM)
REPLACE(int, eventfd, (unsigned int value, int flags), NEXT(eventfd)(value, flags), -1, EMFILE)
REPLACE(int, epoll_create1, (int flags), NEXT(epoll_create1)(flags), -1, EMFILE)
REPLACE(int, timerfd_create, (clockid_t clock, int flags), NEXT(timerfd_create)(clock, flags), -1, EMFILE)
REPLACE(int, signalfd, (int fd, const sigset_t *signals, int flags), NEXT(signalfd)(fd, signals, flags), -1, EMFILE)
REPLACE(void *, mmap64, (void *at, size_t bytes, int protection, int flags, int fd, off64_t offset),
	NEXT(mmap64)(at, bytes, protection, flags, fd, offset), MAP_FAILED, ENOMEM)
REPLACE(int, pthread_create, (pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
			      void *(*function)(void *), void *restrict argument),
	NEXT(pthread_create)(thread, attributes, function, argument), EAGAIN, EAGAIN)
REPLACE(ssize_t, pread64, (int fd, void *to, size_t bytes, off64_t at), NEXT(pread64)(fd, to, bytes, at), -1, EIO)
REPLACE(ssize_t, pwrite64, (int fd, const void *from, size_t bytes, off64_t at),
	NEXT(pwrite64)(fd, from, bytes, at), -1, EIO)

/* What only gives back does not fail. */
int epoll_ctl(int fd, int operation, int of, struct epoll_event *event)
{
	if (operation == EPOLL_CTL_ADD && fails("epoll_ctl", __builtin_return_address(0), ENOSPC))
		return -1;
	return NEXT(epoll_ctl)(fd, operation, of, event);
}

int open64(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return fails("open", __builtin_return_address(0), EMFILE) ? -1 : NEXT(open64)(path, flags, mode);
}

/* A vCPU's run is no call that takes anything; all others of KVM and VFIO are. */
int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *argument;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	if (request != KVM_RUN && fails("ioctl", __builtin_return_address(0), ENOMEM))
		return -1;
	return NEXT(ioctl)(fd, request, argument);
}
