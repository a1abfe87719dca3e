/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Durations, counted in buckets that are an eighth of a power of two wide: quantiles within 13 %. No lock. */
#ifndef IG_HISTOGRAM_H
#define IG_HISTOGRAM_H

#include <stdint.h>

enum { IG_HISTOGRAM_FINE = 8, IG_HISTOGRAM_BUCKETS = 64 * IG_HISTOGRAM_FINE };

struct ig_histogram {
	uint64_t count, max;
	uint32_t bucket[IG_HISTOGRAM_BUCKETS];
};

void ig_histogram_add(struct ig_histogram *histogram, uint64_t value);

/* The upper end of the bucket that the quantile (0 to 1) falls into, at most the maximum; 0 if there is nothing. */
uint64_t ig_histogram_quantile(const struct ig_histogram *histogram, double quantile);

#endif
