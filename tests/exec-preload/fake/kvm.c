/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A VM: its chips, routes and irqfds (KVM API). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

int fake_kvm_ioctl(unsigned long request)
{
	struct vm *vm;
	int fd;

	if (request == KVM_GET_VCPU_MMAP_SIZE)
		return sizeof(struct kvm_run);
	if (request != KVM_CREATE_VM)
		return -ENOTTY;
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return -ENOMEM;
	for (uint32_t i = 0; i < FAKE_IRQFDS; i++)
		vm->irqfd[i].trigger.fd = vm->irqfd[i].resample.fd = NO_FD;
	fd = fake_add_object(&vm->object, OBJECT_VM, 0);
	if (fd < 0)
		free(vm);
	return fd;
}

static void remove_irqfd(struct vm *vm, struct irqfd *irqfd)
{
	fake_unbind(&irqfd->trigger);
	fake_unbind(&irqfd->resample);
	irqfd->used = false;
	if (!irqfd->resamples)
		return;
	for (uint32_t i = 0; i < FAKE_IRQFDS; i++)
		if (vm->irqfd[i].used && vm->irqfd[i].resamples && vm->irqfd[i].gsi == irqfd->gsi)
			return;
	vm->line[irqfd->gsi] = false;
	fake_chips_drive(vm, irqfd->gsi);
}

void fake_vm_release(struct vm *vm)
{
	for (uint32_t i = 0; i < FAKE_IRQFDS; i++)
		if (vm->irqfd[i].used)
			remove_irqfd(vm, &vm->irqfd[i]);
	for (uint32_t i = 0; i < FAKE_VCPUS; i++)
		if (vm->vcpu[i])
			vm->vcpu[i]->vm = NULL;
	free(vm);
}

static struct irqfd *find_irqfd(struct vm *vm, int fd)
{
	for (uint32_t i = 0; i < FAKE_IRQFDS; i++)
		if (vm->irqfd[i].used && fake_is_bound_to(&vm->irqfd[i].trigger, fd))
			return &vm->irqfd[i];
	return NULL;
}

static int deassign(struct vm *vm, const struct kvm_irqfd *request)
{
	struct irqfd *irqfd = find_irqfd(vm, (int)request->fd);

	if (fake_eventfd_id((int)request->fd) < 0)
		return -EBADF;
	if (irqfd && irqfd->gsi == request->gsi)
		remove_irqfd(vm, irqfd);
	return 0;
}

static int assign(struct vm *vm, const struct kvm_irqfd *request)
{
	bool resamples = request->flags & KVM_IRQFD_FLAG_RESAMPLE;
	struct irqfd *irqfd = vm->irqfd;
	int error;

	if (find_irqfd(vm, (int)request->fd))
		return -EBUSY;
	while (irqfd->used)
		if (++irqfd == &vm->irqfd[FAKE_IRQFDS])
			return -ENOSPC;
	error = fake_bind(&irqfd->trigger, (int)request->fd);
	if (!error && resamples)
		error = fake_bind(&irqfd->resample, (int)request->resamplefd);
	if (error) {
		fake_unbind(&irqfd->trigger);
		return error;
	}
	irqfd->used = true;
	irqfd->resamples = resamples;
	irqfd->gsi = request->gsi;
	return 0;
}

static int set_irqfd(struct vm *vm, const void *argument)
{
	struct kvm_irqfd request;
	int error = fake_copy_in(&request, argument, sizeof(request));

	if (error)
		return error;
	fake_log("irqfd %c gsi %u flags %u resample %c", fake_letter((int)request.fd), request.gsi, request.flags,
		 request.flags & KVM_IRQFD_FLAG_RESAMPLE ? fake_letter((int)request.resamplefd) : '-');
	if (request.flags & ~(uint32_t)(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE) || request.gsi >= FAKE_GSIS)
		return -EINVAL;
	if (request.flags & KVM_IRQFD_FLAG_DEASSIGN)
		return deassign(vm, &request);
	if (request.flags & KVM_IRQFD_FLAG_RESAMPLE && !vm->chips)
		return -EINVAL;
	return assign(vm, &request);
}

static void set_route(struct vm *vm, const struct kvm_irq_routing_entry *entry)
{
	struct route *route = &vm->route[entry->gsi];

	if (entry->type == KVM_IRQ_ROUTING_MSI) {
		route->is_msi = true;
		route->address = entry->u.msi.address_lo;
		route->data = entry->u.msi.data;
	} else if (entry->u.irqchip.irqchip == KVM_IRQCHIP_IOAPIC) {
		route->ioapic = (int)entry->u.irqchip.pin;
	} else if (entry->u.irqchip.irqchip == KVM_IRQCHIP_PIC_SLAVE) {
		route->pic = (int)entry->u.irqchip.pin + 8;
	} else {
		route->pic = (int)entry->u.irqchip.pin;
	}
}

static int set_routing(struct vm *vm, const struct kvm_irq_routing *argument)
{
	struct kvm_irq_routing_entry entry[FAKE_GSIS];
	struct kvm_irq_routing head;
	int error = fake_copy_in(&head, argument, sizeof(head));

	if (error)
		return error;
	if (head.nr > FAKE_GSIS || head.flags)
		return -EINVAL;
	error = fake_copy_in(entry, argument->entries, head.nr * sizeof(entry[0]));
	if (error)
		return error;
	for (uint32_t gsi = 0; gsi < FAKE_GSIS; gsi++)
		vm->route[gsi] = (struct route){ .ioapic = -1, .pic = -1 };
	for (uint32_t i = 0; i < head.nr; i++)
		set_route(vm, &entry[i]);
	return 0;
}

static int enable_cap(struct vm *vm, const void *argument)
{
	struct kvm_enable_cap cap;
	int error = fake_copy_in(&cap, argument, sizeof(cap));

	if (error)
		return error;
	if (cap.cap != KVM_CAP_SPLIT_IRQCHIP)
		return 0;
	if (vm->chips || vm->split)
		return -EEXIST;
	vm->split = true;
	vm->pins = (uint32_t)cap.args[0];
	return 0;
}

static int create_chips(struct vm *vm)
{
	if (vm->chips || vm->split)
		return -EEXIST;
	fake_chips_reset(vm);
	return 0;
}

static int get_chip(struct vm *vm, void *argument)
{
	struct kvm_irqchip chip;
	int error = fake_copy_in(&chip, argument, sizeof(chip));

	if (!vm->chips)
		return -ENXIO;
	if (!error)
		error = fake_chips_get(vm, &chip);
	return error ? error : fake_copy_out(argument, &chip, sizeof(chip));
}

static int signal_msi(struct vm *vm, const void *argument)
{
	struct kvm_msi msi;
	int error = fake_copy_in(&msi, argument, sizeof(msi));

	if (error)
		return error;
	fake_deliver(vm, msi.address_lo, msi.data);
	return 1;
}

int fake_vm_ioctl(struct vm *vm, unsigned long request, void *argument)
{
	struct kvm_coalesced_mmio_zone zone;

	switch (request) {
	case KVM_CREATE_VCPU: return fake_vcpu_create(vm, (uint32_t)(uintptr_t)argument);
	case KVM_CREATE_IRQCHIP: return create_chips(vm);
	case KVM_ENABLE_CAP: return enable_cap(vm, argument);
	case KVM_IRQFD: return set_irqfd(vm, argument);
	case KVM_SET_GSI_ROUTING: return set_routing(vm, argument);
	case KVM_GET_IRQCHIP: return get_chip(vm, argument);
	case KVM_SIGNAL_MSI: return signal_msi(vm, argument);
	case KVM_REGISTER_COALESCED_MMIO: return fake_copy_in(&zone, argument, sizeof(zone));
	default: return -ENOTTY;
	}
}

static void inject(struct vm *vm, const struct irqfd *irqfd)
{
	const struct route *route = &vm->route[irqfd->gsi];

	if (route->is_msi) {
		fake_deliver(vm, route->address, route->data);
		return;
	}
	vm->line[irqfd->gsi] = true;
	fake_chips_drive(vm, irqfd->gsi);
	if (irqfd->resamples)
		return;
	vm->line[irqfd->gsi] = false;
	fake_chips_drive(vm, irqfd->gsi);
}

void fake_vm_pump(struct vm *vm)
{
	for (uint32_t i = 0; i < FAKE_IRQFDS; i++) {
		if (!vm->irqfd[i].used)
			continue;
		if (vm->irqfd[i].trigger.fd == NO_FD) { /* its eventfd is gone */
			remove_irqfd(vm, &vm->irqfd[i]);
		} else if (fake_consume(&vm->irqfd[i].trigger)) {
			inject(vm, &vm->irqfd[i]);
		}
	}
}

static struct vm *vm_of(int fd)
{
	struct object *object = fake_object(fd, OBJECT_VM);

	if (!object)
		abort(); /* a test's mistake */
	return (struct vm *)object;
}

uint32_t fake_messages(int fd, uint8_t vector)
{
	uint32_t count;

	fake_lock();
	fake_pump();
	count = vm_of(fd)->messages[vector];
	fake_unlock();
	return count;
}

uint32_t fake_all_messages(int fd)
{
	uint32_t count = 0;

	for (uint32_t vector = 0; vector < FAKE_VECTORS; vector++)
		count += fake_messages(fd, (uint8_t)vector);
	return count;
}
