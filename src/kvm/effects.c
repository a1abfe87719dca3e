/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Carries out what the core asks for, after the lock. Two threads may do so in any order; see split.h. */
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "kvm/split.h"

/* A message that no LAPIC took is sent again after this long: the guest has its LAPIC off, say. */
#define RETRY_NANOSECONDS 10000000L

static void arm_retry(struct irqgate_kvm *gate)
{
	struct itimerspec when = { .it_value.tv_nsec = RETRY_NANOSECONDS };

	timerfd_settime(gate->retry_fd, 0, &when, NULL);
}

static void send_message(struct irqgate_kvm *gate, const struct irqgate_effect *effect)
{
	struct kvm_msi msi = {
		.address_lo = (uint32_t)effect->message.address,
		.address_hi = (uint32_t)(effect->message.address >> 32),
		.data = effect->message.data,
	};
	bool again;

	gate->messages++;
	if (ig_ioctl(gate->config.vm_fd, KVM_SIGNAL_MSI, &msi) > 0)
		return;
	gate->failed_messages++;
	pthread_mutex_lock(&gate->lock);
	again = irqgate_core_send_failed(gate->core, effect->pin, effect->ticket);
	pthread_mutex_unlock(&gate->lock);
	if (again)
		arm_retry(gate);
}

void ig_effects_retry(struct irqgate_kvm *gate)
{
	struct irqgate_effects effects;
	uint32_t pin = 0;
	bool more;

	do {
		pthread_mutex_lock(&gate->lock);
		more = irqgate_core_retry(gate->core, &pin, &effects);
		pthread_mutex_unlock(&gate->lock);
		if (more)
			ig_effects_run(gate, &effects);
	} while (more);
}

static void resample(struct irqgate_kvm *gate, const struct ig_kvm_source *source)
{
	uint64_t one = 1;
	ssize_t written;

	gate->resamples++;
	do
		written = write(source->forwarded.resample_fd, &one, sizeof(one));
	while (written < 0 && errno == EINTR);
	/* EAGAIN: it is signalled already. Another error is a descriptor that the caller closed too early. */
}

static void silence(struct irqgate_kvm *gate, const struct ig_kvm_source *source)
{
	if (!source->forwarded.silence)
		return;
	gate->silences++;
	if (source->forwarded.silence(source->forwarded.opaque))
		gate->silence_errors++;
}

/* Carries out the newest wish, once: an older one that comes late finds it done. */
static void carry_out_wish(struct irqgate_kvm *gate, irqgate_source handle)
{
	struct ig_kvm_source *source = &gate->source[handle & 0xffff];
	struct irqgate_wish wish;
	int error;

	pthread_mutex_lock(&source->io);
	pthread_mutex_lock(&gate->lock);
	error = irqgate_core_wish(gate->core, handle, &wish);
	pthread_mutex_unlock(&gate->lock);
	if (!error && wish.version > source->wish_done) {
		source->wish_done = wish.version;
		if (wish.listen)
			resample(gate, source);
		else
			silence(gate, source);
	}
	pthread_mutex_unlock(&source->io);
}

int ig_effects_run(struct irqgate_kvm *gate, const struct irqgate_effects *effects)
{
	int error = 0;

	if (atomic_load(&gate->routes_done) < effects->routes_version)
		error = ig_world_sync(gate, effects->routes_version);
	for (uint32_t i = 0; i < effects->count; i++) {
		if (effects->effect[i].kind == IRQGATE_EFFECT_SEND)
			send_message(gate, &effects->effect[i]);
		else
			carry_out_wish(gate, effects->effect[i].source);
	}
	return error;
}
