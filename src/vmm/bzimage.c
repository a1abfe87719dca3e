/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Loads a bzImage, which unpacks itself (Linux, Documentation/arch/x86/boot.rst). A file of unknown contents:
 * every number in it is checked. Main thread, while no vCPU runs.
 */
#include <errno.h>
#include <string.h>

#include "vmm/linux.h"

/* "The Real-Mode Kernel Header" */
#define HEADER_AT        0x1f1U
#define HEADER_JUMP_AT   0x201U /* the jump's offset tells where the header ends */
#define HEADER_JUMP_END  0x202U
#define SECTOR           512U
#define SETUP_SECTS      4U     /* what 0 in setup_sects means */
#define SYSSIZE_UNIT     16U
#define ENTRY_64         0x200U /* "64-bit BOOT PROTOCOL" */
#define PAGE             0x1000U

/* The kernel proper, in the file. */
struct proper {
	size_t at, size;
};

static int read_header(const struct ig_vmm *vmm, struct setup_header *header)
{
	const struct ig_image *image = &vmm->kernel;
	size_t size;

	if (image->size < HEADER_AT + sizeof(*header))
		return ig_linux_bad(vmm, "too short to be a kernel");
	size = HEADER_JUMP_END - HEADER_AT + image->bytes[HEADER_JUMP_AT];
	if (size > sizeof(*header))
		size = sizeof(*header); /* a newer protocol than we know */
	memset(header, 0, sizeof(*header));
	memcpy(header, image->bytes + HEADER_AT, size);
	if (header->boot_flag != IG_LINUX_BOOT_FLAG || header->header != IG_LINUX_HEADER_MAGIC)
		return ig_linux_bad(vmm, "not a Linux kernel");
	if (header->version < IG_LINUX_VERSION || !(header->xloadflags & XLF_KERNEL_64))
		return ig_linux_bad(vmm, "has no 64-bit entry");
	return 0;
}

static int find_proper(const struct ig_vmm *vmm, const struct setup_header *header, struct proper *proper)
{
	size_t setup = header->setup_sects ? header->setup_sects : SETUP_SECTS;

	proper->at = (setup + 1) * SECTOR;
	proper->size = (size_t)header->syssize * SYSSIZE_UNIT;
	if (proper->at >= vmm->kernel.size || !proper->size)
		return ig_linux_bad(vmm, "truncated, or damaged");
	/* The file may end within the last unit. */
	if (proper->size > vmm->kernel.size - proper->at) {
		if (proper->size - (vmm->kernel.size - proper->at) >= SYSSIZE_UNIT)
			return ig_linux_bad(vmm, "truncated, or damaged");
		proper->size = vmm->kernel.size - proper->at;
	}
	return 0;
}

static int load_proper(struct ig_vmm *vmm, struct ig_linux *kernel, const struct proper *proper)
{
	struct setup_header *header = &kernel->header;
	uint64_t address = header->pref_address;
	uint64_t needed = header->init_size > proper->size ? header->init_size : proper->size;
	void *to;

	if (address < IG_LINUX_START || address % PAGE)
		return ig_linux_bad(vmm, "damaged: it wants to be loaded where no kernel may be");
	to = ig_memory_at(vmm, address, needed);
	if (!to)
		return ig_linux_no_room(vmm->kernel.name);
	memcpy(to, vmm->kernel.bytes + proper->at, proper->size);
	vmm->entry = address + ENTRY_64;
	header->code32_start = (uint32_t)address;
	kernel->end = address + needed;
	return 0;
}

int ig_bzimage_load(struct ig_vmm *vmm, struct ig_linux *kernel)
{
	struct proper proper;
	int error = read_header(vmm, &kernel->header);

	if (!error)
		error = find_proper(vmm, &kernel->header, &proper);
	return error ? error : load_proper(vmm, kernel, &proper);
}
