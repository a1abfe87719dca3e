/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What every verb shares; see cli.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

void ig_output_open(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return; /* without /dev/null it stays closed */
}

int ig_output_close(int status)
{
	const char *why = fflush(stdout) ? strerror(errno) : ferror(stdout) ? "an earlier write failed" : NULL;

	if (!why)
		return status;
	ig_error("cannot write to stdout: %s", why);
	return status ? status : IG_EXIT_FAILURE;
}

void ig_error(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	flockfile(stderr); /* a line is one thread's */
	fputs("irqgate: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	funlockfile(stderr);
}

int ig_usage_error(const char *verb, const char *format, ...)
{
	char what[512];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	ig_error("%s; 'irqgate %s --help' lists the options", what, verb);
	return IG_EXIT_USAGE;
}

/* Reads digits up to the first other character, which *end then points at. */
static int read_digits(const char *text, uint64_t *out, const char **end)
{
	char *stop;
	unsigned long long value;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &stop, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
	if (errno || stop == text)
		return -EINVAL;
	*out = value;
	*end = stop;
	return 0;
}

int ig_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	const char *end;
	uint64_t value;

	if (read_digits(text, &value, &end) || *end || value < min || value > max)
		return -EINVAL;
	*out = value;
	return 0;
}

int ig_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	const char *end;
	uint64_t value;
	unsigned int shift = 0;

	if (read_digits(text, &value, &end))
		return -EINVAL;
	switch (*end) {
	case '\0': break;
	case 'k': case 'K': shift = 10; break;
	case 'm': case 'M': shift = 20; break;
	case 'g': case 'G': shift = 30; break;
	default: return -EINVAL;
	}
	if ((*end && end[1]) || value > max >> shift || value << shift < min)
		return -EINVAL;
	*out = value << shift;
	return 0;
}

/* Whether this process was started from the tree that it was built in. */
static bool runs_from_build_tree(void)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length < 0)
		return false;
	self[length] = '\0';
	return !strcmp(self, IG_BUILD_ROOT "/irqgate");
}

int ig_find_file(const char *name, char *path, size_t size)
{
	static const char *const tree[] = { IG_SOURCE_ROOT, IG_BUILD_ROOT };

	if (!runs_from_build_tree()) {
		snprintf(path, size, "%s/%s", IG_LIBEXEC, name);
		return access(path, R_OK) ? -ENOENT : 0;
	}
	for (size_t i = 0; i < sizeof(tree) / sizeof(tree[0]); i++) {
		snprintf(path, size, "%s/%s", tree[i], name);
		if (!access(path, R_OK))
			return 0;
	}
	return -ENOENT;
}
