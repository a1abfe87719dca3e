/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Numbers as bytes, lower ones first, whatever the machine: one description of a format serves both ways.
 * What does not fit, or is not there, is found out at the end: it reads as 0 until then. Caller serialises.
 */
#ifndef IG_BYTES_H
#define IG_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ig_bytes {
	unsigned char *write;      /* or NULL: it is read, or only counted */
	const unsigned char *read; /* or NULL */
	size_t size;               /* of either */
	size_t at;
	bool bad;                  /* read beyond the end, or what can not be */
};

void ig_bytes_u8(struct ig_bytes *bytes, uint8_t *value);
void ig_bytes_u32(struct ig_bytes *bytes, uint32_t *value);
void ig_bytes_u64(struct ig_bytes *bytes, uint64_t *value);

/* One byte, 0 or 1. */
void ig_bytes_flag(struct ig_bytes *bytes, bool *value);

/* CRC-32 (IEEE 802.3, 3.2.9: as in zlib). */
uint32_t ig_bytes_crc(const unsigned char *bytes, size_t size);

#endif
