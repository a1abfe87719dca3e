/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* irqgate run: its figures, its exit status. Main thread. */
#include <json-c/json.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/run.h"

static void add_count(struct json_object *object, const char *key, bool known, int64_t value)
{
	json_object_object_add(object, key, known ? json_object_new_int64(value) : NULL);
}

static int64_t extra(const struct ig_report *report)
{
	return (int64_t)(report->entries - (report->events - report->lost)); /* numbers of a guest: any */
}

/* By the values of enum irqgate_diagnosis. */
static const char *const diagnosis_names[IRQGATE_DIAGNOSES] = {
	"edge", "never_unmasked", "held", "storm", "unheard",
};

static struct json_object *diagnoses(struct ig_vmm *vmm)
{
	struct json_object *object = json_object_new_object();

	for (int i = 0; i < IRQGATE_DIAGNOSES; i++)
		add_count(object, diagnosis_names[i], true,
			  (int64_t)ig_diagnosis_count(vmm, (enum irqgate_diagnosis)i));
	return object;
}

static void print_json(const struct ig_run_options *options, struct ig_vmm *vmm)
{
	const struct ig_vmm_figures *figures = &vmm->figures;
	const struct ig_report *report = &vmm->report;
	struct json_object *object = json_object_new_object();
	bool own = !options->vmm.multiboot && !options->vmm.kernel;

	json_object_object_add(object, "policy",
			       json_object_new_string(ig_policy_names[options->vmm.policy]));
	json_object_object_add(object, "guest", own ? json_object_new_string(options->guest) : NULL);
	json_object_object_add(object, "device",
			       options->vmm.devices ? json_object_new_string(options->vmm.device[0].address)
			       : options->vmm.kernel ? NULL : json_object_new_string("builtin"));
	json_object_object_add(object, "path", json_object_new_string(ig_path_names[options->vmm.path]));
	add_count(object, "cpus", true, options->vmm.cpus);
	add_count(object, "events", report->seen, (int64_t)report->events);
	add_count(object, "triggers", figures->measured && figures->triggers >= 0, figures->triggers);
	add_count(object, "resamples", figures->measured && figures->resamples >= 0, figures->resamples);
	add_count(object, "guest_interrupts", report->seen, (int64_t)report->entries);
	add_count(object, "extra", report->seen, extra(report));
	add_count(object, "quiet", report->seen, (int64_t)report->quiet);
	add_count(object, "lost", report->seen, (int64_t)report->lost);
	add_count(object, "user_exits", figures->measured, (int64_t)figures->user_exits);
	add_count(object, "route_updates", figures->measured, (int64_t)figures->route_updates);
	json_object_object_add(object, "seconds",
			       figures->measured ? json_object_new_double(figures->seconds) : NULL);
	json_object_object_add(object, "diagnoses", diagnoses(vmm));
	puts(json_object_to_json_string_ext(object,
					    JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

static void print_words(const struct ig_run_options *options, const struct ig_vmm *vmm)
{
	const struct ig_vmm_figures *figures = &vmm->figures;
	const struct ig_report *report = &vmm->report;

	if (options->vmm.multiboot || options->vmm.kernel || !report->done || !figures->measured)
		return;
	printf("%s, %s guest: %llu events, %llu interrupts, %lld extra, %llu lost; %.1f user exits an event, "
	       "%.1f us an event\n",
	       ig_policy_names[options->vmm.policy], options->guest, (unsigned long long)report->events,
	       (unsigned long long)report->entries, (long long)extra(report),
	       (unsigned long long)report->lost, (double)figures->user_exits / (double)report->events,
	       figures->seconds * 1e6 / (double)report->events);
}

/* Why a run ended that should not have ended so; NULL: the guest is to be asked. */
static const char *complaint(const struct ig_run_options *options, const struct ig_vmm *vmm, char *buffer,
			     size_t size)
{
	switch (vmm->end) {
	case IG_END_TIMEOUT:
		snprintf(buffer, size, "the guest did not end within %u seconds", options->vmm.timeout);
		return buffer;
	case IG_END_SIGNAL: return "ended by a signal";
	case IG_END_RESET: return "the guest asked for a reset, which --no-reboot makes the end";
	default: return NULL;
	}
}

static int exit_status(const struct ig_run_options *options, const struct ig_vmm *vmm)
{
	char buffer[80];
	const char *why = complaint(options, vmm, buffer, sizeof(buffer));

	if (why)
		ig_error("%s", why);
	if (vmm->end == IG_END_POWER_OFF || vmm->end == IG_END_LEFT)
		return IG_EXIT_OK;
	if (vmm->end != IG_END_EXIT_PORT)
		return IG_EXIT_FAILURE;
	if (options->vmm.multiboot)
		return (vmm->exit_value << 1 | 1) & 0xff;
	return vmm->report.done && !vmm->report.lost ? IG_EXIT_OK : IG_EXIT_FAILURE;
}

int ig_run_main(int argc, char **argv)
{
	struct ig_run_options options;
	char append[256];
	struct ig_vmm *vmm;
	bool help = false;
	int status = ig_run_parse(argc, argv, &options, &help);

	if (status || help)
		return status;
	if (!options.vmm.multiboot && !options.vmm.kernel) {
		snprintf(append, sizeof(append), "mode=%s events=%llu work=%llu gap=%llu cpus=%u",
			 options.guest, (unsigned long long)options.events, (unsigned long long)options.work,
			 (unsigned long long)options.gap, options.vmm.cpus);
		options.vmm.append = append;
	}
	if (ig_vmm_open(&options.vmm, &vmm))
		return IG_EXIT_FAILURE;
	status = ig_vmm_run(vmm) ? IG_EXIT_FAILURE : 0;
	ig_console_close(&vmm->console); /* before anything is said on the terminal */
	if (!status)
		status = exit_status(&options, vmm);
	if (options.json)
		print_json(&options, vmm);
	else
		print_words(&options, vmm);
	ig_vmm_close(vmm);
	return status;
}
