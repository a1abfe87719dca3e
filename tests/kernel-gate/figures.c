/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What a KVM makes of the gate's hard cases, in figures: for any kernel, with the gate or without, so nothing
 * is judged here. The device is played as vfio has it: a resample while it asserts triggers again.
 */
#include "tests.h"

#include <stdio.h>
#include <unistd.h>

enum { ROUNDS = 200, WORK_ITEM_US = 3000 };

struct figures {
	unsigned int triggers, lost, unwanted;
};

static void trigger(struct fixture *f, struct figures *figures)
{
	source_trigger(&f->source);
	figures->triggers++;
}

/* The interrupts since the last call; each gets its EOI. The device is quiet, so a resample causes nothing. */
static unsigned int taken(struct fixture *f, uint8_t vector)
{
	unsigned int n = 0;

	for (unsigned int before = f->cpu->taken[vector]; after_a_while(f->cpu, vector) > before; n++) {
		before = f->cpu->taken[vector];
		guest_eoi(f->cpu);
	}
	source_resamples(&f->source);
	return n;
}

/* An event of a oneshot handler, up to where its thread has quieted the device; the pin is masked. */
static void until_quiet(struct fixture *f, struct figures *figures)
{
	unsigned int before = f->cpu->taken[VECTOR];

	open_pin(f);
	trigger(f, figures);
	if (!comes(f->cpu, VECTOR, before + 1))
		figures->lost++;
	guest_write_rte(f->cpu, f->source.gsi, VECTOR | LEVEL | MASKED);
	guest_eoi(f->cpu);
	if (source_resamples(&f->source))
		trigger(f, figures);
	usleep(WORK_ITEM_US);
}

static void forwarded_alone(struct fixture *f, struct figures *figures)
{
	until_quiet(f, figures);
	open_pin(f);
	figures->unwanted += taken(f, VECTOR);
}

/* The emulated device of the same GSI asserts while the pin is masked: one interrupt, and it is its. */
static void emulated_beside_it(struct fixture *f, struct figures *figures)
{
	unsigned int before, n;

	until_quiet(f, figures);
	before = f->cpu->taken[VECTOR];
	wire_set(&f->vm, f->source.gsi, 1);
	open_pin(f);
	n = after_a_while(f->cpu, VECTOR) - before;
	wire_set(&f->vm, f->source.gsi, 0);
	if (n)
		guest_eoi(f->cpu);
	else
		figures->lost++;
	figures->unwanted += taken(f, VECTOR);
}

/* Triggered before the unmask and injected after it; the device is quiet by then. */
static void late_injection(struct fixture *f, struct figures *figures)
{
	guest_write_rte(f->cpu, f->source.gsi, VECTOR | LEVEL | MASKED);
	rush(true);
	trigger(f, figures);
	open_pin(f);
	rush(false);
	figures->unwanted += taken(f, VECTOR);
}

static void (*const cases[])(struct fixture *f, struct figures *figures) = {
	forwarded_alone, emulated_beside_it, late_injection,
};
static const char *const names[] = { "oneshot", "shared", "late" };

int print_figures(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct figures figures = { 0 };
		struct fixture f;

		fixture_open(&f, GSI);
		for (int round = 0; round < ROUNDS; round++)
			cases[i](&f, &figures);
		fixture_close(&f);
		printf("%s: events=%d triggers=%u lost=%u unwanted=%u\n", names[i], ROUNDS, figures.triggers,
		       figures.lost, figures.unwanted);
		fflush(stdout);
	}
	return 0;
}
