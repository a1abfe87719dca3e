/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What was found, for people and for programs; counterexamples as files that can be taken again. */
#ifndef IG_PROVE_REPORT_H
#define IG_PROVE_REPORT_H

#include "prove/explore.h"

/* What is explored. */
struct subject {
	const struct config *config;
	enum irqgate_policy policy;
	enum defect defect;
	const char *mutant; /* what was compiled into the core, or "none" */
};

/* Sets a world up for it, to be opened. */
void open_subject(struct world *w, const struct subject *subject);

const char *policy_name(enum irqgate_policy policy);
int find_policy(const char *name); /* -1: there is none */

/*
 * A line on stdout; each counterexample after it and, with a directory, in a file; with a file, a JSON
 * object.
 */
void report(const struct subject *subject, struct world *w, const struct result *result, const char *cases,
	    const char *json);

/*
 * Takes the steps of a file, and tells them. Returns an exit status: 0 if they break what the file says they
 * do.
 */
int replay(const char *path);

#endif
