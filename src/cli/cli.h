/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What every verb of the command shares: how it reports errors, reads numbers
 * and finds the files that belong to it. One thread; nothing here locks.
 */
#ifndef IG_CLI_H
#define IG_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ig_exit_code {
	IG_EXIT_OK = 0,
	IG_EXIT_FAILURE = 1,
	IG_EXIT_USAGE = 2,
	IG_EXIT_CANNOT_RUN = 126, /* a command that is there; 126 and 127 as in sh(1) and env(1) */
	IG_EXIT_NOT_FOUND = 127,
};

/* The verbs: each takes its own arguments (argv[0] is the verb) and returns the exit status. */
int ig_run_main(int argc, char **argv);
int ig_exec_main(int argc, char **argv);
int ig_sim_main(int argc, char **argv);
int ig_lab_main(int argc, char **argv);

/*
 * First of all: a file that is opened later must not become stdin, stdout or stderr because that is closed. What is
 * closed stays unusable, but taken.
 */
void ig_output_open(void);

/* Last of all: the exit status, which is a failure if not all of stdout could be written. Says so. */
int ig_output_close(int status);

/* Prints "irqgate: " and one line on stderr; the line names the thing and what to do. */
void ig_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, with a pointer to the verb's help at its end; returns IG_EXIT_USAGE. */
int ig_usage_error(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reads a whole unsigned number (decimal or 0x) between min and max. Returns 0 or -EINVAL. */
int ig_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* As ig_parse_number, in bytes, with an optional suffix K, M or G (powers of 1024). */
int ig_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/*
 * The path of a file that belongs to the command ("lab/fetch-kernel"): in the source tree or the
 * build tree when the command runs from its build tree, else below the installed libexec folder.
 * Returns 0, or -ENOENT when there is none.
 */
int ig_find_file(const char *name, char *path, size_t size);

#endif
