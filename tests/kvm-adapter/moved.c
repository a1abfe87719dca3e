/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A VM that moves between KVM's own irqchip and a split one, and back: registers, LAPIC and chips, at any
 * point of an interrupt. A move is all that could make one interrupt two (see moved-world.h). One thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "moved-world.h"

#include <irqgate/irqchip.h>
#include <irqgate/pit.h>

static const uint32_t chip_ids[] = { KVM_IRQCHIP_PIC_MASTER, KVM_IRQCHIP_PIC_SLAVE, KVM_IRQCHIP_IOAPIC };

static void get_chips(struct world *w, struct irqgate_irqchip *chips)
{
	struct kvm_irqchip chip;

	chips->size = sizeof(*chips);
	if (w->gate) {
		assert_int_equal(irqgate_kvm_get_irqchip(w->gate, chips), 0);
		return;
	}
	for (int i = 0; i < KVM_NR_IRQCHIPS; i++) {
		chip.chip_id = chip_ids[i];
		assert_int_equal(ioctl(w->vm_fd, KVM_GET_IRQCHIP, &chip), 0);
		switch (chip.chip_id) {
		case KVM_IRQCHIP_PIC_MASTER: chips->master = chip.chip.pic; break;
		case KVM_IRQCHIP_PIC_SLAVE: chips->slave = chip.chip.pic; break;
		default: chips->ioapic = chip.chip.ioapic; break;
		}
	}
}

static void set_chips(struct world *w, const struct irqgate_irqchip *chips)
{
	struct kvm_irqchip chip;

	if (w->gate) {
		assert_int_equal(irqgate_kvm_set_irqchip(w->gate, chips), 0);
		return;
	}
	for (int i = 0; i < KVM_NR_IRQCHIPS; i++) {
		chip.chip_id = chip_ids[i];
		switch (chip.chip_id) {
		case KVM_IRQCHIP_PIC_MASTER: chip.chip.pic = chips->master; break;
		case KVM_IRQCHIP_PIC_SLAVE: chip.chip.pic = chips->slave; break;
		default: chip.chip.ioapic = chips->ioapic; break;
		}
		assert_int_equal(ioctl(w->vm_fd, KVM_SET_IRQCHIP, &chip), 0);
	}
}

struct processor {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_lapic_state lapic;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp;
};

static void get_processor(int fd, struct processor *p)
{
	assert_int_equal(ioctl(fd, KVM_GET_REGS, &p->regs), 0);
	assert_int_equal(ioctl(fd, KVM_GET_SREGS, &p->sregs), 0);
	assert_int_equal(ioctl(fd, KVM_GET_LAPIC, &p->lapic), 0);
	assert_int_equal(ioctl(fd, KVM_GET_VCPU_EVENTS, &p->events), 0);
	assert_int_equal(ioctl(fd, KVM_GET_MP_STATE, &p->mp), 0);
}

static void set_processor(int fd, struct processor *p)
{
	assert_int_equal(ioctl(fd, KVM_SET_SREGS, &p->sregs), 0);
	assert_int_equal(ioctl(fd, KVM_SET_REGS, &p->regs), 0);
	assert_int_equal(ioctl(fd, KVM_SET_LAPIC, &p->lapic), 0);
	assert_int_equal(ioctl(fd, KVM_SET_VCPU_EVENTS, &p->events), 0);
	assert_int_equal(ioctl(fd, KVM_SET_MP_STATE, &p->mp), 0);
}

/* What the guest waits for is finished first: it is told to read something, and will ask for the rest in the other VM. */
static void finish_access(struct world *w)
{
	answer(w, PORT_OPERATION, GUEST_READ);
	w->run->immediate_exit = 1;
	assert_int_equal(ioctl(w->vcpu_fd, KVM_RUN, 0), -1);
	assert_int_equal(errno, EINTR);
	w->run->immediate_exit = 0;
}

static void move(struct world *w)
{
	struct irqgate_irqchip chips = { .size = sizeof(chips) };
	struct processor processor;
	bool split = !w->gate;

	host(w);
	finish_access(w);
	get_chips(w, &chips);
	get_processor(w->vcpu_fd, &processor);
	close_vm(w);
	open_vm(w, split);
	set_processor(w->vcpu_fd, &processor);
	if (!split) {
		set_chips(w, &chips);
		plug(w);
		w->kept = true; /* a device that still asserts is to tell, once the guest listens */
	} else {
		plug(w);
		set_chips(w, &chips);
	}
	host(w);
	answer(w, PORT_ADDRESS, 0);
	answer(w, PORT_VALUE, 0);
	run_until_asked(w);
}

/* One event in the oneshot way; where says at which of its points the VM moves. */
enum point { BEFORE, REQUESTED, TAKEN, MASKED_IN_SERVICE, HELD, QUIET, AFTER, POINTS };

static void pass(struct world *w, enum point point, enum point where)
{
	if (point == where)
		move(w);
}

static void live_through_event(struct world *w, enum point where)
{
	unsigned int before = w->taken[w->pic ? PIC_IRQ_VECTOR : VECTOR];

	pass(w, BEFORE, where);
	device_raise(&w->device);
	host(w);
	pass(w, REQUESTED, where);
	assert_int_equal(guest_taken(w), before + 1);
	pass(w, TAKEN, where);
	guest_mask(w, true);
	pass(w, MASKED_IN_SERVICE, where);
	guest_end(w);
	pass(w, HELD, where);
	assert_int_equal(guest_taken(w), before + 1);
	w->device.asserts = false;
	pass(w, QUIET, where);
	guest_mask(w, false);
	pass(w, AFTER, where);
	assert_int_equal(guest_taken(w), before + 1);
	assert_false(w->device.masked);
}

/* There and back at each point, with an event in between that nothing disturbs. */
static void live(bool pic)
{
	struct world w;

	open_world(&w, pic);
	for (int point = 0; point < POINTS; point++) {
		live_through_event(&w, (enum point)point);
		assert_non_null(w.gate);
		live_through_event(&w, POINTS);
		live_through_event(&w, (enum point)point);
		assert_null(w.gate);
	}
	close_world(&w);
}

static void moved_at_any_point_of_an_interrupt_it_comes_exactly_once(void **state)
{
	(void)state;
	live(false);
}

static void moved_at_any_point_of_an_interrupt_of_the_8259s_it_comes_exactly_once(void **state)
{
	(void)state;
	live(true);
}

/* Whatever KVM has of a chip, it has again after it was there and back. */
static void chips_are_the_same_there_and_back(void **state)
{
	struct irqgate_irqchip first = { .size = sizeof(first) }, second = first;
	struct world w;

	(void)state;
	open_world(&w, true);
	command(&w, GUEST_WRITE, IOAPIC, IOAPIC_REDTBL + 2 * PIN);
	command(&w, GUEST_WRITE, IOAPIC_WINDOW, LEVEL | VECTOR);
	out(&w, PIC_MASTER, 0xc3); /* OCW2: set priority */
	out(&w, PIC_MASTER, 0x0b); /* OCW3: the ISR is to be read */
	get_chips(&w, &first);
	move(&w);
	move(&w);
	get_chips(&w, &second);
	assert_memory_equal(&first.ioapic, &second.ioapic, sizeof(first.ioapic));
	assert_memory_equal(&first.master, &second.master, sizeof(first.master));
	assert_memory_equal(&first.slave, &second.slave, sizeof(first.slave));
	close_world(&w);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* But for the time at which a count was loaded, which KVM sets anew, and a lower byte that KVM keeps after its use. */
static void forget(struct kvm_pit_channel_state *channel)
{
	enum { UPPER_BYTE_IS_NEXT = 4 };

	channel->count_load_time = 0;
	if (channel->write_state != UPPER_BYTE_IS_NEXT)
		channel->write_latch = 0;
}

static void assert_same_channels(struct kvm_pit_state2 a, struct kvm_pit_state2 b)
{
	for (int i = 0; i < 3; i++) {
		forget(&a.channels[i]);
		forget(&b.channels[i]);
	}
	assert_memory_equal(a.channels, b.channels, sizeof(a.channels));
	assert_int_equal(a.flags, b.flags);
}

enum { SQUARE_WAVE = 0x8000, SQUARE_WAVE_NS = (int64_t)SQUARE_WAVE * 1000000000 / 1193182 };

/* How far apart the waves of counter 2 are. When counter 0 was loaded KVM does not tell. */
static int64_t phase_between(const struct kvm_pit_state2 *a, const struct kvm_pit_state2 *b)
{
	int64_t apart = llabs(a->channels[2].count_load_time - b->channels[2].count_load_time) % SQUARE_WAVE_NS;

	return apart < SQUARE_WAVE_NS - apart ? apart : SQUARE_WAVE_NS - apart;
}

/* Programmed by the guest in KVM, in the middle of a count that is written, and of one that is read. */
static void pit_is_the_same_there_and_back(void **state)
{
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY }; /* port 0x61 */
	struct kvm_pit_state2 first, second, third;
	struct irqgate_pit *pit = irqgate_pit_init(malloc(irqgate_pit_size()), IRQGATE_PIT_REINJECT, 0);
	struct world w;
	uint64_t at;

	(void)state;
	open_world(&w, false);
	assert_int_equal(ioctl(w.vm_fd, KVM_CREATE_PIT2, &config), 0);
	out(&w, 0x43, 0x34); /* counter 0: both bytes, mode 2 */
	out(&w, 0x40, 0x9c);
	out(&w, 0x40, 0x2e); /* 10 ms */
	out(&w, 0x43, 0xb6); /* counter 2: both bytes, mode 3 */
	out(&w, 0x42, SQUARE_WAVE & 0xff);
	out(&w, 0x42, SQUARE_WAVE >> 8);
	out(&w, 0x61, 0x03);
	out(&w, 0x43, 0x80); /* latch it */
	command(&w, GUEST_IN, 0x42, 0);
	out(&w, 0x42, 0x77); /* and the lower byte of the next count */
	assert_int_equal(ioctl(w.vm_fd, KVM_GET_PIT2, &first), 0);
	at = now();
	assert_int_equal(irqgate_pit_set_kvm(pit, &first, at, 0), 0);
	assert_true(irqgate_pit_next(pit) <= 10100000); /* the guest's tick, at its time of 10 ms */
	irqgate_pit_get_kvm(pit, &second, at, 0);
	assert_same_channels(first, second);
	assert_true(phase_between(&first, &second) < SQUARE_WAVE_NS / 100);
	assert_int_equal(ioctl(w.vm_fd, KVM_SET_PIT2, &second), 0);
	assert_int_equal(ioctl(w.vm_fd, KVM_GET_PIT2, &third), 0);
	assert_same_channels(first, third);
	free(pit);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moved_at_any_point_of_an_interrupt_it_comes_exactly_once),
		cmocka_unit_test(moved_at_any_point_of_an_interrupt_of_the_8259s_it_comes_exactly_once),
		cmocka_unit_test(chips_are_the_same_there_and_back),
		cmocka_unit_test(pit_is_the_same_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
