/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * File descriptors: what is watched is known by all of its descriptors, and ends with the last of them,
 * whichever way they come and go. Their numbers are used again for other files.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ready.h"

/* The descriptors that can be closed in any order. */
enum { TRIGGER, RESAMPLE, DEVICE, VM, VCPU, CLOSINGS };

/* armed, requested, in service, masked in service, held */
enum { STEPS = 5 };

static int *descriptor(int which)
{
	switch (which) {
	case TRIGGER: return &vmm.device[0].trigger;
	case RESAMPLE: return &vmm.device[0].resample;
	case DEVICE: return &vmm.device[0].fd;
	case VM: return &vmm.vm;
	default: return &vmm.vcpu[0];
	}
}

static int by_dup(int fd)
{
	return dup(fd);
}

static int by_dup2(int fd)
{
	int to = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return dup2(fd, to);
}

static int by_dup3(int fd)
{
	int to = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return dup3(fd, to, O_CLOEXEC);
}

static int by_fcntl(int fd)
{
	return fcntl(fd, F_DUPFD, 50);
}

static int by_fcntl_cloexec(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 60);
}

static void by_close(int fd)
{
	assert_int_equal(close(fd), 0);
}

static void by_close_range(int fd)
{
	assert_int_equal(close_range((unsigned int)fd, (unsigned int)fd, 0), 0);
}

static void by_dup2_over(int fd)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_int_equal(dup2(null, fd), fd);
	assert_int_equal(close(null), 0);
	assert_int_equal(close(fd), 0);
}

static int (*const ways_to_double[])(int fd) = { by_dup, by_dup2, by_dup3, by_fcntl, by_fcntl_cloexec };
static void (*const ways_to_close[])(int fd) = { by_close, by_close_range, by_dup2_over };

enum {
	DOUBLES = sizeof(ways_to_double) / sizeof(ways_to_double[0]),
	CLOSES = sizeof(ways_to_close) / sizeof(ways_to_close[0]),
};

/* Each descriptor is replaced by another of the same file; the line never notices. */
static void replace(int which, int how)
{
	int *fd = descriptor(which), other = ways_to_double[how % DOUBLES](*fd);

	assert_true(other >= 0);
	ways_to_close[how % CLOSES](*fd);
	*fd = other;
}

/* Why: VMMs hand descriptors around, and close the one that they began with. */
TEST(every_descriptor_is_replaced_by_another_of_the_same_file)
{
	for (int how = 0; how < DOUBLES * CLOSES; how++) {
		for (int which = 0; which < CLOSINGS; which++)
			replace(which, how);
		assert_gated(&vmm, 0);
	}
}

/* Why: nothing may be lost over it in a hold either: what is given back and taken again may cost one interrupt. */
TEST(every_descriptor_is_replaced_in_a_hold)
{
	for (int which = 0; which < CLOSINGS; which++) {
		hold();
		replace(which, which);
		fake_quiet(vmm.device[0].fd);
		guest_unmask(&vmm, PIN);
		while (fake_take(vmm.vcpu[0], VECTOR))
			guest_eoi(&vmm, VECTOR);
		assert_false(device().masked);
		assert_gated(&vmm, 0);
	}
}

/* Why: KVM and VFIO may get different descriptors of one eventfd. */
TEST(kvm_and_vfio_have_different_descriptors)
{
	struct vmm_device *d = &vmm.device[0];
	struct kvm_irqfd irqfd = { .gsi = PIN };
	int trigger, resample;

	vmm_disable_intx(&vmm, 0);
	d->trigger = vmm_new_eventfd();
	d->resample = vmm_new_eventfd();
	trigger = dup(d->trigger);
	resample = dup(d->resample);
	irqfd.fd = (uint32_t)trigger;
	assert_int_equal(vmm_ioctl(&vmm, vmm.vm, KVM_IRQFD, &irqfd), 0);
	assert_int_equal(vmm_set_trigger(&vmm, 0, d->trigger), 0);
	assert_int_equal(vmm_set_resample(&vmm, 0, resample), 0);
	assert_gated(&vmm, 0);
	vmm_close_fd(&vmm, &resample);
	vmm_close_fd(&vmm, &trigger);
	assert_gated(&vmm, 0);
}

/* Why: a descriptor of the same eventfd takes the irqfd away, as in KVM. */
TEST(irqfd_is_taken_away_by_another_descriptor)
{
	int trigger = dup(vmm.device[0].trigger);
	struct kvm_irqfd irqfd = { .gsi = PIN, .fd = (uint32_t)trigger, .flags = KVM_IRQFD_FLAG_DEASSIGN };

	assert_int_equal(vmm_ioctl(&vmm, vmm.vm, KVM_IRQFD, &irqfd), 0);
	assert_true(device().has_resample);
	vmm_close_fd(&vmm, &trigger);
	assert_int_equal(vmm_irqfd(&vmm, 0, 0), 0);
	assert_gated(&vmm, 0);
}

/* Why: what fails has closed nothing. */
TEST(calls_that_fail_close_nothing)
{
	int fd = vmm.device[0].fd;

	assert_int_equal(dup2(-1, fd), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(dup3(vmm.vm, fd, 1), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(dup3(fd, fd, 0), -1);
	assert_int_equal(dup2(fd, fd), fd);
	assert_int_equal(close_range((unsigned int)fd, (unsigned int)fd - 1, 0), -1);
	assert_int_equal(close_range((unsigned int)fd, (unsigned int)fd, CLOSE_RANGE_CLOEXEC), 0);
	assert_int_equal(close(-1), -1);
	assert_int_equal(close(1 << 20), -1);
	assert_gated(&vmm, 0);
}

/* Why: a process closes everything above stderr in one go. */
TEST(all_at_once)
{
	int first = vmm.kvm, last = vmm.device[0].resample;

	hold();
	vmm_run(&vmm, 0);
	for (int i = 0; i < CLOSINGS; i++) {
		first = *descriptor(i) < first ? *descriptor(i) : first;
		last = *descriptor(i) > last ? *descriptor(i) : last;
	}
	assert_int_equal(close_range((unsigned int)first, (unsigned int)last, 0), 0);
	open_ready(NULL);
	assert_gated(&vmm, 0);
}

/* Why: a number means another file the next time; even one that is a device's no more, but an eventfd of the same VM. */
TEST(numbers_are_used_again)
{
	for (int i = 0; i < 5; i++) {
		int other = vmm.device[0].fd, eventfd = vmm_new_eventfd();

		if (i % 2)
			hold();
		vmm_close_fd(&vmm, &vmm.device[0].fd);
		assert_int_equal(dup2(eventfd, other), other);
		vmm_close_fd(&vmm, &eventfd);
		assert_int_equal(vmm_irqfd(&vmm, 0, KVM_IRQFD_FLAG_DEASSIGN), 0);
		vmm_close_fd(&vmm, &vmm.device[0].trigger);
		vmm_close_fd(&vmm, &vmm.device[0].resample);
		vmm_add_device(&vmm, 0, PIN);
		vmm_enable_intx(&vmm, 0);
		guest_unmask(&vmm, PIN);
		assert_gated(&vmm, 0);
		vmm_close_fd(&vmm, &other);
		assert_gated(&vmm, 0);
	}
}

static void bring_to(int step)
{
	if (step > 0)
		fake_assert(vmm.device[0].fd);
	if (step > 1)
		guest_take(&vmm, VECTOR);
	if (step > 2)
		guest_mask(&vmm, PIN);
	if (step > 3)
		guest_eoi(&vmm, VECTOR);
}

static void close_in_order(const int order[CLOSINGS])
{
	for (int i = 0; i < CLOSINGS; i++)
		vmm_close_fd(&vmm, descriptor(order[i]));
	for (int i = 0; i < DEVICES; i++)
		assert_true(vmm.device[i].fd < 0);
	vmm_close_fd(&vmm, &vmm.vcpu[1]);
	vmm_close_fd(&vmm, &vmm.group);
	vmm_close_fd(&vmm, &vmm.kvm);
}

/* The next order, in the order of the alphabet. */
static bool next_order(int order[CLOSINGS])
{
	int i = CLOSINGS - 2, j = CLOSINGS - 1, kept;

	while (i >= 0 && order[i] > order[i + 1])
		i--;
	if (i < 0)
		return false;
	while (order[j] < order[i])
		j--;
	kept = order[i];
	order[i] = order[j];
	order[j] = kept;
	for (int left = i + 1, right = CLOSINGS - 1; left < right; left++, right--) {
		kept = order[left];
		order[left] = order[right];
		order[right] = kept;
	}
	return true;
}

/* Why: a VMM's end is in no order, in every state of the line; the next VM finds everything as new. */
TEST(closed_in_every_order_in_every_state)
{
	for (int step = 0; step < STEPS; step++) {
		int order[CLOSINGS] = { TRIGGER, RESAMPLE, DEVICE, VM, VCPU };

		do {
			open_ready(NULL);
			bring_to(step);
			close_in_order(order);
		} while (next_order(order));
		open_ready(NULL);
		assert_gated(&vmm, 0);
		close_all(NULL);
	}
}

/* Why: a VMM that closes one eventfd only, and then goes on with a new one. */
TEST(closed_eventfds_are_replaced_by_new_ones)
{
	for (int step = 0; step < STEPS; step++) {
		open_ready(NULL);
		bring_to(step);
		vmm_close_fd(&vmm, &vmm.device[0].trigger);
		vmm_close_fd(&vmm, &vmm.device[0].resample);
		vmm.device[0].trigger = vmm_new_eventfd();
		vmm.device[0].resample = vmm_new_eventfd();
		assert_int_equal(vmm_set_trigger(&vmm, 0, vmm.device[0].trigger), 0);
		assert_int_equal(vmm_set_resample(&vmm, 0, vmm.device[0].resample), 0);
		assert_int_equal(vmm_irqfd(&vmm, 0, 0), 0);
		assert_int_equal(vmm_unmask(&vmm, 0), 0);
		fake_quiet(vmm.device[0].fd);
		if (fake_is_in_service(vmm.vcpu[0], VECTOR))
			guest_eoi(&vmm, VECTOR);
		guest_unmask(&vmm, PIN);
		while (fake_take(vmm.vcpu[0], VECTOR))
			guest_eoi(&vmm, VECTOR);
		assert_gated(&vmm, 0);
		close_all(NULL);
	}
}

static int count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

/* A device comes, shares a line, is disabled and enabled by the guest, and goes. */
static void use_second_device(void)
{
	vmm_add_device(&vmm, 1, PIN);
	vmm_enable_intx(&vmm, 1);
	vmm_write_command(&vmm, 1, INTERRUPT_DISABLE);
	vmm_write_command(&vmm, 1, 0);
	vmm_settle(&vmm);
	vmm_remove_device(&vmm, 1);
}

/* Why: a VMM lives for months, and devices come and go. */
TEST(none_is_left_over)
{
	int before;

	use_second_device();
	before = count_descriptors();
	for (int i = 0; i < 10; i++)
		use_second_device();
	assert_int_equal(count_descriptors(), before);
	for (int chip = SPLIT; chip <= KERNEL; chip++) {
		vmm_close(&vmm);
		vmm_open_ready(&vmm, (enum chip)chip);
		use_second_device();
	}
	assert_in_range(count_descriptors(), 1, before);
}

#define READY(name) cmocka_unit_test_setup_teardown(name, open_ready, close_all)

static int tests(void)
{
	const struct CMUnitTest all[] = {
		READY(every_descriptor_is_replaced_by_another_of_the_same_file),
		READY(every_descriptor_is_replaced_in_a_hold),
		READY(kvm_and_vfio_have_different_descriptors),
		READY(irqfd_is_taken_away_by_another_descriptor),
		READY(calls_that_fail_close_nothing),
		READY(all_at_once),
		READY(numbers_are_used_again),
		READY(none_is_left_over),
		cmocka_unit_test(closed_in_every_order_in_every_state),
		cmocka_unit_test(closed_eventfds_are_replaced_by_new_ones),
	};

	return cmocka_run_group_tests_name("fds", all, NULL, NULL);
}

int main(int argc, char **argv)
{
	return run_program(argc, argv, NULL, tests);
}
