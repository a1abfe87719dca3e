/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Durations in buckets; see histogram.h. */
#include "exec/histogram.h"

#define FINE_BITS 3

/* Below IG_HISTOGRAM_FINE each value has its own bucket; above, the leading bit and the FINE_BITS after it count. */
static unsigned int bucket_of(uint64_t value)
{
	unsigned int shift;

	if (value < IG_HISTOGRAM_FINE)
		return (unsigned int)value;
	shift = 63U - (unsigned int)__builtin_clzll(value) - FINE_BITS;
	return (shift << FINE_BITS) + (unsigned int)(value >> shift);
}

static uint64_t end_of(unsigned int bucket)
{
	unsigned int shift = bucket >> FINE_BITS;

	if (shift <= 1)
		return bucket;
	shift--;
	return (((uint64_t)(bucket - (shift << FINE_BITS)) + 1) << shift) - 1;
}

void ig_histogram_add(struct ig_histogram *histogram, uint64_t value)
{
	histogram->count++;
	histogram->bucket[bucket_of(value)]++;
	if (value > histogram->max)
		histogram->max = value;
}

uint64_t ig_histogram_quantile(const struct ig_histogram *histogram, double quantile)
{
	uint64_t rank = (uint64_t)(quantile * (double)histogram->count), seen = 0;

	for (unsigned int i = 0; i < IG_HISTOGRAM_BUCKETS; i++) {
		seen += histogram->bucket[i];
		if (seen > rank || (seen && seen == histogram->count))
			return end_of(i) < histogram->max ? end_of(i) : histogram->max;
	}
	return 0;
}
