/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The files that a guest is made of, mapped read-only for as long as the VM lives: a reset loads them again.
 * Main thread, while no vCPU runs.
 */
#ifndef IG_IMAGE_H
#define IG_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/kvm.h>

struct ig_vmm;

struct ig_image {
	const char *name;
	const unsigned char *bytes;
	size_t size;
	bool mapped;
};

/* Maps a regular file. Prints its error and returns 0 or a negative errno. */
int ig_image_open(const char *path, struct ig_image *image);
void ig_image_close(struct ig_image *image);

/*
 * A kind of guest: how it gets into memory, at the start and at each reset, and where its first vCPU starts.
 * Each prints its error and returns 0 or a negative errno.
 */
struct ig_boot {
	int (*load)(struct ig_vmm *vmm);
	void (*start)(const struct ig_vmm *vmm, struct kvm_regs *regs, struct kvm_sregs *sregs);
};

extern const struct ig_boot ig_boot_multiboot; /* multiboot.c */
extern const struct ig_boot ig_boot_linux;     /* linux.c */

#endif
