/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * One VMM under measurement; see vmm.h. What the kernel only shows as a running sum (debugfs,
 * /proc/interrupts) is sampled at the marks, after each of which the guest is quiet for a while; trace.c
 * counts the rest.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest/guest.h"
#include "lab/files.h"
#include "lab/process.h"
#include "lab/vmm.h"

#define KVM_STATISTICS "/sys/kernel/debug/kvm"

/* The marks are looked for this often; the guest's quiet lasts several times as long. */
enum { LOOK_MS = 5, END_SECONDS = 5 };

struct sample {
	int64_t interrupts, exits;
	struct ig_trace_counts counts;
};

/* What the guest prints of itself: a Linux guest of its pings, a bare-metal one of its events. */
struct guest_report {
	int64_t sent, received, rtt;	/* the round trip in nanoseconds, the mean of all */
	int64_t events, quiet, lost;
	int64_t entries;
	bool known, done;
};

struct run {
	const struct ig_device *device;
	struct ig_trace *trace;
	pid_t pid;
	int output;
	double deadline;
	char statistics[PATH_MAX];	/* the VM's debugfs folder, once there is one */
	char line[512], last[256];	/* of the output: what has come of a line; the last line */
	size_t length;
	bool begun, ended;		/* the marks */
	double begin, end;
	struct sample at_begin, at_end;
	struct guest_report report;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int start(struct run *run, const char *const *argv)
{
	pid_t self = getpid();
	int out[2], null;

	if (pipe2(out, O_CLOEXEC))
		return -errno;
	run->pid = fork();
	if (!run->pid) {
		ig_process_tie(self);
		null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (dup2(null, STDIN_FILENO) < 0 || dup2(out[1], STDOUT_FILENO) < 0 ||
		    dup2(out[1], STDERR_FILENO) < 0)
			_exit(1);
		execvp(argv[0], (char *const *)argv);
		printf("cannot start %s: %s\n", argv[0], strerror(errno));
		fflush(stdout);
		_exit(1);
	}
	close(out[1]);
	run->output = out[0];
	fcntl(run->output, F_SETFL, O_NONBLOCK);
	if (run->pid < 0) {
		close(run->output);
		return -EAGAIN;
	}
	setpgid(run->pid, run->pid);
	ig_process_watch(run->pid);
	return 0;
}

/* The folder is named PID-FD, by the thread group that made the VM. */
static void find_statistics(struct run *run)
{
	DIR *folder = opendir(KVM_STATISTICS);
	struct dirent *entry;
	char prefix[24];

	snprintf(prefix, sizeof(prefix), "%d-", run->pid);
	while (folder && (entry = readdir(folder)))
		if (!strncmp(entry->d_name, prefix, strlen(prefix)))
			snprintf(run->statistics, sizeof(run->statistics), KVM_STATISTICS "/%s",
				 entry->d_name);
	if (folder)
		closedir(folder);
}

static int64_t statistic(struct run *run, const char *name)
{
	char path[PATH_MAX + 40];

	if (!run->statistics[0])
		return IG_UNKNOWN;
	snprintf(path, sizeof(path), "%s/%s", run->statistics, name);
	return ig_file_number(path);
}

static void take_sample(struct run *run, struct sample *sample)
{
	if (!run->statistics[0])
		find_statistics(run);
	sample->interrupts = ig_device_interrupts(run->device);
	sample->exits = statistic(run, "exits");
	ig_trace_read(run->trace, &sample->counts);
}

/*
 * The last of several beginnings counts: what came before it is only told of a guest that got no further. The
 * first has itself started the counting, from nothing, however late we are.
 */
static void begin_phase(struct run *run, double seconds)
{
	take_sample(run, &run->at_begin);
	if (!run->begun)
		run->at_begin.counts = (struct ig_trace_counts){ 0 };
	run->begun = true;
	run->begin = seconds;
	/* What the guest printed before is not of this phase. */
	run->report = (struct guest_report){ .known = false };
}

static void end_phase(struct run *run, double seconds)
{
	take_sample(run, &run->at_end);
	run->end = seconds;
}

static void take_marks(struct run *run)
{
	struct ig_mark mark;

	while (ig_trace_next_mark(run->trace, &mark)) {
		if (mark.value == IG_GUEST_MARK_BEGIN && !run->ended) {
			begin_phase(run, mark.seconds);
		} else if (mark.value == IG_GUEST_MARK_END && run->begun && !run->ended) {
			end_phase(run, mark.seconds);
			run->ended = true;
		}
	}
}

static int64_t number_after(const char *line, const char *key)
{
	const char *at = strstr(line, key);

	return at ? strtoll(at + strlen(key), NULL, 10) : IG_UNKNOWN;
}

/* A firmware may leave something before the guest's first word on a line. */
static void take_line(struct run *run)
{
	const char *line = strstr(run->line, IG_GUEST_PREFIX);
	bool done = line && !strncmp(line, IG_GUEST_DONE, strlen(IG_GUEST_DONE));

	run->line[strcspn(run->line, "\r")] = '\0';
	if (run->line[0])
		snprintf(run->last, sizeof(run->last), "%.255s", line ? line : run->line);
	if (!done && !(line && !strncmp(line, IG_GUEST_PROGRESS, strlen(IG_GUEST_PROGRESS))))
		return;
	run->report = (struct guest_report){
		.events = number_after(line, " events="), .entries = number_after(line, " entries="),
		.quiet = number_after(line, " quiet="), .lost = number_after(line, " lost="),
		.sent = number_after(line, " sent="), .received = number_after(line, " received="),
		.rtt = number_after(line, " rtt="),
		.known = true, .done = done,
	};
	if (run->report.sent >= 0) {
		run->report.events = run->report.received;
		run->report.lost = run->report.sent - run->report.received;
	}
}

/* Returns false at the end of the output, which is the end of the VMM. */
static bool take_output(struct run *run)
{
	char bytes[512];
	ssize_t n = read(run->output, bytes, sizeof(bytes));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	for (ssize_t i = 0; i < n; i++) {
		if (bytes[i] != '\n' && run->length < sizeof(run->line) - 1) {
			run->line[run->length++] = bytes[i];
			continue;
		}
		run->line[run->length] = '\0';
		run->length = 0;
		take_line(run);
	}
	return n > 0;
}

/* Until the VMM has ended by itself (true) or the time is over. */
static bool watch(struct run *run)
{
	while (now() < run->deadline) {
		struct pollfd fd = { .fd = run->output, .events = POLLIN };

		poll(&fd, 1, LOOK_MS);
		take_marks(run);
		if (fd.revents && !take_output(run))
			return true;
	}
	return false;
}

/* A VMM that is asked to end undoes what it set up; one that does not is killed. */
static void end(struct run *run)
{
	double limit = now() + END_SECONDS;

	kill(run->pid, SIGTERM);
	while (waitpid(run->pid, NULL, WNOHANG) == 0) {
		if (now() > limit)
			kill(run->pid, SIGKILL);
		poll(NULL, 0, LOOK_MS);
	}
	ig_process_watch(0);
	close(run->output);
}

static int64_t difference(int64_t from, int64_t to)
{
	return from < 0 || to < from ? IG_UNKNOWN : to - from;
}

static void fill_in_report(const struct guest_report *report, struct ig_result *result)
{
	result->events = report->events;
	result->guest_interrupts = report->entries;
	result->quiet = report->quiet;
	result->lost = report->lost;
	result->sent = report->sent;
	result->received = report->received;
	if (report->rtt >= 0)
		result->event_seconds = (double)report->rtt / 1e9;
	else if (report->events > 0 && result->seconds >= 0)
		result->event_seconds = result->seconds / (double)report->events;
}

static void fill_in_phase(const struct sample *from, const struct sample *to, struct ig_result *result)
{
	const struct ig_trace_counts *before = &from->counts, *after = &to->counts;

	result->host_interrupts = difference(from->interrupts, to->interrupts);
	result->exits = difference(from->exits, to->exits);
	result->triggers = difference(before->triggers, after->triggers);
	result->user_exits = difference(before->user_exits, after->user_exits);
	result->route_updates = difference(before->route_updates, after->route_updates);
	result->guest_interrupts = difference(before->deliveries, after->deliveries);
}

/* What the guest says of its interrupts comes before what KVM says that it sent. */
static void fill_in(const struct run *run, struct ig_result *result)
{
	result->finished = run->report.done && run->ended;
	if (run->begun) {
		fill_in_phase(&run->at_begin, &run->at_end, result);
		result->seconds = run->end - run->begin;
	}
	if (run->report.known)
		fill_in_report(&run->report, result);
}

void ig_vmm_measure(const char *const *argv, const struct ig_device *device, struct ig_trace *trace,
		    double limit, struct ig_result *result)
{
	struct run run = { .device = device, .trace = trace };
	bool ended_itself;

	if (start(&run, argv)) {
		snprintf(result->error, sizeof(result->error), "cannot start %.200s", argv[0]);
		return;
	}
	run.deadline = now() + limit;
	ended_itself = watch(&run);
	take_marks(&run);
	ig_trace_stop(trace);
	if (run.begun && !run.ended)
		end_phase(&run, now());
	end(&run);
	fill_in(&run, result);
	if (ended_itself && !result->finished)
		snprintf(result->error, sizeof(result->error), "the VMM ended early: %.230s", run.last);
}
