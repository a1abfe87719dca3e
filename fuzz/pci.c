/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Fuzz target: PCI configuration space and what BARs decode, of two made-up devices, beside a model of their
 * headers (PCI 3.0, 6.1 and 6.2.5). No access reaches a device outside a BAR that it decodes.
 */
#include <string.h>

#include "chance.h"
#include "fuzz.h"
#include "vmm/acpi.h"
#include "vmm/pci.h"

enum { DEVICES = 2, HEADER_WORDS = 16, BYTES = 256, COMMAND_BITS = 0x547 };

/* A header as the guest must see it. */
struct model {
	uint32_t bar[IG_PCI_BARS];     /* as written last */
	uint32_t address[IG_PCI_BARS]; /* where it is decoded: all ones ask for the size, and move nothing */
	uint16_t command;
	uint8_t line;
	bool enabled; /* its INTx, as the gate was told */
};

struct made {
	struct ig_pci_device pci;
	struct model model;
	uint32_t updates;
};

static struct bus {
	struct chance chance;
	struct ig_vmm vmm;
	struct made made[DEVICES];
	uint32_t address; /* the register at 0xcf8 */
	struct { uint64_t address; bool io, reached; } access; /* under way */
} b;

static const struct { uint32_t size, flags; } bars[DEVICES][IG_PCI_BARS] = {
	{ { 0x1000, 0 }, { 0x20, IG_PCI_BAR_IO }, { 0x10000, IG_PCI_BAR_64 } },
	{ { 0x10, 0 }, { 0, 0 }, { 4, IG_PCI_BAR_IO }, { 0, 0 }, { 0x2000, IG_PCI_BAR_64 } },
};

/* What the bus calls. */

uint32_t irqgate_kvm_first_gsi(const struct irqgate_kvm *kvm)
{
	REQUIRE(!kvm);
	return 0;
}

int irqgate_kvm_enable(struct irqgate_kvm *kvm, irqgate_source source, bool enable)
{
	REQUIRE(!kvm && source >= 1 && source <= DEVICES);
	REQUIRE(b.made[source - 1].model.enabled != enable);
	b.made[source - 1].model.enabled = enable;
	return 0;
}

static void bar_access(struct ig_pci_device *pci, uint32_t bar, uint64_t offset, bool write, void *data, uint32_t size)
{
	bool io = pci->bar[bar].flags & IG_PCI_BAR_IO;

	REQUIRE(bar < IG_PCI_BARS && offset < pci->bar[bar].size && size <= pci->bar[bar].size - offset);
	REQUIRE(b.access.io == io && b.access.address == pci->bar[bar].address + offset && !b.access.reached);
	REQUIRE(ig_pci_get16(pci, IG_PCI_COMMAND) & (io ? IG_PCI_COMMAND_IO : IG_PCI_COMMAND_MEMORY));
	b.access.reached = true;
	if (!write)
		memset(data, 0, size);
}

static void update(struct ig_pci_device *pci, uint16_t command)
{
	REQUIRE(!(command & ~COMMAND_BITS));
	((struct made *)pci)->updates++;
}

static void config_write(struct ig_pci_device *pci, uint32_t offset, const void *data, uint32_t size)
{
	uint8_t copy[sizeof(uint32_t)];

	REQUIRE(size >= 1 && size <= sizeof(copy) && offset + size <= BYTES);
	REQUIRE(offset >= IG_PCI_HEADER_END || (offset >= IG_PCI_STATUS && offset < IG_PCI_STATUS + 2) ||
		(offset >= IG_PCI_CACHE_LINE && offset < IG_PCI_BAR0));
	memcpy(copy, data, size);
	(void)pci;
}

static void close_made(struct ig_pci_device *pci)
{
	(void)pci;
}

/* The model. */

/* The upper half of a 64-bit BAR tells of its size, and holds nothing. */
static uint32_t model_bar(const struct made *made, uint32_t index)
{
	const struct ig_pci_bar *bar = &made->pci.bar[index];
	bool upper = index && made->pci.bar[index - 1].flags == IG_PCI_BAR_64;

	if (upper)
		return made->model.bar[index] == UINT32_MAX ? UINT32_MAX : 0;
	return bar->size ? (made->model.bar[index] & -bar->size) | bar->flags : 0;
}

static uint32_t model_word(const struct made *made, uint32_t word)
{
	if (word == IG_PCI_COMMAND / 4)
		return made->model.command;
	if (word >= IG_PCI_BAR0 / 4 && word < IG_PCI_BAR_END / 4)
		return model_bar(made, word - IG_PCI_BAR0 / 4);
	if (word == IG_PCI_INTERRUPT_LINE / 4)
		return made->model.line | IG_PCI_PIN_A << 8;
	return word ? 0 : 0x12345678;
}

static uint32_t merge(uint32_t word, uint32_t at, uint32_t value, uint32_t size)
{
	memcpy((uint8_t *)&word + at, &value, size);
	return word;
}

static void model_write_bar(struct made *made, uint32_t index, uint32_t value)
{
	made->model.bar[index] = value;
	if (value != UINT32_MAX && made->pci.bar[index].size)
		made->model.address[index] = value & -made->pci.bar[index].size;
}

static void model_write(struct made *made, uint32_t offset, uint32_t value, uint32_t size)
{
	uint32_t word = offset / 4, merged = merge(model_word(made, word), offset % 4, value, size);

	if (word == IG_PCI_COMMAND / 4)
		made->model.command = merged & COMMAND_BITS;
	else if (word >= IG_PCI_BAR0 / 4 && word < IG_PCI_BAR_END / 4)
		model_write_bar(made, word - IG_PCI_BAR0 / 4, merged);
	else if (offset == IG_PCI_INTERRUPT_LINE)
		made->model.line = (uint8_t)value;
}

/* The device that an access is to, or NULL: bit 31, bus 0, its slot, function 0. */
static struct made *addressed(void)
{
	uint32_t slot = b.address >> 11 & 31;

	if (b.address >> 31 != 1 || (b.address >> 16 & 0xff) || (b.address >> 8 & 7))
		return NULL;
	return slot >= 1 && slot <= DEVICES ? &b.made[slot - 1] : NULL;
}

static uint32_t draw_word(void)
{
	uint32_t high = draw(&b.chance, 0x10000);

	return draw(&b.chance, 4) ? high << 16 | draw(&b.chance, 0x10000) : UINT32_MAX;
}

/* Guests may do one, two and four bytes; a string instruction any number at once, but each by itself. */
static void access_data(bool write)
{
	uint32_t size = 1U << draw(&b.chance, 3), port = draw(&b.chance, 4), value = draw_word(), read;
	uint32_t offset = (b.address & 0xfc) + port, expected = UINT32_MAX;
	bool aligned = !(port % size);
	struct made *made = aligned ? addressed() : NULL;
	bool bridge = aligned && (b.address & ~UINT32_C(0x7f0000ff)) == 0x80000000;

	if (write) {
		ig_pci_data_access(&b.vmm, port, true, &value, size);
		if (made)
			model_write(made, offset, value, size);
		return;
	}
	read = UINT32_MAX;
	ig_pci_data_access(&b.vmm, port, false, &read, size);
	if (bridge || (made && offset >= IG_PCI_HEADER_END))
		return;
	if (made) {
		uint32_t word = model_word(made, offset / 4);

		memcpy(&expected, (uint8_t *)&word + offset % 4, size);
	}
	REQUIRE(read == expected);
}

static void write_address(void)
{
	b.address = draw(&b.chance, 8) ? UINT32_C(1) << 31 | draw(&b.chance, DEVICES + 2) << 11 | draw(&b.chance, 0x100)
				       : draw_word();
	ig_pci_address_access(&b.vmm, true, &b.address);
}

/* The model's mind of whether a BAR decodes all of the access. */
static bool decodes(const struct made *made, uint32_t index, bool io, uint64_t address, uint32_t size)
{
	const struct ig_pci_bar *bar = &made->pci.bar[index];

	if (!bar->size || io != (bar->flags == IG_PCI_BAR_IO) || !(made->model.command & (io ? 1 : 2)))
		return false;
	for (uint32_t i = 0; i < size; i++)
		if (address + i < made->model.address[index] || address + i - made->model.address[index] >= bar->size)
			return false;
	return true;
}

static void access_bar(void)
{
	const struct ig_pci_bar *near = &b.made[draw(&b.chance, DEVICES)].pci.bar[draw(&b.chance, IG_PCI_BARS)];
	uint64_t address = near->address + (uint64_t)draw(&b.chance, 0x10000) - draw(&b.chance, 16);
	bool io = draw(&b.chance, 2), write = draw(&b.chance, 2), mine, expected = false;
	uint32_t size = 1U << draw(&b.chance, io ? 3 : 4);
	uint8_t data[8] = { 0 };

	address &= io ? 0xffff : UINT64_MAX;
	for (int i = 0; i < DEVICES; i++)
		for (uint32_t bar = 0; bar < IG_PCI_BARS; bar++)
			expected |= decodes(&b.made[i], bar, io, address, size);
	b.access.address = address;
	b.access.io = io;
	b.access.reached = false;
	mine = io ? ig_pci_port_access(&b.vmm, (uint16_t)address, write, data, size)
		  : ig_pci_mmio_access(&b.vmm, address, write, data, size);
	REQUIRE(mine == expected && b.access.reached == expected);
}

/* All BARs are where they were, and the command register is 0. */
static void reset(void)
{
	b.address = 0;
	REQUIRE(!ig_pci_reset(&b.vmm));
	for (int i = 0; i < DEVICES; i++) {
		b.made[i].model.command = 0;
		for (uint32_t bar = 0; bar < IG_PCI_BARS; bar++)
			b.made[i].model.bar[bar] = b.made[i].model.address[bar] = b.made[i].pci.bar[bar].home;
	}
}

static void check(void)
{
	for (int i = 0; i < DEVICES; i++)
		REQUIRE(b.made[i].model.enabled == !(b.made[i].model.command & IG_PCI_COMMAND_INTX_DISABLE));
}

static void step(void)
{
	switch (draw(&b.chance, 8)) {
	case 0: case 1: write_address(); break;
	case 2: case 3: access_data(true); break;
	case 4: case 5: access_data(false); break;
	case 6: access_bar(); break;
	default:
		if (!draw(&b.chance, 8))
			reset();
		break;
	}
	check();
}

static void plug(uint32_t index)
{
	struct made *made = &b.made[index];

	made->pci = (struct ig_pci_device){
		.vmm = &b.vmm, .irq = index + 1, .gsi = 16, .bar_access = bar_access, .update = update,
		.config_write = config_write, .close = close_made,
	};
	ig_pci_set16(&made->pci, IG_PCI_VENDOR, 0x5678);
	ig_pci_set16(&made->pci, IG_PCI_DEVICE, 0x1234);
	made->pci.config[IG_PCI_INTERRUPT_PIN] = IG_PCI_PIN_A;
	made->model.enabled = true;
	for (uint32_t i = 0; i < IG_PCI_BARS; i++) {
		made->pci.bar[i].size = bars[index][i].size;
		made->pci.bar[i].flags = bars[index][i].flags;
	}
	REQUIRE(!ig_pci_assign_bars(&made->pci));
	for (uint32_t i = 0; i < IG_PCI_BARS; i++)
		made->model.bar[i] = made->model.address[i] = made->pci.bar[i].home;
	ig_pci_plug(&b.vmm, &made->pci);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	memset(&b, 0, sizeof(b));
	b.chance = chance_from(data, size);
	pthread_mutex_init(&b.vmm.pci.lock, NULL);
	REQUIRE(!ig_pci_open(&b.vmm));
	for (uint32_t i = 0; i < DEVICES; i++)
		plug(i);
	while (!chance_is_over(&b.chance))
		step();
	ig_pci_close(&b.vmm);
	pthread_mutex_destroy(&b.vmm.pci.lock);
	return 0;
}
