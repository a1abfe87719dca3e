/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Asks the host's init for a command and carries its streams, the outer side of what lab/host/init.h
 * describes. One poll loop, one thread. What the host sends is counted against what it says it sent, so that
 * nothing is lost when the host ends.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lab/host.h"

/*
 * The init says "alive" every second: a host that sends nothing for so long has hung. Longer than its kernel waits for a
 * silent processor (host.c): so most of those that hang say why.
 */
enum { CHUNK = 256 * 1024, COUNTS = 2, SILENCE_MS = 90 * 1000 };

static const char *const output_names[COUNTS] = { "out", "err" };

struct bridge {
	struct ig_host *host;
	const struct ig_host_sink *sinks[COUNTS];
	int outputs[COUNTS];
	uint64_t got[COUNTS], sent_by_host[COUNTS];
	bool closed[COUNTS];

	int source;			/* the command's input, until its end */
	uint64_t passed;
	size_t start, length;
	char bytes[CHUNK];

	char line[200];			/* what came of a line from the init */
	size_t line_length;
	bool ended;
	int status;
};

int ig_host_write_fd(void *context, const char *bytes, size_t size)
{
	int fd = *(const int *)context;

	while (size) {
		struct pollfd ready = { .fd = fd, .events = POLLOUT };
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EAGAIN)
			poll(&ready, 1, -1);
		else if (n < 0 && errno != EINTR)
			return -errno;
		bytes += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Sends everything: the init reads its control port whenever it is not ahead of us. */
static int send_control(struct ig_host *host, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size) {
		struct pollfd fd = { .fd = host->control, .events = POLLOUT };
		ssize_t n = write(host->control, at, size);

		if (n < 0 && errno == EAGAIN)
			poll(&fd, 1, -1);
		else if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static void order(struct bridge *bridge, const char *what, const char *value)
{
	char line[80];
	int length = snprintf(line, sizeof(line), "%s %s\n", what, value);

	send_control(bridge->host, line, (size_t)length);
}

static void put_list(FILE *to, char *const *list)
{
	size_t count = 0;

	while (list[count])
		count++;
	fprintf(to, "%zu%c", count, '\0');
	for (size_t i = 0; i < count; i++) {
		fputs(list[i], to);
		fputc('\0', to);
	}
}

static int send_request(struct ig_host *host, char *const *argv)
{
	char *bytes = NULL, *folder = getcwd(NULL, 0), line[40];
	size_t size = 0;
	FILE *request = open_memstream(&bytes, &size);
	int error = -ENOMEM;

	if (!folder || !request)
		goto out;
	fprintf(request, "%s%c", folder, '\0');
	put_list(request, argv);
	put_list(request, environ);
	fflush(request);
	snprintf(line, sizeof(line), "run %zu\n", size);
	error = send_control(host, line, strlen(line));
	if (!error)
		error = send_control(host, bytes, size);
out:
	if (request)
		fclose(request);
	free(bytes);
	free(folder);
	return error;
}

/*
 * Takes one output's bytes to its sink; a sink that takes no more is told to the command, as SIGPIPE would.
 */
static int take_output(struct bridge *bridge, int i)
{
	static char bytes[CHUNK];
	ssize_t n = read(bridge->outputs[i], bytes, sizeof(bytes));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		return -EPIPE;
	if (n < 0)
		return 0;
	bridge->got[i] += (uint64_t)n;
	if (!bridge->closed[i] && bridge->sinks[i]->write(bridge->sinks[i]->context, bytes, (size_t)n)) {
		bridge->closed[i] = true;
		order(bridge, "close", output_names[i]);
	}
	return 0;
}

static void end_input(struct bridge *bridge)
{
	char count[24];

	bridge->source = -1;
	snprintf(count, sizeof(count), "%lu", bridge->passed);
	order(bridge, "eof", count);
}

static void take_input(struct bridge *bridge)
{
	ssize_t n = read(bridge->source, bridge->bytes, sizeof(bridge->bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		end_input(bridge);
		return;
	}
	bridge->start = 0;
	bridge->length = (size_t)n;
	bridge->passed += (uint64_t)n;
}

static void pass_input(struct bridge *bridge)
{
	ssize_t n = write(bridge->host->in, bridge->bytes + bridge->start, bridge->length);

	if (n <= 0)
		return;
	bridge->start += (size_t)n;
	bridge->length -= (size_t)n;
}

static void take_line(struct bridge *bridge)
{
	if (sscanf(bridge->line, "exit %d %lu %lu", &bridge->status, &bridge->sent_by_host[0],
		   &bridge->sent_by_host[1]) == 3)
		bridge->ended = true;
}

static int take_control(struct bridge *bridge)
{
	char byte;
	ssize_t n;

	while ((n = read(bridge->host->control, &byte, 1)) == 1) {
		if (byte != '\n' && bridge->line_length < sizeof(bridge->line) - 1) {
			bridge->line[bridge->line_length++] = byte;
			continue;
		}
		bridge->line[bridge->line_length] = '\0';
		bridge->line_length = 0;
		take_line(bridge);
	}
	return n == 0 || (errno != EAGAIN && errno != EINTR) ? -EPIPE : 0;
}

static bool is_complete(const struct bridge *bridge)
{
	return bridge->ended && bridge->got[0] >= bridge->sent_by_host[0] &&
	       bridge->got[1] >= bridge->sent_by_host[1];
}

static int step(struct bridge *bridge)
{
	struct pollfd fds[] = {
		{ bridge->outputs[0], POLLIN, 0 },
		{ bridge->outputs[1], POLLIN, 0 },
		{ bridge->host->control, POLLIN, 0 },
		{ bridge->length ? -1 : bridge->source, POLLIN, 0 },
		{ bridge->length ? bridge->host->in : -1, POLLOUT, 0 },
	};
	int error = 0, ready = poll(fds, sizeof(fds) / sizeof(fds[0]), SILENCE_MS);

	if (ready == 0)
		return -ETIMEDOUT;
	if (ready < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < COUNTS && !error; i++)
		if (fds[i].revents)
			error = take_output(bridge, i);
	if (!error && fds[2].revents)
		error = take_control(bridge);
	if (fds[3].revents)
		take_input(bridge);
	if (fds[4].revents)
		pass_input(bridge);
	return error;
}

int ig_host_run(struct ig_host *host, char *const *argv, int in, const struct ig_host_sink *out,
		const struct ig_host_sink *err)
{
	struct bridge *bridge = calloc(1, sizeof(*bridge));
	int result = bridge ? send_request(host, argv) : -ENOMEM;

	if (result) {
		ig_host_error(host, "the host did not take the command");
		goto out;
	}
	bridge->host = host;
	bridge->sinks[0] = out;
	bridge->sinks[1] = err;
	bridge->outputs[0] = host->out;
	bridge->outputs[1] = host->err;
	bridge->source = in;
	if (in < 0)
		end_input(bridge);
	while (!result && !is_complete(bridge))
		result = step(bridge);
	if (result)
		ig_host_error(host, result == -ETIMEDOUT ? "the host hung" : "the host died");
	else
		result = bridge->status;
out:
	free(bridge);
	return result;
}
