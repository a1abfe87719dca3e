/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The built-in device: a forwarded level device and the host that forwards it, in one. Its registers are
 * those of QEMU's edu that have to do with its interrupt. The host half behaves as vfio-pci does: it masks
 * the line before it signals the trigger, unmasks it at a resample and then signals again if the line is
 * still up, and can be told to keep quiet. A thread does that, so that it is as asynchronous to the guest as
 * a real host's interrupt; a line that is up at the unmask is signalled from a worker, some time later.
 *
 * The guest reads the registers from memory, as it does those of a real assigned device; writes exit.
 *
 * `lock` owns the registers, masked and the counts.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "guest/guest.h"
#include "vmm/pci.h"

#define BAR_SIZE      0x1000U
#define CLASS_OTHER   0x00ffU

/*
 * How long the worker takes. Some software KVMs report the EOI when they inject the interrupt, not when the
 * guest sends it: then a resample comes before the handler has had a chance to mask its pin or to quiet the
 * device, both of which exit. So the worker waits, within a bound, until the vCPU that took the EOI has had
 * such an exit since the trigger. On other KVMs it had it before it sent the EOI. A resample without an EOI
 * is an unmask's, and waits for nobody.
 */
#define WORKER_NANOSECONDS 50000L
#define WORKER_ROUNDS_MAX  20000

struct builtin {
	struct ig_pci_device pci;
	pthread_mutex_t lock;
	uint32_t *registers; /* one page, which the guest reads without an exit */
	uint32_t slot;
	uint32_t mapped_at;  /* where the guest sees it; 0: nowhere */
	bool masked;      /* by the host */
	_Atomic bool deaf; /* hears of no resample */
	int64_t triggers, resamples;
	int trigger_fd, resample_fd;
	int raise_fd;     /* the line went up, or the thread shall end */
	/*
	 * The thread's own: the worker's rounds since the line was unmasked, and the vCPUs' exits and EOIs at
	 * the trigger.
	 */
	uint32_t rounds;
	uint64_t taken[IG_VCPUS_MAX], eois;
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

static bool drain_fd(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}

/* The line is up while the status is not 0. */
static uint32_t *status_of(const struct builtin *builtin)
{
	return &builtin->registers[IG_GUEST_DEVICE_STATUS / sizeof(*builtin->registers)];
}

/* The host's interrupt: mask, then signal. Caller holds lock. */
static void interrupt_host(struct builtin *builtin)
{
	if (!*status_of(builtin) || builtin->masked)
		return;
	builtin->masked = true;
	builtin->triggers++;
	for (uint32_t i = 0; i < IG_VCPUS_MAX; i++)
		builtin->taken[i] = builtin->pci.vmm->vcpu[i].taken;
	builtin->eois = builtin->pci.vmm->eois;
	signal_fd(builtin->trigger_fd);
}

/* Caller holds lock. */
static void take_resample(struct builtin *builtin)
{
	if (builtin->deaf || !drain_fd(builtin->resample_fd) || !builtin->masked)
		return;
	builtin->masked = false;
	builtin->resamples++;
}

/*
 * A rising line interrupts at once. Returns whether there is work for the worker: a line that is up,
 * unmasked.
 */
static bool serve(struct builtin *builtin)
{
	bool raised = drain_fd(builtin->raise_fd), up;

	pthread_mutex_lock(&builtin->lock);
	take_resample(builtin);
	if (raised)
		interrupt_host(builtin);
	up = *status_of(builtin) && !builtin->masked;
	pthread_mutex_unlock(&builtin->lock);
	return up;
}

static bool handler_has_exited(const struct builtin *builtin)
{
	uint32_t vcpu = builtin->pci.vmm->eoi_vcpu;

	if (builtin->pci.vmm->eois == builtin->eois)
		return true;
	return builtin->pci.vmm->vcpu[vcpu].handled > builtin->taken[vcpu];
}

/* Returns whether the worker goes on waiting. */
static bool work(struct builtin *builtin)
{
	if (++builtin->rounds < WORKER_ROUNDS_MAX && !handler_has_exited(builtin))
		return true;
	pthread_mutex_lock(&builtin->lock);
	interrupt_host(builtin);
	pthread_mutex_unlock(&builtin->lock);
	return false;
}

static void *be_host(void *opaque)
{
	struct builtin *builtin = opaque;
	struct pollfd fds[] = {
		{ .fd = builtin->raise_fd, .events = POLLIN },
		{ .fd = builtin->resample_fd, .events = POLLIN },
	};

	const struct timespec worker = { .tv_nsec = WORKER_NANOSECONDS };
	bool waiting = false;

	prctl(PR_SET_TIMERSLACK, 1UL);
	while (!atomic_load(&builtin->ending)) {
		int ready;

		if (builtin->deaf)
			fds[1].fd = -1;
		ready = ppoll(fds, sizeof(fds) / sizeof(fds[0]), waiting ? &worker : NULL, NULL);

		if (ready > 0) {
			waiting = serve(builtin);
			builtin->rounds = 0;
		} else if (ready == 0) {
			waiting = work(builtin);
		}
	}
	return NULL;
}

/* A resample that was sent before is over with this, whether the thread has seen it or not. */
static int silence(void *opaque)
{
	struct builtin *builtin = opaque;

	pthread_mutex_lock(&builtin->lock);
	take_resample(builtin);
	builtin->masked = true;
	pthread_mutex_unlock(&builtin->lock);
	return 0;
}

static int probe(void *opaque)
{
	struct builtin *builtin = opaque;
	int level;

	pthread_mutex_lock(&builtin->lock);
	level = *status_of(builtin) != 0;
	pthread_mutex_unlock(&builtin->lock);
	return level;
}

static void raise_line(struct builtin *builtin, uint32_t bits)
{
	pthread_mutex_lock(&builtin->lock);
	*status_of(builtin) |= bits;
	pthread_mutex_unlock(&builtin->lock);
	signal_fd(builtin->raise_fd);
}

static void acknowledge(struct builtin *builtin, uint32_t bits)
{
	pthread_mutex_lock(&builtin->lock);
	*status_of(builtin) &= ~bits;
	pthread_mutex_unlock(&builtin->lock);
}

static void make_deaf(struct builtin *builtin)
{
	builtin->deaf = true;
	signal_fd(builtin->raise_fd); /* the thread looks at it */
}

static void access_registers(struct ig_pci_device *pci, uint32_t bar, uint64_t offset, bool write, void *data,
			     uint32_t size)
{
	struct builtin *builtin = (struct builtin *)pci;
	uint32_t value;

	(void)bar;
	if (size != sizeof(value) || !write)
		return; /* reads do not exit */
	memcpy(&value, data, size);
	if (offset == IG_GUEST_DEVICE_RAISE)
		raise_line(builtin, value);
	else if (offset == IG_GUEST_DEVICE_ACK)
		acknowledge(builtin, value);
	else if (offset == IG_GUEST_DEVICE_DEAF)
		make_deaf(builtin);
}

static void update(struct ig_pci_device *pci, uint16_t command)
{
	struct builtin *builtin = (struct builtin *)pci;
	uint32_t address = command & IG_PCI_COMMAND_MEMORY ? pci->bar[0].address : 0;

	if (address == builtin->mapped_at)
		return;
	if (builtin->mapped_at)
		ig_memory_set_slot(pci->vmm, builtin->slot, builtin->mapped_at, 0, NULL, true);
	builtin->mapped_at = 0;
	if (address >= pci->vmm->options.memory &&
	    !ig_memory_set_slot(pci->vmm, builtin->slot, address, BAR_SIZE, builtin->registers, true))
		builtin->mapped_at = address;
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
	if (builtin->registers)
		munmap(builtin->registers, BAR_SIZE);
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
	pci->gsi = pci->vmm->options.gsi;
	pci->config[IG_PCI_INTERRUPT_LINE] = (uint8_t)pci->gsi;
	pci->config[IG_PCI_INTERRUPT_PIN] = IG_PCI_PIN_A;
	pci->bar[0].size = BAR_SIZE;
	ig_pci_assign_bars(pci);
}

/*
 * One vCPU and the device take turns: on one CPU they hand over without waking an idle one, which costs more
 * than the interrupt. The threads that are started from here on inherit it. Where it is refused, it is only
 * slower.
 */
static void share_cpu(void)
{
	cpu_set_t cpus;
	int cpu = sched_getcpu();

	if (cpu < 0)
		return;
	CPU_ZERO(&cpus);
	CPU_SET((unsigned int)cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
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
	void *registers = mmap(NULL, BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int error;

	if (registers == MAP_FAILED)
		return -ENOMEM;
	builtin->registers = registers;
	builtin->slot = vmm->slots++;
	if (builtin->trigger_fd < 0 || builtin->resample_fd < 0 || builtin->raise_fd < 0)
		return -EMFILE;
	if (vmm->options.cpus == 1)
		share_cpu();
	error = -pthread_create(&builtin->thread, NULL, be_host, builtin);
	if (error)
		return error;
	pthread_setname_np(builtin->thread, "builtin");
	builtin->running = true;
	return irqgate_kvm_add_forwarded(vmm->gate, builtin->pci.gsi, &forwarded, &builtin->pci.irq);
}

int ig_builtin_open(struct ig_vmm *vmm)
{
	struct builtin *builtin = calloc(1, sizeof(*builtin));
	int error;

	if (!builtin) {
		ig_error("out of memory");
		return -ENOMEM;
	}
	builtin->pci.vmm = vmm;
	builtin->pci.bar_access = access_registers;
	builtin->pci.update = update;
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
	return 0;
}
