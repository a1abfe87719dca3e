/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* KVM's own gate, as a guest, a device and an operator see it. Needs a host with the modules of kernel/, and root. */
#include "tests.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

enum { STEP_US = 1000, PATIENCE = 2000, A_WHILE_US = 20000 };

void fixture_open(struct fixture *fixture, uint32_t gsi)
{
	vm_open(&fixture->vm);
	fixture->cpu = &fixture->vm.vcpu[0];
	guest_write_rte(fixture->cpu, gsi, VECTOR | LEVEL | MASKED);
	source_open(&fixture->vm, &fixture->source, gsi);
	source_assign(&fixture->source);
	open_pin(fixture);
	guest_write_rte(fixture->cpu, gsi, VECTOR | LEVEL | MASKED);
}

void open_pin(struct fixture *fixture)
{
	guest_write_rte(fixture->cpu, fixture->source.gsi, VECTOR | LEVEL);
	source_resamples(&fixture->source);
}

void fixture_close(struct fixture *fixture)
{
	source_close(&fixture->source);
	vm_close(&fixture->vm);
}

bool comes(struct test_vcpu *vcpu, uint8_t vector, unsigned int n)
{
	for (int i = 0; i < PATIENCE; i++) {
		if (guest_look(vcpu, vector) >= n)
			return true;
		usleep(STEP_US);
	}
	return false;
}

unsigned int after_a_while(struct test_vcpu *vcpu, uint8_t vector)
{
	usleep(A_WHILE_US);
	return guest_look(vcpu, vector);
}

void rush(bool on)
{
	struct sched_param param = { .sched_priority = on };
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (!on || cpu == sched_getcpu())
			CPU_SET(cpu, &cpus);
	assert_int_equal(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
	assert_int_equal(sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, &param), 0);
}

/* cmocka prints one plan for each group: so the groups are programs' arguments. */
int main(int argc, char **argv)
{
	switch (argc > 1 ? argv[1][0] : ' ') {
	case 'i': return test_ioapic();
	case '8': return test_pic();
	case 'r': return test_race();
	case 'p': return test_policies();
	case 's': return argc > 2 ? test_stress((unsigned int)atoi(argv[2])) : 2;
	case 'f': return print_figures();
	case 'k': return argc > 3 ? kill_many(argv[2], (unsigned int)atoi(argv[3])) : 2;
	default: return 2;
	}
}
