/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Runs one VMM with our guest in the host and measures it between the guest's marks. One thread. */
#ifndef IG_LAB_VMM_H
#define IG_LAB_VMM_H

#include "lab/device.h"
#include "lab/report.h"
#include "lab/trace.h"

/*
 * Runs the command, at most `limit` seconds, and fills in the figures. A guest that does not finish in time
 * is a result; a VMM that ends before the guest has reported is an error, told in result->error.
 */
void ig_vmm_measure(const char *const *argv, const struct ig_device *device, struct ig_trace *trace,
		    double limit, struct ig_result *result);

#endif
