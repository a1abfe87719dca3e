/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What a program sees of how it was started: for the test of `irqgate exec`, which starts it in a VMM's place.
 * exec-probe arguments|environment|left|descriptors|loaded [LIBRARY]|pid, one thing a line; or
 * exec-probe exit STATUS|signal NUMBER|fork|daemon; fork exits as its child does; daemon prints the daemon's pid, and
 * that one lives for a minute. One thread.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* As execve() gave it, whatever was done to it since. */
static int print_environment(void)
{
	FILE *file = fopen("/proc/self/environ", "r");
	int c;

	if (!file)
		return 1;
	while ((c = fgetc(file)) != EOF)
		putchar(c ? c : '\n');
	fclose(file);
	return 0;
}

/* What is left of it, for programs that this one starts. */
static int print_left(void)
{
	for (char **variable = environ; *variable; variable++)
		puts(*variable);
	return 0;
}

/* Number, name, and access mode of each. */
static int print_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	char path[256];

	if (!folder)
		return 1;
	while ((entry = readdir(folder))) {
		int fd = atoi(entry->d_name);
		ssize_t size;

		if (entry->d_name[0] == '.' || fd == dirfd(folder))
			continue;
		size = readlinkat(dirfd(folder), entry->d_name, path, sizeof(path));
		printf("%d %.*s %d\n", fd, (int)size, path, fcntl(fd, F_GETFL) & O_ACCMODE);
	}
	closedir(folder);
	return 0;
}

/* Whether a library of that name is mapped into this process. */
static int print_loaded(const char *library)
{
	FILE *file = fopen("/proc/self/maps", "r");
	char line[4096];
	int found = 0;

	if (!file)
		return 1;
	while (fgets(line, sizeof(line), file))
		if (strstr(line, library))
			found = 1;
	fclose(file);
	puts(found ? "yes" : "no");
	return 0;
}

/* The child does, as VMMs that become daemons, something with file descriptors, and ends in good order. */
static int fork_child(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		close(dup(STDOUT_FILENO));
		exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int become_daemon(void)
{
	pid_t child = fork();

	if (child == 0) {
		int null = open("/dev/null", O_RDWR);

		for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
			dup2(null, fd);
		sleep(60);
		exit(0);
	}
	printf("%d\n", (int)child);
	return child < 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "", *of = argc > 2 ? argv[2] : "";

	if (!strcmp(what, "arguments"))
		for (int i = 0; i < argc; i++)
			printf("'%s'\n", argv[i]);
	else if (!strcmp(what, "environment"))
		return print_environment();
	else if (!strcmp(what, "left"))
		return print_left();
	else if (!strcmp(what, "descriptors"))
		return print_descriptors();
	else if (!strcmp(what, "loaded"))
		return print_loaded(of);
	else if (!strcmp(what, "pid"))
		printf("%d\n", (int)getpid());
	else if (!strcmp(what, "exit"))
		return atoi(of);
	else if (!strcmp(what, "signal"))
		return raise(atoi(of));
	else if (!strcmp(what, "fork"))
		return fork_child();
	else if (!strcmp(what, "daemon"))
		return become_daemon();
	else
		return 99;
	return 0;
}
