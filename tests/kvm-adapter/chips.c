/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Several IOAPICs of one VM on /dev/kvm, exit by exit: their addresses, GSIs and destinations. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vm.h"

#define PAGE          0x1000U
#define SECOND        (IRQGATE_KVM_IOAPIC_BASE + PAGE)
#define THIRD         (IRQGATE_KVM_IOAPIC_BASE + 2 * PAGE)
#define SECOND_GSI    24U
#define SECOND_PINS   8U
#define THIRD_GSI     64U
#define LAST_GSI      (THIRD_GSI + IRQGATE_PINS_MAX - 1)
#define HOLE          (SECOND_GSI + SECOND_PINS) /* the first GSI that no chip has */
#define VERSION       1U
#define REDTBL_HIGH   0x11U
#define FAR_ID        300U /* an APIC id that needs the extended destination */
#define FAR_VECTOR    0x66U

static struct irqgate_kvm_config three_chips(void)
{
	return (struct irqgate_kvm_config){
		.chips = 3,
		.chip = {
			{ .chip = { .pins = 24 }, .base = IRQGATE_KVM_IOAPIC_BASE },
			{ .chip = { .pins = SECOND_PINS, .gsi_base = SECOND_GSI, .id = 1,
				    .version = IRQGATE_IOAPIC_VERSION_11 }, .base = SECOND },
			{ .chip = { .pins = IRQGATE_PINS_MAX, .gsi_base = THIRD_GSI, .id = 2,
				    .extended_destinations = true }, .base = THIRD },
		},
	};
}

static struct test_vm *open_three(unsigned int flags)
{
	struct irqgate_kvm_config config = three_chips();
	struct test_vm *vm = vm_open_bare();

	vm_open_gate(vm, flags, &config);
	vm_add_vcpu(vm, 0);
	lapic_enable(vm, 0, 1);
	return vm;
}

static void each_chip_has_its_page(void **state)
{
	struct test_vm *vm = open_three(0);

	(void)state;
	assert_int_equal(guest_read_register(vm, VERSION), 0x00170020);
	vm->base = SECOND;
	assert_int_equal(guest_read_register(vm, VERSION), 0x00070011);
	assert_int_equal(guest_read_register(vm, 0), 1U << 24);
	vm->base = THIRD;
	assert_int_equal(guest_read_register(vm, VERSION), 0x00770020);
	vm_close(vm);
}

static void page_behind_the_last_chip_is_the_vmms(void **state)
{
	struct test_vm *vm = open_three(0);
	struct kvm_run *run = vm->run[0];

	(void)state;
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = THIRD + PAGE;
	run->mmio.len = 4;
	run->mmio.is_write = 0;
	assert_int_equal(irqgate_kvm_exit(vm->gate, vm->vcpu_fd[0], run), 0);
	run->mmio.phys_addr = IRQGATE_KVM_IOAPIC_BASE - 4;
	assert_int_equal(irqgate_kvm_exit(vm->gate, vm->vcpu_fd[0], run), 0);
	vm_close(vm);
}

static void entries_of_the_chips_are_apart(void **state)
{
	struct test_vm *vm = open_three(0);

	(void)state;
	guest_write_rte(vm, 3, rte(0x41, 1));
	vm->base = SECOND;
	guest_write_rte(vm, 3, rte(0x42, 1));
	vm->base = THIRD;
	guest_write_rte(vm, 3, rte(0x43, 1));
	assert_int_equal(guest_read_rte(vm, 0, 3), rte(0x43, 1));
	vm->base = SECOND;
	assert_int_equal(guest_read_rte(vm, 0, 3), rte(0x42, 1));
	vm->base = IRQGATE_KVM_IOAPIC_BASE;
	assert_int_equal(guest_read_rte(vm, 0, 3), rte(0x41, 1));
	vm_close(vm);
}

/*
 * An event of a source on a pin of a chip: sent, acked with the pin masked, held, and released by the
 * unmask.
 */
static void live_through_event(unsigned int flags, uint64_t base, uint32_t pin, uint32_t gsi)
{
	struct test_vm *vm = open_three(flags);
	struct test_source source = { .level = -1 };

	vm->base = base;
	source_open(vm, &source, gsi);
	guest_write_rte(vm, pin, rte(TEST_VECTOR, 0));
	source_resamples(&source);
	source_trigger(&source);
	if (flags & TEST_USERSPACE)
		assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	assert_true(lapic_gets(vm, 0, TEST_VECTOR));
	guest_write_rte(vm, pin, rte(TEST_VECTOR, 1));
	assert_true(guest_read_rte(vm, 0, pin) & REMOTE_IRR);
	lapic_take(vm, 0, TEST_VECTOR);
	guest_eoi(vm, 0, TEST_VECTOR);
	assert_false(guest_read_rte(vm, 0, pin) & REMOTE_IRR);
	assert_int_equal(source_resamples(&source), 0);
	guest_write_rte(vm, pin, rte(TEST_VECTOR, 0));
	assert_int_equal(source_resamples(&source), 1);
	source_close(vm, &source);
	vm_close(vm);
}

static void event_of_any_chip_is_held(void **state)
{
	(void)state;
	for (unsigned int flags = 0; flags <= TEST_USERSPACE; flags++) {
		live_through_event(flags, IRQGATE_KVM_IOAPIC_BASE, 23, 23);
		live_through_event(flags, SECOND, 0, SECOND_GSI);
		live_through_event(flags, THIRD, IRQGATE_PINS_MAX - 1, LAST_GSI);
	}
}

/* Two pins that share a vector: the LAPIC's EOI is for all chips, a write of the EOI register for its own. */
static void eoi_register_is_for_its_own_chip(void **state)
{
	struct test_vm *vm = open_three(TEST_USERSPACE);
	struct test_source first = { .level = -1 }, third = { .level = -1 };

	(void)state;
	source_open(vm, &first, 5);
	source_open(vm, &third, THIRD_GSI + 5);
	guest_write_rte(vm, 5, rte(TEST_VECTOR, 0));
	vm->base = THIRD;
	guest_write_rte(vm, 5, rte(TEST_VECTOR, 0));
	source_resamples(&first);
	source_resamples(&third);
	source_trigger(&first);
	source_trigger(&third);
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	guest_eoi_register(vm, TEST_VECTOR);
	assert_int_equal(source_resamples(&third), 1);
	assert_int_equal(source_resamples(&first), 0);
	source_trigger(&third);
	assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
	vm->base = SECOND; /* version 0x11: it has no such register */
	guest_eoi_register(vm, TEST_VECTOR);
	assert_int_equal(source_resamples(&third) + source_resamples(&first), 0);
	guest_eoi(vm, 0, TEST_VECTOR);
	assert_int_equal(source_resamples(&third), 1);
	assert_int_equal(source_resamples(&first), 1);
	source_close(vm, &third);
	source_close(vm, &first);
	vm_close(vm);
}

static void gsi_between_the_chips_is_refused(void **state)
{
	struct test_vm *vm = open_three(0);
	struct irqgate_line_stats stats;
	irqgate_source wire = 0;

	(void)state;
	assert_int_equal(irqgate_kvm_first_gsi(vm->gate), 2 * (LAST_GSI + 1));
	for (uint32_t gsi = HOLE; gsi < THIRD_GSI; gsi++) {
		assert_int_equal(irqgate_kvm_add_wire(vm->gate, gsi, "wire", &wire), -EINVAL);
		assert_int_equal(irqgate_kvm_line_level(vm->gate, gsi), -EINVAL);
		assert_int_equal(irqgate_kvm_line_stats(vm->gate, gsi, &stats), -EINVAL);
	}
	assert_int_equal(irqgate_kvm_add_wire(vm->gate, LAST_GSI + 1, "wire", &wire), -EINVAL);
	assert_int_equal(irqgate_kvm_add_wire(vm->gate, UINT32_MAX, "wire", &wire), -EINVAL);
	assert_int_equal(irqgate_kvm_line_level(vm->gate, UINT32_MAX), -EINVAL);
	assert_int_equal(wire, 0);
	assert_int_equal(irqgate_kvm_add_wire(vm->gate, LAST_GSI, "wire", &wire), 0);
	vm_close(vm);
}

static int try_open(const struct irqgate_kvm_config *chips)
{
	struct test_vm *vm = vm_open_bare();
	struct irqgate_kvm_config config = *chips;
	int error;

	config.size = sizeof(config);
	config.vm_fd = vm->vm_fd;
	error = irqgate_kvm_open(&config, &vm->gate);
	vm_close(vm);
	return error;
}

static void chips_in_each_others_way_are_refused(void **state)
{
	struct irqgate_kvm_config config = three_chips();

	(void)state;
	assert_int_equal(try_open(&config), 0);
	config.chip[2].base = SECOND;
	assert_int_equal(try_open(&config), -EINVAL);
	config.chip[2].base = THIRD + 0x10;
	assert_int_equal(try_open(&config), -EINVAL);
	config = three_chips();
	config.chip[2].chip.gsi_base = HOLE - 1;
	assert_int_equal(try_open(&config), -EINVAL);
	config.chip[2].chip.gsi_base = IRQGATE_GSIS_MAX - IRQGATE_PINS_MAX + 1;
	assert_int_equal(try_open(&config), -EINVAL);
	config = three_chips();
	config.chip[2].chip.pins = IRQGATE_PINS_MAX + 1;
	assert_int_equal(try_open(&config), -EINVAL);
	config.chip[2].chip.pins = 0;
	assert_int_equal(try_open(&config), -EINVAL);
	config = three_chips();
	config.chips = IRQGATE_CHIPS_MAX + 1;
	assert_int_equal(try_open(&config), -EINVAL);
	config.chips = UINT32_MAX;
	assert_int_equal(try_open(&config), -EINVAL);
}

/* An x2APIC: only those have an id above 255. */
static void make_x2apic(struct test_vm *vm, int vcpu)
{
	const uint64_t x2apic_enable = 1U << 10;
	struct {
		struct kvm_cpuid2 header;
		struct kvm_cpuid_entry2 entry[2];
	} cpuid = {
		.header = { .nent = 2 },
		.entry = { { .function = 0, .eax = 1 }, { .function = 1, .ecx = 1U << 21, .edx = 1U << 9 } },
	};
	struct kvm_sregs sregs;

	assert_int_equal(ioctl(vm->vcpu_fd[vcpu], KVM_SET_CPUID2, &cpuid), 0);
	assert_int_equal(ioctl(vm->vcpu_fd[vcpu], KVM_GET_SREGS, &sregs), 0);
	sregs.apic_base |= x2apic_enable;
	assert_int_equal(ioctl(vm->vcpu_fd[vcpu], KVM_SET_SREGS, &sregs), 0);
}

/* On both paths, and the LAPIC that has it is found when remote IRR is read. */
static void extended_destination_reaches_its_lapic(void **state)
{
	(void)state;
	for (unsigned int flags = 0; flags <= TEST_USERSPACE; flags++) {
		struct test_vm *vm = open_three(flags);
		struct test_source source = { .level = -1 };

		vm_add_vcpu(vm, FAR_ID);
		make_x2apic(vm, 1);
		lapic_enable(vm, 1, 1);
		vm->base = THIRD;
		source_open(vm, &source, THIRD_GSI);
		guest_write_register(vm, REDTBL_HIGH, (FAR_ID & 0xff) << 24 | FAR_ID >> 8 << 17);
		guest_write_rte(vm, 0, rte(FAR_VECTOR, 0));
		source_resamples(&source);
		source_trigger(&source);
		if (flags & TEST_USERSPACE)
			assert_int_equal(irqgate_kvm_dispatch(vm->gate), 0);
		assert_true(lapic_gets(vm, 1, FAR_VECTOR));
		assert_false(lapic_has(vm, 0, FAR_VECTOR));
		assert_true(guest_read_rte(vm, 1, 0) & REMOTE_IRR);
		guest_write_rte(vm, 0, rte(FAR_VECTOR, 1));
		lapic_take(vm, 1, FAR_VECTOR);
		guest_eoi(vm, 1, FAR_VECTOR);
		assert_false(guest_read_rte(vm, 1, 0) & REMOTE_IRR);
		source_close(vm, &source);
		vm_close(vm);
	}
}

static void reset_masks_the_pins_of_all_chips(void **state)
{
	const uint64_t base[] = { IRQGATE_KVM_IOAPIC_BASE, SECOND, THIRD };
	struct test_vm *vm = open_three(0);

	(void)state;
	for (int i = 0; i < 3; i++) {
		vm->base = base[i];
		guest_write_rte(vm, 7, rte(TEST_VECTOR, 0));
	}
	assert_int_equal(irqgate_kvm_reset(vm->gate), 0);
	for (int i = 0; i < 3; i++) {
		vm->base = base[i];
		assert_int_equal(guest_read_rte(vm, 0, 7), 0x10000);
	}
	vm_close(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_chip_has_its_page),
		cmocka_unit_test(page_behind_the_last_chip_is_the_vmms),
		cmocka_unit_test(entries_of_the_chips_are_apart),
		cmocka_unit_test(event_of_any_chip_is_held),
		cmocka_unit_test(eoi_register_is_for_its_own_chip),
		cmocka_unit_test(gsi_between_the_chips_is_refused),
		cmocka_unit_test(chips_in_each_others_way_are_refused),
		cmocka_unit_test(extended_destination_reaches_its_lapic),
		cmocka_unit_test(reset_masks_the_pins_of_all_chips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
