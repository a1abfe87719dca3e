/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The guest of the VMM; see vmm.h. */
#include "vmm.h"

#define HALF_BITS 32

static void write_register(struct vmm *vmm, int cpu, uint32_t reg, uint32_t value)
{
	fake_write(vmm->vcpu[cpu], IOAPIC_AT + IOREGSEL, reg, sizeof(reg));
	fake_write(vmm->vcpu[cpu], IOAPIC_AT + IOWIN, value, sizeof(value));
	vmm_run(vmm, cpu);
}

void guest_program(struct vmm *vmm, uint32_t pin, uint64_t entry)
{
	if (vmm->chip == SPLIT)
		write_register(vmm, 0, ENTRY_FROM + 2 * pin + 1, (uint32_t)(entry >> HALF_BITS));
	guest_write_low(vmm, 0, pin, entry);
}

void guest_write_low(struct vmm *vmm, int cpu, uint32_t pin, uint64_t entry)
{
	if (vmm->chip == SPLIT) {
		write_register(vmm, cpu, ENTRY_FROM + 2 * pin, (uint32_t)entry);
		return;
	}
	vmm->entry[pin] = entry;
	fake_write_entry(vmm->vm, pin, entry);
}

void guest_mask(struct vmm *vmm, uint32_t pin)
{
	guest_write_low(vmm, 0, pin, vmm->entry[pin] | ENTRY_MASKED);
}

void guest_unmask(struct vmm *vmm, uint32_t pin)
{
	guest_write_low(vmm, 0, pin, vmm->entry[pin] & ~ENTRY_MASKED);
}

/* On a shared line, and on KVM's own chip, the library's helper comes between. */
bool guest_gets(const struct vmm *vmm, uint8_t vector)
{
	for (int ms = 0; ms < WAIT_MS; ms++) {
		if (fake_take(vmm->vcpu[0], vector))
			return true;
		pause_ms(1);
	}
	return false;
}

void guest_take(const struct vmm *vmm, uint8_t vector)
{
	if (!guest_gets(vmm, vector))
		fail_msg("the guest gets no interrupt with vector 0x%x", vector);
}

void guest_eoi(struct vmm *vmm, uint8_t vector)
{
	fake_eoi(vmm->vcpu[0], vector);
	vmm_run(vmm, 0);
}

void guest_handle(struct vmm *vmm, int device, uint32_t pin, uint8_t vector)
{
	(void)pin;
	guest_take(vmm, vector);
	fake_quiet(vmm->device[device].fd);
	guest_eoi(vmm, vector);
}

void guest_handle_threaded(struct vmm *vmm, int device, uint32_t pin, uint8_t vector)
{
	guest_take(vmm, vector);
	guest_mask(vmm, pin);
	guest_eoi(vmm, vector);
	vmm_settle(vmm);
	fake_quiet(vmm->device[device].fd);
	guest_unmask(vmm, pin);
}

struct before {
	uint32_t triggers, messages;
};

static uint8_t vector_of(const struct vmm *vmm, int device)
{
	return (uint8_t)vmm->entry[vmm->device[device].gsi];
}

static struct before look_before(const struct vmm *vmm, int device)
{
	return (struct before){ .triggers = fake_look(vmm->device[device].fd).triggers,
				.messages = fake_messages(vmm->vm, vector_of(vmm, device)) };
}

static void assert_since(const struct vmm *vmm, int device, struct before before, uint32_t count)
{
	vmm_settle(vmm);
	assert_int_equal(fake_look(vmm->device[device].fd).triggers - before.triggers, count);
	assert_int_equal(fake_messages(vmm->vm, vector_of(vmm, device)) - before.messages, count);
}

void assert_alive(struct vmm *vmm, int device)
{
	struct before before = look_before(vmm, device);
	int fd = vmm->device[device].fd;

	fake_assert(fd);
	assert_since(vmm, device, before, 1);
	guest_handle(vmm, device, vmm->device[device].gsi, vector_of(vmm, device));
	wait_until(!fake_look(fd).masked);
	assert_since(vmm, device, before, 1);
}

void assert_gated(struct vmm *vmm, int device)
{
	uint32_t pin = vmm->device[device].gsi;
	uint8_t vector = vector_of(vmm, device);
	struct before before = look_before(vmm, device);
	int fd = vmm->device[device].fd;

	fake_assert(fd);
	assert_since(vmm, device, before, 1);
	guest_take(vmm, vector);
	guest_mask(vmm, pin);
	guest_eoi(vmm, vector);
	assert_since(vmm, device, before, 1);
	assert_true(fake_look(fd).masked);
	fake_quiet(fd);
	guest_unmask(vmm, pin);
	wait_until(!fake_look(fd).masked);
	assert_since(vmm, device, before, 1);
}

void assert_left(struct vmm *vmm, int device)
{
	uint32_t pin = vmm->device[device].gsi;
	uint8_t vector = vector_of(vmm, device);
	struct before before = look_before(vmm, device);
	int fd = vmm->device[device].fd;

	fake_assert(fd);
	assert_since(vmm, device, before, 1);
	guest_take(vmm, vector);
	guest_mask(vmm, pin);
	guest_eoi(vmm, vector);
	wait_until(fake_look(fd).triggers - before.triggers == 2);
	fake_quiet(fd);
	guest_unmask(vmm, pin);
	guest_take(vmm, vector);
	guest_eoi(vmm, vector);
	wait_until(!fake_look(fd).masked);
	assert_since(vmm, device, before, 2);
}
