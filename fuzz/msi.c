/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Fuzz target: MSI and MSI-X of an assigned device whose capabilities may be damaged, a guest that writes
 * what it likes to them, and a kernel that refuses now and then. Beyond the device's vectors nothing is
 * bound; at the end no eventfd is left, and INTx and messages are never on together.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <linux/kvm.h>

#include "chance.h"
#include "fuzz.h"
#include "vmm/msi.h"

enum { BYTES = 256, FIRST_GSI = 100, VM_FD = 1000, DEVICE_FD = 1001, EVENT_FD = 2000, EVENT_FDS = 64 };

static struct kernel {
	struct chance chance;
	struct ig_vmm vmm;
	struct ig_assigned assigned;
	uint8_t config[BYTES]; /* the device's own */
	bool open[EVENT_FDS], bound[EVENT_FDS];
	bool intx, messages; /* on at VFIO */
	bool refuses;        /* now and then */
} k;

/* What the code under test calls. */

int __wrap_eventfd(unsigned int value, int flags);
int __wrap_close(int fd);
int __wrap_ioctl(int fd, unsigned long request, ...);

static bool refused(void)
{
	return k.refuses && !draw(&k.chance, 8);
}

int __wrap_eventfd(unsigned int value, int flags)
{
	REQUIRE(!value && flags);
	for (int i = 0; i < EVENT_FDS && !refused(); i++) {
		if (k.open[i])
			continue;
		k.open[i] = true;
		return EVENT_FD + i;
	}
	errno = EMFILE;
	return -1;
}

static bool is_open(int fd)
{
	return fd >= EVENT_FD && fd < EVENT_FD + EVENT_FDS && k.open[fd - EVENT_FD];
}

int __wrap_close(int fd)
{
	REQUIRE(is_open(fd) && !k.bound[fd - EVENT_FD]);
	k.open[fd - EVENT_FD] = false;
	return 0;
}

static int set_irqfd(const struct kvm_irqfd *irqfd)
{
	bool assign = !(irqfd->flags & KVM_IRQFD_FLAG_DEASSIGN);
	int fd = (int)irqfd->fd;

	REQUIRE(is_open(fd) && irqfd->gsi >= FIRST_GSI);
	REQUIRE(irqfd->gsi < FIRST_GSI + k.assigned.messages.vectors);
	REQUIRE(k.bound[fd - EVENT_FD] != assign);
	if (assign && refused()) {
		errno = EBUSY;
		return -1;
	}
	k.bound[fd - EVENT_FD] = assign;
	return 0;
}

static int set_irqs(const struct vfio_irq_set *set)
{
	const uint8_t *fds = (const uint8_t *)set + sizeof(*set);

	REQUIRE(set->index == VFIO_PCI_MSI_IRQ_INDEX || set->index == VFIO_PCI_MSIX_IRQ_INDEX);
	REQUIRE(!k.intx && set->count <= k.assigned.messages.vectors && set->argsz >= sizeof(*set));
	for (uint32_t i = 0; i < set->count; i++) {
		int fd;

		memcpy(&fd, fds + i * sizeof(fd), sizeof(fd));
		REQUIRE(is_open(fd));
	}
	if (set->count && refused()) {
		errno = ENOSPC;
		return -1;
	}
	k.messages = set->count;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	const void *argument;
	va_list args;

	va_start(args, request);
	argument = va_arg(args, const void *);
	va_end(args);
	if (fd == VM_FD && request == KVM_IRQFD)
		return set_irqfd(argument);
	REQUIRE(fd == DEVICE_FD && request == VFIO_DEVICE_SET_IRQS);
	return set_irqs(argument);
}

int irqgate_kvm_set_routes(struct irqgate_kvm *kvm, const struct kvm_irq_routing_entry *routes, uint32_t count)
{
	REQUIRE(!kvm && count <= k.assigned.messages.used);
	for (uint32_t i = 0; i < count; i++) {
		REQUIRE(routes[i].type == KVM_IRQ_ROUTING_MSI && routes[i].gsi >= FIRST_GSI);
		REQUIRE(routes[i].gsi < FIRST_GSI + k.assigned.messages.vectors);
	}
	return refused() ? -ENOSPC : 0;
}

int irqgate_kvm_enable(struct irqgate_kvm *kvm, irqgate_source source, bool enable)
{
	REQUIRE(!kvm && source && enable <= 1);
	return 0;
}

uint32_t irqgate_kvm_first_gsi(const struct irqgate_kvm *kvm)
{
	REQUIRE(!kvm);
	return FIRST_GSI;
}

int ig_vfio_read_config(const struct ig_assigned *assigned, uint32_t offset, void *data, uint32_t size)
{
	REQUIRE(assigned == &k.assigned);
	if (offset + size > BYTES)
		return -EIO;
	memcpy(data, &k.config[offset], size);
	return 0;
}

int ig_vfio_start_intx(struct ig_assigned *assigned)
{
	REQUIRE(!k.messages && !k.intx);
	if (refused())
		return -EBUSY;
	k.intx = true;
	assigned->interrupts = IG_INTERRUPTS_INTX;
	return 0;
}

void ig_vfio_stop_intx(struct ig_assigned *assigned)
{
	k.intx = false;
	if (assigned->interrupts == IG_INTERRUPTS_INTX)
		assigned->interrupts = IG_INTERRUPTS_NONE;
}

int ig_vfio_fail(const char *address, int error, const char *what)
{
	REQUIRE(address && error < 0 && what);
	return error;
}

/* The device, as vfio.c makes one. */

static void read_config(struct ig_pci_device *pci, uint32_t offset, void *data, uint32_t size)
{
	ig_vfio_read_config((struct ig_assigned *)pci, offset, data, size);
}

static void config_write(struct ig_pci_device *pci, uint32_t offset, const void *data, uint32_t size)
{
	ig_msi_config_write((struct ig_assigned *)pci, offset, data, size);
}

static void close_device(struct ig_pci_device *pci)
{
	ig_msi_close((struct ig_assigned *)pci);
}

/* A list of capabilities with MSI and MSI-X in it, so that changes to it are near what counts. */
static void make_config(void)
{
	static const uint8_t list[] = { 0x05, 0x50, 0x88, 0x01 }, last[] = { 0x11, 0x00, 0x07, 0x00, 0x01 };
	uint32_t changes = draw(&k.chance, 32);

	k.config[IG_PCI_STATUS] = IG_PCI_STATUS_CAPABILITIES;
	k.config[IG_PCI_CAPABILITIES] = 0x40;
	memcpy(&k.config[0x40], list, sizeof(list));
	memcpy(&k.config[0x50], last, sizeof(last));
	while (changes--) {
		uint32_t at = draw(&k.chance, BYTES);

		k.config[at] = (uint8_t)draw(&k.chance, 0x100);
	}
}

static int open_device(void)
{
	struct ig_pci_device *pci = &k.assigned.pci;

	*pci = (struct ig_pci_device){
		.vmm = &k.vmm, .gsi = 16, .irq = 1, .config_read = read_config, .config_write = config_write,
		.close = close_device,
	};
	k.assigned.fd = DEVICE_FD;
	k.assigned.address = "device";
	k.vmm.vm_fd = VM_FD;
	k.vmm.options.msi = draw(&k.chance, 4);
	memset(pci->real, 0xff, sizeof(pci->real));
	memset(&pci->real[IG_PCI_COMMAND], 0, 2);
	memset(&pci->real[IG_PCI_BAR0], 0, IG_PCI_BAR_END - IG_PCI_BAR0);
	memset(&pci->real[IG_PCI_ROM], 0, 4);
	memset(&pci->real[IG_PCI_INTERRUPT_LINE], 0, 2);
	pci->config[IG_PCI_INTERRUPT_PIN] = IG_PCI_PIN_A;
	return ig_msi_open(&k.assigned);
}

/* Mostly to the capabilities. */
static void access_config(bool write)
{
	const struct ig_messages *messages = &k.assigned.messages;
	uint32_t size = 1U << draw(&k.chance, 3), slot = 1, value = draw(&k.chance, 0x10000), offset, address;

	switch (draw(&k.chance, 3)) {
	case 0: offset = messages->msi.at + draw(&k.chance, 24); break;
	case 1: offset = messages->msix.at + draw(&k.chance, 12); break;
	default: offset = draw(&k.chance, BYTES); break;
	}
	offset = offset % BYTES & ~(size - 1);
	address = UINT32_C(1) << 31 | slot << 11 | (offset & ~3U);
	ig_pci_address_access(&k.vmm, true, &address);
	ig_pci_data_access(&k.vmm, offset % 4, write, &value, size);
}

static void access_table(void)
{
	const struct ig_messages *messages = &k.assigned.messages;
	uint32_t bar = draw(&k.chance, 4) ? messages->table_bar : draw(&k.chance, IG_PCI_BARS);
	uint64_t offset = messages->table_at + draw(&k.chance, 0x410) - 8, value = draw(&k.chance, 0x10000);
	uint32_t size = 1U << draw(&k.chance, 4);
	bool mine = ig_msi_bar_access(&k.assigned, bar, offset, draw(&k.chance, 4), &value, size);

	REQUIRE(!mine || (bar == messages->table_bar && offset >= messages->table_at &&
			  offset < messages->table_at + messages->table_size));
}

static void check(void)
{
	const struct ig_messages *messages = &k.assigned.messages;
	uint32_t open = 0;

	for (int i = 0; i < EVENT_FDS; i++) {
		open += k.open[i];
		REQUIRE(k.open[i] || !k.bound[i]);
	}
	REQUIRE(messages->vectors <= VECTORS_MAX && open == messages->used && messages->used <= messages->vectors);
	REQUIRE(!k.intx || !k.messages);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	memset(&k, 0, sizeof(k));
	k.chance = chance_from(data, size);
	k.refuses = draw(&k.chance, 2);
	make_config();
	pthread_mutex_init(&k.vmm.pci.lock, NULL);
	REQUIRE(!ig_pci_open(&k.vmm));
	if (!open_device()) {
		k.intx = true;
		k.assigned.interrupts = IG_INTERRUPTS_INTX;
	}
	ig_pci_plug(&k.vmm, &k.assigned.pci);
	while (!chance_is_over(&k.chance)) {
		switch (draw(&k.chance, 8)) {
		case 0: access_table(); break;
		case 1: access_config(false); break;
		case 2:
			if (!draw(&k.chance, 8))
				ig_msi_reset(&k.assigned);
			break;
		default: access_config(true); break;
		}
		check();
	}
	ig_pci_close(&k.vmm);
	for (int i = 0; i < EVENT_FDS; i++)
		REQUIRE(!k.open[i]);
	pthread_mutex_destroy(&k.vmm.pci.lock);
	return 0;
}
