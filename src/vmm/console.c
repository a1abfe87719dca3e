/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Terminals, pseudo-terminals and files as the guest's console; see console.h. */
#include "vmm/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

#define ESCAPE     0x01 /* Ctrl-A; twice for the guest */
#define LEAVE      'x'
#define LEAVE_WIDE 'X'

const struct ig_console ig_console_none = { .in_fd = -1, .out_fd = -1, .own_fd = -1, .peer_fd = -1 };

/* A terminal of which we are in the background stays as it is: to touch it would stop us. */
static bool is_our_terminal(int fd)
{
	return isatty(fd) && tcgetpgrp(fd) == getpgrp();
}

static int open_terminal(struct ig_console *console)
{
	struct termios raw;

	console->in_fd = STDIN_FILENO;
	if (!isatty(STDIN_FILENO))
		return 0;
	if (!is_our_terminal(STDIN_FILENO)) {
		console->in_fd = -1;
		return 0;
	}
	if (tcgetattr(STDIN_FILENO, &console->before))
		return -errno;
	raw = console->before;
	cfmakeraw(&raw);
	raw.c_oflag = console->before.c_oflag;
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw))
		return -errno;
	console->raw = true;
	return 0;
}

/* Its other end is kept open: else, until somebody opens it, every read and write would fail. */
static int open_pty(struct ig_console *console)
{
	struct termios raw;
	char name[64];
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	console->own_fd = console->in_fd = console->out_fd = fd;
	if (grantpt(fd) || unlockpt(fd) || ptsname_r(fd, name, sizeof(name)))
		return -errno;
	console->drops = true;
	console->peer_fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (console->peer_fd < 0 || tcgetattr(console->peer_fd, &raw))
		return -errno;
	cfmakeraw(&raw);
	if (tcsetattr(console->peer_fd, TCSANOW, &raw) || fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK))
		return -errno;
	fprintf(stderr, "irqgate: the console is %s\n", name);
	return 0;
}

static int open_file(struct ig_console *console, const char *path)
{
	console->own_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
	console->out_fd = console->own_fd;
	return console->own_fd < 0 ? -errno : 0;
}

static int open_kind(struct ig_console *console, const struct ig_console_options *options)
{
	switch (options->kind) {
	case IG_CONSOLE_STDIO: return open_terminal(console);
	case IG_CONSOLE_PTY: return open_pty(console);
	case IG_CONSOLE_FILE: return open_file(console, options->path);
	default: return 0;
	}
}

int ig_console_open(struct ig_console *console, const struct ig_console_options *options)
{
	const char *name = options->kind == IG_CONSOLE_PTY ? "pty" : "stdio";
	int error;

	*console = ig_console_none;
	console->out_fd = options->output_fd;
	error = open_kind(console, options);
	if (error)
		ig_error("--console: cannot open %s: %s",
			 options->kind == IG_CONSOLE_FILE ? options->path : name, strerror(-error));
	return error;
}

void ig_console_close(struct ig_console *console)
{
	if (console->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &console->before);
	console->raw = false;
	if (console->peer_fd >= 0)
		close(console->peer_fd);
	if (console->own_fd >= 0)
		close(console->own_fd);
	console->own_fd = console->peer_fd = -1;
}

bool ig_console_listens(const struct ig_console *console)
{
	return console->raw || !console->count;
}

/*
 * Adds what was typed at a terminal, without the escapes; IG_CONSOLE_LEAVE if the user wants to go. A guest
 * that takes nothing must not keep that from being heard: what there is no room for is dropped.
 */
static enum ig_console_said take_escapes(struct ig_console *console, const uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint8_t byte = bytes[i];

		if (console->escape && (byte == LEAVE || byte == LEAVE_WIDE))
			return IG_CONSOLE_LEAVE;
		if (!console->escape && byte == ESCAPE) {
			console->escape = true;
			continue;
		}
		console->escape = false;
		if (console->count < sizeof(console->typed))
			console->typed[console->count++] = byte;
	}
	return IG_CONSOLE_GOES_ON;
}

enum ig_console_said ig_console_read(struct ig_console *console)
{
	uint8_t bytes[IG_CONSOLE_CHUNK];
	ssize_t got = read(console->in_fd, bytes, sizeof(bytes));

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return IG_CONSOLE_GOES_ON;
	if (got <= 0) {
		console->in_fd = -1;
		return IG_CONSOLE_GOES_ON;
	}
	memmove(console->typed, &console->typed[console->first], console->count);
	console->first = 0;
	if (console->raw)
		return take_escapes(console, bytes, (uint32_t)got);
	memcpy(console->typed, bytes, (size_t)got);
	console->count = (uint32_t)got;
	return IG_CONSOLE_GOES_ON;
}

void ig_console_write(const struct ig_console *console, uint8_t byte, int stop_fd)
{
	struct pollfd fds[] = {
		{ .fd = console->out_fd, .events = POLLOUT },
		{ .fd = stop_fd, .events = POLLIN },
	};
	ssize_t written = 0;

	/* Nobody may read the output any more: that must not keep a run from ending. */
	while (!console->drops && poll(fds, sizeof(fds) / sizeof(fds[0]), -1) < 0 && errno == EINTR)
		;
	if (!fds[1].revents)
		written = write(console->out_fd, &byte, 1);
	(void)written; /* a closed output loses the guest's words, not the guest */
}
