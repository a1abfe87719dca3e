/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* One vCPU: its registers at the start, and the thread that runs it and handles its exits. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/cli.h"
#include "vmm/vmm.h"

#define KICK_SIGNAL SIGUSR1

/* The pair of 8259As has the ports 0x20, 0x21, 0xa0 and 0xa1 (ICH9, 13.4). */
#define PIC_PORT      0x20U
#define PIC_PORT_BITS 0x81U

/* CPUID leaf 1 (Intel SDM vol. 2, CPUID): initial APIC id and count in EBX, x2APIC and LAPIC timer mode in ECX. */
#define CPUID_FEATURES       1U
#define CPUID_TOPOLOGY       0xbU
#define CPUID_TOPOLOGY_V2    0x1fU
#define CPUID_APIC_ID_SHIFT  24
#define CPUID_COUNT_SHIFT    16
#define CPUID_LOW_EBX        0xffffU
#define CPUID_X2APIC         (1U << 21)
#define CPUID_TSC_DEADLINE   (1U << 24)
#define CPUID_ENTRIES        256U

/* Multiboot 0.6.96, 3.2: the machine state. */
#define MULTIBOOT_BOOT_MAGIC 0x2badb002U
#define CR0_PE               1U
#define CR0_ET               (1U << 4)
#define RFLAGS_RESERVED      2U
#define SELECTOR_CODE        0x08U
#define SELECTOR_DATA        0x10U
#define SEGMENT_CODE         0xbU /* execute, read, accessed */
#define SEGMENT_DATA         0x3U /* read, write, accessed */

static void ignore_signal(int number)
{
	(void)number; /* it only ends KVM_RUN */
}

/* What KVM's LAPIC has, though KVM_GET_SUPPORTED_CPUID does not say so (KVM API, KVM_GET_SUPPORTED_CPUID). */
static uint32_t lapic_features(const struct ig_vcpu *vcpu)
{
	bool deadline = ioctl(vcpu->vmm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;

	return CPUID_X2APIC | (deadline ? CPUID_TSC_DEADLINE : 0);
}

static int set_cpuid(struct ig_vcpu *vcpu)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + CPUID_ENTRIES * sizeof(cpuid->entries[0]));
	int error = 0;

	if (!cpuid)
		return -ENOMEM;
	cpuid->nent = CPUID_ENTRIES;
	if (ioctl(vcpu->vmm->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid))
		error = -errno;
	for (uint32_t i = 0; !error && i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];

		if (entry->function == CPUID_FEATURES) {
			entry->ebx = (entry->ebx & CPUID_LOW_EBX) | vcpu->vmm->options.cpus << CPUID_COUNT_SHIFT |
				     vcpu->id << CPUID_APIC_ID_SHIFT;
			entry->ecx |= lapic_features(vcpu);
		} else if (entry->function == CPUID_TOPOLOGY || entry->function == CPUID_TOPOLOGY_V2) {
			entry->edx = vcpu->id;
		}
	}
	if (!error && ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid))
		error = -errno;
	free(cpuid);
	return error;
}

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){
		.limit = UINT32_MAX, .selector = selector, .type = type, .present = 1, .db = 1, .s = 1, .g = 1,
	};
}

/* 32-bit protected mode, flat, no paging: what multiboot promises the guest. */
static int set_registers(struct ig_vcpu *vcpu)
{
	struct kvm_regs regs = {
		.rax = MULTIBOOT_BOOT_MAGIC,
		.rbx = vcpu->vmm->info,
		.rip = vcpu->vmm->entry,
		.rflags = RFLAGS_RESERVED,
	};
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		return -errno;
	sregs.cs = flat_segment(SELECTOR_CODE, SEGMENT_CODE);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat_segment(SELECTOR_DATA, SEGMENT_DATA);
	sregs.cr0 = CR0_PE | CR0_ET;
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) || ioctl(vcpu->fd, KVM_SET_REGS, &regs))
		return -errno;
	return 0;
}

static int map_run(struct ig_vcpu *vcpu)
{
	int size = ioctl(vcpu->vmm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	void *run;

	if (size < 0)
		return -errno;
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (run == MAP_FAILED)
		return -errno;
	vcpu->run = run;
	return irqgate_kvm_add_vcpu(vcpu->vmm->gate, vcpu->fd, run);
}

int ig_vcpu_open(struct ig_vmm *vmm, uint32_t id)
{
	struct ig_vcpu *vcpu = &vmm->vcpu[id];
	int error;

	vcpu->vmm = vmm;
	vcpu->id = id;
	vcpu->fd = ioctl(vmm->vm_fd, KVM_CREATE_VCPU, (unsigned long)id);
	error = vcpu->fd < 0 ? -errno : map_run(vcpu);
	if (!error)
		error = set_cpuid(vcpu);
	if (!error && id == 0)
		error = set_registers(vcpu); /* the others wait for INIT and SIPI in KVM's LAPIC */
	if (error)
		ig_error("cannot set up vCPU %u: %s", id, strerror(-error));
	return error;
}

void ig_vcpu_close(struct ig_vcpu *vcpu)
{
	if (vcpu->run)
		munmap(vcpu->run, (size_t)ioctl(vcpu->vmm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0));
	if (vcpu->fd >= 0)
		close(vcpu->fd);
}

static void handle_io(struct ig_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	char *data = (char *)run + run->io.data_offset;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size)
		ig_port_access(vcpu->vmm, run->io.port, run->io.direction == KVM_EXIT_IO_OUT, data, run->io.size);
}

static void crash(struct ig_vcpu *vcpu, const char *what)
{
	struct kvm_regs regs = { 0 };

	ioctl(vcpu->fd, KVM_GET_REGS, &regs);
	ig_error("vCPU %u at 0x%llx: %s", vcpu->id, (unsigned long long)regs.rip, what);
	ig_vmm_stop(vcpu->vmm, IG_END_CRASH, 0);
}

static void handle_exit(struct ig_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	int mine = irqgate_kvm_exit(vcpu->vmm->gate, vcpu->fd, run);
	char what[64];

	if (mine < 0) {
		snprintf(what, sizeof(what), "KVM refuses an interrupt route: %s", strerror(-mine));
		crash(vcpu, what);
	}
	if (mine)
		return;
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		handle_io(vcpu);
		break;
	case KVM_EXIT_MMIO:
		ig_mmio_access(vcpu->vmm, run->mmio.phys_addr, run->mmio.is_write, run->mmio.data, run->mmio.len);
		break;
	case KVM_EXIT_SHUTDOWN:
		crash(vcpu, "the guest shut down (triple fault)");
		break;
	default:
		snprintf(what, sizeof(what), "exit reason %u, which nothing here handles", run->exit_reason);
		crash(vcpu, what);
		break;
	}
}

/* An access by which a handler shows that it has been entered: to memory, or to a command or mask port of an 8259A. */
static bool is_handling(const struct kvm_run *run)
{
	uint16_t port = run->io.port & (uint16_t)~PIC_PORT_BITS;

	return run->exit_reason == KVM_EXIT_MMIO || (run->exit_reason == KVM_EXIT_IO && port == PIC_PORT);
}

static void take_exit(struct ig_vcpu *vcpu)
{
	bool handling = is_handling(vcpu->run);

	vcpu->exits++;
	vcpu->taken += handling;
	if (vcpu->run->exit_reason == KVM_EXIT_IOAPIC_EOI)
		vcpu->vmm->eoi_vcpu = vcpu->id;
	handle_exit(vcpu);
	vcpu->handled += handling;
}

static void *run_vcpu(void *opaque)
{
	struct ig_vcpu *vcpu = opaque;

	while (!atomic_load(&vcpu->vmm->stopping)) {
		int error = irqgate_kvm_entry(vcpu->vmm->gate, vcpu->fd, vcpu->run);

		if (error) {
			crash(vcpu, strerror(-error));
		} else if (!ioctl(vcpu->fd, KVM_RUN, 0)) {
			take_exit(vcpu);
		} else if (errno == EINTR || errno == EAGAIN) {
			__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
			irqgate_kvm_kicked(vcpu->vmm->gate, vcpu->fd);
		} else {
			crash(vcpu, strerror(errno));
		}
	}
	vcpu->vmm->running--;
	return NULL;
}

int ig_vcpu_start(struct ig_vcpu *vcpu)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	int error;

	sigaction(KICK_SIGNAL, &action, NULL);
	vcpu->vmm->running++;
	error = pthread_create(&vcpu->thread, NULL, run_vcpu, vcpu);
	if (error) {
		vcpu->vmm->running--;
		ig_error("cannot start a thread for vCPU %u: %s", vcpu->id, strerror(error));
		return -error;
	}
	vcpu->started = true;
	return 0;
}

/* The flag catches a vCPU that is about to enter KVM_RUN, the signal one that is in it. */
void ig_vcpu_kick(struct ig_vcpu *vcpu)
{
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	if (vcpu->started)
		pthread_kill(vcpu->thread, KICK_SIGNAL);
}
