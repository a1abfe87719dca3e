/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What an operator sees: the module's parameter, and the counters of each VM. */
#include "tests.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PARAMETER "/sys/module/kvm/parameters/resample"
#define TRACING   "/sys/kernel/tracing/"

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t n = write(fd, text, strlen(text));

	close(fd);
	return n < 0 ? -1 : 0;
}

int set_policy(const char *policy)
{
	return write_file(PARAMETER, policy);
}

void read_counters(const struct test_vm *vm, char *text, size_t size)
{
	char path[80];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/resample", getpid(), vm->vm_fd);
	file = fopen(path, "re");
	assert_non_null(file);
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	fclose(file);
}

/* One event of a oneshot handler whose device stays asserted until its thread quiets it. */
static void one_event(struct fixture *f, unsigned int *at_eoi, unsigned int *at_unmask)
{
	guest_write_rte(f->cpu, GSI, VECTOR | LEVEL);
	source_trigger(&f->source);
	assert_true(comes(f->cpu, VECTOR, 1));
	guest_write_rte(f->cpu, GSI, VECTOR | LEVEL | MASKED);
	guest_eoi(f->cpu);
	*at_eoi = (unsigned int)source_resamples(&f->source);
	if (*at_eoi) {
		source_trigger(&f->source);
		assert_int_equal(after_a_while(f->cpu, VECTOR), 1);
	}
	guest_write_rte(f->cpu, GSI, VECTOR | LEVEL);
	*at_unmask = (unsigned int)source_resamples(&f->source);
}

static void expect(const char *policy, unsigned int at_eoi, unsigned int at_unmask, unsigned int interrupts)
{
	unsigned int eoi, unmask;
	struct fixture f;

	assert_int_equal(set_policy(policy), 0);
	fixture_open(&f, GSI);
	assert_int_equal(set_policy("hold"), 0);
	one_event(&f, &eoi, &unmask);
	assert_int_equal(eoi, at_eoi);
	assert_int_equal(unmask, at_unmask);
	assert_int_equal(after_a_while(f.cpu, VECTOR), interrupts);
	fixture_close(&f);
}

static void hold_resamples_once_and_interrupts_once(void **state)
{
	(void)state;
	expect("hold", 0, 1, 1);
}

static void unmask_resample_resamples_twice_and_interrupts_once(void **state)
{
	(void)state;
	expect("unmask-resample", 1, 1, 1);
}

static void eoi_resamples_once_and_interrupts_twice(void **state)
{
	(void)state;
	expect("eoi", 1, 0, 2);
}

/* Of two entries with one vector, one is in service; the other's source has triggered, and is masked. */
static void eoi_of_another_entry_with_that_vector_resamples_nothing(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(set_policy("eoi"), 0);
	fixture_open(&f, GSI);
	assert_int_equal(set_policy("hold"), 0);
	source_trigger(&f.source);
	guest_write_rte(f.cpu, GSI + 1, VECTOR | LEVEL);
	wire_set(&f.vm, GSI + 1, 1);
	assert_true(comes(f.cpu, VECTOR, 1));
	wire_set(&f.vm, GSI + 1, 0);
	guest_eoi(f.cpu);
	assert_int_equal(source_resamples(&f.source), 0);
	fixture_close(&f);
}

static void unknown_policy_is_refused(void **state)
{
	(void)state;
	assert_int_equal(set_policy("sometimes"), -1);
}

static void counters_tell_of_each_line(void **state)
{
	unsigned int eoi, unmask;
	struct fixture f;
	char text[160];

	(void)state;
	fixture_open(&f, GSI);
	read_counters(&f.vm, text, sizeof(text));
	assert_string_equal(text, "gsi policy state triggers holds resamples\n20 hold armed 0 0 1\n");
	one_event(&f, &eoi, &unmask);
	read_counters(&f.vm, text, sizeof(text));
	assert_string_equal(text, "gsi policy state triggers holds resamples\n20 hold armed 1 1 2\n");
	fixture_close(&f);
}

/* How many lines of the trace end so. */
static int traced(const char *end)
{
	char line[200];
	FILE *file = fopen(TRACING "trace", "re");
	int n = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		const char *found = strstr(line, end);

		n += found && !strcmp(found, end);
	}
	fclose(file);
	return n;
}

static void trace_event_tells_of_each_decision(void **state)
{
	unsigned int eoi, unmask;
	struct fixture f;

	(void)state;
	assert_int_equal(write_file(TRACING "trace", ""), 0);
	assert_int_equal(write_file(TRACING "events/kvm/kvm_resample/enable", "1"), 0);
	fixture_open(&f, GSI);
	one_event(&f, &eoi, &unmask);
	assert_int_equal(write_file(TRACING "events/kvm/kvm_resample/enable", "0"), 0);
	assert_int_equal(traced("kvm_resample: gsi 20 held\n"), 1);
	assert_int_equal(traced("kvm_resample: gsi 20 resampled\n"), 2); /* at the first unmask, too */
	fixture_close(&f);
}

/* Another VM has another policy, at the same time. */
static void policy_is_each_vms_own(void **state)
{
	unsigned int eoi, unmask;
	struct fixture old, new;

	(void)state;
	fixture_open(&old, GSI);
	assert_int_equal(set_policy("eoi"), 0);
	fixture_open(&new, GSI);
	assert_int_equal(set_policy("hold"), 0);
	one_event(&old, &eoi, &unmask);
	assert_int_equal(eoi, 0);
	assert_int_equal(unmask, 1);
	one_event(&new, &eoi, &unmask);
	assert_int_equal(eoi, 1);
	assert_int_equal(unmask, 0);
	fixture_close(&new);
	fixture_close(&old);
}

int test_policies(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hold_resamples_once_and_interrupts_once),
		cmocka_unit_test(unmask_resample_resamples_twice_and_interrupts_once),
		cmocka_unit_test(eoi_resamples_once_and_interrupts_twice),
		cmocka_unit_test(eoi_of_another_entry_with_that_vector_resamples_nothing),
		cmocka_unit_test(unknown_policy_is_refused),
		cmocka_unit_test(counters_tell_of_each_line),
		cmocka_unit_test(trace_event_tells_of_each_decision),
		cmocka_unit_test(policy_is_each_vms_own),
	};

	return cmocka_run_group_tests_name("policies", tests, NULL, NULL);
}
