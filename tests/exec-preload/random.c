/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Random histories of a guest, a VMM and its devices. After each step a masked pin has sent nothing and
 * nothing stale was delivered; at the end of each history nothing has been lost. The seeds are fixed; only
 * the helper's timing is not.
 */
#include "../histories.h"
#include "world.h"

enum { STEPS = 120, KERNEL_STEPS = 40 };

/* 0: the VMM only runs the guest. Else about one step of that many is the VMM's. */
struct kind {
	enum chip chip;
	uint32_t devices, vmm_steps, histories;
};

static void step_guest(struct world *w)
{
	struct line *line = &w->line[pick(w, LINES)];
	int cpu = (int)pick(w, FAKE_VCPUS);

	switch (pick(w, 8)) {
	case 0: case 1: guest_sets_mask(w, cpu, line, true, !pick(w, 4)); break;
	case 2: case 3: guest_sets_mask(w, cpu, line, false, !pick(w, 4)); break;
	case 4: case 5: guest_takes(w, line); break;
	default: guest_ends(w, line, !pick(w, 4)); break;
	}
}

static void step(struct world *w, const struct kind *kind)
{
	int device = (int)pick(w, kind->devices);

	if (kind->vmm_steps && !pick(w, kind->vmm_steps)) {
		vmm_intervenes(w, device);
		return;
	}
	switch (pick(w, 8)) {
	case 0: case 1: device_asserts(w, device, true); break;
	case 2: device_asserts(w, device, false); break;
	case 3: guest_goes_on(w, (int)pick(w, FAKE_VCPUS)); break;
	default: step_guest(w); break;
	}
	if (pick(w, 4))
		settle(w);
}

static void live(struct world *w, const struct kind *kind, uint32_t count)
{
	uint32_t steps = kind->chip == SPLIT ? STEPS : KERNEL_STEPS;

	for (uint32_t history = 0; history < count; history++) {
		world_open(w, kind->chip, kind->devices, history);
		for (w->step = 0; w->step < steps; w->step++) {
			step(w, kind);
			if (!w->vmm.past_library)
				check_step(w);
		}
		finish(w);
		world_close(w);
	}
	assert_said_nothing();
}

static void live_gated(const struct kind *kind)
{
	struct world w = { .vmm = { .past_library = false } };

	live(&w, kind, histories(kind->histories));
}

TEST(one_device_on_split)
{
	live_gated(&(struct kind){ .chip = SPLIT, .devices = 1, .histories = 1000 });
}

TEST(one_device_on_split_with_a_busy_vmm)
{
	live_gated(&(struct kind){ .chip = SPLIT, .devices = 1, .vmm_steps = 8, .histories = 400 });
}

TEST(shared_lines_on_split)
{
	live_gated(&(struct kind){ .chip = SPLIT, .devices = DEVICES, .histories = 500 });
}

TEST(shared_lines_on_split_with_a_busy_vmm)
{
	live_gated(&(struct kind){ .chip = SPLIT, .devices = DEVICES, .vmm_steps = 8, .histories = 400 });
}

TEST(one_device_in_kernel)
{
	live_gated(&(struct kind){ .chip = KERNEL, .devices = 1, .histories = 30 });
}

TEST(one_device_in_kernel_with_a_busy_vmm)
{
	live_gated(&(struct kind){ .chip = KERNEL, .devices = 1, .vmm_steps = 8, .histories = 30 });
}

TEST(shared_lines_in_kernel_with_a_busy_vmm)
{
	live_gated(&(struct kind){ .chip = KERNEL, .devices = DEVICES, .vmm_steps = 8, .histories = 30 });
}

/* The same guests without the library: nothing is lost either, so the world is sound; but there is more of it. */
TEST(without_the_library_there_is_more)
{
	const struct kind kind = { .chip = SPLIT, .devices = 1, .histories = 60 };
	struct world gated = { .vmm = { .past_library = false } }, plain = { .vmm = { .past_library = true } };

	live(&gated, &kind, kind.histories);
	live(&plain, &kind, kind.histories);
	assert_true(gated.all_messages > 0);
	assert_true(gated.all_messages * 10 < plain.all_messages * 9);
	assert_true(gated.all_triggers * 10 < plain.all_triggers * 9);
}

static int tests(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(one_device_on_split),
		cmocka_unit_test(one_device_on_split_with_a_busy_vmm),
		cmocka_unit_test(shared_lines_on_split),
		cmocka_unit_test(shared_lines_on_split_with_a_busy_vmm),
		cmocka_unit_test(one_device_in_kernel),
		cmocka_unit_test(one_device_in_kernel_with_a_busy_vmm),
		cmocka_unit_test(shared_lines_in_kernel_with_a_busy_vmm),
		cmocka_unit_test(without_the_library_there_is_more),
	};

	return cmocka_run_group_tests_name("random", all, NULL, NULL);
}

int main(int argc, char **argv)
{
	return run_program(argc, argv, NULL, tests);
}
