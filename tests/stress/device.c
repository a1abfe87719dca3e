/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The devices of the stress test, and their hosts: a host masks its device at the trigger, and looks at it again
 * at the resample, as VFIO does. A thread of each group.
 */
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "stress.h"

enum { SLIP_ONCE_IN = 16, SLIP_USEC = 200, CHANGE_EVERY = 20, SWITCH_IDLE_USEC = 1000 };

/* The host. Each is called with the device's lock, but the signal. */

static void host_trigger(struct device *device)
{
	if (!device->asserts || device->masked)
		return;
	device->masked = true;
	device->signalling = true;
}

/*
 * Some time after it has masked the device, as VFIO does. But not where others resample it at any time: there
 * the guest may serve it meanwhile, at an older interrupt, and nobody could tell.
 */
static void host_signal(uint32_t line)
{
	struct device *device = &s.device[line];

	if (!device->signalling)
		return;
	device->signalling = false;
	if (group_of(line) <= MEDDLED && !pick(SLIP_ONCE_IN))
		usleep(pick(SLIP_USEC));
	world_signal(device->trigger_fd);
}

static int host_silence(void *opaque)
{
	struct device *device = opaque;
	eventfd_t count;

	pthread_mutex_lock(&device->lock);
	eventfd_read(device->resample_fd, &count); /* an unmask that came before */
	device->masked = true;
	pthread_mutex_unlock(&device->lock);
	return 0;
}

static void host_resample(struct device *device)
{
	eventfd_t count;

	if (eventfd_read(device->resample_fd, &count))
		return;
	device->masked = false;
	host_trigger(device);
}

static bool can_be_silenced(uint32_t line)
{
	return group_of(line) == SWITCHED || is_direct(line);
}

void add_device(uint32_t line)
{
	struct device *device = &s.device[line];
	struct irqgate_forwarded forwarded = {
		.size = sizeof(forwarded), .name = "device", .trigger_fd = device->trigger_fd,
		.resample_fd = device->resample_fd, .silence = can_be_silenced(line) ? host_silence : NULL, .opaque = device,
	};

	if (irqgate_kvm_add_forwarded(s.gate, FIRST_GSI + line, &forwarded, &device->source))
		s.wrong = "a source could not be added";
}

/* What it asserted goes with it. */
static void change_device(uint32_t line)
{
	struct device *device = &s.device[line];

	if (irqgate_kvm_remove(s.gate, device->source))
		s.wrong = "a source could not be removed";
	pthread_mutex_lock(&device->lock);
	device->handled += device->asserts;
	device->asserts = false;
	pthread_mutex_unlock(&device->lock);
	s.changes++;
	add_device(line);
}

static void complain(uint32_t line)
{
	static const char *const lost[GROUPS] = {
		"an event was lost on the direct path", "an event was lost on the userspace path",
		"an event was lost of a line that others mask", "an event was lost of a device that is switched off and on",
		"an event was lost on the line that changes",
	};

	s.wrong = lost[group_of(line)];
}

static void be_device(uint32_t line)
{
	struct device *device = &s.device[line];

	pthread_mutex_lock(&device->lock);
	host_resample(device);
	if (!device->asserts && device->events < s.goal && !s.closing) {
		device->asserts = true;
		device->events++;
		host_trigger(device);
	}
	if (device->asserts && seconds() > device->progress + s.patience)
		complain(line);
	if (group_of(line) > MEDDLED)
		host_signal(line);
	pthread_mutex_unlock(&device->lock);
	host_signal(line);
	if (line == CHANGING_LINE && !pick(CHANGE_EVERY))
		change_device(line);
}

void *live_as_devices(void *opaque)
{
	uint32_t group = (uint32_t)(uintptr_t)opaque, first = group * EACH, end = end_of(group);
	struct pollfd resampled[EACH];

	for (uint32_t line = first; line < end; line++)
		resampled[line - first] = (struct pollfd){ .fd = s.device[line].resample_fd, .events = POLLIN };
	while (!s.ended) {
		poll(resampled, end - first, pick(64) ? 1 : 0); /* what is new follows a resample */
		for (uint32_t line = first; line < end; line++)
			be_device(line);
		sched_yield();
	}
	return NULL;
}

bool is_silent(uint32_t line)
{
	struct device *device = &s.device[line];
	struct pollfd resampled = { .fd = device->resample_fd, .events = POLLIN };
	bool silent;

	pthread_mutex_lock(&device->lock);
	silent = device->masked && !poll(&resampled, 1, 0);
	pthread_mutex_unlock(&device->lock);
	return silent;
}

static void switch_device(uint32_t line, bool on)
{
	if (irqgate_kvm_enable(s.gate, s.device[line].source, on))
		s.wrong = "a source could not be switched";
}

/*
 * Switches the devices of a group off and on, as a guest does by PCI's interrupt disable bit. Two of these have
 * the lines on the userspace path, and get in each other's way; only the first has those on the direct path:
 * so there nobody but it can wish a device to be listened to.
 */
void *live_as_switch(void *opaque)
{
	bool first = !opaque;
	uint64_t switches = 0; /* not many more than interrupts, however slow these come */

	while (!s.ended) {
		uint32_t line = SWITCHED * EACH + pick(EACH);

		if (is_direct(line) && !first)
			continue;
		s.device[line].meddled++;
		switch_device(line, false);
		if (is_direct(line) && !is_silent(line))
			s.wrong = "a device that was switched off is listened to";
		switch_device(line, true);
		if (++switches > s.interrupts)
			usleep(SWITCH_IDLE_USEC);
	}
	return NULL;
}
