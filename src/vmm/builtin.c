/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The built-in device: a forwarded level device and the host that forwards it, in one. Its registers are those of
 * QEMU's edu that have to do with its interrupt. The host half behaves as vfio-pci does: it masks the line before
 * it signals the trigger, unmasks it at a resample and then signals again if the line is still up, and can be told
 * to keep quiet. A thread does that, so that it is as asynchronous to the guest as a real host's interrupt.
 *
 * `lock` owns status, masked and the counts.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cli/cli.h"
#include "guest/guest.h"
#include "vmm/pci.h"

#define BAR_SIZE      0x1000U
#define CLASS_OTHER   0x00ffU
#define PIN_INTA      1

struct builtin {
	struct ig_pci_device pci;
	pthread_mutex_t lock;
	uint32_t status;  /* the line is up while this is not 0 */
	bool masked;      /* by the host */
	int64_t triggers, resamples;
	int trigger_fd, resample_fd;
	int raise_fd;     /* the line went up, or the thread shall end */
	_Atomic bool ending;
	bool running;
	pthread_t thread;
};

static void signal_fd(int fd)
{
	uint64_t one = 1;
	ssize_t written = write(fd, &one, sizeof(one));

	(void)written; /* it can only be signalled already */
}

static void drain_fd(int fd, bool *signalled)
{
	uint64_t count;

	*signalled = read(fd, &count, sizeof(count)) == sizeof(count);
}

/* The host's interrupt: mask, then signal. Caller holds lock. */
static void interrupt_host(struct builtin *builtin)
{
	if (!builtin->status || builtin->masked)
		return;
	builtin->masked = true;
	builtin->triggers++;
	signal_fd(builtin->trigger_fd);
}

static void serve(struct builtin *builtin)
{
	bool raised, resampled;

	drain_fd(builtin->raise_fd, &raised);
	drain_fd(builtin->resample_fd, &resampled);
	pthread_mutex_lock(&builtin->lock);
	if (resampled && builtin->masked) {
		builtin->masked = false;
		builtin->resamples++;
	}
	interrupt_host(builtin);
	pthread_mutex_unlock(&builtin->lock);
}

static void *be_host(void *opaque)
{
	struct builtin *builtin = opaque;
	struct pollfd fds[] = {
		{ .fd = builtin->raise_fd, .events = POLLIN },
		{ .fd = builtin->resample_fd, .events = POLLIN },
	};

	while (!atomic_load(&builtin->ending))
		if (poll(fds, sizeof(fds) / sizeof(fds[0]), -1) > 0)
			serve(builtin);
	return NULL;
}

static int silence(void *opaque)
{
	struct builtin *builtin = opaque;

	pthread_mutex_lock(&builtin->lock);
	builtin->masked = true;
	pthread_mutex_unlock(&builtin->lock);
	return 0;
}

static int probe(void *opaque)
{
	struct builtin *builtin = opaque;
	int level;

	pthread_mutex_lock(&builtin->lock);
	level = builtin->status != 0;
	pthread_mutex_unlock(&builtin->lock);
	return level;
}

static void raise_line(struct builtin *builtin, uint32_t bits)
{
	pthread_mutex_lock(&builtin->lock);
	builtin->status |= bits;
	pthread_mutex_unlock(&builtin->lock);
	signal_fd(builtin->raise_fd);
}

static void acknowledge(struct builtin *builtin, uint32_t bits)
{
	pthread_mutex_lock(&builtin->lock);
	builtin->status &= ~bits;
	pthread_mutex_unlock(&builtin->lock);
}

static void access_registers(struct ig_pci_device *pci, uint32_t bar, uint64_t offset, bool write, void *data,
			     uint32_t size)
{
	struct builtin *builtin = (struct builtin *)pci;
	uint32_t value = 0;

	(void)bar;
	if (size != sizeof(value))
		return;
	memcpy(&value, data, size);
	if (write && offset == IG_GUEST_DEVICE_RAISE)
		raise_line(builtin, value);
	else if (write && offset == IG_GUEST_DEVICE_ACK)
		acknowledge(builtin, value);
	if (write)
		return;
	pthread_mutex_lock(&builtin->lock);
	value = offset == IG_GUEST_DEVICE_STATUS ? builtin->status : 0;
	pthread_mutex_unlock(&builtin->lock);
	memcpy(data, &value, size);
}

static void count(struct ig_pci_device *pci, int64_t *triggers, int64_t *resamples)
{
	struct builtin *builtin = (struct builtin *)pci;

	pthread_mutex_lock(&builtin->lock);
	*triggers = builtin->triggers;
	*resamples = builtin->resamples;
	pthread_mutex_unlock(&builtin->lock);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void close_builtin(struct ig_pci_device *pci)
{
	struct builtin *builtin = (struct builtin *)pci;

	if (pci->irq)
		irqgate_kvm_remove(pci->vmm->gate, pci->irq);
	if (builtin->running) {
		atomic_store(&builtin->ending, true);
		signal_fd(builtin->raise_fd);
		pthread_join(builtin->thread, NULL);
	}
	close_fd(builtin->trigger_fd);
	close_fd(builtin->resample_fd);
	close_fd(builtin->raise_fd);
	pthread_mutex_destroy(&builtin->lock);
	free(builtin);
}

static void init_config(struct ig_pci_device *pci)
{
	ig_pci_set16(pci, IG_PCI_VENDOR, IG_GUEST_PCI_VENDOR);
	ig_pci_set16(pci, IG_PCI_DEVICE, IG_GUEST_PCI_BUILTIN);
	ig_pci_set16(pci, IG_PCI_CLASS, CLASS_OTHER);
	pci->config[IG_PCI_INTERRUPT_LINE] = (uint8_t)pci->vmm->options.gsi;
	pci->config[IG_PCI_INTERRUPT_PIN] = PIN_INTA;
	pci->bar[0].size = BAR_SIZE;
	ig_pci_assign_bars(pci);
}

static int start(struct builtin *builtin)
{
	struct irqgate_forwarded forwarded = {
		.size = sizeof(forwarded),
		.name = "built-in device",
		.trigger_fd = builtin->trigger_fd,
		.resample_fd = builtin->resample_fd,
		.silence = silence,
		.probe = probe,
		.opaque = builtin,
	};
	struct ig_vmm *vmm = builtin->pci.vmm;
	int error;

	if (builtin->trigger_fd < 0 || builtin->resample_fd < 0 || builtin->raise_fd < 0)
		return -EMFILE;
	error = -pthread_create(&builtin->thread, NULL, be_host, builtin);
	if (error)
		return error;
	builtin->running = true;
	return irqgate_kvm_add_forwarded(vmm->gate, vmm->options.gsi, &forwarded, &builtin->pci.irq);
}

int ig_builtin_open(struct ig_vmm *vmm, struct ig_pci_device **device)
{
	struct builtin *builtin = calloc(1, sizeof(*builtin));
	int error;

	if (!builtin) {
		ig_error("out of memory");
		return -ENOMEM;
	}
	builtin->pci.vmm = vmm;
	builtin->pci.bar_access = access_registers;
	builtin->pci.count = count;
	builtin->pci.close = close_builtin;
	pthread_mutex_init(&builtin->lock, NULL);
	builtin->trigger_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	builtin->resample_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	builtin->raise_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	init_config(&builtin->pci);
	error = start(builtin);
	if (error) {
		ig_error("cannot start the built-in device: %s", strerror(-error));
		close_builtin(&builtin->pci);
		return error;
	}
	ig_pci_plug(vmm, &builtin->pci);
	*device = &builtin->pci;
	return 0;
}
