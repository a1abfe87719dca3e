/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A VMM of which there is only memory, for the loaders: heap, so that a sanitizer sees every step beyond it.
 * An input is the file after its first bytes, which say what else there is. One thread.
 */
#ifndef IG_FUZZ_GUEST_MEMORY_H
#define IG_FUZZ_GUEST_MEMORY_H

#include <string.h>

#include "fuzz.h"
#include "vmm/vmm.h"

enum { HAS_INITRD = 1, HAS_APPEND = 2, LONG_APPEND = 4, SMALL = 8, OPTION_BYTES = 2 };

#define MEMORY_SMALL (UINT64_C(2) << 20)
#define MEMORY_LARGE (UINT64_C(20) << 20)
#define APPEND_LONG  32768U

struct guest {
	struct ig_vmm vmm;
	unsigned char *file, initrd[0x1100];
};

/* The whole of what the loader may read: a copy of just its size. */
static inline void guest_open(struct guest *guest, const uint8_t *data, size_t size)
{
	static unsigned char *memory;
	static char append[APPEND_LONG];
	struct ig_vmm_options *options = &guest->vmm.options;

	if (!memory) {
		memory = malloc(MEMORY_LARGE);
		REQUIRE(memory);
		memset(memory, 0xa5, MEMORY_LARGE); /* what is to be zero is made so */
	}
	memset(append, 'x', sizeof(append) - 1);
	guest->vmm.memory = memory;
	options->memory = data[0] & SMALL ? MEMORY_SMALL : MEMORY_LARGE;
	/* The end of the small one is the end of the block too. */
	if (data[0] & SMALL)
		guest->vmm.memory = memory + (MEMORY_LARGE - MEMORY_SMALL);
	options->append = !(data[0] & HAS_APPEND) ? NULL : data[0] & LONG_APPEND ? append : "console=ttyS0";
	options->cpus = 1;
	guest->file = malloc(size > OPTION_BYTES ? size - OPTION_BYTES : 1);
	REQUIRE(guest->file);
	memcpy(guest->file, data + OPTION_BYTES, size - OPTION_BYTES);
	guest->vmm.kernel = (struct ig_image){ "kernel", guest->file, size - OPTION_BYTES, false };
	if (!(data[0] & HAS_INITRD))
		return;
	options->initrd = "initrd";
	memset(guest->initrd, 0xa5, sizeof(guest->initrd));
	guest->vmm.initrd = (struct ig_image){ "initrd", guest->initrd, data[1] * 17U, false };
}

static inline void guest_close(struct guest *guest)
{
	free(guest->file);
}

/* The initrd is where the guest is told, whole. */
static inline void guest_check_initrd(const struct guest *guest, uint64_t start, uint64_t size)
{
	const void *at = ig_memory_at(&guest->vmm, start, size);

	REQUIRE(size == guest->vmm.initrd.size && at);
	REQUIRE(!memcmp(at, guest->initrd, size));
}

/* So is the command line. */
static inline void guest_check_cmdline(const struct guest *guest, uint64_t start, const char *expected)
{
	const char *at = ig_memory_at(&guest->vmm, start, strlen(expected) + 1);

	REQUIRE(at && !strcmp(at, expected));
}

/* One input: the image is refused, or loaded, and then all is true. Returns 0, as libFuzzer wants it. */
static inline int guest_load(const struct ig_boot *boot, const uint8_t *data, size_t size,
			     void (*check)(const struct guest *guest, const struct kvm_regs *regs))
{
	static struct guest guest;
	struct kvm_regs regs = { 0 };
	struct kvm_sregs sregs = { 0 };

	if (size < OPTION_BYTES)
		return 0;
	guest = (struct guest){ 0 };
	guest_open(&guest, data, size);
	if (!boot->load(&guest.vmm)) {
		boot->start(&guest.vmm, &regs, &sregs);
		REQUIRE(regs.rip == guest.vmm.entry);
		check(&guest, &regs);
	}
	guest_close(&guest);
	return 0;
}

#endif
