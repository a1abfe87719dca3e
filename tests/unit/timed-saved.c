/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What depends on time, saved and restored. */
#include <stdlib.h>
#include <string.h>

#include "timed.h"

TEST(delay_and_age_go_on_after_a_restore)
{
	static struct saved saved;
	struct machine m, fresh;
	irqgate_source source = open_guarded(&m, IRQGATE_POLICY_HOLD, false);
	uint32_t gsi = 0;

	storm_by_device(&m, source, BUDGET + 1);
	set_time(&m, 100 * PACE + DELAY / 4);
	save(&m, &saved);
	machine_open(&fresh, IRQGATE_POLICY_HOLD);
	machine_add(&fresh, PIN, IRQGATE_SOURCE_FORWARDED, false);
	guard(&fresh, PIN);
	set_time(&fresh, 7);
	assert_int_equal(restore(&fresh, &saved), 0);
	while (irqgate_core_restored(fresh.core, &gsi, &fresh.effects))
		assert_int_equal(fresh.effects.count, 0); /* it is listened to when the delay is over */
	assert_int_equal(expire(&fresh), 0);
	assert_int_equal(fresh.effects.next_time, 7 + DELAY - DELAY / 4);
	set_time(&fresh, 7 + DELAY - DELAY / 4);
	assert_int_equal(expire(&fresh), 1);
	assert_seen(&fresh, 0, 1, 0);
	machine_close(&fresh);
	machine_close(&m);
}

TEST(age_of_a_hold_goes_on_after_a_restore)
{
	static struct saved saved;
	struct machine m, fresh;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);
	uint32_t gsi = 0;

	irqgate_core_limit_holds(m.core, LIMIT);
	begin_hold(&m, source);
	set_time(&m, LIMIT / 4);
	save(&m, &saved);
	machine_open(&fresh, IRQGATE_POLICY_HOLD);
	machine_add(&fresh, PIN, IRQGATE_SOURCE_FORWARDED, false);
	irqgate_core_limit_holds(fresh.core, LIMIT);
	set_time(&fresh, 7 * LIMIT);
	assert_int_equal(restore(&fresh, &saved), 0);
	while (irqgate_core_restored(fresh.core, &gsi, &fresh.effects))
		assert_int_equal(diagnoses(&fresh, PIN, IRQGATE_DIAGNOSIS_HELD), 0);
	set_time(&fresh, 8 * LIMIT - LIMIT / 4 - 1);
	assert_int_equal(expire(&fresh), 0);
	set_time(&fresh, 8 * LIMIT - LIMIT / 4);
	assert_int_equal(expire(&fresh), 1);
	assert_int_equal(diagnoses(&fresh, PIN, IRQGATE_DIAGNOSIS_HELD), 1);
	machine_close(&fresh);
	machine_close(&m);
}

TEST(delayed_line_goes_on_at_once_where_there_is_no_guard)
{
	static struct saved saved;
	struct machine m, fresh;
	irqgate_source source = open_guarded(&m, IRQGATE_POLICY_HOLD, true);
	uint32_t gsi = 0;

	for (int i = 0; i <= BUDGET; i++)
		machine_eoi(&m, VECTOR);
	save(&m, &saved);
	machine_open(&fresh, IRQGATE_POLICY_HOLD);
	source = machine_add(&fresh, PIN, IRQGATE_SOURCE_FORWARDED, true);
	assert_int_equal(restore(&fresh, &saved), 0);
	machine_forget(&fresh);
	while (irqgate_core_restored(fresh.core, &gsi, &fresh.effects))
		machine_see(&fresh);
	assert_seen(&fresh, 0, 1, 0);
	assert_true(irqgate_core_bound(fresh.core, source));
	assert_int_equal(machine_eoi(&fresh, VECTOR), 1); /* of what the kernel has sent then */
	machine_close(&fresh);
	machine_close(&m);
}

/* Where version 2 of a line has what depends on time: behind the entry, three messages and two flags. */
enum { LINES_AT = 16 + 10 + 14 + 5, LINE_TIME_AT = 50, LINE_TIME_SIZE = 32, SOURCE_SIZE = 28 };

/* The same state as version 1 wrote it. */
static void make_old(struct saved *saved)
{
	size_t at = LINES_AT;

	for (uint32_t gsi = 0; gsi < PINS; gsi++) {
		unsigned char *time = &saved->bytes[at + LINE_TIME_AT];

		memmove(time, time + LINE_TIME_SIZE, saved->size - at - LINE_TIME_AT - LINE_TIME_SIZE);
		saved->size -= LINE_TIME_SIZE;
		at += LINE_TIME_AT + 1 + SOURCE_SIZE * (size_t)*time;
	}
	saved->bytes[VERSION_AT] = 1;
	saved->bytes[SIZE_AT] = (unsigned char)saved->size;
	saved->bytes[SIZE_AT + 1] = (unsigned char)(saved->size >> 8);
	mend_checksum(saved);
}

TEST(state_of_version_1_is_read)
{
	static struct saved saved, again;
	struct machine m, fresh;
	irqgate_source source = machine_open_with(&m, IRQGATE_POLICY_HOLD, false, LEVEL);

	begin_hold(&m, source);
	save(&m, &saved);
	make_old(&saved);
	assert_int_equal(saved.size, LINES_AT + PINS * (LINE_TIME_AT + 1) + SOURCE_SIZE + CRC_BYTES);
	machine_open(&fresh, IRQGATE_POLICY_HOLD);
	machine_add(&fresh, PIN, IRQGATE_SOURCE_FORWARDED, false);
	assert_int_equal(restore(&fresh, &saved), 0);
	save(&m, &saved);
	save(&fresh, &again);
	assert_int_equal(saved.size, again.size);
	assert_memory_equal(saved.bytes, again.bytes, saved.size);
	machine_close(&fresh);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delay_and_age_go_on_after_a_restore),
		cmocka_unit_test(age_of_a_hold_goes_on_after_a_restore),
		cmocka_unit_test(delayed_line_goes_on_at_once_where_there_is_no_guard),
		cmocka_unit_test(state_of_version_1_is_read),
	};

	return cmocka_run_group_tests_name("timed-saved", tests, NULL, NULL);
}
