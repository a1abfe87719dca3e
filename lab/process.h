/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The child processes of the lab's outer side: its scripts and the host's QEMU. All end with this process,
 * however it ends. One thread.
 */
#ifndef IG_LAB_PROCESS_H
#define IG_LAB_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* From now on SIGINT, SIGTERM and SIGHUP end the children before they end this process. */
void ig_process_guard(void);

/* In a child, before exec: it dies when `parent` does. */
void ig_process_tie(pid_t parent);

/* Remembers a child that leads a process group of its own, for ig_process_guard; 0 forgets it. */
void ig_process_watch(pid_t group);

/*
 * Runs a script of the lab ("lab/fetch-kernel") and takes the line that it prints. The script reports its own
 * errors. Returns 0, or -EIO when it failed, -ENOENT when it is not installed (reported).
 */
int ig_process_script(const char *name, const char *const *args, bool quiet, char *line, size_t size);

#endif
