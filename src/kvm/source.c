/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Sources: added, removed, and their triggers read on the userspace path. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "kvm/split.h"

#define HANDLE_INDEX_MASK 0xffffU /* a record has the index that its source has in the core */

struct ig_kvm_source *ig_kvm_record(const struct irqgate_kvm *gate, irqgate_source handle)
{
	return &gate->source[handle & HANDLE_INDEX_MASK];
}

struct ig_kvm_source *ig_kvm_find(const struct irqgate_kvm *gate, irqgate_source handle)
{
	if (!handle || (handle & HANDLE_INDEX_MASK) >= gate->config.sources)
		return NULL;
	return ig_kvm_record(gate, handle)->handle == handle ? ig_kvm_record(gate, handle) : NULL;
}

bool ig_source_drain(const struct ig_kvm_source *source)
{
	uint64_t count;
	ssize_t got;

	do
		got = read(source->forwarded.trigger_fd, &count, sizeof(count));
	while (got < 0 && errno == EINTR);
	return got == sizeof(count);
}

bool ig_source_read(struct irqgate_kvm *gate, struct ig_kvm_source *source, struct irqgate_effects *effects)
{
	if (!ig_source_drain(source))
		return false;
	source->armed = false;
	irqgate_core_trigger(gate->core, source->handle, effects);
	return true;
}

bool ig_source_read_any(struct irqgate_kvm *gate, uint32_t gsi, struct irqgate_effects *effects)
{
	for (uint32_t i = 0; i < gate->config.sources; i++) {
		struct ig_kvm_source *source = &gate->source[i];

		if (source->handle && source->gsi == gsi && !irqgate_core_bound(gate->core, source->handle) &&
		    ig_source_read(gate, source, effects))
			return true;
	}
	return false;
}

void ig_source_read_line(struct irqgate_kvm *gate, uint32_t gsi)
{
	struct irqgate_effects effects; /* none: the pin is masked */

	for (uint32_t i = 0; i < gate->config.sources; i++) {
		struct ig_kvm_source *source = &gate->source[i];

		if (source->handle && source->gsi == gsi)
			ig_source_read(gate, source, &effects);
	}
}

static void dispatch_trigger(struct irqgate_kvm *gate, irqgate_source handle)
{
	struct ig_kvm_source *record = ig_kvm_record(gate, handle), *source;
	struct irqgate_effects effects;
	bool triggered;

	/* Under io, so that no resample that was decided on before comes after: the source would trigger once more. */
	pthread_mutex_lock(&record->io);
	ig_kvm_lock(gate);
	source = ig_kvm_find(gate, handle);
	triggered = source && ig_source_read(gate, source, &effects);
	pthread_mutex_unlock(&gate->lock);
	pthread_mutex_unlock(&record->io);
	if (triggered)
		ig_effects_run(gate, &effects);
}

int irqgate_kvm_dispatch(struct irqgate_kvm *gate)
{
	struct epoll_event event[16];
	uint64_t expirations;
	int count = epoll_wait(gate->epoll_fd, event, sizeof(event) / sizeof(event[0]), 0);

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < count; i++) {
		if (event[i].data.u64 == IG_EVENT_TIME)
			ig_diagnosis_expire(gate);
		else if (event[i].data.u64 != IG_EVENT_RETRY)
			dispatch_trigger(gate, (irqgate_source)event[i].data.u64);
		else if (read(gate->retry_fd, &expirations, sizeof(expirations)) > 0)
			ig_effects_retry(gate);
	}
	return 0;
}

int ig_eventfd_id(int fd)
{
	char path[64], line[128];
	bool known = false;
	int id = -1;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "re");
	if (!info)
		return -1;
	while (fgets(line, sizeof(line), info)) {
		known = known || !strncmp(line, "eventfd-", strlen("eventfd-"));
		sscanf(line, "eventfd-id: %d", &id);
	}
	fclose(info);
	return known ? id : -EINVAL;
}

static bool is_taken(const struct irqgate_kvm *gate, int fd, int id)
{
	for (uint32_t i = 0; i < gate->config.sources; i++) {
		const struct ig_kvm_source *source = &gate->source[i];

		if (source->handle && (source->forwarded.trigger_fd == fd || (id >= 0 && source->eventfd_id == id)))
			return true;
	}
	return false;
}

/* The trigger must be an eventfd, and no other source's. */
static int take_trigger(struct irqgate_kvm *gate, int fd, int id)
{
	struct epoll_event event = { .events = 0 };
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	if (id == -EINVAL)
		return -EINVAL;
	if (is_taken(gate, fd, id))
		return -EBUSY;
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	if (epoll_ctl(gate->epoll_fd, EPOLL_CTL_ADD, fd, &event))
		return errno == EPERM ? -EINVAL : -errno;
	return 0;
}

static bool is_valid(const struct irqgate_forwarded *forwarded)
{
	return forwarded->size == sizeof(*forwarded) && forwarded->trigger_fd != forwarded->resample_fd;
}

static int add_record(struct irqgate_kvm *gate, uint32_t gsi, const struct irqgate_forwarded *forwarded, int id,
		      irqgate_source *handle, struct irqgate_effects *effects)
{
	bool direct = gate->config.path == IRQGATE_PATH_DIRECT && forwarded->silence;
	struct ig_kvm_source *source;
	int error;

	ig_kvm_lock(gate);
	error = irqgate_core_add(gate->core, gsi, IRQGATE_SOURCE_FORWARDED, direct, forwarded->name, handle,
				 effects);
	if (!error) {
		source = ig_kvm_record(gate, *handle);
		source->handle = *handle;
		source->forwarded = *forwarded;
		source->forwarded.name = NULL; /* the core has a copy */
		source->gsi = gsi;
		source->eventfd_id = id;
		source->wish_done = 0;
		source->armed = false;
		source->unread_since = 0;
		source->unheard = false;
	}
	pthread_mutex_unlock(&gate->lock);
	return error;
}

int irqgate_kvm_add_forwarded(struct irqgate_kvm *gate, uint32_t gsi, const struct irqgate_forwarded *forwarded,
			      irqgate_source *handle)
{
	struct irqgate_effects effects;
	irqgate_source added;
	int error = -EINVAL, id;

	if (!is_valid(forwarded))
		return error;
	if (fcntl(forwarded->resample_fd, F_GETFD) < 0)
		return -errno;
	id = ig_eventfd_id(forwarded->trigger_fd);
	pthread_mutex_lock(&gate->world);
	error = take_trigger(gate, forwarded->trigger_fd, id);
	if (error)
		goto unlock;
	error = add_record(gate, gsi, forwarded, id, &added, &effects);
	if (error) {
		epoll_ctl(gate->epoll_fd, EPOLL_CTL_DEL, forwarded->trigger_fd, NULL);
		goto unlock;
	}
	epoll_ctl(gate->epoll_fd, EPOLL_CTL_MOD, forwarded->trigger_fd,
		  &(struct epoll_event){ .events = EPOLLIN, .data.u64 = added });
unlock:
	pthread_mutex_unlock(&gate->world);
	if (error)
		return error;
	ig_effects_run(gate, &effects);
	*handle = added;
	return 0;
}

/* Makes one of the core's calls on a source, and carries out what it asks for. */
#define CALL_CORE(gate, call)                              \
	do {                                               \
		struct irqgate_effects effects;            \
		int error;                                 \
                                                           \
		ig_kvm_lock(gate);                         \
		error = (call);                            \
		pthread_mutex_unlock(&(gate)->lock);       \
		if (!error)                                \
			ig_effects_run((gate), &effects);  \
		return error;                              \
	} while (0)

static int add_emulated(struct irqgate_kvm *gate, uint32_t gsi, enum irqgate_source_kind kind, const char *name,
			irqgate_source *handle)
{
	CALL_CORE(gate, irqgate_core_add(gate->core, gsi, kind, false, name, handle, &effects));
}

int irqgate_kvm_add_wire(struct irqgate_kvm *gate, uint32_t gsi, const char *name, irqgate_source *handle)
{
	return add_emulated(gate, gsi, IRQGATE_SOURCE_WIRE, name, handle);
}

int irqgate_kvm_add_edge(struct irqgate_kvm *gate, uint32_t gsi, const char *name, irqgate_source *handle)
{
	return add_emulated(gate, gsi, IRQGATE_SOURCE_EDGE, name, handle);
}

/*
 * Whoever still carries out a wish of the source has its io lock; whoever comes later finds no record. Caller
 * holds world.
 */
static void drop_record(struct irqgate_kvm *gate, irqgate_source handle)
{
	struct ig_kvm_source *source = ig_kvm_find(gate, handle);

	if (!source)
		return;
	epoll_ctl(gate->epoll_fd, EPOLL_CTL_DEL, source->forwarded.trigger_fd, NULL);
	pthread_mutex_lock(&source->io);
	pthread_mutex_lock(&gate->lock);
	source->handle = 0;
	pthread_mutex_unlock(&gate->lock);
	pthread_mutex_unlock(&source->io);
}

int irqgate_kvm_remove(struct irqgate_kvm *gate, irqgate_source handle)
{
	struct irqgate_effects effects;
	int error;

	pthread_mutex_lock(&gate->world);
	ig_kvm_lock(gate);
	error = irqgate_core_remove(gate->core, handle, &effects);
	pthread_mutex_unlock(&gate->lock);
	if (!error) {
		ig_world_sync_locked(gate, effects.routes_version);
		drop_record(gate, handle);
	}
	pthread_mutex_unlock(&gate->world);
	if (!error)
		ig_effects_run(gate, &effects);
	return error;
}

int irqgate_kvm_set_level(struct irqgate_kvm *gate, irqgate_source source, bool level)
{
	CALL_CORE(gate, irqgate_core_set_level(gate->core, source, level, &effects));
}

int irqgate_kvm_pulse(struct irqgate_kvm *gate, irqgate_source source)
{
	CALL_CORE(gate, irqgate_core_pulse(gate->core, source, &effects));
}

int irqgate_kvm_enable(struct irqgate_kvm *gate, irqgate_source source, bool enable)
{
	CALL_CORE(gate, irqgate_core_enable(gate->core, source, enable, &effects));
}
