/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What was found; see report.h. One thread. */
#include "prove/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "prove/configs.h"
#include "prove/steps.h"

enum { LINE_MAX = 256, NAME_MAX_ = 64, PATH_MAX_ = 512 };

void open_subject(struct world *w, const struct subject *subject)
{
	w->config = subject->config;
	w->policy = subject->policy;
	w->defect = subject->defect;
}

/* Also what a case's file begins with. */
static void print_subject(FILE *to, const struct subject *subject)
{
	fprintf(to, "configuration %s\npolicy %s\ndefect %s\nmutant %s\n", subject->config->name,
		policy_name(subject->policy), defect_names[subject->defect], subject->mutant);
}

static void print_summary(const struct subject *subject, const struct result *result)
{
	printf("%-28s %-15s %10u states %11llu transitions  depth %3u  %s  %llu violations  %.1f s  %llu "
	       "MiB\n",
	       subject->config->name, policy_name(subject->policy), result->states,
	       (unsigned long long)result->transitions, result->depth,
	       result->complete ? "complete" : "not complete", (unsigned long long)result->violations,
	       result->seconds, (unsigned long long)(result->peak_kib / 1024));
}

static void append_json(const struct subject *subject, const struct result *result, const char *path)
{
	FILE *to = fopen(path, "ae");
	const char *comma = "";

	if (!to) {
		fprintf(stderr, "prove: %s: %s\n", path, strerror(errno));
		return;
	}
	fprintf(to, "{\"name\": \"%s\", \"policy\": \"%s\", \"defect\": \"%s\", \"mutant\": \"%s\", ",
		subject->config->name, policy_name(subject->policy), defect_names[subject->defect],
		subject->mutant);
	fprintf(to,
		"\"states\": %u, \"transitions\": %llu, \"depth\": %u, \"complete\": %s, \"violations\": "
		"%llu, ",
		result->states, (unsigned long long)result->transitions, result->depth,
		result->complete ? "true" : "false", (unsigned long long)result->violations);
	fprintf(to, "\"seconds\": %.2f, \"peak_rss_kib\": %llu, \"violated\": {", result->seconds,
		(unsigned long long)result->peak_kib);
	for (uint32_t i = 0; i < PROPERTIES; i++) {
		if (!result->broken[i])
			continue;
		fprintf(to, "%s\"%s\": %u", comma, properties[i].name, result->way[i].steps);
		comma = ", ";
	}
	fputs("}}\n", to);
	fclose(to);
}

static const char legend[] = "     (Each device is assigned to the guest. When it interrupts, the host masks "
			     "it and signals its trigger, an eventfd;\n"
			     "     a resample makes the host listen again, and a device that still asserts "
			     "then interrupts at once. Of irqgate are the\n"
			     "     core, which has the state of the chips, and the VMM's loop and the vCPUs' threads, "
			     "which do what the core asks\n"
			     "     for. \"now\" is how that stands which has changed. What is indented belongs to "
			     "the step above it. WRONG is each\n"
			     "     property that is broken; the search goes on to the one that is named at the "
			     "end.)\n";

/* Takes the steps and tells them. Returns what the last one violated. */
static uint32_t tell(struct world *w, const struct way *way)
{
	static struct told told;

	w->story = NULL;
	if (world_open(w))
		return 0;
	w->story = stdout;
	memset(&told, 0, sizeof(told));
	w->told = &told;
	printf("%s     At the start:\n", legend);
	tell_state(w);
	for (uint32_t i = 0; i < way->steps; i++) {
		printf("%3u. ", i + 1);
		if (!try_step(w, way->step[i])) {
			printf("this step can not be taken\n");
			return 0;
		}
	}
	w->story = NULL;
	return w->violated;
}

static void print_demand(enum property property)
{
	printf("     This breaks \"%s\":\n       %s;\n       %s.\n", properties[property].name,
	       properties[property].demand, properties[property].matters);
}

static void save(const struct subject *subject, const struct world *w, enum property property,
		 const struct way *way, const char *directory)
{
	bool mutated = strcmp(subject->mutant, "none");
	char path[PATH_MAX_];
	FILE *to;

	snprintf(path, sizeof(path), "%s/%s-%s-%s-%s.case", directory, subject->config->name,
		 policy_name(subject->policy), mutated ? subject->mutant : defect_names[subject->defect],
		 properties[property].name);
	to = fopen(path, "we");
	if (!to) {
		fprintf(stderr, "prove: %s: %s\n", path, strerror(errno));
		return;
	}
	print_subject(to, subject);
	fprintf(to, "breaks %s\n", properties[property].name);
	for (uint32_t i = 0; i < way->steps; i++)
		fprintf(to, "step %s %u\n", name_of(w, way->step[i]), w->step[way->step[i]].argument);
	fclose(to);
}

/* A defect is the adapter's, a mutant the core's; either has been put in on purpose. */
static void explain_subject(const struct subject *subject)
{
	printf(" (%s, policy %s, defect put in: %s, mutant: %s):\n", subject->config->summary,
	       policy_name(subject->policy), defect_names[subject->defect], subject->mutant);
}

void report(const struct subject *subject, struct world *w, const struct result *result, const char *cases,
	    const char *json)
{
	print_summary(subject, result);
	if (json)
		append_json(subject, result, json);
	for (uint32_t i = 0; i < PROPERTIES; i++) {
		if (!result->broken[i])
			continue;
		printf("\nA shortest way to break \"%s\"", properties[i].name);
		explain_subject(subject);
		tell(w, &result->way[i]);
		print_demand((enum property)i);
		if (cases)
			save(subject, w, (enum property)i, &result->way[i], cases);
	}
	fflush(stdout);
}

/* A case's file. */

struct case_file {
	struct subject subject;
	enum property breaks;
	struct world *w;
	struct way way;
	const char *path;
	uint32_t line;
};

static bool bad(const struct case_file *file, const char *what)
{
	fprintf(stderr, "prove: %s:%u: %s\n", file->path, file->line, what);
	return false;
}

static bool set_defect(struct case_file *file, const char *name)
{
	for (uint32_t i = 0; i < DEFECTS; i++)
		if (!strcmp(defect_names[i], name)) {
			file->subject.defect = (enum defect)i;
			return true;
		}
	return bad(file, "no such defect");
}

static bool set_property(struct case_file *file, const char *name)
{
	for (uint32_t i = 0; i < PROPERTIES; i++)
		if (!strcmp(properties[i].name, name)) {
			file->breaks = (enum property)i;
			return true;
		}
	return bad(file, "no such property");
}

static bool set_policy(struct case_file *file, const char *name)
{
	int policy = find_policy(name);

	if (policy < 0)
		return bad(file, "no such policy");
	file->subject.policy = (enum irqgate_policy)policy;
	return true;
}

/* The steps have their numbers only once it is known what is explored. */
static bool add_step(struct case_file *file, const char *name, uint32_t argument)
{
	uint32_t step;

	if (!file->subject.config)
		return bad(file, "a step before the configuration");
	open_subject(file->w, &file->subject);
	list_steps(file->w);
	step = find_step(file->w, name, argument);
	if (step == file->w->steps)
		return bad(file, "no such step");
	if (file->way.steps == WAY_MAX)
		return bad(file, "too many steps");
	file->way.step[file->way.steps++] = (uint8_t)step;
	return true;
}

static bool parse_line(struct case_file *file, const char *line)
{
	char word[NAME_MAX_] = "", name[NAME_MAX_] = "";
	unsigned int argument = 0;

	if (line[0] == '#' || line[0] == '\n')
		return true;
	if (sscanf(line, "%63s %63s %u", word, name, &argument) < 2)
		return bad(file, "not understood");
	if (!strcmp(word, "step"))
		return add_step(file, name, argument);
	if (!strcmp(word, "policy"))
		return set_policy(file, name);
	if (!strcmp(word, "defect"))
		return set_defect(file, name);
	if (!strcmp(word, "breaks"))
		return set_property(file, name);
	if (!strcmp(word, "mutant"))
		return true;
	if (strcmp(word, "configuration"))
		return bad(file, "not understood");
	file->subject.config = find_config(name);
	return file->subject.config || bad(file, "no such configuration");
}

static bool parse_file(struct case_file *file)
{
	FILE *from = fopen(file->path, "re");
	char line[LINE_MAX];
	bool good = true;

	if (!from) {
		fprintf(stderr, "prove: %s: %s\n", file->path, strerror(errno));
		return false;
	}
	for (file->line = 1; good && fgets(line, sizeof(line), from); file->line++)
		good = parse_line(file, line);
	fclose(from);
	return good && (file->subject.config || bad(file, "no configuration"));
}

enum { EXIT_BREAKS = 0, EXIT_DOES_NOT = 1, EXIT_NO_CASE = 2 };

int replay(const char *path)
{
	struct case_file file = { .path = path, .breaks = PROPERTIES, .subject = { .mutant = "none" } };
	int status = EXIT_DOES_NOT;
	uint32_t violated;

	file.w = calloc(1, sizeof(*file.w));
	if (!file.w || !parse_file(&file)) {
		free(file.w);
		return EXIT_NO_CASE;
	}
	printf("%s", path);
	explain_subject(&file.subject);
	open_subject(file.w, &file.subject);
	violated = tell(file.w, &file.way);
	for (uint32_t i = 0; i < PROPERTIES; i++)
		if (violated >> i & 1)
			print_demand((enum property)i);
	if (file.breaks < PROPERTIES && violated >> file.breaks & 1)
		status = EXIT_BREAKS;
	else
		printf("     This breaks nothing%s\n", violated ? " of what the file says" : "");
	free(file.w);
	return status;
}
