/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The adapter's set-up and teardown; see split.h for the locks. */
#include "kvm/split.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "chip/ioapic.h"

/* Flags of KVM_CAP_X2APIC_API, some of which older headers lack (KVM API 7.7). */
#define IG_X2APIC_32BIT_IDS       (UINT64_C(1) << 0)
#define IG_X2APIC_SUPPRESS_EOI    (UINT64_C(1) << 2)
#define IG_X2APIC_NO_SUPPRESS_EOI (UINT64_C(1) << 3)

#define DEFAULT_PINS    24U
#define DEFAULT_SOURCES 64U

int ig_ioctl(int fd, unsigned long request, void *argument)
{
	int result;

	do
		result = ioctl(fd, request, argument);
	while (result < 0 && errno == EINTR);
	return result < 0 ? -errno : result;
}

uint64_t ig_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

void ig_kvm_lock(struct irqgate_kvm *gate)
{
	pthread_mutex_lock(&gate->lock);
	if (gate->timed)
		irqgate_core_set_time(gate->core, ig_now());
}

static int check_capabilities(int vm_fd)
{
	static const long needed[] = { KVM_CAP_SPLIT_IRQCHIP, KVM_CAP_IRQFD, KVM_CAP_IRQ_ROUTING,
				       KVM_CAP_SIGNAL_MSI };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		int has = ig_ioctl(vm_fd, KVM_CHECK_EXTENSION, (void *)needed[i]);

		if (has < 0)
			return has;
		if (!has)
			return -EOPNOTSUPP;
	}
	return 0;
}

static int split_irqchip(int vm_fd, uint32_t gsis)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { gsis } };
	int result = ig_ioctl(vm_fd, KVM_ENABLE_CAP, &cap);

	return result < 0 ? result : 0;
}

static int set_apic_flag(int vm_fd, uint64_t flag)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X2APIC_API, .args = { flag } };
	int flags = ig_ioctl(vm_fd, KVM_CHECK_EXTENSION, (void *)KVM_CAP_X2APIC_API);
	int result;

	if (flags < 0 || !((uint64_t)flags & flag))
		return -ENOSYS;
	result = ig_ioctl(vm_fd, KVM_ENABLE_CAP, &cap);
	return result < 0 ? result : 0;
}

/*
 * A guest's LAPICs say whether they can suppress the broadcast. Older KVMs have no such flags: there they say
 * that they can, and broadcast all the same.
 */
static int choose_eoi(int vm_fd, bool directed)
{
	int error = set_apic_flag(vm_fd, directed ? IG_X2APIC_SUPPRESS_EOI : IG_X2APIC_NO_SUPPRESS_EOI);

	return error == -ENOSYS && !directed ? 0 : error;
}

static int choose_ids(const struct irqgate_kvm *gate)
{
	for (uint32_t i = 0; i < gate->config.chips; i++)
		if (gate->config.chip[i].chip.extended_destinations)
			return set_apic_flag(gate->config.vm_fd, IG_X2APIC_32BIT_IDS);
	return 0;
}

static int make_core(struct irqgate_kvm *gate)
{
	struct irqgate_core_config config = {
		.size = sizeof(config),
		.policy = gate->config.policy,
		.sources = gate->config.sources,
		.chips = gate->config.chips,
		.pic = gate->config.pic,
		.directed_eoi = gate->config.directed_eoi,
	};
	size_t bytes;
	void *memory;
	int error;

	for (uint32_t i = 0; i < config.chips; i++)
		config.chip[i] = gate->config.chip[i].chip;
	bytes = irqgate_core_size(&config);
	if (!bytes)
		return -EINVAL;
	memory = malloc(bytes);
	if (!memory)
		return -ENOMEM;
	error = irqgate_core_init(memory, bytes, &config, &gate->core);
	if (error) {
		free(memory);
		return error;
	}
	if (gate->config.hold_limit) {
		gate->timed = true;
		irqgate_core_limit_holds(gate->core, gate->config.hold_limit);
	}
	return 0;
}

static int make_arrays(struct irqgate_kvm *gate)
{
	uint32_t routes = irqgate_kvm_first_gsi(gate);

	gate->source = calloc(gate->config.sources, sizeof(*gate->source));
	gate->route = calloc(routes, sizeof(*gate->route));
	gate->route_set = calloc(routes, sizeof(*gate->route_set));
	gate->table = calloc(1, sizeof(*gate->table) + routes * sizeof(gate->table->entries[0]));
	gate->told = calloc(irqgate_core_gsis(gate->core), sizeof(*gate->told));
	return gate->source && gate->route && gate->route_set && gate->table && gate->told ? 0 : -ENOMEM;
}

static int make_timer(struct irqgate_kvm *gate, uint64_t data, int *fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = data };

	*fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (*fd < 0 || epoll_ctl(gate->epoll_fd, EPOLL_CTL_ADD, *fd, &event))
		return -errno;
	return 0;
}

static int make_descriptors(struct irqgate_kvm *gate)
{
	int error;

	gate->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (gate->epoll_fd < 0)
		return -errno;
	error = make_timer(gate, IG_EVENT_RETRY, &gate->retry_fd);
	return error ? error : make_timer(gate, IG_EVENT_TIME, &gate->time_fd);
}

static void make_locks(struct irqgate_kvm *gate)
{
	pthread_mutex_init(&gate->lock, NULL);
	pthread_mutex_init(&gate->world, NULL);
	for (uint32_t i = 0; i < gate->config.sources; i++)
		pthread_mutex_init(&gate->source[i].io, NULL);
	for (uint32_t i = 0; i < IRQGATE_KVM_WATCHES_MAX; i++)
		pthread_mutex_init(&gate->watch[i].io, NULL);
}

static void destroy(struct irqgate_kvm *gate)
{
	if (gate->time_fd >= 0)
		close(gate->time_fd);
	if (gate->retry_fd >= 0)
		close(gate->retry_fd);
	if (gate->epoll_fd >= 0)
		close(gate->epoll_fd);
	free(gate->told);
	free(gate->own);
	free(gate->table);
	free(gate->route_set);
	free(gate->route);
	free(gate->source);
	free(gate->core);
	free(gate);
}

static bool is_free(const struct irqgate_kvm_config *config, uint32_t chips, uint64_t base)
{
	for (uint32_t i = 0; i < chips; i++)
		if (config->chip[i].base == base)
			return false;
	return true;
}

/* The core looks at the chips themselves. */
static bool is_valid(const struct irqgate_kvm_config *config)
{
	if (config->size != sizeof(*config) || config->path > IRQGATE_PATH_USERSPACE ||
	    config->chips > IRQGATE_CHIPS_MAX)
		return false;
	for (uint32_t i = 0; i < config->chips; i++)
		if (config->chip[i].base % IG_IOAPIC_WINDOW_SIZE || !is_free(config, i, config->chip[i].base))
			return false;
	return true;
}

static struct irqgate_kvm *allocate(const struct irqgate_kvm_config *config)
{
	struct irqgate_kvm *gate = calloc(1, sizeof(*gate));

	if (!gate)
		return NULL;
	gate->config = *config;
	if (!config->sources)
		gate->config.sources = DEFAULT_SOURCES;
	if (!config->chips) {
		gate->config.chips = 1;
		gate->config.chip[0] = (struct irqgate_kvm_chip){
			.chip = { .pins = DEFAULT_PINS },
			.base = IRQGATE_KVM_IOAPIC_BASE,
		};
	}
	gate->epoll_fd = -1;
	gate->retry_fd = -1;
	gate->time_fd = -1;
	gate->time_due = IRQGATE_NEVER;
	gate->question.gsi = -1;
	return gate;
}

int irqgate_kvm_open(const struct irqgate_kvm_config *config, struct irqgate_kvm **out)
{
	struct irqgate_kvm *gate;
	int error;

	if (!is_valid(config))
		return -EINVAL;
	gate = allocate(config);
	if (!gate)
		return -ENOMEM;
	error = make_core(gate);
	if (!error)
		error = make_arrays(gate);
	if (!error)
		error = make_descriptors(gate);
	if (!error)
		error = check_capabilities(config->vm_fd);
	if (!error)
		error = split_irqchip(config->vm_fd, irqgate_kvm_first_gsi(gate));
	if (!error)
		error = choose_eoi(config->vm_fd, config->directed_eoi);
	if (!error)
		error = choose_ids(gate);
	if (error) {
		destroy(gate);
		return error;
	}
	make_locks(gate);
	*out = gate;
	return 0;
}

void irqgate_kvm_close(struct irqgate_kvm *gate)
{
	if (!gate)
		return;
	for (uint32_t i = 0; i < gate->config.sources; i++) {
		if (gate->source[i].handle)
			irqgate_kvm_remove(gate, gate->source[i].handle);
		pthread_mutex_destroy(&gate->source[i].io);
	}
	for (uint32_t i = 0; i < IRQGATE_KVM_WATCHES_MAX; i++)
		pthread_mutex_destroy(&gate->watch[i].io);
	pthread_mutex_destroy(&gate->world);
	pthread_mutex_destroy(&gate->lock);
	destroy(gate);
}

uint32_t irqgate_kvm_first_gsi(const struct irqgate_kvm *gate)
{
	return 2 * irqgate_core_gsis(gate->core);
}

int irqgate_kvm_poll_fd(const struct irqgate_kvm *gate)
{
	return gate->epoll_fd;
}

int irqgate_kvm_add_vcpu(struct irqgate_kvm *gate, int vcpu_fd, struct kvm_run *run)
{
	int error = 0;

	pthread_mutex_lock(&gate->lock);
	if (gate->vcpus == IRQGATE_KVM_VCPUS_MAX) {
		error = -ENOSPC;
	} else {
		gate->vcpu[gate->vcpus++] = (struct ig_kvm_vcpu){ .fd = vcpu_fd, .run = run };
		if (gate->vcpus == 1)
			ig_coalesced_start(gate, run);
	}
	pthread_mutex_unlock(&gate->lock);
	return error;
}
