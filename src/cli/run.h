/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* irqgate run: what its options say. Main thread. */
#ifndef IG_CLI_RUN_H
#define IG_CLI_RUN_H

#include "vmm/vmm.h"

#define IG_ADDRESS_SIZE 32U

struct ig_run_options {
	struct ig_vmm_options vmm;
	const char *guest; /* the embedded guest's mode */
	uint64_t events, work, gap;
	bool json;
	char address[IG_DEVICES_MAX][IG_ADDRESS_SIZE]; /* of the assigned devices */
};

/* By the values of enum irqgate_policy and enum irqgate_path. */
extern const char *const ig_policy_names[], *const ig_path_names[];

/* Returns IG_EXIT_OK to go on, or the exit status; *help: it was printed. */
int ig_run_parse(int argc, char **argv, struct ig_run_options *options, bool *help);

#endif
