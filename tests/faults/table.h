/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The calls that fail in the tests of faults: one table for all of them. A row is
 *
 *   FAULT(TYPE, NAME, PARAMETERS, ARGUMENTS, RESULT, ERROR, KIND, TAKES)
 *
 * When the call fails it returns RESULT, with ERROR in errno; else it takes so many of a kind that has to be
 * given back. Names are those that the linker sees, with 64-bit offsets. What only gives back does not fail.
 * Calls with a variable number of arguments are no rows: who stands in their place looks at the arguments.
 */
#ifndef IG_FAULTS_TABLE_H
#define IG_FAULTS_TABLE_H

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define FAULTS_OF_MEMORY(FAULT)                                                               \
	FAULT(void *, malloc, (size_t bytes), (bytes), NULL, ENOMEM, blocks, 1)               \
	FAULT(void *, calloc, (size_t count, size_t bytes), (count, bytes), NULL, ENOMEM, blocks, 1)

#define FAULTS_OF_RESIZING(FAULT)                                                             \
	FAULT(void *, realloc, (void *block, size_t bytes), (block, bytes), NULL, ENOMEM, blocks, !block)

#define FAULTS_OF_DESCRIPTORS(FAULT)                                                          \
	FAULT(int, eventfd, (unsigned int count, int flags), (count, flags), -1, EMFILE, descriptors, 1) \
	FAULT(int, epoll_create1, (int flags), (flags), -1, EMFILE, descriptors, 1)           \
	FAULT(int, timerfd_create, (clockid_t clock, int flags), (clock, flags), -1, EMFILE, descriptors, 1) \
	FAULT(int, signalfd, (int fd, const sigset_t *signals, int flags), (fd, signals, flags), -1, EMFILE, \
	      descriptors, fd < 0)

#define FAULTS_OF_EVENTS(FAULT)                                                               \
	FAULT(int, epoll_wait, (int fd, struct epoll_event *events, int max, int timeout),    \
	      (fd, events, max, timeout), -1, EINTR, nothing, 0)                              \
	FAULT(int, timerfd_settime, (int fd, int flags, const struct itimerspec *new, struct itimerspec *old), \
	      (fd, flags, new, old), -1, EINVAL, nothing, 0)

#define FAULTS_OF_STREAMS(FAULT)                                                              \
	FAULT(ssize_t, read, (int fd, void *to, size_t bytes), (fd, to, bytes), -1, EINTR, nothing, 0) \
	FAULT(ssize_t, write, (int fd, const void *from, size_t bytes), (fd, from, bytes), -1, EINTR, nothing, 0)

#define FAULTS_OF_FILES(FAULT)                                                                \
	FAULT(FILE *, fopen64, (const char *restrict path, const char *restrict mode), (path, mode), NULL, EMFILE, \
	      nothing, 0)                                                                     \
	FAULT(DIR *, opendir, (const char *path), (path), NULL, EMFILE, nothing, 0)           \
	FAULT(ssize_t, readlink, (const char *restrict path, char *restrict to, size_t bytes), (path, to, bytes), \
	      -1, EACCES, nothing, 0)

#define FAULTS_AT_OFFSETS(FAULT)                                                              \
	FAULT(ssize_t, pread64, (int fd, void *to, size_t bytes, off64_t at), (fd, to, bytes, at), -1, EIO, nothing, 0) \
	FAULT(ssize_t, pwrite64, (int fd, const void *from, size_t bytes, off64_t at), (fd, from, bytes, at), \
	      -1, EIO, nothing, 0)

#define PAGES(bytes) (((bytes) + 4095) / 4096)

#define FAULTS_OF_MAPPINGS(FAULT)                                                             \
	FAULT(void *, mmap64, (void *at, size_t bytes, int protection, int flags, int fd, off64_t offset), \
	      (at, bytes, protection, flags, fd, offset), MAP_FAILED, ENOMEM, pages, (int)PAGES(bytes))

/* An error is what it returns. */
#define FAULTS_OF_THREADS(FAULT)                                                              \
	FAULT(int, pthread_create, (pthread_t *restrict thread, const pthread_attr_t *restrict attributes, \
				    void *(*function)(void *), void *restrict argument),      \
	      (thread, attributes, function, argument), EAGAIN, EAGAIN, nothing, 0)

#endif
