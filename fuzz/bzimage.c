/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Fuzz target: loading a bzImage. It is refused, or in memory, and nothing lies over it; and then what the
 * zero page says of command line, initrd and memory is true.
 */
#include "linux-guest.h"

static void check(const struct guest *guest, const struct kvm_regs *regs)
{
	const struct ig_image *file = &guest->vmm.kernel;
	const struct boot_params params = linux_check(guest, regs);
	size_t at = (params.hdr.setup_sects ? params.hdr.setup_sects + 1U : 5U) * 512;
	size_t size = (size_t)params.hdr.syssize * 16;
	uint64_t start = guest->vmm.entry - 0x200;

	REQUIRE(at < file->size && size < file->size - at + 16);
	if (size > file->size - at)
		size = file->size - at;
	linux_check_apart(guest, &params, start, start + size);
	linux_check_apart(guest, &params, start, start + params.hdr.init_size);
	REQUIRE(!memcmp(ig_memory_at(&guest->vmm, start, size), file->bytes + at, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* An ELF file is the target vmlinux's. */
	if (size >= OPTION_BYTES + 4 && !memcmp(data + OPTION_BYTES, "\177ELF", 4))
		return 0;
	return guest_load(&ig_boot_linux, data, size, check);
}
