/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Programs for the 8254, against a model that is slow and near the silicon: it takes one CLK pulse at a time,
 * decrements a 16-bit register (with a borrow between digits in BCD) and knows no closed form. All that a
 * guest can see, the ticks of counter 0, and the forecast of the next one must agree. For a random test and a
 * fuzzer.
 */
#ifndef IG_TESTS_PIT_DUEL_H
#define IG_TESTS_PIT_DUEL_H

#include "chance.h"
#include "clockwork.h"

struct model {
	uint16_t element, written, latch;
	uint8_t control, status, first;
	bool has_count, counts, expired, odd, load, trigger, null;
	bool out, gate, latched, latched_status, second_read, second_write;
	uint64_t rises, first_rise; /* of OUT since the last look; after how many pulses */
};

struct pit_duel {
	struct clockwork real;
	struct model model[IG_PIT_COUNTERS];
	struct chance chance;
	uint64_t ticks;
};

static uint32_t pick(struct pit_duel *d, uint32_t below)
{
	return draw(&d->chance, below);
}

static int mode(const struct model *m)
{
	static const int modes[] = { 0, 1, 2, 3, 4, 5, 2, 3 };

	return modes[m->control >> 1 & 7];
}

static void set_out(struct model *m, bool level, uint64_t pulse)
{
	if (level && !m->out && !m->rises++)
		m->first_rise = pulse;
	m->out = level;
}

static void decrement(struct model *m)
{
	if (!(m->control & 1)) {
		m->element--;
		return;
	}
	for (int shift = 0; shift < 16; shift += 4) {
		if (m->element >> shift & 0xf) {
			m->element = (uint16_t)(m->element - (1 << shift));
			return;
		}
		m->element = (uint16_t)(m->element | 9 << shift);
	}
}

static void load(struct model *m)
{
	m->element = m->written;
	m->odd = m->written & 1;
	if (mode(m) == 3 && m->odd)
		m->element--;
	m->null = m->load = m->expired = false;
	m->counts = true;
}

/* Modes 0, 1, 4, 5: whether zero is reached for the first time. */
static bool reaches_zero(struct model *m)
{
	decrement(m);
	if (m->element || m->expired)
		return false;
	m->expired = true;
	return true;
}

static void pulse_square(struct model *m, uint64_t pulse)
{
	bool at_end = m->odd && m->out && !m->element;

	if (!at_end) {
		decrement(m);
		decrement(m);
		at_end = !m->element && !(m->odd && m->out);
	}
	if (!at_end)
		return;
	load(m);
	set_out(m, m->written == 1 || !m->out, pulse);
}

static void pulse_rate(struct model *m, uint64_t pulse)
{
	if (m->element == 1)
		load(m);
	else
		decrement(m);
	set_out(m, m->element != 1, pulse);
}

static void pulse_count(struct model *m, uint64_t pulse)
{
	switch (mode(m)) {
	case 0: case 1:
		if (reaches_zero(m))
			set_out(m, true, pulse);
		break;
	case 2: pulse_rate(m, pulse); break;
	case 3: pulse_square(m, pulse); break;
	default:
		if (reaches_zero(m))
			set_out(m, false, pulse);
		break;
	}
}

static bool is_stopped(const struct model *m)
{
	if (mode(m) == 1 || mode(m) == 5)
		return !m->counts;
	return !m->counts || !m->gate || (mode(m) == 0 && m->second_write);
}

static void pulse(struct model *m, uint64_t number)
{
	bool loads = m->load || m->trigger;

	m->trigger = false;
	if (mode(m) >= 4)
		set_out(m, true, number);
	if (loads) {
		load(m);
		if (mode(m) == 1)
			set_out(m, false, number);
		if (mode(m) == 2)
			set_out(m, m->element != 1 || !m->gate, number);
	} else if (!is_stopped(m)) {
		pulse_count(m, number);
	}
}

static void model_control(struct model *m, uint8_t control)
{
	*m = (struct model){ .control = control & 0x3f, .out = m->out, .gate = m->gate, .null = true,
			     .rises = m->rises };
	set_out(m, mode(m) != 0, 0);
}

static void model_write(struct model *m, uint8_t value)
{
	uint8_t format = m->control >> 4 & 3;

	if (mode(m) == 0)
		m->out = false;
	if (format == 3 && !m->second_write) {
		m->first = value;
		m->second_write = true;
		return;
	}
	m->second_write = false;
	m->written = (uint16_t)(format == 3 ? m->first | value << 8 : format == 2 ? value << 8 : value);
	m->null = true;
	if (mode(m) == 0 || mode(m) == 4 || (!m->counts && (mode(m) == 2 || mode(m) == 3)))
		m->load = true;
	m->has_count = true;
}

static uint8_t model_read(struct model *m)
{
	uint16_t value = m->latched ? m->latch : m->element;
	uint8_t format = m->control >> 4 & 3;
	bool upper = format == 3 ? m->second_read : format == 2;

	if (m->latched_status) {
		m->latched_status = false;
		return m->status;
	}
	if (format == 3)
		m->second_read = !m->second_read;
	if (format != 3 || upper)
		m->latched = false;
	return (uint8_t)(upper ? value >> 8 : value);
}

static void model_gate(struct model *m, bool level)
{
	int it = mode(m);

	if (level && !m->gate && it != 0 && it != 4 && m->has_count)
		m->trigger = true;
	m->gate = level;
	if (!level && (it == 2 || it == 3))
		set_out(m, true, 0);
}

static void model_latch(struct model *m, bool count, bool status)
{
	if (count && !m->latched) {
		m->latched = true;
		m->latch = m->element;
	}
	if (status && !m->latched_status) {
		m->latched_status = true;
		m->status = (uint8_t)(m->control | m->null << 6 | m->out << 7);
	}
}

/* Small counts see the ends of periods, large ones the wraps. */
static uint32_t pick_count(struct pit_duel *d, bool bcd)
{
	uint32_t count = pick(d, 8) ? pick(d, 10) : pick(d, 65536);

	if (!bcd)
		return count;
	for (int shift = 0; shift < 16; shift += 4)
		if ((count >> shift & 0xf) > 9)
			count &= ~(0xfU << shift);
	return count;
}

static void control(struct pit_duel *d, uint32_t counter)
{
	uint8_t value = (uint8_t)(counter << 6 | (1 + pick(d, 3)) << 4 | pick(d, 16));

	clockwork_out(&d->real, IG_PIT_PORT_CONTROL, value);
	model_control(&d->model[counter], value);
}

static void write_byte(struct pit_duel *d, uint32_t counter)
{
	uint32_t count = pick_count(d, d->model[counter].control & 1);
	uint8_t value = (uint8_t)(d->model[counter].second_write && pick(d, 4) ? count >> 8 : count);

	clockwork_out(&d->real, IG_PIT_PORT_COUNTER + counter, value);
	model_write(&d->model[counter], value);
}

static void read_byte(struct pit_duel *d, uint32_t counter)
{
	uint8_t expected = model_read(&d->model[counter]);

	assert_int_equal(clockwork_in(&d->real, IG_PIT_PORT_COUNTER + counter), expected);
}

static void latch(struct pit_duel *d, uint32_t counter)
{
	uint8_t value = (uint8_t)(0xc0 | pick(d, 4) << 4 | pick(d, 8) << 1);

	if (pick(d, 2)) {
		clockwork_out(&d->real, IG_PIT_PORT_CONTROL, counter << 6 | pick(d, 16));
		model_latch(&d->model[counter], true, false);
		return;
	}
	clockwork_out(&d->real, IG_PIT_PORT_CONTROL, value);
	for (uint32_t i = 0; i < IG_PIT_COUNTERS; i++)
		if (value >> (i + 1) & 1)
			model_latch(&d->model[i], !(value & 0x20), !(value & 0x10));
}

static void gate(struct pit_duel *d)
{
	bool level = pick(d, 2);

	clockwork_gate(&d->real, level);
	model_gate(&d->model[2], level);
}

/* The forecasts are taken before the pulses, and must be right after them. */
static uint32_t pass(struct pit_duel *d)
{
	uint32_t clocks = pick(d, 20) ? pick(d, 12) : pick(d, 140000);
	uint64_t forecast[IG_PIT_COUNTERS];

	for (int i = 0; i < IG_PIT_COUNTERS; i++) {
		struct model *m = &d->model[i];

		forecast[i] = ig_counter_next_rise(&d->real.pit.counter[i]);
		d->ticks += i ? 0 : m->rises;
		m->rises = 0;
		for (uint64_t n = 1; n <= clocks; n++)
			pulse(m, n);
		assert_true(m->rises ? m->first_rise == forecast[i] : forecast[i] > clocks);
	}
	d->real.clock += clocks;
	return clocks;
}

static void compare(struct pit_duel *d)
{
	struct model *m = d->model;

	for (uint32_t i = 0; i < IG_PIT_COUNTERS; i++)
		assert_int_equal(clockwork_level(&d->real, i), m[i].out);
	assert_true(d->real.pit.stats.due == d->ticks + m[0].rises);
	assert_int_equal(clockwork_in(&d->real, IG_PIT_PORT_STATUS) >> 5 & 1, m[2].out);
}

/* Returns how many CLK pulses have passed. */
static uint32_t pit_duel_step(struct pit_duel *d)
{
	uint32_t counter = pick(d, IG_PIT_COUNTERS), clocks = 0;

	switch (pick(d, 16)) {
	case 0: control(d, counter); break;
	case 1: case 2: case 3: case 4: write_byte(d, counter); break;
	case 5: case 6: case 7: read_byte(d, counter); break;
	case 8: latch(d, counter); break;
	case 9: case 10: gate(d); break;
	default: clocks = pass(d); break;
	}
	compare(d);
	return clocks;
}

static void pit_duel_begin(struct pit_duel *d)
{
	clockwork_begin(&d->real, IG_PIT_REINJECT);
	d->ticks = 0;
	for (uint32_t i = 0; i < IG_PIT_COUNTERS; i++) {
		d->model[i] = (struct model){ .gate = i != 2 };
		model_control(&d->model[i], 0x30);
	}
}

#endif
