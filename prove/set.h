/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The states that have been seen, each as 128 bits of hash, with the step that led to it first: so the way
 * back from a state is a shortest one. And a state packed into few bytes, as long as it is to be explored.
 * One thread.
 */
#ifndef IG_PROVE_SET_H
#define IG_PROVE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key {
	uint64_t a, b;
};

/* The tag tells nearly all keys apart without a look at them, which is far away. */
struct slot {
	uint32_t state; /* one more than the number, or 0: free */
	uint32_t tag;
};

struct set {
	struct key *key;    /* by the number of the state */
	uint32_t *parent;
	uint8_t *step;
	uint32_t states, limit;
	struct slot *slot;  /* a hash table */
	uint32_t slots;     /* a power of two */
};

/* -ENOMEM: no room for so many states. */
int set_open(struct set *set, uint32_t limit);
void set_close(struct set *set);

/* Frees what finds states; the ways to them stay. */
void set_forget_keys(struct set *set);

enum set_result { SET_OLD, SET_NEW, SET_FULL };

/* Looks for a key, and adds it if it is not there; either way its number. */
enum set_result set_add(struct set *set, const struct key *key, uint32_t parent, uint32_t step,
			uint32_t *number);

struct key hash_of(const unsigned char *bytes, size_t size);

/*
 * Packs what differs from a base: the number of words that do not, the set of bytes that do, and these.
 * Returns how many bytes: at most PACKED_MAX(bytes).
 */
#define PACKED_MAX(bytes) ((bytes) / 8 * 10 + 16)
size_t pack(const void *base, const void *state, size_t bytes, unsigned char *packed);
void unpack(const void *base, const unsigned char *packed, size_t size, void *state, size_t bytes);

#endif
