/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Counting in the host's kernel; see trace.h. The guest's mark is a port write, so the tracepoint kvm:kvm_pio
 * sees it. One event can start or stop a given histogram, not both: the end is the same event under a second
 * name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "guest/guest.h"
#include "lab/files.h"
#include "lab/trace.h"

#define TRACING "/sys/kernel/tracing"
#define INSTANCE TRACING "/instances/irqgate"
#define TEXT(number) #number
#define VALUE(number) TEXT(number)
#define IF_MARK " if port == " VALUE(IG_GUEST_MARK_PORT)

/* Events of our own: a signal of any eventfd, with who signals; the mark under its second name. */
static const char *const own_events[] = {
	"p:irqgate/signal eventfd_signal_mask ctx=$arg1:x64 caller=$stack0",
	"e:irqgate/mark kvm.kvm_pio port=$port:u32 val=$val:u32",
};

static const struct histogram {
	const char *system, *event, *keys, *filter;
} histograms[] = {
	{ "irqgate", "signal", "ctx,caller.sym", "" },
	{ "kvm", "kvm_userspace_exit", "reason", "" },
	/* 0x4008ae6a is KVM_SET_GSI_ROUTING, which the filter cannot name. */
	{ "syscalls", "sys_enter_ioctl", "cmd", " if cmd == 0x4008ae6a" },
	{ "kvm", "kvm_apic_accept_irq", "vec", " if tm == 1" },
};

enum { SIGNALS, USER_EXITS, ROUTE_UPDATES, DELIVERIES, HISTOGRAMS };

static int write_trigger(const struct histogram *histogram, const char *what)
{
	char text[200];

	snprintf(text, sizeof(text), "hist:keys=%s:%s%s", histogram->keys, what, histogram->filter);
	return ig_file_write(text, INSTANCE "/events/%s/%s/trigger", histogram->system, histogram->event);
}

static int add_switches(const struct histogram *histogram)
{
	char start[200], stop[200];
	int error;

	snprintf(start, sizeof(start), "enable_hist:%s:%s" IF_MARK " && val == " VALUE(IG_GUEST_MARK_BEGIN),
		 histogram->system, histogram->event);
	snprintf(stop, sizeof(stop), "disable_hist:%s:%s" IF_MARK " && val == " VALUE(IG_GUEST_MARK_END),
		 histogram->system, histogram->event);
	error = ig_file_write(start, INSTANCE "/events/kvm/kvm_pio/trigger");
	return error ? error : ig_file_write(stop, INSTANCE "/events/irqgate/mark/trigger");
}

/* A kernel that has not the means for one figure may have those for the others. */
static void add_histogram(const struct histogram *histogram)
{
	int error = write_trigger(histogram, "pause");

	if (!error)
		error = add_switches(histogram);
	if (error)
		ig_error("this kernel cannot count %s:%s (%s): that figure will be missing",
			 histogram->system, histogram->event, strerror(-error));
}

static int show_marks(void)
{
	static const char filter[] = "port == " VALUE(IG_GUEST_MARK_PORT);
	int error = ig_file_write("mono", INSTANCE "/trace_clock");
	if (!error)
		error = ig_file_write(filter, INSTANCE "/events/kvm/kvm_pio/filter");
	if (!error)
		error = ig_file_write(filter, INSTANCE "/events/irqgate/mark/filter");
	if (!error)
		error = ig_file_write("1", INSTANCE "/events/kvm/kvm_pio/enable");
	if (!error)
		error = ig_file_write("1", INSTANCE "/events/irqgate/mark/enable");
	return error;
}

int ig_trace_open(struct ig_trace *trace)
{
	int error = 0;

	*trace = (struct ig_trace){ .pipe = -1 };
	ig_trace_close(trace); /* what one that was killed has left */
	for (size_t i = 0; i < sizeof(own_events) / sizeof(own_events[0]) && !error; i++)
		error = ig_file_write(own_events[i], TRACING "/dynamic_events");
	/* The instance takes over this option: without the names of the tasks the scheduler is not traced. */
	ig_file_write("0", TRACING "/options/record-cmd");
	if (!error && mkdir(INSTANCE, 0755))
		error = -errno;
	ig_file_write("1", TRACING "/options/record-cmd");
	if (!error)
		error = show_marks();
	if (error)
		goto failed;
	for (int i = 0; i < HISTOGRAMS; i++)
		add_histogram(&histograms[i]);
	trace->pipe = open(INSTANCE "/trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (trace->pipe >= 0)
		return 0;
	error = -errno;
failed:
	ig_error("cannot trace the host's kernel in " TRACING ": %s", strerror(-error));
	ig_trace_close(trace);
	return error;
}

void ig_trace_clear(struct ig_trace *trace)
{
	struct ig_mark mark;

	ig_trace_stop(trace);
	for (int i = 0; i < HISTOGRAMS; i++)
		write_trigger(&histograms[i], "clear");
	while (ig_trace_next_mark(trace, &mark))
		;
}

/* "  qemu-123  [000] .....  8.961817: kvm_pio: pio_write at 0x1e0 size 1 count 1 val 0x1" */
static bool parse_mark(const char *line, struct ig_mark *mark)
{
	const char *event = strstr(line, ": kvm_pio: "), *value = strstr(line, " val ");
	const char *time = event;

	if (!event || !value)
		return false;
	while (time > line && time[-1] != ' ')
		time--;
	mark->seconds = strtod(time, NULL);
	mark->value = (int)strtol(value + strlen(" val "), NULL, 0);
	return true;
}

static bool read_more(struct ig_trace *trace)
{
	ssize_t n;

	if (trace->length >= sizeof(trace->text) - 1)
		trace->length = 0;
	n = read(trace->pipe, trace->text + trace->length, sizeof(trace->text) - 1 - trace->length);
	if (n <= 0)
		return false;
	trace->length += (unsigned int)n;
	return true;
}

int ig_trace_next_mark(struct ig_trace *trace, struct ig_mark *mark)
{
	do {
		char *end;

		trace->text[trace->length] = '\0';
		while ((end = strchr(trace->text, '\n'))) {
			bool found;

			*end = '\0';
			found = parse_mark(trace->text, mark);
			trace->length -= (unsigned int)(end + 1 - trace->text);
			memmove(trace->text, end + 1, trace->length + 1);
			if (found)
				return 1;
		}
	} while (read_more(trace));
	return 0;
}

static char *read_histogram(const struct histogram *histogram)
{
	return ig_file_read(INSTANCE "/events/%s/%s/hist", histogram->system, histogram->event);
}

static int64_t read_total(const struct histogram *histogram)
{
	char *text = read_histogram(histogram), *hits;
	int64_t total = IG_UNKNOWN;

	hits = text ? strstr(text, "    Hits: ") : NULL;
	if (hits)
		total = strtoll(hits + strlen("    Hits: "), NULL, 10);
	free(text);
	return total;
}

struct signal {
	unsigned long long ctx;
	int64_t hits;
	bool by_vfio;
};

/* "{ ctx: 123, caller: [ffffffffc088660c] vfio_intx_handler [vfio_pci_core] } hitcount: 1000" */
static bool parse_signal(const char *line, struct signal *signal)
{
	const char *caller = strchr(line, ']'), *hits = strstr(line, "hitcount:");

	if (sscanf(line, "{ ctx: %llu", &signal->ctx) != 1 || !caller || !hits)
		return false;
	signal->by_vfio = !strncmp(caller, "] vfio_", strlen("] vfio_"));
	signal->hits = strtoll(hits + strlen("hitcount:"), NULL, 10);
	return true;
}

/*
 * The trigger is the eventfd that vfio's interrupt handler signals. All signals of that eventfd count: the
 * one that vfio's worker makes when an unmasked device still asserts comes by a tail call, so it carries no
 * vfio name.
 */
static int64_t count_triggers(char *text)
{
	enum { SIGNALS_MAX = 64 };
	struct signal signals[SIGNALS_MAX];
	int count = 0;
	int64_t total = 0;

	for (char *rest = text, *line; (line = strsep(&rest, "\n")) && count < SIGNALS_MAX;)
		count += parse_signal(line, &signals[count]);
	for (int i = 0; i < count; i++) {
		bool is_trigger = false;

		for (int j = 0; j < count; j++)
			is_trigger |= signals[j].by_vfio && signals[j].ctx == signals[i].ctx;
		total += is_trigger ? signals[i].hits : 0;
	}
	return total;
}

void ig_trace_stop(struct ig_trace *trace)
{
	(void)trace;
	for (int i = 0; i < HISTOGRAMS; i++)
		write_trigger(&histograms[i], "pause");
}

void ig_trace_read(struct ig_trace *trace, struct ig_trace_counts *counts)
{
	char *signals;

	(void)trace;
	counts->user_exits = read_total(&histograms[USER_EXITS]);
	counts->route_updates = read_total(&histograms[ROUTE_UPDATES]);
	counts->deliveries = read_total(&histograms[DELIVERIES]);
	signals = read_histogram(&histograms[SIGNALS]);
	counts->triggers = signals && strstr(signals, "Hits:") ? count_triggers(signals) : IG_UNKNOWN;
	free(signals);
}

void ig_trace_close(struct ig_trace *trace)
{
	if (trace->pipe >= 0)
		close(trace->pipe);
	trace->pipe = -1;
	/* The instance's triggers go with it; only then are the events that they name free. */
	rmdir(INSTANCE);
	ig_file_write("-:irqgate/mark", TRACING "/dynamic_events");
	ig_file_write("-:irqgate/signal", TRACING "/dynamic_events");
}
