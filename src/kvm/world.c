/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What the kernel knows of us: its GSI routing table, and which triggers are bound to a route. Both are built
 * from the core's state at the moment, under world: so it does not matter in which order threads come here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "kvm/msi.h"
#include "kvm/split.h"
#include "route/route.h"

static struct kvm_irq_routing_entry as_entry(const struct irqgate_route *route)
{
	return (struct kvm_irq_routing_entry){
		.gsi = route->gsi,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = {
			.address_lo = ig_msi_address_low(&route->message),
			.address_hi = ig_msi_address_high(&route->message),
			.data = route->message.data,
		},
	};
}

static int set_table(struct irqgate_kvm *gate, uint32_t routes)
{
	struct kvm_irq_routing *table = gate->table;
	const struct irqgate_kvm_callbacks *callbacks = &gate->config.callbacks;

	gate->route_updates++;
	if (callbacks->set_routes)
		return callbacks->set_routes(callbacks->opaque, gate->route, routes);
	for (uint32_t i = 0; i < routes; i++)
		table->entries[i] = as_entry(&gate->route[i]);
	if (gate->owns)
		memcpy(&table->entries[routes], gate->own, gate->owns * sizeof(*gate->own));
	table->nr = routes + gate->owns;
	table->flags = 0;
	return ig_ioctl(gate->config.vm_fd, KVM_SET_GSI_ROUTING, table);
}

static bool is_set(const struct irqgate_kvm *gate, uint32_t routes)
{
	for (uint32_t i = 0; i < routes; i++) {
		const struct irqgate_route *now = &gate->route[i], *set = &gate->route_set[i];

		if (now->gsi != set->gsi || !ig_route_same(&now->message, &set->message))
			return false;
	}
	return true;
}

static int sync_routes(struct irqgate_kvm *gate, uint64_t *version)
{
	uint32_t routes;
	int error;

	pthread_mutex_lock(&gate->lock);
	routes = irqgate_core_routes(gate->core, gate->route, version);
	pthread_mutex_unlock(&gate->lock);
	if (routes == gate->routes_set && is_set(gate, routes))
		return 0;
	error = set_table(gate, routes);
	if (error < 0)
		return error;
	memcpy(gate->route_set, gate->route, routes * sizeof(*gate->route));
	gate->routes_set = routes;
	return 0;
}

static int update_irqfd(struct irqgate_kvm *gate, const struct ig_kvm_source *source, uint32_t flags)
{
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)source->forwarded.trigger_fd,
		.gsi = source->gsi,
		.flags = flags,
	};

	gate->irqfd_updates++;
	return ig_ioctl(gate->config.vm_fd, KVM_IRQFD, &irqfd);
}

/*
 * Whether our own loop watches the trigger. It stays in the set all the time: to add it again might fail, and
 * then nobody would hear of it.
 */
static void watch(struct irqgate_kvm *gate, const struct ig_kvm_source *source, bool on)
{
	struct epoll_event event = { .events = on ? EPOLLIN : 0, .data.u64 = source->handle };

	epoll_ctl(gate->epoll_fd, EPOLL_CTL_MOD, source->forwarded.trigger_fd, &event);
}

/*
 * An eventfd that is signalled already would inject at once, but what it says is older than the resample that
 * follows: the source is silenced, and what it has said is read away.
 */
static void bind_trigger(struct irqgate_kvm *gate, struct ig_kvm_source *source)
{
	struct irqgate_effects effects;

	watch(gate, source, false);
	pthread_mutex_lock(&source->io);
	ig_source_silence(gate, source);
	pthread_mutex_unlock(&source->io);
	ig_source_drain(source);
	if (update_irqfd(gate, source, 0) >= 0) {
		source->bound = true;
		return;
	}
	watch(gate, source, true);
	pthread_mutex_lock(&gate->lock);
	irqgate_core_refuse_direct(gate->core, source->handle, &effects);
	pthread_mutex_unlock(&gate->lock);
}

static void unbind_trigger(struct irqgate_kvm *gate, struct ig_kvm_source *source)
{
	update_irqfd(gate, source, KVM_IRQFD_FLAG_DEASSIGN);
	source->bound = false;
	watch(gate, source, true);
}

static bool wants_binding(struct irqgate_kvm *gate, const struct ig_kvm_source *source)
{
	bool wanted;

	pthread_mutex_lock(&gate->lock);
	wanted = irqgate_core_bound(gate->core, source->handle);
	pthread_mutex_unlock(&gate->lock);
	return wanted;
}

/* Needs no route, and can not fail: a source that is removed must be out of the kernel whatever else fails. */
static void unbind_triggers(struct irqgate_kvm *gate)
{
	for (uint32_t i = 0; i < gate->config.sources; i++)
		if (gate->source[i].handle && gate->source[i].bound && !wants_binding(gate, &gate->source[i]))
			unbind_trigger(gate, &gate->source[i]);
}

static void bind_triggers(struct irqgate_kvm *gate)
{
	for (uint32_t i = 0; i < gate->config.sources; i++)
		if (gate->source[i].handle && !gate->source[i].bound && wants_binding(gate, &gate->source[i]))
			bind_trigger(gate, &gate->source[i]);
}

int ig_world_sync_locked(struct irqgate_kvm *gate, uint64_t version)
{
	uint64_t reached = version;
	int error;

	if (atomic_load(&gate->routes_done) >= version)
		return 0;
	unbind_triggers(gate);
	error = sync_routes(gate, &reached);
	if (error < 0)
		return error;
	bind_triggers(gate);
	atomic_store(&gate->routes_done, reached);
	return 0;
}

int ig_world_sync(struct irqgate_kvm *gate, uint64_t version)
{
	int error;

	if (atomic_load(&gate->routes_done) >= version)
		return 0;
	pthread_mutex_lock(&gate->world);
	error = ig_world_sync_locked(gate, version);
	pthread_mutex_unlock(&gate->world);
	return error;
}

static bool are_free(const struct irqgate_kvm *gate, const struct kvm_irq_routing_entry *entry, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (entry[i].gsi < irqgate_kvm_first_gsi(gate))
			return false;
	return true;
}

int irqgate_kvm_set_routes(struct irqgate_kvm *gate, const struct kvm_irq_routing_entry *entry, uint32_t count)
{
	size_t entries = (size_t)irqgate_kvm_first_gsi(gate) + count;
	struct kvm_irq_routing_entry *own = calloc(count ? count : 1, sizeof(*own)), *old_own;
	struct kvm_irq_routing *table = calloc(1, sizeof(*table) + entries * sizeof(table->entries[0])), *old_table;
	uint32_t old_owns;
	int error = -EINVAL;

	if (!are_free(gate, entry, count) || gate->config.callbacks.set_routes)
		goto out;
	error = -ENOMEM;
	if (!own || !table)
		goto out;
	if (count)
		memcpy(own, entry, count * sizeof(*own));

	pthread_mutex_lock(&gate->world);
	old_own = gate->own;
	old_owns = gate->owns;
	old_table = gate->table;
	gate->own = own;
	gate->owns = count;
	gate->table = table;
	memcpy(gate->route, gate->route_set, gate->routes_set * sizeof(*gate->route));
	error = set_table(gate, gate->routes_set);
	if (error < 0) {
		gate->own = old_own;
		gate->owns = old_owns;
		gate->table = old_table;
	} else {
		own = old_own;
		table = old_table;
		error = 0;
	}
	pthread_mutex_unlock(&gate->world);
out:
	free(table);
	free(own);
	return error;
}
