/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What the VMM may do in its sandbox (vmm/sandbox.c). Each attempt is made by a process of its own, which enters the
 * sandbox first; how it ended tells.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/kvm.h>
#include <linux/vfio.h>

#include "cli/cli.h"
#include "vmm/vmm.h"

/* True: it could be done. */
typedef bool attempt(void);

void ig_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
}

enum { DONE = 0, NOT_DONE = 1, NO_SANDBOX = 2 };

/* The wait status of a process that has made the attempt. */
static int outcome_of(attempt *try)
{
	const struct rlimit no_core = { 0 };
	int status = -1;
	pid_t child;

	child = fork();
	if (!child) {
		setrlimit(RLIMIT_CORE, &no_core);
		if (ig_sandbox_enter())
			_exit(NO_SANDBOX);
		_exit(try() ? DONE : NOT_DONE);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void assert_killed(attempt *try)
{
	int status = outcome_of(try);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void assert_done(attempt *try)
{
	int status = outcome_of(try);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), DONE);
}

static bool start_program(void)
{
	char *const arguments[] = { "true", NULL };

	return !execv("/bin/true", arguments);
}

static bool start_process(void)
{
	return fork() >= 0;
}

static bool open_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static bool signal_another(void)
{
	return !kill(getppid(), 0);
}

static bool signal_another_thread(void)
{
	return !syscall(SYS_tgkill, getppid(), getppid(), 0);
}

/* By the kernel, when there is something to read. */
static bool have_another_signalled(void)
{
	return !fcntl(STDIN_FILENO, F_SETOWN, getppid());
}

static bool trace_another(void)
{
	return syscall(SYS_ptrace, 0, 0, 0, 0) >= 0;
}

static bool make_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool make_memory_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page != MAP_FAILED && !mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

/* A terminal that is stdin: what is typed into it is done by the user's shell. */
static bool type_into_terminal(void)
{
	return !ioctl(STDIN_FILENO, TIOCSTI, "x");
}

/* More memory for a device to reach. */
static bool map_for_device(void)
{
	return !ioctl(STDIN_FILENO, VFIO_IOMMU_MAP_DMA, NULL);
}

static bool create_vm(void)
{
	return ioctl(STDIN_FILENO, KVM_CREATE_VM, 0) >= 0;
}

/* As ioctl() takes its request: the kernel looks at the lower half only. */
static bool create_vm_by_a_wide_request(void)
{
	return syscall(SYS_ioctl, STDIN_FILENO, UINT64_C(1) << 32 | KVM_CREATE_VM, 0) >= 0;
}

static bool refuses_a_file(void)
{
	return open("/dev/null", O_RDONLY) < 0 && errno == EACCES;
}

static bool leaves_the_filter(void)
{
	return !prctl(PR_SET_SECCOMP, 0, 0, 0, 0);
}

static bool kicks_its_own_thread(void)
{
	return !pthread_kill(pthread_self(), 0);
}

static bool has_memory_and_eventfds(void)
{
	void *memory = malloc(1U << 20);
	int fd = eventfd(0, EFD_CLOEXEC);
	uint64_t one = 1;

	return memory && fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && !fcntl(fd, F_SETFL, O_NONBLOCK) &&
	       fcntl(fd, F_GETFL) & O_NONBLOCK && write(fd, &one, sizeof(one)) == sizeof(one);
}

static void what_a_vm_does_not_need_ends_the_process(void **state)
{
	(void)state;
	assert_killed(start_program);
	assert_killed(start_process);
	assert_killed(open_socket);
	assert_killed(signal_another);
	assert_killed(signal_another_thread);
	assert_killed(have_another_signalled);
	assert_killed(trace_another);
	assert_killed(leaves_the_filter);
}

static void no_memory_becomes_code(void **state)
{
	(void)state;
	assert_killed(make_code);
	assert_killed(make_memory_code);
}

static void only_the_ioctls_of_a_running_vm(void **state)
{
	(void)state;
	assert_killed(type_into_terminal);
	assert_killed(map_for_device);
	assert_killed(create_vm);
	assert_killed(create_vm_by_a_wide_request);
}

static void files_stay_closed(void **state)
{
	(void)state;
	assert_done(refuses_a_file);
}

static void a_running_vm_goes_on(void **state)
{
	(void)state;
	assert_done(has_memory_and_eventfds);
	assert_done(kicks_its_own_thread);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_vm_does_not_need_ends_the_process),
		cmocka_unit_test(no_memory_becomes_code),
		cmocka_unit_test(only_the_ioctls_of_a_running_vm),
		cmocka_unit_test(files_stay_closed),
		cmocka_unit_test(a_running_vm_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
