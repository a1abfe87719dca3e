/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What was asked for, so that it can be compared with what is asked for without the library. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum { LETTERS = 26 };

static FILE *out;
static char *text;
static size_t length;
static int letter[LETTERS];

void fake_log_start(void)
{
	fake_lock();
	memset(letter, 0, sizeof(letter));
	out = open_memstream(&text, &length);
	fake_unlock();
}

char *fake_log_end(void)
{
	fake_lock();
	if (out)
		fclose(out);
	out = NULL;
	fake_unlock();
	return text;
}

void fake_log(const char *format, ...)
{
	va_list args;

	if (!out)
		return;
	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
	fputc('\n', out);
}

/* Ids are above 0 but for the first eventfd of a system. */
char fake_letter(int fd)
{
	int id = out ? fake_eventfd_id(fd) : -1;

	if (id < 0)
		return '-';
	for (int i = 0; i < LETTERS; i++) {
		if (letter[i] != id && letter[i] != 0)
			continue;
		letter[i] = id;
		return (char)('A' + i);
	}
	return '?';
}
