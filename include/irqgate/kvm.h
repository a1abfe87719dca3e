/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The KVM adapter for a split irqchip: the LAPICs in the kernel, the IOAPICs here (KVM API,
 * KVM_CAP_SPLIT_IRQCHIP).
 *
 * It owns no thread and no event loop. A VMM
 *   - opens it after KVM_CREATE_VM and before the first vCPU, and names each vCPU after creating it;
 *   - hands it the exits of its vCPUs, on the thread that took them;
 *   - polls irqgate_kvm_poll_fd() in whatever loop it has, and calls irqgate_kvm_dispatch() when it is readable.
 *
 * Threads: every function may be called from any thread at any time, unless it says otherwise; no callback
 * runs under the library's locks, unless it says otherwise. Errors are negative errno values; outputs are
 * untouched on failure. File descriptors that a caller hands in stay the caller's: they must live until their
 * source is removed, and the library never closes them.
 */
#ifndef IRQGATE_KVM_H
#define IRQGATE_KVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/kvm.h>

#include <irqgate/api.h>
#include <irqgate/core.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IRQGATE_KVM_IOAPIC_BASE UINT64_C(0xfec00000) /* guest-physical, where PCs have it */
#define IRQGATE_KVM_VCPUS_MAX   64U
#define IRQGATE_KVM_WATCHES_MAX 64U

enum irqgate_path {
	IRQGATE_PATH_DIRECT,    /* the kernel forwards a trigger by itself where that is possible */
	IRQGATE_PATH_USERSPACE, /* every trigger goes through irqgate_kvm_dispatch() */
};

struct irqgate_kvm;

/* What the VMM does for the library. Each may be NULL. */
struct irqgate_kvm_callbacks {
	/*
	 * The library's routes changed, and the VMM builds KVM's table by itself: it must make the entries
	 * (all MSI) part of it by KVM_SET_GSI_ROUTING before it returns. 0 or a negative errno. NULL: the
	 * library makes the table from its entries and those of irqgate_kvm_set_routes(). The calls come one
	 * at a time; it must not call the library, nor wait for a thread that does.
	 */
	int (*set_routes)(void *opaque, const struct irqgate_route *route, uint32_t count);
	/*
	 * Make that vCPU leave KVM_RUN soon; its thread then calls irqgate_kvm_kicked(). NULL: another vCPU's
	 * LAPIC is never asked, and remote IRR may read as set for as long as that would settle it.
	 */
	void (*kick)(void *opaque, int vcpu_fd);
	/* A coalesced MMIO write of the VMM's own zones, met while the library drained the ring. */
	void (*coalesced)(void *opaque, const struct kvm_coalesced_mmio *entry);
	/*
	 * Something may be wrong with a line's interrupt (docs/diagnosis.md), and was found so often since it
	 * was last told of. Told at once, but no more than once in a second for each line and each diagnosis;
	 * all are counted (irqgate_kvm_line_stats()). Comes on the thread of the call that found it, or of
	 * irqgate_kvm_dispatch().
	 */
	void (*diagnosed)(void *opaque, uint32_t gsi, enum irqgate_diagnosis diagnosis, uint64_t count);
	void *opaque;
};

/*
 * An IOAPIC, and where the guest sees it. One with extended destinations makes KVM take 32-bit APIC ids
 * (KVM_X2APIC_API_USE_32BIT_IDS): a VMM's own routes must have the bits 31:8 of the id in address_hi then.
 */
struct irqgate_kvm_chip {
	struct irqgate_chip chip;
	uint64_t base; /* guest-physical, a multiple of 4096: the chip has the page to itself */
};

struct irqgate_kvm_config {
	size_t size; /* sizeof(struct irqgate_kvm_config) */
	int vm_fd;
	enum irqgate_policy policy;
	enum irqgate_path path;
	uint32_t sources; /* at most; 0: 64 */
	uint32_t chips;   /* 0: one, with the GSIs 0 to 23, at IRQGATE_KVM_IOAPIC_BASE */
	struct irqgate_kvm_chip chip[IRQGATE_CHIPS_MAX];
	bool pic;         /* a pair of 8259As as well: then irqgate_kvm_entry() is needed */
	/*
	 * Guests may suppress the broadcast of EOIs and write the IOAPIC's EOI register instead. Without it
	 * they are told that they can not, where KVM lets that be told; where it does not, KVM broadcasts all
	 * the same.
	 */
	bool directed_eoi;
	uint64_t hold_limit; /* nanoseconds before IRQGATE_DIAGNOSIS_HELD; 0: for ever */
	struct irqgate_kvm_callbacks callbacks;
};

/* A forwarded level source, as VFIO's INTx is one: it falls silent at its trigger until its resample. */
struct irqgate_forwarded {
	size_t size; /* sizeof(struct irqgate_forwarded) */
	const char *name;
	int trigger_fd;  /* eventfd, signalled by the source; the library makes it non-blocking and reads it */
	int resample_fd; /* eventfd, signalled by the library: listen to the line again */
	/*
	 * Keep the source from triggering until the next resample; nothing if it is silent already. 0 or a
	 * negative errno. NULL: the source takes the userspace path.
	 */
	int (*silence)(void *opaque);
	/*
	 * The real line now: 1 asserted, 0 not, or a negative errno. It is what a guest reads as pending (the
	 * 8259's IRR). NULL: not to be had.
	 */
	int (*probe)(void *opaque);
	void *opaque;
};

/*
 * Somebody who wants to know what the guest does to a line's interrupt: a timer that injects its next tick
 * after the ack, or whoever would rather decide by itself when to listen to a device. Told on the thread that
 * handed in what the guest did, before that call returns; one call at a time, first of the mask, then of
 * acks. The functions may use the library (pulse a source, say), but must not hand in exits, reset, or end a
 * watch, nor wait for a thread that does. What happened before a watch is told is told at once: acks are
 * counted, a mask that was taken back is not seen.
 */
struct irqgate_watch {
	size_t size;   /* sizeof(struct irqgate_watch) */
	int ack_fd;    /* eventfds, or -1: one more for each ack */
	int mask_fd;   /* the line is masked now, by all chips that it feeds */
	int unmask_fd; /* it is not */
	void (*acked)(void *opaque, uint64_t acks); /* so many since it was told last. Each function may be NULL */
	void (*masked)(void *opaque, bool masked);
	void *opaque;
};

/* The handle of a watch. 0 names none. */
typedef uint32_t irqgate_watcher;

struct irqgate_kvm_stats {
	size_t size;              /* set by the caller */
	uint64_t route_updates;   /* KVM_SET_GSI_ROUTING calls, or calls of set_routes */
	uint64_t irqfd_updates;   /* KVM_IRQFD calls */
	uint64_t messages;        /* KVM_SIGNAL_MSI calls */
	uint64_t failed_messages; /* of them those that no LAPIC took */
	uint64_t lapic_reads;     /* KVM_GET_LAPIC calls */
	uint64_t resamples;       /* resample eventfds signalled */
	uint64_t silences;        /* calls of silence */
	uint64_t silence_errors;  /* of them those that failed */
};

/*
 * Makes the VM's irqchip split and opens the adapter. The GSIs below irqgate_kvm_first_gsi() are the
 * library's from then on. -EINVAL: a value out of range, or two chips at one address or over one GSI.
 * -EOPNOTSUPP: this KVM lacks split irqchips, irqfds or MSIs. -ENOSYS: directed_eoi is wanted, and this KVM
 * lacks it (KVM_CAP_X2APIC_API, the flags to suppress EOI broadcasts), or extended destinations and it lacks
 * 32-bit APIC ids. -EEXIST: the VM has an irqchip or a vCPU already. -ENOMEM, -EMFILE, -ENFILE.
 */
IRQGATE_API int irqgate_kvm_open(const struct irqgate_kvm_config *config, struct irqgate_kvm **gate);

/* Removes all sources and frees the adapter. No vCPU may run, and no other call may be under way. NULL: nothing. */
IRQGATE_API void irqgate_kvm_close(struct irqgate_kvm *gate);

/* Names a vCPU and its mapped run area, before any vCPU runs. -ENOSPC: more than IRQGATE_KVM_VCPUS_MAX. */
IRQGATE_API int irqgate_kvm_add_vcpu(struct irqgate_kvm *gate, int vcpu_fd, struct kvm_run *run);

/*
 * Looks at the exit of a vCPU whose KVM_RUN returned 0; on the thread of that vCPU, before it enters the
 * guest again. Returns 1: mine, handled. 0: not mine. A negative errno: mine, and KVM refused what had to be
 * done.
 */
IRQGATE_API int irqgate_kvm_exit(struct irqgate_kvm *gate, int vcpu_fd, struct kvm_run *run);

/*
 * A vCPU is about to enter the guest; on its thread, before each KVM_RUN. It is how the 8259As' INTR reaches
 * the first vCPU that was named, which the kick callback must wake when it sleeps in KVM_RUN. Without a pair
 * it does nothing. 0, or a negative errno of KVM_INTERRUPT.
 */
IRQGATE_API int irqgate_kvm_entry(struct irqgate_kvm *gate, int vcpu_fd, struct kvm_run *run);

/* The vCPU's KVM_RUN was interrupted (EINTR); on its thread. */
IRQGATE_API void irqgate_kvm_kicked(struct irqgate_kvm *gate, int vcpu_fd);

/* A descriptor that is readable when irqgate_kvm_dispatch() has work. It is the library's: do not close it. */
IRQGATE_API int irqgate_kvm_poll_fd(const struct irqgate_kvm *gate);

/* Does what is due, without blocking. 0 or a negative errno of epoll_wait(2). */
IRQGATE_API int irqgate_kvm_dispatch(struct irqgate_kvm *gate);

/*
 * The VMM's own GSI routes (MSI-X of other devices, say), which the library keeps in KVM's table beside its
 * own: all of them at each call. -EINVAL: a GSI below irqgate_kvm_first_gsi(), or there is a set_routes
 * callback. -ENOMEM, or KVM's errors; the former ones stay then.
 */
IRQGATE_API int irqgate_kvm_set_routes(struct irqgate_kvm *gate, const struct kvm_irq_routing_entry *entry,
				       uint32_t count);

/* The first GSI that is not the library's: twice the number that follows the chips' last one. */
IRQGATE_API uint32_t irqgate_kvm_first_gsi(const struct irqgate_kvm *gate);

/*
 * Adds a forwarded level source to a line. -EINVAL: no such GSI, or not an eventfd. -EBADF. -EBUSY: its
 * trigger is another source's already. -ENOSPC: no room left in the gate or on the line. -ENOMEM.
 */
IRQGATE_API int irqgate_kvm_add_forwarded(struct irqgate_kvm *gate, uint32_t gsi,
					  const struct irqgate_forwarded *forwarded, irqgate_source *source);

/* Adds an emulated device's wire, or its edges. -EINVAL: no such GSI. -ENOSPC: no room left. */
IRQGATE_API int irqgate_kvm_add_wire(struct irqgate_kvm *gate, uint32_t gsi, const char *name,
				     irqgate_source *source);
IRQGATE_API int irqgate_kvm_add_edge(struct irqgate_kvm *gate, uint32_t gsi, const char *name,
				     irqgate_source *source);

/*
 * Removes a source. When it returns, nothing will touch the source's descriptors or call its functions any
 * more. -ENOENT: the handle names none. Do not call it from silence or probe.
 */
IRQGATE_API int irqgate_kvm_remove(struct irqgate_kvm *gate, irqgate_source source);

/* Sets a wire; pulses an edge source. -ENOENT, -EINVAL: not a wire, not an edge source. */
IRQGATE_API int irqgate_kvm_set_level(struct irqgate_kvm *gate, irqgate_source source, bool level);
IRQGATE_API int irqgate_kvm_pulse(struct irqgate_kvm *gate, irqgate_source source);

/*
 * Takes a forwarded source out of its line and back, as PCI's interrupt-disable bit asks for: virtualise the
 * bit with this and never hand it to VFIO. -ENOENT, -EINVAL: not forwarded.
 */
IRQGATE_API int irqgate_kvm_enable(struct irqgate_kvm *gate, irqgate_source source, bool enable);

/*
 * Begins to watch a line (see irqgate_core_watch() for what an ack is). now: the state that the first notice
 * counts from; nothing that happens later is missed, and the first notice may come before the call returns.
 * -EINVAL: no such GSI, or not an eventfd. -EBADF. -ENOSPC: there are IRQGATE_KVM_WATCHES_MAX already.
 */
IRQGATE_API int irqgate_kvm_watch(struct irqgate_kvm *gate, uint32_t gsi, const struct irqgate_watch *watch,
				  struct irqgate_line_state *now, irqgate_watcher *watcher);

/*
 * Ends a watch. When it returns, nothing will touch its descriptors or call its functions any more. -ENOENT:
 * the handle names none. Do not call it from a function of a watch.
 */
IRQGATE_API int irqgate_kvm_unwatch(struct irqgate_kvm *gate, irqgate_watcher watcher);

/*
 * Whether the line is asserted: 1 or 0. Sources with a probe are asked for their real line; do not call it
 * from silence or probe. -EINVAL: no such GSI.
 */
IRQGATE_API int irqgate_kvm_line_level(struct irqgate_kvm *gate, uint32_t gsi);

/*
 * Sets the storm guard of a line (struct irqgate_guard); there is none at first. irqgate_kvm_dispatch() ends
 * its delays. -EINVAL: no such GSI.
 */
IRQGATE_API int irqgate_kvm_guard(struct irqgate_kvm *gate, uint32_t gsi, const struct irqgate_guard *guard);

/*
 * The state of chips, lines and sources as bytes (irqgate_core_save()), while no vCPU runs, before the LAPICs
 * are saved. From then on sources on the direct path are silent, until irqgate_kvm_resume(). -ENOSPC: bytes
 * is less than irqgate_kvm_save_size(), which is good until sources are added or removed.
 */
IRQGATE_API size_t irqgate_kvm_save_size(struct irqgate_kvm *gate);
IRQGATE_API int irqgate_kvm_save(struct irqgate_kvm *gate, void *buffer, size_t bytes);

/*
 * Puts an adapter with the same sources into a saved state, while no vCPU runs, and listens to them again.
 * Errors: those of irqgate_core_restore(), then nothing has changed; else KVM's errors to a change of its
 * routes.
 */
IRQGATE_API int irqgate_kvm_restore(struct irqgate_kvm *gate, const void *saved, size_t bytes);

/* After a save the VM goes on here: its sources are listened to again. KVM's errors to a change of its routes. */
IRQGATE_API int irqgate_kvm_resume(struct irqgate_kvm *gate);

/*
 * Resets the chips as a machine reset does, while no vCPU runs. The VMM resets the LAPICs, and after that: a
 * message that irqgate_kvm_dispatch() is about to send in another thread may still come to them, so it is best
 * the thread of that loop which resets. Returns 0.
 */
IRQGATE_API int irqgate_kvm_reset(struct irqgate_kvm *gate);

/* -EINVAL: stats->size is none that the library knows. */
IRQGATE_API int irqgate_kvm_stats(struct irqgate_kvm *gate, struct irqgate_kvm_stats *stats);

/* See irqgate_core_source_stats() and irqgate_core_line_stats(). */
IRQGATE_API int irqgate_kvm_source_stats(struct irqgate_kvm *gate, irqgate_source source,
					 struct irqgate_source_stats *stats);
IRQGATE_API int irqgate_kvm_line_stats(struct irqgate_kvm *gate, uint32_t gsi, struct irqgate_line_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
