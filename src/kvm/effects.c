/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Carries out what the core asks for, after the lock. Two threads may do so in any order; see split.h. */
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "kvm/msi.h"
#include "kvm/split.h"

/*
 * What could not be done is tried again after this long: a message that no LAPIC took, as the guest has its
 * LAPIC off, or a table of routes that the kernel had no memory for.
 */
#define RETRY_NANOSECONDS 10000000L

static void arm_retry(struct irqgate_kvm *gate)
{
	struct itimerspec when = { .it_value.tv_nsec = RETRY_NANOSECONDS };

	timerfd_settime(gate->retry_fd, 0, &when, NULL);
}

/* A table that the kernel refuses is tried again. */
static int sync_world(struct irqgate_kvm *gate, uint64_t version)
{
	int error = ig_world_sync(gate, version);

	if (error < 0)
		arm_retry(gate);
	return error;
}

static void message_failed(struct irqgate_kvm *gate, const struct irqgate_effect *effect)
{
	bool again;

	gate->failed_messages++;
	pthread_mutex_lock(&gate->lock);
	again = irqgate_core_send_failed(gate->core, effect->pin, effect->ticket);
	pthread_mutex_unlock(&gate->lock);
	if (again)
		arm_retry(gate);
}

static void send_message(struct irqgate_kvm *gate, const struct irqgate_effect *effect)
{
	struct kvm_msi msi = {
		.address_lo = ig_msi_address_low(&effect->message),
		.address_hi = ig_msi_address_high(&effect->message),
		.data = effect->message.data,
	};

	gate->messages++;
	if (ig_ioctl(gate->config.vm_fd, KVM_SIGNAL_MSI, &msi) <= 0)
		message_failed(gate, effect);
}

void ig_eventfd_signal(int fd, uint64_t count)
{
	ssize_t written;

	do
		written = write(fd, &count, sizeof(count));
	while (written < 0 && errno == EINTR);
	/* EAGAIN: it is signalled already. Another error is a descriptor that the caller closed too early. */
}

static void resample(struct irqgate_kvm *gate, struct ig_kvm_source *source)
{
	gate->resamples++;
	ig_diagnosis_resampled(gate, source);
	ig_eventfd_signal(source->forwarded.resample_fd, 1);
}

void ig_source_silence(struct irqgate_kvm *gate, struct ig_kvm_source *source)
{
	pthread_mutex_lock(&gate->lock);
	source->armed = false;
	pthread_mutex_unlock(&gate->lock);
	if (!source->forwarded.silence)
		return;
	gate->silences++;
	if (source->forwarded.silence(source->forwarded.opaque))
		gate->silence_errors++;
}

/* What the LAPICs answered before may not be so any more: until now the kernel could send. */
static void silence(struct irqgate_kvm *gate, struct ig_kvm_source *source)
{
	ig_source_silence(gate, source);
	pthread_mutex_lock(&gate->lock);
	gate->question.gsi = -1;
	pthread_mutex_unlock(&gate->lock);
}

/* What is to be done about a wish. */
enum todo { NOTHING, ROUTES_FIRST, RESAMPLE, SILENCE };

/*
 * A resample of an armed source does nothing, so it is left out: while it is on its way the source may
 * trigger, and would once more for the same event, which may be read only after the guest's EOI. For the same
 * reason a trigger that is older than the resample is read away: what still asserts triggers again. Where the
 * kernel takes the triggers nobody knows whether a source is armed. Caller holds the source's io, and lock.
 */
static enum todo look_up(struct irqgate_kvm *gate, struct ig_kvm_source *source, irqgate_source handle,
			 struct irqgate_wish *wish)
{
	if (irqgate_core_wish(gate->core, handle, wish) || wish->answered || wish->version <= source->wish_done)
		return NOTHING;
	if (wish->listen && atomic_load(&gate->routes_done) < wish->routes_version)
		return ROUTES_FIRST;
	source->wish_done = wish->version;
	if (!wish->listen)
		return SILENCE;
	if (source->armed)
		return NOTHING;
	source->armed = !irqgate_core_bound(gate->core, handle);
	if (source->armed)
		ig_source_drain(source);
	return RESAMPLE;
}

/* Returns whether it must be tried again with a newer table of routes: its version is in the wish. */
static bool try_wish(struct irqgate_kvm *gate, irqgate_source handle, struct irqgate_wish *wish)
{
	struct ig_kvm_source *source = ig_kvm_record(gate, handle);
	enum todo todo;

	pthread_mutex_lock(&source->io);
	pthread_mutex_lock(&gate->lock);
	todo = look_up(gate, source, handle, wish);
	pthread_mutex_unlock(&gate->lock);
	if (todo == RESAMPLE)
		resample(gate, source);
	else if (todo == SILENCE)
		silence(gate, source);
	pthread_mutex_unlock(&source->io);
	return todo == ROUTES_FIRST;
}

/* Carries out the newest wish, once: an older one that comes late finds it done. */
static int carry_out_wish(struct irqgate_kvm *gate, irqgate_source handle)
{
	struct irqgate_wish wish;

	while (try_wish(gate, handle, &wish)) {
		int error = sync_world(gate, wish.routes_version);

		if (error < 0)
			return error;
	}
	return 0;
}

static int carry_out(struct irqgate_kvm *gate, const struct irqgate_effect *effect, bool routed)
{
	if (effect->kind == IRQGATE_EFFECT_SOURCE)
		return carry_out_wish(gate, effect->source);
	if (effect->kind == IRQGATE_EFFECT_LINE)
		ig_watch_notice(gate, effect->pin);
	else if (routed)
		send_message(gate, effect);
	else
		message_failed(gate, effect);
	return 0;
}

int ig_effects_run(struct irqgate_kvm *gate, const struct irqgate_effects *effects)
{
	int error = sync_world(gate, effects->routes_version);
	bool routed = error >= 0;

	ig_legacy_kick(gate, effects->intr);
	for (uint32_t i = 0; i < effects->count; i++) {
		int failed = carry_out(gate, &effects->effect[i], routed);

		if (failed < 0)
			error = failed;
	}
	ig_diagnosis_schedule(gate, effects->next_time);
	ig_diagnosis_tell(gate, effects->diagnosed_gsi, effects->diagnosed);
	return error;
}

static void retry_messages(struct irqgate_kvm *gate)
{
	struct irqgate_effects effects;
	uint32_t pin = 0;
	bool more;

	do {
		ig_kvm_lock(gate);
		more = irqgate_core_retry(gate->core, &pin, &effects);
		pthread_mutex_unlock(&gate->lock);
		if (more)
			ig_effects_run(gate, &effects);
	} while (more);
}

void ig_effects_retry(struct irqgate_kvm *gate)
{
	sync_world(gate, UINT64_MAX);
	retry_messages(gate);
	for (uint32_t i = 0; i < gate->config.sources; i++) {
		irqgate_source handle;

		pthread_mutex_lock(&gate->lock);
		handle = gate->source[i].handle;
		pthread_mutex_unlock(&gate->lock);
		if (handle)
			carry_out_wish(gate, handle);
	}
}
