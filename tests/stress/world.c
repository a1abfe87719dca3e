/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The VM of the stress test; see world.h. The linker leads ioctl() here, and the library's locks, so that
 * threads meet in every order: before a lock is taken and after it is let go is where it counts who comes
 * first.
 */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LAPIC_SVR = 0xf0, LAPIC_ISR = 0x100, LAPIC_IRR = 0x200, SVR_ENABLED = 0x1ff, ROUTES_MAX = 128, BOUND_MAX = 64 };
enum { PLAYED_VM = 20000, PLAYED_VCPU = 20001 };
enum { YIELD_ONCE_IN = 32, SLEEP_ONCE_IN = 4096, SLEEP_USEC = 60 };

static struct {
	bool real;
	int kvm_fd, vm_fd, vcpu_fd[WORLD_VCPUS];
	struct kvm_run *run[WORLD_VCPUS];
	size_t run_size;
	/* Played. */
	pthread_mutex_t lock; /* routes and bindings */
	struct { uint32_t gsi; uint64_t address; uint32_t data; } route[ROUTES_MAX];
	uint32_t routes;
	struct { int fd; uint32_t gsi; } bound[BOUND_MAX];
	_Atomic uint32_t irr[WORLD_VCPUS][8], isr[WORLD_VCPUS][8];
} w = { .lock = PTHREAD_MUTEX_INITIALIZER };

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);

void world_delay(void)
{
	static _Thread_local uint64_t seed;
	static _Atomic uint64_t threads;

	if (!seed)
		seed = UINT64_C(0x9e3779b97f4a7c15) * ++threads;
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	if (!((seed >> 32) % SLEEP_ONCE_IN))
		usleep((useconds_t)(seed % SLEEP_USEC));
	else if (!((seed >> 32) % YIELD_ONCE_IN))
		sched_yield();
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
	world_delay();
	return __real_pthread_mutex_lock(mutex);
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	int error = __real_pthread_mutex_unlock(mutex);

	world_delay();
	return error;
}

/* The played KVM. */

static int deliver(uint64_t address, uint32_t data)
{
	uint32_t vcpu = address >> 12 & 0xff, vector = data & 0xff;

	if (vcpu >= WORLD_VCPUS)
		return 0;
	atomic_fetch_or(&w.irr[vcpu][vector / 32], UINT32_C(1) << vector % 32);
	return 1;
}

static int set_routes(const struct kvm_irq_routing *table)
{
	if (table->nr > ROUTES_MAX) {
		errno = E2BIG;
		return -1;
	}
	__real_pthread_mutex_lock(&w.lock);
	w.routes = table->nr;
	for (uint32_t i = 0; i < table->nr; i++) {
		w.route[i].gsi = table->entries[i].gsi;
		w.route[i].address = table->entries[i].u.msi.address_lo;
		w.route[i].data = table->entries[i].u.msi.data;
	}
	__real_pthread_mutex_unlock(&w.lock);
	return 0;
}

/* An eventfd that is signalled already injects at once. */
static bool take_signal(int fd)
{
	eventfd_t count;

	return !eventfd_read(fd, &count);
}

static void inject(uint32_t gsi)
{
	for (uint32_t i = 0; i < w.routes; i++)
		if (w.route[i].gsi == gsi)
			deliver(w.route[i].address, w.route[i].data);
}

static int set_irqfd(const struct kvm_irqfd *irqfd)
{
	bool assign = !(irqfd->flags & KVM_IRQFD_FLAG_DEASSIGN);
	int result = -1, wanted = assign ? 0 : (int)irqfd->fd;

	__real_pthread_mutex_lock(&w.lock);
	for (uint32_t i = 0; i < BOUND_MAX && result; i++) {
		if (w.bound[i].fd != wanted)
			continue;
		w.bound[i].fd = assign ? (int)irqfd->fd : 0;
		w.bound[i].gsi = irqfd->gsi;
		result = 0;
	}
	if (assign && !result && take_signal((int)irqfd->fd))
		inject(irqfd->gsi);
	__real_pthread_mutex_unlock(&w.lock);
	return result;
}

static int get_lapic(uint32_t vcpu, struct kvm_lapic_state *lapic)
{
	memset(lapic, 0, sizeof(*lapic));
	for (uint32_t i = 0; i < 8; i++) {
		uint32_t irr = w.irr[vcpu][i], isr = w.isr[vcpu][i];

		memcpy(&lapic->regs[LAPIC_IRR + 16 * i], &irr, sizeof(irr));
		memcpy(&lapic->regs[LAPIC_ISR + 16 * i], &isr, sizeof(isr));
	}
	lapic->regs[0x23] = (char)vcpu; /* the APIC id */
	return 0;
}

static int played_ioctl(int fd, unsigned long request, void *argument)
{
	const struct kvm_msi *msi = argument;

	switch (request) {
	case KVM_CHECK_EXTENSION: return (long)argument == KVM_CAP_COALESCED_MMIO ? 0 : 1;
	case KVM_ENABLE_CAP: return 0;
	case KVM_SET_GSI_ROUTING: return set_routes(argument);
	case KVM_IRQFD: return set_irqfd(argument);
	case KVM_SIGNAL_MSI: return deliver(msi->address_lo, msi->data);
	case KVM_GET_LAPIC: return get_lapic((uint32_t)(fd - PLAYED_VCPU), argument);
	default:
		errno = ENOTTY;
		return -1;
	}
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *argument;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	world_delay();
	return fd >= PLAYED_VM ? played_ioctl(fd, request, argument) : __real_ioctl(fd, request, argument);
}

void world_signal(int fd)
{
	bool sent = false;

	if (!w.real)
		__real_pthread_mutex_lock(&w.lock);
	for (uint32_t i = 0; i < BOUND_MAX && !w.real; i++) {
		if (w.bound[i].fd != fd)
			continue;
		inject(w.bound[i].gsi);
		sent = true;
	}
	if (!sent)
		eventfd_write(fd, 1);
	if (!w.real)
		__real_pthread_mutex_unlock(&w.lock);
}

/* The LAPICs. */

static uint32_t *word(struct kvm_lapic_state *lapic, uint32_t reg, uint8_t vector)
{
	return (uint32_t *)(void *)&lapic->regs[reg + vector / 32 * 16];
}

/* From the one register to the other, if there is one. Nothing else comes to this LAPIC meanwhile. */
static void move(uint32_t vcpu, uint8_t vector, uint32_t from, uint32_t to)
{
	struct kvm_lapic_state lapic;
	uint32_t bit = UINT32_C(1) << vector % 32;

	__real_ioctl(w.vcpu_fd[vcpu], KVM_GET_LAPIC, &lapic);
	*word(&lapic, from, vector) &= ~bit;
	if (to)
		*word(&lapic, to, vector) |= bit;
	__real_ioctl(w.vcpu_fd[vcpu], KVM_SET_LAPIC, &lapic);
}

bool world_has(uint32_t vcpu, uint8_t vector)
{
	struct kvm_lapic_state lapic;

	if (w.real)
		__real_ioctl(w.vcpu_fd[vcpu], KVM_GET_LAPIC, &lapic);
	else
		get_lapic(vcpu, &lapic);
	return *word(&lapic, LAPIC_IRR, vector) >> vector % 32 & 1;
}

void world_take(uint32_t vcpu, uint8_t vector)
{
	uint32_t bit = UINT32_C(1) << vector % 32;

	if (w.real) {
		move(vcpu, vector, LAPIC_IRR, LAPIC_ISR);
		return;
	}
	atomic_fetch_or(&w.isr[vcpu][vector / 32], bit);
	atomic_fetch_and(&w.irr[vcpu][vector / 32], ~bit);
}

void world_eoi(uint32_t vcpu, uint8_t vector)
{
	if (w.real)
		move(vcpu, vector, LAPIC_ISR, 0);
	else
		atomic_fetch_and(&w.isr[vcpu][vector / 32], ~(UINT32_C(1) << vector % 32));
}

static int enable_lapic(uint32_t vcpu)
{
	struct kvm_lapic_state lapic;
	const uint32_t svr = SVR_ENABLED;

	if (__real_ioctl(w.vcpu_fd[vcpu], KVM_GET_LAPIC, &lapic))
		return -errno;
	memcpy(&lapic.regs[LAPIC_SVR], &svr, sizeof(svr));
	return __real_ioctl(w.vcpu_fd[vcpu], KVM_SET_LAPIC, &lapic) ? -errno : 0;
}

int world_open(bool real)
{
	w.real = real;
	w.vm_fd = PLAYED_VM;
	if (!real)
		return 0;
	w.kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	w.vm_fd = w.kvm_fd < 0 ? -1 : __real_ioctl(w.kvm_fd, KVM_CREATE_VM, 0);
	return w.vm_fd < 0 ? -errno : 0;
}

int world_vm_fd(void)
{
	return w.vm_fd;
}

int world_vcpu_fd(uint32_t vcpu)
{
	if (!w.real)
		return PLAYED_VCPU + (int)vcpu;
	if (!w.run_size)
		w.run_size = (size_t)__real_ioctl(w.kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (!w.vcpu_fd[vcpu]) {
		w.vcpu_fd[vcpu] = __real_ioctl(w.vm_fd, KVM_CREATE_VCPU, (unsigned long)vcpu);
		if (w.vcpu_fd[vcpu] < 0 || enable_lapic(vcpu))
			return -1;
	}
	return w.vcpu_fd[vcpu];
}

struct kvm_run *world_run(uint32_t vcpu)
{
	if (!w.run[vcpu] && w.real) {
		w.run[vcpu] = mmap(NULL, w.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, w.vcpu_fd[vcpu], 0);
		if (w.run[vcpu] == MAP_FAILED)
			w.run[vcpu] = NULL;
	} else if (!w.run[vcpu]) {
		w.run[vcpu] = calloc(1, sizeof(*w.run[vcpu]));
	}
	return w.run[vcpu];
}

void world_close(void)
{
	for (uint32_t i = 0; i < WORLD_VCPUS; i++) {
		if (w.real && w.run[i])
			munmap(w.run[i], w.run_size);
		else
			free(w.run[i]);
		if (w.real)
			close(w.vcpu_fd[i]);
	}
	if (!w.real)
		return;
	close(w.vm_fd);
	close(w.kvm_fd);
}
