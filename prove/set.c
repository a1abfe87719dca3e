/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The states that have been seen; see set.h. */
#include "prove/set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FIRST_SLOTS = 1 << 16, GAP_MAX = 255, WORD = 8, BLOCK = 8 * WORD };

/* Zeroed memory, taken as it is used; in large pages if there are any, for it is accessed at random. */
static void *reserve(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			    -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, bytes, MADV_HUGEPAGE);
	return memory;
}

static void release(void *memory, size_t bytes)
{
	if (memory)
		munmap(memory, bytes);
}

int set_open(struct set *set, uint32_t limit)
{
	*set = (struct set){ .limit = limit, .slots = FIRST_SLOTS };
	set->key = reserve(limit * sizeof(*set->key));
	set->parent = reserve(limit * sizeof(*set->parent));
	set->step = reserve(limit * sizeof(*set->step));
	set->slot = reserve(set->slots * sizeof(*set->slot));
	if (set->key && set->parent && set->step && set->slot)
		return 0;
	set_close(set);
	return -ENOMEM;
}

void set_forget_keys(struct set *set)
{
	release(set->key, set->limit * sizeof(*set->key));
	release(set->slot, set->slots * sizeof(*set->slot));
	set->key = NULL;
	set->slot = NULL;
}

void set_close(struct set *set)
{
	set_forget_keys(set);
	release(set->parent, set->limit * sizeof(*set->parent));
	release(set->step, set->limit * sizeof(*set->step));
	*set = (struct set){ 0 };
}

static uint32_t tag_of(const struct key *key) { return (uint32_t)(key->b >> 32); }

/* The slot that has the key, or the free one where it belongs. */
static struct slot *find(const struct set *set, const struct key *key)
{
	uint32_t at = (uint32_t)key->a & (set->slots - 1);

	for (; set->slot[at].state; at = (at + 1) & (set->slots - 1)) {
		const struct key *there = &set->key[set->slot[at].state - 1];

		if (set->slot[at].tag == tag_of(key) && there->a == key->a && there->b == key->b)
			break;
	}
	return &set->slot[at];
}

static int grow(struct set *set)
{
	struct slot *slot = reserve((size_t)set->slots * 2 * sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	release(set->slot, set->slots * sizeof(*slot));
	set->slot = slot;
	set->slots *= 2;
	for (uint32_t i = 0; i < set->states; i++)
		*find(set, &set->key[i]) = (struct slot){ .state = i + 1, .tag = tag_of(&set->key[i]) };
	return 0;
}

enum set_result set_add(struct set *set, const struct key *key, uint32_t parent, uint32_t step,
			uint32_t *number)
{
	const struct slot *slot = find(set, key);

	if (slot->state) {
		*number = slot->state - 1;
		return SET_OLD;
	}
	if (set->states == set->limit || (set->states > set->slots / 4 * 3 && grow(set)))
		return SET_FULL;
	*number = set->states++;
	set->key[*number] = *key;
	set->parent[*number] = parent;
	set->step[*number] = (uint8_t)step;
	*find(set, key) = (struct slot){ .state = *number + 1, .tag = tag_of(key) };
	return SET_NEW;
}

/* Two hashes of 64 bits that differ in their constants: odd numbers with about as many ones as zeros. */
static uint64_t mix(uint64_t value, uint64_t factor)
{
	unsigned __int128 product = (unsigned __int128)value * factor;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word_at(const unsigned char *bytes, size_t size)
{
	uint64_t word = 0;

	memcpy(&word, bytes, size < WORD ? size : WORD);
	return word;
}

struct key hash_of(const unsigned char *bytes, size_t size)
{
	const uint64_t ka = UINT64_C(0xd6e8feb86659fd93), kb = UINT64_C(0xa0761d6478bd642f);
	struct key key = { UINT64_C(0x9e3779b97f4a7c15) ^ size, UINT64_C(0xe7037ed1a0b428db) + size };

	for (size_t at = 0; at < size; at += WORD) {
		uint64_t word = word_at(bytes + at, size - at);

		key.a = mix(key.a ^ word, ka) + at;
		key.b = mix(key.b + word, kb) ^ (word << 17 | word >> 47);
	}
	key.a = mix(key.a ^ key.a >> 29, kb);
	key.b = mix(key.b ^ key.b >> 31, ka);
	return key;
}

/* Most of a state is as at the start. */
static bool is_equal(const unsigned char *a, const unsigned char *b)
{
	uint64_t differs = 0;

	for (size_t at = 0; at < BLOCK; at += WORD)
		differs |= word_at(a + at, WORD) ^ word_at(b + at, WORD);
	return !differs;
}

size_t pack(const void *base, const void *state, size_t bytes, unsigned char *packed)
{
	const unsigned char *a = base, *b = state;
	size_t size = 0, gap = 0;

	for (size_t at = 0; at < bytes; at += WORD, gap++) {
		uint64_t differs;
		unsigned char *set;

		for (; at + BLOCK < bytes && is_equal(a + at, b + at); at += BLOCK)
			gap += BLOCK / WORD;
		differs = word_at(a + at, WORD) ^ word_at(b + at, WORD);
		if (!differs)
			continue;
		for (; gap >= GAP_MAX; gap -= GAP_MAX)
			packed[size++] = GAP_MAX;
		packed[size++] = (unsigned char)gap;
		set = &packed[size++];
		*set = 0;
		for (uint32_t i = 0; i < WORD; i++, differs >>= 8) {
			if (!(differs & 0xff))
				continue;
			*set |= (unsigned char)(1U << i);
			packed[size++] = (unsigned char)differs;
		}
		gap = (size_t)-1; /* and the word itself */
	}
	return size;
}

void unpack(const void *base, const unsigned char *packed, size_t size, void *state, size_t bytes)
{
	unsigned char *to = state;
	size_t at = 0;

	memcpy(state, base, bytes);
	for (size_t i = 0; i < size;) {
		unsigned char gap = packed[i++], set;

		at += (size_t)gap * WORD;
		if (gap == GAP_MAX)
			continue;
		set = packed[i++];
		for (uint32_t bit = 0; bit < WORD; bit++)
			if (set >> bit & 1)
				to[at + bit] ^= packed[i++];
		at += WORD;
	}
}
