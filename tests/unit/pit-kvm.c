/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The 8254 in KVM's own structure, to and fro: a pit that was moved goes on as the one that was left. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <irqgate/pit.h>

#define TEST(name) static void name(void **state __attribute__((unused)))

enum { COUNTER = 0x40, CONTROL = 0x43, STATUS = 0x61 };
enum { MODES = 6, LOW = 1, HIGH = 2, BOTH = 3, RW_SHIFT = 4, MODE_SHIFT = 1, LATCH = 0, READ_BACK_STATUS = 0xe2 };

#define START  UINT64_C(5000000000)
#define LATER  UINT64_C(123456789)
#define KVM    UINT64_C(77000000000) /* its clock, at the move */

static struct irqgate_pit *open_pit(void)
{
	void *memory = malloc(irqgate_pit_size());

	assert_non_null(memory);
	return irqgate_pit_init(memory, IRQGATE_PIT_REINJECT, START);
}

static void program(struct irqgate_pit *pit, unsigned int counter, unsigned int mode, unsigned int rw, uint16_t count)
{
	irqgate_pit_write(pit, CONTROL, (uint8_t)(counter << 6 | rw << RW_SHIFT | mode << MODE_SHIFT), START);
	if (rw & LOW)
		irqgate_pit_write(pit, (uint16_t)(COUNTER + counter), (uint8_t)count, START);
	if (rw & HIGH)
		irqgate_pit_write(pit, (uint16_t)(COUNTER + counter), (uint8_t)(count >> 8), START);
}

/* Another pit, whose clock is elsewhere: it is 0 at the move. */
static struct irqgate_pit *move(struct irqgate_pit *pit, uint64_t now)
{
	struct irqgate_pit *other = irqgate_pit_init(malloc(irqgate_pit_size()), IRQGATE_PIT_REINJECT, 0);
	struct kvm_pit_state2 state;

	irqgate_pit_get_kvm(pit, &state, KVM, now);
	assert_int_equal(irqgate_pit_set_kvm(other, &state, KVM, 0), 0);
	return other;
}

static int read_count(struct irqgate_pit *pit, unsigned int counter, unsigned int rw, uint64_t now)
{
	int value = irqgate_pit_read(pit, (uint16_t)(COUNTER + counter), now);

	return rw == BOTH ? value | irqgate_pit_read(pit, (uint16_t)(COUNTER + counter), now) << 8 : value;
}

/* A CLK pulse is 838 ns, which either clock may round its own way. */
static void assert_near(int a, int b, int range)
{
	int apart = (a - b + range) % range;

	assert_true(apart <= 4 || apart >= range - 4);
}

static void move_and_compare(unsigned int counter, unsigned int mode, unsigned int rw, uint16_t count)
{
	struct irqgate_pit *pit = open_pit(), *moved;
	uint64_t now = START + LATER;

	program(pit, counter, mode, rw, count);
	irqgate_pit_write(pit, STATUS, 1, START); /* the gate of counter 2 rises */
	moved = move(pit, now);
	for (int i = 0; i < 20; i++) {
		uint64_t time = (uint64_t)i * 333333;

		assert_near(read_count(pit, counter, rw, now + time), read_count(moved, counter, rw, time),
			    rw == BOTH ? 0x10000 : 0x100);
	}
	free(moved);
	free(pit);
}

TEST(counters_go_on_in_every_mode)
{
	for (unsigned int mode = 0; mode < MODES; mode++)
		for (unsigned int rw = LOW; rw <= BOTH; rw++)
			for (unsigned int counter = 0; counter < 3; counter++) {
				if ((mode == 1 || mode == 5) && counter != 2) /* no gate rises that would start it */
					continue;
				move_and_compare(counter, mode, rw, 0x1200);
				move_and_compare(counter, mode, rw, 0);
			}
}

TEST(next_tick_comes_at_its_time)
{
	struct irqgate_pit *pit = open_pit(), *moved;
	uint64_t now = START + 400000, next;

	program(pit, 0, 2, BOTH, 1193); /* 1 ms */
	assert_true(irqgate_pit_tick(pit, START)); /* OUT has risen with the control word */
	assert_false(irqgate_pit_acked(pit, START));
	moved = move(pit, now);
	next = irqgate_pit_next(pit);
	assert_true(next > now && next < START + 1100000);
	assert_true(irqgate_pit_next(moved) + 4000 > next - now && irqgate_pit_next(moved) < next - now + 4000);
	assert_true(irqgate_pit_tick(moved, next - now + 4000));
	assert_false(irqgate_pit_acked(moved, next - now + 4000));
	free(moved);
	free(pit);
}

TEST(half_of_a_count_and_latches_are_moved)
{
	struct irqgate_pit *pit = open_pit(), *moved;

	program(pit, 1, 2, BOTH, 0x4000);
	irqgate_pit_write(pit, CONTROL, 1 << 6 | LATCH, START + LATER);
	moved = move(pit, START + LATER);
	assert_int_equal(read_count(pit, 1, BOTH, START + 2 * LATER), read_count(moved, 1, BOTH, LATER));
	irqgate_pit_write(pit, CONTROL, 1 << 6 | LATCH, START + 2 * LATER);
	irqgate_pit_read(pit, COUNTER + 1, START + 2 * LATER); /* the lower byte of the latch is read before the move */
	free(moved);
	moved = move(pit, START + 2 * LATER);
	assert_int_equal(irqgate_pit_read(pit, COUNTER + 1, START + 2 * LATER), irqgate_pit_read(moved, COUNTER + 1, 0));
	free(moved);
	free(pit);
	pit = open_pit();
	program(pit, 0, 0, BOTH, 0x4000);
	irqgate_pit_write(pit, COUNTER, 0x21, START); /* the lower byte of the next count */
	irqgate_pit_write(pit, CONTROL, READ_BACK_STATUS, START);
	moved = move(pit, START);
	assert_int_equal(irqgate_pit_read(moved, COUNTER, 0), irqgate_pit_read(pit, COUNTER, START));
	irqgate_pit_write(moved, COUNTER, 0x43, 0);
	irqgate_pit_write(pit, COUNTER, 0x43, START);
	assert_near(read_count(moved, 0, BOTH, 1000000), read_count(pit, 0, BOTH, START + 1000000), 0x10000);
	free(moved);
	free(pit);
}

TEST(pit_that_nobody_programmed_stays_so)
{
	struct irqgate_pit *pit = open_pit(), *moved;
	struct kvm_pit_state2 kvm;

	irqgate_pit_get_kvm(pit, &kvm, KVM, START);
	for (int i = 0; i < 3; i++)
		assert_int_equal(kvm.channels[i].mode, 0xff); /* as KVM has it */
	moved = move(pit, START);
	assert_true(irqgate_pit_next(moved) == UINT64_MAX);
	free(moved);
	free(pit);
}

TEST(speaker_is_moved)
{
	struct irqgate_pit *pit = open_pit(), *moved;

	irqgate_pit_write(pit, STATUS, 3, START);
	moved = move(pit, START);
	assert_int_equal(irqgate_pit_read(moved, STATUS, 0) & 3, 3);
	free(moved);
	free(pit);
}

TEST(what_can_not_be_is_refused)
{
	struct irqgate_pit *pit = open_pit();
	unsigned char *before = malloc(irqgate_pit_size());
	struct kvm_pit_state2 good, bad;

	assert_non_null(before);
	program(pit, 0, 2, BOTH, 1193);
	irqgate_pit_get_kvm(pit, &good, KVM, START);
	memcpy(before, pit, irqgate_pit_size());
	for (int i = 0; i < 8; i++) {
		bad = good;
		switch (i) {
		case 0: bad.flags = KVM_PIT_FLAGS_HPET_LEGACY; break;
		case 1: bad.channels[0].mode = MODES; break;
		case 2: bad.channels[0].rw_mode = 0; break;
		case 3: bad.channels[0].rw_mode = 4; break;
		case 4: bad.channels[0].count = 0x10001; break;
		case 5: bad.channels[0].read_state = LOW; break;
		case 6: bad.channels[0].write_state = 0; break;
		default: bad.channels[0].count_latched = LOW; break;
		}
		assert_int_equal(irqgate_pit_set_kvm(pit, &bad, KVM, START), -EINVAL);
		assert_memory_equal(before, pit, irqgate_pit_size());
	}
	good.channels[0].count_load_time = INT64_MIN; /* of another clock: nothing has passed then */
	assert_int_equal(irqgate_pit_set_kvm(pit, &good, KVM, START), 0);
	free(before);
	free(pit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_go_on_in_every_mode),
		cmocka_unit_test(next_tick_comes_at_its_time),
		cmocka_unit_test(half_of_a_count_and_latches_are_moved),
		cmocka_unit_test(pit_that_nobody_programmed_stays_so),
		cmocka_unit_test(speaker_is_moved),
		cmocka_unit_test(what_can_not_be_is_refused),
	};

	return cmocka_run_group_tests_name("pit-kvm", tests, NULL, NULL);
}
