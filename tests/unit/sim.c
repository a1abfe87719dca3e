/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The simulated machine: what its figures must be, and that they see it when something is wrong. */
#include <errno.h>
#include <string.h>

#include "machine.h"
#include "sim/sim.h"

enum { EVENTS = 2000, SEEDS = 5 };

/* What the core wants of a source, of which one in so many is not heard. 0: all are. */
int __real_irqgate_core_wish(const struct irqgate_core *core, irqgate_source source, struct irqgate_wish *wish);
int __wrap_irqgate_core_wish(const struct irqgate_core *core, irqgate_source source, struct irqgate_wish *wish);
static uint32_t unheard, wishes;

int __wrap_irqgate_core_wish(const struct irqgate_core *core, irqgate_source source, struct irqgate_wish *wish)
{
	if (unheard && ++wishes % unheard == 0)
		return -ENOENT;
	return __real_irqgate_core_wish(core, source, wish);
}

static uint32_t find(const char *name)
{
	uint32_t guest = 0;

	while (strcmp(ig_sim_guest_name(guest), name))
		guest++;
	return guest;
}

static struct ig_sim_figures run(uint32_t guest, enum irqgate_policy policy, uint64_t seed)
{
	struct ig_sim_figures figures;

	assert_int_equal(ig_sim_run(guest, policy, EVENTS, seed, &figures), 0);
	assert_int_equal(figures.events, EVENTS);
	return figures;
}

TEST(hold_has_nothing_extra_and_loses_nothing)
{
	for (uint32_t guest = 0; ig_sim_guest_name(guest); guest++) {
		for (uint64_t seed = 0; seed < SEEDS; seed++) {
			struct ig_sim_figures hold = run(guest, IRQGATE_POLICY_HOLD, seed);
			struct ig_sim_figures eoi = run(guest, IRQGATE_POLICY_EOI, seed);
			struct ig_sim_figures unmask = run(guest, IRQGATE_POLICY_UNMASK_RESAMPLE, seed);

			assert_int_equal(hold.extra, 0);
			assert_int_equal(hold.lost, 0);
			assert_int_equal(hold.suspend_aborted, 0);
			assert_int_equal(hold.empty_reads, 0);
			assert_true(hold.host_interrupts <= eoi.host_interrupts);
			assert_true(hold.host_interrupts <= unmask.host_interrupts);
		}
	}
}

TEST(equal_seeds_give_equal_figures)
{
	for (uint32_t guest = 0; ig_sim_guest_name(guest); guest++) {
		struct ig_sim_figures one = run(guest, IRQGATE_POLICY_EOI, 7);
		struct ig_sim_figures other = run(guest, IRQGATE_POLICY_EOI, 7);

		assert_memory_equal(&one, &other, sizeof(one));
	}
}

TEST(another_seed_gives_other_figures)
{
	uint32_t guest = find("kexec");
	struct ig_sim_figures one = run(guest, IRQGATE_POLICY_EOI, 7), other = run(guest, IRQGATE_POLICY_EOI, 8);

	assert_memory_not_equal(&one, &other, sizeof(one));
}

TEST(resample_that_is_not_heard_loses_the_event)
{
	struct ig_sim_figures figures;

	unheard = 1000;
	wishes = 0;
	figures = run(find("oneshot"), IRQGATE_POLICY_HOLD, 1);
	unheard = 0;
	assert_true(figures.lost > 0);
}

TEST(pin_that_stays_masked_loses_nothing)
{
	struct ig_sim_figures figures = run(find("never-unmask"), IRQGATE_POLICY_HOLD, 1);

	assert_int_equal(figures.lost, 0);
	assert_int_equal(figures.host_interrupts, 1);
	assert_int_equal(figures.guest_interrupts, 1);
}

TEST(eoi_aborts_suspends_and_reads_nothing)
{
	assert_true(run(find("suspend"), IRQGATE_POLICY_EOI, 1).suspend_aborted > EVENTS / 20);
	assert_true(run(find("reader"), IRQGATE_POLICY_EOI, 1).empty_reads > EVENTS / 2);
}

TEST(unmask_resample_interrupts_the_host_twice)
{
	struct ig_sim_figures figures = run(find("oneshot"), IRQGATE_POLICY_UNMASK_RESAMPLE, 1);

	assert_int_equal(figures.host_interrupts, 2 * EVENTS);
	assert_int_equal(figures.guest_interrupts, EVENTS);
}

TEST(hold_lasts_from_eoi_to_unmask)
{
	struct ig_sim_figures figures = run(find("oneshot"), IRQGATE_POLICY_HOLD, 1);

	/* The thread wakes up after 5 to 120 us, and needs up to 12 us more. */
	assert_in_range(figures.hold_p50, 40000, 90000);
	assert_in_range(figures.hold_p99, 100000, 132000);
	assert_int_equal(run(find("oneshot"), IRQGATE_POLICY_EOI, 1).hold_p99, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hold_has_nothing_extra_and_loses_nothing),
		cmocka_unit_test(equal_seeds_give_equal_figures),
		cmocka_unit_test(another_seed_gives_other_figures),
		cmocka_unit_test(resample_that_is_not_heard_loses_the_event),
		cmocka_unit_test(pin_that_stays_masked_loses_nothing),
		cmocka_unit_test(eoi_aborts_suspends_and_reads_nothing),
		cmocka_unit_test(unmask_resample_interrupts_the_host_twice),
		cmocka_unit_test(hold_lasts_from_eoi_to_unmask),
	};

	return cmocka_run_group_tests_name("sim", tests, NULL, NULL);
}
