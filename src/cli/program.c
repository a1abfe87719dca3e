/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds a program and tells whether a library can be preloaded into it; see program.h. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/program.h"

#define SCRIPTS_MAX     5   /* scripts that interpret each other; execve(2) */
#define SCRIPT_LINE_MAX 256 /* what Linux reads of a line with #!; execve(2) */

static int refuse(const char *path, const char *why)
{
	ig_error("'%s' %s", path, why);
	return IG_EXIT_CANNOT_RUN;
}

static int refuse_error(const char *path, int error)
{
	ig_error("cannot run '%s': %s", path, strerror(error));
	return error == ENOENT || error == ENOTDIR ? IG_EXIT_NOT_FOUND : IG_EXIT_CANNOT_RUN;
}

static bool is_runnable(const char *path, const struct stat *file)
{
	return S_ISREG(file->st_mode) && !faccessat(AT_FDCWD, path, X_OK, AT_EACCESS);
}

/* The next folder of PATH with the command; an empty one is the current. Returns what follows, or NULL. */
static const char *next_candidate(const char *folders, const char *command, char *path, size_t size)
{
	size_t length = strcspn(folders, ":");

	if ((size_t)snprintf(path, size, "%.*s/%s", length ? (int)length : 1, length ? folders : ".", command) >= size)
		path[0] = '\0';
	return folders[length] ? folders + length + 1 : NULL;
}

/* Takes the first that can be run, else the first that is there at all: the check tells what is wrong with it. */
static int search(const char *folders, const char *command, char *path, size_t size)
{
	char candidate[PATH_MAX];
	struct stat file;
	bool found = false;

	while (folders) {
		folders = next_candidate(folders, command, candidate, sizeof(candidate));
		if (stat(candidate, &file))
			continue;
		if (!found || is_runnable(candidate, &file))
			snprintf(path, size, "%s", candidate);
		found = true;
		if (is_runnable(candidate, &file))
			break;
	}
	return found ? 0 : -ENOENT;
}

int ig_program_find(const char *command, char *path, size_t size)
{
	char standard[PATH_MAX] = "";
	const char *folders = getenv("PATH");

	if (strlen(command) >= size)
		return refuse_error(command, ENAMETOOLONG);
	if (strchr(command, '/')) {
		snprintf(path, size, "%s", command);
		return 0;
	}
	if (!folders) {
		confstr(_CS_PATH, standard, sizeof(standard));
		folders = standard;
	}
	if (*command && !search(folders, command, path, size))
		return 0;
	ig_error("no command '%s' in PATH; install it, or give its path", command);
	return IG_EXIT_NOT_FOUND;
}

/* Whether execve() heeds the set-ID bits and capabilities of this file. */
static bool heeds_privileges(const char *path)
{
	struct statvfs system;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return false;
	return statvfs(path, &system) || !(system.f_flag & ST_NOSUID);
}

/* Whether the loader will run in secure-execution mode, where it ignores LD_PRELOAD; ld.so(8). */
static bool runs_secure(const char *path, const struct stat *file)
{
	bool heeded = heeds_privileges(path);
	bool setuid = heeded && file->st_mode & S_ISUID;
	bool setgid = heeded && file->st_mode & S_ISGID && file->st_mode & S_IXGRP;

	if ((setuid ? file->st_uid : geteuid()) != getuid() || (setgid ? file->st_gid : getegid()) != getgid())
		return true;
	return heeded && getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0;
}

/* A part of the file; what is not all there is damaged, and so is what is said to be at no possible place. */
static int read_part(int fd, const char *path, void *to, size_t size, uint64_t at, const char *damage)
{
	ssize_t got = pread(fd, to, size, (off_t)at);

	if (got < 0 && errno != EINVAL)
		return refuse_error(path, errno);
	return got < 0 || (size_t)got < size ? refuse(path, damage) : 0;
}

/* The loader that the program names. What musl's would make of a library for glibc is not left to chance. */
static int check_loader(int fd, const char *path, const Elf64_Phdr *segment)
{
	static const char *const damage = "is damaged: its loader's name is cut short";
	char loader[PATH_MAX];
	int status;

	if (segment->p_filesz < 2 || segment->p_filesz > sizeof(loader))
		return refuse(path, "is damaged: its loader has no name");
	status = read_part(fd, path, loader, segment->p_filesz, segment->p_offset, damage);
	if (status)
		return status;
	if (loader[segment->p_filesz - 1])
		return refuse(path, damage);
	if (access(loader, F_OK)) {
		ig_error("'%s' needs the loader '%s', which is missing; install its C library", path, loader);
		return IG_EXIT_CANNOT_RUN;
	}
	if (strstr(loader, "/ld-musl-"))
		return refuse(path, "is linked with musl: a library made for glibc cannot be preloaded");
	return 0;
}

static int check_elf(int fd, const char *path, const Elf64_Ehdr *header)
{
	Elf64_Phdr segment;

	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
	    header->e_machine != EM_X86_64)
		return refuse(path, "is not a 64-bit x86-64 program: the gate knows no other");
	if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
		return refuse(path, "is an ELF file, but not a program");
	if (header->e_phentsize != sizeof(segment))
		return refuse(path, "is damaged: its ELF header is not that of a program");
	for (unsigned int i = 0; i < header->e_phnum; i++) {
		int status = read_part(fd, path, &segment, sizeof(segment), header->e_phoff + i * sizeof(segment),
				       "is damaged: its ELF program headers are cut short");

		if (status)
			return status;
		if (segment.p_type == PT_INTERP)
			return check_loader(fd, path, &segment);
	}
	return refuse(path, "is statically linked: nothing can be preloaded; use a dynamically linked build");
}

/* The interpreter in a line like "#! /bin/sh -e". Returns whether there is one. */
static bool read_interpreter(const char *line, char *path, size_t size)
{
	const char *start = line + strlen("#!");
	size_t length;

	start += strspn(start, " \t");
	length = strcspn(start, " \t\n");
	return length && (size_t)snprintf(path, size, "%.*s", (int)length, start) < size;
}

static int check_content(int fd, const char *path, char *interpreter, size_t size)
{
	union {
		Elf64_Ehdr header;
		char line[SCRIPT_LINE_MAX];
	} start = { .line = "" };
	ssize_t got = pread(fd, start.line, sizeof(start.line) - 1, 0);

	if (got < 0)
		return refuse_error(path, errno);
	if (got == 0)
		return refuse(path, "is empty: no program");
	if (!memcmp(start.line, "#!", 2))
		return read_interpreter(start.line, interpreter, size) ?
			0 : refuse(path, "names no interpreter behind its #!");
	if (memcmp(start.line, ELFMAG, SELFMAG))
		return refuse(path, "is neither an ELF program nor a script with #!");
	if ((size_t)got < sizeof(start.header))
		return refuse(path, "is damaged: its ELF header is cut short");
	return check_elf(fd, path, &start.header);
}

/* One file; *interpreter: the file to check next, when this one is a script. */
static int check_file(const char *path, char *interpreter, size_t size)
{
	struct stat file;
	int fd, status;

	if (stat(path, &file))
		return refuse_error(path, errno);
	if (S_ISDIR(file.st_mode))
		return refuse(path, "is a directory, not a program");
	if (!S_ISREG(file.st_mode))
		return refuse(path, "is not a regular file, so not a program");
	if (!is_runnable(path, &file))
		return refuse(path, "is not executable: see its mode, and whether its file system is mounted noexec");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		status = check_content(fd, path, interpreter, size);
		close(fd);
		if (status)
			return status;
	}
	if (!interpreter[0] && runs_secure(path, &file))
		return refuse(path, "would run with changed privileges (set-user-ID, set-group-ID, file capabilities): "
				    "its loader would ignore LD_PRELOAD");
	return 0;
}

int ig_program_check(const char *path, bool *script)
{
	char current[PATH_MAX], interpreter[PATH_MAX] = "";
	int status = check_file(path, interpreter, sizeof(interpreter));

	*script = interpreter[0];
	for (int depth = 0; !status && interpreter[0]; depth++) {
		if (depth == SCRIPTS_MAX)
			return refuse_error(path, ELOOP);
		memcpy(current, interpreter, sizeof(current));
		interpreter[0] = '\0';
		status = check_file(current, interpreter, sizeof(interpreter));
	}
	return status;
}
