/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Why a vCPU can not go on, in words. Called by the vCPU's own thread; holds no lock. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>

#include "cli/cli.h"
#include "vmm/vmm.h"

void ig_crash(struct ig_vcpu *vcpu, const char *what)
{
	struct kvm_regs regs = { 0 };
	struct kvm_sregs sregs = { 0 };

	ioctl(vcpu->fd, KVM_GET_REGS, &regs);
	ioctl(vcpu->fd, KVM_GET_SREGS, &sregs);
	ig_error("vCPU %u at %x:%llx: %s", vcpu->id, sregs.cs.selector, (unsigned long long)regs.rip, what);
	ig_vmm_stop(vcpu->vmm, IG_END_CRASH, 0);
}

static void crash_in_instruction(struct ig_vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;
	char what[96] = "KVM can not emulate the instruction here, and can not read it either";
	size_t length;

	if (run->emulation_failure.ndata >= 1 + sizeof(run->emulation_failure.insn_bytes) / 8 &&
	    run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) {
		length = (size_t)snprintf(what, sizeof(what), "KVM can not emulate the instruction");
		for (uint32_t i = 0; i < run->emulation_failure.insn_size &&
				     i < sizeof(run->emulation_failure.insn_bytes); i++)
			length += (size_t)snprintf(what + length, sizeof(what) - length, " %02x",
						   run->emulation_failure.insn_bytes[i]);
	}
	ig_crash(vcpu, what);
}

/* KVM's API documentation, 5, "KVM_EXIT_INTERNAL_ERROR". */
static void crash_in_kvm(struct ig_vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;
	char what[64];

	if (run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION) {
		crash_in_instruction(vcpu);
		return;
	}
	snprintf(what, sizeof(what), "KVM's internal error %u (%llx)", run->internal.suberror,
		 run->internal.ndata ? (unsigned long long)run->internal.data[0] : 0);
	ig_crash(vcpu, what);
}

void ig_crash_by_exit(struct ig_vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;
	char what[64];

	switch (run->exit_reason) {
	case KVM_EXIT_SHUTDOWN:
		ig_crash(vcpu, "the guest shut down (triple fault)");
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		crash_in_kvm(vcpu);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		snprintf(what, sizeof(what), "the processor does not enter the guest, reason %llx",
			 (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
		ig_crash(vcpu, what);
		break;
	default:
		snprintf(what, sizeof(what), "exit reason %u, which nothing here handles", run->exit_reason);
		ig_crash(vcpu, what);
		break;
	}
}
