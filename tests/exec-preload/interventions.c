/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What a VMM does to its devices and vCPUs now and then, for the random test. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

static void set_migration(struct world *w, int device, bool on)
{
	union {
		struct vfio_device_feature feature;
		uint8_t bytes[sizeof(struct vfio_device_feature) + sizeof(struct vfio_device_feature_mig_state)];
	} request = { .feature = {
		.argsz = sizeof(request), .flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
	} };
	const struct vfio_device_feature_mig_state wanted = {
		.device_state = on ? VFIO_DEVICE_STATE_STOP_COPY : VFIO_DEVICE_STATE_RUNNING, .data_fd = -1,
	};

	memcpy(request.feature.data, &wanted, sizeof(wanted));
	CHECK(w, !vmm_ioctl(&w->vmm, w->vmm.device[device].fd, VFIO_DEVICE_FEATURE, &request));
	w->migrating[device] = on;
}

static void set_mask(struct world *w, int device, bool on)
{
	CHECK(w, !(on ? vmm_mask(&w->vmm, device) : vmm_unmask(&w->vmm, device)));
	w->vmm_masked[device] = on;
}

static void set_disable(struct world *w, int device, bool on)
{
	vmm_write_command(&w->vmm, device, on ? INTERRUPT_DISABLE : 0);
	w->disabled[device] = on;
}

static void set_intx(struct world *w, int device, bool on)
{
	if (on)
		vmm_enable_intx(&w->vmm, device);
	else
		vmm_disable_intx(&w->vmm, device);
	w->vmm_masked[device] = false;
}

static void replug(struct world *w, int device)
{
	uint32_t gsi = w->vmm.device[device].gsi;

	w->all_triggers += fake_look(w->vmm.device[device].fd).triggers;
	vmm_remove_device(&w->vmm, device);
	vmm_add_device(&w->vmm, device, gsi);
	w->vmm_masked[device] = w->disabled[device] = w->migrating[device] = false;
	if (pick(w, 2))
		set_intx(w, device, true);
}

/* Another descriptor of the same file, in place of the first. */
static void replace(struct world *w, int device)
{
	struct vmm_device *d = &w->vmm.device[device];
	int *all[] = { &d->fd, &d->trigger, &d->resample, &w->vmm.vm, &w->vmm.vcpu[0], &w->vmm.vcpu[1] };
	int *fd = all[pick(w, sizeof(all) / sizeof(all[0]))], other;

	if (*fd < 0)
		return;
	other = fcntl(*fd, F_DUPFD_CLOEXEC, 0);
	CHECK(w, other >= 0);
	vmm_close_fd(&w->vmm, fd);
	*fd = other;
}

static void write_state(struct world *w)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };

	CHECK(w, !vmm_ioctl(&w->vmm, w->vmm.vcpu[pick(w, FAKE_VCPUS)], KVM_SET_MP_STATE, &runnable));
}

static void rebind(struct world *w, int device)
{
	CHECK(w, !vmm_irqfd(&w->vmm, device, KVM_IRQFD_FLAG_DEASSIGN));
	CHECK(w, !vmm_irqfd(&w->vmm, device, 0));
}

/* The guest's vCPUs are stopped for it. */
static void reset(struct world *w)
{
	for (int cpu = 0; cpu < FAKE_VCPUS; cpu++)
		guest_goes_on(w, cpu);
	if (w->vmm.chip == SPLIT)
		vmm_reset(&w->vmm);
}

void vmm_intervenes(struct world *w, int device)
{
	if (w->vmm.device[device].fd < 0)
		return;
	w->intervened = true;
	if (w->vmm.device[device].trigger < 0) {
		set_intx(w, device, true);
		return;
	}
	switch (pick(w, 10)) {
	case 0: set_mask(w, device, !w->vmm_masked[device]); break;
	case 1: set_disable(w, device, !w->disabled[device]); break;
	case 2: set_intx(w, device, false); break;
	case 3: replug(w, device); break;
	case 4: replace(w, device); break;
	case 5: write_state(w); break;
	case 6: rebind(w, device); break;
	case 7: reset(w); break;
	case 8: set_migration(w, device, !w->migrating[device]); break;
	default: set_mask(w, device, false); break;
	}
}

void vmm_restores(struct world *w, int device)
{
	if (w->vmm.device[device].fd < 0)
		return;
	if (w->vmm.device[device].trigger < 0)
		set_intx(w, device, true);
	if (w->migrating[device])
		set_migration(w, device, false);
	if (w->disabled[device])
		set_disable(w, device, false);
	if (w->vmm_masked[device])
		set_mask(w, device, false);
}
