/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The lab's host: a stock kernel in an emulated machine with AMD-V, an IOMMU and PCI devices, in which one
 * command of this machine runs (lab/host/ has its init). One thread; nothing of it outlives the process.
 */
#ifndef IG_LAB_HOST_H
#define IG_LAB_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ig_host {
	pid_t qemu;
	int control, in, out, err;	/* our ends of the streams of lab/host/init.h */
	int log;			/* what the host's console and QEMU say */
	char release[80];		/* the host's `uname -r` */
};

/* Where the output of a command goes. Returns 0, or a negative errno when nobody takes any more of it. */
struct ig_host_sink {
	int (*write)(void *context, const char *bytes, size_t size);
	void *context;
};

/*
 * Gets the kernel (see lab/fetch-kernel for the names) and boots it. What its console says goes to the file
 * `console`, if that is not NULL. Progress goes to stderr unless `quiet`.
 * Returns 0, or a negative errno after one line on stderr.
 */
int ig_host_boot(struct ig_host *host, const char *kernel, const char *console, bool quiet);

/*
 * Runs a command in the host, once, with this process's working directory, environment and the input `in` (-1
 * for none). Returns its exit status (128 + signal when it was killed), or a negative errno after one line on
 * stderr.
 */
int ig_host_run(struct ig_host *host, char *const *argv, int in, const struct ig_host_sink *out,
		const struct ig_host_sink *err);

/* A sink's write to the file descriptor that its context points to. */
int ig_host_write_fd(void *context, const char *bytes, size_t size);

/* Ends the host at once. Harmless on one that did not boot. */
void ig_host_end(struct ig_host *host);

/* One line on stderr, with what the host's console said last. */
void ig_host_error(struct ig_host *host, const char *what);

#endif
