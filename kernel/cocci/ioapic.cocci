// SPDX-License-Identifier: GPL-2.0-only
// arch/x86/kvm/ioapic.c: the gate is told of EOIs and of writes to entries, and paid when the lock is free.
@@
@@
 #include "irq.h"
+#include "resample.h"

@@
identifier ioapic, pin, source, level, status;
expression lines;
@@
 int kvm_ioapic_set_irq(struct kvm_ioapic *ioapic, int pin, int source, int level, bool status)
 {
 	...
 	__kvm_irq_line_state(lines, source,
-		level
+		kvm_resample_level(ioapic->kvm, KVM_IRQCHIP_IOAPIC, pin, source, level)
 		)
 	...
 }

@@
identifier vcpu, ioapic, mode, pin;
@@
 static void kvm_ioapic_update_eoi_one(struct kvm_vcpu *vcpu, struct kvm_ioapic *ioapic, int mode, int pin)
 {
 	...
 	spin_lock(&ioapic->lock);
+	kvm_ioapic_resample_acked(ioapic, pin);
 	...
 }

@@
identifier vcpu, ioapic, vector, mode;
@@
 void kvm_ioapic_update_eoi(struct kvm_vcpu *vcpu, int vector, int mode)
 {
 	...
 	spin_unlock(&ioapic->lock);
+	kvm_resample_settle(vcpu->kvm);
 }

@@
identifier ioapic, value, index, before, after, in_service, entry;
@@
 static void ioapic_write_indirect(struct kvm_ioapic *ioapic, u32 value)
 {
 	<...
 	index = array_index_nospec(...);
 	...
 	before = entry->fields.mask;
 	...
 	in_service = entry->fields.remote_irr;
 	...
+	kvm_ioapic_resample_written(ioapic, index, before, in_service);
 	after = entry->fields.mask;
 	...>
 }

// Since Linux 6.3: what the gate does now.
@@
statement resampled, not;
@@
-if (kvm_notify_irqfd_resampler(...))
-	resampled
-else
	not

@@
identifier vcpu, this, address, length, value, ioapic;
@@
 static int ioapic_mmio_write(struct kvm_vcpu *vcpu, struct kvm_io_device *this, gpa_t address, int length,
 			      const void *value)
 {
 	<...
 	spin_unlock(&ioapic->lock);
+	kvm_resample_settle(ioapic->kvm);
 	...>
 }

@@
identifier kvm, state, ioapic;
@@
 void kvm_set_ioapic(struct kvm *kvm, struct kvm_ioapic_state *state)
 {
 	...
 	kvm_ioapic_inject_all(ioapic,
-		state->irr
+		kvm_ioapic_resample_restored(ioapic, state->irr)
 		);
 	spin_unlock(&ioapic->lock);
+	kvm_resample_settle(kvm);
 }
