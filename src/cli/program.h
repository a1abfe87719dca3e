/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A program that is about to be started with a preloaded library: where it is, and whether its dynamic loader
 * will take the library. Both calls print what is wrong as one line on stderr and return the exit status for
 * it (126 it cannot be run so, 127 it was not found), or 0. One thread; nothing here locks.
 */
#ifndef IG_CLI_PROGRAM_H
#define IG_CLI_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/* Looks for the command in PATH as execvp(3) does; one with a slash is a path. */
int ig_program_find(const char *command, char *path, size_t size);

/* Of a script it is the interpreter that is checked; *script tells. What cannot be read passes unchecked. */
int ig_program_check(const char *path, bool *script);

#endif
