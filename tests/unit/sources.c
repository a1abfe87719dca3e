/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Sources come and go: handles, names, limits, and what is refused. */
#include <errno.h>
#include <string.h>

#include "machine.h"

static int add(struct machine *m, uint32_t pin, enum irqgate_source_kind kind, bool direct, irqgate_source *source)
{
	return irqgate_core_add(m->core, pin, kind, direct, "name", source, &m->effects);
}

TEST(handles_differ_and_are_never_0)
{
	struct machine m;
	irqgate_source first, second;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	first = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	second = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	assert_int_not_equal(first, 0);
	assert_int_not_equal(second, 0);
	assert_int_not_equal(first, second);
	machine_close(&m);
}

TEST(handle_of_a_removed_source_stays_unused_while_its_place_is_used_again)
{
	struct machine m;
	irqgate_source first;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	first = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	machine_remove(&m, first);
	for (int i = 0; i < 1000; i++) {
		irqgate_source next = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);

		assert_int_not_equal(next, first);
		assert_int_not_equal(next, 0);
		machine_remove(&m, next);
	}
	machine_close(&m);
}

TEST(handle_is_not_0_when_the_generations_wrap)
{
	struct machine m;
	irqgate_source source;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	for (int i = 0; i <= UINT16_MAX; i++) {
		source = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
		assert_int_not_equal(source, 0);
		machine_remove(&m, source);
	}
	machine_close(&m);
}

TEST(stale_handle_is_refused_everywhere)
{
	struct machine m;
	struct irqgate_source_stats stats;
	struct irqgate_wish wish;
	irqgate_source source;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	source = machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, false);
	machine_remove(&m, source);
	assert_int_equal(irqgate_core_remove(m.core, source, &m.effects), -ENOENT);
	assert_int_equal(irqgate_core_set_level(m.core, source, true, &m.effects), -ENOENT);
	assert_int_equal(irqgate_core_pulse(m.core, source, &m.effects), -ENOENT);
	assert_int_equal(irqgate_core_trigger(m.core, source, &m.effects), -ENOENT);
	assert_int_equal(irqgate_core_enable(m.core, source, false, &m.effects), -ENOENT);
	assert_int_equal(irqgate_core_refuse_direct(m.core, source, &m.effects), -ENOENT);
	assert_int_equal(irqgate_core_wish(m.core, source, &wish), -ENOENT);
	assert_int_equal(irqgate_core_source_level(m.core, source), -ENOENT);
	assert_int_equal(irqgate_core_source_stats(m.core, source, &stats), -ENOENT);
	assert_false(irqgate_core_bound(m.core, source));
	assert_string_equal(irqgate_core_name(m.core, source), "");
	assert_int_equal(irqgate_core_next(m.core, PIN, source), 0);
	machine_close(&m);
}

TEST(handle_0_and_nonsense_name_no_source)
{
	static const irqgate_source handles[] = { 0, 1, SOURCES, 0xffff, 0x10000 | SOURCES, UINT32_MAX };
	struct machine m;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, false);
	for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++)
		assert_int_equal(irqgate_core_trigger(m.core, handles[i], &m.effects), -ENOENT);
	machine_close(&m);
}

TEST(refused_call_asks_for_no_effect)
{
	struct machine m;
	irqgate_source wire;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	wire = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	memset(&m.effects, 0xff, sizeof(m.effects));
	assert_int_equal(irqgate_core_trigger(m.core, wire, &m.effects), -EINVAL);
	assert_int_equal(m.effects.count, 0);
	machine_close(&m);
}

TEST(calls_for_another_kind_are_refused)
{
	struct machine m;
	irqgate_source wire, edge, forwarded;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	wire = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	edge = machine_add(&m, PIN, IRQGATE_SOURCE_EDGE, false);
	forwarded = machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, false);
	assert_int_equal(irqgate_core_trigger(m.core, wire, &m.effects), -EINVAL);
	assert_int_equal(irqgate_core_enable(m.core, wire, false, &m.effects), -EINVAL);
	assert_int_equal(irqgate_core_refuse_direct(m.core, wire, &m.effects), -EINVAL);
	assert_int_equal(irqgate_core_pulse(m.core, wire, &m.effects), -EINVAL);
	assert_int_equal(irqgate_core_set_level(m.core, edge, true, &m.effects), -EINVAL);
	assert_int_equal(irqgate_core_trigger(m.core, edge, &m.effects), -EINVAL);
	assert_int_equal(irqgate_core_set_level(m.core, forwarded, true, &m.effects), -EINVAL);
	assert_int_equal(irqgate_core_pulse(m.core, forwarded, &m.effects), -EINVAL);
	machine_close(&m);
}

TEST(add_refuses_what_is_out_of_range_and_leaves_the_handle_alone)
{
	struct machine m;
	irqgate_source source = 77;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	assert_int_equal(add(&m, PINS, IRQGATE_SOURCE_WIRE, false, &source), -EINVAL);
	assert_int_equal(add(&m, UINT32_MAX, IRQGATE_SOURCE_WIRE, false, &source), -EINVAL);
	assert_int_equal(add(&m, PIN, (enum irqgate_source_kind)3, false, &source), -EINVAL);
	assert_int_equal(add(&m, PIN, IRQGATE_SOURCE_WIRE, true, &source), -EINVAL);
	assert_int_equal(add(&m, PIN, IRQGATE_SOURCE_EDGE, true, &source), -EINVAL);
	assert_int_equal(source, 77);
	assert_int_equal(irqgate_core_next(m.core, PIN, 0), 0);
	machine_close(&m);
}

TEST(line_takes_31_sources)
{
	struct machine m;
	irqgate_source source;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	for (uint32_t i = 0; i < IRQGATE_LINE_SOURCES_MAX; i++)
		machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	assert_int_equal(add(&m, PIN, IRQGATE_SOURCE_WIRE, false, &source), -ENOSPC);
	machine_add(&m, OTHER_PIN, IRQGATE_SOURCE_WIRE, false);
	machine_close(&m);
}

TEST(core_takes_as_many_sources_as_it_was_made_for)
{
	struct machine m;
	irqgate_source last = 0, source;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	for (uint32_t i = 0; i < SOURCES; i++)
		last = machine_add(&m, i % PINS, IRQGATE_SOURCE_WIRE, false);
	assert_int_equal(add(&m, PIN, IRQGATE_SOURCE_WIRE, false, &source), -ENOSPC);
	machine_remove(&m, last);
	machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	machine_close(&m);
}

TEST(full_line_resamples_all_and_sends_within_the_room_for_effects)
{
	struct machine m;
	irqgate_source wire;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	for (uint32_t i = 1; i < IRQGATE_LINE_SOURCES_MAX; i++)
		machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, false);
	wire = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	machine_program(&m, PIN, LEVEL | MASKED);
	machine_level(&m, wire, true);
	machine_unmask(&m);
	assert_seen(&m, 1, IRQGATE_LINE_SOURCES_MAX - 1, 0);
	machine_close(&m);
}

TEST(names_are_kept_and_cut)
{
	static const char too_long[] = "a name that is longer than the room for it";
	struct machine m;
	irqgate_source source;
	char expected[IRQGATE_NAME_SIZE] = "";

	machine_open(&m, IRQGATE_POLICY_HOLD);
	assert_int_equal(irqgate_core_add(m.core, PIN, IRQGATE_SOURCE_WIRE, false, "serial", &source, &m.effects), 0);
	assert_string_equal(irqgate_core_name(m.core, source), "serial");
	assert_int_equal(irqgate_core_add(m.core, PIN, IRQGATE_SOURCE_WIRE, false, too_long, &source, &m.effects), 0);
	memcpy(expected, too_long, IRQGATE_NAME_SIZE - 1);
	assert_string_equal(irqgate_core_name(m.core, source), expected);
	machine_close(&m);
}

TEST(source_without_a_name_has_an_empty_one)
{
	struct machine m;
	irqgate_source source;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	assert_int_equal(irqgate_core_add(m.core, PIN, IRQGATE_SOURCE_WIRE, false, NULL, &source, &m.effects), 0);
	assert_string_equal(irqgate_core_name(m.core, source), "");
	machine_close(&m);
}

TEST(next_walks_each_source_of_a_line_once)
{
	struct machine m;
	irqgate_source added[3], source = 0;
	bool found[3] = { false };

	machine_open(&m, IRQGATE_POLICY_HOLD);
	for (int i = 0; i < 3; i++)
		added[i] = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	machine_add(&m, OTHER_PIN, IRQGATE_SOURCE_WIRE, false);
	for (int i = 0; i < 3; i++) {
		source = irqgate_core_next(m.core, PIN, source);
		for (int j = 0; j < 3; j++)
			found[j] = found[j] || source == added[j];
	}
	assert_true(found[0] && found[1] && found[2]);
	assert_int_equal(irqgate_core_next(m.core, PIN, source), 0);
	assert_int_equal(irqgate_core_next(m.core, PINS, 0), 0);
	machine_close(&m);
}

TEST(sources_of_one_line_can_be_removed_in_any_order)
{
	static const int orders[3][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 0, 2 } };
	struct machine m;
	irqgate_source wire[3];

	machine_open(&m, IRQGATE_POLICY_HOLD);
	for (int order = 0; order < 3; order++) {
		for (int i = 0; i < 3; i++) {
			wire[i] = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
			machine_level(&m, wire[i], true);
		}
		for (int i = 0; i < 3; i++) {
			assert_true(irqgate_core_line_level(m.core, PIN));
			machine_remove(&m, wire[orders[order][i]]);
		}
		assert_false(irqgate_core_line_level(m.core, PIN));
		assert_int_equal(irqgate_core_next(m.core, PIN, 0), 0);
	}
	machine_close(&m);
}

TEST(levels_of_a_shared_line_are_a_set)
{
	struct machine m;
	irqgate_source first, second;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	first = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	second = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	machine_level(&m, first, true);
	machine_level(&m, second, true);
	machine_level(&m, first, false);
	assert_true(irqgate_core_line_level(m.core, PIN));
	assert_int_equal(irqgate_core_source_level(m.core, first), 0);
	assert_int_equal(irqgate_core_source_level(m.core, second), 1);
	machine_level(&m, second, false);
	assert_false(irqgate_core_line_level(m.core, PIN));
	assert_false(irqgate_core_line_level(m.core, PINS)); /* no such GSI */
	machine_close(&m);
}

TEST(removed_source_drops_its_part_of_the_level)
{
	struct machine m;
	irqgate_source wire;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	wire = machine_add(&m, PIN, IRQGATE_SOURCE_WIRE, false);
	machine_program(&m, PIN, LEVEL);
	machine_level(&m, wire, true);
	machine_remove(&m, wire);
	assert_false(irqgate_core_line_level(m.core, PIN));
	assert_int_equal(machine_eoi(&m, VECTOR), 1); /* what was sent still ends */
	assert_seen(&m, 0, 0, 0);
	machine_close(&m);
}

TEST(stats_of_a_new_source_start_at_0)
{
	struct machine m;
	irqgate_source source;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	source = machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, false);
	machine_trigger(&m, source);
	machine_remove(&m, source);
	source = machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, false);
	assert_int_equal(machine_stats(&m, source).triggers, 0);
	machine_close(&m);
}

/* The kernel sends only what ends with an EOI: so not where the guest has the pin as edge-triggered already. */
TEST(source_that_joins_an_unmasked_edge_entry_stays_off_the_direct_path)
{
	struct machine m;
	irqgate_source source;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_program(&m, PIN, EDGE);
	source = machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, true);
	machine_program(&m, PIN, LEVEL);
	assert_false(irqgate_core_bound(m.core, source));
	machine_close(&m);
}

TEST(source_that_joins_an_unmasked_level_entry_is_on_the_direct_path)
{
	struct machine m;
	irqgate_source source;

	machine_open(&m, IRQGATE_POLICY_HOLD);
	machine_program(&m, PIN, LEVEL);
	source = machine_add(&m, PIN, IRQGATE_SOURCE_FORWARDED, true);
	assert_true(irqgate_core_bound(m.core, source));
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handles_differ_and_are_never_0),
		cmocka_unit_test(handle_of_a_removed_source_stays_unused_while_its_place_is_used_again),
		cmocka_unit_test(handle_is_not_0_when_the_generations_wrap),
		cmocka_unit_test(stale_handle_is_refused_everywhere),
		cmocka_unit_test(handle_0_and_nonsense_name_no_source),
		cmocka_unit_test(refused_call_asks_for_no_effect),
		cmocka_unit_test(calls_for_another_kind_are_refused),
		cmocka_unit_test(add_refuses_what_is_out_of_range_and_leaves_the_handle_alone),
		cmocka_unit_test(line_takes_31_sources),
		cmocka_unit_test(core_takes_as_many_sources_as_it_was_made_for),
		cmocka_unit_test(full_line_resamples_all_and_sends_within_the_room_for_effects),
		cmocka_unit_test(names_are_kept_and_cut),
		cmocka_unit_test(source_without_a_name_has_an_empty_one),
		cmocka_unit_test(next_walks_each_source_of_a_line_once),
		cmocka_unit_test(sources_of_one_line_can_be_removed_in_any_order),
		cmocka_unit_test(levels_of_a_shared_line_are_a_set),
		cmocka_unit_test(removed_source_drops_its_part_of_the_level),
		cmocka_unit_test(stats_of_a_new_source_start_at_0),
		cmocka_unit_test(source_that_joins_an_unmasked_edge_entry_stays_off_the_direct_path),
		cmocka_unit_test(source_that_joins_an_unmasked_level_entry_is_on_the_direct_path),
	};

	return cmocka_run_group_tests_name("sources", tests, NULL, NULL);
}
