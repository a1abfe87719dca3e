/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The VMM; see vmm.h. */
#include "vmm.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RUN_SIZE = 3 * 4096 };

#define MSI_AT          0xfee00000U
#define ENTRY_LOW_BITS  UINT64_C(0xffffffff)
#define ENTRY_VECTOR    UINT64_C(0xff)
#define ENTRY_LOGICAL   UINT64_C(0x800)
#define MSI_LOGICAL     0x4U
#define MSI_DESTINATION_SHIFT 12

int vmm_ioctl(const struct vmm *vmm, int fd, unsigned long request, void *argument)
{
	return vmm->past_library ? fake_ioctl(fd, request, argument) : ioctl(fd, request, argument);
}

void vmm_close_fd(const struct vmm *vmm, int *fd)
{
	if (*fd >= 0)
		assert_int_equal(vmm->past_library ? fake_close(*fd) : close(*fd), 0);
	*fd = -1;
}

static void make_vcpu(struct vmm *vmm, int id)
{
	vmm->vcpu[id] = vmm_ioctl(vmm, vmm->vm, KVM_CREATE_VCPU, (void *)(uintptr_t)id);
	assert_true(vmm->vcpu[id] >= 0);
	vmm->run[id] = mmap(NULL, RUN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, vmm->vcpu[id], 0);
	assert_true(vmm->run[id] != MAP_FAILED);
}

void vmm_open(struct vmm *vmm, enum chip chip)
{
	vmm_open_with_pins(vmm, chip, FAKE_PINS);
}

void vmm_open_with_pins(struct vmm *vmm, enum chip chip, uint64_t pins)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { pins } };

	vmm->chip = chip;
	vmm->select = 0;
	memset(vmm->route, 0, sizeof(vmm->route));
	for (int pin = 0; pin < FAKE_PINS; pin++)
		vmm->entry[pin] = ENTRY_MASKED;
	for (int i = 0; i < DEVICES; i++)
		vmm->device[i] = (struct vmm_device){ .fd = -1, .trigger = -1, .resample = -1 };
	vmm->kvm = fake_open_kvm();
	vmm->group = fake_open_group();
	vmm->vm = vmm_ioctl(vmm, vmm->kvm, KVM_CREATE_VM, NULL);
	assert_true(vmm->vm >= 0);
	if (chip == SPLIT)
		assert_int_equal(vmm_ioctl(vmm, vmm->vm, KVM_ENABLE_CAP, &cap), 0);
	else
		assert_int_equal(vmm_ioctl(vmm, vmm->vm, KVM_CREATE_IRQCHIP, NULL), 0);
	for (int id = 0; id < FAKE_VCPUS; id++)
		make_vcpu(vmm, id);
}

void vmm_open_ready(struct vmm *vmm, enum chip chip)
{
	vmm_open(vmm, chip);
	vmm_add_device(vmm, 0, PIN);
	vmm_enable_intx(vmm, 0);
	guest_program(vmm, PIN, ENTRY_LEVEL | VECTOR);
}

void vmm_close(struct vmm *vmm)
{
	for (int i = 0; i < DEVICES; i++)
		vmm_remove_device(vmm, i);
	for (int id = 0; id < FAKE_VCPUS; id++) {
		munmap(vmm->run[id], RUN_SIZE);
		vmm->run[id] = NULL;
		vmm_close_fd(vmm, &vmm->vcpu[id]);
	}
	vmm_close_fd(vmm, &vmm->vm);
	vmm_close_fd(vmm, &vmm->group);
	vmm_close_fd(vmm, &vmm->kvm);
}

int vmm_set_irqs(const struct vmm *vmm, int device, uint32_t flags, uint32_t count, int eventfd)
{
	union {
		struct vfio_irq_set set;
		uint8_t bytes[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
	} request = { .set = {
		.argsz = sizeof(request), .flags = flags, .index = VFIO_PCI_INTX_IRQ_INDEX, .count = count,
	} };

	if (!(flags & VFIO_IRQ_SET_DATA_EVENTFD))
		request.set.argsz = sizeof(request.set);
	memcpy(&request.bytes[sizeof(request.set)], &eventfd, sizeof(eventfd));
	return vmm_ioctl(vmm, vmm->device[device].fd, VFIO_DEVICE_SET_IRQS, &request);
}

int vmm_set_trigger(const struct vmm *vmm, int device, int eventfd)
{
	return vmm_set_irqs(vmm, device, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, 1, eventfd);
}

int vmm_set_resample(const struct vmm *vmm, int device, int eventfd)
{
	return vmm_set_irqs(vmm, device, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, 1, eventfd);
}

int vmm_mask(const struct vmm *vmm, int device)
{
	return vmm_set_irqs(vmm, device, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK, 1, -1);
}

int vmm_unmask(const struct vmm *vmm, int device)
{
	return vmm_set_irqs(vmm, device, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, 1, -1);
}

int vmm_irqfd(const struct vmm *vmm, int device, uint32_t flags)
{
	const struct vmm_device *d = &vmm->device[device];
	struct kvm_irqfd irqfd = { .fd = (uint32_t)d->trigger, .gsi = d->gsi, .flags = flags };

	if (vmm->chip == KERNEL && !(flags & KVM_IRQFD_FLAG_DEASSIGN)) {
		irqfd.flags |= KVM_IRQFD_FLAG_RESAMPLE;
		irqfd.resamplefd = (uint32_t)d->resample;
	}
	return vmm_ioctl(vmm, vmm->vm, KVM_IRQFD, &irqfd);
}

void vmm_write_command(const struct vmm *vmm, int device, uint8_t value)
{
	int fd = vmm->device[device].fd;

	if (vmm->past_library)
		assert_int_equal(fake_pwrite(fd, &value, sizeof(value), COMMAND_UPPER), sizeof(value));
	else
		assert_int_equal(pwrite(fd, &value, sizeof(value), COMMAND_UPPER), sizeof(value));
}

int vmm_new_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	assert_true(fd >= 0);
	return fd;
}

void vmm_add_device(struct vmm *vmm, int device, uint32_t gsi)
{
	char name[] = "0000:00:00.0";

	name[9] = (char)('1' + device);
	vmm->device[device].gsi = gsi;
	vmm->device[device].fd = vmm_ioctl(vmm, vmm->group, VFIO_GROUP_GET_DEVICE_FD, name);
	assert_true(vmm->device[device].fd >= 0);
}

void vmm_enable_intx(struct vmm *vmm, int device)
{
	struct vmm_device *d = &vmm->device[device];

	d->trigger = vmm_new_eventfd();
	assert_int_equal(vmm_set_trigger(vmm, device, d->trigger), 0);
	assert_int_equal(vmm_mask(vmm, device), 0);
	d->resample = vmm_new_eventfd();
	assert_int_equal(vmm_irqfd(vmm, device, 0), 0);
	assert_int_equal(vmm_set_resample(vmm, device, d->resample), 0);
	assert_int_equal(vmm_unmask(vmm, device), 0);
}

void vmm_disable_intx(struct vmm *vmm, int device)
{
	struct vmm_device *d = &vmm->device[device];

	if (d->trigger < 0)
		return;
	assert_int_equal(vmm_mask(vmm, device), 0);
	assert_int_equal(vmm_irqfd(vmm, device, KVM_IRQFD_FLAG_DEASSIGN), 0);
	vmm_close_fd(vmm, &d->resample);
	assert_int_equal(vmm_unmask(vmm, device), 0);
	assert_int_equal(vmm_set_irqs(vmm, device, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, 0, -1), 0);
	vmm_close_fd(vmm, &d->trigger);
}

void vmm_remove_device(struct vmm *vmm, int device)
{
	if (vmm->device[device].fd < 0)
		return;
	vmm_disable_intx(vmm, device);
	vmm_close_fd(vmm, &vmm->device[device].fd);
}

/* Routes are made anew at each write of an entry; a masked pin keeps the one that it had. */
static void update_routes(struct vmm *vmm)
{
	struct kvm_irq_routing *table = calloc(1, sizeof(*table) + FAKE_PINS * sizeof(table->entries[0]));

	assert_non_null(table);
	for (uint32_t pin = 0; pin < FAKE_PINS; pin++) {
		uint64_t entry = vmm->entry[pin];

		if (!(entry & ENTRY_MASKED))
			vmm->route[pin] = (struct kvm_irq_routing_entry){
				.gsi = pin, .type = KVM_IRQ_ROUTING_MSI, .u.msi = {
				.address_lo = MSI_AT | (uint32_t)(entry >> ENTRY_DESTINATION_SHIFT) << MSI_DESTINATION_SHIFT |
					(entry & ENTRY_LOGICAL ? MSI_LOGICAL : 0),
				.data = (uint32_t)(entry & (ENTRY_VECTOR | ENTRY_LEVEL)),
			} };
		if (vmm->route[pin].type)
			table->entries[table->nr++] = vmm->route[pin];
	}
	assert_int_equal(vmm_ioctl(vmm, vmm->vm, KVM_SET_GSI_ROUTING, table), 0);
	free(table);
}

static void resample(struct vmm *vmm, uint32_t gsi)
{
	const uint64_t one = 1;

	for (int i = 0; i < DEVICES; i++) {
		if (vmm->device[i].gsi != gsi || vmm->device[i].resample < 0)
			continue;
		assert_int_equal(write(vmm->device[i].resample, &one, sizeof(one)), sizeof(one));
		if (!vmm->tells_all)
			return;
	}
}

static void handle_eoi(struct vmm *vmm, uint8_t vector)
{
	for (uint32_t pin = 0; pin < FAKE_PINS; pin++)
		if (vmm->entry[pin] & ENTRY_LEVEL && (vmm->entry[pin] & ENTRY_VECTOR) == vector)
			resample(vmm, pin);
}

static void write_ioapic(struct vmm *vmm, uint64_t offset, uint32_t value)
{
	uint32_t pin = (vmm->select - ENTRY_FROM) / 2;
	uint64_t *entry;

	if (offset == EOI_REGISTER)
		handle_eoi(vmm, (uint8_t)value);
	if (offset == IOREGSEL)
		vmm->select = (uint8_t)value;
	if (offset != IOWIN || vmm->select < ENTRY_FROM || pin >= FAKE_PINS)
		return;
	entry = &vmm->entry[pin];
	if (vmm->select & 1)
		*entry = (*entry & ENTRY_LOW_BITS) | (uint64_t)value << 32;
	else
		*entry = (*entry & ~ENTRY_LOW_BITS) | value;
	update_routes(vmm);
}

bool vmm_run_once(struct vmm *vmm, int cpu)
{
	const struct kvm_run *run = vmm->run[cpu];
	uint32_t value;

	if (vmm_ioctl(vmm, vmm->vcpu[cpu], KVM_RUN, NULL)) {
		assert_int_equal(errno, EINTR);
		return false;
	}
	if (run->exit_reason == KVM_EXIT_IOAPIC_EOI)
		handle_eoi(vmm, run->eoi.vector);
	if (run->exit_reason == KVM_EXIT_MMIO && run->mmio.is_write &&
	    run->mmio.phys_addr - IOAPIC_AT <= EOI_REGISTER) {
		memcpy(&value, run->mmio.data, sizeof(value));
		write_ioapic(vmm, run->mmio.phys_addr - IOAPIC_AT, value);
	}
	return true;
}

void vmm_run(struct vmm *vmm, int cpu)
{
	while (vmm_run_once(vmm, cpu))
		;
}

void vmm_reset(struct vmm *vmm)
{
	struct kvm_lapic_state lapic = { .regs = { 0 } };
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_RUNNABLE };

	vmm->select = 0;
	for (int pin = 0; pin < FAKE_PINS; pin++)
		vmm->entry[pin] = ENTRY_MASKED;
	for (int id = 0; id < FAKE_VCPUS; id++) {
		assert_int_equal(vmm_ioctl(vmm, vmm->vcpu[id], KVM_SET_LAPIC, &lapic), 0);
		assert_int_equal(vmm_ioctl(vmm, vmm->vcpu[id], KVM_SET_MP_STATE, &state), 0);
	}
}

void pause_ms(int ms)
{
	usleep((unsigned int)ms * 1000);
}

static bool is_signalled(int eventfd)
{
	struct pollfd look = { .fd = eventfd, .events = POLLIN };

	return poll(&look, 1, 0) == 1 && look.revents & POLLIN;
}

/* The helper reads under the library's lock, which a call on a device takes as well. */
void vmm_settle(const struct vmm *vmm)
{
	struct vfio_device_feature feature = { .argsz = sizeof(feature), .flags = VFIO_DEVICE_FEATURE_PROBE };

	for (int i = 0; i < DEVICES; i++) {
		if (vmm->device[i].fd < 0)
			continue;
		wait_until(!fake_look(vmm->device[i].fd).unread);
		wait_until(vmm->chip == SPLIT || !is_signalled(vmm->device[i].resample));
		assert_int_equal(vmm_ioctl(vmm, vmm->device[i].fd, VFIO_DEVICE_FEATURE, &feature), 0);
	}
}
