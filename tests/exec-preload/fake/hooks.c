/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What a test does in the middle of a call, and an older kernel than this one. */
#undef _FILE_OFFSET_BITS /* it would give some of these functions the names of others */

#include <errno.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "internal.h"

static struct {
	unsigned long request;
	void (*call)(void);
} after;
static void (*_Atomic before_pwrite)(void);
static atomic_bool has_no_nowait, has_no_epoll;

void fake_after_next(unsigned long request, void (*hook)(void))
{
	fake_lock();
	after.request = request;
	after.call = hook;
	fake_unlock();
}

void fake_before_next_pwrite(void (*hook)(void))
{
	before_pwrite = hook;
}

void fake_without_nowait(bool without)
{
	has_no_nowait = without;
}

void fake_without_epoll(bool without)
{
	has_no_epoll = without;
}

void fake_did(unsigned long request)
{
	void (*hook)(void) = after.request == request ? after.call : NULL;

	if (!hook)
		return;
	after.call = NULL;
	hook();
}

void fake_writes(void)
{
	void (*hook)(void) = atomic_exchange(&before_pwrite, NULL);

	if (hook)
		hook();
}

ssize_t preadv2(int fd, const struct iovec *parts, int count, off_t at, int flags)
{
	if (has_no_nowait && flags & RWF_NOWAIT) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return syscall(SYS_preadv2, fd, parts, (long)count, (long)at, 0L, flags);
}

ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off_t at, int flags)
	__attribute__((alias("preadv2")));

int epoll_create1(int flags)
{
	if (!has_no_epoll)
		return (int)syscall(SYS_epoll_create1, flags);
	errno = EMFILE;
	return -1;
}

int epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
	if (!has_no_epoll || operation != EPOLL_CTL_ADD)
		return (int)syscall(SYS_epoll_ctl, epoll_fd, operation, fd, event);
	errno = ENOSPC;
	return -1;
}
