/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The 8259A pair: its ports are exits, and its INTR reaches the first vCPU by KVM_INTERRUPT (KVM API 4.16),
 * for which KVM must say that the guest takes interrupts: if it does not, the interrupt window is asked for.
 * On the vCPU's thread.
 */
#include <errno.h>

#include "chip/pic.h"
#include "kvm/split.h"

/* INTR leads to one processor, the one that boots. */
#define BOOT_VCPU 0

static bool is_port(uint64_t port)
{
	switch (port) {
	case IG_PIC_MASTER_COMMAND:
	case IG_PIC_MASTER_DATA:
	case IG_PIC_SLAVE_COMMAND:
	case IG_PIC_SLAVE_DATA:
	case IG_PIC_MASTER_ELCR:
	case IG_PIC_SLAVE_ELCR:
		return true;
	default:
		return false;
	}
}

/* A call of the core for each line, and the last one. */
#define CALLS_MAX (IG_PIC_IRQS + 1)

/*
 * A trigger of a line that the access unmasks, or whose interrupt it ends, which nobody has read yet: it is older
 * than the unmask, or its device has been served.
 */
static bool read_trigger(struct irqgate_kvm *gate, const struct irqgate_pic_access *access,
			 struct irqgate_effects *effects)
{
	uint32_t gsis = irqgate_core_pic_unmasks(gate->core, access) | irqgate_core_pic_acks(gate->core, access);

	for (; gsis; gsis &= gsis - 1)
		if (ig_source_read_any(gate, (uint32_t)__builtin_ctz(gsis), effects))
			return true;
	return false;
}

/*
 * All lines under one hold of the lock: until the last one is done, INTR may be high for what is about to
 * drop.
 */
static uint32_t do_access(struct irqgate_kvm *gate, struct irqgate_pic_access *access,
			  struct irqgate_effects effects[CALLS_MAX])
{
	uint32_t calls = 1;

	while (irqgate_core_pic_access(gate->core, access, &effects[calls - 1]))
		calls++;
	for (uint32_t i = 0; i < calls; i++)
		effects[i].intr = effects[calls - 1].intr;
	return calls;
}

/*
 * The pending state that a guest reads is the devices', where their lines can be seen: one that went quiet in
 * a hold is shown so, and one that asserts before its trigger is read, too.
 */
static uint8_t show_lines(struct irqgate_kvm *gate, uint16_t shown, uint8_t value)
{
	for (uint32_t gsi = 0; gsi < IG_PIC_IRQS; gsi++) {
		uint8_t bit = (uint8_t)(1U << gsi % IG_PIC_INPUTS);
		bool known;
		int level;

		if (!(shown >> gsi & 1))
			continue;
		level = irqgate_kvm_line_level(gate, gsi);
		ig_kvm_lock(gate);
		known = irqgate_core_line_level(gate->core, gsi);
		pthread_mutex_unlock(&gate->lock);
		if (level >= 0 && level != known)
			value = level ? value | bit : (uint8_t)(value & ~bit);
	}
	return value;
}

static int access_byte(struct irqgate_kvm *gate, uint16_t port, bool write, uint8_t *value)
{
	struct irqgate_pic_access access = { .port = port, .write = write, .value = *value };
	struct irqgate_effects effects[CALLS_MAX];
	uint16_t shown;
	int error = 0;
	bool unread;

	do {
		uint32_t calls = 1;

		ig_kvm_lock(gate);
		shown = irqgate_core_pic_shows(gate->core, &access);
		unread = read_trigger(gate, &access, effects);
		if (!unread)
			calls = do_access(gate, &access, effects);
		pthread_mutex_unlock(&gate->lock);
		for (uint32_t i = 0; i < calls; i++) {
			int failed = ig_effects_run(gate, &effects[i]);

			if (failed < 0)
				error = failed;
		}
	} while (unread);
	*value = shown ? show_lines(gate, shown, access.value) : access.value;
	return error;
}

int ig_legacy_io(struct irqgate_kvm *gate, struct kvm_run *run)
{
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	int error = 0;

	if (!gate->config.pic || !is_port(run->io.port))
		return 0;
	/* A wider access goes to the ports one after another, a repeated one to the same again. */
	for (uint32_t i = 0; i < run->io.count * run->io.size; i++) {
		int failed = access_byte(gate, (uint16_t)(run->io.port + i % run->io.size),
					 run->io.direction == KVM_EXIT_IO_OUT, &data[i]);

		if (failed < 0)
			error = failed;
	}
	return error < 0 ? error : 1;
}

void ig_legacy_kick(struct irqgate_kvm *gate, bool intr)
{
	const struct irqgate_kvm_callbacks *callbacks = &gate->config.callbacks;

	if (!intr || atomic_exchange(&gate->intr_known, true) || !gate->vcpus || !callbacks->kick)
		return;
	/* That thread looks before it enters the guest. */
	if (!pthread_equal(pthread_self(), atomic_load(&gate->boot_thread)))
		callbacks->kick(callbacks->opaque, gate->vcpu[BOOT_VCPU].fd);
}

/*
 * Injects the vector that INTR stands for. What its ack asks for may make INTR rise again, on this very
 * thread.
 */
static int inject(struct irqgate_kvm *gate, int vcpu_fd, struct kvm_run *run)
{
	struct kvm_interrupt interrupt;
	struct irqgate_effects effects;
	int vector, error;

	ig_kvm_lock(gate);
	vector = irqgate_core_pic_acknowledge(gate->core, &effects);
	pthread_mutex_unlock(&gate->lock);
	if (vector < 0)
		return 0;
	interrupt.irq = (uint32_t)vector;
	error = ig_ioctl(vcpu_fd, KVM_INTERRUPT, &interrupt);
	run->ready_for_interrupt_injection = 0; /* until KVM says so again */
	ig_effects_run(gate, &effects);
	return error < 0 ? error : 0;
}

int irqgate_kvm_entry(struct irqgate_kvm *gate, int vcpu_fd, struct kvm_run *run)
{
	int error = 0;

	if (!gate->config.pic || !gate->vcpus || gate->vcpu[BOOT_VCPU].fd != vcpu_fd)
		return 0;
	atomic_store(&gate->boot_thread, pthread_self());
	if (run->ready_for_interrupt_injection)
		error = inject(gate, vcpu_fd, run);
	pthread_mutex_lock(&gate->lock);
	run->request_interrupt_window = irqgate_core_pic_intr(gate->core);
	atomic_store(&gate->intr_known, run->request_interrupt_window);
	pthread_mutex_unlock(&gate->lock);
	return error;
}
