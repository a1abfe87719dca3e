// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate of forwarded level-triggered interrupts; see kvm_resample.h.
 *
 * Locks: the list of resamplers is read under irq_srcu and changed under resampler_lock. The state of a resampler
 * is bits, changed by atomic operations: LEVEL goes from 1 to 0 only by drop(). No lock is taken here but those of
 * the chips, in kvm_resample_settle(), one after the other.
 */
#include <linux/debugfs.h>
#include <linux/eventfd.h>
#include <linux/kvm_host.h>
#include <linux/kvm_irqfd.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/seq_file.h>
#include <linux/srcu.h>
#include <linux/string.h>
#include <linux/version.h>

#define CREATE_TRACE_POINTS
#include "resample_trace.h"

enum {
	LEVEL,		/* a source has triggered, and was not resampled since */
	DUE,		/* the next unmask resamples, whatever the level: an EOI was not told, or a source is new */
	OWED,		/* nobody was told yet of an ack or an unmask */
};

static const char *const policies[] = {
	[KVM_RESAMPLE_EOI] = "eoi",
	[KVM_RESAMPLE_UNMASK] = "unmask-resample",
	[KVM_RESAMPLE_HOLD] = "hold",
};

static unsigned int policy = KVM_RESAMPLE_HOLD;

static int set_policy(const char *text, const struct kernel_param *param)
{
	int found = sysfs_match_string(policies, text);

	if (found < 0)
		return found;
	WRITE_ONCE(policy, found);
	return 0;
}

static int get_policy(char *text, const struct kernel_param *param)
{
	return sysfs_emit(text, "%s\n", policies[READ_ONCE(policy)]);
}

static const struct kernel_param_ops policy_ops = { .set = set_policy, .get = get_policy };

module_param_cb(resample, &policy_ops, NULL, 0644);
MODULE_PARM_DESC(resample, "When forwarded level interrupts are resampled: eoi, unmask-resample, hold. For new VMs.");

static const char *state_of(const struct kvm_resample *gate)
{
	return test_bit(LEVEL, &gate->state) ? "asserted" : "armed";
}

static int kvm_resample_show(struct seq_file *file, void *unused)
{
	struct kvm *kvm = file->private;
	struct kvm_kernel_irqfd_resampler *resampler;

	seq_puts(file, "gsi policy state triggers holds resamples\n");
	mutex_lock(&kvm->irqfds.resampler_lock);
	list_for_each_entry(resampler, &kvm->irqfds.resampler_list, link) {
		struct kvm_resample *gate = &resampler->gate;

		seq_printf(file, "%d %s %s %ld %ld %ld\n", resampler->notifier.gsi, policies[gate->policy],
			   state_of(gate), atomic_long_read(&gate->triggers), atomic_long_read(&gate->holds),
			   atomic_long_read(&gate->resamples));
	}
	mutex_unlock(&kvm->irqfds.resampler_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(kvm_resample);

/* The file goes with the VM's folder. */
static void add_file(struct kvm *kvm)
{
	static const char name[] = "resample";
	struct dentry *file;

	if (IS_ERR_OR_NULL(kvm->debugfs_dentry))
		return;
	file = debugfs_lookup(name, kvm->debugfs_dentry);
	if (file)
		dput(file);
	else
		debugfs_create_file(name, 0444, kvm->debugfs_dentry, kvm, &kvm_resample_fops);
}

/* A VM keeps its policy while it has forwarded interrupts. */
void kvm_resample_init(struct kvm_kernel_irqfd_resampler *resampler)
{
	struct kvm *kvm = resampler->kvm;
	struct kvm_kernel_irqfd_resampler *other;

	other = list_first_entry_or_null(&kvm->irqfds.resampler_list, struct kvm_kernel_irqfd_resampler, link);
	resampler->gate.policy = other ? other->gate.policy : READ_ONCE(policy);
	add_file(kvm);
}

void kvm_resample_trigger(struct kvm_kernel_irqfd *irqfd)
{
	if (!irqfd->resampler)
		return;
	atomic_long_inc(&irqfd->resampler->gate.triggers);
	set_bit(LEVEL, &irqfd->resampler->gate.state);
}

/*
 * A new source may have been masked by a trigger that an earlier registration of it took away; then the guest is in the
 * middle of that interrupt, or has it held.
 */
void kvm_resample_joined(struct kvm_kernel_irqfd_resampler *resampler)
{
	set_bit(DUE, &resampler->gate.state);
}

/* The level first: who finds the debt must not find the level. An ack is told of whoever had asserted. */
static void drop(struct kvm_kernel_irqfd_resampler *resampler, bool acked)
{
	bool level = test_and_clear_bit(LEVEL, &resampler->gate.state);
	bool due = test_and_clear_bit(DUE, &resampler->gate.state);

	if (level || due || acked)
		set_bit(OWED, &resampler->gate.state);
}

static void hold(struct kvm_kernel_irqfd_resampler *resampler)
{
	set_bit(DUE, &resampler->gate.state);
	if (!test_bit(LEVEL, &resampler->gate.state))
		return;
	atomic_long_inc(&resampler->gate.holds);
	trace_kvm_resample(resampler->notifier.gsi, true);
}

/* Under irq_srcu. */
static struct kvm_kernel_irqfd_resampler *find(struct kvm *kvm, unsigned int irqchip, unsigned int pin)
{
	struct kvm_kernel_irqfd_resampler *resampler;
	int gsi = kvm_irq_map_chip_pin(kvm, irqchip, pin);

	list_for_each_entry_srcu(resampler, &kvm->irqfds.resampler_list, link,
				 srcu_read_lock_held(&kvm->irq_srcu))
		if (resampler->notifier.gsi == gsi)
			return resampler;
	return NULL;
}

/* Spares the VMs that forward nothing the rest. */
static bool forwards(struct kvm *kvm)
{
	return !list_empty(&kvm->irqfds.resampler_list);
}

bool kvm_resample_acked(struct kvm *kvm, unsigned int irqchip, unsigned int pin, bool masked)
{
	struct kvm_kernel_irqfd_resampler *resampler;
	bool low = false;
	int idx;

	if (!forwards(kvm))
		return false;
	idx = srcu_read_lock(&kvm->irq_srcu);
	resampler = find(kvm, irqchip, pin);
	if (resampler && masked && resampler->gate.policy == KVM_RESAMPLE_HOLD) {
		hold(resampler);
	} else if (resampler) {
		drop(resampler, true);
		low = true;
	}
	srcu_read_unlock(&kvm->irq_srcu, idx);
	return low;
}

bool kvm_resample_opened(struct kvm *kvm, unsigned int irqchip, unsigned int pin)
{
	struct kvm_kernel_irqfd_resampler *resampler;
	bool low;
	int idx;

	if (!forwards(kvm))
		return false;
	idx = srcu_read_lock(&kvm->irq_srcu);
	resampler = find(kvm, irqchip, pin);
	low = resampler && resampler->gate.policy != KVM_RESAMPLE_EOI;
	if (low)
		drop(resampler, false);
	srcu_read_unlock(&kvm->irq_srcu, idx);
	return low;
}

int kvm_resample_level(struct kvm *kvm, unsigned int irqchip, unsigned int pin, int source, int level)
{
	struct kvm_kernel_irqfd_resampler *resampler;
	int idx;

	if (source != KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID)
		return level;
	idx = srcu_read_lock(&kvm->irq_srcu);
	resampler = find(kvm, irqchip, pin);
	if (resampler)
		level = test_bit(LEVEL, &resampler->gate.state);
	srcu_read_unlock(&kvm->irq_srcu, idx);
	return level;
}

static void signal(struct eventfd_ctx *eventfd)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	eventfd_signal(eventfd, 1);
#else
	eventfd_signal(eventfd);
#endif
}

/* All pins of the GSI first, then everybody who forwards to it. Under irq_srcu. */
static void pay(struct kvm_kernel_irqfd_resampler *resampler)
{
	struct kvm *kvm = resampler->kvm;
	struct kvm_kernel_irqfd *irqfd;

	kvm_set_irq(kvm, KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID, resampler->notifier.gsi, 0, false);
	atomic_long_inc(&resampler->gate.resamples);
	trace_kvm_resample(resampler->notifier.gsi, false);
	list_for_each_entry_srcu(irqfd, &resampler->list, resampler_link, srcu_read_lock_held(&kvm->irq_srcu))
		signal(irqfd->resamplefd);
}

/* Looks before it writes: there is seldom a debt. Two may find the same one, of which one pays. */
static void pay_debt(struct kvm_kernel_irqfd_resampler *resampler)
{
	if (test_bit(OWED, &resampler->gate.state) && test_and_clear_bit(OWED, &resampler->gate.state))
		pay(resampler);
}

void kvm_resample_settle(struct kvm *kvm)
{
	struct kvm_kernel_irqfd_resampler *resampler;
	int idx;

	if (!forwards(kvm))
		return;
	idx = srcu_read_lock(&kvm->irq_srcu);
	list_for_each_entry_srcu(resampler, &kvm->irqfds.resampler_list, link,
				 srcu_read_lock_held(&kvm->irq_srcu))
		pay_debt(resampler);
	srcu_read_unlock(&kvm->irq_srcu, idx);
}

bool __weak kvm_arch_resamples(const struct kvm_kernel_irq_routing_entry *entry)
{
	return false;
}

/* Under irq_srcu, as all ack notifiers. */
void kvm_resample_notified(struct kvm_irq_ack_notifier *notifier)
{
	struct kvm_kernel_irqfd_resampler *resampler =
		container_of(notifier, struct kvm_kernel_irqfd_resampler, notifier);
	struct kvm_kernel_irq_routing_entry routes[KVM_NR_IRQCHIPS];
	int count = kvm_irq_map_gsi(resampler->kvm, routes, notifier->gsi);

	if (count && kvm_arch_resamples(&routes[0]))
		return;
	drop(resampler, true);
	pay_debt(resampler);
}
