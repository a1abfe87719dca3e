/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Starts children and sees that none outlives this process; see process.h. The signal handler reads one
 * variable, which is only written in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lab/process.h"

static volatile sig_atomic_t watched;

static void end_with_children(int number)
{
	if (watched) {
		/* SIGTERM lets a script clear what is half-made; SIGKILL would leave it. */
		kill(-watched, SIGTERM);
		kill(-watched, SIGCONT);
	}
	signal(number, SIG_DFL);
	raise(number);
}

void ig_process_guard(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = end_with_children };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

void ig_process_watch(pid_t group)
{
	watched = group;
}

void ig_process_tie(pid_t parent)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
}

static void exec_script(pid_t parent, const char *path, const char *const *args, bool quiet, int out)
{
	enum { ARGS_MAX = 8 };
	const char *argv[ARGS_MAX + 2] = { path };

	for (int i = 0; i < ARGS_MAX && args[i]; i++)
		argv[i + 1] = args[i];
	ig_process_tie(parent);
	if (dup2(out, STDOUT_FILENO) < 0)
		_exit(1);
	if (quiet)
		setenv("IRQGATE_QUIET", "1", 1);
	execv(path, (char *const *)argv);
	ig_error("cannot start %s: %s", path, strerror(errno));
	_exit(1);
}

static void read_line(int fd, char *line, size_t size)
{
	size_t length = 0;
	ssize_t n;

	while (length < size - 1 && (n = read(fd, line + length, size - 1 - length)) != 0)
		length += n > 0 ? (size_t)n : 0;
	line[length] = '\0';
	line[strcspn(line, "\n")] = '\0';
}

int ig_process_script(const char *name, const char *const *args, bool quiet, char *line, size_t size)
{
	char path[PATH_MAX];
	int out[2], status = 0;
	pid_t pid, self = getpid();

	if (ig_find_file(name, path, sizeof(path))) {
		ig_error("%s is missing: install irqgate again", path);
		return -ENOENT;
	}
	if (pipe2(out, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid)
		exec_script(self, path, args, quiet, out[1]);
	close(out[1]);
	if (pid > 0) {
		setpgid(pid, pid);
		ig_process_watch(pid);
		read_line(out[0], line, size);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		ig_process_watch(0);
	}
	close(out[0]);
	return pid > 0 && WIFEXITED(status) && !WEXITSTATUS(status) && line[0] ? 0 : -EIO;
}
