/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* See files.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/files.h"

int ig_file_write(const char *text, const char *format, ...)
{
	char path[PATH_MAX];
	size_t size = strlen(text);
	ssize_t written;
	va_list args;
	int fd, error = 0;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do
		written = write(fd, text, size);
	while (written < 0 && errno == EINTR);
	if (written != (ssize_t)size)
		error = written < 0 ? -errno : -EIO;
	close(fd);
	return error;
}

char *ig_file_read(const char *format, ...)
{
	enum { CHUNK = 4096 };
	char path[PATH_MAX], *text = NULL, *larger;
	size_t length = 0;
	ssize_t n = -1;
	va_list args;
	int fd;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (larger = realloc(text, length + CHUNK + 1))) {
		text = larger;
		n = read(fd, text + length, CHUNK);
		if (n <= 0)
			break;
		length += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[length] = '\0';
	return text;
}

int64_t ig_file_number(const char *path)
{
	char *text = ig_file_read("%s", path), *end;
	int64_t number = IG_UNKNOWN;

	if (text) {
		number = strtoll(text, &end, 10);
		if (end == text)
			number = IG_UNKNOWN;
	}
	free(text);
	return number;
}
