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
#include "vmm/pci.h"
#include "vmm/vmm.h"

#define KICK_SIGNAL SIGUSR1

/* The pair of 8259As has the ports 0x20, 0x21, 0xa0 and 0xa1 (ICH9, 13.4). */
#define PIC_PORT      0x20U
#define PIC_PORT_BITS 0x81U

static void ignore_signal(int number)
{
	(void)number; /* it only ends KVM_RUN */
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
	vcpu->run_size = (size_t)size;
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
		error = ig_cpuid_set(vcpu);
	if (!error)
		error = ig_vcpu_state_take(vcpu);
	if (error)
		ig_error("cannot set up vCPU %u: %s", id, strerror(-error));
	return error;
}

/* The first vCPU starts where its guest does. The others wait for INIT and SIPI in KVM's LAPIC. */
static int set_start(const struct ig_vcpu *vcpu)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) || ioctl(vcpu->fd, KVM_GET_REGS, &regs))
		return -errno;
	vcpu->vmm->boot->start(vcpu->vmm, &regs, &sregs);
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) || ioctl(vcpu->fd, KVM_SET_REGS, &regs))
		return -errno;
	return 0;
}

int ig_vcpu_reset(struct ig_vcpu *vcpu)
{
	int error = ig_vcpu_state_put(vcpu);

	if (!error && vcpu->id == 0)
		error = set_start(vcpu);
	if (error)
		ig_error("cannot reset vCPU %u: %s", vcpu->id, strerror(-error));
	return error;
}

void ig_vcpu_close(struct ig_vcpu *vcpu)
{
	if (vcpu->run)
		munmap(vcpu->run, vcpu->run_size);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	free(vcpu->at_reset);
}

static void handle_io(struct ig_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	char *data = (char *)run + run->io.data_offset;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size)
		ig_port_access(vcpu->vmm, run->io.port, run->io.direction == KVM_EXIT_IO_OUT, data,
			       run->io.size);
}

static void handle_exit(struct ig_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	int mine = irqgate_kvm_exit(vcpu->vmm->gate, vcpu->fd, run);
	char what[64];

	if (mine < 0) {
		snprintf(what, sizeof(what), "KVM refuses an interrupt route: %s", strerror(-mine));
		ig_crash(vcpu, what);
	}
	if (mine)
		return;
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		handle_io(vcpu);
		break;
	case KVM_EXIT_MMIO:
		ig_mmio_access(vcpu->vmm, run->mmio.phys_addr, run->mmio.is_write, run->mmio.data,
			       run->mmio.len);
		break;
	default:
		ig_crash_by_exit(vcpu);
		break;
	}
}

/*
 * An access by which a handler shows that it has been entered: to memory, or to a command or mask port of an
 * 8259A.
 */
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
	if (vcpu->run->exit_reason == KVM_EXIT_IOAPIC_EOI) {
		vcpu->vmm->eoi_vcpu = vcpu->id;
		vcpu->vmm->eois++;
	}
	handle_exit(vcpu);
	vcpu->handled += handling;
}

/* False: the thread shall end. */
static bool wait_to_run(struct ig_vmm *vmm)
{
	enum ig_vmm_phase phase;

	pthread_mutex_lock(&vmm->phase_lock);
	while ((phase = vmm->phase) == IG_PHASE_PAUSED)
		pthread_cond_wait(&vmm->phase_changed, &vmm->phase_lock);
	vmm->running += phase == IG_PHASE_RUNNING;
	pthread_mutex_unlock(&vmm->phase_lock);
	return phase == IG_PHASE_RUNNING;
}

/*
 * The guest has touched a device that does not answer. Another vCPU may have seen to it already: so once is
 * not yet the end.
 */
static void take_fault(struct ig_vcpu *vcpu)
{
	bool withdrawn = ig_pci_withdraw(vcpu->vmm);

	if (!withdrawn && vcpu->faulted)
		ig_crash(vcpu, "its memory is not there");
	vcpu->faulted = !withdrawn;
}

static void run_guest(struct ig_vcpu *vcpu)
{
	int error = irqgate_kvm_entry(vcpu->vmm->gate, vcpu->fd, vcpu->run);

	if (error)
		ig_crash(vcpu, strerror(-error));
	else if (!ioctl(vcpu->fd, KVM_RUN, 0)) {
		vcpu->faulted = false;
		take_exit(vcpu);
	} else if (errno == EINTR || errno == EAGAIN) {
		__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
		irqgate_kvm_kicked(vcpu->vmm->gate, vcpu->fd);
	} else if (errno == EFAULT) {
		take_fault(vcpu);
	} else {
		ig_crash(vcpu, strerror(errno));
	}
}

/* What the guest has read or written of a device is finished by the next KVM_RUN: not after a reset. */
static void finish_access(struct ig_vcpu *vcpu)
{
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	ioctl(vcpu->fd, KVM_RUN, 0);
}

static void *run_vcpu(void *opaque)
{
	struct ig_vcpu *vcpu = opaque;
	struct ig_vmm *vmm = vcpu->vmm;

	while (wait_to_run(vmm)) {
		while (atomic_load(&vmm->phase) == IG_PHASE_RUNNING)
			run_guest(vcpu);
		finish_access(vcpu);
		vmm->running--;
	}
	return NULL;
}

int ig_vcpu_start(struct ig_vcpu *vcpu)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	char name[16]; /* of a thread: pthread_setname_np(3) */
	int error;

	sigaction(KICK_SIGNAL, &action, NULL);
	error = pthread_create(&vcpu->thread, NULL, run_vcpu, vcpu);
	if (error) {
		ig_error("cannot start a thread for vCPU %u: %s", vcpu->id, strerror(error));
		return -error;
	}
	snprintf(name, sizeof(name), "vcpu%u", vcpu->id);
	pthread_setname_np(vcpu->thread, name);
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
