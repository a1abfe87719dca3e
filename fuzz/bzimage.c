/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Fuzz target: loading a bzImage. It is refused, or in memory; and then what the zero page says of command
 * line, initrd and memory is true (Linux, Documentation/arch/x86/zero-page.rst).
 */
#include <asm/bootparam.h>

#include "guest-memory.h"

uint64_t ig_acpi_load(struct ig_vmm *vmm)
{
	return vmm->options.cpus; /* the tables are no part of the image */
}

static void check_map(const struct guest *guest, const struct boot_params *params)
{
	REQUIRE(params->e820_entries > 0);
	for (uint32_t i = 0; i < params->e820_entries; i++)
		REQUIRE(params->e820_table[i].type != 1 ||
			ig_memory_at(&guest->vmm, params->e820_table[i].addr, params->e820_table[i].size));
}

static void check(const struct guest *guest, const struct kvm_regs *regs)
{
	const struct ig_vmm *vmm = &guest->vmm;
	struct boot_params params;

	REQUIRE(regs->rsi == vmm->info && ig_memory_at(vmm, vmm->info, sizeof(params)));
	memcpy(&params, ig_memory_at(vmm, vmm->info, sizeof(params)), sizeof(params));
	REQUIRE(ig_memory_at(vmm, vmm->entry, 1));
	check_map(guest, &params);
	guest_check_cmdline(guest, params.hdr.cmd_line_ptr, vmm->options.append ? vmm->options.append : "");
	if (!vmm->options.initrd)
		return;
	guest_check_initrd(guest, params.hdr.ramdisk_image, params.hdr.ramdisk_size);
	REQUIRE(params.hdr.ramdisk_image >= vmm->entry - 0x200 + params.hdr.init_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return guest_load(&ig_boot_linux, data, size, check);
}
