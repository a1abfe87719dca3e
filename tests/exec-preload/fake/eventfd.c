/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Eventfds as the kernel binds them: by the file, not by the number of a descriptor, until the last descriptor is
 * closed. Where that is seen, all bindings are gone through.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

static struct binding *bindings;

int fake_eventfd_id(int fd)
{
	static const char key[] = "eventfd-id:";
	char path[40], text[512];
	ssize_t length;
	const char *at;
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return -1;
	length = read(info, text, sizeof(text) - 1);
	syscall(SYS_close, info);
	text[length > 0 ? length : 0] = '\0';
	at = strstr(text, key);
	return at ? atoi(at + strlen(key)) : -1;
}

int fake_bind(struct binding *binding, int fd)
{
	int id = fake_eventfd_id(fd);

	if (id < 0)
		return syscall(SYS_fcntl, fd, F_GETFD) < 0 ? -EBADF : -EINVAL;
	fake_unbind(binding);
	*binding = (struct binding){ .fd = fd, .id = id, .next = bindings };
	bindings = binding;
	fake_signalled(); /* perhaps it is already */
	return 0;
}

void fake_unbind(struct binding *binding)
{
	for (struct binding **at = &bindings; *at; at = &(*at)->next) {
		if (*at != binding)
			continue;
		*at = binding->next;
		break;
	}
	binding->fd = NO_FD;
}

bool fake_is_bound_to(const struct binding *binding, int fd)
{
	return binding->fd != NO_FD && binding->id == fake_eventfd_id(fd);
}

void fake_signal(const struct binding *binding)
{
	const uint64_t one = 1;

	if (binding->fd != NO_FD && syscall(SYS_write, binding->fd, &one, sizeof(one)) < 0)
		abort(); /* not an eventfd any more: the fake has lost track */
	fake_signalled();
}

bool fake_is_signalled(const struct binding *binding)
{
	struct pollfd look = { .fd = binding->fd, .events = POLLIN };

	return binding->fd != NO_FD && poll(&look, 1, 0) == 1 && look.revents & POLLIN;
}

bool fake_consume(const struct binding *binding)
{
	uint64_t count;

	return fake_is_signalled(binding) && read(binding->fd, &count, sizeof(count)) == sizeof(count);
}

static const struct binding *find_binding(int fd)
{
	for (const struct binding *binding = bindings; binding; binding = binding->next)
		if (binding->fd == fd)
			return binding;
	return NULL;
}

int fake_descriptor_alias(int fd)
{
	const struct binding *binding = find_binding(fd);
	int found = NO_FD, error = errno;
	DIR *folder = binding ? opendir("/proc/self/fdinfo") : NULL;
	const struct dirent *entry;

	while (folder && found == NO_FD && (entry = readdir(folder)))
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != fd &&
		    fake_eventfd_id(atoi(entry->d_name)) == binding->id)
			found = atoi(entry->d_name);
	if (folder)
		closedir(folder);
	errno = error; /* a close that succeeds keeps it */
	return found;
}

void fake_descriptor_closed(int fd, int alias)
{
	struct binding *next;

	for (struct binding *binding = bindings; binding; binding = next) {
		next = binding->next;
		if (binding->fd != fd)
			continue;
		binding->fd = alias;
		if (alias == NO_FD)
			fake_unbind(binding);
	}
}
