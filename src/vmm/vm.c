/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The VM: set-up, event loop, teardown. Main thread, except ig_vmm_stop(). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "vmm/pci.h"
#include "vmm/vmm.h"

/* Below 4 GiB, out of the way of everything else: three pages for real mode on Intel, and one before them. */
#define TSS_ADDRESS          0xfffbd000UL
#define IDENTITY_MAP_ADDRESS 0xfffbc000UL

#define KICK_INTERVAL 200 /* microseconds */

static int open_kvm(struct ig_vmm *vmm)
{
	vmm->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vmm->kvm_fd < 0) {
		int error = -errno;

		if (error == -EACCES || error == -EPERM)
			ig_error("/dev/kvm: %s; add yourself to the group kvm, or run as root", strerror(-error));
		else
			ig_error("/dev/kvm: %s; load kvm-intel or kvm-amd, or use 'irqgate lab'", strerror(-error));
		return error;
	}
	vmm->vm_fd = ioctl(vmm->kvm_fd, KVM_CREATE_VM, 0);
	if (vmm->vm_fd < 0) {
		int error = -errno;

		ig_error("cannot create a VM: %s; is the memory or the limit of open files (ulimit -n) used up?", strerror(-error));
		return error;
	}
	return 0;
}

/* Needed by Intel's CPUs without unrestricted guest mode; others ignore it, and old kernels may not know it. */
static void place_tss(struct ig_vmm *vmm)
{
	uint64_t identity = IDENTITY_MAP_ADDRESS;

	ioctl(vmm->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	ioctl(vmm->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDRESS);
}

int ig_vmm_set_slot(struct ig_vmm *vmm, uint32_t slot, uint64_t address, uint64_t size, void *host, bool read_only)
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

static int map_memory(struct ig_vmm *vmm)
{
	void *memory = mmap(NULL, vmm->options.memory, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int error;

	if (memory == MAP_FAILED) {
		ig_error("cannot get %llu MiB for the guest: %s; give less with --mem",
			 (unsigned long long)(vmm->options.memory >> 20), strerror(errno));
		return -ENOMEM;
	}
	vmm->memory = memory;
	error = ig_vmm_set_slot(vmm, vmm->slots++, 0, vmm->options.memory, memory, false);
	if (error)
		ig_error("cannot give the guest its memory: %s", strerror(-error));
	return error;
}

void *ig_vmm_memory(const struct ig_vmm *vmm, uint64_t address, uint64_t size)
{
	if (size > vmm->options.memory || address > vmm->options.memory - size)
		return NULL;
	return (char *)vmm->memory + address;
}

static void kick(void *opaque, int vcpu_fd)
{
	struct ig_vmm *vmm = opaque;

	for (uint32_t i = 0; i < vmm->options.cpus; i++)
		if (vmm->vcpu[i].fd == vcpu_fd)
			ig_vcpu_kick(&vmm->vcpu[i]);
}

static int open_gate(struct ig_vmm *vmm)
{
	struct irqgate_kvm_config config = {
		.size = sizeof(config),
		.vm_fd = vmm->vm_fd,
		.policy = vmm->options.policy,
		.path = vmm->options.path,
		.pins = IG_GSIS,
		.pic = true,
		.callbacks = { .kick = kick, .opaque = vmm },
	};
	int error = irqgate_kvm_open(&config, &vmm->gate);

	if (error)
		ig_error("cannot split the irqchip: %s; this KVM lacks what irqgate needs", strerror(-error));
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

static int open_device(struct ig_vmm *vmm)
{
	if (vmm->options.vfio)
		return ig_vfio_device_open(vmm, vmm->options.vfio, &vmm->device);
	return ig_builtin_open(vmm, &vmm->device);
}

static sigset_t ending_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	return signals;
}

/* Before any thread is made: the loop takes the signals that end a run, and nobody else. */
static void block_signals(struct ig_vmm *vmm)
{
	sigset_t blocked = ending_signals();

	sigaddset(&blocked, SIGPIPE); /* a reader of the guest's output that goes away does not end the run */
	pthread_sigmask(SIG_BLOCK, &blocked, &vmm->signals_before);
}

static void init(struct ig_vmm *vmm, const struct ig_vmm_options *options)
{
	vmm->options = *options;
	block_signals(vmm);
	vmm->kvm_fd = vmm->vm_fd = -1;
	for (uint32_t i = 0; i < IG_VCPUS_MAX; i++)
		vmm->vcpu[i].fd = -1;
	pthread_mutex_init(&vmm->serial.lock, NULL);
	pthread_mutex_init(&vmm->fwcfg.lock, NULL);
	pthread_mutex_init(&vmm->pci.lock, NULL);
	pthread_mutex_init(&vmm->wires_lock, NULL);
	vmm->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
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
	if (vmm->stop_fd < 0) {
		error = -errno;
		ig_error("cannot make an eventfd: %s; raise the limit of open files (ulimit -n)", strerror(-error));
	} else {
		error = open_kvm(vmm);
	}
	if (!error) {
		place_tss(vmm);
		error = map_memory(vmm);
	}
	if (!error)
		error = ig_multiboot_load(vmm);
	if (!error)
		error = open_gate(vmm);
	if (!error)
		error = open_vcpus(vmm);
	if (!error)
		error = ig_serial_open(vmm);
	if (!error)
		error = open_device(vmm);
	if (error) {
		ig_vmm_close(vmm);
		return error;
	}
	*out = vmm;
	return 0;
}

void ig_vmm_close(struct ig_vmm *vmm)
{
	if (vmm->device)
		vmm->device->close(vmm->device);
	irqgate_kvm_close(vmm->gate);
	for (uint32_t i = 0; i < IG_VCPUS_MAX; i++)
		ig_vcpu_close(&vmm->vcpu[i]);
	if (vmm->vm_fd >= 0)
		close(vmm->vm_fd);
	if (vmm->kvm_fd >= 0)
		close(vmm->kvm_fd);
	if (vmm->memory)
		munmap(vmm->memory, vmm->options.memory);
	if (vmm->stop_fd >= 0)
		close(vmm->stop_fd);
	pthread_mutex_destroy(&vmm->wires_lock);
	pthread_mutex_destroy(&vmm->pci.lock);
	pthread_mutex_destroy(&vmm->fwcfg.lock);
	pthread_mutex_destroy(&vmm->serial.lock);
	pthread_sigmask(SIG_SETMASK, &vmm->signals_before, NULL);
	free(vmm);
}

void ig_vmm_stop(struct ig_vmm *vmm, enum ig_vmm_end end, uint8_t value)
{
	uint64_t one = 1;
	ssize_t written;

	if (atomic_exchange(&vmm->stopping, true))
		return;
	vmm->end = end;
	vmm->exit_value = value;
	written = write(vmm->stop_fd, &one, sizeof(one)); /* an eventfd that is never full */
	(void)written;
}

/* Milliseconds until the time is over, or -1 without a limit. */
static int remaining(const struct ig_vmm *vmm, const struct timespec *start)
{
	struct timespec now;
	int64_t left;

	if (!vmm->options.timeout)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	left = (int64_t)vmm->options.timeout * 1000 - (now.tv_sec - start->tv_sec) * 1000 -
	       (now.tv_nsec - start->tv_nsec) / 1000000;
	return left > 0 ? (int)left : 0;
}

static void loop(struct ig_vmm *vmm, int signal_fd)
{
	struct pollfd fds[] = {
		{ .fd = irqgate_kvm_poll_fd(vmm->gate), .events = POLLIN },
		{ .fd = vmm->stop_fd, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN },
	};
	struct signalfd_siginfo signal;
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (!atomic_load(&vmm->stopping)) {
		int ready = poll(fds, sizeof(fds) / sizeof(fds[0]), remaining(vmm, &start));

		if (ready == 0)
			ig_vmm_stop(vmm, IG_END_TIMEOUT, 0);
		if (ready <= 0)
			continue;
		if (fds[2].revents && read(signal_fd, &signal, sizeof(signal)) == sizeof(signal))
			ig_vmm_stop(vmm, IG_END_SIGNAL, 0); /* taken: it must not end us later */
		if (fds[0].revents)
			irqgate_kvm_dispatch(vmm->gate);
	}
}

static void stop_vcpus(struct ig_vmm *vmm)
{
	/* A vCPU may kick another until it has left its loop: so nobody is joined before all have. */
	while (vmm->running) {
		for (uint32_t i = 0; i < vmm->options.cpus; i++)
			ig_vcpu_kick(&vmm->vcpu[i]);
		usleep(KICK_INTERVAL);
	}
	for (uint32_t i = 0; i < vmm->options.cpus; i++) {
		if (vmm->vcpu[i].started)
			pthread_join(vmm->vcpu[i].thread, NULL);
		vmm->vcpu[i].started = false;
	}
}

int ig_vmm_run(struct ig_vmm *vmm)
{
	sigset_t ends = ending_signals();
	int signal_fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK), error = 0;

	if (signal_fd < 0) {
		error = -errno;
		ig_error("cannot wait for signals: %s", strerror(-error));
		return error;
	}
	for (uint32_t i = 0; i < vmm->options.cpus && !error; i++)
		error = ig_vcpu_start(&vmm->vcpu[i]);
	if (error)
		ig_vmm_stop(vmm, IG_END_CRASH, 0);
	else
		loop(vmm, signal_fd);
	stop_vcpus(vmm);
	close(signal_fd);
	return error;
}
