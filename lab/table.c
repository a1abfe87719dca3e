/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The table that a person reads: one row a set-up, of the medians where it was measured several times; then
 * in words what was out of the ordinary. No state.
 */
#include <string.h>

#include "lab/files.h"
#include "lab/median.h"
#include "lab/report.h"

#define BOLD "\033[1m"
#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

/* Up to so many interrupts for each are within what counting at the edges of the phase may add. */
#define RATIO_RIGHT 1.005
/* From so many on it is not one interrupt too many, but a flood. */
#define RATIO_STORM 10.0

/* The width of the two columns of names. */
struct widths {
	int setup, guest;
};

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

static double per_event(json_object *row, const char *key)
{
	int64_t count = ig_report_count(row, key), events = ig_report_count(row, "events");

	return count < 0 || events <= 0 ? IG_UNKNOWN : (double)count / (double)events;
}

static bool is_linux(json_object *row)
{
	return ig_report_count(row, "sent") >= 0;
}

/*
 * Interrupts for one that is right. A ping may rightly take more than one; and where a guest raises its
 * events without a pause, VFIO may trigger without an interrupt of the host.
 */
static double ratio_of(json_object *row)
{
	return is_linux(row) ? ig_report_real(row, "ratio") : per_event(row, "guest_interrupts");
}

static const char *colour_of(json_object *row)
{
	if (!ig_report_finished(row) || ig_report_count(row, "lost") != 0)
		return RED;
	return ratio_of(row) > RATIO_RIGHT ? YELLOW : GREEN;
}

static void print_row(json_object *row, const struct widths *widths, FILE *to, bool colour)
{
	double milliseconds = ig_report_real(row, "event_seconds") * 1000;

	fprintf(to, "%s%-*s %-*s", colour ? colour_of(row) : "", widths->setup, ig_report_text(row, "setup"),
		widths->guest, ig_report_text(row, "guest"));
	print_count(to, 6, row, "events");
	print_count(to, 8, row, "triggers");
	print_count(to, 10, row, "guest_interrupts");
	print_real(to, 8, 2, per_event(row, "guest_interrupts"));
	print_real(to, 7, 2, ig_report_real(row, "ratio"));
	print_count(to, 7, row, "extra");
	print_count(to, 4, row, "lost");
	print_real(to, 7, 1, per_event(row, "exits"));
	print_real(to, 7, 1, per_event(row, "user_exits"));
	print_count(to, 7, row, "route_updates");
	print_real(to, 7, 2, milliseconds);
	fprintf(to, "%s\n", colour ? PLAIN : "");
}

static void print_heading(const struct widths *widths, FILE *to, bool colour)
{
	static const char *const lines[][13] = {
		{ "", "", "", "", "guest", "each", "each", "", "", "exits", "user", "route", "ms" },
		{ "set-up", "guest", "events", "triggers", "interrupts", "event", "host's", "extra", "lost",
		  "/event", "/event", "updates", "/event" },
	};

	for (int i = 0; i < 2; i++) {
		const char *const *word = lines[i];

		fprintf(to, "%s%-*s %-*s %6s %8s %10s %8s %7s %7s %4s %7s %7s %7s %7s%s\n",
			colour ? BOLD : "", widths->setup, word[0], widths->guest, word[1], word[2], word[3],
			word[4], word[5], word[6], word[7], word[8], word[9], word[10], word[11], word[12],
			colour ? PLAIN : "");
	}
}

/* Where it was all measured; the first row that knows speaks for all. */
static void print_where(json_object *rows, FILE *to)
{
	const char *kernel = "-", *qemu = NULL, *ours = NULL;
	bool pings = false;

	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		json_object *row = json_object_array_get_idx(rows, i);
		const char *vmm = ig_report_text(row, "vmm");

		if (strcmp(ig_report_text(row, "host_kernel"), "-"))
			kernel = ig_report_text(row, "host_kernel");
		if (!strncmp(vmm, "QEMU", strlen("QEMU")))
			qemu = vmm;
		else if (strcmp(vmm, "-"))
			ours = vmm;
		pings |= is_linux(row);
	}
	fprintf(to,
		"A level-triggered device (by vfio-pci) under several VMMs; one interrupt an event is right%s.\n"
		"Host: Linux %s%s%s%s%s\n\n",
		pings ? ",\nto a Linux guest, where an event is a ping, one for each of the host's" : "", kernel,
		qemu ? ", " : "", qemu ? qemu : "", ours ? ", " : "", ours ? ours : "");
}

static const char *ending_of(json_object *row)
{
	double ratio = ratio_of(row);

	if (!ig_report_finished(row))
		return ratio < 0 || ratio > RATIO_STORM
		       ? "did not finish in its time: a storm of interrupts starves the guest"
		       : "did not finish in its time";
	if (ratio > RATIO_STORM)
		return "a storm, though it finished in time";
	return ig_report_count(row, "lost") > 0 ? "events were lost" : NULL;
}

/* What was out of the ordinary with a row, in words. */
static void print_notes(json_object *row, FILE *to)
{
	const char *setup = ig_report_text(row, "setup"), *guest = ig_report_text(row, "guest");
	const char *ending = ending_of(row);

	if (!ig_report_measured(row))
		fprintf(to, "%s/%s: not measured: %s\n", setup, guest, ig_report_text(row, "error"));
	else if (ending)
		fprintf(to, "%s/%s: %s\n", setup, guest, ending);
	if (ig_report_count(row, "host_warnings") > 0)
		fprintf(to, "%s/%s: the host's kernel complained: %s\n", setup, guest,
			ig_report_text(row, "host_warning"));
}

static void print_cost(json_object *rows, json_object *row, FILE *to)
{
	int pairs;
	double cost = ig_median_cost(rows, row, &pairs);

	if (pairs > 1)
		fprintf(to, "%s/%s: %.2f of the time an event takes without exec (median of %d pairs)\n",
			ig_report_text(row, "setup"), ig_report_text(row, "guest"), cost, pairs);
}

static struct widths find_widths(json_object *rows)
{
	struct widths widths = { 12, 8 };

	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		json_object *row = json_object_array_get_idx(rows, i);
		int setup = (int)strlen(ig_report_text(row, "setup"));
		int guest = (int)strlen(ig_report_text(row, "guest"));

		widths.setup = setup > widths.setup ? setup : widths.setup;
		widths.guest = guest > widths.guest ? guest : widths.guest;
	}
	return widths;
}

void ig_report_table(json_object *report, FILE *to, bool colour)
{
	json_object *rows = json_object_object_get(report, "rows"), *medians = ig_medians(rows);
	size_t count = json_object_array_length(medians);
	struct widths widths = find_widths(medians);

	fputc('\n', to);
	print_where(rows, to);
	print_heading(&widths, to, colour);
	for (size_t i = 0; i < count; i++)
		print_row(json_object_array_get_idx(medians, i), &widths, to, colour);
	fputc('\n', to);
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		print_notes(json_object_array_get_idx(rows, i), to);
	for (size_t i = 0; i < count; i++)
		print_cost(rows, json_object_array_get_idx(medians, i), to);
	json_object_put(medians);
}
