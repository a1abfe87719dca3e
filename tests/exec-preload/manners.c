/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What a VMM must not notice of the library: errno is as libc leaves it, no call waits for another, and a
 * vCPU may end at any moment. And what an older kernel lacks.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vmm.h"

enum { SECOND = 1, HARMLESS = FAKE_CONFIG_SIZE - 1 };

static struct vmm vmm;

static int open_split(void **state)
{
	(void)state;
	vmm = (struct vmm){ 0 };
	vmm_open_ready(&vmm, SPLIT);
	return 0;
}

static int open_kernel(void **state)
{
	(void)state;
	vmm = (struct vmm){ 0 };
	vmm_open_ready(&vmm, KERNEL);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	fake_without_nowait(false);
	vmm_close(&vmm);
	assert_said_nothing();
	return 0;
}

/* Why: "close(fd); return -errno;" is how errors are handed on; and with no descriptor left all helpers fail. */
TEST(close_keeps_errno)
{
	struct rlimit limit, none;
	int *fd[] = { &vmm.device[0].resample, &vmm.device[0].trigger };

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++) {
		int result, error;

		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		errno = ENOSPC;
		result = close(*fd[i]);
		error = errno;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		*fd[i] = -1;
		assert_int_equal(result, 0);
		assert_int_equal(error, ENOSPC);
	}
}

/* Why: as above, of a write of the guest's to config space. */
TEST(pwrite_keeps_errno)
{
	fake_fail_next(VFIO_DEVICE_GET_REGION_INFO, EINVAL);
	errno = ENOSPC;
	vmm_write_command(&vmm, 0, INTERRUPT_DISABLE);
	assert_int_equal(errno, ENOSPC);
	vmm_write_command(&vmm, 0, 0);
	assert_int_equal(errno, ENOSPC);
}

static void close_vcpu(void)
{
	munmap(vmm.run[SECOND], sizeof(*vmm.run[SECOND]));
	assert_int_equal(close(vmm.vcpu[SECOND]), 0);
}

static int renew_vcpu(void)
{
	vmm.vcpu[SECOND] = vmm_ioctl(&vmm, vmm.vm, KVM_CREATE_VCPU, (void *)(uintptr_t)SECOND);
	vmm.run[SECOND] = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, vmm.vcpu[SECOND], 0);
	return vmm.run[SECOND] == MAP_FAILED ? -1 : vmm.vcpu[SECOND];
}

/* Why: the kernel lets KVM_RUN go on when the descriptor is closed meanwhile; what it ends with is read then. */
TEST(vcpu_is_closed_while_it_runs)
{
	fake_write(vmm.vcpu[SECOND], IOAPIC_AT + IOREGSEL, 0, sizeof(uint32_t));
	fake_after_next(KVM_RUN, close_vcpu);
	assert_int_equal(ioctl(vmm.vcpu[SECOND], KVM_RUN, NULL), 0);
	assert_true(renew_vcpu() >= 0);
	assert_gated(&vmm, 0);
}

/* Why: the VMM has dealt with the guest's unmask, and takes the vCPU away before it runs again. */
TEST(unmask_by_a_vcpu_that_is_closed_then)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	fake_quiet(vmm.device[0].fd);
	fake_write(vmm.vcpu[SECOND], IOAPIC_AT + IOREGSEL, ENTRY_FROM + 2 * PIN, sizeof(uint32_t));
	vmm_run(&vmm, SECOND);
	fake_write(vmm.vcpu[SECOND], IOAPIC_AT + IOWIN, ENTRY_LEVEL | VECTOR, sizeof(uint32_t));
	assert_true(vmm_run_once(&vmm, SECOND));
	assert_true(fake_look(vmm.device[0].fd).masked);
	close_vcpu();
	assert_false(fake_look(vmm.device[0].fd).masked);
	assert_true(renew_vcpu() >= 0);
	assert_gated(&vmm, 0);
}

/* Why: the kernel looks at 32 bits of a request's number only; some bindings take it to be signed. */
TEST(upper_half_of_a_request)
{
	struct vfio_irq_set mask = {
		.argsz = sizeof(mask), .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK,
		.index = VFIO_PCI_INTX_IRQ_INDEX, .count = 1,
	};

	assert_int_equal(ioctl(vmm.device[0].fd, VFIO_DEVICE_SET_IRQS | ~0xffffffffUL, &mask), 0);
	assert_true(fake_look(vmm.device[0].fd).masked);
	assert_int_equal(vmm_unmask(&vmm, 0), 0);
	assert_gated(&vmm, 0);
}

static sem_t in_call, may_end;

/* A call that takes as long as it takes, in the thread that made it. */
static void wait_in_call(void)
{
	sem_post(&in_call);
	sem_wait(&may_end);
}

static void *write_config(void *unused)
{
	const uint8_t byte = 1;

	(void)unused;
	return pwrite(vmm.device[0].fd, &byte, 1, FAKE_CONFIG_AT + HARMLESS) == 1 ? &vmm : NULL;
}

/* Why: a function-level reset is a write to config space, and takes 100 ms; the vCPUs must not wait for it. */
TEST(long_write_to_config_space_stops_nobody)
{
	pthread_t thread;
	void *right;

	assert_int_equal(sem_init(&in_call, 0, 0), 0);
	assert_int_equal(sem_init(&may_end, 0, 0), 0);
	fake_before_next_pwrite(wait_in_call);
	assert_int_equal(pthread_create(&thread, NULL, write_config, NULL), 0);
	sem_wait(&in_call);
	alarm(WAIT_MS / 1000); /* it would wait for ever */
	assert_gated(&vmm, 0);
	alarm(0);
	sem_post(&may_end);
	assert_int_equal(pthread_join(thread, &right), 0);
	assert_non_null(right);
}

/* In a process of its own, whose statistics are written each second. */
static void write_slowly(enum chip chip)
{
	sem_init(&in_call, 0, 0);
	sem_init(&may_end, 0, 0);
	vmm_open_ready(&vmm, chip);
	fake_before_next_pwrite(wait_in_call);
	sem_wait(&in_call);
	alarm(WAIT_MS / 1000);
	assert_gated(&vmm, 0);
	alarm(0);
	sem_post(&may_end);
	vmm_close(&vmm);
}

static void write_slowly_split(void)
{
	write_slowly(SPLIT);
}

static void write_slowly_kernel(void)
{
	write_slowly(KERNEL);
}

/* Why: a file's disk may be full of others' work, or at the other end of a broken network. */
static void assert_stops_nobody(const char *part)
{
	int file = memfd_create("json", 0);
	char settings[80], text[2] = "";

	assert_true(file >= 0);
	snprintf(settings, sizeof(settings), "policy=hold,stats=1,json=%d,follow=0", file);
	assert_int_equal(run_alone(settings, part), 0);
	assert_int_equal(pread(file, text, 1, 0), 1);
	assert_string_equal(text, "{");
	close(file);
	free(take_said());
}

TEST(long_write_of_statistics_stops_nobody)
{
	assert_stops_nobody("write_slowly_split");
	assert_stops_nobody("write_slowly_kernel");
}

/* Why: eventfds know no RWF_NOWAIT before 5.8; then an EOI would never be read, and the device stay silent. */
TEST(kernel_without_nowait)
{
	fake_without_nowait(true);
	for (int i = 0; i < 3; i++)
		assert_gated(&vmm, 0);
}

static int tests(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test_setup_teardown(close_keeps_errno, open_split, close_all),
		cmocka_unit_test_setup_teardown(pwrite_keeps_errno, open_split, close_all),
		cmocka_unit_test_setup_teardown(vcpu_is_closed_while_it_runs, open_split, close_all),
		cmocka_unit_test_setup_teardown(unmask_by_a_vcpu_that_is_closed_then, open_split, close_all),
		cmocka_unit_test_setup_teardown(upper_half_of_a_request, open_split, close_all),
		cmocka_unit_test_setup_teardown(long_write_to_config_space_stops_nobody, open_split, close_all),
		cmocka_unit_test(long_write_of_statistics_stops_nobody),
		cmocka_unit_test_setup_teardown(kernel_without_nowait, open_kernel, close_all),
	};

	return cmocka_run_group_tests_name("manners", all, NULL, NULL);
}

int main(int argc, char **argv)
{
	const struct part parts[] = {
		{ "write_slowly_split", write_slowly_split },
		{ "write_slowly_kernel", write_slowly_kernel },
		{ NULL, NULL },
	};

	return run_program(argc, argv, parts, tests);
}
