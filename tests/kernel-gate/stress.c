/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Everything at once: sources that come and go on one GSI, by their VMM and by being closed; both vCPUs mask, unmask
 * and send EOIs at both chips; the VMM sets chips, routes and lines; an operator writes the parameter and reads the
 * counters. Nothing is judged until all of them have stopped: then the VM must be as good as new. It is for a kernel
 * that looks after itself (lockdep, KASAN). What threads share is atomic, or set before they start.
 */
#include "tests.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>

enum { SOURCES = 3, PINS = 24, PIC_LINES = 16, VM_ROUNDS = 10, MEMBERS = SOURCES + TEST_VCPUS + 2 };

struct stress {
	struct fixture f;	/* its own source stays out of it */
	struct test_source source[SOURCES];
	unsigned int rounds;
	atomic_uint busy;	/* sources that still come and go: the others go on until there is none */
};

struct member {
	struct stress *stress;
	unsigned int index;
	pthread_t thread;
};

/* By turns it is removed by the VMM, and by the end of its trigger. */
static void *come_and_go(void *context)
{
	struct member *member = context;
	struct stress *stress = member->stress;
	struct test_source *source = &stress->source[member->index];

	for (unsigned int round = 0; round < stress->rounds; round++) {
		source_assign(source);
		source_trigger(source);
		source_resamples(source);
		if (round % 2) {
			source_deassign(source);
		} else {
			source_close(source);
			source_open(&stress->f.vm, source, SHARED_GSI);
		}
	}
	stress->busy--;
	return NULL;
}

static void *be_a_cpu(void *context)
{
	struct member *member = context;
	struct stress *stress = member->stress;
	struct test_vcpu *cpu = &stress->f.vm.vcpu[member->index];

	while (stress->busy) {
		guest_write_rte(cpu, SHARED_GSI, VECTOR | LEVEL);
		guest_look(cpu, VECTOR);
		guest_write_rte(cpu, SHARED_GSI, VECTOR | LEVEL | MASKED);
		guest_eoi(cpu);
		guest_mask_pic(cpu, SHARED_GSI, false);
		guest_look(cpu, PIC_VECTOR + SHARED_GSI);
		guest_mask_pic(cpu, SHARED_GSI, true);
		guest_eoi_pic(cpu, SHARED_GSI);
	}
	return NULL;
}

/* The table that KVM has made itself: each GSI a pin of the IOAPIC, the first 16 a line of the 8259s too. */
static void set_routes(struct test_vm *vm)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry[PINS + PIC_LINES];
	} table = { .head = { .nr = 0 } };
	struct kvm_irq_routing_entry *entry = table.entry;

	for (uint32_t gsi = 0; gsi < PINS; gsi++)
		*entry++ = (struct kvm_irq_routing_entry){
			.gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = { .irqchip = KVM_IRQCHIP_IOAPIC, .pin = gsi },
		};
	for (uint32_t gsi = 0; gsi < PIC_LINES; gsi++)
		*entry++ = (struct kvm_irq_routing_entry){
			.gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = { .irqchip = gsi / 8, .pin = gsi % 8 },
		};
	table.head.nr = (uint32_t)(entry - table.entry);
	assert_int_equal(ioctl(vm->vm_fd, KVM_SET_GSI_ROUTING, &table), 0);
}

static void *be_the_vmm(void *context)
{
	struct member *member = context;
	struct test_vm *vm = &member->stress->f.vm;

	for (int level = 1; member->stress->busy; level = !level) {
		struct kvm_ioapic_state state = ioapic_state(vm);

		wire_set(vm, SHARED_GSI, level);
		state.redirtbl[SHARED_GSI].fields.mask = (uint8_t)level;
		ioapic_restore(vm, &state);
		set_routes(vm);
	}
	return NULL;
}

static void *be_the_operator(void *context)
{
	static const char *const policies[] = { "eoi", "unmask-resample", "hold" };
	struct member *member = context;
	char counters[1024];

	for (unsigned int i = 0; member->stress->busy; i++) {
		assert_int_equal(set_policy(policies[i % 3]), 0);
		read_counters(&member->stress->f.vm, counters, sizeof(counters));
	}
	return NULL;
}

static void start(struct member *member, struct stress *stress, unsigned int index, void *(*run)(void *context))
{
	*member = (struct member){ .stress = stress, .index = index };
	assert_int_equal(pthread_create(&member->thread, NULL, run, member), 0);
}

static void run_all(struct stress *stress)
{
	struct member members[MEMBERS], *member = members;

	stress->busy = SOURCES;
	for (unsigned int i = 0; i < TEST_VCPUS; i++)
		start(member++, stress, i, be_a_cpu);
	start(member++, stress, 0, be_the_vmm);
	start(member++, stress, 0, be_the_operator);
	for (unsigned int i = 0; i < SOURCES; i++)
		start(member++, stress, i, come_and_go);
	while (member-- > members)
		pthread_join(member->thread, NULL);
}

/* What the threads left: entries of any content, messages in the LAPICs. */
static void tidy_up(struct test_vm *vm)
{
	wire_set(vm, SHARED_GSI, 0);
	for (unsigned int i = 0; i < TEST_VCPUS; i++) {
		guest_write_rte(&vm->vcpu[i], SHARED_GSI, VECTOR | MASKED); /* edge: an EOI */
		for (unsigned int before = ~0U; guest_look(&vm->vcpu[i], VECTOR) != before; guest_eoi(&vm->vcpu[i]))
			before = vm->vcpu[i].taken[VECTOR];
		guest_eoi(&vm->vcpu[i]);
	}
	guest_start_pic(&vm->vcpu[0], SHARED_GSI, 1);
	guest_eoi_pic(&vm->vcpu[0], SHARED_GSI);
}

/* A oneshot event on a source that is new: one interrupt, one resample. */
static void expect_one_event(struct fixture *f)
{
	unsigned int before = f->cpu->taken[VECTOR];

	source_assign(&f->source);
	open_pin(f);
	source_trigger(&f->source);
	assert_true(comes(f->cpu, VECTOR, before + 1));
	guest_write_rte(f->cpu, SHARED_GSI, VECTOR | LEVEL | MASKED);
	guest_eoi(f->cpu);
	assert_int_equal(source_resamples(&f->source), 0);
	guest_write_rte(f->cpu, SHARED_GSI, VECTOR | LEVEL);
	assert_int_equal(source_resamples(&f->source), 1);
	assert_int_equal(after_a_while(f->cpu, VECTOR), before + 1);
}

static unsigned int rounds;

static void vm_is_as_good_as_new_after_all_of_it(void **state)
{
	struct stress stress = { .rounds = rounds };

	(void)state;
	fixture_open(&stress.f, SHARED_GSI);
	source_deassign(&stress.f.source);
	guest_start_pic(stress.f.cpu, SHARED_GSI, 1);
	for (unsigned int i = 0; i < SOURCES; i++)
		source_open(&stress.f.vm, &stress.source[i], SHARED_GSI);
	run_all(&stress);
	assert_int_equal(set_policy("hold"), 0);
	for (unsigned int i = 0; i < SOURCES; i++) {
		source_assign(&stress.source[i]);
		source_deassign(&stress.source[i]); /* waits for those that were closed, too */
		source_close(&stress.source[i]);
	}
	tidy_up(&stress.f.vm);
	expect_one_event(&stress.f);
	fixture_close(&stress.f);
}

static void *hammer(void *context)
{
	struct member *member = context;

	while (member->stress->busy)
		source_trigger(&member->stress->source[member->index]);
	return NULL;
}

static void end_one(void)
{
	struct stress stress = { .busy = 1 };
	struct member members[SOURCES];

	fixture_open(&stress.f, SHARED_GSI);
	for (unsigned int i = 0; i < SOURCES; i++) {
		source_open(&stress.f.vm, &stress.source[i], SHARED_GSI + i);
		source_assign(&stress.source[i]);
		start(&members[i], &stress, i, hammer);
		guest_write_rte(stress.f.cpu, SHARED_GSI + i, VECTOR | LEVEL);
	}
	fixture_close(&stress.f);
	stress.busy = 0;
	for (unsigned int i = 0; i < SOURCES; i++) {
		pthread_join(members[i].thread, NULL);
		source_close(&stress.source[i]);
	}
}

/* The VM goes first; its sources are signalled on and on. */
static void vm_ends_while_its_sources_trigger(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < rounds; round += VM_ROUNDS)
		end_one();
}

int test_stress(unsigned int n)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vm_is_as_good_as_new_after_all_of_it),
		cmocka_unit_test(vm_ends_while_its_sources_trigger),
	};

	rounds = n;
	return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}
