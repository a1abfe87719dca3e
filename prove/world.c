/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The start of the world, and what all its parts need; see world.h. */
#include "prove/world.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "prove/steps.h"

enum { FIRST_VECTOR = 0x41, VECTOR_STEP = 0x10, MASTER_IRQ = 5, SLAVE_IRQ = 11, OTHER_IRQ = 9 };

struct irqgate_core *core_of(const struct world *w)
{
	return (struct irqgate_core *)(uintptr_t)w->s.core;
}

bool has(const struct world *w, enum feature feature)
{
	return w->config->features & feature;
}

uint32_t gsi_of(const struct world *w, uint32_t line)
{
	if (!has(w, PAIR))
		return line;
	if (has(w, SLAVE))
		return line ? MASTER_IRQ : SLAVE_IRQ;
	return line ? OTHER_IRQ : MASTER_IRQ;
}

uint32_t line_of_gsi(const struct world *w, uint32_t gsi)
{
	uint32_t line = 0;

	while (line < w->config->lines && gsi_of(w, line) != gsi)
		line++;
	return line;
}

uint32_t chip_of(const struct world *w, uint32_t line)
{
	return has(w, TWO_CHIPS) ? line : 0;
}

struct device *device_of(const struct world *w, irqgate_source source)
{
	for (uint32_t i = 0; i < w->config->devices; i++)
		if (source && w->s.device[i].source == source)
			return (struct device *)(uintptr_t)&w->s.device[i];
	return NULL;
}

uint8_t vector_number(uint32_t vector)
{
	return (uint8_t)(FIRST_VECTOR + vector * VECTOR_STEP);
}

uint32_t vector_index(uint32_t number)
{
	return (number - FIRST_VECTOR) / VECTOR_STEP;
}

void say(const struct world *w, const char *format, ...)
{
	va_list arguments;

	if (!w->story)
		return;
	va_start(arguments, format);
	vfprintf(w->story, format, arguments);
	va_end(arguments);
}

void violate(struct world *w, enum property property, const char *format, ...)
{
	va_list arguments;

	w->violated |= 1U << property;
	if (!w->story)
		return;
	va_start(arguments, format);
	fprintf(w->story, "     WRONG (\"%s\"): ", properties[property].name);
	vfprintf(w->story, format, arguments);
	fputc('\n', w->story);
	va_end(arguments);
}

bool is_on(const struct world *w, uint32_t device, uint32_t line)
{
	return w->config->line_of[device] == line && w->s.device[device].source;
}

const char *line_name(uint32_t line)
{
	return line ? "the second pin" : "the pin";
}

void tell_watchers(struct world *w, uint32_t line)
{
	struct irqgate_line_state now;

	irqgate_core_line_state(core_of(w), gsi_of(w, line), &now);
	w->s.line[line].told_masked = now.masked;
	w->s.line[line].told_acks = now.acks;
	w->s.line[line].told_version = now.version;
	w->s.line[line].judge_acked = false;
}

static void add_effect(struct world *w, struct thread *thread, const struct irqgate_effect *effect)
{
	struct irqgate_wish wish = { 0 };
	struct effect *added = &thread->queue[thread->count++];

	if (effect->kind == IRQGATE_EFFECT_SOURCE)
		irqgate_core_wish(core_of(w), effect->source, &wish);
	*added = (struct effect){ .source = effect->source,
				  .kind = (uint8_t)effect->kind,
				  .listen = wish.listen };
	if (effect->kind == IRQGATE_EFFECT_SOURCE)
		return;
	added->line = (uint8_t)line_of_gsi(w, effect->pin);
	added->ticket = (uint8_t)effect->ticket;
	if (effect->kind != IRQGATE_EFFECT_SEND)
		return;
	added->vector = (uint8_t)vector_index(message_vector(&effect->message));
	added->vcpu = message_vcpu(&effect->message);
	added->level = message_is_level(&effect->message);
	say(w, "     the core wants vector 0x%x to be sent to vCPU %u\n", vector_number(added->vector),
	    added->vcpu);
	judge_send(w, added->line, added);
}

void take_effects(struct world *w, uint32_t thread)
{
	struct thread *taker = &w->s.thread[thread];

	if (w->effects.routes_version > taker->need)
		taker->need = w->effects.routes_version;
	taker->kick |= w->effects.intr && thread; /* the first vCPU looks itself before it enters the guest */
	for (uint32_t i = 0; i < w->effects.count; i++) {
		if (taker->count == QUEUE) {
			violate(w, ENDLESS, "more is asked for than is ever carried out");
			return;
		}
		add_effect(w, taker, &w->effects.effect[i]);
	}
}

bool is_idle(const struct world *w, uint32_t thread)
{
	const struct thread *one = &w->s.thread[thread];

	return !one->count && !one->building && !one->kick && one->need <= w->s.routes_done &&
	       (thread >= VCPUS || (!w->s.vcpu[thread].eoi && !w->s.stopped));
}

bool all_are_idle(const struct world *w)
{
	for (uint32_t i = 0; i < THREADS; i++)
		if (!is_idle(w, i))
			return false;
	return true;
}

static void describe_chips(const struct world *w, struct irqgate_core_config *config)
{
	uint32_t first = gsi_of(w, 0), last = gsi_of(w, w->config->lines - 1);
	uint8_t version = has(w, VERSION_11) ? IRQGATE_IOAPIC_VERSION_11 : IRQGATE_IOAPIC_VERSION_20;

	if (first > last) {
		uint32_t swap = first;

		first = last;
		last = swap;
	}
	config->chips = has(w, TWO_CHIPS) ? w->config->lines : 1;
	for (uint32_t i = 0; i < config->chips; i++)
		config->chip[i] = (struct irqgate_chip){ .pins = 1,
							 .gsi_base = gsi_of(w, i),
							 .version = version };
	if (config->chips == 1) {
		config->chip[0].gsi_base = first;
		config->chip[0].pins = last - first + 1;
	}
}

int make_core(struct world *w)
{
	struct irqgate_core_config config = {
		.size = sizeof(config), .policy = w->policy, .sources = w->config->devices + has(w, WIRE),
		.pic = has(w, PAIR), .directed_eoi = has(w, DIRECTED),
	};
	struct irqgate_core *core;

	describe_chips(w, &config);
	memset(w->s.core, 0, sizeof(w->s.core));
	return irqgate_core_init(w->s.core, sizeof(w->s.core), &config, &core);
}

/* At the start nobody is in a hurry: what a call asks for is done before the next one. */
static void settle(struct world *w)
{
	while (take_any_step(w, HOST))
		;
}

static void add_sources(struct world *w)
{
	for (uint32_t i = 0; i < w->config->devices; i++) {
		add_device(w, i);
		settle(w);
	}
	if (has(w, WIRE))
		add_wire(w);
}

void watch_lines(struct world *w)
{
	for (uint32_t i = 0; has(w, WATCHED) && i < w->config->lines; i++) {
		irqgate_core_watch(core_of(w), gsi_of(w, i), true);
		tell_watchers(w, i);
	}
}

int world_open(struct world *w)
{
	int error;

	memset(&w->s, 0, sizeof(w->s));
	list_steps(w);
	error = make_core(w);
	if (error)
		return error;
	w->bytes = offsetof(struct state, core) + irqgate_core_state_size(core_of(w));
	guest_starts(w);
	add_sources(w);
	watch_lines(w);
	settle(w);
	canonicalize(w);
	return w->violated ? -EPROTO : 0;
}
