/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads /dev/kmsg, which gives one record a read; see warnings.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab/files.h"
#include "lab/warnings.h"

#define LOG "/dev/kmsg"

/* Each complaint of Linux has one line with one of these. */
static const char *const complaints[] = {
	"WARNING: ", "BUG: ", "INFO: rcu_", "INFO: task ", "hard LOCKUP", "nobody cared", "Oops",
	"general protection",
};

int ig_warnings_open(void)
{
	int log = open(LOG, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log < 0)
		return -errno;
	lseek(log, 0, SEEK_END);
	return log;
}

static bool is_complaint(const char *message)
{
	for (size_t i = 0; i < sizeof(complaints) / sizeof(complaints[0]); i++)
		if (strstr(message, complaints[i]))
			return true;
	return false;
}

/* The message in the next record, which is "4,1234,5678,-;message\n KEY=value\n"; NULL at the end. */
static char *next_message(int log, char *record, size_t size)
{
	char *message;
	ssize_t n;

	do
		n = read(log, record, size - 1);
	while (n < 0 && (errno == EPIPE || errno == EINTR));
	if (n < 0)
		return NULL;
	record[n] = '\0';
	message = strchr(record, ';');
	message = message ? message + 1 : record;
	message[strcspn(message, "\n")] = '\0';
	return message;
}

int64_t ig_warnings_count(int log, char *first, size_t size)
{
	char record[8192], *message;
	int64_t count = 0;

	first[0] = '\0';
	if (log < 0)
		return IG_UNKNOWN;
	while ((message = next_message(log, record, sizeof(record))))
		if (is_complaint(message) && !count++)
			snprintf(first, size, "%s", message);
	return count;
}
