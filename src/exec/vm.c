/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What the VMM does to its VM (KVM API). Caller holds the lock, and has made the real call, which succeeded. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "exec/exec.h"

enum { KERNEL_PINS = KVM_IOAPIC_NUM_PINS };

#define IOAPIC_AT   UINT64_C(0xfec00000)
#define IOAPIC_SIZE UINT64_C(0x1000)

void ig_vm_created(int fd)
{
	struct ig_vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return;
	vm->object.kind = IG_VM;
	if (!ig_fd_add(fd, &vm->object)) {
		ig_exec_say("the VM's descriptor, %d, is too high a number: no gate for it", fd);
		free(vm);
		return;
	}
	vm->next = ig_exec.vms;
	ig_exec.vms = vm;
	ig_stats_start();
}

/* KVM is about to free it; a thread may still have found it in the table, so it stays. */
void ig_vm_closed(struct ig_vm *vm)
{
	vm->irqfds = 0;
	ig_line_settle_all();
	for (struct ig_vm **at = &ig_exec.vms; *at; at = &(*at)->next) {
		if (*at != vm)
			continue;
		*at = vm->next;
		return;
	}
}

static void cannot_follow(struct ig_vm *vm, const char *why)
{
	ig_exec_say("a vCPU's exits cannot be read (%s): no gate for this VM", why);
	vm->not_understood = true;
	ig_line_settle_all();
}

static void unmap(const struct kvm_run *run)
{
	munmap((void *)(uintptr_t)run, sizeof(*run));
}

/* The run area is mapped a second time: what the VMM does with its own mapping does not matter then. */
void ig_vcpu_created(struct ig_vm *vm, int fd)
{
	const struct kvm_run *run = mmap(NULL, sizeof(*run), PROT_READ, MAP_SHARED, fd, 0);
	struct ig_vcpu *vcpu;

	if (run == MAP_FAILED) {
		cannot_follow(vm, strerror(errno));
		return;
	}
	vcpu = calloc(1, sizeof(*vcpu));
	if (!vcpu) {
		unmap(run);
		cannot_follow(vm, strerror(ENOMEM));
		return;
	}
	vcpu->object.kind = IG_VCPU;
	vcpu->vm = vm;
	vcpu->run = run;
	vcpu->users = 1;
	if (!ig_fd_add(fd, &vcpu->object)) {
		unmap(run); /* it would keep the VM in the kernel */
		free(vcpu);
		cannot_follow(vm, "its descriptor is too high a number");
		return;
	}
	vm->vcpus++;
}

/* The VMM has dealt with its last exit. */
void ig_vcpu_closed(struct ig_vcpu *vcpu)
{
	ig_split_apply(vcpu);
	vcpu->vm->vcpus--;
	ig_vcpu_release(vcpu);
}

bool ig_vcpu_hold(struct ig_vcpu *vcpu)
{
	unsigned int users = atomic_load(&vcpu->users);

	while (users && !atomic_compare_exchange_weak(&vcpu->users, &users, users + 1))
		;
	return users;
}

void ig_vcpu_release(struct ig_vcpu *vcpu)
{
	if (atomic_fetch_sub(&vcpu->users, 1) == 1)
		unmap(vcpu->run);
}

/* Whether LAPICs may suppress the broadcast of EOIs is between the VMM and KVM: so a write of the EOI register counts. */
static struct irqgate_core *make_core(uint32_t pins)
{
	const struct irqgate_core_config config = {
		.size = sizeof(config), .policy = ig_exec.config.policy, .sources = IG_SOURCES_MAX,
		.chips = 1, .chip = { { .pins = pins } }, .directed_eoi = true,
	};
	size_t size = irqgate_core_size(&config);
	void *memory = size ? malloc(size) : NULL;
	struct irqgate_core *core;

	if (!memory || irqgate_core_init(memory, size, &config, &core)) {
		free(memory);
		return NULL;
	}
	return core;
}

void ig_vm_chip(struct ig_vm *vm, enum ig_chip chip, uint64_t pins)
{
	if (vm->chip != IG_CHIP_NONE)
		return;
	vm->pins = chip == IG_CHIP_KERNEL ? KERNEL_PINS : (uint32_t)pins;
	errno = 0;
	vm->core = pins <= IG_GSIS_MAX ? make_core(vm->pins) : NULL;
	if (!vm->core) {
		ig_exec_say("an interrupt controller of %llu pins is not understood%s: no gate for this VM",
			    (unsigned long long)pins, errno == ENOMEM ? ", as there is no memory" : "");
		vm->not_understood = true;
		return;
	}
	vm->chip = chip;
	if (chip == IG_CHIP_KERNEL)
		ig_kernel_default_routes(vm);
}

const struct ig_irqfd *ig_vm_find_irqfd(const struct ig_vm *vm, const struct ig_eventfd *trigger)
{
	for (uint32_t i = 0; i < vm->irqfds; i++)
		if (ig_eventfd_same(&vm->irqfd[i].trigger, trigger))
			return &vm->irqfd[i];
	return NULL;
}

static void remove_irqfd(struct ig_vm *vm, const struct ig_irqfd *irqfd)
{
	uint32_t i = (uint32_t)(irqfd - vm->irqfd);

	vm->irqfd[i] = vm->irqfd[--vm->irqfds];
}

static void add_irqfd(struct ig_vm *vm, const struct kvm_irqfd *request)
{
	bool resamples = request->flags & KVM_IRQFD_FLAG_RESAMPLE;

	if (request->gsi >= vm->pins) /* a message of its own, not a line */
		return;
	if (vm->irqfds == IG_IRQFDS_MAX) {
		ig_exec_say("GSI %u: more than %d irqfds on lines: left as it is", request->gsi, IG_IRQFDS_MAX);
		return;
	}
	vm->irqfd[vm->irqfds++] = (struct ig_irqfd){
		.trigger = ig_eventfd_of((int)request->fd),
		.resample = resamples ? ig_eventfd_of((int)request->resamplefd) : (struct ig_eventfd){ .fd = IG_NO_FD },
		.gsi = request->gsi,
	};
}

void ig_vm_irqfd(struct ig_vm *vm, const struct kvm_irqfd *request)
{
	struct ig_eventfd trigger;
	const struct ig_irqfd *irqfd;

	if (!(request->flags & KVM_IRQFD_FLAG_DEASSIGN)) {
		add_irqfd(vm, request);
		ig_line_settle_all();
		return;
	}
	if (request->gsi >= vm->pins)
		return;
	trigger = ig_eventfd_of((int)request->fd);
	irqfd = ig_vm_find_irqfd(vm, &trigger);
	if (irqfd && irqfd->gsi == request->gsi)
		remove_irqfd(vm, irqfd);
	ig_line_settle_all();
}

void ig_vm_eventfd_closing(struct ig_vm *vm, int fd)
{
	for (uint32_t i = vm->irqfds; i-- > 0;) {
		struct ig_irqfd *irqfd = &vm->irqfd[i];

		if (irqfd->resample.fd == fd)
			ig_eventfd_replace(&irqfd->resample, fd);
		if (irqfd->trigger.fd != fd)
			continue;
		ig_eventfd_replace(&irqfd->trigger, fd);
		if (irqfd->trigger.fd == IG_NO_FD)
			remove_irqfd(vm, irqfd);
	}
	ig_line_settle_all();
}

/* Writes to a coalesced zone make no exit. */
void ig_vm_coalesced(struct ig_vm *vm, const struct kvm_coalesced_mmio_zone *zone)
{
	if (zone->pio || zone->addr >= IOAPIC_AT + IOAPIC_SIZE || zone->addr + zone->size <= IOAPIC_AT)
		return;
	ig_exec_say("the VMM lets KVM collect writes to the IOAPIC, so they cannot be followed: no gate for this VM");
	vm->not_understood = true;
	ig_line_settle_all();
}

static bool knows_any(const struct ig_vm *vm)
{
	for (uint32_t i = 0; i < vm->pins; i++)
		if (vm->known[i])
			return true;
	return vm->select_known;
}

void ig_vm_state_written(struct ig_vm *vm)
{
	struct irqgate_effects effects;
	uint32_t pin = 0;

	if (vm->chip != IG_CHIP_SPLIT || !knows_any(vm))
		return;
	memset(vm->known, 0, sizeof(vm->known));
	vm->select_known = false;
	ig_line_settle_all(); /* so the core has no source left, and its reset no effect */
	while (irqgate_core_reset(vm->core, &pin, &effects))
		;
}
