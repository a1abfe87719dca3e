/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Calls that the kernel refuses: with pointers that lead nowhere, or on files that they are not for. The VMM
 * gets the kernel's answer, and the line stays what it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ready.h"

static const unsigned long requests[] = {
	KVM_CREATE_VM, KVM_CREATE_IRQCHIP, KVM_ENABLE_CAP, KVM_IRQFD, KVM_SET_GSI_ROUTING,
	KVM_REGISTER_COALESCED_MMIO, KVM_RUN, KVM_SET_LAPIC, KVM_SET_MP_STATE, VFIO_GROUP_GET_DEVICE_FD,
	VFIO_DEVICE_SET_IRQS, VFIO_DEVICE_FEATURE,
};

enum { REQUESTS = sizeof(requests) / sizeof(requests[0]) };

static void call_with(int fd, uintptr_t argument)
{
	for (int i = 0; i < REQUESTS; i++)
		assert_int_equal(ioctl(fd, requests[i], (void *)argument), -1);
}

/* Why: it is the kernel that looks at a pointer first; a number that is used for something else need not be one. */
TEST(pointers_that_lead_nowhere_on_files_of_others)
{
	int fds[] = { -1, 1 << 20, open("/dev/null", O_RDWR | O_CLOEXEC), vmm_new_eventfd() };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		call_with(fds[i], 0);
		call_with(fds[i], 8);
		call_with(fds[i], UINTPTR_MAX);
	}
	assert_int_equal(close(fds[2]), 0);
	assert_int_equal(close(fds[3]), 0);
	assert_gated(&vmm, 0);
}

static void assert_fault(int fd, unsigned long request)
{
	const uintptr_t nowhere[] = { 0, 8, UINTPTR_MAX - 4 };

	for (int i = 0; i < 3; i++) {
		errno = 0;
		assert_int_equal(ioctl(fd, request, (void *)nowhere[i]), -1);
		assert_int_equal(errno, EFAULT);
	}
}

TEST(pointers_that_lead_nowhere_on_a_vm)
{
	assert_fault(vmm.vm, KVM_ENABLE_CAP);
	assert_fault(vmm.vm, KVM_IRQFD);
	assert_fault(vmm.vm, KVM_SET_GSI_ROUTING);
	assert_fault(vmm.vm, KVM_REGISTER_COALESCED_MMIO);
	assert_fault(vmm.vcpu[0], KVM_SET_LAPIC);
	assert_fault(vmm.vcpu[0], KVM_SET_MP_STATE);
	assert_fault(vmm.group, VFIO_GROUP_GET_DEVICE_FD);
	assert_gated(&vmm, 0);
}

TEST(pointers_that_lead_nowhere_on_a_device_that_is_gated)
{
	assert_fault(vmm.device[0].fd, VFIO_DEVICE_SET_IRQS);
	assert_fault(vmm.device[0].fd, VFIO_DEVICE_FEATURE);
	assert_gated(&vmm, 0);
}

TEST(pointers_that_lead_nowhere_on_a_device_that_is_left)
{
	vmm_disable_intx(&vmm, 0);
	assert_fault(vmm.device[0].fd, VFIO_DEVICE_SET_IRQS);
	assert_fault(vmm.device[0].fd, VFIO_DEVICE_FEATURE);
	vmm_enable_intx(&vmm, 0);
	assert_gated(&vmm, 0);
}

TEST(pointers_that_lead_nowhere_on_a_device_that_is_not_known)
{
	int fd = fake_open_cdev();

	assert_fault(fd, VFIO_DEVICE_SET_IRQS);
	assert_fault(fd, VFIO_DEVICE_FEATURE);
	assert_int_equal(close(fd), 0);
}

TEST(bytes_that_lead_nowhere_for_config_space)
{
	const void *volatile nowhere = (void *)8; /* volatile: the compiler would see it */
	volatile size_t most = SIZE_MAX;
	int fd = vmm.device[0].fd;

	errno = 0;
	assert_int_equal(pwrite(fd, nowhere, 1, COMMAND_UPPER), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(pwrite(fd, nowhere, 4, COMMAND_UPPER - 1), -1);
	assert_int_equal(pwrite(fd, nowhere, most, COMMAND_UPPER), -1);
	assert_int_equal(pwrite(fd, nowhere, 1, -1), -1);
	assert_gated(&vmm, 0);
}

/* A request that ends where the memory does. */
static void *put_at_end(const void *bytes, size_t count)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(memory != MAP_FAILED);
	assert_int_equal(munmap(memory + page, page), 0);
	memcpy(memory + page - count, bytes, count);
	return memory + page - count;
}

static void call_at_end(uint32_t flags, uint32_t argsz, uint32_t bytes, int expected)
{
	const struct vfio_irq_set set = {
		.argsz = argsz, .flags = flags, .index = VFIO_PCI_INTX_IRQ_INDEX, .count = 1,
	};
	void *at = put_at_end(&set, bytes);
	int result = ioctl(vmm.device[0].fd, VFIO_DEVICE_SET_IRQS, at);

	assert_int_equal(result ? errno : 0, expected);
}

/* Why: a request is as long as it says; the kernel reads no further, and finds out where it is not. */
TEST(requests_at_the_end_of_memory)
{
	const uint32_t size = sizeof(struct vfio_irq_set);

	call_at_end(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK, size, size, 0);
	call_at_end(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, size, size, 0);
	call_at_end(VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_MASK, size + 1, size, EFAULT);
	call_at_end(VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_MASK, size, size, EINVAL);
	call_at_end(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, size + 4, size, EFAULT);
	call_at_end(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, size, size, EINVAL);
	assert_gated(&vmm, 0);
}

static void assert_refused(uint32_t flags, uint32_t start, uint32_t count, int expected)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set), .flags = flags, .index = VFIO_PCI_INTX_IRQ_INDEX, .start = start, .count = count,
	};

	errno = 0;
	assert_int_equal(ioctl(vmm.device[0].fd, VFIO_DEVICE_SET_IRQS, &set), -1);
	assert_int_equal(errno, expected);
}

/* Why: masks and unmasks of a device that is gated do not reach VFIO, so VFIO's errors must come from here. */
TEST(masks_that_vfio_refuses)
{
	const uint32_t none = VFIO_IRQ_SET_DATA_NONE, bytes = VFIO_IRQ_SET_DATA_BOOL;
	const uint32_t mask = VFIO_IRQ_SET_ACTION_MASK, unmask = VFIO_IRQ_SET_ACTION_UNMASK;

	assert_refused(none, 0, 1, ENOTTY);
	assert_refused(none | mask | unmask, 0, 1, ENOTTY);
	assert_refused(mask, 0, 1, EINVAL);
	assert_refused(none | bytes | mask, 0, 1, EINVAL);
	assert_refused(none | mask, 1, 1, EINVAL);
	assert_refused(none | unmask, 0, 2, EINVAL);
	assert_refused(none | unmask, 0, 0, EINVAL);
	assert_refused(none | mask | 1U << 30, 0, 1, EINVAL);
	assert_gated(&vmm, 0);
}

#define READY(name) cmocka_unit_test_setup_teardown(name, open_ready, close_all)

static int tests(void)
{
	const struct CMUnitTest all[] = {
		READY(pointers_that_lead_nowhere_on_files_of_others),
		READY(pointers_that_lead_nowhere_on_a_vm),
		READY(pointers_that_lead_nowhere_on_a_device_that_is_gated),
		READY(pointers_that_lead_nowhere_on_a_device_that_is_left),
		READY(pointers_that_lead_nowhere_on_a_device_that_is_not_known),
		READY(bytes_that_lead_nowhere_for_config_space),
		READY(requests_at_the_end_of_memory),
		READY(masks_that_vfio_refuses),
	};

	return cmocka_run_group_tests_name("garbage", all, NULL, NULL);
}

int main(int argc, char **argv)
{
	return run_program(argc, argv, NULL, tests);
}
