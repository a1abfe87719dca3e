/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * An in-kernel irqchip: KVM signals the resample eventfd at each EOI, and tells nobody of masks. So at each
 * signal the GSI's pins are looked at (KVM_GET_IRQCHIP), and while a device is held they are looked at again
 * and again: soon at first, then after twice the time, and so on. The core follows one entry a GSI, that
 * stands for all of its pins: it is masked if all of them are. Caller holds the lock.
 */
#include "chip/ioapic.h"
#include "exec/exec.h"
#include "line/core.h"

/*
 * A hold takes as long as the guest's thread does. A delay of at most as much again costs a device that
 * asserts anew little; and a guest that never unmasks costs a look every POLL_IDLE_NS.
 */
#define POLL_FIRST_NS INT64_C(20000)
#define POLL_LAST_NS  INT64_C(2000000)
#define POLL_IDLE_NS  INT64_C(10000000)
#define IDLE_AFTER_NS INT64_C(1000000000)

/* The entry's vector is nobody's but the GSI's: exceptions have those before (SDM vol. 3, 11.5.2). */
#define FIRST_VECTOR 0x20U

#define PIC_PINS     16
#define PIC_CASCADE  2
#define PINS_PER_PIC 8

struct chips {
	struct kvm_irqchip ioapic, master, slave;
	bool has_pics;
};

void ig_kernel_default_routes(struct ig_vm *vm)
{
	for (uint32_t gsi = 0; gsi < vm->pins; gsi++) /* KVM API, KVM_CREATE_IRQCHIP */
		vm->route[gsi] = (struct ig_chip_pins){ .ioapic = (int16_t)gsi,
							.pic = (int16_t)(gsi < PIC_PINS ? (int)gsi : -1) };
}

static void set_route(struct ig_vm *vm, const struct kvm_irq_routing_entry *entry)
{
	uint32_t pin = entry->u.irqchip.pin;

	if (entry->type != KVM_IRQ_ROUTING_IRQCHIP || entry->gsi >= vm->pins)
		return;
	if (entry->u.irqchip.irqchip == KVM_IRQCHIP_IOAPIC && pin < KVM_IOAPIC_NUM_PINS)
		vm->route[entry->gsi].ioapic = (int16_t)pin;
	else if (entry->u.irqchip.irqchip == KVM_IRQCHIP_PIC_MASTER && pin < PINS_PER_PIC)
		vm->route[entry->gsi].pic = (int16_t)pin;
	else if (entry->u.irqchip.irqchip == KVM_IRQCHIP_PIC_SLAVE && pin < PIC_PINS)
		vm->route[entry->gsi].pic = (int16_t)(PINS_PER_PIC + pin % PINS_PER_PIC);
}

void ig_kernel_set_routes(struct ig_vm *vm, const struct kvm_irq_routing *routing)
{
	if (vm->chip != IG_CHIP_KERNEL)
		return;
	for (uint32_t gsi = 0; gsi < vm->pins; gsi++)
		vm->route[gsi] = (struct ig_chip_pins){ .ioapic = -1, .pic = -1 };
	for (uint32_t i = 0; i < routing->nr; i++)
		set_route(vm, &routing->entries[i]);
	ig_line_settle_all();
}

static bool read_chip(const struct ig_vm *vm, uint32_t id, struct kvm_irqchip *chip)
{
	chip->chip_id = id;
	return ig_real.ioctl(vm->object.fd, KVM_GET_IRQCHIP, chip) == 0;
}

static bool pic_masks(const struct chips *chips, int pin)
{
	uint8_t master = chips->master.chip.pic.imr, slave = chips->slave.chip.pic.imr;

	if (pin < PINS_PER_PIC)
		return master >> pin & 1;
	return (master >> PIC_CASCADE & 1) || (slave >> (pin - PINS_PER_PIC) & 1);
}

/* Masked on all the pins that the GSI leads to. If a chip cannot be read: not masked, as it would be without us. */
static bool is_masked(const struct ig_vm *vm, struct chips *chips, uint32_t gsi)
{
	const struct ig_chip_pins *pins = &vm->route[gsi];

	if (pins->ioapic >= 0 && !chips->ioapic.chip.ioapic.redirtbl[pins->ioapic].fields.mask)
		return false;
	if (pins->pic < 0)
		return true;
	if (!chips->has_pics) {
		chips->has_pics = read_chip(vm, KVM_IRQCHIP_PIC_MASTER, &chips->master) &&
				  read_chip(vm, KVM_IRQCHIP_PIC_SLAVE, &chips->slave);
		if (!chips->has_pics)
			return false;
	}
	return pic_masks(chips, pins->pic);
}

static void write_register(struct ig_vm *vm, uint64_t offset, uint64_t value)
{
	const struct irqgate_access access = { .offset = offset, .value = value, .bytes = 4, .write = true };
	struct irqgate_effects effects;

	irqgate_core_ioapic_write(vm->core, &access, IRQGATE_LAPIC_NOT_ASKED, &effects);
	ig_line_effects(vm, &effects);
}

static uint8_t vector_of(uint32_t gsi)
{
	return (uint8_t)(FIRST_VECTOR + gsi);
}

static void follow(struct ig_vm *vm, struct chips *chips, uint32_t gsi)
{
	uint64_t entry = IG_RTE_LEVEL | vector_of(gsi);

	if (is_masked(vm, chips, gsi))
		entry |= IG_RTE_MASKED;
	if (entry == ig_core_pin(vm->core, gsi)->rte)
		return;
	write_register(vm, IG_IOAPIC_IOREGSEL, IG_IOAPIC_REDTBL + 2 * gsi);
	write_register(vm, IG_IOAPIC_IOWIN, entry);
}

static void poll_soon(struct ig_vm *vm)
{
	if (vm->poll_at && vm->poll_ns == POLL_FIRST_NS)
		return;
	vm->poll_ns = POLL_FIRST_NS;
	vm->poll_at = ig_now() + vm->poll_ns;
	ig_helper_poll_at(vm->poll_at);
}

/* The policy eoi: as it would be without us, but counted. */
static void pass_on(struct ig_device *device, struct chips *chips)
{
	device->record->masked_eois += is_masked(device->vm, chips, device->gsi);
	device->record->resamples++;
	ig_vfio_unmask(device);
}

void ig_kernel_acked(struct ig_device *device)
{
	struct chips chips = { .has_pics = false };
	struct irqgate_effects effects;
	struct ig_vm *vm = device->vm;
	uint32_t pin = 0;

	if (!vm || vm->chip != IG_CHIP_KERNEL || !ig_eventfd_drain(device->resample.fd))
		return;
	device->record->eois++;
	if (!read_chip(vm, KVM_IRQCHIP_IOAPIC, &chips.ioapic)) {
		ig_vfio_unmask(device);
		return;
	}
	if (ig_exec.config.policy == IRQGATE_POLICY_EOI) {
		pass_on(device, &chips);
		return;
	}
	/* There was a trigger, which KVM took; then perhaps a mask; then this EOI. */
	irqgate_core_trigger(vm->core, device->source, &effects);
	ig_line_effects(vm, &effects);
	follow(vm, &chips, device->gsi);
	while (irqgate_core_eoi(vm->core, vector_of(device->gsi), &pin, &effects))
		ig_line_effects(vm, &effects);
	if (!device->held_since)
		return;
	device->record->masked_eois++;
	poll_soon(vm);
}

/* When to look again, now that the longest hold of the VM is that old. */
static int64_t next_interval(int64_t interval, int64_t held_ns)
{
	if (held_ns > IDLE_AFTER_NS)
		return POLL_IDLE_NS;
	return interval * 2 < POLL_LAST_NS ? interval * 2 : POLL_LAST_NS;
}

static void poll_vm(struct ig_vm *vm, int64_t now)
{
	struct chips chips = { .has_pics = false };
	bool read = read_chip(vm, KVM_IRQCHIP_IOAPIC, &chips.ioapic);
	int64_t newest = 0;

	ig_for_each_device(device) {
		if (device->vm != vm || !device->held_since)
			continue;
		device->record->polls++;
		if (read)
			follow(vm, &chips, device->gsi);
		else
			ig_line_leave(device);
		if (device->held_since > newest)
			newest = device->held_since;
	}
	vm->poll_ns = next_interval(vm->poll_ns, now - newest);
	vm->poll_at = newest ? now + vm->poll_ns : 0;
}

void ig_kernel_poll(void)
{
	int64_t now = ig_now(), next = 0;

	ig_for_each_vm(vm) {
		if (vm->poll_at && vm->poll_at <= now)
			poll_vm(vm, now);
		if (vm->poll_at && (!next || vm->poll_at < next))
			next = vm->poll_at;
	}
	if (next)
		ig_helper_poll_at(next);
}
