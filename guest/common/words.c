/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Words of a command line; those that nobody knows (a loader's, the path of the image) are passed over. No
 * state.
 */
#include <stddef.h>

#include "common/machine.h"

const char *words_after(const char *word, const char *name)
{
	while (*name)
		if (*word++ != *name++)
			return NULL;
	return word;
}

bool words_end(const char *text)
{
	return *text == ' ' || *text == '\0';
}

bool words_same(const char *word, const char *name)
{
	const char *end = words_after(word, name);

	return end && words_end(end);
}

uint64_t words_number(const char *text, uint64_t max, const char *error)
{
	uint64_t value = 0;

	if (words_end(text))
		fail(error, 0);
	for (; !words_end(text); text++) {
		if (*text < '0' || *text > '9' || value > max)
			fail(error, (uint32_t)value);
		value = value * 10 + (uint32_t)(*text - '0');
	}
	if (value > max)
		fail(error, (uint32_t)value);
	return value;
}

void words_each(const char *line, void (*word)(const char *word))
{
	while (*line) {
		if (*line == ' ') {
			line++;
			continue;
		}
		word(line);
		while (!words_end(line))
			line++;
	}
}
