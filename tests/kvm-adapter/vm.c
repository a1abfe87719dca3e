/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The VM that the adapter's tests share; see vm.h. */
#include "vm.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define LAPIC_SVR        0xf0
#define LAPIC_SVR_ENABLE 0x1ff
#define LAPIC_SVR_OFF    0xff
#define LAPIC_IRR        0x200
#define REDTBL           0x10U
#define WINDOW           0x10U
#define EOI_REGISTER     0x40U
#define LEVEL            0x8000U
#define MASKED           0x10000U

static void kick(void *opaque, int vcpu_fd)
{
	struct test_vm *vm = opaque;

	for (unsigned int i = 0; i < TEST_VCPUS; i++)
		if (vm->vcpu_fd[i] == vcpu_fd)
			vm->kicked |= 1U << i;
	if (vm->kick)
		vm->kick();
}

static int set_routes(void *opaque, const struct irqgate_route *route, uint32_t count)
{
	struct test_vm *vm = opaque;

	memcpy(vm->routes, route, count * sizeof(*route));
	vm->routes_set = count;
	vm->route_calls++;
	if (vm->during_routes)
		vm->during_routes(vm);
	return 0;
}

void vm_open_gate(struct test_vm *vm, unsigned int flags, struct irqgate_kvm_config *config)
{
	config->size = sizeof(*config);
	config->vm_fd = vm->vm_fd;
	config->path = flags & TEST_USERSPACE ? IRQGATE_PATH_USERSPACE : IRQGATE_PATH_DIRECT;
	config->pic = flags & TEST_PIC;
	config->callbacks = (struct irqgate_kvm_callbacks){
		.set_routes = flags & TEST_ROUTES_CALLBACK ? set_routes : NULL,
		.kick = flags & TEST_NO_KICK ? NULL : kick,
		.opaque = vm,
	};
	assert_int_equal(irqgate_kvm_open(config, &vm->gate), 0);
}

struct test_vm *vm_open_bare(void)
{
	struct test_vm *vm = calloc(1, sizeof(*vm));

	assert_non_null(vm);
	vm->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	assert_true(vm->kvm_fd >= 0);
	vm->vm_fd = ioctl(vm->kvm_fd, KVM_CREATE_VM, 0);
	assert_true(vm->vm_fd >= 0);
	vm->run_size = (size_t)ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	vm->base = IRQGATE_KVM_IOAPIC_BASE;
	return vm;
}

void vm_add_vcpu(struct test_vm *vm, unsigned int id)
{
	unsigned int i = 0;

	while (vm->run[i])
		i++;
	vm->vcpu_fd[i] = ioctl(vm->vm_fd, KVM_CREATE_VCPU, (unsigned long)id);
	assert_true(vm->vcpu_fd[i] >= 0);
	vm->run[i] = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu_fd[i], 0);
	assert_ptr_not_equal(vm->run[i], MAP_FAILED);
	assert_int_equal(irqgate_kvm_add_vcpu(vm->gate, vm->vcpu_fd[i], vm->run[i]), 0);
}

struct test_vm *vm_open(unsigned int vcpus, unsigned int flags)
{
	struct irqgate_kvm_config config = { .chips = 0 };
	struct test_vm *vm = vm_open_bare();

	vm_open_gate(vm, flags, &config);
	for (unsigned int i = 0; i < vcpus; i++) {
		vm_add_vcpu(vm, i);
		lapic_enable(vm, (int)i, 1);
	}
	return vm;
}

void vm_close(struct test_vm *vm)
{
	irqgate_kvm_close(vm->gate);
	for (unsigned int i = 0; i < TEST_VCPUS; i++) {
		if (!vm->run[i])
			continue;
		munmap(vm->run[i], vm->run_size);
		close(vm->vcpu_fd[i]);
	}
	close(vm->vm_fd);
	close(vm->kvm_fd);
	free(vm);
}

static uint32_t access_mmio(struct test_vm *vm, int vcpu, uint64_t offset, int is_write, uint32_t value)
{
	struct kvm_run *run = vm->run[vcpu];

	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = vm->base + offset;
	run->mmio.len = sizeof(value);
	run->mmio.is_write = (uint8_t)is_write;
	memset(run->mmio.data, 0, sizeof(run->mmio.data));
	memcpy(run->mmio.data, &value, sizeof(value));
	assert_int_equal(irqgate_kvm_exit(vm->gate, vm->vcpu_fd[vcpu], run), 1);
	memcpy(&value, run->mmio.data, sizeof(value));
	return value;
}

void guest_write_register(struct test_vm *vm, uint32_t index, uint32_t value)
{
	access_mmio(vm, 0, 0, 1, index);
	access_mmio(vm, 0, WINDOW, 1, value);
}

void guest_write_rte(struct test_vm *vm, uint32_t pin, uint32_t low)
{
	guest_write_register(vm, REDTBL + 2 * pin, low);
}

void guest_write_dest(struct test_vm *vm, uint32_t pin, uint32_t apic_id)
{
	guest_write_register(vm, REDTBL + 2 * pin + 1, apic_id << 24);
}

uint32_t guest_read_register(struct test_vm *vm, uint32_t index)
{
	access_mmio(vm, 0, 0, 1, index);
	return access_mmio(vm, 0, WINDOW, 0, 0);
}

void guest_eoi_register(struct test_vm *vm, uint8_t vector)
{
	access_mmio(vm, 0, EOI_REGISTER, 1, vector);
}

uint32_t guest_read_rte(struct test_vm *vm, int vcpu, uint32_t pin)
{
	access_mmio(vm, vcpu, 0, 1, REDTBL + 2 * pin);
	return access_mmio(vm, vcpu, WINDOW, 0, 0);
}

void guest_eoi(struct test_vm *vm, int vcpu, uint8_t vector)
{
	vm->run[vcpu]->exit_reason = KVM_EXIT_IOAPIC_EOI;
	vm->run[vcpu]->eoi.vector = vector;
	assert_int_equal(irqgate_kvm_exit(vm->gate, vm->vcpu_fd[vcpu], vm->run[vcpu]), 1);
}

/* Where KVM puts the data of an access to a port: behind the structure. */
#define IO_DATA_OFFSET 4096

static int access_port(struct test_vm *vm, uint16_t port, uint8_t bytes, uint32_t count, int direction)
{
	struct kvm_run *run = vm->run[0];

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = (uint8_t)direction;
	run->io.port = port;
	run->io.size = bytes;
	run->io.count = count;
	run->io.data_offset = IO_DATA_OFFSET;
	return irqgate_kvm_exit(vm->gate, vm->vcpu_fd[0], run);
}

int guest_outs(struct test_vm *vm, uint16_t port, uint8_t bytes, uint32_t count, const void *data)
{
	memcpy((char *)vm->run[0] + IO_DATA_OFFSET, data, bytes * count);
	return access_port(vm, port, bytes, count, KVM_EXIT_IO_OUT);
}

int guest_ins(struct test_vm *vm, uint16_t port, uint8_t bytes, uint32_t count, void *data)
{
	int result = access_port(vm, port, bytes, count, KVM_EXIT_IO_IN);

	memcpy(data, (char *)vm->run[0] + IO_DATA_OFFSET, bytes * count);
	return result;
}

void guest_out(struct test_vm *vm, uint16_t port, uint8_t value)
{
	assert_int_equal(guest_outs(vm, port, 1, 1, &value), 1);
}

uint8_t guest_in(struct test_vm *vm, uint16_t port)
{
	uint8_t value;

	assert_int_equal(guest_ins(vm, port, 1, 1, &value), 1);
	return value;
}

uint32_t rte(uint8_t vector, int masked)
{
	return vector | LEVEL | (masked ? MASKED : 0);
}

static unsigned char *irr_byte(struct kvm_lapic_state *lapic, uint8_t vector)
{
	return (unsigned char *)&lapic->regs[LAPIC_IRR + vector / 32 * 16 + vector % 32 / 8];
}

int lapic_has(struct test_vm *vm, int vcpu, uint8_t vector)
{
	struct kvm_lapic_state lapic;

	assert_int_equal(ioctl(vm->vcpu_fd[vcpu], KVM_GET_LAPIC, &lapic), 0);
	return *irr_byte(&lapic, vector) >> vector % 8 & 1;
}

int lapic_gets(struct test_vm *vm, int vcpu, uint8_t vector)
{
	for (int i = 0; i < 200; i++) {
		if (lapic_has(vm, vcpu, vector))
			return 1;
		usleep(1000);
	}
	return 0;
}

void lapic_take(struct test_vm *vm, int vcpu, uint8_t vector)
{
	struct kvm_lapic_state lapic;

	assert_int_equal(ioctl(vm->vcpu_fd[vcpu], KVM_GET_LAPIC, &lapic), 0);
	*irr_byte(&lapic, vector) &= (unsigned char)~(1 << vector % 8);
	assert_int_equal(ioctl(vm->vcpu_fd[vcpu], KVM_SET_LAPIC, &lapic), 0);
}

void lapic_enable(struct test_vm *vm, int vcpu, int on)
{
	struct kvm_lapic_state lapic;
	uint32_t svr = on ? LAPIC_SVR_ENABLE : LAPIC_SVR_OFF;

	assert_int_equal(ioctl(vm->vcpu_fd[vcpu], KVM_GET_LAPIC, &lapic), 0);
	memcpy(&lapic.regs[LAPIC_SVR], &svr, sizeof(svr));
	assert_int_equal(ioctl(vm->vcpu_fd[vcpu], KVM_SET_LAPIC, &lapic), 0);
}

static int silence(void *opaque)
{
	struct test_source *source = opaque;

	source->silences++;
	return 0;
}

static int probe(void *opaque)
{
	const struct test_source *source = opaque;

	return source->level;
}

void source_open(struct test_vm *vm, struct test_source *source, uint32_t gsi)
{
	int level = source->level;

	*source = (struct test_source){ .level = level };
	source->forwarded = (struct irqgate_forwarded){
		.size = sizeof(source->forwarded),
		.name = "test",
		.trigger_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.resample_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.silence = silence,
		.probe = probe,
		.opaque = source,
	};
	assert_int_equal(irqgate_kvm_add_forwarded(vm->gate, gsi, &source->forwarded, &source->handle), 0);
}

void source_close(struct test_vm *vm, struct test_source *source)
{
	if (source->handle)
		assert_int_equal(irqgate_kvm_remove(vm->gate, source->handle), 0);
	close(source->forwarded.trigger_fd);
	close(source->forwarded.resample_fd);
}

void source_trigger(const struct test_source *source)
{
	assert_int_equal(eventfd_write(source->forwarded.trigger_fd, 1), 0);
}

uint64_t source_resamples(const struct test_source *source)
{
	eventfd_t count = 0;

	return eventfd_read(source->forwarded.resample_fd, &count) ? 0 : count;
}

void source_open_unmasked(struct test_vm *vm, struct test_source *source)
{
	source_open(vm, source, TEST_PIN);
	guest_write_rte(vm, TEST_PIN, rte(TEST_VECTOR, 0));
	source_resamples(source);
	source->silences = 0;
}

struct kvm_irq_routing_entry vm_msi(uint32_t gsi, uint8_t vector)
{
	return (struct kvm_irq_routing_entry){
		.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI, .u.msi = { .address_lo = 0xfee00000, .data = vector },
	};
}

int vm_bind_irqfd(struct test_vm *vm, uint32_t gsi)
{
	struct kvm_irqfd irqfd = { .fd = (uint32_t)eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .gsi = gsi };

	assert_int_equal(ioctl(vm->vm_fd, KVM_IRQFD, &irqfd), 0);
	return (int)irqfd.fd;
}
