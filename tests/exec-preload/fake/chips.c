/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * KVM's own IOAPIC and 8259 pair, as far as forwarded level interrupts go: an irqfd with a resample eventfd keeps
 * its GSI's line up from its trigger to the EOI.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* 82093AA, 3.2.4 */
#define ENTRY_VECTOR      UINT64_C(0xff)
#define ENTRY_LEVEL       (UINT64_C(1) << 15)
#define ENTRY_MASKED      (UINT64_C(1) << 16)
#define ENTRY_REMOTE_IRR  (UINT64_C(1) << 14)
#define ENTRY_DESTINATION 56

enum { PIC_CASCADE = 2, PIC_SLAVE_FROM = 8 };

void fake_chips_reset(struct vm *vm)
{
	vm->chips = true;
	vm->pins = FAKE_PINS;
	vm->pic_masks = 0xffff;
	for (uint32_t pin = 0; pin < FAKE_PINS; pin++) {
		vm->entry[pin] = ENTRY_MASKED;
		vm->route[pin] = (struct route){ .ioapic = (int)pin, .pic = pin < PIC_PINS ? (int)pin : -1 };
	}
}

static void service(struct vm *vm, uint32_t pin)
{
	uint64_t entry = vm->entry[pin];

	if (!vm->pending[pin] || vm->served[pin] || entry & ENTRY_MASKED)
		return;
	vm->served[pin] = entry & ENTRY_LEVEL;
	fake_deliver(vm, (uint32_t)(entry >> ENTRY_DESTINATION) << MSI_DESTINATION_SHIFT,
		     (uint32_t)(entry & (ENTRY_VECTOR | ENTRY_LEVEL)));
}

static bool pic_masks(const struct vm *vm, uint32_t pin)
{
	bool cascade = pin >= PIC_SLAVE_FROM && vm->pic_masks >> PIC_CASCADE & 1;

	return cascade || (vm->pic_masks >> pin & 1);
}

static void service_pic(struct vm *vm, uint32_t pin)
{
	if (vm->pic_pending[pin] && !vm->pic_served[pin] && !pic_masks(vm, pin))
		vm->pic_interrupts++;
}

void fake_chips_drive(struct vm *vm, uint32_t gsi)
{
	const struct route *route = &vm->route[gsi];

	if (route->ioapic >= 0) {
		vm->pending[route->ioapic] = vm->line[gsi];
		service(vm, (uint32_t)route->ioapic);
	}
	if (route->pic >= 0) {
		vm->pic_pending[route->pic] = vm->line[gsi];
		service_pic(vm, (uint32_t)route->pic);
	}
}

/* All irqfds of the GSI are told; what they drove has fallen before. */
static void acked(struct vm *vm, uint32_t gsi)
{
	bool resamples = false;

	for (uint32_t i = 0; i < FAKE_IRQFDS; i++)
		resamples |= vm->irqfd[i].used && vm->irqfd[i].resamples && vm->irqfd[i].gsi == gsi;
	if (!resamples)
		return;
	vm->line[gsi] = false;
	fake_chips_drive(vm, gsi);
	for (uint32_t i = 0; i < FAKE_IRQFDS; i++)
		if (vm->irqfd[i].used && vm->irqfd[i].resamples && vm->irqfd[i].gsi == gsi)
			fake_signal(&vm->irqfd[i].resample);
}

static void ioapic_acked(struct vm *vm, uint32_t pin)
{
	for (uint32_t gsi = 0; gsi < FAKE_GSIS; gsi++)
		if (!vm->route[gsi].is_msi && vm->route[gsi].ioapic == (int)pin)
			acked(vm, gsi);
}

void fake_chips_eoi(struct vm *vm, uint8_t vector)
{
	for (uint32_t pin = 0; pin < FAKE_PINS; pin++) {
		if (!vm->served[pin] || (vm->entry[pin] & ENTRY_VECTOR) != vector)
			continue;
		ioapic_acked(vm, pin);
		vm->served[pin] = false;
		service(vm, pin);
	}
}

static struct vm *vm_of(int fd)
{
	struct object *object = fake_object(fd, OBJECT_VM);

	if (!object)
		abort(); /* a test's mistake */
	return (struct vm *)object;
}

void fake_write_entry(int fd, uint32_t pin, uint64_t entry)
{
	struct vm *vm;

	fake_lock();
	vm = vm_of(fd);
	vm->entry[pin] = entry;
	if (!(entry & ENTRY_LEVEL))
		vm->served[pin] = false;
	if (vm->resamples_at_unmask && vm->pending[pin] && !vm->served[pin] && !(entry & ENTRY_MASKED))
		ioapic_acked(vm, pin);
	service(vm, pin);
	fake_pump();
	fake_unlock();
}

void fake_write_pic_masks(int fd, uint16_t masks)
{
	struct vm *vm;

	fake_lock();
	vm = vm_of(fd);
	vm->pic_masks = masks;
	for (uint32_t pin = 0; pin < PIC_PINS; pin++)
		service_pic(vm, pin);
	fake_unlock();
}

bool fake_take_pic(int fd, uint32_t pin)
{
	struct vm *vm;
	bool taken;

	fake_lock();
	vm = vm_of(fd);
	taken = vm->pic_pending[pin] && !vm->pic_served[pin] && !pic_masks(vm, pin);
	if (taken)
		vm->pic_served[pin] = true;
	fake_unlock();
	return taken;
}

void fake_eoi_pic(int fd, uint32_t pin)
{
	struct vm *vm;

	fake_lock();
	vm = vm_of(fd);
	for (uint32_t gsi = 0; gsi < FAKE_GSIS; gsi++)
		if (!vm->route[gsi].is_msi && vm->route[gsi].pic == (int)pin)
			acked(vm, gsi);
	vm->pic_served[pin] = false;
	service_pic(vm, pin);
	fake_pump();
	fake_unlock();
}

uint32_t fake_pic_interrupts(int fd)
{
	uint32_t count;

	fake_lock();
	count = vm_of(fd)->pic_interrupts;
	fake_unlock();
	return count;
}

void fake_resample_at_unmask(int fd)
{
	fake_lock();
	vm_of(fd)->resamples_at_unmask = true;
	fake_unlock();
}

static void get_ioapic(const struct vm *vm, struct kvm_irqchip *chip)
{
	for (uint32_t pin = 0; pin < FAKE_PINS; pin++)
		chip->chip.ioapic.redirtbl[pin].bits = vm->entry[pin] | (vm->served[pin] ? ENTRY_REMOTE_IRR : 0);
}

int fake_chips_get(struct vm *vm, struct kvm_irqchip *chip)
{
	uint32_t id = chip->chip_id;

	vm->looks++;
	*chip = (struct kvm_irqchip){ .chip_id = id };
	if (id == KVM_IRQCHIP_IOAPIC)
		get_ioapic(vm, chip);
	else if (id == KVM_IRQCHIP_PIC_MASTER)
		chip->chip.pic.imr = (uint8_t)vm->pic_masks;
	else if (id == KVM_IRQCHIP_PIC_SLAVE)
		chip->chip.pic.imr = (uint8_t)(vm->pic_masks >> PIC_SLAVE_FROM);
	else
		return -EINVAL;
	return 0;
}

uint32_t fake_looks(int fd)
{
	uint32_t count;

	fake_lock();
	count = vm_of(fd)->looks;
	fake_unlock();
	return count;
}
