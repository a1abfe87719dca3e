/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The results as JSON; see report.h. table.c prints them for people. */
#include <string.h>

#include "lab/files.h"
#include "lab/report.h"

void ig_result_clear(struct ig_result *result)
{
	*result = (struct ig_result){
		.events = IG_UNKNOWN, .host_interrupts = IG_UNKNOWN, .triggers = IG_UNKNOWN,
		.guest_interrupts = IG_UNKNOWN, .extra = IG_UNKNOWN, .lost = IG_UNKNOWN, .quiet = IG_UNKNOWN,
		.exits = IG_UNKNOWN, .user_exits = IG_UNKNOWN, .route_updates = IG_UNKNOWN,
		.seconds = IG_UNKNOWN,
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

static void add_seconds(json_object *object, double seconds)
{
	char text[40];

	snprintf(text, sizeof(text), "%.6f", seconds);
	json_object_object_add(object, "seconds",
			       seconds < 0 ? NULL : json_object_new_double_s(seconds, text));
}

json_object *ig_result_to_json(const struct ig_row *row, const struct ig_result *result)
{
	json_object *object = json_object_new_object();

	add_text(object, "setup", row->setup);
	add_text(object, "host_kernel", result->host_kernel);
	add_text(object, "guest", row->guest);
	add_text(object, "device", result->device);
	add_text(object, "vmm", result->vmm);
	add_count(object, "events", result->events);
	add_count(object, "host_interrupts", result->host_interrupts);
	add_count(object, "triggers", result->triggers);
	add_count(object, "guest_interrupts", result->guest_interrupts);
	/* Fewer interrupts than events would be negative: a figure like any other, so not by add_count. */
	json_object_object_add(object, "extra", result->events < 0 || result->guest_interrupts < 0 ? NULL
			       : json_object_new_int64(result->extra));
	add_count(object, "lost", result->lost);
	add_count(object, "exits", result->exits);
	add_count(object, "user_exits", result->user_exits);
	add_count(object, "route_updates", result->route_updates);
	json_object_object_add(object, "finished", json_object_new_boolean(result->finished));
	add_seconds(object, result->seconds);
	add_count(object, "quiet", result->quiet);
	if (result->error[0])
		add_text(object, "error", result->error);
	return object;
}

bool ig_report_measured(json_object *row)
{
	return !json_object_object_get_ex(row, "error", NULL);
}

static int64_t count_of(json_object *row, const char *key)
{
	json_object *value = json_object_object_get(row, key);

	return value ? json_object_get_int64(value) : IG_UNKNOWN;
}

bool ig_report_as_promised(json_object *row)
{
	const char *setup = json_object_get_string(json_object_object_get(row, "setup"));

	if (!setup || strcmp(setup, "irqgate"))
		return true;
	return json_object_get_boolean(json_object_object_get(row, "finished")) &&
	       count_of(row, "extra") == 0 && count_of(row, "lost") == 0;
}
