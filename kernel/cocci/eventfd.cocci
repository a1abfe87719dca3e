// SPDX-License-Identifier: GPL-2.0-only
// virt/kvm/eventfd.c: triggers go to the gate, and acks; the list of resamplers can be read under irq_srcu.
@notifier@
identifier ack;
expression resampler;
@@
 resampler->notifier.irq_acked =
-	ack
+	kvm_resample_notified
 	;

@@
identifier notifier.ack, kian;
@@
-static void ack(struct kvm_irq_ack_notifier *kian)
-{ ... }

@@
struct kvm_kernel_irqfd_resampler *resampler;
struct kvm *vm;
@@
 resampler->kvm = vm;
+kvm_resample_init(resampler);

@@
struct kvm_kernel_irqfd_resampler *resampler;
expression list;
@@
-list_add(&resampler->link, list)
+list_add_rcu(&resampler->link, list)

@@
struct kvm_kernel_irqfd_resampler *resampler;
@@
-list_del(&resampler->link)
+list_del_rcu(&resampler->link)

@@
struct kvm_kernel_irqfd *irqfd;
@@
 list_add_rcu(&irqfd->resampler_link, &irqfd->resampler->list);
+kvm_resample_joined(irqfd->resampler);

@@
struct kvm_kernel_irqfd *irqfd;
expression count;
@@
 eventfd_ctx_do_read(irqfd->eventfd, count);
+kvm_resample_trigger(irqfd);

@@
struct kvm_kernel_irqfd *irqfd;
identifier events;
@@
 if (events & EPOLLIN)
+{
+	kvm_resample_trigger(irqfd);
 	schedule_work(&irqfd->inject);
+}
