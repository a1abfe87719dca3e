/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Boots a Linux kernel by the 64-bit boot protocol (Linux, Documentation/arch/x86/boot.rst and
 * zero-page.rst): beside the kernel itself, which bzimage.c or vmlinux.c puts into memory, its initrd, its
 * command line, the zero page with the map of memory, and what the first vCPU needs to be in long mode. Main
 * thread, while no vCPU runs.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "cli/cli.h"
#include "vmm/acpi.h"
#include "vmm/linux.h"

#define LOADER_OTHER 0xffU /* type_of_loader: none that has a number */

/* What is where in low memory. ACPI's tables are where acpi.h says. */
#define GDT_AT       0x1000U
#define ZERO_PAGE_AT 0x7000U
#define TABLES_AT    0x9000U
#define CMDLINE_AT   0x20000U
#define LOW_END      0x9fc00U
#define PAGE         UINT64_C(0x1000)

/* Memory that is not RAM: the chips and what KVM has below 4 GiB. */
#define CHIPS_START UINT64_C(0xfec00000)
#define CHIPS_END   UINT64_C(0x100000000)

enum { E820_RAM = 1, E820_RESERVED = 2 };

/* Four levels that map the first 4 GiB to themselves in large pages (Intel SDM vol. 3, 4.5). */
#define TABLE_ENTRIES    512U
#define MAPPED_GIB       4U
#define ENTRY_PRESENT    (UINT64_C(1) << 0)
#define ENTRY_WRITABLE   (UINT64_C(1) << 1)
#define ENTRY_LARGE      (UINT64_C(1) << 7)
#define LARGE_PAGE_SHIFT 21

/* "the descriptors __BOOT_CS(0x10) and __BOOT_DS(0x18)" */
#define BOOT_CS      0x10U
#define BOOT_DS      0x18U
#define SEGMENT_CODE 0xbU /* execute, read, accessed */
#define SEGMENT_DATA 0x3U /* read, write, accessed */
#define CODE_64      UINT64_C(0x00af9b000000ffff) /* the same two as descriptors (SDM vol. 3, 3.4.5) */
#define DATA_FLAT    UINT64_C(0x00cf93000000ffff)

#define CR0_PE   (UINT64_C(1) << 0)
#define CR0_ET   (UINT64_C(1) << 4)
#define CR0_NE   (UINT64_C(1) << 5)
#define CR0_PG   (UINT64_C(1) << 31)
#define CR4_PAE  (UINT64_C(1) << 5)
#define EFER_LME (UINT64_C(1) << 8)
#define EFER_LMA (UINT64_C(1) << 10)

int ig_linux_bad(const struct ig_vmm *vmm, const char *why)
{
	ig_error("%s: %s; a 64-bit x86 kernel is needed, as a bzImage or as the ELF file vmlinux",
		 vmm->kernel.name, why);
	return -ENOEXEC;
}

int ig_linux_no_room(const char *name)
{
	ig_error("%s: does not fit into the guest's memory; give more with --mem", name);
	return -ENOMEM;
}

/* As high as the kernel takes it, behind the kernel and what it unpacks. */
static int load_initrd(struct ig_vmm *vmm, struct ig_linux *kernel)
{
	struct setup_header *header = &kernel->header;
	uint64_t end = vmm->options.memory, size = vmm->initrd.size, at;

	if (end > (uint64_t)header->initrd_addr_max + 1)
		end = (uint64_t)header->initrd_addr_max + 1;
	if (size > end)
		return ig_linux_no_room(vmm->initrd.name);
	at = (end - size) & ~(PAGE - 1);
	if (at < kernel->end)
		return ig_linux_no_room(vmm->initrd.name);
	if (size)
		memcpy(ig_memory_at(vmm, at, size), vmm->initrd.bytes, size);
	header->ramdisk_image = (uint32_t)at;
	header->ramdisk_size = (uint32_t)size;
	return 0;
}

static int load_cmdline(struct ig_vmm *vmm, struct setup_header *header)
{
	const char *cmdline = vmm->options.append ? vmm->options.append : "";
	size_t length = strlen(cmdline);

	if (length > header->cmdline_size || CMDLINE_AT + length >= LOW_END) {
		ig_error("--append: the kernel's command line is too long: %u bytes at most",
			 header->cmdline_size);
		return -E2BIG;
	}
	memcpy(ig_memory_at(vmm, CMDLINE_AT, length + 1), cmdline, length + 1);
	header->cmd_line_ptr = CMDLINE_AT;
	return 0;
}

static void add_memory(struct boot_params *params, uint64_t start, uint64_t end, uint32_t type)
{
	params->e820_table[params->e820_entries++] = (struct boot_e820_entry){ start, end - start, type };
}

static void fill_zero_page(struct ig_vmm *vmm, const struct setup_header *header)
{
	struct boot_params params = { .hdr = *header };

	params.hdr.type_of_loader = LOADER_OTHER;
	params.acpi_rsdp_addr = ig_acpi_load(vmm);
	add_memory(&params, 0, LOW_END, E820_RAM);
	add_memory(&params, IG_ACPI_START, IG_ACPI_END, E820_RESERVED);
	add_memory(&params, IG_LINUX_START, vmm->options.memory, E820_RAM);
	add_memory(&params, CHIPS_START, CHIPS_END, E820_RESERVED);
	memcpy(ig_memory_at(vmm, ZERO_PAGE_AT, sizeof(params)), &params, sizeof(params));
	vmm->info = ZERO_PAGE_AT;
}

static void fill_tables(struct ig_vmm *vmm)
{
	const uint64_t upper = ENTRY_PRESENT | ENTRY_WRITABLE;
	uint64_t(*table)[TABLE_ENTRIES] = ig_memory_at(vmm, TABLES_AT, (2 + MAPPED_GIB) * PAGE);

	memset(table, 0, (2 + MAPPED_GIB) * PAGE);
	table[0][0] = (TABLES_AT + PAGE) | upper;
	for (uint32_t gib = 0; gib < MAPPED_GIB; gib++) {
		table[1][gib] = (TABLES_AT + (2 + gib) * PAGE) | upper;
		for (uint64_t i = 0; i < TABLE_ENTRIES; i++)
			table[2 + gib][i] =
				(gib * TABLE_ENTRIES + i) << LARGE_PAGE_SHIFT | ENTRY_LARGE | upper;
	}
}

static void fill_gdt(struct ig_vmm *vmm)
{
	const uint64_t gdt[] = { 0, 0, CODE_64, DATA_FLAT };

	memcpy(ig_memory_at(vmm, GDT_AT, sizeof(gdt)), gdt, sizeof(gdt));
}

static int load(struct ig_vmm *vmm)
{
	struct ig_linux kernel;
	int error = ig_vmlinux_is(&vmm->kernel) ? ig_vmlinux_load(vmm, &kernel)
						: ig_bzimage_load(vmm, &kernel);

	if (!error && vmm->options.initrd)
		error = load_initrd(vmm, &kernel);
	if (!error)
		error = load_cmdline(vmm, &kernel.header);
	if (error)
		return error;
	fill_zero_page(vmm, &kernel.header);
	fill_tables(vmm);
	fill_gdt(vmm);
	return 0;
}

static struct kvm_segment segment(uint16_t selector, uint8_t type, bool long_mode)
{
	return (struct kvm_segment){
		.limit = UINT32_MAX, .selector = selector, .type = type, .present = 1, .s = 1, .g = 1,
		.l = long_mode, .db = !long_mode,
	};
}

static void start(const struct ig_vmm *vmm, struct kvm_regs *regs, struct kvm_sregs *sregs)
{
	regs->rip = vmm->entry;
	regs->rsi = vmm->info;
	sregs->cs = segment(BOOT_CS, SEGMENT_CODE, true);
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = segment(BOOT_DS, SEGMENT_DATA, false);
	sregs->gdt = (struct kvm_dtable){ .base = GDT_AT, .limit = BOOT_DS + sizeof(uint64_t) - 1 };
	sregs->cr3 = TABLES_AT;
	sregs->cr4 |= CR4_PAE;
	sregs->cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_PG;
	sregs->efer |= EFER_LME | EFER_LMA;
}

const struct ig_boot ig_boot_linux = { .load = load, .start = start };
