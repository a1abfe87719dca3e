/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Numbers as bytes; see bytes.h. */
#include "line/bytes.h"

#define BITS_PER_BYTE   8U
#define BITS_PER_NIBBLE 4U
#define NIBBLE          0xfU

static uint64_t number(struct ig_bytes *bytes, uint64_t value, uint32_t count)
{
	uint64_t read = 0;

	if (!bytes->read && !bytes->write) {
		bytes->at += count;
		return value;
	}
	if (count > bytes->size - bytes->at) {
		bytes->bad = true;
		return 0;
	}
	for (uint32_t i = 0; i < count; i++, bytes->at++) {
		if (bytes->write)
			bytes->write[bytes->at] = (unsigned char)(value >> i * BITS_PER_BYTE);
		else
			read |= (uint64_t)bytes->read[bytes->at] << i * BITS_PER_BYTE;
	}
	return bytes->write ? value : read;
}

void ig_bytes_u8(struct ig_bytes *bytes, uint8_t *value)
{
	*value = (uint8_t)number(bytes, *value, sizeof(*value));
}

void ig_bytes_u32(struct ig_bytes *bytes, uint32_t *value)
{
	*value = (uint32_t)number(bytes, *value, sizeof(*value));
}

void ig_bytes_u64(struct ig_bytes *bytes, uint64_t *value)
{
	*value = number(bytes, *value, sizeof(*value));
}

void ig_bytes_flag(struct ig_bytes *bytes, bool *value)
{
	uint8_t byte = *value;

	ig_bytes_u8(bytes, &byte);
	bytes->bad |= byte > 1;
	*value = byte;
}

/* Of four bits: what shifting them out leaves. */
static const uint32_t crc_of_nibble[] = {
	0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
	0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

uint32_t ig_bytes_crc(const unsigned char *bytes, size_t size)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < size; i++) {
		crc ^= bytes[i];
		for (uint32_t half = 0; half < 2; half++)
			crc = crc >> BITS_PER_NIBBLE ^ crc_of_nibble[crc & NIBBLE];
	}
	return ~crc;
}
