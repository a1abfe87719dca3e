/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Those who watch a line. A notice says "look": whoever carries it out looks at the line's state under the
 * watch's own lock, and tells what has changed since it was told last. So two threads tell in order, and none
 * twice.
 */
#include <errno.h>
#include <fcntl.h>

#include "kvm/split.h"

#define INDEX_BITS 8
#define INDEX_MASK 0xffU

/* The generation is never 0, and so no handle is. */
static irqgate_watcher next_handle(const struct irqgate_kvm *gate, struct ig_kvm_watch *watch)
{
	watch->generation++;
	if (watch->generation > UINT32_MAX >> INDEX_BITS)
		watch->generation = 1;
	return watch->generation << INDEX_BITS | (uint32_t)(watch - gate->watch);
}

static void signal_fd(int fd, uint64_t count)
{
	if (fd >= 0)
		ig_eventfd_signal(fd, count);
}

/* The mask first: whoever then hears of an ack knows whether to wait for an unmask. */
static void tell(struct ig_kvm_watch *watch, const struct irqgate_line_state *now)
{
	const struct irqgate_watch *told = &watch->watch;
	uint64_t acks = now->acks - watch->told.acks;
	bool masked = now->masked != watch->told.masked;

	watch->told = *now;
	if (masked)
		signal_fd(now->masked ? told->mask_fd : told->unmask_fd, 1);
	if (masked && told->masked)
		told->masked(told->opaque, now->masked);
	if (acks)
		signal_fd(told->ack_fd, acks);
	if (acks && told->acked)
		told->acked(told->opaque, acks);
}

static void look(struct irqgate_kvm *gate, struct ig_kvm_watch *watch, uint32_t gsi)
{
	struct irqgate_line_state now;
	bool watches;

	pthread_mutex_lock(&watch->io);
	pthread_mutex_lock(&gate->lock);
	watches = watch->handle && watch->gsi == gsi && !irqgate_core_line_state(gate->core, gsi, &now);
	pthread_mutex_unlock(&gate->lock);
	if (watches)
		tell(watch, &now);
	pthread_mutex_unlock(&watch->io);
}

void ig_watch_notice(struct irqgate_kvm *gate, uint32_t gsi)
{
	uint64_t watching = 0;

	pthread_mutex_lock(&gate->lock);
	for (uint32_t i = 0; i < IRQGATE_KVM_WATCHES_MAX; i++)
		if (gate->watch[i].handle && gate->watch[i].gsi == gsi)
			watching |= UINT64_C(1) << i;
	pthread_mutex_unlock(&gate->lock);
	for (; watching; watching &= watching - 1)
		look(gate, &gate->watch[__builtin_ctzll(watching)], gsi);
}

static int check_fd(int fd)
{
	if (fd < 0)
		return 0;
	if (fcntl(fd, F_GETFD) < 0)
		return -errno;
	return ig_eventfd_id(fd) == -EINVAL ? -EINVAL : 0;
}

static int check(const struct irqgate_watch *watch)
{
	int error = watch->size == sizeof(*watch) ? 0 : -EINVAL;

	if (!error)
		error = check_fd(watch->ack_fd);
	if (!error)
		error = check_fd(watch->mask_fd);
	if (!error)
		error = check_fd(watch->unmask_fd);
	return error;
}

static struct ig_kvm_watch *find_free(struct irqgate_kvm *gate)
{
	for (uint32_t i = 0; i < IRQGATE_KVM_WATCHES_MAX; i++)
		if (!gate->watch[i].handle)
			return &gate->watch[i];
	return NULL;
}

/* Caller holds lock: so nothing is acked or masked between what is told as of now and the first notice. */
static int add(struct irqgate_kvm *gate, uint32_t gsi, const struct irqgate_watch *watch,
	       struct irqgate_line_state *now, irqgate_watcher *handle)
{
	struct ig_kvm_watch *added = find_free(gate);
	int error;

	if (!added)
		return -ENOSPC;
	error = irqgate_core_watch(gate->core, gsi, true);
	if (error)
		return error;
	irqgate_core_line_state(gate->core, gsi, now);
	added->watch = *watch;
	added->gsi = gsi;
	added->told = *now;
	added->handle = next_handle(gate, added);
	*handle = added->handle;
	return 0;
}

int irqgate_kvm_watch(struct irqgate_kvm *gate, uint32_t gsi, const struct irqgate_watch *watch,
		      struct irqgate_line_state *now, irqgate_watcher *handle)
{
	int error = check(watch);

	if (error)
		return error;
	pthread_mutex_lock(&gate->lock);
	error = add(gate, gsi, watch, now, handle);
	pthread_mutex_unlock(&gate->lock);
	return error;
}

static bool is_watched(const struct irqgate_kvm *gate, uint32_t gsi)
{
	for (uint32_t i = 0; i < IRQGATE_KVM_WATCHES_MAX; i++)
		if (gate->watch[i].handle && gate->watch[i].gsi == gsi)
			return true;
	return false;
}

/* Whoever tells this watch something has its io lock. */
int irqgate_kvm_unwatch(struct irqgate_kvm *gate, irqgate_watcher handle)
{
	struct ig_kvm_watch *watch = &gate->watch[handle & INDEX_MASK];
	int error = -ENOENT;

	if (!handle || (handle & INDEX_MASK) >= IRQGATE_KVM_WATCHES_MAX)
		return -ENOENT;
	pthread_mutex_lock(&watch->io);
	pthread_mutex_lock(&gate->lock);
	if (watch->handle == handle) {
		watch->handle = 0;
		error = irqgate_core_watch(gate->core, watch->gsi, is_watched(gate, watch->gsi));
	}
	pthread_mutex_unlock(&gate->lock);
	pthread_mutex_unlock(&watch->io);
	return error;
}
