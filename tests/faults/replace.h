/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The rows of table.h as functions that stand in libc's place. Who includes it has
 *
 *   static bool fails(const char *name, const void *caller, int error);
 *
 * whether this call is the one to fail, which sets errno; and TAKEN(KIND, TAKES, RESULT), what is noted of
 * one that did not.
 */
#ifndef IG_FAULTS_REPLACE_H
#define IG_FAULTS_REPLACE_H

#include <dlfcn.h>

#include "faults/table.h"

/* Of glibc, by the names that nobody replaces. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);

#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

#define REPLACE_BY(type, name, parameters, real, result, error, kind, takes)                  \
	type name parameters                                                                  \
	{                                                                                     \
		const void *caller = __builtin_return_address(0);                             \
		const int taken = (takes);                                                    \
		type value;                                                                   \
                                                                                              \
		if (fails(#name, caller, error))                                              \
			return result;                                                        \
		value = real;                                                                 \
		if (value != (result))                                                        \
			TAKEN(kind, taken, value, caller);                                    \
		return value;                                                                 \
	}

#define REPLACE(type, name, parameters, arguments, result, error, kind, takes)                \
	REPLACE_BY(type, name, parameters, NEXT(name) arguments, result, error, kind, takes)

#define REPLACE_ALLOCATOR(type, name, parameters, arguments, result, error, kind, takes)      \
	REPLACE_BY(type, name, parameters, __libc_##name arguments, result, error, kind, takes)

#endif
