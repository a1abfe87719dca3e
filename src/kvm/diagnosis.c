/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What is wrong with a line, told to the VMM; and what wants to be done later: the storm guard's delays, the
 * age of holds, resamples that nobody reads. One timer serves these, set to what is due first. What was told
 * is guarded by lock, a source's resample by its io; the callback runs under neither.
 */
#include <errno.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "kvm/split.h"

#define NSEC_PER_SEC UINT64_C(1000000000)

/* How seldom the same is told again of a line, and how long a listener may take to read a resample. */
#define TELL_INTERVAL   NSEC_PER_SEC
#define LISTENER_LIMIT  NSEC_PER_SEC

/* Telling. */

static uint64_t found_so_far(const struct irqgate_kvm *gate, uint32_t gsi, enum irqgate_diagnosis diagnosis)
{
	struct irqgate_line_stats stats;

	if (diagnosis == IRQGATE_DIAGNOSIS_UNHEARD)
		return gate->told[gsi].unheard;
	return irqgate_core_line_stats(gate->core, gsi, &stats) ? 0 : stats.diagnoses[diagnosis];
}

/* How often it was found since it was told of last; 0: it is too soon to tell it again. */
static uint64_t take_count(struct irqgate_kvm *gate, uint32_t gsi, enum irqgate_diagnosis diagnosis)
{
	struct ig_kvm_told *told = &gate->told[gsi];
	uint64_t now = ig_now(), found, count = 0;

	pthread_mutex_lock(&gate->lock);
	if (!told->at[diagnosis] || now - told->at[diagnosis] >= TELL_INTERVAL) {
		found = found_so_far(gate, gsi, diagnosis);
		count = found - told->count[diagnosis];
		told->count[diagnosis] = found;
		told->at[diagnosis] = now;
	}
	pthread_mutex_unlock(&gate->lock);
	return count;
}

void ig_diagnosis_tell(struct irqgate_kvm *gate, uint32_t gsi, uint32_t diagnosed)
{
	const struct irqgate_kvm_callbacks *callbacks = &gate->config.callbacks;

	for (uint32_t i = 0; i < IRQGATE_DIAGNOSES && callbacks->diagnosed; i++) {
		uint64_t count = diagnosed >> i & 1 ? take_count(gate, gsi, (enum irqgate_diagnosis)i) : 0;

		if (count)
			callbacks->diagnosed(callbacks->opaque, gsi, (enum irqgate_diagnosis)i, count);
	}
}

/* The timer. */

static void set_timer(const struct irqgate_kvm *gate, uint64_t when)
{
	struct itimerspec at = {
		.it_value = { .tv_sec = (time_t)(when / NSEC_PER_SEC), .tv_nsec = (long)(when % NSEC_PER_SEC) },
	};

	timerfd_settime(gate->time_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

void ig_diagnosis_schedule(struct irqgate_kvm *gate, uint64_t when)
{
	if (when >= atomic_load(&gate->time_due))
		return;
	pthread_mutex_lock(&gate->lock);
	if (when < gate->time_due) {
		gate->time_due = when;
		set_timer(gate, when ? when : 1); /* 0 would stop it */
	}
	pthread_mutex_unlock(&gate->lock);
}

/* Whoever finds something due from here on sets the timer anew. */
static bool take_expiration(struct irqgate_kvm *gate)
{
	uint64_t expirations;

	if (read(gate->time_fd, &expirations, sizeof(expirations)) < 0)
		return false;
	pthread_mutex_lock(&gate->lock);
	gate->time_due = IRQGATE_NEVER;
	pthread_mutex_unlock(&gate->lock);
	return true;
}

/* Resamples. */

static bool is_unread(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1 && poll_fd.revents & POLLIN;
}

void ig_diagnosis_resampled(struct irqgate_kvm *gate, struct ig_kvm_source *source)
{
	if (!gate->config.callbacks.diagnosed)
		return;
	if (source->unread_since && is_unread(source->forwarded.resample_fd))
		return;
	source->unread_since = ig_now();
	source->unheard = false;
	ig_diagnosis_schedule(gate, source->unread_since + LISTENER_LIMIT);
}

/* Caller holds the source's io. Returns whether nobody has read its resample for too long, which is found once. */
static bool find_unheard(struct irqgate_kvm *gate, struct ig_kvm_source *source)
{
	if (!source->handle || !source->unread_since || source->unheard)
		return false;
	if (!is_unread(source->forwarded.resample_fd)) {
		source->unread_since = 0;
		return false;
	}
	if (ig_now() - source->unread_since < LISTENER_LIMIT) {
		ig_diagnosis_schedule(gate, source->unread_since + LISTENER_LIMIT);
		return false;
	}
	source->unheard = true;
	return true;
}

static void look_for_unheard(struct irqgate_kvm *gate, struct ig_kvm_source *source)
{
	uint32_t gsi;
	bool unheard;

	pthread_mutex_lock(&source->io);
	unheard = find_unheard(gate, source);
	gsi = source->gsi;
	pthread_mutex_unlock(&source->io);
	if (!unheard)
		return;
	pthread_mutex_lock(&gate->lock);
	gate->told[gsi].unheard++;
	pthread_mutex_unlock(&gate->lock);
	ig_diagnosis_tell(gate, gsi, 1U << IRQGATE_DIAGNOSIS_UNHEARD);
}

/* The core. */

static void expire_core(struct irqgate_kvm *gate)
{
	struct irqgate_effects effects;
	uint32_t gsi = 0;
	bool more;

	do {
		ig_kvm_lock(gate);
		more = irqgate_core_expire(gate->core, &gsi, &effects);
		pthread_mutex_unlock(&gate->lock);
		ig_effects_run(gate, &effects);
	} while (more);
}

void ig_diagnosis_expire(struct irqgate_kvm *gate)
{
	if (!take_expiration(gate))
		return;
	expire_core(gate);
	for (uint32_t i = 0; i < gate->config.sources; i++)
		look_for_unheard(gate, &gate->source[i]);
}

int irqgate_kvm_guard(struct irqgate_kvm *gate, uint32_t gsi, const struct irqgate_guard *guard)
{
	int error;

	gate->timed = true;
	ig_kvm_lock(gate);
	error = irqgate_core_guard(gate->core, gsi, guard);
	pthread_mutex_unlock(&gate->lock);
	if (!error)
		ig_diagnosis_schedule(gate, ig_now()); /* a line that was delayed goes on */
	return error;
}
