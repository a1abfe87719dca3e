/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The calls that can be made to fail, in one table: whatever the code under test calls of the system or the
 * allocator and that can fail. The linker leads the calls here (--wrap). What is taken and given back is
 * counted. One thread.
 */
#ifndef IG_FAULTS_CALLS_H
#define IG_FAULTS_CALLS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * From here on the nth call fails, counted from 1, as one of its kind fails, and so do the next calls of its
 * name, as many as are given; 0: none.
 */
void faults_arm(uint32_t nth, uint32_t more);

/* How many calls there have been since, and the name of the one that failed, or NULL. */
uint32_t faults_calls(void);
const char *faults_failed(void);

/* What has been taken and not given back: blocks of memory, descriptors, KVM's irqfds, INTx of the fake device. */
struct faults_held {
	int blocks, descriptors, irqfds, interrupts, pages, nothing;
};

struct faults_held faults_held(void);

/* A KVM and a device that are played. */
enum { FAKE_VM = 10000, FAKE_DEVICE = 10001, FAKE_VCPU = 10002 };

/* Messages that KVM was given; masks and the state of the played device. */
struct faults_world {
	uint32_t messages, routes;
	int trigger_fd, resample_fd; /* of the device; -1: none */
	bool masked;
	int bound_fd; /* the trigger that KVM takes, or -1 */
};

extern struct faults_world faults_world;

/* The host's part of an eventfd, which does not fail: it is signalled; it was, and is read (false: it was not). */
void faults_signal(int fd);
bool faults_was_signalled(int fd);

#endif
