/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The table that a person reads: one row a set-up, then in words what was out of the ordinary. No state. */
#include <string.h>

#include "lab/files.h"
#include "lab/report.h"

#define BOLD "\033[1m"
#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

/* Up to so many interrupts an event are within what counting at the edges of the phase may add. */
#define RATIO_RIGHT 1.005
/* From so many on it is not one interrupt too many, but a flood. */
#define RATIO_STORM 10.0

static const char *text_of(json_object *row, const char *key)
{
	const char *text = json_object_get_string(json_object_object_get(row, key));

	return text ? text : "-";
}

static int64_t count_of(json_object *row, const char *key)
{
	json_object *value = json_object_object_get(row, key);

	return value ? json_object_get_int64(value) : IG_UNKNOWN;
}

static bool finished(json_object *row)
{
	return json_object_get_boolean(json_object_object_get(row, "finished"));
}

/* A quotient of two counts, below 0 where one is unknown. */
static double per_event(json_object *row, const char *key)
{
	int64_t count = count_of(row, key), events = count_of(row, "events");

	return count < 0 || events <= 0 ? IG_UNKNOWN : (double)count / (double)events;
}

static void print_count(FILE *to, int width, json_object *row, const char *key)
{
	json_object *value = json_object_object_get(row, key);

	if (value)
		fprintf(to, " %*ld", width, (long)json_object_get_int64(value));
	else
		fprintf(to, " %*s", width, "-");
}

static void print_real(FILE *to, int width, int digits, double value)
{
	if (value < 0)
		fprintf(to, " %*s", width, "-");
	else
		fprintf(to, " %*.*f", width, digits, value);
}

static double seconds_of(json_object *row)
{
	json_object *value = json_object_object_get(row, "seconds");

	return value ? json_object_get_double(value) : IG_UNKNOWN;
}

static const char *colour_of(json_object *row)
{
	double ratio = per_event(row, "guest_interrupts");

	if (!finished(row) || count_of(row, "lost") != 0)
		return RED;
	return ratio > RATIO_RIGHT ? YELLOW : GREEN;
}

static void print_row(json_object *row, FILE *to, bool colour)
{
	fprintf(to, "%s%-12s %-8s", colour ? colour_of(row) : "", text_of(row, "setup"),
		text_of(row, "guest"));
	print_count(to, 7, row, "events");
	print_count(to, 8, row, "triggers");
	print_count(to, 10, row, "guest_interrupts");
	print_real(to, 9, 2, per_event(row, "guest_interrupts"));
	print_count(to, 8, row, "extra");
	print_count(to, 5, row, "lost");
	print_real(to, 7, 1, per_event(row, "exits"));
	print_real(to, 7, 1, per_event(row, "user_exits"));
	print_count(to, 7, row, "route_updates");
	print_real(to, 6, 1, seconds_of(row));
	fprintf(to, "%s\n", colour ? PLAIN : "");
}

static void print_heading(FILE *to, bool colour)
{
	fprintf(to, "%s%-12s %-8s %7s %8s %10s %9s %8s %5s %7s %7s %7s %6s%s\n", colour ? BOLD : "", "", "",
		"", "", "guest", "each", "", "", "exits", "user", "route", "", colour ? PLAIN : "");
	fprintf(to, "%s%-12s %-8s %7s %8s %10s %9s %8s %5s %7s %7s %7s %6s%s\n", colour ? BOLD : "", "set-up",
		"guest", "events", "triggers", "interrupts", "event", "extra", "lost", "/event", "/event",
		"updates", "sec", colour ? PLAIN : "");
}

/* Where it was all measured; the first row that knows speaks for all. */
static void print_where(json_object *rows, FILE *to)
{
	const char *kernel = "-", *qemu = NULL, *ours = NULL;

	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		json_object *row = json_object_array_get_idx(rows, i);
		const char *vmm = text_of(row, "vmm");

		if (strcmp(text_of(row, "host_kernel"), "-"))
			kernel = text_of(row, "host_kernel");
		if (!strncmp(vmm, "QEMU", strlen("QEMU")))
			qemu = vmm;
		else if (strcmp(vmm, "-"))
			ours = vmm;
	}
	fprintf(to,
		"A level-triggered device (edu, by vfio-pci) under several VMMs; one interrupt an event is right.\n"
		"Host: Linux %s%s%s%s%s\n\n",
		kernel, qemu ? ", " : "", qemu ? qemu : "", ours ? ", " : "", ours ? ours : "");
}

static void print_note(json_object *row, FILE *to)
{
	const char *setup = text_of(row, "setup"), *guest = text_of(row, "guest");
	double ratio = per_event(row, "guest_interrupts");

	if (!ig_report_measured(row))
		fprintf(to, "%s/%s: not measured: %s\n", setup, guest, text_of(row, "error"));
	else if (!finished(row))
		fprintf(to, "%s/%s: did not finish in its time%s\n", setup, guest,
			ratio < 0 || ratio > RATIO_STORM ? ": a storm of interrupts starves the guest" : "");
	else if (ratio > RATIO_STORM)
		fprintf(to, "%s/%s: a storm, though it finished in time\n", setup, guest);
	else if (count_of(row, "lost") > 0)
		fprintf(to, "%s/%s: events were lost\n", setup, guest);
}

void ig_report_table(json_object *report, FILE *to, bool colour)
{
	json_object *rows = json_object_object_get(report, "rows");
	size_t count = json_object_array_length(rows);

	fputc('\n', to);
	print_where(rows, to);
	print_heading(to, colour);
	for (size_t i = 0; i < count; i++)
		print_row(json_object_array_get_idx(rows, i), to, colour);
	fputc('\n', to);
	for (size_t i = 0; i < count; i++)
		print_note(json_object_array_get_idx(rows, i), to);
}
