/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The world of the random test; see world.h. */
#include "world.h"

#include <string.h>

enum { ROUNDS_MAX = 64, POLL_MS = 3 };

#define SEED UINT64_C(0x9e3779b97f4a7c15)

/* xorshift64* (Vigna 2016) */
uint32_t pick(struct world *w, uint32_t below)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (uint32_t)(w->random * UINT64_C(0x2545f4914f6cdd1d) >> 32) % below;
}

static struct line *line_of(struct world *w, int device)
{
	return &w->line[w->vmm.device[device].gsi == w->line[0].pin ? 0 : 1];
}

static bool is_there(const struct world *w, int device)
{
	return w->vmm.device[device].fd >= 0;
}

static bool is_in_use(const struct world *w, int device)
{
	return is_there(w, device) && w->vmm.device[device].trigger >= 0;
}

static struct fake_device look(const struct world *w, int device)
{
	return fake_look(w->vmm.device[device].fd);
}

static bool is_masked(const struct world *w, const struct line *line)
{
	return w->vmm.entry[line->pin] & ENTRY_MASKED;
}

static bool is_on_the_way(const struct world *w, const struct line *line)
{
	int cpu = w->vmm.vcpu[0];

	return fake_is_requested(cpu, line->vector) || fake_is_in_service(cpu, line->vector);
}

static uint32_t triggers_of(struct world *w, const struct line *line)
{
	uint32_t sum = 0;

	for (int i = 0; i < DEVICES; i++)
		if (is_there(w, i) && line_of(w, i) == line)
			sum += look(w, i).triggers;
	return sum;
}

/* All that is in use on the line is the library's: VFIO has no resample eventfd of the VMM's. */
static bool is_gated(struct world *w, const struct line *line)
{
	for (int i = 0; i < DEVICES; i++)
		if (is_in_use(w, i) && line_of(w, i) == line && look(w, i).has_resample)
			return false;
	return true;
}

void world_open(struct world *w, enum chip chip, uint32_t devices, uint32_t history)
{
	const struct line lines[LINES] = {
		{ .pin = PIN, .vector = VECTOR }, { .pin = OTHER_PIN, .vector = OTHER_VECTOR },
	};

	w->history = history;
	w->step = 0;
	w->random = SEED * (history + 1);
	memset(w->busy, 0, sizeof(w->busy));
	memset(w->vmm_masked, 0, sizeof(w->vmm_masked));
	memset(w->disabled, 0, sizeof(w->disabled));
	memset(w->migrating, 0, sizeof(w->migrating));
	memcpy(w->line, lines, sizeof(lines));
	w->writing = false;
	w->vmm.tells_all = w->vmm.past_library || pick(w, 2);
	vmm_open(&w->vmm, chip);
	for (uint32_t i = 0; i < devices; i++) {
		vmm_add_device(&w->vmm, (int)i, pick(w, 3) ? PIN : OTHER_PIN);
		vmm_enable_intx(&w->vmm, (int)i);
	}
	for (int i = 0; i < LINES; i++)
		guest_program(&w->vmm, w->line[i].pin, ENTRY_LEVEL | w->line[i].vector);
}

void world_close(struct world *w)
{
	for (int i = 0; i < DEVICES; i++)
		if (is_there(w, i))
			w->all_triggers += look(w, i).triggers;
	w->all_messages += fake_all_messages(w->vmm.vm);
	vmm_close(&w->vmm);
}

void settle(struct world *w)
{
	vmm_settle(&w->vmm);
}

/* The write of the entry; the one of IOREGSEL before it is an exit of its own. */
void guest_sets_mask(struct world *w, int cpu, struct line *line, bool masked, bool late)
{
	uint64_t entry = ENTRY_LEVEL | line->vector | (masked ? ENTRY_MASKED : 0);
	struct vmm *vmm = &w->vmm;

	if (w->busy[cpu] || w->writing)
		return;
	if (!masked && is_masked(w, line) && !is_on_the_way(w, line)) {
		settle(w);
		line->has_baseline = !is_on_the_way(w, line);
		line->messages_then = fake_messages(vmm->vm, line->vector);
		line->triggers_then = triggers_of(w, line);
	}
	if (!late || vmm->chip == KERNEL) {
		guest_write_low(vmm, cpu, line->pin, entry);
		return;
	}
	fake_write(vmm->vcpu[cpu], IOAPIC_AT + IOREGSEL, ENTRY_FROM + 2 * line->pin, sizeof(uint32_t));
	vmm_run(vmm, cpu);
	fake_write(vmm->vcpu[cpu], IOAPIC_AT + IOWIN, (uint32_t)entry, sizeof(uint32_t));
	CHECK(w, vmm_run_once(vmm, cpu));
	w->busy[cpu] = w->writing = true;
}

void guest_takes(struct world *w, struct line *line)
{
	if (!w->busy[0] && fake_take(w->vmm.vcpu[0], line->vector))
		w->all_events++;
}

void guest_ends(struct world *w, struct line *line, bool late)
{
	if (w->busy[0] || !fake_is_in_service(w->vmm.vcpu[0], line->vector))
		return;
	fake_eoi(w->vmm.vcpu[0], line->vector);
	w->busy[0] = vmm_run_once(&w->vmm, 0);
	if (!late)
		guest_goes_on(w, 0);
}

void guest_goes_on(struct world *w, int cpu)
{
	if (!w->busy[cpu])
		return;
	vmm_run(&w->vmm, cpu);
	w->busy[cpu] = false;
	if (!w->busy[1 - cpu] || cpu == 1)
		w->writing = false;
}

void device_asserts(struct world *w, int device, bool asserts)
{
	if (!is_there(w, device))
		return;
	if (asserts)
		fake_assert(w->vmm.device[device].fd);
	else
		fake_quiet(w->vmm.device[device].fd);
}

void check_step(struct world *w)
{
	for (int i = 0; i < LINES; i++) {
		struct line *line = &w->line[i];
		uint32_t messages = fake_messages(w->vmm.vm, line->vector);
		bool masked = is_masked(w, line) && !w->writing, gated = is_gated(w, line);

		if (w->intervened)
			line->has_baseline = false;
		else if (line->masked && masked && line->gated && gated)
			CHECK(w, messages == line->messages);
		if (w->vmm.chip == SPLIT && line->has_baseline && gated) /* KVM 6.1 delivers what is stale */
			CHECK(w, messages - line->messages_then <= triggers_of(w, line) - line->triggers_then);
		line->messages = messages;
		line->masked = masked;
		line->gated = gated;
	}
	w->intervened = false;
}

static bool quiet_some(struct world *w, const struct line *line, bool all)
{
	bool any = false;

	for (int i = 0; i < DEVICES; i++) {
		if (!is_there(w, i) || line_of(w, i) != line || !(all || pick(w, 2)))
			continue;
		device_asserts(w, i, false);
		any = true;
	}
	return any;
}

/* What a driver does, threaded or not. */
static void handle(struct world *w, struct line *line, bool all)
{
	bool threaded = pick(w, 2);

	if (threaded)
		guest_sets_mask(w, 0, line, true, false);
	else
		quiet_some(w, line, all);
	guest_ends(w, line, false);
	settle(w);
	if (threaded) {
		quiet_some(w, line, all);
		guest_sets_mask(w, 0, line, false, false);
	}
	settle(w);
}

static bool handle_next(struct world *w, bool all)
{
	for (int i = 0; i < LINES; i++) {
		struct line *line = &w->line[i];

		if (!fake_is_in_service(w->vmm.vcpu[0], line->vector)) {
			if (!fake_is_requested(w->vmm.vcpu[0], line->vector))
				continue;
			guest_takes(w, line);
		}
		handle(w, line, all);
		return true;
	}
	return false;
}

static bool all_is_well(const struct world *w)
{
	for (int i = 0; i < DEVICES; i++)
		if (is_there(w, i) && (look(w, i).asserts || look(w, i).masked))
			return false;
	return true;
}

/* On KVM's own chips an unmask is found within the poll's interval. */
static void handle_all(struct world *w, bool all)
{
	int rounds = 0, waits = 0;

	settle(w);
	do {
		while (handle_next(w, all))
			CHECK(w, ++rounds < ROUNDS_MAX); /* a storm */
		if (all_is_well(w))
			return;
		if (w->vmm.chip == KERNEL)
			pause_ms(POLL_MS);
	} while (w->vmm.chip == KERNEL && ++waits < WAIT_MS / POLL_MS);
	for (int i = 0; i < DEVICES; i++) {
		CHECK(w, !is_there(w, i) || !look(w, i).asserts); /* and nobody will hear of it */
		CHECK(w, !is_there(w, i) || !look(w, i).masked);  /* silent for ever */
	}
}

static void come_to_rest(struct world *w)
{
	for (int cpu = 0; cpu < FAKE_VCPUS; cpu++)
		guest_goes_on(w, cpu);
	w->writing = false;
	for (int i = 0; i < DEVICES; i++)
		vmm_restores(w, i);
	for (int i = 0; i < LINES; i++)
		guest_sets_mask(w, 0, &w->line[i], false, false);
	settle(w);
}

void finish(struct world *w)
{
	come_to_rest(w);
	handle_all(w, false);
	for (int i = 0; i < DEVICES; i++) {
		device_asserts(w, i, true);
		handle_all(w, true);
	}
}
