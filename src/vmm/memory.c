/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The guest's memory, and what else the guest sees as memory. Main thread; slots also under pci.lock. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "cli/cli.h"
#include "vmm/vmm.h"

#define HUGE_PAGE (UINT64_C(2) << 20)

int ig_memory_set_slot(struct ig_vmm *vmm, uint32_t slot, uint64_t address, uint64_t size, void *host,
		       bool read_only)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = read_only ? KVM_MEM_READONLY : 0,
		.guest_phys_addr = address,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};

	return ioctl(vmm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

/*
 * Huge pages fit the guest's only where both begin at a multiple of their size: what is before and behind
 * goes.
 */
static void *map_aligned(uint64_t size)
{
	char *area = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t before;

	if (area == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)area % HUGE_PAGE;
	if (before)
		munmap(area, before);
	if (before < HUGE_PAGE)
		munmap(area + before + size, HUGE_PAGE - before);
	madvise(area + before, size, MADV_HUGEPAGE); /* where there are none, it is only slower */
	return area + before;
}

int ig_memory_open(struct ig_vmm *vmm)
{
	int error;

	vmm->memory = map_aligned(vmm->options.memory);
	if (!vmm->memory) {
		ig_error("cannot get %llu MiB for the guest: %s; give less with --mem",
			 (unsigned long long)(vmm->options.memory >> 20), strerror(errno));
		return -ENOMEM;
	}
	error = ig_memory_set_slot(vmm, vmm->slots++, 0, vmm->options.memory, vmm->memory, false);
	if (error)
		ig_error("cannot give the guest its memory: %s", strerror(-error));
	return error;
}

void ig_memory_close(struct ig_vmm *vmm)
{
	if (vmm->memory)
		munmap(vmm->memory, vmm->options.memory);
	vmm->memory = NULL;
}

void *ig_memory_at(const struct ig_vmm *vmm, uint64_t address, uint64_t size)
{
	if (size > vmm->options.memory || address > vmm->options.memory - size)
		return NULL;
	return (char *)vmm->memory + address;
}
