/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The configurations, by name. */
#ifndef IG_PROVE_CONFIGS_H
#define IG_PROVE_CONFIGS_H

#include "prove/world.h"

extern const struct config configs[];
extern const uint32_t configs_count;

/* NULL: none is called so. */
const struct config *find_config(const char *name);

#endif
