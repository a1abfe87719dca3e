/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Coalesced MMIO on IOREGSEL (KVM API 4.116): writes of the register index do not exit, they wait in a ring
 * until the next access that does. That saves every other exit. The ring is one for the whole VM and is read
 * under lock; a guest serialises its pairs of index and data, so it finds the index that it wrote.
 */
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "chip/ioapic.h"
#include "kvm/split.h"

#define INDEX_SIZE 4U

void ig_coalesced_start(struct irqgate_kvm *gate, struct kvm_run *run)
{
	int page = ig_ioctl(gate->config.vm_fd, KVM_CHECK_EXTENSION, (void *)KVM_CAP_COALESCED_MMIO);

	if (page <= 0)
		return;
	for (uint32_t i = 0; i < gate->config.chips; i++) {
		struct kvm_coalesced_mmio_zone zone = { .addr = gate->config.chip[i].base, .size = INDEX_SIZE };

		/* Where it is refused, the writes exit. */
		ig_ioctl(gate->config.vm_fd, KVM_REGISTER_COALESCED_MMIO, &zone);
	}
	gate->ring = (struct kvm_coalesced_mmio_ring *)((char *)run + page * sysconf(_SC_PAGESIZE));
}

/* False: it is not a chip's. */
static bool take(struct irqgate_kvm *gate, const struct kvm_coalesced_mmio *entry)
{
	struct irqgate_access access = { .bytes = entry->len, .write = true };
	struct irqgate_effects effects; /* the index has none */

	if (entry->pio || !ig_chip_find(gate, entry->phys_addr, &access))
		return false;
	memcpy(&access.value, entry->data, sizeof(access.value));
	irqgate_core_ioapic_write(gate->core, &access, IRQGATE_LAPIC_NOT_ASKED, &effects);
	return true;
}

static uint32_t ring_slots(void)
{
	return (uint32_t)(((size_t)sysconf(_SC_PAGESIZE) - sizeof(struct kvm_coalesced_mmio_ring)) /
			  sizeof(struct kvm_coalesced_mmio));
}

/* Caller holds lock; the VMM's own entries are handed on without it. */
void ig_coalesced_drain(struct irqgate_kvm *gate)
{
	struct kvm_coalesced_mmio_ring *ring = gate->ring;
	const struct irqgate_kvm_callbacks *callbacks = &gate->config.callbacks;
	struct kvm_coalesced_mmio entry;

	while (ring && ring->first != __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE)) {
		entry = ring->coalesced_mmio[ring->first];
		__atomic_store_n(&ring->first, (ring->first + 1) % ring_slots(), __ATOMIC_RELEASE);
		if (take(gate, &entry) || !callbacks->coalesced)
			continue;
		pthread_mutex_unlock(&gate->lock);
		callbacks->coalesced(callbacks->opaque, &entry);
		pthread_mutex_lock(&gate->lock);
	}
}
