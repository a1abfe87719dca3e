/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Fuzz target: loading an unpacked kernel. It is refused, or each of its segments is where the file says,
 * whole, with zeros behind it, and nothing lies over it; the entry is in one; and then what the zero page
 * says of command line, initrd and memory is true.
 */
#include <elf.h>

#include "linux-guest.h"

static bool all_zero(const unsigned char *bytes, uint64_t size)
{
	return !size || (!bytes[0] && !memcmp(bytes, bytes + 1, size - 1));
}

static void check_segment(const struct guest *guest, const struct boot_params *params,
			  const Elf64_Phdr *segment)
{
	const unsigned char *at = ig_memory_at(&guest->vmm, segment->p_paddr, segment->p_memsz);

	linux_check_apart(guest, params, segment->p_paddr, segment->p_paddr + segment->p_memsz);
	REQUIRE(segment->p_offset + segment->p_filesz <= guest->vmm.kernel.size);
	REQUIRE(!memcmp(at, guest->vmm.kernel.bytes + segment->p_offset, segment->p_filesz));
	REQUIRE(all_zero(at + segment->p_filesz, segment->p_memsz - segment->p_filesz));
}

static void check(const struct guest *guest, const struct kvm_regs *regs)
{
	const struct ig_image *file = &guest->vmm.kernel;
	const struct boot_params params = linux_check(guest, regs);
	uint32_t entered = 0;
	Elf64_Ehdr elf;

	REQUIRE(file->size >= sizeof(elf));
	memcpy(&elf, file->bytes, sizeof(elf));
	REQUIRE(elf.e_machine == EM_X86_64 && regs->rip == elf.e_entry);
	for (uint32_t i = 0; i < elf.e_phnum; i++) {
		Elf64_Phdr segment;

		REQUIRE(elf.e_phoff + (i + 1) * sizeof(segment) <= file->size);
		memcpy(&segment, file->bytes + elf.e_phoff + i * sizeof(segment), sizeof(segment));
		if (segment.p_type != PT_LOAD || !segment.p_memsz)
			continue;
		check_segment(guest, &params, &segment);
		entered += elf.e_entry >= segment.p_paddr && elf.e_entry < segment.p_paddr + segment.p_filesz;
	}
	REQUIRE(entered == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* All else is the target bzimage's. */
	if (size < OPTION_BYTES + 4 || memcmp(data + OPTION_BYTES, "\177ELF", 4))
		return 0;
	return guest_load(&ig_boot_linux, data, size, check);
}
