/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What a vCPU says of itself: all that KVM supports, with the numbers of this vCPU and of this machine in it.
 * One package, whose cores have one thread each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/vmm.h"

#define ENTRIES 256U

/* The leaves (Intel SDM vol. 2, CPUID; AMD APM vol. 3, appendix E). */
enum {
	LEAF_FEATURES = 0x1,
	LEAF_CACHES = 0x4,
	LEAF_TOPOLOGY = 0xb,
	LEAF_TOPOLOGY_V2 = 0x1f,
	LEAF_SIZES = 0x80000008,
	LEAF_AMD_CACHES = 0x8000001d,
	LEAF_AMD_TOPOLOGY = 0x8000001e,
};

/* Leaf 1: EBX has the initial APIC id and the count of ids. */
#define FEATURES_ID_SHIFT    24
#define FEATURES_COUNT_SHIFT 16
#define FEATURES_EBX_KEPT    0xffffU
#define FEATURES_X2APIC      (1U << 21) /* ECX */
#define FEATURES_DEADLINE    (1U << 24)
#define FEATURES_HYPERVISOR  (1U << 31) /* the leaves from 0x40000000 on say which */
#define FEATURES_HTT         (1U << 28) /* EDX: the count says something */

/* Leaf 4: EAX has the cores of the package and the threads that share the cache, each less one. */
#define CACHES_CORES_SHIFT  26
#define CACHES_SHARED_SHIFT 14
#define CACHES_EAX_KEPT     0x3fffU
#define CACHES_LEVEL_SHIFT  5
#define CACHES_LEVEL        0x7U
#define CACHE_SHARED_LEVEL  3U

/*
 * Leaves 0xb and 0x1f: EAX the bits of the id below the next level, EBX the threads, ECX the level and its
 * type.
 */
#define TOPOLOGY_THREADS    (1U << 8)
#define TOPOLOGY_CORES      (2U << 8)

/* Leaf 0x80000008: ECX has the count of cores less one and the bits that their ids take. */
#define SIZES_BITS_SHIFT 12

/* What there is, though KVM_GET_SUPPORTED_CPUID does not say so (KVM API, KVM_GET_SUPPORTED_CPUID). */
static uint32_t unsaid_features(const struct ig_vcpu *vcpu)
{
	bool deadline = ioctl(vcpu->vmm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;

	return FEATURES_X2APIC | FEATURES_HYPERVISOR | (deadline ? FEATURES_DEADLINE : 0);
}

static uint32_t id_bits(uint32_t cpus)
{
	uint32_t bits = 0;

	while (1U << bits < cpus)
		bits++;
	return bits;
}

static void set_features(const struct ig_vcpu *vcpu, struct kvm_cpuid_entry2 *entry)
{
	uint32_t cpus = vcpu->vmm->options.cpus;

	entry->ebx = (entry->ebx & FEATURES_EBX_KEPT) | cpus << FEATURES_COUNT_SHIFT |
		     vcpu->id << FEATURES_ID_SHIFT;
	entry->ecx |= unsaid_features(vcpu);
	if (cpus > 1)
		entry->edx |= FEATURES_HTT;
}

/* Only the last level is shared, by all. Returns the threads that share this one, less one. */
static uint32_t sharers(const struct ig_vcpu *vcpu, const struct kvm_cpuid_entry2 *entry)
{
	bool shared = (entry->eax >> CACHES_LEVEL_SHIFT & CACHES_LEVEL) >= CACHE_SHARED_LEVEL;

	return shared ? vcpu->vmm->options.cpus - 1 : 0;
}

static void set_caches(const struct ig_vcpu *vcpu, struct kvm_cpuid_entry2 *entry)
{
	if (!(entry->eax & CACHES_EAX_KEPT))
		return;
	entry->eax = (entry->eax & CACHES_EAX_KEPT) | sharers(vcpu, entry) << CACHES_SHARED_SHIFT;
	if (entry->function == LEAF_CACHES)
		entry->eax |= (vcpu->vmm->options.cpus - 1) << CACHES_CORES_SHIFT;
}

/* Of the levels: 0 the threads of a core, 1 the cores of the package; then there are no more. */
static void set_topology(const struct ig_vcpu *vcpu, struct kvm_cpuid_entry2 *entry)
{
	uint32_t cpus = vcpu->vmm->options.cpus;
	const struct level {
		uint32_t bits, threads, type;
	} none = { 0 }, level[] = { { 0, 1, TOPOLOGY_THREADS }, { id_bits(cpus), cpus, TOPOLOGY_CORES } };
	struct level own = entry->index < sizeof(level) / sizeof(level[0]) ? level[entry->index] : none;

	entry->eax = own.bits;
	entry->ebx = own.threads;
	entry->ecx = entry->index | own.type;
	entry->edx = vcpu->id;
}

static void set_entry(const struct ig_vcpu *vcpu, struct kvm_cpuid_entry2 *entry)
{
	uint32_t cpus = vcpu->vmm->options.cpus;

	switch (entry->function) {
	case LEAF_FEATURES: set_features(vcpu, entry); break;
	case LEAF_CACHES:
	case LEAF_AMD_CACHES: set_caches(vcpu, entry); break;
	case LEAF_TOPOLOGY:
	case LEAF_TOPOLOGY_V2: set_topology(vcpu, entry); break;
	case LEAF_SIZES: entry->ecx = id_bits(cpus) << SIZES_BITS_SHIFT | (cpus - 1); break;
	case LEAF_AMD_TOPOLOGY:
		entry->eax = entry->ebx = vcpu->id; /* its own, and its core's, which is its alone */
		entry->ecx = 0;
		break;
	default: break;
	}
}

static bool has(const struct kvm_cpuid2 *cpuid, uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == function && cpuid->entries[i].index == index)
			return true;
	return false;
}

/* KVM may give the first level of the topology alone. */
static void add_cores_level(struct kvm_cpuid2 *cpuid)
{
	if (!has(cpuid, LEAF_TOPOLOGY, 0) || has(cpuid, LEAF_TOPOLOGY, 1) || cpuid->nent == ENTRIES)
		return;
	cpuid->entries[cpuid->nent++] = (struct kvm_cpuid_entry2){
		.function = LEAF_TOPOLOGY, .index = 1, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
	};
}

int ig_cpuid_set(const struct ig_vcpu *vcpu)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + ENTRIES * sizeof(cpuid->entries[0]));
	int error = 0;

	if (!cpuid)
		return -ENOMEM;
	cpuid->nent = ENTRIES;
	if (ioctl(vcpu->vmm->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid)) {
		error = -errno;
		goto out;
	}
	add_cores_level(cpuid);
	for (uint32_t i = 0; i < cpuid->nent; i++)
		set_entry(vcpu, &cpuid->entries[i]);
	if (ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid))
		error = -errno;
out:
	free(cpuid);
	return error;
}
