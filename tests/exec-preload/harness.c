/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The library begins before main(): so a test program sets up its environment, and runs itself again. From
 * then on its stderr is a file in memory, where it finds what the library says; that is shown where a test
 * has failed.
 */
#include "vmm.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/settings.h"

/* argv of a program that runs again: what its stderr is, and the part if it is only one. */
enum { ARGUMENT_SAID = 1, ARGUMENT_PART };

/* What each line of the library's begins with. */
#define PREFIX "irqgate: "

static int said_fd;
static off_t said_until;

/* A VM that is closed stays in the library's memory: a thread might look at it. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libirqgate-exec\n";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
	return "print_suppressions=0"; /* that would be on stderr */
}

/*
 * A part may fork while the library's helper is in the sanitizer's allocator, whose lock the child then never
 * gets; the search for leaks at its end would wait for that. The program itself looks for them.
 */
static int forbid_search_for_leaks(void)
{
	return setenv("ASAN_OPTIONS", "detect_leaks=0:exitcode=99", 1);
}

static void run_again(const char *settings, const char *part)
{
	char said[16];
	const char *argv[] = { "/proc/self/exe", said, part, NULL };

	snprintf(said, sizeof(said), "%d", said_fd);
	if (dup2(said_fd, STDERR_FILENO) < 0 || setenv(IG_EXEC_VARIABLE, settings, 1))
		_exit(1);
	if (part && forbid_search_for_leaks())
		_exit(1);
	execv(argv[0], (char **)(uintptr_t)argv);
	_exit(1);
}

static void show_said(void)
{
	char *said = take_said();

	fputs(said, stderr);
	free(said);
}

/* However it ends: what it has said is shown by this process. */
static int begin(void)
{
	pid_t child;
	int status;

	said_fd = memfd_create("said", 0);
	child = said_fd < 0 ? -1 : fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run_again("policy=hold", NULL);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	if (status)
		show_said();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int run_part(const struct part *part, const char *name)
{
	for (; part && part->name; part++) {
		if (strcmp(part->name, name))
			continue;
		part->run();
		return 0;
	}
	return 1;
}

int run_program(int argc, char **argv, const struct part *parts, int (*tests)(void))
{
	if (argc <= ARGUMENT_SAID)
		return begin();
	said_fd = atoi(argv[ARGUMENT_SAID]);
	return argc > ARGUMENT_PART ? run_part(parts, argv[ARGUMENT_PART]) : tests();
}

int run_alone(const char *settings, const char *part)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (!child)
		run_again(settings, part);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

pid_t find_thread(const char *name)
{
	DIR *folder = opendir("/proc/self/task");
	const struct dirent *entry;
	pid_t found = -1;

	assert_non_null(folder);
	while (found < 0 && (entry = readdir(folder))) {
		char path[64], comm[32] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%.20s/comm", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fgets(comm, sizeof(comm), file) && !strncmp(comm, name, strlen(name)))
			found = (pid_t)atoi(entry->d_name);
		fclose(file);
	}
	closedir(folder);
	return found;
}

void slow_down_helper(void)
{
	const struct sched_param none = { .sched_priority = 0 };
	pid_t helper = find_thread("irqgate");
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	assert_true(helper > 0);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(sched_setaffinity(helper, sizeof(one), &one), 0);
	assert_int_equal(sched_setscheduler(helper, SCHED_IDLE, &none), 0);
}

char *take_said(void)
{
	struct stat status;
	size_t size;
	char *said;

	assert_int_equal(fstat(said_fd, &status), 0);
	size = (size_t)(status.st_size - said_until);
	said = calloc(1, size + 1);
	assert_non_null(said);
	assert_int_equal(pread(said_fd, said, size, said_until), (ssize_t)size);
	said_until = status.st_size;
	return said;
}

void assert_said(const char *part, int times)
{
	char *said = take_said();
	int count = 0;

	for (const char *at = said; (at = strstr(at, part)); at++)
		count++;
	if (count != times)
		fail_msg("said %d times, not %d: \"%s\"; all that it said:\n%s", count, times, part, said);
	free(said);
}

/* A sanitizer may have said something, too. */
void assert_said_nothing(void)
{
	char *said = take_said();

	if (strstr(said, PREFIX))
		fail_msg("the library has said something:\n%s", said);
	free(said);
}
