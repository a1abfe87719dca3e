/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Runs the command that is asked for and carries its streams, byte by byte, between its pipes and the ports.
 * One poll loop; the state of the streams is this file's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lab/host/init.h"

enum { CHUNK = 256 * 1024, REQUEST_MAX = 16 * 1024 * 1024, EXIT_SIGNALLED = 128, ALIVE_MS = 1000 };

/* One command: its folder, its arguments and its environment. */
struct request {
	char *folder;
	char **argv;
	char **envp;
};

static void read_exactly(void *to, size_t size)
{
	for (size_t got = 0; got < size;) {
		ssize_t n = read(control, (char *)to + got, size - got);

		if (n < 0 && errno != EINTR)
			fail("read", "control");
		got += n > 0 ? (size_t)n : 0;
	}
}

static void read_line(char *line, size_t size)
{
	size_t length = 0;

	do
		read_exactly(line + length, 1);
	while (line[length] != '\n' && ++length < size - 1);
	line[length] = '\0';
}

/* Cuts the next string off the request; *left is what remains. */
static char *next_string(char **at, size_t *left)
{
	char *string = *at;
	size_t length = strnlen(string, *left);

	if (length == *left) {
		errno = EBADMSG;
		fail("read", "request");
	}
	*at += length + 1;
	*left -= length + 1;
	return string;
}

static char **next_list(char **at, size_t *left)
{
	size_t count = strtoul(next_string(at, left), NULL, 10);
	char **list = calloc(count + 1, sizeof(*list));

	if (!list)
		fail("read", "request");
	for (size_t i = 0; i < count; i++)
		list[i] = next_string(at, left);
	return list;
}

/*
 * The request: strings, each with its NUL: folder, number of arguments, arguments, number of variables,
 * variables.
 */
static void read_request(struct request *request)
{
	char line[64], *bytes;
	size_t size;

	read_line(line, sizeof(line));
	if (sscanf(line, "run %zu", &size) != 1 || size > REQUEST_MAX || !(bytes = malloc(size + 1))) {
		errno = EBADMSG;
		fail("read", "request");
	}
	read_exactly(bytes, size);
	request->folder = next_string(&bytes, &size);
	request->argv = next_list(&bytes, &size);
	request->envp = next_list(&bytes, &size);
	if (!request->argv[0]) {
		errno = EBADMSG;
		fail("read", "request");
	}
}

/* A stream of the command: `from` is read and `to` is written; `total` counts what was passed on. */
struct stream {
	int from, to;
	uint64_t total, end;
	size_t start, length;
	char bytes[CHUNK];
};

static struct stream input = { .from = -1, .to = -1, .end = UINT64_MAX };
static struct stream output[2];

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A write to a port waits for the outer side, which always reads. */
static void write_port(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			fail("write", "port");
		bytes += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
}

/* Passes on what the command has written; false when there is nothing (yet, or any more). */
static bool pass_output(struct stream *stream)
{
	ssize_t n;

	if (stream->from < 0)
		return false;
	n = read(stream->from, stream->bytes, sizeof(stream->bytes));
	if (n > 0) {
		write_port(stream->to, stream->bytes, (size_t)n);
		stream->total += (uint64_t)n;
		return true;
	}
	if (n == 0 || errno != EAGAIN)
		close_fd(&stream->from);
	return false;
}

static void read_input(void)
{
	ssize_t n = read(input.from, input.bytes, sizeof(input.bytes));

	if (n <= 0)
		return;
	input.start = 0;
	input.length = (size_t)n;
	input.total += (uint64_t)n;
}

static void write_input(void)
{
	ssize_t n = write(input.to, input.bytes + input.start, input.length);

	if (n < 0 && errno == EPIPE)
		close_fd(&input.to);
	if (n > 0) {
		input.start += (size_t)n;
		input.length -= (size_t)n;
	}
}

static void take_order(void)
{
	char line[64], name[8];

	read_line(line, sizeof(line));
	if (sscanf(line, "eof %lu", &input.end) == 1)
		return;
	if (sscanf(line, "close %7s", name) == 1)
		close_fd(&output[strcmp(name, "out") != 0].from);
}

/* Reaps what has ended; true, with the status, once the command itself has. */
static bool reap(pid_t command, int *status)
{
	int ended;
	pid_t pid;

	while ((pid = waitpid(-1, &ended, WNOHANG)) > 0) {
		if (pid != command)
			continue;
		*status = WIFSIGNALED(ended) ? EXIT_SIGNALLED + WTERMSIG(ended) : WEXITSTATUS(ended);
		return true;
	}
	return false;
}

/* Every second, however busy the streams are, for the outer side to tell a long command from a hung host. */
static void say_alive(void)
{
	static time_t last;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec == last)
		return;
	last = now.tv_sec;
	reply("alive\n");
}

/* Carries the streams until the command has ended; then what it has left in its pipes. */
static int carry(pid_t command, int child_signal)
{
	struct signalfd_siginfo info;
	int status = 0;

	for (;;) {
		bool can_read = input.to >= 0 && !input.length && input.total < input.end;
		struct pollfd fds[] = {
			{ child_signal, POLLIN, 0 },
			{ control, POLLIN, 0 },
			{ output[0].from, POLLIN, 0 },
			{ output[1].from, POLLIN, 0 },
			{ can_read ? input.from : -1, POLLIN, 0 },
			{ input.length ? input.to : -1, POLLOUT, 0 },
		};

		int ready = poll(fds, sizeof(fds) / sizeof(fds[0]), ALIVE_MS);

		say_alive();
		if (ready < 0)
			continue;
		if (fds[1].revents & POLLIN)
			take_order();
		for (int i = 0; i < 2; i++)
			if (fds[2 + i].revents)
				pass_output(&output[i]);
		if (fds[4].revents & POLLIN)
			read_input();
		if (fds[5].revents)
			write_input();
		if (!input.length && input.total >= input.end)
			close_fd(&input.to);
		if (fds[0].revents && read(child_signal, &info, sizeof(info)) > 0 && reap(command, &status))
			break;
	}
	for (int i = 0; i < 2; i++)
		while (pass_output(&output[i]))
			;
	return status;
}

static const char *variable(char **envp, const char *name)
{
	size_t length = strlen(name);

	for (; *envp; envp++)
		if (!strncmp(*envp, name, length) && (*envp)[length] == '=')
			return *envp + length + 1;
	return "";
}

/* In the child: becomes the command. What goes wrong is told on its stderr, as a shell tells it. */
static void run_command(const struct request *request, int in, int out, int err, const sigset_t *old)
{
	setsid();
	sigprocmask(SIG_SETMASK, old, NULL);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		_exit(126);
	if (chdir(request->folder)) {
		dprintf(STDERR_FILENO, "irqgate: the folder %s cannot be entered in the host: %s\n",
			request->folder, strerror(errno));
		_exit(126);
	}
	setenv("PATH", variable(request->envp, "PATH"), 1);
	execvpe(request->argv[0], request->argv, request->envp);
	dprintf(STDERR_FILENO, "irqgate: %s cannot be started in the host: %s\n", request->argv[0],
		strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static void make_pipe(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC))
		fail("make", "pipe");
}

static int run_request(const struct request *request)
{
	int in[2], out[2], err[2], child_signal;
	sigset_t child, old;
	pid_t pid;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &old);
	child_signal = signalfd(-1, &child, SFD_CLOEXEC);
	make_pipe(in);
	make_pipe(out);
	make_pipe(err);
	pid = fork();
	if (pid < 0 || child_signal < 0)
		fail("start", request->argv[0]);
	if (!pid)
		run_command(request, in[0], out[1], err[1], &old);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	signal(SIGPIPE, SIG_IGN);
	input.to = in[1];
	output[0].from = out[0];
	output[1].from = err[0];
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);
	return carry(pid, child_signal);
}

void serve_command(int in, int out, int err)
{
	struct request request;
	int status;

	input.from = in;
	output[0].to = out;
	output[1].to = err;
	read_request(&request);
	status = run_request(&request);
	reply("exit %d %lu %lu\n", status, output[0].total, output[1].total);
}
