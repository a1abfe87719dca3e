/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A saved state that is damaged, of another version, configuration or set of sources: refused, without a trace. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "saved.h"

/* Refused, and not a byte of the core is another: its counters' neither. */
static void assert_refused(struct machine *m, const struct saved *saved, int error)
{
	unsigned char *before = malloc(m->bytes);

	assert_non_null(before);
	memcpy(before, m->core, m->bytes);
	assert_int_equal(restore(m, saved), error);
	assert_memory_equal(before, m->core, m->bytes);
	free(before);
}

TEST(every_truncation_is_refused)
{
	static struct saved saved;
	struct machine m, fresh;
	irqgate_source source[RICH_SOURCES];

	save_rich(&m, source, &saved);
	open_rich(&fresh, source);
	while (saved.size--) {
		unsigned char *exact = malloc(saved.size ? saved.size : 1); /* so that a sanitizer sees a read beyond */

		assert_non_null(exact);
		memcpy(exact, saved.bytes, saved.size);
		assert_int_equal(irqgate_core_restore(fresh.core, exact, saved.size), -EBADMSG);
		free(exact);
		if (!saved.size)
			break;
	}
	machine_close(&fresh);
	machine_close(&m);
}

TEST(byte_too_many_is_refused)
{
	static struct saved saved;
	struct machine m;
	irqgate_source source[RICH_SOURCES];

	save_rich(&m, source, &saved);
	saved.bytes[saved.size++] = 0;
	assert_refused(&m, &saved, -EBADMSG);
	mend_checksum(&saved);
	assert_refused(&m, &saved, -EBADMSG);
	saved.bytes[SIZE_AT]++;
	mend_checksum(&saved);
	assert_refused(&m, &saved, -EBADMSG);
	machine_close(&m);
}

/* The head says truly how long it is: but there is no room for a checksum. */
TEST(head_alone_is_refused)
{
	static struct saved saved;
	struct machine m;
	irqgate_source source[RICH_SOURCES];

	save_rich(&m, source, &saved);
	saved.size = POLICY_AT; /* what follows the head */
	saved.bytes[SIZE_AT] = POLICY_AT;
	saved.bytes[SIZE_AT + 1] = 0;
	assert_refused(&m, &saved, -EBADMSG);
	machine_close(&m);
}

TEST(every_flipped_bit_is_refused)
{
	static struct saved saved;
	struct machine m, fresh;
	irqgate_source source[RICH_SOURCES];

	save_rich(&m, source, &saved);
	open_rich(&fresh, source);
	for (size_t bit = 0; bit < 8 * saved.size; bit++) {
		saved.bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
		assert_refused(&fresh, &saved, -EBADMSG);
		saved.bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
	}
	assert_int_equal(restore(&fresh, &saved), 0);
	machine_close(&fresh);
	machine_close(&m);
}

/* A guest and devices that do anything. */
static void do_anything(struct machine *m, uint32_t gsis)
{
	uint32_t pin = 0;

	for (uint32_t gsi = 0; gsi < gsis; gsi++) {
		irqgate_source source = 0;

		while ((source = irqgate_core_next(m->core, gsi, source))) {
			irqgate_core_trigger(m->core, source, &m->effects);
			irqgate_core_set_level(m->core, source, true, &m->effects);
			irqgate_core_pulse(m->core, source, &m->effects);
			irqgate_core_enable(m->core, source, true, &m->effects);
		}
	}
	for (uint32_t vector = 0; vector < 256; vector++)
		machine_eoi(m, (uint8_t)vector);
	for (uint32_t i = 0; i < PINS; i++)
		machine_program(m, i, LEVEL);
	for (uint16_t port = IG_PIC_MASTER_COMMAND; port <= IG_PIC_MASTER_DATA; port++)
		write_port(m, port, IG_OCW2_EOI);
	while (irqgate_core_retry(m->core, &pin, &m->effects))
		;
	irqgate_core_pic_acknowledge(m->core, &m->effects);
	pin = 0;
	while (irqgate_core_reset(m->core, &pin, &m->effects))
		;
}

/* Past the checksum only what can be is taken, and whatever is taken can be lived with, and saved as it was. */
TEST(every_flipped_bit_with_its_checksum_is_refused_or_harmless)
{
	static struct saved saved, again;
	struct machine m, fresh;
	irqgate_source source[RICH_SOURCES];
	uint32_t taken = 0;

	save_rich(&m, source, &saved);
	open_rich(&fresh, source);
	for (size_t bit = 0; bit < 8 * (saved.size - CRC_BYTES); bit++) {
		int error;

		saved.bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
		mend_checksum(&saved);
		error = restore(&fresh, &saved);
		if (error) {
			assert_refused(&fresh, &saved, error);
		} else {
			taken++;
			save(&fresh, &again);
			assert_int_equal(again.size, saved.size);
			do_anything(&fresh, 48);
		}
		saved.bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
	}
	assert_true(taken > 1000 && taken < 8 * saved.size);
	machine_close(&fresh);
	machine_close(&m);
}

TEST(another_version_is_refused)
{
	static struct saved saved;
	struct machine m;
	irqgate_source source[RICH_SOURCES];

	save_rich(&m, source, &saved);
	saved.bytes[VERSION_AT] = 3;
	mend_checksum(&saved);
	assert_refused(&m, &saved, -ENOTSUP);
	saved.bytes[VERSION_AT] = 0;
	mend_checksum(&saved);
	assert_refused(&m, &saved, -ENOTSUP);
	machine_close(&m);
}

TEST(another_configuration_is_refused)
{
	static struct saved saved;
	struct irqgate_core_config others[] = { rich, rich, rich, rich, rich, rich, rich, rich, rich };
	irqgate_source source[RICH_SOURCES];
	struct machine m;

	save_rich(&m, source, &saved);
	others[0].policy = IRQGATE_POLICY_EOI;
	others[1].pic = false;
	others[2].directed_eoi = true;
	others[3].chips = 1;
	others[4].chip[0].pins = PINS - 1;
	others[5].chip[1].gsi_base = 48;
	others[6].chip[1].id = 2;
	others[7].chip[0].version = IRQGATE_IOAPIC_VERSION_11;
	others[8].chip[0].extended_destinations = true;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct machine other;

		machine_open_config(&other, &others[i]);
		assert_refused(&other, &saved, -EINVAL);
		machine_close(&other);
	}
	machine_close(&m);
}

/* Makes the sources of a machine others than those that were saved. */
static void plug_otherwise(struct machine *m, irqgate_source source[RICH_SOURCES], int how)
{
	switch (how) {
	case 0: machine_remove(m, source[DEVICE]); break;
	case 1: machine_remove(m, source[NIC_B]); break;
	case 2: add(m, PIN, IRQGATE_SOURCE_WIRE, false, "wire"); break;
	case 3: add(m, 5, IRQGATE_SOURCE_WIRE, false, "wire"); break;
	case 4: /* another kind */
		machine_remove(m, source[WIRE]);
		add(m, OTHER_PIN, IRQGATE_SOURCE_EDGE, false, "wire");
		break;
	case 5: /* another name */
		machine_remove(m, source[NIC_A]);
		add(m, OTHER_PIN, IRQGATE_SOURCE_FORWARDED, false, "nick");
		break;
	default: /* another line */
		machine_remove(m, source[BELL]);
		add(m, 42, IRQGATE_SOURCE_EDGE, false, "bell");
		break;
	}
}

TEST(other_sources_are_refused)
{
	static struct saved saved;
	irqgate_source source[RICH_SOURCES];
	struct machine m;

	save_rich(&m, source, &saved);
	for (int how = 0; how <= 6; how++) {
		struct machine other;

		open_rich(&other, source);
		plug_otherwise(&other, source, how);
		assert_refused(&other, &saved, -ENODEV);
		machine_close(&other);
	}
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(byte_too_many_is_refused),
		cmocka_unit_test(head_alone_is_refused),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(every_flipped_bit_with_its_checksum_is_refused_or_harmless),
		cmocka_unit_test(another_version_is_refused),
		cmocka_unit_test(another_configuration_is_refused),
		cmocka_unit_test(other_sources_are_refused),
	};

	return cmocka_run_group_tests_name("damaged", tests, NULL, NULL);
}
