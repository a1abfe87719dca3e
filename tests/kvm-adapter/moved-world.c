/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* See moved-world.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "moved-world.h"

static void device_trigger(struct device *device)
{
	device->masked = true;
	device->triggers++;
	assert_int_equal(eventfd_write(device->trigger, 1), 0);
}

void device_raise(struct device *device)
{
	device->asserts = true;
	if (!device->masked)
		device_trigger(device);
}

static void device_resample(struct device *device)
{
	device->masked = false;
	if (device->asserts)
		device_trigger(device);
}

void host(struct world *w)
{
	eventfd_t count;

	usleep(WAIT_MICROSECONDS); /* KVM's workers */
	if (!eventfd_read(w->device.resample, &count))
		w->kept = true;
	if (w->kept && (w->gate || !w->mask)) {
		w->kept = false;
		device_resample(&w->device);
		usleep(WAIT_MICROSECONDS);
	}
	if (w->gate)
		assert_int_equal(irqgate_kvm_dispatch(w->gate), 0);
}

/* The vCPU. */

static void run_once(struct world *w)
{
	uint32_t value;

	if (w->gate)
		assert_int_equal(irqgate_kvm_entry(w->gate, w->vcpu_fd, w->run), 0);
	assert_true(ioctl(w->vcpu_fd, KVM_RUN, 0) == 0 || errno == EINTR || errno == EAGAIN);
	if (w->gate && irqgate_kvm_exit(w->gate, w->vcpu_fd, w->run) == 1)
		return;
	assert_int_equal(w->run->exit_reason, KVM_EXIT_IO);
	memcpy(&value, (uint8_t *)w->run + w->run->io.data_offset, sizeof(value));
	if (w->run->io.direction == KVM_EXIT_IO_IN)
		w->pending_in = w->run->io.port;
	else if (w->run->io.port == PORT_VECTOR)
		w->taken[value & 0xff]++;
	else
		w->result = value;
}

void run_until_asked(struct world *w)
{
	while (!w->pending_in)
		run_once(w);
}

void answer(struct world *w, int port, uint32_t value)
{
	run_until_asked(w);
	assert_int_equal(w->pending_in, port);
	memcpy((uint8_t *)w->run + w->run->io.data_offset, &value, sizeof(value));
	w->pending_in = 0;
}

void command(struct world *w, uint32_t operation, uint32_t address, uint32_t value)
{
	answer(w, PORT_OPERATION, operation);
	answer(w, PORT_ADDRESS, address);
	answer(w, PORT_VALUE, value);
	run_until_asked(w);
}

static void write_rte(struct world *w, uint32_t low)
{
	command(w, GUEST_WRITE, IOAPIC, IOAPIC_REDTBL + 2 * w->device.gsi);
	command(w, GUEST_WRITE, IOAPIC_WINDOW, low);
}

void out(struct world *w, uint32_t port, uint32_t value)
{
	command(w, GUEST_OUT, port, value);
}

/* The guest. */

void guest_mask(struct world *w, bool masked)
{
	w->mask = masked;
	if (w->pic)
		out(w, PIC_SLAVE + 1, masked ? 0xff : (uint8_t)~(1U << IRQ % PIC_INPUTS));
	else
		write_rte(w, LEVEL | VECTOR | (masked ? MASKED : 0));
	host(w);
}

void guest_end(struct world *w)
{
	if (w->pic) {
		out(w, PIC_SLAVE, PIC_EOI | IRQ % PIC_INPUTS);
		out(w, PIC_MASTER, PIC_EOI | PIC_CASCADE);
	} else {
		command(w, GUEST_WRITE, LAPIC_EOI, 0);
	}
	host(w);
}

unsigned int guest_taken(struct world *w)
{
	host(w);
	command(w, GUEST_LOOK, 0, 0);
	return w->taken[w->pic ? PIC_IRQ_VECTOR : VECTOR];
}

static void start_pic(struct world *w)
{
	for (uint32_t first = 0; first <= PIC_INPUTS; first += PIC_INPUTS) {
		uint32_t chip = first ? PIC_SLAVE : PIC_MASTER;

		out(w, chip, 0x11);
		out(w, chip + 1, PIC_BASE + first);
		out(w, chip + 1, first ? PIC_CASCADE : 1U << PIC_CASCADE);
		out(w, chip + 1, 1);
		out(w, chip + 1, first ? 0xff : (uint8_t)~(1U << PIC_CASCADE));
	}
	out(w, 0x4d1, 1U << IRQ % PIC_INPUTS);
	command(w, GUEST_WRITE, LAPIC_LVT0, LAPIC_EXTINT);
}

/* VMs. */

static void load_guest(struct world *w)
{
	w->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(w->memory, MAP_FAILED);
	guest_load(w->memory);
}

static void open_split(struct world *w)
{
	struct irqgate_kvm_config config = {
		.size = sizeof(config), .vm_fd = w->vm_fd, .pic = true, .chips = 1,
		.chip = { { .chip = { .pins = 24, .version = IRQGATE_IOAPIC_VERSION_11 },
			    .base = IRQGATE_KVM_IOAPIC_BASE } },
	};

	assert_int_equal(irqgate_kvm_open(&config, &w->gate), 0);
}

void open_vm(struct world *w, bool split)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY, .userspace_addr = (uintptr_t)w->memory };
	size_t run_size = (size_t)ioctl(w->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	w->vm_fd = ioctl(w->kvm_fd, KVM_CREATE_VM, 0);
	assert_true(w->vm_fd >= 0);
	w->gate = NULL;
	if (split)
		open_split(w);
	else
		assert_int_equal(ioctl(w->vm_fd, KVM_CREATE_IRQCHIP), 0);
	assert_int_equal(ioctl(w->vm_fd, KVM_SET_USER_MEMORY_REGION, &region), 0);
	w->vcpu_fd = ioctl(w->vm_fd, KVM_CREATE_VCPU, 0UL);
	assert_true(w->vcpu_fd >= 0);
	w->run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, w->vcpu_fd, 0);
	assert_ptr_not_equal(w->run, MAP_FAILED);
	if (split)
		assert_int_equal(irqgate_kvm_add_vcpu(w->gate, w->vcpu_fd, w->run), 0);
}

static int silence(void *opaque)
{
	struct device *device = opaque;

	device->masked = true;
	return 0;
}

void plug(struct world *w)
{
	struct irqgate_forwarded forwarded = {
		.size = sizeof(forwarded), .name = "device", .trigger_fd = w->device.trigger,
		.resample_fd = w->device.resample, .silence = silence, .opaque = &w->device,
	};
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)w->device.trigger, .gsi = w->device.gsi, .flags = KVM_IRQFD_FLAG_RESAMPLE,
		.resamplefd = (uint32_t)w->device.resample,
	};
	irqgate_source source;

	if (w->gate)
		assert_int_equal(irqgate_kvm_add_forwarded(w->gate, w->device.gsi, &forwarded, &source), 0);
	else
		assert_int_equal(ioctl(w->vm_fd, KVM_IRQFD, &irqfd), 0);
}

static void unplug(struct world *w)
{
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)w->device.trigger, .gsi = w->device.gsi, .flags = KVM_IRQFD_FLAG_DEASSIGN,
	};

	if (!w->gate)
		assert_int_equal(ioctl(w->vm_fd, KVM_IRQFD, &irqfd), 0);
}

void close_vm(struct world *w)
{
	unplug(w);
	irqgate_kvm_close(w->gate);
	munmap(w->run, (size_t)ioctl(w->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0));
	close(w->vcpu_fd);
	close(w->vm_fd);
}

void open_world(struct world *w, bool pic)
{
	*w = (struct world){ .kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC), .pic = pic, .mask = 1 };
	assert_true(w->kvm_fd >= 0);
	w->device = (struct device){
		.gsi = pic ? IRQ : PIN,
		.trigger = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.resample = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	load_guest(w);
	open_vm(w, false);
	guest_set_registers(w->vcpu_fd, STACK);
	plug(w);
	command(w, GUEST_WRITE, LAPIC_SVR, LAPIC_SVR_ON);
	if (pic)
		start_pic(w);
	guest_mask(w, false);
}

void close_world(struct world *w)
{
	close_vm(w);
	munmap(w->memory, MEMORY);
	close(w->device.resample);
	close(w->device.trigger);
	close(w->kvm_fd);
}
