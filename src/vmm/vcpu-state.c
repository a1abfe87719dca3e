/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What a vCPU is made of, as KVM made it: taken before it first runs, put back at a reset. Main thread, while
 * the vCPU does not run.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/vmm.h"

#define MSRS_MAX 512U

struct ig_vcpu_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_xsave xsave;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debugregs;
	struct kvm_lapic_state lapic;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp;
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entry[MSRS_MAX];
	} msrs;
};

static int list_msrs(int kvm_fd, struct ig_vcpu_state *state)
{
	struct kvm_msr_list *list = calloc(1, sizeof(*list) + MSRS_MAX * sizeof(list->indices[0]));
	int error = 0;

	if (!list)
		return -ENOMEM;
	list->nmsrs = MSRS_MAX;
	if (ioctl(kvm_fd, KVM_GET_MSR_INDEX_LIST, list))
		error = -errno;
	state->msrs.header.nmsrs = error ? 0 : list->nmsrs;
	for (uint32_t i = 0; i < state->msrs.header.nmsrs; i++)
		state->msrs.entry[i].index = list->indices[i];
	free(list);
	return error;
}

/* KVM lists some that this vCPU, by its CPUID, has not: they are left out. */
static int take_msrs(const struct ig_vcpu *vcpu, struct ig_vcpu_state *state)
{
	uint32_t *count = &state->msrs.header.nmsrs;
	int error = list_msrs(vcpu->vmm->kvm_fd, state);

	while (!error && *count) {
		int done = ioctl(vcpu->fd, KVM_GET_MSRS, &state->msrs);

		if (done < 0)
			error = -errno;
		if (error || (uint32_t)done == *count)
			break;
		--*count;
		memmove(&state->msrs.entry[done], &state->msrs.entry[done + 1],
			(*count - (uint32_t)done) * sizeof(state->msrs.entry[0]));
	}
	return error;
}

int ig_vcpu_state_take(struct ig_vcpu *vcpu)
{
	struct ig_vcpu_state *state = calloc(1, sizeof(*state));

	if (!state)
		return -ENOMEM;
	vcpu->at_reset = state;
	if (ioctl(vcpu->fd, KVM_GET_REGS, &state->regs) || ioctl(vcpu->fd, KVM_GET_SREGS, &state->sregs) ||
	    ioctl(vcpu->fd, KVM_GET_XSAVE, &state->xsave) || ioctl(vcpu->fd, KVM_GET_XCRS, &state->xcrs) ||
	    ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &state->debugregs) ||
	    ioctl(vcpu->fd, KVM_GET_LAPIC, &state->lapic) ||
	    ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &state->events) ||
	    ioctl(vcpu->fd, KVM_GET_MP_STATE, &state->mp))
		return -errno;
	return take_msrs(vcpu, state);
}

/* One that can be read and not written has kept its value: KVM stops there, and the rest follows. */
static void put_msrs(const struct ig_vcpu *vcpu)
{
	const struct ig_vcpu_state *state = vcpu->at_reset;
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entry;
	} one = { .header.nmsrs = 1 };

	for (uint32_t i = 0; i < state->msrs.header.nmsrs; i++) {
		one.entry = state->msrs.entry[i];
		ioctl(vcpu->fd, KVM_SET_MSRS, &one);
	}
}

/*
 * The LAPIC's mode is in the special registers, and what it holds belongs to that mode: so it comes after
 * them.
 */
int ig_vcpu_state_put(const struct ig_vcpu *vcpu)
{
	struct ig_vcpu_state *state = vcpu->at_reset;

	if (ioctl(vcpu->fd, KVM_SET_SREGS, &state->sregs) || ioctl(vcpu->fd, KVM_SET_REGS, &state->regs) ||
	    ioctl(vcpu->fd, KVM_SET_XCRS, &state->xcrs) || ioctl(vcpu->fd, KVM_SET_XSAVE, &state->xsave) ||
	    ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &state->debugregs))
		return -errno;
	put_msrs(vcpu);
	if (ioctl(vcpu->fd, KVM_SET_LAPIC, &state->lapic) ||
	    ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &state->events) ||
	    ioctl(vcpu->fd, KVM_SET_MP_STATE, &state->mp))
		return -errno;
	return 0;
}
