/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A core's saved state: its bytes, and what a restore does. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "saved.h"

TEST(too_small_a_buffer_is_refused_and_left_alone)
{
	static struct saved saved;
	struct machine m;
	irqgate_source source[RICH_SOURCES];

	open_rich(&m, source);
	saved.size = irqgate_core_save_size(m.core);
	memset(saved.bytes, 0xa5, sizeof(saved.bytes));
	assert_int_equal(irqgate_core_save(m.core, saved.bytes, saved.size - 1), -ENOSPC);
	assert_int_equal(saved.bytes[0], 0xa5);
	assert_int_equal(irqgate_core_save(m.core, saved.bytes, saved.size + 1), 0);
	assert_int_equal(saved.bytes[saved.size], 0xa5);
	machine_close(&m);
}

/* What docs/state.md says of the beginning, number by number. */
TEST(bytes_are_those_of_the_document)
{
	static const unsigned char head[] = {
		'I', 'R', 'Q', 'G', 'A', 'T', 'E', 0, 2, 0, 0, 0,
	};
	static const unsigned char config[] = {
		0, 0, 0, 0, 1, 0, 2, 0, 0, 0, /* hold, a pair, no directed EOI, two chips */
		PINS, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0,
		8, 0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 1, 0x11, 0,
		0, 0, 0, 5, 0, 0, 0, 0, 1, 0, /* IDs as they are; IOREGSEL */
	};
	static struct saved saved;
	struct machine m;
	irqgate_source source[RICH_SOURCES];

	save_rich(&m, source, &saved);
	assert_memory_equal(saved.bytes, head, sizeof(head));
	assert_int_equal(saved.bytes[SIZE_AT] | saved.bytes[SIZE_AT + 1] << 8, saved.size);
	assert_memory_equal(saved.bytes + POLICY_AT, config, sizeof(config));
	machine_close(&m);
}

/* Whatever changes these bytes needs another version of the format. */
TEST(bytes_are_the_same_on_every_machine)
{
	static struct saved saved;
	struct machine m;
	irqgate_source source[RICH_SOURCES];
	uint32_t crc = 0;

	save_rich(&m, source, &saved);
	for (size_t i = 0; i < CRC_BYTES; i++)
		crc |= (uint32_t)saved.bytes[saved.size - CRC_BYTES + i] << i * 8;
	assert_int_equal(saved.size, 2926);
	assert_int_equal(crc, UINT32_C(0x5b7d6265));
	machine_close(&m);
}

TEST(more_room_for_sources_is_the_same_configuration)
{
	static struct saved saved;
	struct irqgate_core_config roomy = rich;
	irqgate_source source[RICH_SOURCES];
	struct machine m, other;

	save_rich(&m, source, &saved);
	roomy.sources = 2 * SOURCES;
	machine_open_config(&other, &roomy);
	plug_all(&other, source);
	assert_int_equal(restore(&other, &saved), 0);
	machine_close(&other);
	machine_close(&m);
}

/* Of one name it is their order, of several it is not. */
TEST(sources_are_found_by_name_and_order)
{
	static struct saved saved;
	irqgate_source source[RICH_SOURCES], other_source[RICH_SOURCES];
	struct machine m, other;

	save_rich(&m, source, &saved);
	machine_open_config(&other, &rich);
	add(&other, 3, IRQGATE_SOURCE_WIRE, false, "passing"); /* so that the handles differ */
	machine_remove(&other, irqgate_core_next(other.core, 3, 0));
	other_source[WIRE] = add(&other, OTHER_PIN, IRQGATE_SOURCE_WIRE, false, "wire");
	other_source[LEGACY] = add(&other, 10, IRQGATE_SOURCE_FORWARDED, false, "a name that is cut off somewhere");
	other_source[NIC_A] = add(&other, OTHER_PIN, IRQGATE_SOURCE_FORWARDED, false, "nic");
	other_source[BELL] = add(&other, 41, IRQGATE_SOURCE_EDGE, false, "bell");
	other_source[NIC_B] = add(&other, OTHER_PIN, IRQGATE_SOURCE_FORWARDED, false, "nic");
	other_source[DEVICE] = add(&other, PIN, IRQGATE_SOURCE_FORWARDED, true, "device");
	machine_enable(&m, source[NIC_B], false);
	save(&m, &saved);
	assert_int_equal(restore(&other, &saved), 0);
	for (int i = 0; i < RICH_SOURCES; i++) {
		assert_int_equal(irqgate_core_source_level(m.core, source[i]),
				 irqgate_core_source_level(other.core, other_source[i]));
		assert_int_equal(irqgate_core_enabled(m.core, source[i]),
				 irqgate_core_enabled(other.core, other_source[i]));
	}
	assert_int_equal(irqgate_core_source_level(other.core, other_source[NIC_A]), 1);
	assert_int_equal(irqgate_core_source_level(other.core, other_source[NIC_B]), 0);
	assert_false(irqgate_core_enabled(other.core, other_source[NIC_B]));
	machine_close(&other);
	machine_close(&m);
}

static uint32_t restored(struct machine *m)
{
	uint32_t gsi = 0, lines = 0;

	machine_forget(m);
	for (; irqgate_core_restored(m->core, &gsi, &m->effects); lines++)
		machine_see(m);
	return lines;
}

static void make_held(struct machine *m, irqgate_source *source)
{
	*source = machine_open_with(m, IRQGATE_POLICY_HOLD, false, LEVEL);
	machine_trigger(m, *source);
	machine_mask(m);
	machine_eoi(m, VECTOR);
}

TEST(hold_goes_on_after_a_restore)
{
	static struct saved saved;
	struct machine m, fresh;
	irqgate_source source;

	make_held(&m, &source);
	save(&m, &saved);
	machine_open(&fresh, IRQGATE_POLICY_HOLD);
	source = machine_add(&fresh, PIN, IRQGATE_SOURCE_FORWARDED, false);
	assert_int_equal(restore(&fresh, &saved), 0);
	assert_int_equal(restored(&fresh), PINS);
	assert_seen(&fresh, 0, 1, 0); /* the host looks at the device again ... */
	machine_trigger(&fresh, source);
	assert_seen(&fresh, 0, 0, 0); /* ... and what it then says is known already */
	assert_int_equal(machine_stats(&fresh, source).absorbed, 1);
	machine_unmask(&fresh);
	assert_seen(&fresh, 0, 1, 0);
	machine_trigger(&fresh, source);
	assert_seen(&fresh, 1, 0, 0);
	machine_close(&fresh);
	machine_close(&m);
}

TEST(eoi_finds_its_pin_after_a_restore)
{
	static struct saved saved;
	struct machine m, fresh;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);

	machine_trigger(&m, source);
	save(&m, &saved);
	machine_open(&fresh, IRQGATE_POLICY_HOLD);
	machine_add(&fresh, PIN, IRQGATE_SOURCE_FORWARDED, false);
	assert_int_equal(restore(&fresh, &saved), 0);
	assert_true(machine_remote_irr(&fresh, PIN));
	assert_int_equal(machine_eoi(&fresh, VECTOR), 1);
	assert_seen(&fresh, 0, 1, 0);
	machine_close(&fresh);
	machine_close(&m);
}

TEST(disabled_source_stays_silent_after_a_restore)
{
	static struct saved saved;
	struct machine m;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);

	machine_enable(&m, source, false);
	save(&m, &saved);
	machine_enable(&m, source, true);
	assert_int_equal(restore(&m, &saved), 0);
	restored(&m);
	assert_seen(&m, 0, 0, 1);
	assert_false(irqgate_core_enabled(m.core, source));
	machine_close(&m);
}

TEST(in_service_on_the_direct_path_the_eoi_resamples)
{
	static struct saved saved;
	struct machine m;

	machine_open_with(&m, IRQGATE_POLICY_HOLD, true, LEVEL);
	machine_read_answered(&m, rte_low(PIN), VECTOR); /* a LAPIC has it */
	save(&m, &saved);
	assert_int_equal(restore(&m, &saved), 0);
	restored(&m);
	assert_seen(&m, 0, 0, 0);
	assert_int_equal(machine_eoi(&m, VECTOR), 1);
	assert_seen(&m, 0, 1, 0);
	machine_close(&m);
}

TEST(line_that_the_kernel_can_not_forward_here_takes_the_userspace_path)
{
	static struct saved saved;
	struct machine m, fresh;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, true, LEVEL);

	assert_true(irqgate_core_bound(m.core, source));
	save(&m, &saved);
	machine_open(&fresh, IRQGATE_POLICY_HOLD);
	source = machine_add(&fresh, PIN, IRQGATE_SOURCE_FORWARDED, false);
	assert_int_equal(restore(&fresh, &saved), 0);
	assert_false(irqgate_core_bound(fresh.core, source));
	restored(&fresh);
	assert_seen(&fresh, 0, 1, 0);
	machine_trigger(&fresh, source);
	assert_seen(&fresh, 1, 0, 0);
	machine_close(&fresh);
	machine_close(&m);
}

TEST(routes_are_set_anew_after_a_restore)
{
	static struct saved saved;
	struct machine m, fresh;
	struct irqgate_message message;
	struct irqgate_wish wish;
	irqgate_source source;
	uint64_t version;

	machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);
	save(&m, &saved);
	machine_open(&fresh, IRQGATE_POLICY_HOLD);
	source = machine_add(&fresh, PIN, IRQGATE_SOURCE_FORWARDED, false);
	version = machine_routes_version(&fresh);
	assert_int_equal(restore(&fresh, &saved), 0);
	restored(&fresh);
	assert_true(machine_routes_version(&fresh) > version);
	assert_int_equal(irqgate_core_wish(fresh.core, source, &wish), 0);
	assert_int_equal(wish.routes_version, machine_routes_version(&fresh));
	assert_true(machine_route(&fresh, PIN, &message));
	assert_int_equal(message.data & IG_RTE_VECTOR, VECTOR);
	machine_close(&fresh);
	machine_close(&m);
}

/* Between the chips there are GSIs of nobody. */
TEST(each_line_with_a_device_is_stated_anew_and_no_gap)
{
	static struct saved saved;
	struct machine m;
	irqgate_source source[RICH_SOURCES];
	uint32_t gsi = 0, lines = 0, wishes = 0;

	save_rich(&m, source, &saved);
	irqgate_core_limit_holds(m.core, 1);
	assert_int_equal(restore(&m, &saved), 0);
	for (; irqgate_core_restored(m.core, &gsi, &m.effects); lines++) {
		assert_true(gsi <= rich.chip[0].pins || gsi > rich.chip[1].gsi_base);
		wishes += m.effects.count;
	}
	assert_int_equal(lines, rich.chip[0].pins + rich.chip[1].pins);
	assert_int_equal(wishes, 4); /* device, two NICs, and the legacy one */
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_small_a_buffer_is_refused_and_left_alone),
		cmocka_unit_test(bytes_are_those_of_the_document),
		cmocka_unit_test(bytes_are_the_same_on_every_machine),
		cmocka_unit_test(more_room_for_sources_is_the_same_configuration),
		cmocka_unit_test(sources_are_found_by_name_and_order),
		cmocka_unit_test(hold_goes_on_after_a_restore),
		cmocka_unit_test(eoi_finds_its_pin_after_a_restore),
		cmocka_unit_test(disabled_source_stays_silent_after_a_restore),
		cmocka_unit_test(in_service_on_the_direct_path_the_eoi_resamples),
		cmocka_unit_test(line_that_the_kernel_can_not_forward_here_takes_the_userspace_path),
		cmocka_unit_test(routes_are_set_anew_after_a_restore),
		cmocka_unit_test(each_line_with_a_device_is_stated_anew_and_no_gap),
	};

	return cmocka_run_group_tests_name("saved", tests, NULL, NULL);
}
