/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What a machine of the lab boots from: the host, or a Linux guest in it. No state. */
#ifndef IG_LAB_KERNEL_H
#define IG_LAB_KERNEL_H

#include <limits.h>
#include <stdbool.h>

struct ig_boot_files {
	char kernel[PATH_MAX], initramfs[PATH_MAX];
	char release[80]; /* of the kernel, as in the name of its file */
};

/* Whether that names a kernel at all: a release, a linux-image package, a .deb file or a folder. */
bool ig_kernel_is_named(const char *kernel);

/*
 * Finds what the machine `kind` (see lab/make-initramfs) boots from, with the lab's file `init` as its init. The
 * host's kernel is unpacked where that can be; a guest's is as its distribution made it. It is fetched, and
 * made, where it is not there yet. Progress goes to stderr unless `quiet`. Returns 0, or a negative errno after
 * one line on stderr.
 */
int ig_kernel_get(const char *kernel, const char *kind, const char *init, bool quiet,
		  struct ig_boot_files *files);

#endif
