/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The adapter's 8259 pair with a real-mode guest on /dev/kvm: KVM_INTERRUPT, the interrupt window, the kick.
 * The guest runs on a thread of its own, as a VMM has it; the test's thread is the device. All waits are
 * bounded.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "chip/pic.h"
#include "vm.h"

/*
 * The guest. It sets up the pair and the vector of IRQ 5, enables interrupts when it has written "ready", and
 * spins. The handler is Linux's flow for a level: mask, EOI, then quiet the device, then unmask. Ports: 0xe0
 * ready, 0xe1 the handler has begun, 0xe2 quiet the device.
 */
__asm__(
	".pushsection .rodata\n"
	".code16\n"
	".globl guest_start, guest_end\n"
	"guest_start:\n"
	"	xor %ax, %ax\n"
	"	mov %ax, %ds\n"
	"	mov %ax, %ss\n"
	"	mov $0x800, %sp\n"
	"	movw $(handler - guest_start + 0x1000), 4 * 0x25\n" /* IRQ 5 */
	"	movw %ax, 4 * 0x25 + 2\n"
	"	mov $0x11, %al\n" /* ICW1: ICW4 follows */
	"	out %al, $0x20\n"
	"	mov $0x20, %al\n" /* ICW2 */
	"	out %al, $0x21\n"
	"	mov $0x04, %al\n" /* ICW3 */
	"	out %al, $0x21\n"
	"	mov $0x01, %al\n" /* ICW4 */
	"	out %al, $0x21\n"
	"	mov $0x20, %al\n" /* ELCR: IRQ 5 is a level */
	"	mov $0x4d0, %dx\n"
	"	out %al, %dx\n"
	"	mov $0xdf, %al\n" /* unmask it */
	"	out %al, $0x21\n"
	"	out %al, $0xe0\n"
	"	sti\n"
	"1:	pause\n"
	"	jmp 1b\n"
	"handler:\n"
	"	out %al, $0xe1\n"
	"	mov $0xff, %al\n"
	"	out %al, $0x21\n"
	"	mov $0x20, %al\n"
	"	out %al, $0x20\n"
	"	out %al, $0xe2\n"
	"	mov $0xdf, %al\n"
	"	out %al, $0x21\n"
	"	iret\n"
	"guest_end:\n"
	".code64\n"
	".popsection\n");
extern const char guest_start[], guest_end[];

enum { CODE = 0x1000, MEMORY = 0x4000, IRQ = 5, VECTOR = 0x25, SECONDS = 20 };
enum { PORT_READY = 0xe0, PORT_HANDLER = 0xe1, PORT_QUIET = 0xe2 };

struct machine {
	struct test_vm *vm;
	void *memory;
	pthread_t thread;
	_Atomic bool stopping;
	_Atomic int error;          /* of the vCPU's thread: then it has ended */
	_Atomic unsigned int handlers, windows, kicked;
	struct test_source source;
	irqgate_source wire;
	_Atomic bool asserts;       /* the device behind the source */
	uint64_t resamples;
	int ready;                  /* eventfd: the guest enables interrupts next */
	int idle;                   /* eventfd: the handler has quieted the device */
};

static struct machine *machine; /* for the callback of the kick */

static void ignore_signal(int signal)
{
	(void)signal;
}

static void kick(void)
{
	machine->kicked++;
	__atomic_store_n(&machine->vm->run[0]->immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(machine->thread, SIGUSR1);
}

static void quiet(struct machine *m)
{
	m->asserts = false;
	if (m->wire)
		irqgate_kvm_set_level(m->vm->gate, m->wire, false);
	eventfd_write(m->idle, 1);
}

/* What is not the adapter's. */
static int handle(struct machine *m, const struct kvm_run *run)
{
	if (run->exit_reason != KVM_EXIT_IO)
		return -EIO;
	switch (run->io.port) {
	case PORT_READY: return eventfd_write(m->ready, 1);
	case PORT_HANDLER: m->handlers++; return 0;
	case PORT_QUIET: quiet(m); return 0;
	default: return -EIO;
	}
}

static int step(struct machine *m)
{
	struct test_vm *vm = m->vm;
	struct kvm_run *run = vm->run[0];
	int result = irqgate_kvm_entry(vm->gate, vm->vcpu_fd[0], run);

	if (result)
		return result;
	if (ioctl(vm->vcpu_fd[0], KVM_RUN, 0)) {
		__atomic_store_n(&run->immediate_exit, 0, __ATOMIC_SEQ_CST);
		irqgate_kvm_kicked(vm->gate, vm->vcpu_fd[0]);
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	}
	m->windows += run->exit_reason == KVM_EXIT_IRQ_WINDOW_OPEN;
	result = irqgate_kvm_exit(vm->gate, vm->vcpu_fd[0], run);
	return result ? result < 0 ? result : 0 : handle(m, run);
}

static void *run_vcpu(void *opaque)
{
	struct machine *m = opaque;

	while (!m->stopping && !m->error)
		m->error = step(m);
	return NULL;
}

static void load_guest(struct machine *m)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY };
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
	struct kvm_sregs sregs;

	m->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(m->memory, MAP_FAILED);
	memcpy((char *)m->memory + CODE, guest_start, (size_t)(guest_end - guest_start));
	region.userspace_addr = (uintptr_t)m->memory;
	assert_int_equal(ioctl(m->vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region), 0);
	assert_int_equal(ioctl(m->vm->vcpu_fd[0], KVM_GET_SREGS, &sregs), 0);
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	assert_int_equal(ioctl(m->vm->vcpu_fd[0], KVM_SET_SREGS, &sregs), 0);
	assert_int_equal(ioctl(m->vm->vcpu_fd[0], KVM_SET_REGS, &regs), 0);
}

static void wait_for(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	eventfd_t count;

	assert_int_equal(poll(&poll_fd, 1, SECONDS * 1000), 1);
	assert_int_equal(eventfd_read(fd, &count), 0);
}

/* A machine whose guest is not started yet. */
static void machine_open(struct machine *m, unsigned int flags)
{
	struct sigaction action = { .sa_handler = ignore_signal };

	*m = (struct machine){ .vm = vm_open(1, TEST_PIC | flags), .source = { .level = -1 } };
	machine = m;
	sigaction(SIGUSR1, &action, NULL);
	m->ready = eventfd(0, EFD_CLOEXEC);
	m->idle = eventfd(0, EFD_CLOEXEC);
	m->vm->kick = kick;
	load_guest(m);
}

static void machine_start(struct machine *m)
{
	assert_int_equal(pthread_create(&m->thread, NULL, run_vcpu, m), 0);
	wait_for(m->ready);
}

static void machine_close(struct machine *m)
{
	m->stopping = true;
	kick();
	pthread_join(m->thread, NULL);
	assert_int_equal(m->error, 0);
	vm_close(m->vm);
	munmap(m->memory, MEMORY);
	close(m->idle);
	close(m->ready);
}

/* Whether a descriptor becomes readable within that time. */
static bool comes(int fd, int milliseconds)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, milliseconds) == 1;
}

static void spinning_guest_is_kicked_and_takes_the_interrupt(void **state)
{
	struct machine m;

	(void)state;
	machine_open(&m, 0);
	assert_int_equal(irqgate_kvm_add_wire(m.vm->gate, IRQ, "wire", &m.wire), 0);
	machine_start(&m);
	for (unsigned int event = 1; event <= 20; event++) {
		assert_int_equal(irqgate_kvm_set_level(m.vm->gate, m.wire, true), 0);
		wait_for(m.idle);
		assert_int_equal(m.handlers, event);
	}
	assert_false(comes(m.idle, 20));
	assert_true(m.kicked > 0);
	machine_close(&m);
}

/* The line is high before the guest enables interrupts: KVM says when it does. */
static void interrupt_waits_for_the_window(void **state)
{
	struct machine m;

	(void)state;
	machine_open(&m, 0);
	assert_int_equal(irqgate_kvm_add_wire(m.vm->gate, IRQ, "wire", &m.wire), 0);
	assert_int_equal(irqgate_kvm_set_level(m.vm->gate, m.wire, true), 0);
	machine_start(&m);
	wait_for(m.idle);
	assert_false(comes(m.idle, 20));
	assert_int_equal(m.handlers, 1);
	assert_true(m.windows > 0);
	machine_close(&m);
}

/* The VMM's loop, once. The device triggers when it is listened to and asserts. */
static void turn(struct machine *m)
{
	uint64_t resamples = source_resamples(&m->source);

	m->resamples += resamples;
	if (resamples && m->asserts)
		source_trigger(&m->source);
	assert_int_equal(irqgate_kvm_dispatch(m->vm->gate), 0);
}

/* The device asserts, and the loop runs until the guest has quieted it and unmasked. */
static void live_through_event(struct machine *m)
{
	uint64_t resamples = m->resamples;

	m->asserts = true;
	source_trigger(&m->source);
	for (int i = 0; i < SECONDS * 1000 && (m->asserts || m->resamples == resamples); i++) {
		turn(m);
		comes(m->asserts ? m->idle : m->source.forwarded.resample_fd, 1);
	}
	wait_for(m->idle);
}

/* Each of them is EOI'd while it is masked: without the gate there were two triggers for each. */
static void forwarded_level_comes_exactly_once(void **state)
{
	struct irqgate_source_stats stats;
	struct machine m;

	(void)state;
	machine_open(&m, 0);
	source_open(m.vm, &m.source, IRQ);
	machine_start(&m);
	source_resamples(&m.source);
	for (unsigned int i = 1; i <= 50; i++) {
		live_through_event(&m);
		assert_int_equal(m.handlers, i);
		assert_int_equal(m.resamples, i);
	}
	assert_false(comes(m.idle, 20));
	assert_int_equal(irqgate_kvm_source_stats(m.vm->gate, m.source.handle, &stats), 0);
	assert_int_equal(stats.triggers, 50);
	assert_int_equal(stats.holds, 50);
	assert_int_equal(stats.resamples, 50);
	source_close(m.vm, &m.source);
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spinning_guest_is_kicked_and_takes_the_interrupt),
		cmocka_unit_test(interrupt_waits_for_the_window),
		cmocka_unit_test(forwarded_level_comes_exactly_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
