/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reading and writing the kernel's small text files. No state. */
#ifndef IG_LAB_FILES_H
#define IG_LAB_FILES_H

#include <stddef.h>
#include <stdint.h>

enum { IG_UNKNOWN = -1 };	/* a figure that could not be had */

/* Writes the text in one write. Returns 0 or a negative errno. */
int ig_file_write(const char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reads the whole file into memory that the caller frees; NULL when it cannot be read. */
char *ig_file_read(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The number that the file starts with, or IG_UNKNOWN. */
int64_t ig_file_number(const char *path);

#endif
