/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* All kinds of steps, and in which configurations they are taken; see steps.h. One thread. */
#include "prove/steps.h"

#include <string.h>

/* Of what a kind of step has several. */
enum many { ONE, PER_DEVICE, PER_THREAD, PER_VCPU, PER_VCPU_AND_LINE, PER_VCPU_AND_VECTOR,
	    PER_VCPU_CHIP_VECTOR, PER_TWO, PER_FIVE, PER_VCPU_AND_TWO };

struct kind {
	const char *name;
	step_function *take;
	enum step_class class;
	enum many many;
	uint32_t features; /* that it needs: one of them at least; 0: none */
	uint32_t choices;  /* on one vCPU, which exits for it; 0: no vCPU exits */
};

static const struct kind kinds[] = {
	/* What the host does by itself. */
	{ "host-signals", host_signals, HOST, PER_DEVICE, SLIPS, 0 },
	{ "adapter-reads", adapter_reads, HOST, PER_DEVICE, 0, 0 },
	{ "adapter-hands-in", adapter_hands_in, HOST, PER_DEVICE, 0, 0 },
	{ "adapter-builds", adapter_builds, HOST, PER_THREAD, 0, 1 },
	{ "adapter-sets-routes", adapter_sets_routes, HOST, PER_THREAD, LATE_ROUTES, 1 },
	{ "adapter-carries-out", adapter_carries_out, HOST, PER_THREAD, 0, 1 },
	{ "adapter-acks-next", adapter_acks_next, HOST, PER_VCPU, 0, 1 },
	{ "adapter-retries", adapter_retries, HOST, ONE, LAPIC_OFF | RESTORES, 0 },
	{ "vcpu-answers", vcpu_answers, HOST, PER_VCPU, READS, 1 },
	{ "vcpu-passes", vcpu_passes, HOST, ONE, PAIR, 1 },
	/* The devices. */
	{ "device-asserts", device_asserts, OTHERS, PER_DEVICE, 0, 0 },
	{ "device-goes-quiet", device_goes_quiet, OTHERS, PER_DEVICE, 0, 0 },
	{ "wire-rises", wire_rises, OTHERS, ONE, WIRE, 0 },
	{ "wire-falls", wire_falls, OTHERS, ONE, WIRE, 0 },
	/* The guest. */
	{ "guest-takes", guest_takes, OTHERS, PER_VCPU_AND_VECTOR, 0, 0 },
	{ "guest-masks", guest_masks, OTHERS, PER_VCPU_AND_LINE, 0, LINES },
	{ "guest-unmasks", guest_unmasks, OTHERS, PER_VCPU_AND_LINE, 0, LINES },
	{ "guest-eois", guest_eois, OTHERS, PER_VCPU, 0, 0 },
	{ "guest-writes-eoi", guest_writes_eoi, OTHERS, PER_VCPU_CHIP_VECTOR, EOI_REGISTER, VECTORS * LINES },
	{ "guest-rewrites", guest_rewrites, OTHERS, PER_VCPU_AND_LINE, REWRITES, LINES },
	{ "guest-moves", guest_moves, OTHERS, PER_VCPU_AND_LINE, MOVES, LINES },
	{ "guest-changes-mode", guest_changes_mode, OTHERS, PER_VCPU_AND_LINE, EDGES, LINES },
	{ "guest-reads", guest_reads, OTHERS, PER_VCPU_AND_LINE, READS, LINES },
	{ "guest-goes-wild", guest_goes_wild, OTHERS, PER_FIVE, WILD, 0 },
	{ "guest-turns-lapics", guest_turns_lapics, OTHERS, ONE, LAPIC_OFF, 0 },
	{ "pair-inta", pair_inta, OTHERS, ONE, PAIR, 1 },
	{ "pair-masks", pair_masks, OTHERS, PER_VCPU_AND_LINE, PAIR, LINES },
	{ "pair-unmasks", pair_unmasks, OTHERS, PER_VCPU_AND_LINE, PAIR, LINES },
	{ "pair-eoi", pair_eoi, OTHERS, PER_VCPU_AND_LINE, PAIR, LINES },
	{ "pair-eoi-any", pair_eoi_any, OTHERS, PER_VCPU_AND_TWO, PAIR_SETUP, 2 },
	{ "pair-initialises", pair_initialises, OTHERS, PER_TWO, PAIR_SETUP, 2 },
	{ "pair-polls", pair_polls, OTHERS, PER_TWO, PAIR_POLLS, 2 },
	/* Whoever manages the machine; time. */
	{ "mask-is-peeked-at", mask_is_peeked_at, OTHERS, PER_DEVICE, PLUGGING, 0 },
	{ "device-is-added", device_is_added, OTHERS, PER_DEVICE, PLUGGING, 0 },
	{ "device-is-removed", device_is_removed, OTHERS, PER_DEVICE, PLUGGING, 0 },
	{ "device-is-disabled", device_is_disabled, OTHERS, PER_DEVICE, DISABLING, 0 },
	{ "device-is-enabled", device_is_enabled, OTHERS, PER_DEVICE, DISABLING, 0 },
	{ "wire-is-added", wire_is_added, OTHERS, ONE, PLUGGING, 0 },
	{ "wire-is-removed", wire_is_removed, OTHERS, ONE, PLUGGING, 0 },
	{ "machine-is-reset", machine_is_reset, OTHERS, ONE, RESETS, 0 },
	{ "machine-is-restored", machine_is_restored, OTHERS, ONE, RESTORES, 0 },
	{ "question-grows-old", question_grows_old, OTHERS, ONE, READS, 0 },
	{ "hold-times-out", hold_times_out, OTHERS, PER_DEVICE, 0, 0 },
};

static uint32_t count_of(const struct world *w, enum many many)
{
	switch (many) {
	case PER_DEVICE: return w->config->devices;
	case PER_THREAD: return THREADS;
	case PER_VCPU: return w->config->vcpus;
	case PER_VCPU_AND_LINE: return w->config->vcpus * LINES;
	case PER_VCPU_AND_VECTOR: return w->config->vcpus * VECTORS;
	case PER_VCPU_CHIP_VECTOR: return w->config->vcpus * LINES * VECTORS;
	case PER_VCPU_AND_TWO: return w->config->vcpus * 2;
	case PER_TWO: return 2;
	case PER_FIVE: return 5;
	default: return 1;
	}
}

/* What only a defect brings is no step without it. */
static bool is_in(const struct world *w, const struct kind *kind)
{
	if (kind->take == mask_is_peeked_at)
		return w->defect == DEFECT_MASK_IS_READ_BEFORE_THE_REGISTRATION && has(w, PLUGGING);
	if (kind->take == adapter_hands_in)
		return w->defect == DEFECT_TRIGGER_IS_READ_BEFORE_THE_LOCK;
	if (kind->take == adapter_acks_next)
		return w->defect == DEFECT_EOI_LETS_GO_OF_THE_LOCK;
	if (kind->take == hold_times_out)
		return w->defect == DEFECT_HOLD_TIMES_OUT;
	if (kind->take == wire_is_added || kind->take == wire_is_removed)
		return has(w, WIRE) && has(w, PLUGGING);
	return !kind->features || (w->config->features & kind->features);
}

void list_steps(struct world *w)
{
	w->steps = 0;
	for (uint32_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
		uint32_t count = is_in(w, &kinds[kind]) ? count_of(w, kinds[kind].many) : 0;

		for (uint32_t i = 0; i < count; i++)
			w->step[w->steps++] = (struct step){ .kind = (uint8_t)kind, .argument = (uint8_t)i };
	}
}

enum step_class class_of(const struct world *w, uint32_t step)
{
	return kinds[w->step[step].kind].class;
}

static bool take(struct world *w, const struct kind *kind, uint32_t argument)
{
	if (!kind->take(w, argument))
		return false;
	if (kind->choices && argument < kind->choices) /* the first vCPU has been out of the guest */
		enter_guest(w, 0);
	return true;
}

bool take_step(struct world *w, uint32_t step)
{
	struct counted before;

	w->violated = 0;
	judge_before(w, &before);
	if (!take(w, &kinds[w->step[step].kind], w->step[step].argument))
		return false;
	w->s.stopped &= !is_idle(w, MANAGER);
	w->s.resetting &= w->s.stopped;
	judge_after(w, &before);
	judge_state(w);
	canonicalize(w);
	return true;
}

bool take_any_step(struct world *w, enum step_class class)
{
	for (uint32_t i = 0; i < w->steps; i++)
		if (class_of(w, i) == class && take_step(w, i))
			return true;
	return false;
}

const char *name_of(const struct world *w, uint32_t step)
{
	return kinds[w->step[step].kind].name;
}

uint32_t find_step(const struct world *w, const char *name, uint32_t argument)
{
	uint32_t step = 0;

	while (step < w->steps && (strcmp(name_of(w, step), name) || w->step[step].argument != argument))
		step++;
	return step;
}
