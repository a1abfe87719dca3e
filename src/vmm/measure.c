/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What is measured: the counts between the guest's marks, and what the embedded guest reports of itself. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "guest/guest.h"
#include "vmm/pci.h"
#include "vmm/vmm.h"

/* The first device is the one that is measured. */
static void count_device(struct ig_pci_device *device, struct ig_vmm_figures *now)
{
	if (device && device->count)
		device->count(device, &now->triggers, &now->resamples);
}

static struct ig_vmm_figures figures_now(struct ig_vmm *vmm)
{
	struct irqgate_kvm_stats stats = { .size = sizeof(stats) };
	struct ig_vmm_figures now = { .triggers = -1, .resamples = -1 };
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	now.seconds = (double)time.tv_sec + (double)time.tv_nsec / 1e9;
	irqgate_kvm_stats(vmm->gate, &stats);
	now.route_updates = stats.route_updates;
	for (uint32_t i = 0; i < vmm->options.cpus; i++)
		now.user_exits += vmm->vcpu[i].exits;
	count_device(vmm->pci.device[1], &now);
	return now;
}

static int64_t difference(int64_t from, int64_t to)
{
	return from < 0 || to < 0 ? -1 : to - from;
}

/* Called on the vCPU that wrote the mark; the guest writes each once. */
void ig_measure_mark(struct ig_vmm *vmm, uint8_t value)
{
	struct ig_vmm_figures now = figures_now(vmm);

	if (value == IG_GUEST_MARK_BEGIN)
		vmm->begin = now;
	if (value != IG_GUEST_MARK_END)
		return;
	vmm->figures = (struct ig_vmm_figures){
		.measured = true,
		.user_exits = now.user_exits - vmm->begin.user_exits,
		.route_updates = now.route_updates - vmm->begin.route_updates,
		.triggers = difference(vmm->begin.triggers, now.triggers),
		.resamples = difference(vmm->begin.resamples, now.resamples),
		.seconds = now.seconds - vmm->begin.seconds,
	};
}

static uint64_t field(const char *line, const char *name)
{
	const char *at = strstr(line, name);
	uint64_t value = 0;

	if (at)
		sscanf(at + strlen(name), "%" SCNu64, &value);
	return value;
}

void ig_report_line(struct ig_report *report, const char *line)
{
	bool done = !strncmp(line, IG_GUEST_DONE, strlen(IG_GUEST_DONE));
	const char *device = strstr(line, " device=");

	if (!done && strncmp(line, IG_GUEST_PROGRESS, strlen(IG_GUEST_PROGRESS)))
		return;
	report->seen = true;
	report->done = done;
	report->events = field(line, " events=");
	report->entries = field(line, " entries=");
	report->quiet = field(line, " quiet=");
	report->lost = field(line, " lost=");
	if (device)
		sscanf(device, " device=%15s", report->device);
}
