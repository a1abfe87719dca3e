/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What is common to the kinds of Linux kernel that a guest is booted from (linux.c), and their loaders, each
 * of which copies the kernel of one kind of file into the guest's memory. Main thread, while no vCPU runs.
 */
#ifndef IG_LINUX_H
#define IG_LINUX_H

#include <stdbool.h>
#include <stdint.h>

#include <asm/bootparam.h>

#include "vmm/vmm.h"

/* "The Real-Mode Kernel Header" */
#define IG_LINUX_BOOT_FLAG    0xaa55U
#define IG_LINUX_HEADER_MAGIC 0x53726448U /* "HdrS" */
#define IG_LINUX_VERSION      0x020cU     /* 2.12 has xloadflags */

/* Where a kernel may be: below is what it is told, and ACPI's tables. */
#define IG_LINUX_START 0x100000U

struct ig_linux {
	struct setup_header header; /* for the zero page, less what linux.c fills in */
	uint64_t end;               /* of what the kernel takes before it has read the zero page */
};

/*
 * Each fills kernel, and vmm->entry, the address of its 64-bit entry. Prints its error and returns 0 or a
 * negative errno.
 */
int ig_bzimage_load(struct ig_vmm *vmm, struct ig_linux *kernel);
int ig_vmlinux_load(struct ig_vmm *vmm, struct ig_linux *kernel);

/* vmlinux.c: whether the file is an ELF file, whatever it is good for. */
bool ig_vmlinux_is(const struct ig_image *image);

/* linux.c: what is wrong with the kernel's file, or with the size of the memory. Both return the error. */
int ig_linux_bad(const struct ig_vmm *vmm, const char *why);
int ig_linux_no_room(const char *name);

#endif
