// SPDX-License-Identifier: GPL-2.0-only
// arch/x86/kvm/i8259.c: the same for the 8259 pair.
@@
@@
 #include "irq.h"
+#include "resample.h"

@@
identifier pic, line, source, level;
expression lines;
@@
 int kvm_pic_set_irq(struct kvm_pic *pic, int line, int source, int level)
 {
 	...
 	__kvm_irq_line_state(lines, source,
-		level
+		kvm_resample_level(pic->kvm, SELECT_PIC(line), line, source, level)
 		)
 	...
 }

@@
identifier chip, line;
@@
 static void pic_clear_isr(struct kvm_kpic_state *chip, int line)
 {
 	...
+	kvm_pic_resample_acked(chip, line);
 	pic_unlock(chip->pics_state);
 	kvm_notify_acked_irq(...);
+	kvm_resample_settle(chip->pics_state->kvm);
 	pic_lock(chip->pics_state);
 }

@@
identifier chip;
@@
 static void kvm_pic_reset(struct kvm_kpic_state *chip)
 {
 	...
+	kvm_pic_resample_unmasked(chip, chip->imr);
 	chip->imr = 0;
 	...
 }

@@
identifier opaque, address, value, chip;
@@
 static void pic_ioport_write(void *opaque, u32 address, u32 value)
 {
 	<...
+	kvm_pic_resample_unmasked(chip, chip->imr & ~value);
 	chip->imr = value;
 	...>
 }

@@
identifier pic, address, length, value;
@@
 static int picdev_write(struct kvm_pic *pic, gpa_t address, int length, const void *value)
 {
 	<...
 	pic_unlock(pic);
+	kvm_resample_settle(pic->kvm);
 	...>
 }

@@
identifier pic;
@@
 void kvm_pic_update_irq(struct kvm_pic *pic)
 {
 	pic_lock(pic);
+	kvm_pic_resample_restored(pic);
 	...
 	pic_unlock(pic);
+	kvm_resample_settle(pic->kvm);
 }
