/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The VM: set-up and teardown. Main thread. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "guest/guest.h"
#include "vmm/pci.h"
#include "vmm/vfio.h"
#include "vmm/vmm.h"

/* Below 4 GiB, out of the way of everything else: three pages for real mode on Intel, and one before them. */
#define TSS_ADDRESS          0xfffbd000UL
#define IDENTITY_MAP_ADDRESS 0xfffbc000UL

#define RAISE_FILES "raise the limit of open files (ulimit -n)"

static const char *advice(int error)
{
	switch (error) {
	case -EACCES:
	case -EPERM: return "add yourself to the group kvm, or run as root";
	case -EMFILE:
	case -ENFILE: return RAISE_FILES;
	default: return "load kvm-intel or kvm-amd, or use 'irqgate lab'";
	}
}

static int open_kvm(struct ig_vmm *vmm)
{
	vmm->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vmm->kvm_fd < 0) {
		int error = -errno;

		ig_error("/dev/kvm: %s; %s", strerror(-error), advice(error));
		return error;
	}
	vmm->vm_fd = ioctl(vmm->kvm_fd, KVM_CREATE_VM, 0);
	if (vmm->vm_fd < 0) {
		int error = -errno;

		ig_error("cannot create a VM: %s; is the memory or the limit of open files (ulimit -n) used "
			 "up?",
			 strerror(-error));
		return error;
	}
	return 0;
}

/*
 * Needed by Intel's CPUs without unrestricted guest mode; others ignore it, and old kernels may not know it.
 */
static void place_tss(struct ig_vmm *vmm)
{
	uint64_t identity = IDENTITY_MAP_ADDRESS;

	ioctl(vmm->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	ioctl(vmm->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDRESS);
}

static void kick(void *opaque, int vcpu_fd)
{
	struct ig_vmm *vmm = opaque;

	for (uint32_t i = 0; i < vmm->options.cpus; i++)
		if (vmm->vcpu[i].fd == vcpu_fd)
			ig_vcpu_kick(&vmm->vcpu[i]);
}

static void diagnosed(void *opaque, uint32_t gsi, enum irqgate_diagnosis diagnosis, uint64_t count)
{
	ig_diagnosis_say(opaque, gsi, diagnosis, count);
}

static int open_gate(struct ig_vmm *vmm)
{
	struct irqgate_kvm_config config = {
		.size = sizeof(config),
		.vm_fd = vmm->vm_fd,
		.policy = vmm->options.policy,
		.path = vmm->options.path,
		.pic = true,
		.directed_eoi = vmm->options.directed_eoi,
		.hold_limit = vmm->options.hold_limit,
		.callbacks = { .kick = kick, .diagnosed = diagnosed, .opaque = vmm },
	};
	int error = irqgate_kvm_open(&config, &vmm->gate);

	if (error == -ENOSYS)
		ig_error("--directed-eoi: this KVM cannot suppress the broadcast of EOIs; leave it out");
	else if (error == -EOPNOTSUPP)
		ig_error("this KVM has no split irqchip, no irqfds or no messages; irqgate needs all of them");
	else if (error)
		ig_error("cannot split the irqchip: %s%s", strerror(-error),
			 error == -EMFILE || error == -ENFILE ? "; " RAISE_FILES : "");
	for (uint32_t gsi = 0; gsi < IG_GSIS && !error; gsi++)
		if (vmm->options.guard.budget)
			error = irqgate_kvm_guard(vmm->gate, gsi, &vmm->options.guard);
	return error;
}

static int open_vcpus(struct ig_vmm *vmm)
{
	for (uint32_t i = 0; i < vmm->options.cpus; i++) {
		int error = ig_vcpu_open(vmm, i);

		if (error)
			return error;
	}
	return 0;
}

static int open_images(struct ig_vmm *vmm)
{
	const struct ig_vmm_options *options = &vmm->options;
	const char *path = options->kernel ? options->kernel : options->multiboot;
	int error = 0;

	vmm->boot = options->kernel ? &ig_boot_linux : &ig_boot_multiboot;
	vmm->kernel = (struct ig_image){
		.name = "oneshot",
		.bytes = ig_guest_oneshot,
		.size = (size_t)(ig_guest_oneshot_end - ig_guest_oneshot),
	};
	if (path)
		error = ig_image_open(path, &vmm->kernel);
	if (!error && options->initrd)
		error = ig_image_open(options->initrd, &vmm->initrd);
	return error;
}

static int open_devices(struct ig_vmm *vmm)
{
	int error = ig_pci_open(vmm);

	for (uint32_t i = 0; i < vmm->options.devices && !error; i++)
		error = ig_vfio_device_open(vmm, &vmm->options.device[i]);
	if (!error && !vmm->options.devices && !vmm->options.kernel)
		error = ig_builtin_open(vmm);
	return error;
}

/* Before any thread is made: the loop takes the signals that end a run, and nobody else. */
static void block_signals(struct ig_vmm *vmm)
{
	sigset_t blocked = ig_ending_signals();

	sigaddset(&blocked, SIGPIPE); /* a reader of the guest's output that goes away does not end the run */
	pthread_sigmask(SIG_BLOCK, &blocked, &vmm->signals_before);
}

static void init(struct ig_vmm *vmm, const struct ig_vmm_options *options)
{
	vmm->options = *options;
	block_signals(vmm);
	vmm->kvm_fd = vmm->vm_fd = vmm->timer.fd = -1;
	for (uint32_t i = 0; i < IG_VCPUS_MAX; i++)
		vmm->vcpu[i].fd = -1;
	pthread_mutex_init(&vmm->serial.lock, NULL);
	pthread_mutex_init(&vmm->fwcfg.lock, NULL);
	pthread_mutex_init(&vmm->rtc.lock, NULL);
	pthread_mutex_init(&vmm->timer.lock, NULL);
	pthread_mutex_init(&vmm->pci.lock, NULL);
	pthread_mutex_init(&vmm->wires_lock, NULL);
	pthread_mutex_init(&vmm->phase_lock, NULL);
	pthread_cond_init(&vmm->phase_changed, NULL);
	vmm->console = ig_console_none;
	vmm->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vmm->room_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static int open_machine(struct ig_vmm *vmm)
{
	int error = open_kvm(vmm);

	if (error)
		return error;
	place_tss(vmm);
	error = ig_memory_open(vmm);
	if (!error)
		error = open_images(vmm);
	if (!error)
		error = open_gate(vmm);
	if (!error)
		error = open_vcpus(vmm);
	if (!error)
		error = ig_serial_open(vmm);
	if (!error)
		error = ig_timer_open(vmm);
	ig_rtc_open(vmm);
	return error;
}

/* The console comes last: a terminal is not touched before nothing can go wrong any more. */
static int open_all(struct ig_vmm *vmm)
{
	int error = 0;

	if (vmm->stop_fd < 0 || vmm->room_fd < 0) {
		error = -EMFILE;
		ig_error("cannot make an eventfd: %s; " RAISE_FILES, strerror(-error));
	}
	if (!error)
		error = open_machine(vmm);
	if (!error)
		error = open_devices(vmm);
	if (!error)
		error = vmm->boot->load(vmm); /* what describes the devices is part of it */
	for (uint32_t i = 0; i < vmm->options.cpus && !error; i++)
		error = ig_vcpu_reset(&vmm->vcpu[i]);
	if (!error)
		error = ig_console_open(&vmm->console, &vmm->options.console);
	return error;
}

int ig_vmm_open(const struct ig_vmm_options *options, struct ig_vmm **out)
{
	struct ig_vmm *vmm = calloc(1, sizeof(*vmm));
	int error;

	if (!vmm) {
		ig_error("out of memory");
		return -ENOMEM;
	}
	init(vmm, options);
	error = open_all(vmm);
	if (error) {
		ig_vmm_close(vmm);
		return error;
	}
	*out = vmm;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void destroy_locks(struct ig_vmm *vmm)
{
	pthread_cond_destroy(&vmm->phase_changed);
	pthread_mutex_destroy(&vmm->phase_lock);
	pthread_mutex_destroy(&vmm->wires_lock);
	pthread_mutex_destroy(&vmm->pci.lock);
	pthread_mutex_destroy(&vmm->timer.lock);
	pthread_mutex_destroy(&vmm->rtc.lock);
	pthread_mutex_destroy(&vmm->fwcfg.lock);
	pthread_mutex_destroy(&vmm->serial.lock);
}

void ig_vmm_close(struct ig_vmm *vmm)
{
	ig_console_close(&vmm->console);
	ig_pci_close(vmm);
	ig_vfio_close(vmm);
	irqgate_kvm_close(vmm->gate);
	for (uint32_t i = 0; i < IG_VCPUS_MAX; i++)
		ig_vcpu_close(&vmm->vcpu[i]);
	close_fd(vmm->vm_fd);
	close_fd(vmm->kvm_fd);
	ig_image_close(&vmm->initrd);
	ig_image_close(&vmm->kernel);
	ig_memory_close(vmm);
	close_fd(vmm->timer.fd);
	close_fd(vmm->room_fd);
	close_fd(vmm->stop_fd);
	destroy_locks(vmm);
	pthread_sigmask(SIG_SETMASK, &vmm->signals_before, NULL);
	free(vmm);
}
