// SPDX-License-Identifier: GPL-2.0-only
// include/linux/kvm_irqfd.h: each resampler has a gate.
@@
@@
 #include <linux/poll.h>
+#include <linux/kvm_resample.h>

@@
@@
 struct kvm_kernel_irqfd_resampler {
 	...
+	struct kvm_resample gate;
 };
