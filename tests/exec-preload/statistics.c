/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * What the library counts and says of it: as JSON, which is read here, and in words. Each VMM is a process of
 * its own, with its own settings.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm.h"

enum { EVENTS = 10, PLAIN_EVENTS = 4, HOLD_MS = 3, NAME_MAX_LENGTH = 63 };

static struct vmm vmm;

static void handle_held(void)
{
	uint32_t looks = fake_looks(vmm.vm);

	fake_assert(vmm.device[0].fd);
	guest_take(&vmm, VECTOR);
	guest_mask(&vmm, PIN);
	guest_eoi(&vmm, VECTOR);
	wait_until(vmm.chip == SPLIT || fake_looks(vmm.vm) > looks); /* the helper has seen the EOI */
	pause_ms(HOLD_MS);
	fake_quiet(vmm.device[0].fd);
	guest_unmask(&vmm, PIN);
	wait_until(!fake_look(vmm.device[0].fd).masked);
}

static void handle_events(void)
{
	for (int i = 0; i < EVENTS; i++)
		handle_held();
	for (int i = 0; i < PLAIN_EVENTS; i++)
		assert_alive(&vmm, 0);
}

/* The VMM's end is exit(), with everything open. */
static void run_split(void)
{
	vmm_open_ready(&vmm, SPLIT);
	handle_events();
}

static void run_kernel(void)
{
	vmm_open_ready(&vmm, KERNEL);
	handle_events();
}

static void run_split_and_close(void)
{
	run_split();
	vmm_close(&vmm);
}

/* Held by nobody: each EOI brings the next interrupt, until the handler has quieted the device. */
static void run_without_gate(enum chip chip)
{
	vmm_open_ready(&vmm, chip);
	for (int i = 0; i < EVENTS; i++)
		assert_left(&vmm, 0);
}

static void run_split_without_gate(void)
{
	run_without_gate(SPLIT);
}

static void run_kernel_without_gate(void)
{
	run_without_gate(KERNEL);
}

static void run_shared(void)
{
	run_split();
	vmm_add_device(&vmm, 1, PIN);
	vmm_enable_intx(&vmm, 1);
	assert_alive(&vmm, 0);
	assert_alive(&vmm, 1);
}

static void run_devices_with_names(void)
{
	char strange[] = "a \"name\"\\ with\n all\x7f";
	char longest[] = "................................................................................ten.more";
	int fd[2];

	vmm_open(&vmm, SPLIT);
	fd[0] = vmm_ioctl(&vmm, vmm.group, VFIO_GROUP_GET_DEVICE_FD, strange);
	fd[1] = vmm_ioctl(&vmm, vmm.group, VFIO_GROUP_GET_DEVICE_FD, longest);
	assert_true(fd[0] >= 0 && fd[1] >= 0);
}

static void run_nothing(void)
{
}

static void run_and_fork(void)
{
	pid_t child;
	int status;

	run_split();
	child = fork();
	if (!child)
		exit(0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	raise(SIGKILL); /* so this one writes nothing either */
}

static void run_for_long(void)
{
	run_split();
	pause_ms(1500);
	raise(SIGKILL);
}

/* The guest has its root disk where stderr was. */
static void run_with_a_disk_for_stderr(void)
{
	int disk = memfd_create("disk", MFD_CLOEXEC);
	char byte;

	run_split();
	if (dup2(disk, STDERR_FILENO) < 0)
		exit(1);
	pause_ms(1500);
	exit(pread(disk, &byte, 1, 0) != 0);
}

static json_object *read_json(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	json_tokener *tokener = json_tokener_new();
	char *text = calloc(1, (size_t)size + 1);
	json_object *root;

	assert_non_null(text);
	assert_int_equal(pread(fd, text, (size_t)size, 0), size);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	root = json_tokener_parse_ex(tokener, text, -1);
	if (!root)
		fail_msg("not JSON: %s", text);
	json_tokener_free(tokener);
	free(text);
	return root;
}

/* What the VMM leaves in the file; the caller puts it. */
static json_object *run(const char *settings, const char *part, int expected_status)
{
	int fd = memfd_create("json", 0);
	char all[128];
	json_object *root;

	assert_true(fd >= 0);
	snprintf(all, sizeof(all), "%s,json=%d", settings, fd);
	assert_int_equal(run_alone(all, part), expected_status);
	root = read_json(fd);
	assert_int_equal(close(fd), 0);
	return root;
}

static json_object *entry_of(json_object *root, const char *list, size_t index)
{
	json_object *array = json_object_object_get(root, list), *entry;

	assert_true(json_object_is_type(array, json_type_array));
	entry = json_object_array_get_idx(array, index);
	assert_true(json_object_is_type(entry, json_type_object));
	return entry;
}

static size_t count_of(json_object *root, const char *list)
{
	return json_object_array_length(json_object_object_get(root, list));
}

static int64_t number(json_object *line, const char *key)
{
	json_object *value = json_object_object_get(line, key);

	assert_true(json_object_is_type(value, json_type_int));
	return json_object_get_int64(value);
}

static const char *text(json_object *line, const char *key)
{
	json_object *value = json_object_object_get(line, key);

	assert_true(json_object_is_type(value, json_type_string));
	return json_object_get_string(value);
}

static bool flag(json_object *line, const char *key)
{
	json_object *value = json_object_object_get(line, key);

	assert_true(json_object_is_type(value, json_type_boolean));
	return json_object_get_boolean(value);
}

static bool is_null(json_object *line, const char *key)
{
	json_object *value = NULL;

	assert_true(json_object_object_get_ex(line, key, &value));
	return !value;
}

static void check_name(json_object *line, const char *chip, const char *policy)
{
	assert_string_equal(text(line, "device"), "0000:00:01.0");
	assert_int_equal(number(line, "gsi"), PIN);
	assert_string_equal(text(line, "irqchip"), chip);
	assert_string_equal(text(line, "policy"), policy);
}

static void check_held(json_object *line)
{
	assert_int_equal(number(line, "eois"), EVENTS + PLAIN_EVENTS);
	assert_int_equal(number(line, "masked_eois"), EVENTS);
	assert_int_equal(number(line, "holds"), EVENTS);
	assert_int_equal(number(line, "releases"), EVENTS);
	assert_int_equal(number(line, "saved"), EVENTS);
	assert_true(number(line, "resamples") >= EVENTS + PLAIN_EVENTS);
	assert_in_range(number(line, "hold_us_p50"), HOLD_MS * 1000, 1000000);
	assert_true(number(line, "hold_us_p50") <= number(line, "hold_us_p99"));
	assert_true(number(line, "hold_us_p99") <= number(line, "hold_us_max"));
}

/* Why: this is what an operator looks at to see whether it was worth it. */
TEST(split)
{
	json_object *root = run("policy=hold", "run_split", 0), *line = entry_of(root, "lines", 0);

	assert_int_equal(count_of(root, "lines"), 1);
	assert_int_equal(count_of(root, "left"), 0);
	check_name(line, "split", "hold");
	check_held(line);
	assert_true(flag(line, "gated"));
	assert_true(flag(line, "direct"));
	assert_true(is_null(line, "triggers"));
	assert_int_equal(number(line, "polls"), 0);
	json_object_put(root);
	assert_said_nothing();
}

TEST(in_kernel)
{
	json_object *root = run("policy=hold", "run_kernel", 0), *line = entry_of(root, "lines", 0);

	check_name(line, "kernel", "hold");
	check_held(line);
	assert_true(flag(line, "gated"));
	assert_true(is_null(line, "triggers"));
	assert_in_range(number(line, "polls"), EVENTS, EVENTS * 100);
	json_object_put(root);
	assert_said_nothing();
}

/* Why: a VMM that ends in order must not take the figures along. */
TEST(vm_closed_before_the_end)
{
	json_object *root = run("policy=hold,stats=0", "run_split_and_close", 0), *line = entry_of(root, "lines", 0);

	check_name(line, "split", "hold");
	check_held(line);
	assert_false(flag(line, "gated"));
	json_object_put(root);
	assert_said("0000:00:01.0 on GSI 16 (split irqchip, policy hold): 14 EOIs", 1);
}

TEST(in_words_at_the_end)
{
	json_object *root = run("policy=hold,stats=0", "run_split", 0);

	json_object_put(root);
	assert_said("0000:00:01.0 on GSI 16 (split irqchip, policy hold): 14 EOIs, 10 of them with the pin masked; "
		    "10 holds, 10 releases", 1);
}

/* Why: one compares with the gate off, on the same machine; then nothing is held, and everything counted. */
TEST(policy_eoi_on_split)
{
	json_object *root = run("policy=eoi", "run_split_without_gate", 0), *line = entry_of(root, "lines", 0);

	check_name(line, "split", "eoi");
	assert_int_equal(number(line, "eois"), 2 * EVENTS);
	assert_int_equal(number(line, "masked_eois"), EVENTS);
	assert_int_equal(number(line, "holds"), 0);
	assert_int_equal(number(line, "saved"), 0);
	assert_false(flag(line, "gated"));
	assert_string_equal(text(entry_of(root, "left", 0), "why"), "the policy is eoi");
	json_object_put(root);
}

TEST(policy_eoi_in_kernel)
{
	json_object *root = run("policy=eoi", "run_kernel_without_gate", 0), *line = entry_of(root, "lines", 0);

	check_name(line, "kernel", "eoi");
	assert_int_equal(number(line, "eois"), 2 * EVENTS);
	assert_int_equal(number(line, "masked_eois"), EVENTS);
	assert_int_equal(number(line, "holds"), 0);
	assert_int_equal(number(line, "saved"), 0);
	json_object_put(root);
}

/* Why: on a shared line the triggers pass through here, and are counted. */
TEST(shared)
{
	json_object *root = run("policy=hold", "run_shared", 0);

	assert_int_equal(count_of(root, "lines"), 2);
	for (size_t i = 0; i < 2; i++) {
		json_object *line = entry_of(root, "lines", i);

		assert_false(flag(line, "direct"));
		assert_int_equal(number(line, "triggers"), 1);
	}
	json_object_put(root);
}

/* Why: names come from the VMM; JSON has its own ideas of text. */
TEST(devices_with_names)
{
	json_object *root = run("policy=hold", "run_devices_with_names", 0);

	assert_int_equal(count_of(root, "left"), 2);
	assert_int_equal(strlen(text(entry_of(root, "left", 0), "device")), NAME_MAX_LENGTH);
	assert_non_null(strstr(text(entry_of(root, "left", 1), "device"), "a \"name\"\\ with"));
	assert_string_equal(text(entry_of(root, "left", 0), "why"), "INTx is not in use");
	json_object_put(root);
}

/* Why: `irqgate exec -- qemu --version` makes a file too, and a whole one. */
TEST(process_without_a_vm)
{
	json_object *root = run("policy=hold,stats=0", "run_nothing", 0);

	assert_int_equal(count_of(root, "lines"), 0);
	assert_int_equal(count_of(root, "left"), 0);
	json_object_put(root);
}

/* Why: helpers end before the VMM does; the file and stderr are not theirs. */
TEST(forked_child_writes_nothing)
{
	int fd = memfd_create("json", 0);
	char settings[64];

	snprintf(settings, sizeof(settings), "policy=hold,stats=0,json=%d", fd);
	assert_int_equal(run_alone(settings, "run_and_fork"), SIGKILL);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	assert_int_equal(close(fd), 0);
	assert_said_nothing();
}

/* Why: a VMM that is killed leaves what was last written, and that is whole. */
TEST(every_second)
{
	json_object *root = run("policy=hold,stats=1", "run_for_long", SIGKILL), *line = entry_of(root, "lines", 0);

	check_held(line);
	json_object_put(root);
	assert_said("0000:00:01.0 on GSI 16 (split irqchip, policy hold): 14 EOIs", 1);
}

/* Why: a pipe cannot be written over: it gets the last object only. */
TEST(into_a_pipe)
{
	int ends[2];
	char settings[64], text_read[4096] = "";
	json_object *root;

	assert_int_equal(pipe(ends), 0);
	snprintf(settings, sizeof(settings), "policy=hold,stats=1,json=%d", ends[1]);
	assert_int_equal(run_alone(settings, "run_split"), 0);
	assert_true(read(ends[0], text_read, sizeof(text_read) - 1) > 0);
	root = json_tokener_parse(text_read);
	check_held(entry_of(root, "lines", 0));
	json_object_put(root);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(close(ends[1]), 0);
	free(take_said());
}

/* Why: descriptor 2 is not stderr for ever. */
TEST(disk_in_place_of_stderr)
{
	assert_int_equal(run_alone("policy=hold,stats=1", "run_with_a_disk_for_stderr"), 0);
	assert_said_nothing();
}

static int tests(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(split),
		cmocka_unit_test(in_kernel),
		cmocka_unit_test(vm_closed_before_the_end),
		cmocka_unit_test(in_words_at_the_end),
		cmocka_unit_test(policy_eoi_on_split),
		cmocka_unit_test(policy_eoi_in_kernel),
		cmocka_unit_test(shared),
		cmocka_unit_test(devices_with_names),
		cmocka_unit_test(process_without_a_vm),
		cmocka_unit_test(forked_child_writes_nothing),
		cmocka_unit_test(every_second),
		cmocka_unit_test(into_a_pipe),
		cmocka_unit_test(disk_in_place_of_stderr),
	};

	return cmocka_run_group_tests_name("statistics", all, NULL, NULL);
}

int main(int argc, char **argv)
{
	const struct part parts[] = {
		{ "run_split", run_split },
		{ "run_kernel", run_kernel },
		{ "run_split_and_close", run_split_and_close },
		{ "run_split_without_gate", run_split_without_gate },
		{ "run_kernel_without_gate", run_kernel_without_gate },
		{ "run_shared", run_shared },
		{ "run_devices_with_names", run_devices_with_names },
		{ "run_nothing", run_nothing },
		{ "run_and_fork", run_and_fork },
		{ "run_for_long", run_for_long },
		{ "run_with_a_disk_for_stderr", run_with_a_disk_for_stderr },
		{ NULL, NULL },
	};

	return run_program(argc, argv, parts, tests);
}
