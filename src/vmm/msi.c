/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * MSI and MSI-X of an assigned device (PCI 3.0, 6.8): hidden, or let through. They are edges: nothing is to
 * be held. Each vector is an eventfd that VFIO signals and KVM has bound to a route; the routes stand beside
 * the library's. VFIO has one kind of interrupt on at a time, so INTx leaves the gate while messages are on.
 * Under pci.lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "vmm/msi.h"

static uint32_t get32(const struct ig_assigned *assigned, uint32_t offset)
{
	uint32_t value;

	memcpy(&value, &assigned->pci.config[offset], sizeof(value));
	return value;
}

static uint16_t control_of(const struct ig_assigned *assigned, const struct ig_capability *capability)
{
	return ig_pci_get16(&assigned->pci, capability->at + MSI_CONTROL);
}

/* Whether the guest may be sent this vector's message now. MSI has no masks here. */
static bool is_open(const struct ig_assigned *assigned, const struct ig_message_vector *vector)
{
	if (assigned->interrupts == IG_INTERRUPTS_MSI)
		return true;
	return !(control_of(assigned, &assigned->messages.msix) & MSIX_FUNCTION_MASK) &&
	       !(vector->entry[ENTRY_CONTROL] & MSIX_ENTRY_MASKED);
}

static struct kvm_irq_routing_entry msi_route(const struct ig_assigned *assigned, uint32_t index)
{
	uint32_t at = assigned->messages.msi.at;
	bool wide = control_of(assigned, &assigned->messages.msi) & MSI_64;
	uint32_t data = ig_pci_get16(&assigned->pci, at + MSI_ADDRESS_HIGH + (wide ? 4 : 0));

	return (struct kvm_irq_routing_entry){
		.u.msi.address_lo = get32(assigned, at + MSI_ADDRESS),
		.u.msi.address_hi = wide ? get32(assigned, at + MSI_ADDRESS_HIGH) : 0,
		.u.msi.data = (data & ~(assigned->messages.used - 1)) | index, /* in the low bits: PCI */
	};
}

static struct kvm_irq_routing_entry msix_route(const struct ig_assigned *assigned, uint32_t index)
{
	const uint32_t *entry = assigned->messages.vector[index].entry;

	return (struct kvm_irq_routing_entry){
		.u.msi.address_lo = entry[ENTRY_ADDRESS],
		.u.msi.address_hi = entry[ENTRY_ADDRESS_HIGH],
		.u.msi.data = entry[ENTRY_DATA],
	};
}

static uint32_t add_routes(const struct ig_assigned *assigned, struct kvm_irq_routing_entry *routes)
{
	const struct ig_messages *messages = &assigned->messages;
	uint32_t count = 0;

	for (uint32_t i = 0; i < messages->used; i++) {
		if (!is_open(assigned, &messages->vector[i]))
			continue;
		routes[count] = assigned->interrupts == IG_INTERRUPTS_MSI ? msi_route(assigned, i)
									  : msix_route(assigned, i);
		routes[count].gsi = messages->first_gsi + i;
		routes[count++].type = KVM_IRQ_ROUTING_MSI;
	}
	return count;
}

/* The routes of all devices: the table is one. */
static int set_routes(struct ig_vmm *vmm)
{
	struct kvm_irq_routing_entry *routes = calloc(IG_DEVICES_MAX * VECTORS_MAX, sizeof(*routes));
	uint32_t count = 0;
	int error;

	if (!routes)
		return -ENOMEM;
	for (uint32_t slot = 1; slot <= IG_DEVICES_MAX; slot++)
		if (vmm->pci.device[slot])
			count += add_routes((struct ig_assigned *)vmm->pci.device[slot], &routes[count]);
	error = irqgate_kvm_set_routes(vmm->gate, routes, count);
	free(routes);
	return error;
}

/* An eventfd that has been signalled in the meantime sends its message as soon as it is bound. */
static int bind_vector(const struct ig_assigned *assigned, uint32_t index, bool on)
{
	struct ig_message_vector *vector = &assigned->messages.vector[index];
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)vector->event_fd,
		.gsi = assigned->messages.first_gsi + index,
		.flags = on ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
	};

	if (vector->bound == on)
		return 0;
	if (ioctl(assigned->pci.vmm->vm_fd, KVM_IRQFD, &irqfd))
		return -errno;
	vector->bound = on;
	return 0;
}

/* Makes routes and bindings what the guest's registers say. */
static int sync_vectors(const struct ig_assigned *assigned)
{
	const struct ig_messages *messages = &assigned->messages;
	int error = 0;

	for (uint32_t i = 0; i < messages->used; i++)
		if (!is_open(assigned, &messages->vector[i]))
			bind_vector(assigned, i, false);
	error = set_routes(assigned->pci.vmm);
	for (uint32_t i = 0; i < messages->used && !error; i++)
		if (is_open(assigned, &messages->vector[i]))
			error = bind_vector(assigned, i, true);
	return error;
}

/* VFIO_DEVICE_SET_IRQS with the eventfds of all vectors, or (count 0) without any: off. */
static int set_irqs(const struct ig_assigned *assigned, uint32_t count)
{
	const bool msi = assigned->interrupts == IG_INTERRUPTS_MSI;
	union {
		struct vfio_irq_set set;
		uint8_t bytes[sizeof(struct vfio_irq_set) + VECTORS_MAX * sizeof(int32_t)];
	} request = { .set = {
		.argsz = (uint32_t)(sizeof(request.set) + count * sizeof(int32_t)),
		.flags = VFIO_IRQ_SET_ACTION_TRIGGER |
			 (count ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE),
		.index = msi ? VFIO_PCI_MSI_IRQ_INDEX : VFIO_PCI_MSIX_IRQ_INDEX,
		.count = count,
	} };

	for (uint32_t i = 0; i < count; i++)
		memcpy(&request.bytes[sizeof(request.set) + i * sizeof(int32_t)],
		       &assigned->messages.vector[i].event_fd, sizeof(int32_t));
	return ioctl(assigned->fd, VFIO_DEVICE_SET_IRQS, &request) ? -errno : 0;
}

static void stop_messages(struct ig_assigned *assigned)
{
	struct ig_messages *messages = &assigned->messages;

	if (assigned->interrupts != IG_INTERRUPTS_MSI && assigned->interrupts != IG_INTERRUPTS_MSIX)
		return;
	set_irqs(assigned, 0);
	for (uint32_t i = 0; i < messages->used; i++) {
		bind_vector(assigned, i, false);
		if (messages->vector[i].event_fd >= 0)
			close(messages->vector[i].event_fd);
		messages->vector[i].event_fd = -1;
	}
	messages->used = 0;
	assigned->interrupts = IG_INTERRUPTS_NONE;
	set_routes(assigned->pci.vmm);
}

static int make_eventfds(struct ig_messages *messages, uint32_t count)
{
	for (; messages->used < count; messages->used++) {
		int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

		if (fd < 0)
			return -errno;
		messages->vector[messages->used].event_fd = fd;
	}
	return 0;
}

/* Once for each device: the guest may make it happen as often as it likes. */
static void complain(struct ig_assigned *assigned, int error, const char *what)
{
	if (!assigned->complained)
		ig_vfio_fail(assigned->address, error, what);
	assigned->complained = true;
}

static void start_messages(struct ig_assigned *assigned, enum ig_interrupts kind, uint32_t count)
{
	int error;

	ig_vfio_stop_intx(assigned);
	stop_messages(assigned);
	assigned->interrupts = kind;
	error = make_eventfds(&assigned->messages, count);
	if (!error)
		error = sync_vectors(assigned);
	if (!error)
		error = set_irqs(assigned, count);
	if (!error)
		return;
	stop_messages(assigned);
	complain(assigned, error, "cannot let its MSI through");
}

/* Back to INTx, if the device has it. */
static void end_messages(struct ig_assigned *assigned)
{
	int error = 0;

	stop_messages(assigned);
	if (assigned->pci.config[IG_PCI_INTERRUPT_PIN])
		error = ig_vfio_start_intx(assigned);
	if (error)
		complain(assigned, error, "cannot forward its INTx again");
}

/* Of what is wanted by the registers, the one that is on: MSI-X before MSI. */
static void follow_registers(struct ig_assigned *assigned)
{
	const struct ig_messages *messages = &assigned->messages;
	uint16_t msi = messages->msi.hidden || !messages->msi.size ? 0 : control_of(assigned, &messages->msi);
	uint16_t msix =
		messages->msix.hidden || !messages->msix.size ? 0 : control_of(assigned, &messages->msix);
	enum ig_interrupts wanted = msix & MSIX_ENABLE ? IG_INTERRUPTS_MSIX
			   : msi & MSI_ENABLE ? IG_INTERRUPTS_MSI : IG_INTERRUPTS_INTX;
	uint32_t count = 1U << (msi >> MSI_ENABLED_SHIFT & MSI_COUNT_MASK);

	if (wanted == IG_INTERRUPTS_MSIX)
		count = (msix & MSIX_COUNT_MASK) + 1;
	if (count > messages->vectors)
		count = messages->vectors;
	if (wanted == assigned->interrupts && wanted != IG_INTERRUPTS_INTX)
		sync_vectors(assigned);
	else if (wanted != IG_INTERRUPTS_INTX)
		start_messages(assigned, wanted, count);
	else if (assigned->interrupts == IG_INTERRUPTS_MSI || assigned->interrupts == IG_INTERRUPTS_MSIX)
		end_messages(assigned);
}

/* What of a byte of a capability the guest can change. */
static uint8_t writable(const struct ig_messages *messages, const struct ig_capability *capability,
			uint32_t at)
{
	bool msi = capability == &messages->msi;
	uint16_t control = msi ? MSI_WRITABLE : MSIX_WRITABLE;

	if (at < MSI_CONTROL)
		return 0;
	if (at < MSI_ADDRESS)
		return (uint8_t)(control >> 8 * (at - MSI_CONTROL));
	return msi ? 0xff : 0;
}

static void write_capability(struct ig_assigned *assigned, const struct ig_capability *capability,
			     uint32_t offset, const uint8_t *data, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++) {
		uint8_t mask = writable(&assigned->messages, capability, offset + i - capability->at);
		uint8_t *byte = &assigned->pci.config[offset + i];

		*byte = (uint8_t)((*byte & ~mask) | (data[i] & mask));
	}
	follow_registers(assigned);
}

static bool covers(const struct ig_capability *capability, uint32_t offset)
{
	return offset >= capability->at && offset < capability->at + capability->size;
}

bool ig_msi_config_write(struct ig_assigned *assigned, uint32_t offset, const uint8_t *data, uint32_t size)
{
	const struct ig_messages *messages = &assigned->messages;
	const struct ig_capability *capability = covers(&messages->msi, offset) ? &messages->msi
					       : covers(&messages->msix, offset) ? &messages->msix : NULL;

	if (!capability)
		return false;
	if (size > capability->at + capability->size - offset)
		size = capability->at + capability->size - offset;
	if (!capability->hidden)
		write_capability(assigned, capability, offset, data, size);
	return true;
}

bool ig_msi_bar_access(struct ig_assigned *assigned, uint32_t bar, uint64_t offset, bool write, void *data,
		       uint32_t size)
{
	struct ig_messages *messages = &assigned->messages;
	uint64_t at = offset - messages->table_at;
	uint8_t *entry;

	if (bar != messages->table_bar || offset < messages->table_at || at >= messages->table_size)
		return false;
	if (at % MSIX_ENTRY_SIZE + size > MSIX_ENTRY_SIZE)
		return true; /* across entries: nobody may */
	entry = (uint8_t *)messages->vector[at / MSIX_ENTRY_SIZE].entry + at % MSIX_ENTRY_SIZE;
	if (!write) {
		memcpy(data, entry, size);
		return true;
	}
	memcpy(entry, data, size);
	if (assigned->interrupts == IG_INTERRUPTS_MSIX)
		sync_vectors(assigned);
	return true;
}

void ig_msi_reset(struct ig_assigned *assigned)
{
	struct ig_messages *messages = &assigned->messages;
	struct ig_pci_device *pci = &assigned->pci;

	stop_messages(assigned);
	if (messages->msi.size && !messages->msi.hidden)
		pci->config[messages->msi.at + MSI_CONTROL] &= (uint8_t)~MSI_WRITABLE;
	if (messages->msix.size && !messages->msix.hidden)
		pci->config[messages->msix.at + MSIX_CONTROL + 1] &= (uint8_t)~(MSIX_WRITABLE >> 8);
	for (uint32_t i = 0; i < messages->vectors; i++)
		messages->vector[i] = (struct ig_message_vector){
			.event_fd = -1, .entry = { [ENTRY_CONTROL] = MSIX_ENTRY_MASKED },
		};
}

void ig_msi_close(struct ig_assigned *assigned)
{
	stop_messages(assigned);
	free(assigned->messages.vector);
	assigned->messages.vector = NULL;
	assigned->messages.vectors = 0;
}
