/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A VM that moves between KVM's own irqchip and a split one, and back: registers, LAPIC and chips, at any point of an
 * interrupt. Its guest is played by the test, access by access (kernel-gate/guest.S). With KVM's own irqchip the test is
 * a VMM that keeps a resample back until the guest unmasks, so that a move is all that could make one interrupt two. One
 * thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../kernel-gate/vm.h" /* the guest's operations */

#include <irqgate/irqchip.h>
#include <irqgate/pit.h>

#define MEMORY 0x10000U
#define GDT    0x1000U
#define IDT    0x2000U
#define CODE   0x4000U
#define STACK  0xf000U
#define CODE_SELECTOR 0x08
#define DATA_SELECTOR 0x10

/* 32-bit flat, present, ring 0: Intel SDM 3, 3.4.5; an interrupt gate: 6.11. */
#define CODE_DESCRIPTOR 0x00cf9b000000ffffULL
#define DATA_DESCRIPTOR 0x00cf93000000ffffULL
#define INTERRUPT_GATE  0x8e00U

/* 82093AA, 3.0; Intel SDM 3, 11.4.1; 8259A. */
#define IOAPIC         0xfec00000U
#define IOAPIC_WINDOW  0xfec00010U
#define IOAPIC_REDTBL  0x10U
#define LAPIC_EOI      0xfee000b0U
#define LAPIC_SVR      0xfee000f0U
#define LAPIC_SVR_ON   0x1ffU
#define LAPIC_LVT0     0xfee00350U
#define LAPIC_EXTINT   0x700U
#define LEVEL          0x8000U
#define MASKED         0x10000U
#define PIC_MASTER     0x20U
#define PIC_SLAVE      0xa0U
#define PIC_BASE       0x40
#define PIC_CASCADE    2
#define PIC_EOI        0x60
#define PIC_INPUTS     8U

enum { PIN = 16, VECTOR = 0x71, IRQ = 11, PIC_IRQ_VECTOR = PIC_BASE + IRQ, WAIT_MICROSECONDS = 20000 };

extern const uint8_t guest_code[], guest_stubs[], guest_code_end[];

/* The device and the host's part of its interrupt: masked at each trigger, until it is resampled. */
struct device {
	uint32_t gsi;
	int trigger, resample;
	bool asserts, masked;
	unsigned int triggers;
};

struct world {
	int kvm_fd, vm_fd, vcpu_fd;
	struct kvm_run *run;
	struct irqgate_kvm *gate; /* NULL: KVM's own irqchip */
	uint8_t *memory;
	struct device device;
	bool kept;                /* a resample of KVM's, which waits for the unmask */
	bool pic;                 /* the guest uses the 8259s */
	uint32_t mask;            /* of the pin or IRQ, as the guest wrote it last */
	int pending_in;
	uint32_t result;
	unsigned int taken[256];
};

static void device_trigger(struct device *device)
{
	device->masked = true;
	device->triggers++;
	assert_int_equal(eventfd_write(device->trigger, 1), 0);
}

static void device_raise(struct device *device)
{
	device->asserts = true;
	if (!device->masked)
		device_trigger(device);
}

static void device_resample(struct device *device)
{
	device->masked = false;
	if (device->asserts)
		device_trigger(device);
}

/* Lets the host do what it has to. With KVM's own irqchip a resample is kept back while the guest has it masked. */
static void host(struct world *w)
{
	eventfd_t count;

	usleep(WAIT_MICROSECONDS); /* KVM's workers */
	if (!eventfd_read(w->device.resample, &count))
		w->kept = true;
	if (w->kept && (w->gate || !w->mask)) {
		w->kept = false;
		device_resample(&w->device);
		usleep(WAIT_MICROSECONDS);
	}
	if (w->gate)
		assert_int_equal(irqgate_kvm_dispatch(w->gate), 0);
}

/* The vCPU. */

static void run_once(struct world *w)
{
	uint32_t value;

	if (w->gate)
		assert_int_equal(irqgate_kvm_entry(w->gate, w->vcpu_fd, w->run), 0);
	assert_true(ioctl(w->vcpu_fd, KVM_RUN, 0) == 0 || errno == EINTR || errno == EAGAIN);
	if (w->gate && irqgate_kvm_exit(w->gate, w->vcpu_fd, w->run) == 1)
		return;
	assert_int_equal(w->run->exit_reason, KVM_EXIT_IO);
	memcpy(&value, (uint8_t *)w->run + w->run->io.data_offset, sizeof(value));
	if (w->run->io.direction == KVM_EXIT_IO_IN)
		w->pending_in = w->run->io.port;
	else if (w->run->io.port == PORT_VECTOR)
		w->taken[value & 0xff]++;
	else
		w->result = value;
}

static void run_until_asked(struct world *w)
{
	while (!w->pending_in)
		run_once(w);
}

static void answer(struct world *w, int port, uint32_t value)
{
	run_until_asked(w);
	assert_int_equal(w->pending_in, port);
	memcpy((uint8_t *)w->run + w->run->io.data_offset, &value, sizeof(value));
	w->pending_in = 0;
}

static void command(struct world *w, uint32_t operation, uint32_t address, uint32_t value)
{
	answer(w, PORT_OPERATION, operation);
	answer(w, PORT_ADDRESS, address);
	answer(w, PORT_VALUE, value);
	run_until_asked(w);
}

static void write_rte(struct world *w, uint32_t low)
{
	command(w, GUEST_WRITE, IOAPIC, IOAPIC_REDTBL + 2 * w->device.gsi);
	command(w, GUEST_WRITE, IOAPIC_WINDOW, low);
}

static void out(struct world *w, uint32_t port, uint32_t value)
{
	command(w, GUEST_OUT, port, value);
}

/* The guest. */

static void guest_mask(struct world *w, bool masked)
{
	w->mask = masked;
	if (w->pic)
		out(w, PIC_SLAVE + 1, masked ? 0xff : (uint8_t)~(1U << IRQ % PIC_INPUTS));
	else
		write_rte(w, LEVEL | VECTOR | (masked ? MASKED : 0));
	host(w);
}

static void guest_end(struct world *w)
{
	if (w->pic) {
		out(w, PIC_SLAVE, PIC_EOI | IRQ % PIC_INPUTS);
		out(w, PIC_MASTER, PIC_EOI | PIC_CASCADE);
	} else {
		command(w, GUEST_WRITE, LAPIC_EOI, 0);
	}
	host(w);
}

/* Opens a window for interrupts. Returns how many have come since the start. */
static unsigned int guest_taken(struct world *w)
{
	host(w);
	command(w, GUEST_LOOK, 0, 0);
	return w->taken[w->pic ? PIC_IRQ_VECTOR : VECTOR];
}

static void start_pic(struct world *w)
{
	for (uint32_t first = 0; first <= PIC_INPUTS; first += PIC_INPUTS) {
		uint32_t chip = first ? PIC_SLAVE : PIC_MASTER;

		out(w, chip, 0x11);
		out(w, chip + 1, PIC_BASE + first);
		out(w, chip + 1, first ? PIC_CASCADE : 1U << PIC_CASCADE);
		out(w, chip + 1, 1);
		out(w, chip + 1, first ? 0xff : (uint8_t)~(1U << PIC_CASCADE));
	}
	out(w, 0x4d1, 1U << IRQ % PIC_INPUTS);
	command(w, GUEST_WRITE, LAPIC_LVT0, LAPIC_EXTINT);
}

/* VMs. */

static struct kvm_segment flat(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){
		.limit = UINT32_MAX, .selector = selector, .type = type, .present = 1, .db = 1, .s = 1, .g = 1,
	};
}

static void set_registers(struct world *w)
{
	struct kvm_regs regs = { .rip = CODE, .rsp = STACK, .rflags = 2 };
	struct kvm_sregs sregs;

	assert_int_equal(ioctl(w->vcpu_fd, KVM_GET_SREGS, &sregs), 0);
	sregs.cs = flat(CODE_SELECTOR, 0xb);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat(DATA_SELECTOR, 3);
	sregs.cr0 |= 1;
	sregs.gdt = (struct kvm_dtable){ .base = GDT, .limit = 0x17 };
	sregs.idt = (struct kvm_dtable){ .base = IDT, .limit = 0x7ff };
	assert_int_equal(ioctl(w->vcpu_fd, KVM_SET_SREGS, &sregs), 0);
	assert_int_equal(ioctl(w->vcpu_fd, KVM_SET_REGS, &regs), 0);
}

static void load_guest(struct world *w)
{
	const uint64_t gdt[] = { 0, CODE_DESCRIPTOR, DATA_DESCRIPTOR };
	uint32_t stubs = CODE + (uint32_t)(guest_stubs - guest_code);

	w->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(w->memory, MAP_FAILED);
	memcpy(w->memory + GDT, gdt, sizeof(gdt));
	memcpy(w->memory + CODE, guest_code, (size_t)(guest_code_end - guest_code));
	for (uint32_t vector = 0; vector < 256; vector++) {
		uint32_t stub = stubs + vector * GUEST_STUB;
		const uint16_t gate[] = { (uint16_t)stub, CODE_SELECTOR, INTERRUPT_GATE, (uint16_t)(stub >> 16) };

		memcpy(w->memory + IDT + vector * sizeof(gate), gate, sizeof(gate));
	}
}

static void open_split(struct world *w)
{
	struct irqgate_kvm_config config = {
		.size = sizeof(config), .vm_fd = w->vm_fd, .pic = true, .chips = 1,
		.chip = { { .chip = { .pins = 24, .version = IRQGATE_IOAPIC_VERSION_11 },
			    .base = IRQGATE_KVM_IOAPIC_BASE } },
	};

	assert_int_equal(irqgate_kvm_open(&config, &w->gate), 0);
}

static void open_vm(struct world *w, bool split)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY, .userspace_addr = (uintptr_t)w->memory };
	size_t run_size = (size_t)ioctl(w->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	w->vm_fd = ioctl(w->kvm_fd, KVM_CREATE_VM, 0);
	assert_true(w->vm_fd >= 0);
	w->gate = NULL;
	if (split)
		open_split(w);
	else
		assert_int_equal(ioctl(w->vm_fd, KVM_CREATE_IRQCHIP), 0);
	assert_int_equal(ioctl(w->vm_fd, KVM_SET_USER_MEMORY_REGION, &region), 0);
	w->vcpu_fd = ioctl(w->vm_fd, KVM_CREATE_VCPU, 0UL);
	assert_true(w->vcpu_fd >= 0);
	w->run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, w->vcpu_fd, 0);
	assert_ptr_not_equal(w->run, MAP_FAILED);
	if (split)
		assert_int_equal(irqgate_kvm_add_vcpu(w->gate, w->vcpu_fd, w->run), 0);
}

static int silence(void *opaque)
{
	struct device *device = opaque;

	device->masked = true;
	return 0;
}

static void plug(struct world *w)
{
	struct irqgate_forwarded forwarded = {
		.size = sizeof(forwarded), .name = "device", .trigger_fd = w->device.trigger,
		.resample_fd = w->device.resample, .silence = silence, .opaque = &w->device,
	};
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)w->device.trigger, .gsi = w->device.gsi, .flags = KVM_IRQFD_FLAG_RESAMPLE,
		.resamplefd = (uint32_t)w->device.resample,
	};
	irqgate_source source;

	if (w->gate)
		assert_int_equal(irqgate_kvm_add_forwarded(w->gate, w->device.gsi, &forwarded, &source), 0);
	else
		assert_int_equal(ioctl(w->vm_fd, KVM_IRQFD, &irqfd), 0);
}

static void unplug(struct world *w)
{
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)w->device.trigger, .gsi = w->device.gsi, .flags = KVM_IRQFD_FLAG_DEASSIGN,
	};

	if (!w->gate)
		assert_int_equal(ioctl(w->vm_fd, KVM_IRQFD, &irqfd), 0);
}

static void close_vm(struct world *w)
{
	unplug(w);
	irqgate_kvm_close(w->gate);
	munmap(w->run, (size_t)ioctl(w->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0));
	close(w->vcpu_fd);
	close(w->vm_fd);
}

static void open_world(struct world *w, bool pic)
{
	*w = (struct world){ .kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC), .pic = pic, .mask = 1 };
	assert_true(w->kvm_fd >= 0);
	w->device = (struct device){
		.gsi = pic ? IRQ : PIN,
		.trigger = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.resample = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	load_guest(w);
	open_vm(w, false);
	set_registers(w);
	plug(w);
	command(w, GUEST_WRITE, LAPIC_SVR, LAPIC_SVR_ON);
	if (pic)
		start_pic(w);
	guest_mask(w, false);
}

static void close_world(struct world *w)
{
	close_vm(w);
	munmap(w->memory, MEMORY);
	close(w->device.resample);
	close(w->device.trigger);
	close(w->kvm_fd);
}

/* A move. */

static const uint32_t chip_ids[] = { KVM_IRQCHIP_PIC_MASTER, KVM_IRQCHIP_PIC_SLAVE, KVM_IRQCHIP_IOAPIC };

static void get_chips(struct world *w, struct irqgate_irqchip *chips)
{
	struct kvm_irqchip chip;

	chips->size = sizeof(*chips);
	if (w->gate) {
		assert_int_equal(irqgate_kvm_get_irqchip(w->gate, chips), 0);
		return;
	}
	for (int i = 0; i < KVM_NR_IRQCHIPS; i++) {
		chip.chip_id = chip_ids[i];
		assert_int_equal(ioctl(w->vm_fd, KVM_GET_IRQCHIP, &chip), 0);
		switch (chip.chip_id) {
		case KVM_IRQCHIP_PIC_MASTER: chips->master = chip.chip.pic; break;
		case KVM_IRQCHIP_PIC_SLAVE: chips->slave = chip.chip.pic; break;
		default: chips->ioapic = chip.chip.ioapic; break;
		}
	}
}

static void set_chips(struct world *w, const struct irqgate_irqchip *chips)
{
	struct kvm_irqchip chip;

	if (w->gate) {
		assert_int_equal(irqgate_kvm_set_irqchip(w->gate, chips), 0);
		return;
	}
	for (int i = 0; i < KVM_NR_IRQCHIPS; i++) {
		chip.chip_id = chip_ids[i];
		switch (chip.chip_id) {
		case KVM_IRQCHIP_PIC_MASTER: chip.chip.pic = chips->master; break;
		case KVM_IRQCHIP_PIC_SLAVE: chip.chip.pic = chips->slave; break;
		default: chip.chip.ioapic = chips->ioapic; break;
		}
		assert_int_equal(ioctl(w->vm_fd, KVM_SET_IRQCHIP, &chip), 0);
	}
}

struct processor {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_lapic_state lapic;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp;
};

static void get_processor(int fd, struct processor *p)
{
	assert_int_equal(ioctl(fd, KVM_GET_REGS, &p->regs), 0);
	assert_int_equal(ioctl(fd, KVM_GET_SREGS, &p->sregs), 0);
	assert_int_equal(ioctl(fd, KVM_GET_LAPIC, &p->lapic), 0);
	assert_int_equal(ioctl(fd, KVM_GET_VCPU_EVENTS, &p->events), 0);
	assert_int_equal(ioctl(fd, KVM_GET_MP_STATE, &p->mp), 0);
}

static void set_processor(int fd, struct processor *p)
{
	assert_int_equal(ioctl(fd, KVM_SET_SREGS, &p->sregs), 0);
	assert_int_equal(ioctl(fd, KVM_SET_REGS, &p->regs), 0);
	assert_int_equal(ioctl(fd, KVM_SET_LAPIC, &p->lapic), 0);
	assert_int_equal(ioctl(fd, KVM_SET_VCPU_EVENTS, &p->events), 0);
	assert_int_equal(ioctl(fd, KVM_SET_MP_STATE, &p->mp), 0);
}

/* What the guest waits for is finished first: it is told to read something, and will ask for the rest in the other VM. */
static void finish_access(struct world *w)
{
	answer(w, PORT_OPERATION, GUEST_READ);
	w->run->immediate_exit = 1;
	assert_int_equal(ioctl(w->vcpu_fd, KVM_RUN, 0), -1);
	assert_int_equal(errno, EINTR);
	w->run->immediate_exit = 0;
}

static void move(struct world *w)
{
	struct irqgate_irqchip chips = { .size = sizeof(chips) };
	struct processor processor;
	bool split = !w->gate;

	host(w);
	finish_access(w);
	get_chips(w, &chips);
	get_processor(w->vcpu_fd, &processor);
	close_vm(w);
	open_vm(w, split);
	set_processor(w->vcpu_fd, &processor);
	if (!split) {
		set_chips(w, &chips);
		plug(w);
		w->kept = true; /* a device that still asserts is to tell, once the guest listens */
	} else {
		plug(w);
		set_chips(w, &chips);
	}
	host(w);
	answer(w, PORT_ADDRESS, 0);
	answer(w, PORT_VALUE, 0);
	run_until_asked(w);
}

/* One event in the oneshot way; where says at which of its points the VM moves. */
enum point { BEFORE, REQUESTED, TAKEN, MASKED_IN_SERVICE, HELD, QUIET, AFTER, POINTS };

static void pass(struct world *w, enum point point, enum point where)
{
	if (point == where)
		move(w);
}

static void live_through_event(struct world *w, enum point where)
{
	unsigned int before = w->taken[w->pic ? PIC_IRQ_VECTOR : VECTOR];

	pass(w, BEFORE, where);
	device_raise(&w->device);
	host(w);
	pass(w, REQUESTED, where);
	assert_int_equal(guest_taken(w), before + 1);
	pass(w, TAKEN, where);
	guest_mask(w, true);
	pass(w, MASKED_IN_SERVICE, where);
	guest_end(w);
	pass(w, HELD, where);
	assert_int_equal(guest_taken(w), before + 1);
	w->device.asserts = false;
	pass(w, QUIET, where);
	guest_mask(w, false);
	pass(w, AFTER, where);
	assert_int_equal(guest_taken(w), before + 1);
	assert_false(w->device.masked);
}

/* There and back at each point, with an event in between that nothing disturbs. */
static void live(bool pic)
{
	struct world w;

	open_world(&w, pic);
	for (int point = 0; point < POINTS; point++) {
		live_through_event(&w, (enum point)point);
		assert_non_null(w.gate);
		live_through_event(&w, POINTS);
		live_through_event(&w, (enum point)point);
		assert_null(w.gate);
	}
	close_world(&w);
}

static void moved_at_any_point_of_an_interrupt_it_comes_exactly_once(void **state)
{
	(void)state;
	live(false);
}

static void moved_at_any_point_of_an_interrupt_of_the_8259s_it_comes_exactly_once(void **state)
{
	(void)state;
	live(true);
}

/* Whatever KVM has of a chip, it has again after it was there and back. */
static void chips_are_the_same_there_and_back(void **state)
{
	struct irqgate_irqchip first = { .size = sizeof(first) }, second = first;
	struct world w;

	(void)state;
	open_world(&w, true);
	command(&w, GUEST_WRITE, IOAPIC, IOAPIC_REDTBL + 2 * PIN);
	command(&w, GUEST_WRITE, IOAPIC_WINDOW, LEVEL | VECTOR);
	out(&w, PIC_MASTER, 0xc3); /* OCW2: set priority */
	out(&w, PIC_MASTER, 0x0b); /* OCW3: the ISR is to be read */
	get_chips(&w, &first);
	move(&w);
	move(&w);
	get_chips(&w, &second);
	assert_memory_equal(&first.ioapic, &second.ioapic, sizeof(first.ioapic));
	assert_memory_equal(&first.master, &second.master, sizeof(first.master));
	assert_memory_equal(&first.slave, &second.slave, sizeof(first.slave));
	close_world(&w);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* But for the time at which a count was loaded, which KVM sets anew, and a lower byte that KVM keeps after its use. */
static void forget(struct kvm_pit_channel_state *channel)
{
	enum { UPPER_BYTE_IS_NEXT = 4 };

	channel->count_load_time = 0;
	if (channel->write_state != UPPER_BYTE_IS_NEXT)
		channel->write_latch = 0;
}

static void assert_same_channels(struct kvm_pit_state2 a, struct kvm_pit_state2 b)
{
	for (int i = 0; i < 3; i++) {
		forget(&a.channels[i]);
		forget(&b.channels[i]);
	}
	assert_memory_equal(a.channels, b.channels, sizeof(a.channels));
	assert_int_equal(a.flags, b.flags);
}

enum { SQUARE_WAVE = 0x8000, SQUARE_WAVE_NS = (int64_t)SQUARE_WAVE * 1000000000 / 1193182 };

/* How far apart the waves of counter 2 are. When counter 0 was loaded KVM does not tell. */
static int64_t phase_between(const struct kvm_pit_state2 *a, const struct kvm_pit_state2 *b)
{
	int64_t apart = llabs(a->channels[2].count_load_time - b->channels[2].count_load_time) % SQUARE_WAVE_NS;

	return apart < SQUARE_WAVE_NS - apart ? apart : SQUARE_WAVE_NS - apart;
}

/* Programmed by the guest in KVM, in the middle of a count that is written, and of one that is read. */
static void pit_is_the_same_there_and_back(void **state)
{
	struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY }; /* port 0x61 */
	struct kvm_pit_state2 first, second, third;
	struct irqgate_pit *pit = irqgate_pit_init(malloc(irqgate_pit_size()), IRQGATE_PIT_REINJECT, 0);
	struct world w;
	uint64_t at;

	(void)state;
	open_world(&w, false);
	assert_int_equal(ioctl(w.vm_fd, KVM_CREATE_PIT2, &config), 0);
	out(&w, 0x43, 0x34); /* counter 0: both bytes, mode 2 */
	out(&w, 0x40, 0x9c);
	out(&w, 0x40, 0x2e); /* 10 ms */
	out(&w, 0x43, 0xb6); /* counter 2: both bytes, mode 3 */
	out(&w, 0x42, SQUARE_WAVE & 0xff);
	out(&w, 0x42, SQUARE_WAVE >> 8);
	out(&w, 0x61, 0x03);
	out(&w, 0x43, 0x80); /* latch it */
	command(&w, GUEST_IN, 0x42, 0);
	out(&w, 0x42, 0x77); /* and the lower byte of the next count */
	assert_int_equal(ioctl(w.vm_fd, KVM_GET_PIT2, &first), 0);
	at = now();
	assert_int_equal(irqgate_pit_set_kvm(pit, &first, at, 0), 0);
	assert_true(irqgate_pit_next(pit) <= 10100000); /* the guest's tick, at its time of 10 ms */
	irqgate_pit_get_kvm(pit, &second, at, 0);
	assert_same_channels(first, second);
	assert_true(phase_between(&first, &second) < SQUARE_WAVE_NS / 100);
	assert_int_equal(ioctl(w.vm_fd, KVM_SET_PIT2, &second), 0);
	assert_int_equal(ioctl(w.vm_fd, KVM_GET_PIT2, &third), 0);
	assert_same_channels(first, third);
	free(pit);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moved_at_any_point_of_an_interrupt_it_comes_exactly_once),
		cmocka_unit_test(moved_at_any_point_of_an_interrupt_of_the_8259s_it_comes_exactly_once),
		cmocka_unit_test(chips_are_the_same_there_and_back),
		cmocka_unit_test(pit_is_the_same_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
