/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The ACPI tables (ACPI 6.3, chapter 5): root pointer, XSDT, FADT, FACS, MADT, and the DSDT, whose bytes
 * dsdt.asl is compiled to. Main thread, while no vCPU runs.
 */
#include <stddef.h>
#include <string.h>

#include "vmm/acpi.h"
#include "vmm/aml.h"
#include "vmm/pci.h"
#include "vmm/vmm.h"

#define OEM       "IRQGAT"
#define OEM_TABLE "IRQGATE "
#define CREATOR   "IRQG"
#define ALIGNMENT 64U /* what the FACS needs; the others are content with it */

#define LAPIC_ADDRESS 0xfee00000U

struct header { /* 5.2.6 */
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem[6], oem_table[8];
	uint32_t oem_revision;
	char creator[4];
	uint32_t creator_revision;
} __attribute__((packed));

struct root_pointer { /* 5.2.5.3 */
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt, length;
	uint64_t xsdt;
	uint8_t extended_checksum, reserved[3];
} __attribute__((packed));

struct address { /* 5.2.3.2 */
	uint8_t space, bits, offset, access;
	uint64_t address;
} __attribute__((packed));

enum { SPACE_PORTS = 1, ACCESS_BYTE = 1, ACCESS_WORD = 2, ACCESS_DWORD = 3 };

struct fadt { /* 5.2.9 */
	struct header header;
	uint32_t facs, dsdt;
	uint8_t reserved0, profile;
	uint16_t sci;
	uint32_t smi_command;
	uint8_t acpi_enable, acpi_disable, s4bios, pstate;
	uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer, gpe0, gpe1;
	uint8_t pm1_event_length, pm1_control_length, pm2_control_length, pm_timer_length, gpe0_length,
		gpe1_length, gpe1_base, cstate;
	uint16_t c2_latency, c3_latency, flush_size, flush_stride;
	uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
	uint16_t boot_flags;
	uint8_t reserved1;
	uint32_t flags;
	struct address reset;
	uint8_t reset_value;
	uint16_t arm_flags;
	uint8_t minor;
	uint64_t x_facs, x_dsdt;
	struct address x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control, x_pm2_control, x_pm_timer,
		x_gpe0, x_gpe1, sleep_control, sleep_status;
	char hypervisor[8];
} __attribute__((packed));

#define FADT_REVISION         6U
#define FADT_MINOR            3U
#define FADT_NO_C2            101U  /* microseconds: more than 100 tells that there is none */
#define FADT_NO_C3            1001U
#define FADT_CENTURY          0x32U /* in the clock's memory */
#define FADT_NO_VGA           (1U << 2)
#define FADT_WBINVD           (1U << 0)
#define FADT_C1               (1U << 2)
#define FADT_NO_POWER_BUTTON  (1U << 4)
#define FADT_NO_SLEEP_BUTTON  (1U << 5)
#define FADT_NO_RTC_WAKE      (1U << 6)
#define FADT_TIMER_32         (1U << 8)
#define FADT_RESET_REGISTER   (1U << 10)
#define RESET_VALUE           0x06U

struct facs { /* 5.2.10 */
	char signature[4];
	uint32_t length, hardware_signature, waking_vector, global_lock, flags;
	uint64_t x_waking_vector;
	uint8_t version, reserved[31];
} __attribute__((packed));

#define FACS_VERSION 2U

struct madt { /* 5.2.12 */
	struct header header;
	uint32_t lapic_address, flags;
} __attribute__((packed));

struct madt_lapic {
	uint8_t type, length, uid, id;
	uint32_t flags;
} __attribute__((packed));

struct madt_ioapic {
	uint8_t type, length, id, reserved;
	uint32_t address, gsi_base;
} __attribute__((packed));

struct madt_override {
	uint8_t type, length, bus, irq;
	uint32_t gsi;
	uint16_t flags;
} __attribute__((packed));

struct madt_nmi {
	uint8_t type, length, uid;
	uint16_t flags;
	uint8_t lint;
} __attribute__((packed));

enum { MADT_REVISION = 5, MADT_LAPIC = 0, MADT_IOAPIC = 1, MADT_OVERRIDE = 2, MADT_NMI = 4 };

#define MADT_ENABLED     1U
#define MADT_8259        1U
#define MADT_ALL_LAPICS  0xffU
#define MADT_LINT1       1U
#define MADT_ACTIVE_HIGH 0x1U /* the flags of an override (5.2.12.5) */
#define MADT_ACTIVE_LOW  0x3U
#define MADT_LEVEL       0xcU
#define ISA_IRQS         16U
#define ISA_TIMER_GSI    2U

/* Where the next table goes. There is room for all that there can be: see IG_ACPI_END. */
struct place {
	struct ig_vmm *vmm;
	uint64_t next;
};

static uint8_t checksum(const void *bytes, size_t size)
{
	const uint8_t *byte = bytes;
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + byte[i]);
	return (uint8_t)-sum;
}

static struct header make_header(const char *signature, size_t length, uint8_t revision)
{
	struct header header = { .length = (uint32_t)length, .revision = revision, .oem_revision = 1,
				 .creator_revision = 1 };

	memcpy(header.signature, signature, sizeof(header.signature));
	memcpy(header.oem, OEM, sizeof(header.oem));
	memcpy(header.oem_table, OEM_TABLE, sizeof(header.oem_table));
	memcpy(header.creator, CREATOR, sizeof(header.creator));
	return header;
}

static uint64_t place_bytes(struct place *place, const void *bytes, size_t size)
{
	uint64_t at = place->next;

	memcpy(ig_memory_at(place->vmm, at, size), bytes, size);
	place->next = (at + size + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
	return at;
}

static uint64_t place_table(struct place *place, struct header *header)
{
	header->checksum = 0;
	header->checksum = checksum(header, header->length);
	return place_bytes(place, header, header->length);
}

/* The MADT, with room for all that there can be. */
struct growing {
	struct madt madt;
	uint8_t rest[IG_VCPUS_MAX * sizeof(struct madt_lapic) + sizeof(struct madt_ioapic) +
		     ISA_IRQS * sizeof(struct madt_override) + sizeof(struct madt_nmi)];
} __attribute__((packed));

static void append(struct growing *table, const void *entry, size_t size)
{
	memcpy((uint8_t *)table + table->madt.header.length, entry, size);
	table->madt.header.length += (uint32_t)size;
}

static void add_override(struct growing *table, uint32_t irq, uint32_t gsi, uint16_t flags)
{
	struct madt_override override = { MADT_OVERRIDE, sizeof(override), 0, (uint8_t)irq, gsi, flags };

	append(table, &override, sizeof(override));
}

static bool is_pci(const struct ig_vmm *vmm, uint32_t gsi)
{
	for (uint32_t slot = 1; slot <= IG_DEVICES_MAX; slot++)
		if (vmm->pci.device[slot] && vmm->pci.device[slot]->gsi == gsi)
			return true;
	return false;
}

/*
 * The PC's timer is at pin 2. Of the others those of PCI and of ACPI are no ISA interrupts: level-triggered.
 */
static void add_overrides(const struct ig_vmm *vmm, struct growing *table)
{
	add_override(table, 0, ISA_TIMER_GSI, 0);
	for (uint32_t irq = 3; irq < ISA_IRQS; irq++) {
		if (is_pci(vmm, irq))
			add_override(table, irq, irq, MADT_LEVEL | MADT_ACTIVE_LOW);
		else if (irq == IG_ACPI_SCI)
			add_override(table, irq, irq, MADT_LEVEL | MADT_ACTIVE_HIGH);
	}
}

static uint64_t place_madt(struct place *place)
{
	const struct ig_vmm *vmm = place->vmm;
	struct madt_ioapic ioapic = { MADT_IOAPIC, sizeof(ioapic), 0, 0, IRQGATE_KVM_IOAPIC_BASE, 0 };
	struct madt_nmi nmi = { MADT_NMI, sizeof(nmi), MADT_ALL_LAPICS, 0, MADT_LINT1 };
	struct growing table = { .madt = {
		.header = make_header("APIC", sizeof(struct madt), MADT_REVISION),
		.lapic_address = LAPIC_ADDRESS,
		.flags = MADT_8259,
	} };

	for (uint32_t i = 0; i < vmm->options.cpus; i++) {
		struct madt_lapic lapic = { MADT_LAPIC, sizeof(lapic), (uint8_t)i, (uint8_t)i, MADT_ENABLED };

		append(&table, &lapic, sizeof(lapic));
	}
	append(&table, &ioapic, sizeof(ioapic));
	add_overrides(vmm, &table);
	append(&table, &nmi, sizeof(nmi));
	return place_table(place, &table.madt.header);
}

static struct address port(uint32_t at, uint8_t bytes, uint8_t access)
{
	return (struct address){ SPACE_PORTS, (uint8_t)(8 * bytes), 0, access, at };
}

static uint64_t place_fadt(struct place *place, uint64_t facs, uint64_t dsdt)
{
	struct fadt fadt = {
		.header = make_header("FACP", sizeof(fadt), FADT_REVISION),
		.dsdt = (uint32_t)dsdt,
		.x_dsdt = dsdt,
		.facs = (uint32_t)facs,
		.sci = IG_ACPI_SCI,
		.pm1a_event = IG_ACPI_PM_EVENT,
		.pm1a_control = IG_ACPI_PM_CONTROL,
		.pm_timer = IG_ACPI_PM_TIMER,
		.pm1_event_length = 4,
		.pm1_control_length = 2,
		.pm_timer_length = 4,
		.c2_latency = FADT_NO_C2,
		.c3_latency = FADT_NO_C3,
		.century = FADT_CENTURY,
		.boot_flags = FADT_NO_VGA,
		.flags = FADT_WBINVD | FADT_C1 | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON |
			 FADT_NO_RTC_WAKE | FADT_TIMER_32 | FADT_RESET_REGISTER,
		.reset = port(IG_ACPI_RESET, 1, ACCESS_BYTE),
		.reset_value = RESET_VALUE,
		.minor = FADT_MINOR,
		.x_pm1a_event = port(IG_ACPI_PM_EVENT, 4, ACCESS_WORD),
		.x_pm1a_control = port(IG_ACPI_PM_CONTROL, 2, ACCESS_WORD),
		.x_pm_timer = port(IG_ACPI_PM_TIMER, 4, ACCESS_DWORD),
	};

	return place_table(place, &fadt.header);
}

static uint64_t place_facs(struct place *place)
{
	struct facs facs = { .signature = "FACS", .length = sizeof(facs), .version = FACS_VERSION };

	return place_bytes(place, &facs, sizeof(facs));
}

static uint64_t place_xsdt(struct place *place, uint64_t fadt, uint64_t madt)
{
	struct {
		struct header header;
		uint64_t table[2];
	} __attribute__((packed)) xsdt = { make_header("XSDT", sizeof(xsdt), 1), { fadt, madt } };

	return place_table(place, &xsdt.header);
}

static void place_root(struct ig_vmm *vmm, uint64_t xsdt)
{
	struct root_pointer root = { .revision = 2, .length = sizeof(root), .xsdt = xsdt };

	memcpy(root.signature, "RSD PTR ", sizeof(root.signature));
	memcpy(root.oem, OEM, sizeof(root.oem));
	root.checksum = checksum(&root, offsetof(struct root_pointer, length));
	root.extended_checksum = checksum(&root, sizeof(root));
	memcpy(ig_memory_at(vmm, IG_ACPI_START, sizeof(root)), &root, sizeof(root));
}

static void place_gsis(struct ig_vmm *vmm)
{
	uint8_t *gsi = ig_memory_at(vmm, IG_ACPI_GSIS, IG_DEVICES_MAX);

	for (uint32_t slot = 1; slot <= IG_DEVICES_MAX; slot++)
		gsi[slot - 1] = vmm->pci.device[slot] ? (uint8_t)vmm->pci.device[slot]->gsi : 0;
}

uint64_t ig_acpi_load(struct ig_vmm *vmm)
{
	struct place place = { vmm, IG_ACPI_GSIS + ALIGNMENT };
	uint64_t dsdt, facs, fadt, madt;

	place_gsis(vmm);
	dsdt = place_bytes(&place, ig_dsdt, (size_t)(ig_dsdt_end - ig_dsdt));
	facs = place_facs(&place);
	fadt = place_fadt(&place, facs, dsdt);
	madt = place_madt(&place);
	place_root(vmm, place_xsdt(&place, fadt, madt));
	return IG_ACPI_START;
}
