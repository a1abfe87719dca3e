/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What a loaded Linux guest is told, whatever kind of file its kernel came from: the zero page is true
 * (Linux, Documentation/arch/x86/zero-page.rst). For the targets that load kernels. One thread.
 */
#ifndef IG_FUZZ_LINUX_GUEST_H
#define IG_FUZZ_LINUX_GUEST_H

#include <asm/bootparam.h>

#include "guest-memory.h"

uint64_t ig_acpi_load(struct ig_vmm *vmm)
{
	return vmm->options.cpus; /* the tables are no part of the image */
}

static inline void linux_check_map(const struct guest *guest, const struct boot_params *params)
{
	REQUIRE(params->e820_entries > 0);
	for (uint32_t i = 0; i < params->e820_entries; i++)
		REQUIRE(params->e820_table[i].type != 1 ||
			ig_memory_at(&guest->vmm, params->e820_table[i].addr, params->e820_table[i].size));
}

/* Returns the zero page that the guest gets. */
static inline struct boot_params linux_check(const struct guest *guest, const struct kvm_regs *regs)
{
	const struct ig_vmm *vmm = &guest->vmm;
	struct boot_params params;

	REQUIRE(regs->rsi == vmm->info && ig_memory_at(vmm, vmm->info, sizeof(params)));
	memcpy(&params, ig_memory_at(vmm, vmm->info, sizeof(params)), sizeof(params));
	REQUIRE(params.hdr.boot_flag == 0xaa55 && !memcmp(&params.hdr.header, "HdrS", 4));
	REQUIRE(params.hdr.version >= 0x20c && params.hdr.xloadflags & XLF_KERNEL_64);
	REQUIRE(params.hdr.type_of_loader == 0xff);
	linux_check_map(guest, &params);
	guest_check_cmdline(guest, params.hdr.cmd_line_ptr, vmm->options.append ? vmm->options.append : "");
	if (vmm->options.initrd)
		guest_check_initrd(guest, params.hdr.ramdisk_image, params.hdr.ramdisk_size);
	return params;
}

/* The kernel is not under anything else: not what it is told, not the initrd. */
static inline void linux_check_apart(const struct guest *guest, const struct boot_params *params,
				     uint64_t start, uint64_t end)
{
	REQUIRE(start >= 0x100000 && ig_memory_at(&guest->vmm, start, end - start));
	REQUIRE(!guest->vmm.options.initrd || !params->hdr.ramdisk_size || params->hdr.ramdisk_image >= end ||
		(uint64_t)params->hdr.ramdisk_image + params->hdr.ramdisk_size <= start);
}

#endif
