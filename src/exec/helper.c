/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The helper: a thread that waits for the eventfds that no vCPU's exit tells of, and for the time of the next
 * look at KVM's chips. It blocks all signals, so that the VMM's handlers never run on it. Started under the
 * lock.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "exec/exec.h"

#define NS_PER_SECOND INT64_C(1000000000)

/* What an event is of: the timer, or a device, whose address leaves the lowest bit for what it is. */
enum { TIMER_POLL = 0 };

static struct helper {
	bool runs;
	int epoll_fd, poll_timer;
	int64_t poll_at; /* as the timer is set; 0: it is not */
} helper = { .epoll_fd = IG_NO_FD, .poll_timer = IG_NO_FD };

int64_t ig_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * NS_PER_SECOND + time.tv_nsec;
}

static bool watch(int fd, uint64_t what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = what };

	return !epoll_ctl(helper.epoll_fd, EPOLL_CTL_ADD, fd, &event) || errno == EEXIST;
}

static void dispatch(uint64_t what)
{
	struct ig_device *device = (struct ig_device *)(uintptr_t)(what & ~UINT64_C(1));
	uint64_t expirations;

	if (what == TIMER_POLL) {
		if (read(helper.poll_timer, &expirations, sizeof(expirations)) < 0)
			return;
		helper.poll_at = 0;
		ig_kernel_poll();
	} else if ((what & 1) == IG_WATCH_TRIGGER) {
		ig_line_triggered(device);
	} else {
		ig_kernel_acked(device);
	}
}

static void *run(void *unused)
{
	struct epoll_event event[16];

	(void)unused;
	for (;;) {
		int count = epoll_wait(helper.epoll_fd, event, sizeof(event) / sizeof(event[0]), -1);

		if (count < 0 && errno != EINTR)
			return NULL;
		if (!ig_exec_lock())
			return NULL;
		for (int i = 0; i < count; i++)
			dispatch(event[i].data.u64);
		ig_exec_unlock();
	}
}

int ig_thread_start(void *(*function)(void *), const char *name)
{
	sigset_t all, before;
	pthread_t thread;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, NULL, function, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		return error;
	pthread_setname_np(thread, name);
	pthread_detach(thread);
	return 0;
}

static void forget(void)
{
	ig_real.close(helper.poll_timer);
	ig_real.close(helper.epoll_fd);
	helper = (struct helper){ .epoll_fd = IG_NO_FD, .poll_timer = IG_NO_FD };
}

static void complain(int error)
{
	static bool complained;

	if (!complained)
		ig_exec_say("the helper cannot be started: %s", strerror(error));
	complained = true;
}

bool ig_helper_start(void)
{
	if (helper.runs)
		return true;
	helper.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	helper.poll_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (helper.epoll_fd < 0 || helper.poll_timer < 0 || !watch(helper.poll_timer, TIMER_POLL))
		goto fail;
	errno = ig_thread_start(run, "irqgate");
	if (errno)
		goto fail;
	helper.runs = true;
	return true;
fail:
	complain(errno);
	forget();
	return false;
}

void ig_helper_forked(void)
{
	if (helper.runs)
		forget();
}

bool ig_helper_watch(int fd, struct ig_device *device, enum ig_watch what)
{
	return ig_helper_start() && watch(fd, (uint64_t)(uintptr_t)device | (uint64_t)what);
}

void ig_helper_unwatch(int fd)
{
	if (fd != IG_NO_FD)
		epoll_ctl(helper.epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

void ig_helper_poll_at(int64_t at)
{
	const struct itimerspec when = {
		.it_value = { .tv_sec = at / NS_PER_SECOND, .tv_nsec = at % NS_PER_SECOND },
	};

	if (helper.poll_at && helper.poll_at <= at)
		return;
	helper.poll_at = at;
	timerfd_settime(helper.poll_timer, TFD_TIMER_ABSTIME, &when, NULL);
}
