/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What the host's kernel counts between the guest's two marks, by tracefs: an instance of our own with
 * histograms that the mark itself starts and stops, so that the phase is exact whoever is scheduled when. One
 * thread.
 */
#ifndef IG_LAB_TRACE_H
#define IG_LAB_TRACE_H

#include <stdint.h>

struct ig_trace {
	int pipe;			/* readable when there is a mark to take */
	char text[1024];		/* what of a line has come */
	unsigned int length;
};

struct ig_mark {
	int value;			/* IG_GUEST_MARK_BEGIN or IG_GUEST_MARK_END */
	double seconds;			/* CLOCK_MONOTONIC */
};

/*
 * Each is IG_UNKNOWN where the kernel has not what it takes. One of the user exits is that of the mark
 * itself, if the VMM has the port in user space.
 */
struct ig_trace_counts {
	int64_t triggers, user_exits, route_updates;
	int64_t deliveries;		/* level-triggered messages that a LAPIC of the guest took */
};

/* Sets it all up; returns 0, or a negative errno after one line on stderr, with nothing left behind. */
int ig_trace_open(struct ig_trace *trace);

/* Stops and forgets: the next phase starts at nothing. */
void ig_trace_clear(struct ig_trace *trace);

/* Takes the next mark without waiting: 1, or 0 when there is none. */
int ig_trace_next_mark(struct ig_trace *trace, struct ig_mark *mark);

/* Reads what was counted up to now. */
void ig_trace_read(struct ig_trace *trace, struct ig_trace_counts *counts);

/* Stops counting, in case the guest has not. */
void ig_trace_stop(struct ig_trace *trace);

void ig_trace_close(struct ig_trace *trace);

#endif
