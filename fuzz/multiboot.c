/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Fuzz target: loading a multiboot image. It is refused, or in memory; and then what the guest is told of its
 * command line and module is true (Multiboot Specification 0.6.96, 3.3).
 */
#include "guest-memory.h"

/* Words of the boot information. */
enum { FLAGS = 0, MEM_UPPER = 2, CMDLINE = 4, MODS_COUNT = 5, MODS_ADDR = 6, WORDS = 7 };
enum { HAS_MODULES = 8 };

static void check(const struct guest *guest, const struct kvm_regs *regs)
{
	const struct ig_vmm *vmm = &guest->vmm;
	uint32_t info[WORDS], module[3];
	char expected[APPEND_LONG + 16];

	REQUIRE(regs->rbx == vmm->info && ig_memory_at(vmm, vmm->info, sizeof(info)));
	memcpy(info, ig_memory_at(vmm, vmm->info, sizeof(info)), sizeof(info));
	REQUIRE(info[MEM_UPPER] == (vmm->options.memory >> 10) - 1024);
	snprintf(expected, sizeof(expected), "kernel%s%s", vmm->options.append ? " " : "",
		 vmm->options.append ? vmm->options.append : "");
	guest_check_cmdline(guest, info[CMDLINE], expected);
	REQUIRE(!vmm->options.initrd == !(info[FLAGS] & HAS_MODULES));
	if (!vmm->options.initrd)
		return;
	REQUIRE(info[MODS_COUNT] == 1 && ig_memory_at(vmm, info[MODS_ADDR], sizeof(module)));
	memcpy(module, ig_memory_at(vmm, info[MODS_ADDR], sizeof(module)), sizeof(module));
	REQUIRE(module[0] % 4096 == 0 && module[1] >= module[0]);
	guest_check_initrd(guest, module[0], module[1] - module[0]);
	guest_check_cmdline(guest, module[2], "initrd");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return guest_load(&ig_boot_multiboot, data, size, check);
}
