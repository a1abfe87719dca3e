/* SPDX-License-Identifier: GPL-2.0-only */
/* kvm:kvm_resample: what the gate of a forwarded interrupt decided, at an EOI or an unmask. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

#if !defined(__KVM_RESAMPLE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define __KVM_RESAMPLE_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(kvm_resample,
	TP_PROTO(int gsi, bool held),
	TP_ARGS(gsi, held),
	TP_STRUCT__entry(
		__field(int, gsi)
		__field(bool, held)
	),
	TP_fast_assign(
		__entry->gsi = gsi;
		__entry->held = held;
	),
	TP_printk("gsi %d %s", __entry->gsi, __entry->held ? "held" : "resampled")
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH ../../virt/kvm
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE resample_trace
#include <trace/define_trace.h>
