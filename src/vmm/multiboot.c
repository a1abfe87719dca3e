/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Loads a multiboot image (Multiboot Specification, version 0.6.96) and prepares what it finds in memory. An
 * image is a file of unknown contents: every offset in it is checked. Main thread, before any vCPU runs.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "vmm/vmm.h"

/* 3.2: the machine state. */
#define BOOT_MAGIC    0x2badb002U
#define CR0_PE        1U
#define CR0_ET        (1U << 4)
#define SELECTOR_CODE 0x08U
#define SELECTOR_DATA 0x10U
#define SEGMENT_CODE  0xbU /* execute, read, accessed */
#define SEGMENT_DATA  0x3U /* read, write, accessed */

#define HEADER_MAGIC      0x1badb002U
#define HEADER_WITHIN     8192U
#define HEADER_ALIGNMENT  4U
#define FLAG_ADDRESSES    (1U << 16) /* the header says where to load: for images that are not ELF */
#define FLAGS_UNDERSTOOD  3U         /* of those that must be: page-aligned modules, memory information */
#define FLAGS_MANDATORY   0xffffU

#define INFO_MEMORY  (1U << 0)
#define INFO_CMDLINE (1U << 2)
#define INFO_MODULES (1U << 3)
#define INFO_MMAP    (1U << 6)
#define INFO_LOADER  (1U << 9)

/* Low memory that no image is loaded into: the information, and the strings behind it. */
#define INFO_ADDRESS    0x9000U
#define STRINGS_ADDRESS 0xa000U
#define STRINGS_END     0x10000U
#define LOW_END         0x9fc00U
#define LOW_RESERVED    0xa0000U
#define HIGH_START      0x100000U
#define PAGE            0x1000U
#define MMAP_RAM        1U
#define MMAP_RESERVED   2U

struct header {
	uint32_t magic, flags, checksum;
	uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};

struct information {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4],
		mmap_length, mmap_addr, drives_length, drives_addr, config_table, boot_loader_name;
};

struct module {
	uint32_t start, end, string, reserved;
};

struct mmap_entry {
	uint32_t size;
	uint64_t base, length;
	uint32_t type;
} __attribute__((packed));

/* What lies at INFO_ADDRESS. */
struct prepared {
	struct information info;
	struct module module;
	struct mmap_entry mmap[3];
};

static int bad_image(const struct ig_image *image, const char *why)
{
	ig_error("%s: %s; a 32-bit multiboot (version 1) image is needed", image->name, why);
	return -ENOEXEC;
}

static bool find_header(const struct ig_image *image, size_t *at, struct header *header)
{
	size_t end = image->size < HEADER_WITHIN ? image->size : HEADER_WITHIN;
	const size_t least = offsetof(struct header, header_addr);

	for (size_t i = 0; i + least <= end; i += HEADER_ALIGNMENT) {
		memcpy(header, image->bytes + i, least);
		if (header->magic != HEADER_MAGIC || header->magic + header->flags + header->checksum)
			continue;
		*at = i;
		return true;
	}
	return false;
}

/* Copies a piece of the file into guest memory, and clears what follows it up to size. */
static int load_piece(struct ig_vmm *vmm, const struct ig_image *image, uint64_t offset, uint64_t bytes,
		      uint64_t address, uint64_t size)
{
	unsigned char *to = ig_memory_at(vmm, address, size);

	if (bytes > size || offset > image->size || bytes > image->size - offset)
		return bad_image(image, "truncated, or damaged");
	if (!to) {
		ig_error("%s: does not fit into the guest's memory; give more with --mem", image->name);
		return -ENOMEM;
	}
	if (address < STRINGS_END && address + size > INFO_ADDRESS)
		return bad_image(image, "wants the memory that the multiboot information is in");
	if (bytes)
		memcpy(to, image->bytes + offset, bytes);
	memset(to + bytes, 0, size - bytes);
	return 0;
}

/* Images that say in their header where to load (the "a.out kludge"). */
static int load_addresses(struct ig_vmm *vmm, const struct ig_image *image, size_t at, uint32_t *end)
{
	struct header header;
	uint64_t offset, bytes, size;

	if (at + sizeof(header) > image->size)
		return bad_image(image, "truncated in its multiboot header");
	memcpy(&header, image->bytes + at, sizeof(header));
	if (header.load_addr > header.header_addr || header.header_addr - header.load_addr > at)
		return bad_image(image, "damaged: the header's addresses contradict each other");
	offset = at - (header.header_addr - header.load_addr);
	bytes = header.load_end_addr ? (uint64_t)header.load_end_addr - header.load_addr
				     : image->size - offset;
	if (header.load_end_addr && header.load_end_addr < header.load_addr)
		return bad_image(image, "damaged: it ends before it begins");
	size = bytes;
	if (header.bss_end_addr > header.load_addr && header.bss_end_addr - header.load_addr > bytes)
		size = header.bss_end_addr - header.load_addr;
	vmm->entry = header.entry_addr;
	*end = (uint32_t)(header.load_addr + size);
	return load_piece(vmm, image, offset, bytes, header.load_addr, size);
}

static bool is_elf32(const struct ig_image *image, Elf32_Ehdr *elf)
{
	if (image->size < sizeof(*elf))
		return false;
	memcpy(elf, image->bytes, sizeof(*elf));
	return !memcmp(elf->e_ident, ELFMAG, SELFMAG) && elf->e_ident[EI_CLASS] == ELFCLASS32 &&
	       elf->e_ident[EI_DATA] == ELFDATA2LSB && elf->e_machine == EM_386 &&
	       elf->e_phentsize == sizeof(Elf32_Phdr);
}

static int load_elf(struct ig_vmm *vmm, const struct ig_image *image, uint32_t *end)
{
	Elf32_Ehdr elf;
	uint32_t loaded = 0;

	if (!is_elf32(image, &elf))
		return bad_image(image, "not a 32-bit x86 ELF file");
	for (uint32_t i = 0; i < elf.e_phnum; i++) {
		uint64_t at = elf.e_phoff + (uint64_t)i * sizeof(Elf32_Phdr);
		Elf32_Phdr segment;
		int error;

		if (at + sizeof(segment) > image->size)
			return bad_image(image, "truncated in its program headers");
		memcpy(&segment, image->bytes + at, sizeof(segment));
		if (segment.p_type != PT_LOAD || !segment.p_memsz)
			continue;
		error = load_piece(vmm, image, segment.p_offset, segment.p_filesz, segment.p_paddr,
				   segment.p_memsz);
		if (error)
			return error;
		loaded++;
		if (segment.p_paddr + segment.p_memsz > *end)
			*end = segment.p_paddr + segment.p_memsz;
	}
	vmm->entry = elf.e_entry;
	return loaded ? 0 : bad_image(image, "has nothing to load");
}

static int load_image(struct ig_vmm *vmm, const struct ig_image *image, uint32_t *end)
{
	struct header header;
	size_t at;

	if (!image->size)
		return bad_image(image, "empty");
	if (!find_header(image, &at, &header))
		return bad_image(image, "no multiboot header in its first 8192 bytes");
	if (header.flags & FLAGS_MANDATORY & ~FLAGS_UNDERSTOOD)
		return bad_image(image, "asks for what is not offered here (a video mode, say)");
	*end = 0;
	if (header.flags & FLAG_ADDRESSES)
		return load_addresses(vmm, image, at, end);
	return load_elf(vmm, image, end);
}

static int load_module(struct ig_vmm *vmm, uint32_t after, struct module *module)
{
	uint64_t at = ((uint64_t)after + PAGE - 1) & ~(uint64_t)(PAGE - 1);

	if (at < HIGH_START)
		at = HIGH_START;
	*module = (struct module){ .start = (uint32_t)at, .end = (uint32_t)(at + vmm->initrd.size) };
	return load_piece(vmm, &vmm->initrd, 0, vmm->initrd.size, at, vmm->initrd.size);
}

/* Puts "NAME REST" among the strings; returns its address, or 0 if there is no room. */
static uint32_t add_string(struct ig_vmm *vmm, uint32_t *next, const char *name, const char *rest)
{
	uint32_t at = *next;
	size_t room = STRINGS_END - at;
	int length = snprintf((char *)vmm->memory + at, room, "%s%s%s", name, rest && *rest ? " " : "",
			      rest ? rest : "");

	if (length < 0 || (size_t)length >= room)
		return 0;
	*next = at + (uint32_t)length + 1;
	return at;
}

static void fill_mmap(const struct ig_vmm *vmm, struct mmap_entry mmap[3])
{
	const uint32_t size = sizeof(*mmap) - sizeof(mmap->size);

	mmap[0] = (struct mmap_entry){ size, 0, LOW_END, MMAP_RAM };
	mmap[1] = (struct mmap_entry){ size, LOW_END, HIGH_START - LOW_END, MMAP_RESERVED };
	mmap[2] = (struct mmap_entry){ size, HIGH_START, vmm->options.memory - HIGH_START, MMAP_RAM };
}

static int prepare(struct ig_vmm *vmm, const char *name, const struct module *module)
{
	uint32_t strings = STRINGS_ADDRESS;
	struct prepared prepared = { .info = {
		.flags = INFO_MEMORY | INFO_CMDLINE | INFO_MMAP | INFO_LOADER,
		.mem_lower = LOW_END / 1024,
		.mem_upper = (uint32_t)((vmm->options.memory - HIGH_START) / 1024),
		.mmap_length = sizeof(prepared.mmap),
		.mmap_addr = INFO_ADDRESS + offsetof(struct prepared, mmap),
	} };

	prepared.info.cmdline = add_string(vmm, &strings, name, vmm->options.append);
	prepared.info.boot_loader_name = add_string(vmm, &strings, "irqgate", NULL);
	fill_mmap(vmm, prepared.mmap);
	if (module) {
		prepared.module = *module;
		prepared.module.string = add_string(vmm, &strings, vmm->options.initrd, NULL);
		prepared.info.flags |= INFO_MODULES;
		prepared.info.mods_count = 1;
		prepared.info.mods_addr = INFO_ADDRESS + offsetof(struct prepared, module);
	}
	if (!prepared.info.cmdline || !prepared.info.boot_loader_name ||
	    (module && !prepared.module.string)) {
		ig_error("the guest's command line is too long: %u bytes at most",
			 STRINGS_END - STRINGS_ADDRESS);
		return -E2BIG;
	}
	memcpy((char *)vmm->memory + INFO_ADDRESS, &prepared, sizeof(prepared));
	vmm->info = INFO_ADDRESS;
	return 0;
}

static int load(struct ig_vmm *vmm)
{
	struct module module;
	uint32_t end;
	int error = load_image(vmm, &vmm->kernel, &end);

	if (!error && vmm->options.initrd)
		error = load_module(vmm, end, &module);
	return error ? error : prepare(vmm, vmm->kernel.name, vmm->options.initrd ? &module : NULL);
}

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){
		.limit = UINT32_MAX, .selector = selector, .type = type, .present = 1, .db = 1, .s = 1,
		.g = 1,
	};
}

/* 32-bit protected mode, flat, no paging: what multiboot promises the guest (3.2). */
static void start(const struct ig_vmm *vmm, struct kvm_regs *regs, struct kvm_sregs *sregs)
{
	regs->rax = BOOT_MAGIC;
	regs->rbx = vmm->info;
	regs->rip = vmm->entry;
	sregs->cs = flat_segment(SELECTOR_CODE, SEGMENT_CODE);
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = flat_segment(SELECTOR_DATA, SEGMENT_DATA);
	sregs->cr0 = CR0_PE | CR0_ET;
}

const struct ig_boot ig_boot_multiboot = { .load = load, .start = start };
