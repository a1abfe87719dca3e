/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Loads an unpacked kernel, the ELF file vmlinux that Linux's build makes and a bzImage has inside. Its
 * entry, of which the ELF header has the physical address, is the one that a bzImage goes to when it has
 * unpacked it (startup_64). Such a file has no setup header: one is made here. A file of unknown contents:
 * every number in it is checked. Main thread, while no vCPU runs.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "vmm/linux.h"

/* Of the setup header ("Details of Header Fields"): what the build gives to a bzImage of this kernel. */
#define ROOT_READ_ONLY  1U
#define INITRD_ADDR_MAX 0x7fffffffU
#define CMDLINE_SIZE    2047U /* x86's COMMAND_LINE_SIZE, less the NUL */

bool ig_vmlinux_is(const struct ig_image *image)
{
	return image->size >= SELFMAG && !memcmp(image->bytes, ELFMAG, SELFMAG);
}

static int read_header(const struct ig_vmm *vmm, Elf64_Ehdr *elf)
{
	const struct ig_image *image = &vmm->kernel;

	if (image->size < sizeof(*elf))
		return ig_linux_bad(vmm, "too short to be a kernel");
	memcpy(elf, image->bytes, sizeof(*elf));
	if (elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_ident[EI_DATA] != ELFDATA2LSB ||
	    elf->e_machine != EM_X86_64)
		return ig_linux_bad(vmm, "an ELF file, but not of 64-bit x86");
	if (elf->e_type != ET_EXEC)
		return ig_linux_bad(vmm, "an ELF file, but no kernel: it has no place of its own in memory");
	if (elf->e_phnum && elf->e_phentsize != sizeof(Elf64_Phdr))
		return ig_linux_bad(vmm, "damaged in its ELF header");
	if (elf->e_phoff > image->size ||
	    (uint64_t)elf->e_phnum * sizeof(Elf64_Phdr) > image->size - elf->e_phoff)
		return ig_linux_bad(vmm, "truncated in its program headers");
	return 0;
}

/*
 * In ascending order, as Linux's build has them: so none is over another, and not even a bad file takes
 * longer to load than its memory is large.
 */
static int check_segment(const struct ig_vmm *vmm, const Elf64_Phdr *segment, uint64_t end)
{
	const struct ig_image *image = &vmm->kernel;

	if (segment->p_filesz > segment->p_memsz)
		return ig_linux_bad(vmm, "damaged: more of it is in the file than in memory");
	if (segment->p_offset > image->size || segment->p_filesz > image->size - segment->p_offset)
		return ig_linux_bad(vmm, "truncated, or damaged");
	if (segment->p_paddr < IG_LINUX_START)
		return ig_linux_bad(vmm, "damaged: it wants to be loaded where no kernel may be");
	if (segment->p_paddr < end)
		return ig_linux_bad(vmm, "damaged: its segments are not one after another in memory");
	return 0;
}

static int load_segment(struct ig_vmm *vmm, const Elf64_Phdr *segment, uint64_t end)
{
	unsigned char *to = ig_memory_at(vmm, segment->p_paddr, segment->p_memsz);
	int error = check_segment(vmm, segment, end);

	if (error)
		return error;
	if (!to)
		return ig_linux_no_room(vmm->kernel.name);
	memcpy(to, vmm->kernel.bytes + segment->p_offset, segment->p_filesz);
	memset(to + segment->p_filesz, 0, segment->p_memsz - segment->p_filesz);
	return 0;
}

static bool holds_entry(const Elf64_Phdr *segment, uint64_t entry)
{
	return entry >= segment->p_paddr && entry - segment->p_paddr < segment->p_filesz;
}

static int load_segments(struct ig_vmm *vmm, const Elf64_Ehdr *elf, struct ig_linux *kernel)
{
	bool entered = false;

	kernel->end = 0;
	for (uint32_t i = 0; i < elf->e_phnum; i++) {
		Elf64_Phdr segment;
		int error;

		memcpy(&segment, vmm->kernel.bytes + elf->e_phoff + i * sizeof(segment), sizeof(segment));
		if (segment.p_type != PT_LOAD || !segment.p_memsz)
			continue;
		error = load_segment(vmm, &segment, kernel->end);
		if (error)
			return error;
		kernel->end = segment.p_paddr + segment.p_memsz;
		entered = entered || holds_entry(&segment, elf->e_entry);
	}
	if (!kernel->end)
		return ig_linux_bad(vmm, "has nothing to load");
	return entered ? 0 : ig_linux_bad(vmm, "its entry is not in what it loads");
}

static void make_header(struct setup_header *header)
{
	*header = (struct setup_header){
		.root_flags = ROOT_READ_ONLY,
		.boot_flag = IG_LINUX_BOOT_FLAG,
		.header = IG_LINUX_HEADER_MAGIC,
		.version = IG_LINUX_VERSION,
		.loadflags = LOADED_HIGH,
		.initrd_addr_max = INITRD_ADDR_MAX,
		.xloadflags = XLF_KERNEL_64,
		.cmdline_size = CMDLINE_SIZE,
	};
}

int ig_vmlinux_load(struct ig_vmm *vmm, struct ig_linux *kernel)
{
	Elf64_Ehdr elf = { .e_phnum = 0 };
	int error = read_header(vmm, &elf);

	if (!error)
		error = load_segments(vmm, &elf, kernel);
	if (error)
		return error;
	make_header(&kernel->header);
	vmm->entry = elf.e_entry;
	return 0;
}
