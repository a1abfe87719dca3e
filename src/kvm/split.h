/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The adapter's inside. Four kinds of lock, always taken in this order:
 *
 *   watch->io      telling one who watches a line what has changed
 *   world          KVM's routing table and irqfds, as the adapter last set them
 *   source->io     what is done to one source: its newest wish is carried out once, and never after its removal
 *   lock           the core, the records of the sources and vCPUs, the coalesced ring, the question
 *
 * Under `lock` only calls that do not wait are made: reads of non-blocking eventfds, KVM_GET_LAPIC of the
 * calling thread's own vCPU. Effects are carried out with no lock but the one that their kind needs.
 */
#ifndef IG_SPLIT_H
#define IG_SPLIT_H

#include <pthread.h>
#include <stdatomic.h>

#include <irqgate/kvm.h>

struct ig_kvm_source {
	irqgate_source handle; /* changed under world, io and lock; 0: unused */
	struct irqgate_forwarded forwarded;
	uint32_t gsi;
	int eventfd_id;        /* the kernel's number of the trigger, or -1 where it can not be had */
	bool bound;            /* world */
	pthread_mutex_t io;
	uint64_t wish_done;    /* io: version of the wish that was carried out last */
	bool armed;            /* lock: it listens and has not triggered since; what it triggers comes to us */
	uint64_t unread_since; /* io: when the resample was signalled that nobody has read yet; 0: there is none */
	bool unheard;          /* io: and that is diagnosed */
};

/* What was told of one line. */
struct ig_kvm_told {
	uint64_t count[IRQGATE_DIAGNOSES];
	uint64_t at[IRQGATE_DIAGNOSES]; /* CLOCK_MONOTONIC, nanoseconds; 0: never */
	uint64_t unheard;               /* how often that was found, which the core does not see */
};

struct ig_kvm_watch {
	irqgate_watcher handle; /* changed under io and lock, when it ends; 0: unused */
	uint32_t generation;
	uint32_t gsi;
	struct irqgate_watch watch;
	pthread_mutex_t io;
	struct irqgate_line_state told; /* io */
};

struct ig_kvm_vcpu {
	int fd;
	struct kvm_run *run;
};

/*
 * A question to the LAPICs of other vCPUs: each answers when it exits next. Its answer is good for one epoch
 * of the line, and for a short time.
 */
struct ig_kvm_question {
	int gsi;         /* -1: none */
	int vcpu;        /* who asks */
	uint64_t epoch;
	uint64_t asked;  /* CLOCK_MONOTONIC, nanoseconds */
	struct irqgate_message message[2];
	uint32_t messages;
	int found;       /* what a LAPIC holds, as irqgate_core_lapic_holds(), or -1 */
};

struct irqgate_kvm {
	struct irqgate_kvm_config config;
	int epoll_fd;
	int retry_fd;
	int time_fd;    /* a timer for what the core wants to do later, and for resamples that nobody has read */

	pthread_mutex_t lock;
	struct irqgate_core *core;
	struct ig_kvm_source *source; /* by the index in the handle */
	struct ig_kvm_watch watch[IRQGATE_KVM_WATCHES_MAX];
	struct ig_kvm_vcpu vcpu[IRQGATE_KVM_VCPUS_MAX];
	uint32_t vcpus;
	struct kvm_coalesced_mmio_ring *ring; /* NULL: nothing is coalesced */
	struct ig_kvm_question question;
	struct ig_kvm_told *told; /* by the GSI */
	_Atomic bool timed;             /* the core wants to know the time */
	_Atomic uint64_t time_due;      /* what time_fd is set to, or IRQGATE_NEVER; changed under lock */
	_Atomic uint64_t unanswered; /* bitmap of the vCPUs that have yet to answer the question */
	_Atomic pthread_t boot_thread; /* of the vCPU that INTR leads to */
	_Atomic bool intr_known; /* that vCPU has been kicked, or waits for its interrupt window */

	pthread_mutex_t world;
	_Atomic uint64_t routes_done; /* version of the core's routes that KVM has */
	struct irqgate_route *route, *route_set; /* now, and as last set */
	uint32_t routes_set;
	struct kvm_irq_routing *table;
	struct kvm_irq_routing_entry *own; /* the VMM's */
	uint32_t owns;

	_Atomic uint64_t route_updates, irqfd_updates, messages, failed_messages, lapic_reads, resamples, silences,
		silence_errors;
};

/* What epoll says of what is no source: a handle has 32 bits. */
#define IG_EVENT_RETRY UINT64_C(0)
#define IG_EVENT_TIME  UINT64_MAX

/* ioctl(2) that goes on after a signal. Returns its value, or a negative errno. */
int ig_ioctl(int fd, unsigned long request, void *argument);

/* Where the record of a handle lies, whether it is still that source's or not. */
struct ig_kvm_source *ig_kvm_record(const struct irqgate_kvm *gate, irqgate_source handle);

/* The record of a handle, or NULL. Caller holds lock. */
struct ig_kvm_source *ig_kvm_find(const struct irqgate_kvm *gate, irqgate_source handle);

/* split.c: CLOCK_MONOTONIC in nanoseconds. */
uint64_t ig_now(void);

/* split.c: takes lock, and tells the core the time if it wants to know. */
void ig_kvm_lock(struct irqgate_kvm *gate);

/* effects.c: carries out effects. Caller holds no lock. 0, or a negative errno of KVM_SET_GSI_ROUTING. */
int ig_effects_run(struct irqgate_kvm *gate, const struct irqgate_effects *effects);

/* effects.c: silences a source. Caller holds its io, and not lock. */
void ig_source_silence(struct irqgate_kvm *gate, struct ig_kvm_source *source);

/* effects.c: does again what could not be done. */
void ig_effects_retry(struct irqgate_kvm *gate);

/* world.c: makes KVM's table and irqfds at least as new as a version. Caller holds no lock. */
int ig_world_sync(struct irqgate_kvm *gate, uint64_t version);

/* The same; caller holds world. */
int ig_world_sync_locked(struct irqgate_kvm *gate, uint64_t version);

/* effects.c: writes a count to an eventfd. */
void ig_eventfd_signal(int fd, uint64_t count);

/*
 * source.c: the kernel's number of an eventfd, by which a duplicate of it is found out. -1: it can not be had
 * (no /proc). -EINVAL: not an eventfd.
 */
int ig_eventfd_id(int fd);

/* diagnosis.c: tells of what was found to be wrong with a line. Caller holds no lock. */
void ig_diagnosis_tell(struct irqgate_kvm *gate, uint32_t gsi, uint32_t diagnosed);

/* diagnosis.c: the time of the next call of ig_diagnosis_expire() is no later than that. Caller holds no lock. */
void ig_diagnosis_schedule(struct irqgate_kvm *gate, uint64_t when);

/* diagnosis.c: a source is about to be resampled. Caller holds its io. */
void ig_diagnosis_resampled(struct irqgate_kvm *gate, struct ig_kvm_source *source);

/* diagnosis.c: does what is due. Caller holds no lock. */
void ig_diagnosis_expire(struct irqgate_kvm *gate);
/* exits.c: the chip and offset that a guest-physical address is; false: none of ours. */
bool ig_chip_find(const struct irqgate_kvm *gate, uint64_t address, struct irqgate_access *access);

/* watch.c: tells those who watch a line what has changed. Caller holds no lock. */
void ig_watch_notice(struct irqgate_kvm *gate, uint32_t gsi);

/* source.c: reads a trigger away; false: there was none. */
bool ig_source_drain(const struct ig_kvm_source *source);

/* source.c: reads a trigger and hands it to the core; false: there was none. Caller holds lock. */
bool ig_source_read(struct irqgate_kvm *gate, struct ig_kvm_source *source, struct irqgate_effects *effects);

/* source.c: the same for the first source of a line that has one, on the userspace path. Caller holds lock. */
bool ig_source_read_any(struct irqgate_kvm *gate, uint32_t gsi, struct irqgate_effects *effects);

/* source.c: the same for all sources of a line, which lead to no effect. Caller holds lock. */
void ig_source_read_line(struct irqgate_kvm *gate, uint32_t gsi);

/* legacy.c: an exit to a port: as irqgate_kvm_exit(). Caller holds no lock. */
int ig_legacy_io(struct irqgate_kvm *gate, struct kvm_run *run);

/* legacy.c: lets the vCPU that INTR leads to know of it. Caller holds no lock. */
void ig_legacy_kick(struct irqgate_kvm *gate, bool intr);

/* lapic.c: the answer that an access needs; may put a question to others. Caller holds lock, on vcpu's thread. */
int ig_lapic_answer(struct irqgate_kvm *gate, int vcpu, const struct irqgate_access *access, uint64_t *kick);

/* lapic.c: the answer that an access needs, of all LAPICs. Caller holds lock, while no vCPU runs. */
int ig_lapic_ask_all(struct irqgate_kvm *gate, const struct irqgate_access *access);

/* lapic.c: this vCPU's part of the question. Caller holds no lock, on vcpu's thread. */
void ig_lapic_reply(struct irqgate_kvm *gate, int vcpu);

/* lapic.c: kicks the vCPUs of a bitmap. Caller holds no lock. */
void ig_lapic_kick(struct irqgate_kvm *gate, uint64_t kick);

/* coalesced.c */
void ig_coalesced_start(struct irqgate_kvm *gate, struct kvm_run *run);
void ig_coalesced_drain(struct irqgate_kvm *gate);

#endif
