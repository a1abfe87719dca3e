/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Simulated time, and chance; see machine.h. */
#include "sim/machine.h"

/* splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). */
static uint64_t next_random(uint64_t *random)
{
	uint64_t z = *random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint32_t ig_sim_draw(uint64_t *random, struct ig_sim_range range)
{
	uint64_t numbers = (uint64_t)range.max - range.min + 1;

	return range.min + (uint32_t)((next_random(random) >> 32) * numbers >> 32);
}

bool ig_sim_chance(uint64_t *random, uint32_t odds)
{
	return odds && !ig_sim_draw(random, (struct ig_sim_range){ 0, odds - 1 });
}

void ig_sim_after(struct ig_sim *sim, uint32_t timer, struct ig_sim_range range, ig_sim_step *step)
{
	sim->timer[timer] = (struct ig_sim_timer){ sim->now + ig_sim_draw(&sim->random, range), step };
}

void ig_sim_cancel(struct ig_sim *sim, uint32_t timer)
{
	sim->timer[timer].at = IG_SIM_NEVER;
}

bool ig_sim_is_set(const struct ig_sim *sim, uint32_t timer)
{
	return sim->timer[timer].at != IG_SIM_NEVER;
}

/* Of timers for the same moment the first one by number. */
static uint32_t first_timer(const struct ig_sim *sim)
{
	uint32_t first = 0;

	for (uint32_t i = 1; i < IG_SIM_TIMERS; i++)
		if (sim->timer[i].at < sim->timer[first].at)
			first = i;
	return first;
}

static uint32_t device_of(uint32_t timer)
{
	return timer < IG_SIM_LOOP ? timer % IG_SIM_DEVICES : 0;
}

bool ig_sim_next(struct ig_sim *sim)
{
	uint32_t timer = first_timer(sim);

	if (!ig_sim_is_set(sim, timer))
		return false;
	sim->now = sim->timer[timer].at;
	ig_sim_cancel(sim, timer);
	sim->timer[timer].step(sim, device_of(timer));
	return true;
}
