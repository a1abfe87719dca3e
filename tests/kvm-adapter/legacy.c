/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The adapter's 8259 pair on /dev/kvm: its ports, exit by exit, and what INTR does to the first vCPU's run
 * area. How a guest takes the interrupts is in real-mode.c. One thread, but for those that raise a line from
 * elsewhere.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "chip/pic.h"
#include "vm.h"

enum { BASE = 0x20, LINE = 5, SLAVE_LINE = 11, ALL_MASKED = 0xff, NOT_MINE = 0, MINE = 1 };

static void init_chip(struct test_vm *vm, uint16_t command, uint8_t base)
{
	guest_out(vm, command, IG_ICW1 | IG_ICW1_IC4);
	guest_out(vm, command + 1, base);
	guest_out(vm, command + 1, 0);
	guest_out(vm, command + 1, 0);
	guest_out(vm, command + 1, ALL_MASKED);
}

/* A VM whose pair is initialised, level-triggered, and masked but for the cascade. */
static struct test_vm *open_pair(unsigned int flags)
{
	struct test_vm *vm = vm_open(2, TEST_PIC | flags);

	init_chip(vm, IG_PIC_MASTER_COMMAND, BASE);
	init_chip(vm, IG_PIC_SLAVE_COMMAND, BASE + IG_PIC_INPUTS);
	guest_out(vm, IG_PIC_MASTER_ELCR, ALL_MASKED);
	guest_out(vm, IG_PIC_SLAVE_ELCR, ALL_MASKED);
	guest_out(vm, IG_PIC_MASTER_DATA, ALL_MASKED & ~(1 << IG_PIC_CASCADE));
	return vm;
}

static void set_mask(struct test_vm *vm, unsigned int irq, int masked)
{
	uint16_t port = irq < IG_PIC_INPUTS ? IG_PIC_MASTER_DATA : IG_PIC_SLAVE_DATA;
	uint8_t bit = (uint8_t)(1 << irq % IG_PIC_INPUTS), imr = guest_in(vm, port);

	guest_out(vm, port, masked ? imr | bit : imr & (uint8_t)~bit);
}

static irqgate_source add_wire(struct test_vm *vm, uint32_t gsi)
{
	irqgate_source wire;

	assert_int_equal(irqgate_kvm_add_wire(vm->gate, gsi, "wire", &wire), 0);
	return wire;
}

/*
 * What the first vCPU's thread does before KVM_RUN. Whether INTR is still high: KVM is to tell when it can be
 * taken.
 */
static int wants_window(struct test_vm *vm)
{
	assert_int_equal(irqgate_kvm_entry(vm->gate, vm->vcpu_fd[0], vm->run[0]), 0);
	return vm->run[0]->request_interrupt_window;
}

/* A poll of the chip takes the interrupt, as the INTA of a processor would. */
static int polls(struct test_vm *vm, uint16_t command)
{
	uint8_t word;

	guest_out(vm, command, IG_OCW3 | IG_OCW3_POLL);
	word = guest_in(vm, command);
	return word & IG_POLL_INTERRUPT ? (int)(word & IG_OCW2_LEVEL) : -1;
}

static void ports_are_mine_and_no_others(void **state)
{
	static const uint16_t mine[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };
	static const uint16_t others[] = { 0x1f, 0x22, 0x9f, 0xa2, 0x4cf, 0x4d2, 0x60, 0xcf8, 0xffff };
	struct test_vm *vm = open_pair(0);
	uint8_t value = ALL_MASKED;

	(void)state;
	for (size_t i = 0; i < sizeof(mine) / sizeof(mine[0]); i++)
		assert_int_equal(guest_ins(vm, mine[i], 1, 1, &value), MINE);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(guest_outs(vm, others[i], 1, 1, &value), NOT_MINE);
		assert_int_equal(guest_ins(vm, others[i], 1, 1, &value), NOT_MINE);
	}
	vm->run[0]->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
	assert_int_equal(irqgate_kvm_exit(vm->gate, vm->vcpu_fd[0], vm->run[0]), MINE);
	vm_close(vm);
}

static void without_a_pair_nothing_is_mine(void **state)
{
	struct test_vm *vm = vm_open(1, 0);
	irqgate_source wire = add_wire(vm, LINE);
	uint8_t value = 0;

	(void)state;
	assert_int_equal(guest_outs(vm, IG_PIC_MASTER_DATA, 1, 1, &value), NOT_MINE);
	assert_int_equal(guest_ins(vm, IG_PIC_SLAVE_ELCR, 1, 1, &value), NOT_MINE);
	vm->run[0]->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
	assert_int_equal(irqgate_kvm_exit(vm->gate, vm->vcpu_fd[0], vm->run[0]), NOT_MINE);
	assert_int_equal(irqgate_kvm_set_level(vm->gate, wire, true), 0);
	assert_false(wants_window(vm));
	assert_int_equal(vm->kicked, 0);
	vm_close(vm);
}

static void word_is_an_access_to_both_ports(void **state)
{
	struct test_vm *vm = open_pair(0);
	uint16_t elcr = 0xffff, read = 0;

	(void)state;
	assert_int_equal(guest_outs(vm, IG_PIC_MASTER_ELCR, 2, 1, &elcr), MINE);
	assert_int_equal(guest_in(vm, IG_PIC_MASTER_ELCR), 0xf8); /* some are always edge-triggered: ICH9, 13.4 */
	assert_int_equal(guest_in(vm, IG_PIC_SLAVE_ELCR), 0xde);
	assert_int_equal(guest_ins(vm, IG_PIC_MASTER_ELCR, 2, 1, &read), MINE);
	assert_int_equal(read, 0xdef8);
	elcr = 0x0820;
	assert_int_equal(guest_outs(vm, IG_PIC_MASTER_ELCR, 2, 1, &elcr), MINE);
	assert_int_equal(guest_in(vm, IG_PIC_MASTER_ELCR), 0x20);
	assert_int_equal(guest_in(vm, IG_PIC_SLAVE_ELCR), 0x08);
	vm_close(vm);
}

/* A string instruction writes one port again and again, and KVM hands all of it over in one exit. */
static void repeated_access_is_to_the_same_port(void **state)
{
	static const uint8_t sequence[] = { BASE + 0x40, 0, 0, 0xa5 }; /* ICW2 to ICW4, OCW1 */
	struct test_vm *vm = open_pair(0);
	uint8_t read[3] = { 0 };

	(void)state;
	guest_out(vm, IG_PIC_MASTER_COMMAND, IG_ICW1 | IG_ICW1_IC4);
	assert_int_equal(guest_outs(vm, IG_PIC_MASTER_DATA, 1, sizeof(sequence), sequence), MINE);
	assert_int_equal(guest_ins(vm, IG_PIC_MASTER_DATA, 1, sizeof(read), read), MINE);
	for (size_t i = 0; i < sizeof(read); i++)
		assert_int_equal(read[i], 0xa5);
	assert_int_equal(guest_in(vm, IG_PIC_SLAVE_DATA), ALL_MASKED);
	vm_close(vm);
}

static void ioapic_and_pair_get_the_same_level(void **state)
{
	struct test_vm *vm = open_pair(0);
	irqgate_source wire = add_wire(vm, LINE);

	(void)state;
	guest_write_rte(vm, LINE, rte(TEST_VECTOR, 0));
	set_mask(vm, LINE, 0);
	assert_int_equal(irqgate_kvm_set_level(vm->gate, wire, true), 0);
	assert_true(lapic_has(vm, 0, TEST_VECTOR));
	assert_true(wants_window(vm));
	assert_int_equal(polls(vm, IG_PIC_MASTER_COMMAND), LINE);
	vm_close(vm);
}

static void *raise_line(void *opaque)
{
	struct test_vm *vm = opaque;

	assert_int_equal(irqgate_kvm_set_level(vm->gate, 0, true), -ENOENT);
	for (uint32_t i = 0; i < 3; i++) {
		irqgate_source edge;

		assert_int_equal(irqgate_kvm_add_edge(vm->gate, LINE, "edge", &edge), 0);
		assert_int_equal(irqgate_kvm_pulse(vm->gate, edge), 0);
		assert_int_equal(irqgate_kvm_remove(vm->gate, edge), 0);
	}
	return NULL;
}

static void raise_from_another_thread(struct test_vm *vm)
{
	pthread_t thread;

	vm->kicked = 0;
	assert_int_equal(pthread_create(&thread, NULL, raise_line, vm), 0);
	pthread_join(thread, NULL);
}

static unsigned int kicks;

static void count_kick(void)
{
	kicks++;
}

/* The first vCPU only, once: then it comes and looks. */
static void line_raised_by_another_thread_kicks_the_first_vcpu_once(void **state)
{
	struct test_vm *vm = open_pair(0);

	(void)state;
	set_mask(vm, LINE, 0);
	assert_false(wants_window(vm));
	kicks = 0;
	vm->kick = count_kick;
	raise_from_another_thread(vm);
	assert_int_equal(vm->kicked, 1U << 0);
	assert_int_equal(kicks, 1);
	vm_close(vm);
}

/* Nobody needs to be woken: it looks before it enters, or waits for its window already. */
static void line_raised_by_the_first_vcpu_kicks_none(void **state)
{
	struct test_vm *vm = open_pair(0);
	irqgate_source wire = add_wire(vm, LINE);

	(void)state;
	set_mask(vm, LINE, 0);
	assert_false(wants_window(vm));
	vm->kicked = 0;
	assert_int_equal(irqgate_kvm_set_level(vm->gate, wire, true), 0);
	assert_int_equal(vm->kicked, 0);
	assert_true(wants_window(vm));
	raise_from_another_thread(vm);
	assert_int_equal(vm->kicked, 0);
	assert_int_equal(irqgate_kvm_set_level(vm->gate, wire, false), 0);
	assert_int_equal(polls(vm, IG_PIC_MASTER_COMMAND), LINE); /* the pulses */
	guest_out(vm, IG_PIC_MASTER_COMMAND, IG_OCW2_EOI);
	assert_false(wants_window(vm));
	raise_from_another_thread(vm);
	assert_int_equal(vm->kicked, 1U << 0);
	vm_close(vm);
}

static void line_that_is_masked_kicks_none(void **state)
{
	struct test_vm *vm = open_pair(0);

	(void)state;
	assert_false(wants_window(vm));
	raise_from_another_thread(vm);
	assert_int_equal(vm->kicked, 0);
	assert_false(wants_window(vm));
	vm_close(vm);
}

/* INTR leads to the first one only. */
static void other_vcpus_entry_is_none_of_intrs(void **state)
{
	struct test_vm *vm = open_pair(0);
	irqgate_source wire = add_wire(vm, LINE);

	(void)state;
	set_mask(vm, LINE, 0);
	assert_int_equal(irqgate_kvm_set_level(vm->gate, wire, true), 0);
	assert_int_equal(irqgate_kvm_entry(vm->gate, vm->vcpu_fd[1], vm->run[1]), 0);
	assert_int_equal(vm->run[1]->request_interrupt_window, 0);
	assert_true(wants_window(vm));
	vm_close(vm);
}

static void kvm_that_refuses_the_interrupt_is_told_of(void **state)
{
	struct test_vm *vm = open_pair(0);
	irqgate_source wire = add_wire(vm, LINE);

	(void)state;
	set_mask(vm, LINE, 0);
	assert_int_equal(irqgate_kvm_set_level(vm->gate, wire, true), 0);
	vm->run[0]->ready_for_interrupt_injection = 1;
	assert_int_equal(ioctl(vm->vcpu_fd[0], KVM_INTERRUPT, &(struct kvm_interrupt){ .irq = BASE }), 0);
	/* KVM has one already. */
	assert_int_equal(irqgate_kvm_entry(vm->gate, vm->vcpu_fd[0], vm->run[0]), -EEXIST);
	vm_close(vm);
}

/* Until KVM says that the guest takes the next one. */
static void one_interrupt_is_injected_at_a_time(void **state)
{
	struct test_vm *vm = open_pair(0);

	(void)state;
	vm->run[0]->ready_for_interrupt_injection = 1;
	for (unsigned int irq = LINE; irq > LINE - 2; irq--) { /* the second one goes before the first */
		set_mask(vm, irq, 0);
		assert_int_equal(irqgate_kvm_set_level(vm->gate, add_wire(vm, irq), true), 0);
		assert_true(wants_window(vm) == (irq != LINE));
	}
	guest_out(vm, IG_PIC_MASTER_COMMAND, IG_OCW3 | IG_OCW3_RR | IG_OCW3_RIS);
	assert_int_equal(guest_in(vm, IG_PIC_MASTER_COMMAND), 1 << LINE);
	vm_close(vm);
}

static void level_irq_flow_is_held_until_the_unmask(void **state)
{
	for (unsigned int irq = LINE; irq <= SLAVE_LINE; irq += SLAVE_LINE - LINE) {
		uint16_t command = irq < IG_PIC_INPUTS ? IG_PIC_MASTER_COMMAND : IG_PIC_SLAVE_COMMAND;
		struct test_vm *vm = open_pair(0);
		struct test_source source = { .level = -1 };

		(void)state;
		source_open(vm, &source, irq);
		set_mask(vm, irq, 0);
		source_resamples(&source);
		source_trigger(&source);
		assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
		assert_int_equal(polls(vm, command), irq % IG_PIC_INPUTS);
		set_mask(vm, irq, 1);
		guest_out(vm, command, IG_OCW2_EOI);
		assert_int_equal(source_resamples(&source), 0);
		assert_int_equal(irqgate_kvm_line_level(vm->gate, irq), 1);
		assert_int_equal(guest_in(vm, command), 1 << irq % IG_PIC_INPUTS); /* the IRR */
		set_mask(vm, irq, 0);
		assert_int_equal(source_resamples(&source), 1);
		assert_int_equal(polls(vm, command), -1);
		source_close(vm, &source);
		vm_close(vm);
	}
}

/* It is older than the unmask: looked at again, not delivered. */
static void trigger_unread_at_the_unmask_is_not_delivered(void **state)
{
	struct test_vm *vm = open_pair(0);
	struct test_source source = { .level = -1 };

	(void)state;
	source_open(vm, &source, LINE);
	source_trigger(&source);
	source_resamples(&source);
	set_mask(vm, LINE, 0);
	assert_int_equal(source_resamples(&source), 1);
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	assert_false(wants_window(vm));
	source_close(vm, &source);
	vm_close(vm);
}

/* The IOAPIC listens to the same line: what is read there at the pair's unmask is sent. */
static void trigger_unread_at_the_unmask_reaches_the_other_chip(void **state)
{
	struct test_vm *vm = open_pair(TEST_USERSPACE);
	struct test_source source = { .level = -1 };

	(void)state;
	source_open(vm, &source, LINE);
	guest_write_rte(vm, LINE, rte(TEST_VECTOR, 0));
	source_trigger(&source);
	set_mask(vm, LINE, 0);
	assert_true(lapic_has(vm, 0, TEST_VECTOR));
	lapic_take(vm, 0, TEST_VECTOR);
	guest_eoi(vm, 0, TEST_VECTOR);
	source_trigger(&source);
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	assert_true(lapic_has(vm, 0, TEST_VECTOR));
	source_close(vm, &source);
	vm_close(vm);
}

/* Two lines are held; while one is released the other is still high. Nobody may see that. */
static void unmask_of_two_held_lines_interrupts_for_none(void **state)
{
	struct test_vm *vm = open_pair(0);
	struct test_source source[2] = { { .level = -1 }, { .level = -1 } };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		source_open(vm, &source[i], LINE + i);
		source_trigger(&source[i]);
	}
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	vm->kicked = 0;
	guest_out(vm, IG_PIC_MASTER_DATA, (uint8_t)~(1 << LINE | 1 << (LINE + 1)));
	assert_int_equal(vm->kicked, 0);
	assert_false(wants_window(vm));
	for (unsigned int i = 0; i < 2; i++)
		source_close(vm, &source[i]);
	vm_close(vm);
}

/* The kernel's message would not come through the pair. */
static void unmask_at_the_pair_leaves_the_direct_path(void **state)
{
	struct test_vm *vm = open_pair(0);
	struct test_source source = { .level = -1 };

	(void)state;
	source_open(vm, &source, LINE);
	guest_write_rte(vm, LINE, rte(TEST_VECTOR, 0));
	set_mask(vm, LINE, 0);
	source_resamples(&source);
	source_trigger(&source);
	usleep(20000);
	assert_false(lapic_has(vm, 0, TEST_VECTOR));
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	assert_true(lapic_has(vm, 0, TEST_VECTOR));
	assert_int_equal(polls(vm, IG_PIC_MASTER_COMMAND), LINE);
	source_close(vm, &source);
	vm_close(vm);
}

static uint8_t read_irr(struct test_vm *vm)
{
	guest_out(vm, IG_PIC_MASTER_COMMAND, IG_OCW3 | IG_OCW3_RR);
	return guest_in(vm, IG_PIC_MASTER_COMMAND);
}

/* In a hold and out of it, and whatever a wire on the line adds. */
static void irr_shows_what_the_probe_sees(void **state)
{
	struct test_vm *vm = open_pair(TEST_USERSPACE);
	struct test_source source = { .level = 1 };
	irqgate_source wire;

	(void)state;
	guest_out(vm, IG_PIC_MASTER_ELCR, 0);
	source_open(vm, &source, LINE);
	assert_int_equal(read_irr(vm), 0); /* an edge has no level to show */
	guest_out(vm, IG_PIC_MASTER_ELCR, 1 << LINE);
	assert_int_equal(read_irr(vm), 1 << LINE); /* before its trigger is read */
	source_trigger(&source);
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	assert_int_equal(read_irr(vm), 1 << LINE);
	source.level = 0;
	assert_int_equal(read_irr(vm), 0);
	wire = add_wire(vm, LINE);
	assert_int_equal(irqgate_kvm_set_level(vm->gate, wire, true), 0);
	assert_int_equal(read_irr(vm), 1 << LINE);
	assert_int_equal(irqgate_kvm_set_level(vm->gate, wire, false), 0);
	assert_int_equal(read_irr(vm), 0);
	source.level = -EIO; /* it can not be seen: what the gate knows counts */
	assert_int_equal(read_irr(vm), 1 << LINE);
	guest_out(vm, IG_PIC_MASTER_COMMAND, IG_OCW3 | IG_OCW3_RR | IG_OCW3_RIS);
	source.level = 1;
	assert_int_equal(guest_in(vm, IG_PIC_MASTER_COMMAND), 0); /* the ISR is none of the line's */
	source_close(vm, &source);
	vm_close(vm);
}

static void reset_withdraws_intr(void **state)
{
	struct test_vm *vm = open_pair(0);
	irqgate_source wire = add_wire(vm, LINE);

	(void)state;
	set_mask(vm, LINE, 0);
	assert_int_equal(irqgate_kvm_set_level(vm->gate, wire, true), 0);
	assert_true(wants_window(vm));
	assert_int_equal(irqgate_kvm_reset(vm->gate), 0);
	assert_false(wants_window(vm));
	assert_int_equal(irqgate_kvm_line_level(vm->gate, LINE), 1);
	vm_close(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_mine_and_no_others),
		cmocka_unit_test(without_a_pair_nothing_is_mine),
		cmocka_unit_test(word_is_an_access_to_both_ports),
		cmocka_unit_test(repeated_access_is_to_the_same_port),
		cmocka_unit_test(ioapic_and_pair_get_the_same_level),
		cmocka_unit_test(line_raised_by_another_thread_kicks_the_first_vcpu_once),
		cmocka_unit_test(line_raised_by_the_first_vcpu_kicks_none),
		cmocka_unit_test(line_that_is_masked_kicks_none),
		cmocka_unit_test(other_vcpus_entry_is_none_of_intrs),
		cmocka_unit_test(kvm_that_refuses_the_interrupt_is_told_of),
		cmocka_unit_test(one_interrupt_is_injected_at_a_time),
		cmocka_unit_test(level_irq_flow_is_held_until_the_unmask),
		cmocka_unit_test(trigger_unread_at_the_unmask_is_not_delivered),
		cmocka_unit_test(trigger_unread_at_the_unmask_reaches_the_other_chip),
		cmocka_unit_test(unmask_of_two_held_lines_interrupts_for_none),
		cmocka_unit_test(unmask_at_the_pair_leaves_the_direct_path),
		cmocka_unit_test(irr_shows_what_the_probe_sees),
		cmocka_unit_test(reset_withdraws_intr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
