/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Which of the VMM's file descriptors stand for what is watched. The table is read on every KVM_RUN, so
 * without a lock; it changes under the lock of exec.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "exec/exec.h"

enum { FDS_MAX = 1 << 16 };

static struct ig_object *_Atomic table[FDS_MAX];

/* What the descriptors of eventfds lead to; they differ by their ids. */
static struct ig_object eventfds = { .kind = IG_EVENTFD };

struct ig_object *ig_fd_object(int fd)
{
	if (fd < 0 || fd >= FDS_MAX)
		return NULL;
	return atomic_load_explicit(&table[fd], memory_order_acquire);
}

bool ig_fd_is_possible(unsigned int fd)
{
	return fd < FDS_MAX;
}

void *ig_fd_find(int fd, enum ig_kind kind)
{
	struct ig_object *object = ig_fd_object(fd);

	return object && object->kind == kind ? object : NULL;
}

bool ig_fd_add(int fd, struct ig_object *object)
{
	if (fd < 0 || fd >= FDS_MAX)
		return false;
	if (!object->aliases)
		object->fd = fd;
	object->aliases++;
	atomic_store_explicit(&table[fd], object, memory_order_release);
	return true;
}

static int find_alias(const struct ig_object *object)
{
	for (int fd = 0; fd < FDS_MAX; fd++)
		if (ig_fd_object(fd) == object)
			return fd;
	return IG_NO_FD;
}

struct ig_object *ig_fd_remove(int fd)
{
	struct ig_object *object = ig_fd_object(fd);

	if (!object)
		return NULL;
	atomic_store_explicit(&table[fd], NULL, memory_order_release);
	object->aliases--;
	if (object == &eventfds)
		return NULL;
	if (object->aliases && object->fd == fd)
		object->fd = find_alias(object);
	if (object->aliases)
		return NULL;
	object->fd = IG_NO_FD;
	return object;
}

/* The kernel's number of an eventfd, or -1: not an eventfd, or /proc cannot be read. */
static int eventfd_id(int fd)
{
	static const char key[] = "eventfd-id:";
	char path[40], text[512];
	const char *at;
	ssize_t length;
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return -1;
	length = read(info, text, sizeof(text) - 1);
	ig_real.close(info);
	text[length > 0 ? length : 0] = '\0';
	at = strstr(text, key);
	return at ? atoi(at + strlen(key)) : -1;
}

struct ig_eventfd ig_eventfd_of(int fd)
{
	struct ig_eventfd eventfd = { .fd = fd, .id = eventfd_id(fd) };

	if (!ig_fd_object(fd))
		ig_fd_add(fd, &eventfds);
	return eventfd;
}

bool ig_eventfd_same(const struct ig_eventfd *a, const struct ig_eventfd *b)
{
	if (a->fd == IG_NO_FD || b->fd == IG_NO_FD)
		return false;
	return a->fd == b->fd || (a->id >= 0 && a->id == b->id);
}

/* Before Linux 5.8, where eventfds know no RWF_NOWAIT: only with another reader could this wait. */
static bool drain_if_readable(int fd)
{
	struct pollfd look = { .fd = fd, .events = POLLIN };
	uint64_t count;

	return poll(&look, 1, 0) == 1 && look.revents & POLLIN && read(fd, &count, sizeof(count)) == sizeof(count);
}

bool ig_eventfd_drain(int fd)
{
	uint64_t count;
	const struct iovec part = { .iov_base = &count, .iov_len = sizeof(count) };
	ssize_t size = fd == IG_NO_FD ? 0 : preadv2(fd, &part, 1, -1, RWF_NOWAIT);

	return size < 0 && errno == EOPNOTSUPP ? drain_if_readable(fd) : size == sizeof(count);
}

/* The kernel keeps what an eventfd is bound to until its last descriptor is closed. */
void ig_eventfd_replace(struct ig_eventfd *eventfd, int closing)
{
	DIR *folder = eventfd->id < 0 ? NULL : opendir("/proc/self/fdinfo");
	const struct dirent *entry;

	eventfd->fd = IG_NO_FD;
	while (folder && eventfd->fd == IG_NO_FD && (entry = readdir(folder))) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] == '.' || fd == closing || eventfd_id(fd) != eventfd->id)
			continue;
		*eventfd = ig_eventfd_of(fd);
	}
	if (folder)
		closedir(folder);
}
