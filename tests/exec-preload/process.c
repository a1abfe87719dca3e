/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The VMM's process: what it forks off, before it has a VM and after; its environment, its threads, its other
 * VMs. Each part that forks runs in a process of its own, which fails where a check of it does.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/settings.h"
#include "vmm.h"

static struct vmm vmm;

static int wait_for(pid_t child)
{
	int status;

	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void use_both_chips(void)
{
	vmm_open_ready(&vmm, SPLIT);
	assert_gated(&vmm, 0);
	vmm_close(&vmm);
	vmm_open_ready(&vmm, KERNEL);
	assert_gated(&vmm, 0);
	vmm_close(&vmm);
}

static void use_in_child(void)
{
	pid_t child = fork();

	if (!child) {
		use_both_chips();
		exit(0);
	}
	exit(wait_for(child) ? 1 : 0);
}

/* Why: a VMM that becomes a daemon does so before it makes its VM: from there on the child is the VMM. */
static void become_a_daemon(void)
{
	use_in_child();
}

/* Why: it may have tried out a VM before; the helper that this started is not there in the child. */
static void become_a_daemon_after_a_trial(void)
{
	use_both_chips();
	use_in_child();
}

TEST(vmm_that_becomes_a_daemon)
{
	assert_int_equal(run_alone("policy=hold", "become_a_daemon"), 0);
	assert_said_nothing();
}

TEST(vmm_that_becomes_a_daemon_after_a_trial)
{
	assert_int_equal(run_alone("policy=hold", "become_a_daemon_after_a_trial"), 0);
	assert_said_nothing();
}

static void hold(void)
{
	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
}

static void end_hold(void)
{
	assert_true(fake_look(vmm.device[0].fd).masked);
	assert_int_equal(fake_look(vmm.device[0].fd).triggers, 1);
	fake_quiet(vmm.device[0].fd);
	guest_unmask(&vmm, PIN);
	wait_until(!fake_look(vmm.device[0].fd).masked);
	assert_gated(&vmm, 0);
}

static void close_everything(void)
{
	close(vmm.device[0].fd);
	close(vmm.device[0].trigger);
	dup2(STDERR_FILENO, vmm.device[0].resample);
	close(vmm.vm);
	close(vmm.vcpu[0]);
	close_range(3, ~0U, 0);
}

/* Why: helpers (QEMU's scripts, -runas) close what they have inherited; that is not the VMM's doing. */
static void fork_a_helper(void)
{
	for (int chip = SPLIT; chip <= KERNEL; chip++) {
		pid_t child;

		vmm_open_ready(&vmm, (enum chip)chip);
		hold();
		child = fork();
		if (!child) {
			close_everything();
			exit(0);
		}
		assert_int_equal(wait_for(child), 0);
		end_hold();
		vmm_close(&vmm);
	}
}

TEST(helper_by_fork)
{
	assert_int_equal(run_alone("policy=hold", "fork_a_helper"), 0);
	assert_said_nothing();
}

/* Why: the child of vfork() has our memory, but descriptors of its own. */
TEST(helper_by_vfork)
{
	pid_t child;

	vmm = (struct vmm){ 0 };
	vmm_open_ready(&vmm, SPLIT);
	hold();
	child = vfork();
	if (!child) {
		close(vmm.device[0].fd);
		close(vmm.device[0].trigger);
		close(vmm.device[0].resample);
		close(vmm.vm);
		close(vmm.vcpu[0]);
		_exit(0);
	}
	assert_int_equal(wait_for(child), 0);
	end_hold();
	vmm_close(&vmm);
}

/* Why: glib and Rust start theirs so. */
TEST(helper_by_posix_spawn)
{
	char *argv[] = { (char[]){ "true" }, NULL }, *environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	pid_t child;

	vmm = (struct vmm){ 0 };
	vmm_open_ready(&vmm, SPLIT);
	hold();
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	assert_int_equal(posix_spawn_file_actions_addclose(&actions, vmm.device[0].fd), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, vmm.vm), 0);
	assert_int_equal(posix_spawnp(&child, "true", &actions, NULL, argv, environment), 0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(wait_for(child), 0);
	end_hold();
	vmm_close(&vmm);
}

/* Why: what was meant for the VMM is not for what it starts; and what else was preloaded stays. */
static void see_no_settings(void)
{
	assert_null(getenv(IG_EXEC_VARIABLE));
	assert_string_equal(getenv("LD_PRELOAD"), "");
}

static void see_settings(void)
{
	assert_string_equal(getenv(IG_EXEC_VARIABLE), "policy=hold,follow=1");
	assert_string_equal(getenv("LD_PRELOAD"), ":");
}

TEST(environment)
{
	assert_int_equal(setenv("LD_PRELOAD", ":", 1), 0);
	assert_int_equal(run_alone("policy=hold,follow=0", "see_no_settings"), 0);
	assert_int_equal(run_alone("policy=hold,follow=1", "see_settings"), 0);
	assert_int_equal(unsetenv("LD_PRELOAD"), 0);
}

static uint64_t blocked_by(pid_t thread)
{
	char path[64], line[256];
	uint64_t blocked = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)thread);
	status = fopen(path, "re");
	assert_non_null(status);
	while (fgets(line, sizeof(line), status))
		sscanf(line, "SigBlk: %" SCNx64, &blocked);
	fclose(status);
	return blocked;
}

/* Why: a VMM's handlers expect its own threads (and use their memory). */
TEST(helper_blocks_all_signals)
{
	const int some[] = { SIGINT, SIGTERM, SIGUSR1, SIGALRM, SIGCHLD, SIGIO, SIGSEGV };
	uint64_t blocked;

	vmm = (struct vmm){ 0 };
	vmm_open_ready(&vmm, KERNEL);
	assert_alive(&vmm, 0); /* by then it runs, and has the mask that it was given */
	blocked = blocked_by(find_thread("irqgate"));
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		assert_true(blocked >> (some[i] - 1) & 1);
	vmm_close(&vmm);
}

/* Why: firecracker-like VMMs and tests have several VMs in a process; one's EOI is nothing to the other. */
TEST(two_vms)
{
	struct vmm other = { .past_library = false };

	vmm = (struct vmm){ 0 };
	vmm_open_ready(&vmm, SPLIT);
	vmm_open_ready(&other, SPLIT);
	hold();
	assert_gated(&other, 0);
	assert_alive(&other, 0);
	vmm_reset(&other);
	end_hold();
	guest_program(&other, PIN, ENTRY_LEVEL | VECTOR);
	assert_gated(&other, 0);
	vmm_close(&other);
	assert_gated(&vmm, 0);
	vmm_close(&vmm);
}

TEST(split_beside_in_kernel)
{
	struct vmm other = { .past_library = false };

	vmm = (struct vmm){ 0 };
	vmm_open_ready(&vmm, SPLIT);
	vmm_open_ready(&other, KERNEL);
	hold();
	assert_gated(&other, 0);
	end_hold();
	vmm_close(&vmm);
	assert_gated(&other, 0);
	vmm_close(&other);
}

enum { THREADS = 3, ROUNDS = 60 };

/* An event that is held, in a VM of the thread's own: true if it came once. */
static bool run_event(struct vmm *own)
{
	int fd = own->device[0].fd;
	uint32_t triggers = fake_look(fd).triggers;

	fake_assert(fd);
	if (!guest_gets(own, VECTOR))
		return false;
	guest_mask(own, PIN);
	guest_eoi(own, VECTOR);
	fake_quiet(fd);
	guest_unmask(own, PIN);
	for (int ms = 0; fake_look(fd).masked && ms < WAIT_MS; ms++)
		pause_ms(1);
	return !fake_look(fd).masked && fake_look(fd).triggers == triggers + 1;
}

static void *run_thread(void *argument)
{
	struct vmm own = { .past_library = false };
	uintptr_t right = 0;

	for (int round = 0; round < ROUNDS; round++) {
		vmm_open_ready(&own, (uintptr_t)argument % 2 ? KERNEL : SPLIT);
		right += run_event(&own);
		vmm_close(&own);
	}
	return (void *)right;
}

/* Why: a process's threads make and end VMs while others run theirs. */
TEST(vms_of_several_threads)
{
	pthread_t thread[THREADS];
	void *right;

	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, run_thread, (void *)i), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(thread[i], &right), 0);
		assert_int_equal((uintptr_t)right, ROUNDS);
	}
	assert_said_nothing();
}

static int tests(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(vmm_that_becomes_a_daemon),
		cmocka_unit_test(vmm_that_becomes_a_daemon_after_a_trial),
		cmocka_unit_test(helper_by_fork),
		cmocka_unit_test(helper_by_vfork),
		cmocka_unit_test(helper_by_posix_spawn),
		cmocka_unit_test(environment),
		cmocka_unit_test(helper_blocks_all_signals),
		cmocka_unit_test(two_vms),
		cmocka_unit_test(split_beside_in_kernel),
		cmocka_unit_test(vms_of_several_threads),
	};

	return cmocka_run_group_tests_name("process", all, NULL, NULL);
}

int main(int argc, char **argv)
{
	const struct part parts[] = {
		{ "become_a_daemon", become_a_daemon },
		{ "become_a_daemon_after_a_trial", become_a_daemon_after_a_trial },
		{ "fork_a_helper", fork_a_helper },
		{ "see_no_settings", see_no_settings },
		{ "see_settings", see_settings },
		{ NULL, NULL },
	};

	return run_program(argc, argv, parts, tests);
}
