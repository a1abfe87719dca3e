/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * To be preloaded into a program of ours: the nth call (IRQGATE_FAULT, from 1) of those in the table that it
 * or its library makes fails. IRQGATE_FAULT_COUNT names a file that gets a line when the program ends: the
 * number of calls, the name of the one that failed, and what was taken and not given back: blocks of memory,
 * descriptors, mapped pages, irqfds. What it becomes by execv() goes on counting; what it starts beside it is
 * left alone. It is ended (SIGALRM) if it does not end by itself. Any thread.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>

static bool fails(const char *name, const void *caller, int error);

/* Takes part in what REPLACE makes: a block is known by its address, as libc's own may be given back by ours. */
#define TAKEN(kind, taken, value, caller) note_##kind((taken), (intptr_t)(value), caller)

#include "faults/replace.h"

#define VARIABLE        "IRQGATE_FAULT"
#define FILE_VARIABLE   "IRQGATE_FAULT_COUNT"
#define BEFORE_VARIABLE "IRQGATE_FAULT_BEFORE" /* calls, by what this program was */

enum { BLOCKS_MAX = 16384, DESCRIPTORS_MAX = 1024, LIFE_MAX = 60 /* seconds */ };

static _Atomic long calls;
static const char *_Atomic failed;
static _Atomic long mapped; /* pages: parts of a mapping are given back by themselves */
static _Atomic int irqfds;
static _Atomic bool is_object[DESCRIPTORS_MAX]; /* an eventfd or the like, not a file */
static pthread_mutex_t blocks_lock = PTHREAD_MUTEX_INITIALIZER;
static const void *held[BLOCKS_MAX]; /* blocks of memory, in no order; under the lock */
static int blocks;

static int count_fd = -1, descriptors_before;

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
	const char *nth = getenv(VARIABLE);

	if (!nth || !is_ours(caller) || atomic_fetch_add(&calls, 1) + 1 != atol(nth))
		return false;
	failed = name;
	errno = error;
	return true;
}

static void hold_block(const void *at)
{
	pthread_mutex_lock(&blocks_lock);
	if (blocks < BLOCKS_MAX)
		held[blocks++] = at;
	pthread_mutex_unlock(&blocks_lock);
}

/* Returns whether it was held. */
static bool drop_block(const void *at)
{
	int i;

	pthread_mutex_lock(&blocks_lock);
	for (i = blocks - 1; i >= 0 && held[i] != at;)
		i--;
	if (i >= 0)
		held[i] = held[--blocks];
	pthread_mutex_unlock(&blocks_lock);
	return i >= 0;
}

static void note_blocks(int taken, intptr_t at, const void *caller)
{
	if (taken && is_ours(caller))
		hold_block((const void *)at);
}

static void note_pages(int taken, intptr_t at, const void *caller)
{
	(void)at;
	if (is_ours(caller))
		mapped += taken;
}

/* How many there are the kernel knows. */
static void note_descriptors(int taken, intptr_t fd, const void *caller)
{
	(void)taken;
	(void)caller;
	if (fd < DESCRIPTORS_MAX)
		is_object[fd] = true;
}

static void note_nothing(int taken, intptr_t value, const void *caller)
{
	(void)taken;
	(void)value;
	(void)caller;
}

static int count_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
		count += NEXT(fcntl)(fd, F_GETFD) >= 0;
	return count;
}

/* Early: later the program may have forbidden itself to open files. */
__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv(FILE_VARIABLE), *before = getenv(BEFORE_VARIABLE);

	calls = before ? atol(before) : 0;
	if (path)
		count_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	descriptors_before = count_descriptors();
	alarm(LIFE_MAX);
}

/* _exit() passes this by: then there is no line. */
__attribute__((destructor)) static void tell(void)
{
	char line[128];
	int length = snprintf(line, sizeof(line), "%ld %s %d %d %ld %d\n", (long)calls, failed ? failed : "none", blocks,
			      count_descriptors() - descriptors_before, (long)mapped, (int)irqfds);

	if (count_fd >= 0 && NEXT(write)(count_fd, line, (size_t)length) < 0)
		abort();
}

FAULTS_OF_MEMORY(REPLACE_ALLOCATOR)
FAULTS_OF_DESCRIPTORS(REPLACE)
FAULTS_OF_EVENTS(REPLACE)
FAULTS_OF_FILES(REPLACE)
FAULTS_AT_OFFSETS(REPLACE)
FAULTS_OF_MAPPINGS(REPLACE)
FAULTS_OF_THREADS(REPLACE)

/* An eventfd that does not block knows no other failure than being empty or full: eventfd(2). So do its like. */
#define REPLACE_STREAM(type, name, parameters, arguments, result, error, kind, takes)         \
	type name parameters                                                                  \
	{                                                                                     \
		bool object = fd >= 0 && fd < DESCRIPTORS_MAX && is_object[fd];               \
                                                                                              \
		if (!object && fails(#name, __builtin_return_address(0), error))              \
			return result;                                                        \
		return NEXT(name) arguments;                                                  \
	}

FAULTS_OF_STREAMS(REPLACE_STREAM)

/* A block that moves is held by its new address. */
#define REPLACE_RESIZING(type, name, parameters, arguments, result, error, kind, takes)       \
	type name parameters                                                                  \
	{                                                                                     \
		const void *caller = __builtin_return_address(0);                             \
		bool was_held;                                                                \
		type value;                                                                   \
                                                                                              \
		if (fails(#name, caller, error))                                              \
			return result;                                                        \
		was_held = (takes) ? is_ours(caller) : drop_block(block);                     \
		value = __libc_##name arguments;                                              \
		if (was_held)                                                                 \
			hold_block(value);                                                    \
		return value;                                                                 \
	}

FAULTS_OF_RESIZING(REPLACE_RESIZING)

/* Of glibc, by a name that nobody replaces. */
void __libc_free(void *at);

void free(void *at)
{
	if (at)
		drop_block(at);
	__libc_free(at);
}

int munmap(void *at, size_t bytes)
{
	int result = NEXT(munmap)(at, bytes);

	if (!result && is_ours(__builtin_return_address(0)))
		mapped -= (long)PAGES(bytes);
	return result;
}

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
	int fd;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (fails("open", __builtin_return_address(0), EMFILE))
		return -1;
	fd = NEXT(open64)(path, flags, mode);
	if (fd >= 0 && fd < DESCRIPTORS_MAX)
		is_object[fd] = false;
	return fd;
}

static bool gives_back(unsigned long request, const void *argument)
{
	return request == KVM_IRQFD && ((const struct kvm_irqfd *)argument)->flags & KVM_IRQFD_FLAG_DEASSIGN;
}

/* A vCPU's run is no call that takes anything; all others of KVM and VFIO are. */
int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *argument;
	int result;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	if (request != KVM_RUN && !gives_back(request, argument) &&
	    fails("ioctl", __builtin_return_address(0), ENOMEM))
		return -1;
	result = NEXT(ioctl)(fd, request, argument);
	if (request == KVM_IRQFD && !result)
		irqfds += gives_back(request, argument) ? -1 : 1;
	return result;
}

int execv(const char *path, char *const argv[])
{
	char before[24];

	if (fails("execv", __builtin_return_address(0), EACCES))
		return -1;
	snprintf(before, sizeof(before), "%ld", (long)calls);
	setenv(BEFORE_VARIABLE, before, 1);
	return NEXT(execv)(path, argv);
}

int execvp(const char *name, char *const argv[])
{
	unsetenv(VARIABLE);
	unsetenv(FILE_VARIABLE);
	return NEXT(execvp)(name, argv);
}
