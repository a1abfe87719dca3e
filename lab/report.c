/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The results as JSON; see report.h. table.c prints them for people. */
#include <string.h>

#include "lab/files.h"
#include "lab/report.h"

/* In per cent, what irqgate promises where it does not promise none. */
enum { EXTRA_BELOW = 1, LINUX_EXTRA_MAX = 1, LINUX_EXEC_EXTRA_MAX = 5 };

/* Interrupts that may be counted on one side only, at the edges of the phase. */
enum { LINUX_EDGE = 1 };

void ig_result_clear(struct ig_result *result)
{
	*result = (struct ig_result){
		.run = 1,
		.events = IG_UNKNOWN, .host_interrupts = IG_UNKNOWN, .triggers = IG_UNKNOWN,
		.guest_interrupts = IG_UNKNOWN, .lost = IG_UNKNOWN, .quiet = IG_UNKNOWN,
		.sent = IG_UNKNOWN, .received = IG_UNKNOWN,
		.exits = IG_UNKNOWN, .user_exits = IG_UNKNOWN, .route_updates = IG_UNKNOWN,
		.host_warnings = IG_UNKNOWN, .seconds = IG_UNKNOWN, .event_seconds = IG_UNKNOWN,
	};
}

static void add_text(json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, text[0] ? json_object_new_string(text) : NULL);
}

static void add_count(json_object *object, const char *key, int64_t count)
{
	json_object_object_add(object, key, count < 0 ? NULL : json_object_new_int64(count));
}

static void add_real(json_object *object, const char *key, double value)
{
	char text[40];

	snprintf(text, sizeof(text), "%.7f", value);
	json_object_object_add(object, key, value < 0 ? NULL : json_object_new_double_s(value, text));
}

/*
 * What the guest took beyond one for each event; beyond one for each of the device where the guest is Linux,
 * as a ping may take the network card one interrupt or two. Fewer would be negative, a figure like any other.
 */
static json_object *extra_of(const struct ig_row *row, const struct ig_result *result)
{
	int64_t right = row->guest->kernel ? result->host_interrupts : result->events;

	if (right < 0 || result->guest_interrupts < 0)
		return NULL;
	if (!row->guest->kernel && result->lost > 0)
		right -= result->lost;
	return json_object_new_int64(result->guest_interrupts - right);
}

static double ratio_of(const struct ig_result *result)
{
	if (result->guest_interrupts < 0 || result->host_interrupts <= 0)
		return IG_UNKNOWN;
	return (double)result->guest_interrupts / (double)result->host_interrupts;
}

json_object *ig_result_to_json(const struct ig_row *row, const struct ig_result *result)
{
	json_object *object = json_object_new_object();

	add_text(object, "setup", row->setup->name);
	add_text(object, "host_kernel", result->host_kernel);
	add_text(object, "guest", row->guest->name);
	add_text(object, "device", row->guest->device);
	add_text(object, "vmm", result->vmm);
	add_count(object, "run", result->run);
	add_count(object, "events", result->events);
	add_count(object, "sent", result->sent);
	add_count(object, "received", result->received);
	add_count(object, "host_interrupts", result->host_interrupts);
	add_count(object, "triggers", result->triggers);
	add_count(object, "guest_interrupts", result->guest_interrupts);
	add_real(object, "ratio", ratio_of(result));
	json_object_object_add(object, "extra", extra_of(row, result));
	add_count(object, "lost", result->lost);
	add_count(object, "exits", result->exits);
	add_count(object, "user_exits", result->user_exits);
	add_count(object, "route_updates", result->route_updates);
	json_object_object_add(object, "finished", json_object_new_boolean(result->finished));
	add_real(object, "seconds", result->seconds);
	add_real(object, "event_seconds", result->event_seconds);
	add_count(object, "quiet", result->quiet);
	add_count(object, "host_warnings", result->host_warnings);
	if (result->host_warning[0])
		add_text(object, "host_warning", result->host_warning);
	if (result->error[0])
		add_text(object, "error", result->error);
	if (result->exec)
		json_object_object_add(object, "exec", result->exec);
	return object;
}

const char *ig_report_text(json_object *row, const char *key)
{
	const char *text = json_object_get_string(json_object_object_get(row, key));

	return text ? text : "-";
}

int64_t ig_report_count(json_object *row, const char *key)
{
	json_object *value = json_object_object_get(row, key);

	return value ? json_object_get_int64(value) : IG_UNKNOWN;
}

double ig_report_real(json_object *row, const char *key)
{
	json_object *value = json_object_object_get(row, key);

	return value ? json_object_get_double(value) : IG_UNKNOWN;
}

bool ig_report_finished(json_object *row)
{
	return json_object_get_boolean(json_object_object_get(row, "finished"));
}

bool ig_report_measured(json_object *row)
{
	return !json_object_object_get_ex(row, "error", NULL);
}

static bool find_row(json_object *object, struct ig_row *row)
{
	struct ig_row_list list;
	char name[2 * IG_ROW_NAME_MAX], wrong[IG_ROW_NAME_MAX];

	snprintf(name, sizeof(name), "%s/%s", ig_report_text(object, "setup"),
		 ig_report_text(object, "guest"));
	if (ig_rows_parse(name, &list, wrong, sizeof(wrong)))
		return false;
	*row = list.rows[0];
	return true;
}

static bool extra_as_promised(const struct ig_row *row, json_object *object)
{
	json_object *value = json_object_object_get(object, "extra");
	int64_t extra = value ? json_object_get_int64(value) : 0;

	if (!value)
		return false;
	if (row->guest->kernel) {
		int64_t most = row->setup->exec ? LINUX_EXEC_EXTRA_MAX : LINUX_EXTRA_MAX;

		return (extra - LINUX_EDGE) * 100 <= ig_report_count(object, "host_interrupts") * most;
	}
	if (row->setup->exact)
		return extra == 0;
	return extra * 100 < ig_report_count(object, "events") * EXTRA_BELOW;
}

bool ig_report_as_promised(json_object *object)
{
	struct ig_row row;

	if (!find_row(object, &row) || !ig_setup_is_ours(row.setup))
		return true;
	if (row.setup->deaf_pic && row.guest->pic)
		return true;
	return ig_report_finished(object) && ig_report_count(object, "lost") == 0 &&
	       extra_as_promised(&row, object);
}
