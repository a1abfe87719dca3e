/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What was counted, for each device on each GSI: for people on stderr, and as JSON. Caller holds the lock,
 * but when the JSON is written: that may take long, so a thread of its own does it while the VMM runs. A
 * mutex of its own keeps the last object the last.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "exec/exec.h"

static pthread_mutex_t file_mutex = PTHREAD_MUTEX_INITIALIZER;
static bool ended, runs;

struct ig_record *ig_record_of(const struct ig_device *device, uint32_t gsi, const char *chip)
{
	struct ig_record **at = &ig_exec.records;

	for (; *at; at = &(*at)->next)
		if ((*at)->gsi == gsi && !strcmp((*at)->device, device->name) && (*at)->chip == chip)
			return *at;
	*at = calloc(1, sizeof(**at));
	if (!*at)
		return NULL;
	memcpy((*at)->device, device->name, sizeof((*at)->device));
	(*at)->gsi = gsi;
	(*at)->chip = chip;
	return *at;
}

static const char *policy_name(void)
{
	return ig_exec.config.policy == IRQGATE_POLICY_EOI ? "eoi" : "hold";
}

static bool holds(void)
{
	return ig_exec.config.policy == IRQGATE_POLICY_HOLD;
}

/* Each EOI of a masked pin would have brought the next trigger, and with it the next interrupt. */
static uint64_t saved(const struct ig_record *record)
{
	return holds() ? record->holds : 0;
}

static void print_record(const struct ig_record *record)
{
	const struct ig_histogram *hold = &record->hold_us;

	ig_exec_say("%s on GSI %" PRIu32 " (%s irqchip, policy %s): %" PRIu64 " EOIs, %" PRIu64
		    " of them with the pin masked; %" PRIu64 " holds, %" PRIu64 " releases, %" PRIu64
		    " us held (median; 99 %%: %" PRIu64 ", most: %" PRIu64 "); %" PRIu64
		    " polls; interrupts saved: %" PRIu64 " or more",
		    record->device, record->gsi, record->chip, policy_name(), record->eois, record->masked_eois,
		    record->holds, record->releases, ig_histogram_quantile(hold, 0.5),
		    ig_histogram_quantile(hold, 0.99), hold->max, record->polls, saved(record));
}

static void print_left(const struct ig_device *device)
{
	const char *why = ig_line_why_left(device);

	if (why && device->trigger.fd != IG_NO_FD)
		ig_exec_say("%s is left as it is: %s", device->name, why);
}

void ig_stats_print(void)
{
	for (const struct ig_record *record = ig_exec.records; record; record = record->next)
		if (record->gated || record->eois)
			print_record(record);
	ig_for_each_device(device)
		print_left(device);
	if (!ig_exec.records && !ig_exec.devices)
		ig_exec_say("no VFIO device has been set up by this process so far");
}

static void write_text(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', to);
		if ((unsigned char)*text >= ' ')
			fputc(*text, to);
	}
	fputc('"', to);
}

/* The kernel takes the triggers itself on the direct path and on its own chip. */
static void write_triggers(FILE *to, const struct ig_record *record)
{
	if (record->direct || !strcmp(record->chip, "kernel"))
		fputs("null", to);
	else
		fprintf(to, "%" PRIu64, record->triggers);
}

static void write_record(FILE *to, const struct ig_record *record)
{
	const struct ig_histogram *hold = &record->hold_us;

	fputs("{\"device\": ", to);
	write_text(to, record->device);
	fprintf(to, ", \"gsi\": %" PRIu32 ", \"irqchip\": \"%s\", \"policy\": \"%s\", \"gated\": %s, \"direct\": %s, "
		    "\"triggers\": ", record->gsi, record->chip, policy_name(), record->gated ? "true" : "false",
		record->direct ? "true" : "false");
	write_triggers(to, record);
	fprintf(to, ", \"eois\": %" PRIu64 ", \"masked_eois\": %" PRIu64 ", \"holds\": %" PRIu64
		    ", \"releases\": %" PRIu64 ", \"resamples\": %" PRIu64 ", \"silences\": %" PRIu64
		    ", \"polls\": %" PRIu64 ", \"hold_us_p50\": %" PRIu64 ", \"hold_us_p99\": %" PRIu64
		    ", \"hold_us_max\": %" PRIu64 ", \"saved\": %" PRIu64 "}",
		record->eois, record->masked_eois, record->holds, record->releases, record->resamples,
		record->silences, record->polls, ig_histogram_quantile(hold, 0.5),
		ig_histogram_quantile(hold, 0.99), hold->max, saved(record));
}

static void write_left(FILE *to, const struct ig_device *device, const char *why)
{
	fputs("{\"device\": ", to);
	write_text(to, device->name);
	fputs(", \"why\": ", to);
	write_text(to, why);
	fputc('}', to);
}

static void write_all(FILE *to)
{
	const char *separator = "";

	fputs("{\"lines\": [", to);
	for (const struct ig_record *record = ig_exec.records; record; record = record->next) {
		fputs(separator, to);
		write_record(to, record);
		separator = ", ";
	}
	fputs("], \"left\": [", to);
	separator = "";
	ig_for_each_device(device) {
		const char *why = ig_line_why_left(device);

		if (!why)
			continue;
		fputs(separator, to);
		write_left(to, device, why);
		separator = ", ";
	}
	fputs("]}\n", to);
}

/* The file always holds one whole object, so that a VMM that is killed leaves the last one. */
static bool put(int fd, bool last, const char *text, size_t length)
{
	struct stat file;

	if (fstat(fd, &file))
		return false;
	if (!S_ISREG(file.st_mode))
		return !last || write(fd, text, length) == (ssize_t)length;
	return !ftruncate(fd, 0) && pwrite(fd, text, length, 0) == (ssize_t)length;
}

struct ig_text ig_stats_json(void)
{
	struct ig_text text = { .bytes = NULL };
	FILE *to = ig_exec.config.json_fd == IG_NO_FD ? NULL : open_memstream(&text.bytes, &text.length);

	if (!to)
		return text;
	write_all(to);
	if (fclose(to)) {
		free(text.bytes);
		text.bytes = NULL;
	}
	return text;
}

void ig_stats_write(struct ig_text text, bool last)
{
	bool written = true;

	if (!text.bytes)
		return;
	pthread_mutex_lock(&file_mutex);
	if (!ended)
		written = put(ig_exec.config.json_fd, last, text.bytes, text.length);
	ended |= last;
	pthread_mutex_unlock(&file_mutex);
	if (!written)
		ig_exec_say("cannot write the JSON file: %s", strerror(errno));
	free(text.bytes);
}

static void *run(void *unused)
{
	const struct timespec period = { .tv_sec = ig_exec.config.stats_seconds };
	struct ig_text json;

	(void)unused;
	for (;;) {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &period, NULL);
		if (!ig_exec_lock())
			return NULL;
		ig_stats_print();
		json = ig_stats_json();
		ig_exec_unlock();
		ig_stats_write(json, false);
	}
}

void ig_stats_start(void)
{
	int error;

	if (runs || ig_exec.config.stats_seconds <= 0)
		return;
	error = ig_thread_start(run, "irqgate-stats");
	runs = !error;
	if (error)
		ig_exec_say("no statistics while the VMM runs: %s", strerror(error));
}

void ig_stats_forked(void)
{
	const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

	runs = false;
	file_mutex = fresh;
}
