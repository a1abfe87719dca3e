/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What the loader says (Multiboot Specification, version 0.6.96, 3.2 and 3.3). No state. */
#include "common/machine.h"

#define LOADED 0x2badb002
#define HAS_COMMAND_LINE 0x4
#define HAS_LOADER 0x200

struct multiboot_info {
	uint32_t flags, memory_lower, memory_upper, boot_device, command_line, modules, modules_address, symbols[4],
		map_length, map_address, drives_length, drives_address, config_table, loader;
};

const char *multiboot_command_line(uint32_t magic, const struct multiboot_info *info)
{
	if (magic != LOADED)
		fail("not started by a multiboot loader, eax", magic);
	return info->flags & HAS_COMMAND_LINE ? (const char *)info->command_line : "";
}

const char *multiboot_loader(const struct multiboot_info *info)
{
	return info->flags & HAS_LOADER ? (const char *)info->loader : "";
}
