/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The nth call that the library makes of the allocator or the system fails, for every n, over the life of a
 * VMM with an assigned device, on both kinds of irqchip. The VMM hears nothing of it: its device interrupts
 * as often as it asserts, gated or as it would without the library; and no descriptor is left that is not
 * there without the fault.
 *
 * The program's own definitions come before libc's: so the library's calls come here. Only the library's are
 * counted.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm.h"

#define NTH_VARIABLE    "IG_TEST_FAULT"
#define RESULT_VARIABLE "IG_TEST_FAULT_RESULT"

enum { POINTS_MAX = 2000, POINTS_MIN = 20, EVENTS = 3 };

static _Atomic int calls;

static bool is_library(const void *caller)
{
	Dl_info info;

	return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "libirqgate-exec");
}

/* Whether this call is the one to fail. */
static bool fails(const char *name, const void *caller, int error)
{
	const char *nth = getenv(NTH_VARIABLE);

	if (!nth || !is_library(caller) || atomic_fetch_add(&calls, 1) + 1 != atoi(nth))
		return false;
	dprintf(STDERR_FILENO, "# %s fails\n", name); /* it is shown if the test fails */
	errno = error;
	return true;
}

/* What is left is counted by descriptors, in the end. */
#define TAKEN(kind, taken, value, caller) (void)(taken)

#include "faults/replace.h"

FAULTS_OF_MEMORY(REPLACE_ALLOCATOR)
FAULTS_OF_RESIZING(REPLACE_ALLOCATOR)
FAULTS_OF_DESCRIPTORS(REPLACE)
FAULTS_OF_EVENTS(REPLACE)
FAULTS_OF_FILES(REPLACE)
FAULTS_OF_MAPPINGS(REPLACE)
FAULTS_OF_THREADS(REPLACE)

/* What only gives back does not fail. */
int epoll_ctl(int fd, int operation, int of, struct epoll_event *event)
{
	if (operation != EPOLL_CTL_DEL && fails("epoll_ctl", __builtin_return_address(0), ENOSPC))
		return -1;
	return NEXT(epoll_ctl)(fd, operation, of, event);
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

/*
 * The device asserts, the guest hears of it, and in the end the device is listened to again. Where the
 * library takes a device that it could not take before, in the middle of an interrupt, there may be one more.
 */
static void assert_heard(struct vmm *vmm, int device)
{
	uint32_t pin = vmm->device[device].gsi, handled = 0;
	uint8_t vector = (uint8_t)vmm->entry[pin];
	int fd = vmm->device[device].fd;

	fake_assert(fd);
	vmm_settle(vmm);
	while (fake_is_requested(vmm->vcpu[0], vector)) {
		guest_handle(vmm, device, pin, vector);
		vmm_settle(vmm);
		handled++;
	}
	assert_true(handled == 1 || handled == 2);
	assert_false(fake_look(fd).asserts);
	wait_until(!fake_look(fd).masked);
}

static void live_with(enum chip chip)
{
	struct vmm vmm;

	vmm_open_ready(&vmm, chip);
	for (int i = 0; i < EVENTS; i++)
		assert_heard(&vmm, 0);
	vmm_disable_intx(&vmm, 0);
	vmm_enable_intx(&vmm, 0);
	assert_heard(&vmm, 0);
	vmm_add_device(&vmm, 1, OTHER_PIN);
	vmm_enable_intx(&vmm, 1);
	guest_program(&vmm, OTHER_PIN, ENTRY_LEVEL | OTHER_VECTOR);
	assert_heard(&vmm, 1);
	vmm_remove_device(&vmm, 1);
	assert_heard(&vmm, 0);
	vmm_close(&vmm);
}

/* How many calls there were, and how many descriptors are left. */
static void life(void)
{
	FILE *result;

	live_with(SPLIT);
	live_with(KERNEL);
	result = fopen(getenv(RESULT_VARIABLE), "we");
	assert_non_null(result);
	fprintf(result, "%d %d\n", calls, count_descriptors() - 1);
	fclose(result);
}

struct result {
	int status, calls, descriptors;
};

static struct result live(int nth)
{
	struct result result = { .calls = -1 };
	char path[] = "/tmp/irqgate-test-XXXXXX", number[16];
	int fd = mkstemp(path);
	FILE *file;

	assert_true(fd >= 0);
	snprintf(number, sizeof(number), "%d", nth);
	setenv(NTH_VARIABLE, number, 1);
	setenv(RESULT_VARIABLE, path, 1);
	result.status = run_alone("policy=hold", "life");
	file = fdopen(fd, "r");
	assert_non_null(file);
	if (fscanf(file, "%d %d", &result.calls, &result.descriptors) != 2)
		result.calls = -1;
	fclose(file);
	unlink(path);
	return result;
}

TEST(vmm_lives_on_whichever_call_of_the_library_fails)
{
	struct result good = live(0);
	int nth = 1;

	assert_int_equal(good.status, 0);
	assert_true(good.calls >= POINTS_MIN);
	for (; nth <= good.calls && nth < POINTS_MAX; nth++) {
		struct result result = live(nth);

		if (result.status || result.calls < 0)
			fail_msg("call %d of %d fails: exit status %d", nth, good.calls, result.status);
		if (result.descriptors > good.descriptors)
			fail_msg("call %d of %d fails: %d descriptors are left, not %d", nth, good.calls,
				 result.descriptors, good.descriptors);
	}
	printf("# faults/exec: %d points\n", nth - 1);
}

static const struct part parts[] = {
	{ "life", life },
	{ NULL, NULL },
};

static int tests(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(vmm_lives_on_whichever_call_of_the_library_fails),
	};

	return cmocka_run_group_tests_name("faults", all, NULL, NULL);
}

int main(int argc, char **argv)
{
	return run_program(argc, argv, parts, tests);
}
