/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The smallest VMM that uses libirqgate: one vCPU, a page of guest, and a device that forwards a
 * level-triggered interrupt as VFIO does. The guest makes the device interrupt 1000 times, handles each as a
 * oneshot interrupt (mask, EOI, and only then quiet the device and unmask), and counts what it gets: 1000.
 * (With .policy = IRQGATE_POLICY_EOI in open_gate() it is about twice as many. Some software KVMs report an
 * EOI before the guest sends it: then it is a few more.)
 *
 *   cc -o vmm vmm.c $(pkg-config --cflags --libs irqgate) -pthread
 *
 * Threads: main runs the vCPU; loop() is the VMM's event loop, which the library needs somewhere. `lock`
 * guards the device.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <irqgate/kvm.h>

#define GSI        16
#define EVENTS     1000
#define MEMORY     0x10000
#define GUEST_AT   0x1000
#define CODE_AT    0x1018 /* behind the GDT */
#define IDT_AT     0x3000
#define PORT_RAISE 0x10 /* the device's line goes up */
#define PORT_QUIET 0x11 /* and down */
#define PORT_DONE  0x12 /* the guest has counted this many interrupts */

#define TEXT(x) #x
#define STRING(x) TEXT(x)

/*
 * The guest, in 32-bit protected mode without paging: its GDT, its code. It is copied to GUEST_AT, so it
 * names its labels from there. EBX counts interrupts, ESI the events to come; EBP is 1 from an event to its
 * handler, which does not return to what it interrupts: that only waits.
 */
#define AT(label) #label " - guest + " STRING(GUEST_AT)
#define ENTRY(low) "	movl $" #low ", 0xfec00010\n" /* the IOAPIC's window; the entry stays chosen */

__asm__(".pushsection .rodata\n"
	"	.code32\n"
	"guest:	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff\n"
	"	mov $" STRING(IDT_AT) " + 8 * 0x40, %edi\n"
	"	movl $0x00080000 + " AT(handler) ", (%edi)\n"
	"	movl $0x00008e00, 4(%edi)\n"
	"	lidt " AT(idt) "\n"
	"	movl $0x1ff, 0xfee000f0\n" /* the LAPIC is on */
	"	movl $0x10 + 2 * " STRING(GSI) ", 0xfec00000\n"
	"	xor %ebx, %ebx\n"
	"	xor %ebp, %ebp\n"
	"	mov $" STRING(EVENTS) ", %esi\n"
	"unmask:\n"
	ENTRY(0x08040) /* level-triggered, vector 0x40 */
	"	sti\n"
	"	mov $1000, %ecx\n"
	"quiet:	pause\n" /* an interrupt that nobody asked for would come now */
	"	loop quiet\n"
	"	test %esi, %esi\n"
	"	jz done\n"
	"	inc %ebp\n"
	"	out %al, $" STRING(PORT_RAISE) "\n"
	"wait:	pause\n"
	"	jmp wait\n"
	"done:	mov %ebx, %eax\n"
	"	out %eax, $" STRING(PORT_DONE) "\n"
	"handler:\n"
	"	inc %ebx\n"
	ENTRY(0x18040) /* masked */
	"	movl $0, 0xfee000b0\n" /* EOI */
	"	mov $" STRING(MEMORY) ", %esp\n"
	"	test %ebp, %ebp\n"
	"	jz unmask\n"
	"	dec %ebp\n" /* what a thread would do: quiet the device, unmask */
	"	dec %esi\n"
	"	out %al, $" STRING(PORT_QUIET) "\n"
	"	jmp unmask\n"
	"idt:	.word 8 * 0x41 - 1\n"
	"	.long " STRING(IDT_AT) "\n"
	"guest_end:\n"
	"	.code64\n"
	"	.popsection\n");

extern const unsigned char guest[], guest_end[];

static struct irqgate_kvm *gate;

/* The device and the host that forwards its line: masked from a trigger until a resample. */
static struct {
	pthread_mutex_t lock;
	bool up, masked;
	int trigger_fd, resample_fd;
	uint64_t triggers;
} device = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int die(const char *what)
{
	perror(what);
	return 1;
}

/* Caller holds lock. */
static void look_at_line(void)
{
	if (!device.up || device.masked)
		return;
	device.masked = true;
	device.triggers++;
	eventfd_write(device.trigger_fd, 1);
}

static void set_line(bool up)
{
	pthread_mutex_lock(&device.lock);
	device.up = up;
	look_at_line();
	pthread_mutex_unlock(&device.lock);
}

static void take_resample(void)
{
	eventfd_t count;

	if (eventfd_read(device.resample_fd, &count))
		return;
	pthread_mutex_lock(&device.lock);
	device.masked = false;
	look_at_line();
	pthread_mutex_unlock(&device.lock);
}

static void *loop(void *unused)
{
	struct pollfd fds[] = {
		{ .fd = irqgate_kvm_poll_fd(gate), .events = POLLIN },
		{ .fd = device.resample_fd, .events = POLLIN },
	};

	while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
		if (fds[0].revents)
			irqgate_kvm_dispatch(gate);
		if (fds[1].revents)
			take_resample();
	}
	return unused;
}

static int add_device(void)
{
	struct irqgate_forwarded forwarded = { .size = sizeof(forwarded), .name = "device" };
	irqgate_source source;

	forwarded.trigger_fd = device.trigger_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	forwarded.resample_fd = device.resample_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return irqgate_kvm_add_forwarded(gate, GSI, &forwarded, &source);
}

/* It splits the irqchip, so it comes before the first vCPU. */
static int open_gate(int vm_fd)
{
	struct irqgate_kvm_config config = { .size = sizeof(config), .vm_fd = vm_fd };

	return irqgate_kvm_open(&config, &gate);
}

static int set_memory(int vm_fd)
{
	void *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY,
						      .userspace_addr = (uintptr_t)memory };

	if (memory == MAP_FAILED)
		return -1;
	memcpy((char *)memory + GUEST_AT, guest, (size_t)(guest_end - guest));
	return ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &region);
}

static struct kvm_segment flat(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){
		.limit = UINT32_MAX, .selector = selector, .type = type, .present = 1, .db = 1, .s = 1, .g = 1
	};
}

static int set_registers(int vcpu_fd)
{
	struct kvm_regs regs = { .rip = CODE_AT, .rsp = MEMORY, .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(vcpu_fd, KVM_GET_SREGS, &sregs))
		return -1;
	sregs.gdt = (struct kvm_dtable){ .base = GUEST_AT, .limit = 3 * 8 - 1 };
	sregs.cs = flat(0x08, 0xb);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat(0x10, 0x3);
	sregs.cr0 |= 1; /* protected mode */
	return ioctl(vcpu_fd, KVM_SET_SREGS, &sregs) || ioctl(vcpu_fd, KVM_SET_REGS, &regs) ? -1 : 0;
}

/* Returns the exit status when the guest is done, else -1. */
static int handle_port(const struct kvm_run *run)
{
	uint32_t value;

	memcpy(&value, (const char *)run + run->io.data_offset, sizeof(value));
	switch (run->io.port) {
	case PORT_RAISE: set_line(true); return -1;
	case PORT_QUIET: set_line(false); return -1;
	case PORT_DONE:
		printf("%d events, %llu triggers, %u interrupts\n", EVENTS,
		       (unsigned long long)device.triggers, value);
		return value < EVENTS;
	default: return -1;
	}
}

/* Every exit is offered to the library first. */
static int run_guest(int vcpu_fd, struct kvm_run *run)
{
	int status = -1;

	while (status < 0) {
		if (ioctl(vcpu_fd, KVM_RUN, 0)) {
			if (errno != EINTR)
				return die("KVM_RUN");
			irqgate_kvm_kicked(gate, vcpu_fd);
		} else if (irqgate_kvm_exit(gate, vcpu_fd, run) == 0) {
			if (run->exit_reason != KVM_EXIT_IO)
				return fprintf(stderr, "exit reason %u\n", run->exit_reason) > 0;
			status = handle_port(run);
		}
	}
	return status;
}

int main(void)
{
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm_fd, vcpu_fd, status;
	struct kvm_run *run;
	pthread_t thread;

	vm_fd = kvm_fd < 0 ? -1 : ioctl(kvm_fd, KVM_CREATE_VM, 0);
	if (vm_fd < 0)
		return die("/dev/kvm");
	if (set_memory(vm_fd) || open_gate(vm_fd))
		return die("VM");
	vcpu_fd = ioctl(vm_fd, KVM_CREATE_VCPU, 0);
	if (vcpu_fd < 0 || set_registers(vcpu_fd))
		return die("vCPU");
	run = mmap(NULL, (size_t)ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED,
		   vcpu_fd, 0);
	if (run == MAP_FAILED || irqgate_kvm_add_vcpu(gate, vcpu_fd, run) || add_device())
		return die("gate");
	if (pthread_create(&thread, NULL, loop, NULL))
		return die("thread");
	status = run_guest(vcpu_fd, run);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	irqgate_kvm_close(gate);
	return status;
}
