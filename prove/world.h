/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The world that the checker explores: the real core, and around it a model of whatever it meets: devices
 * behind VFIO, wires, KVM with its routes, irqfds and LAPICs, the adapter's threads, and a guest that may do
 * anything at any time. A step takes it from one state to the next; a state is plain bytes.
 *
 * Beside the state there is what the steps keep to judge by (named judge_*): what the guest wrote, what it
 * has in service, and what of a device's interrupt it may still have to hear. It is computed from the guest's
 * and the devices' doings alone, never from the core's. One thread.
 */
#ifndef IG_PROVE_WORLD_H
#define IG_PROVE_WORLD_H

#include <stdio.h>

#include "chip/ioapic.h"
#include "line/core.h"
#include "prove/property.h"

enum { DEVICES = 3, LINES = 2, VCPUS = 2, VECTORS = 2, QUEUE = 12, CORE_BYTES = 6144 };

/*
 * The adapter's threads: each vCPU's, the one that reads triggers, and one that adds, removes, and drives
 * wires.
 */
enum { LOOP = VCPUS, MANAGER, THREADS };

/* What may happen in a configuration beyond triggers, masks, unmasks and EOIs. */
enum feature {
	REWRITES = 1U << 0,     /* the guest writes another vector into the entry, in service too */
	MOVES = 1U << 1,        /* and another destination */
	EDGES = 1U << 2,        /* and makes it edge-triggered, and back */
	READS = 1U << 3,        /* it reads the entry */
	EOI_REGISTER = 1U << 4, /* it EOIs through the IOAPIC's register as well */
	LAPIC_OFF = 1U << 5,    /* its LAPICs take no message for a while */
	PLUGGING = 1U << 6,     /* sources come and go */
	DISABLING = 1U << 7,    /* and are disabled, as by PCI's interrupt disable bit */
	RESETS = 1U << 8,       /* the machine is reset */
	RESTORES = 1U << 9,     /* it is saved, and restored into a new core */
	SLIPS = 1U << 10,       /* VFIO signals a trigger some time after it has masked the device */
	WILD = 1U << 11,        /* the guest accesses what has no register */
	PAIR = 1U << 12,        /* the lines feed a pair of 8259As too */
	PAIR_ALONE = 1U << 13,  /* and the guest never unmasks the IOAPIC */
	PAIR_SETUP = 1U << 14,  /* the guest initialises the pair again, with and without automatic EOI */
	PAIR_POLLS = 1U << 15,  /* the guest polls it */
	SAME_VECTOR = 1U << 16, /* the lines have one vector */
	WIRE = 1U << 17,        /* an emulated device on the first line */
	DIRECT = 1U << 18,      /* sources may take the direct path */
	TWO_CHIPS = 1U << 19,   /* each line has an IOAPIC of its own */
	SLAVE = 1U << 20,       /* the first line is one of the slave 8259A's */
	LATE_ROUTES = 1U << 21, /* building KVM's table takes its time */
	WATCHED = 1U << 22,     /* somebody watches the lines */
	DIRECTED = 1U << 23,    /* the LAPICs broadcast no EOI: it goes through the register alone */
	VERSION_11 = 1U << 24,  /* the IOAPIC has no EOI register */
	SLOW_WISHES = 1U << 25, /* what is wanted of a source is carried out slowly, under its lock */
};

struct config {
	const char *name, *summary;
	uint32_t devices, lines, vcpus, features;
	uint8_t line_of[DEVICES];
};

/* A mistake that an adapter could make. Those of the core are compiled into it: see the table of mutants. */
enum defect {
	NO_DEFECT,
	DEFECT_SILENCE_IS_NOT_CARRIED_OUT,
	DEFECT_WISHES_ARE_COMMANDS,
	DEFECT_MESSAGE_BEFORE_ITS_ROUTE,
	DEFECT_RESAMPLE_BEFORE_ITS_ROUTE,
	DEFECT_EOI_EXIT_IS_NEVER_ARMED,
	DEFECT_PREVIOUS_ROUTE_IS_DROPPED,
	DEFECT_UNREAD_TRIGGER_OUTLIVES_THE_UNMASK,
	DEFECT_TRIGGER_IS_READ_BEFORE_THE_LOCK,
	DEFECT_BINDING_INJECTS_AN_OLD_TRIGGER,
	DEFECT_IRQFD_STAYS_BOUND,
	DEFECT_EOI_STOPS_AT_THE_FIRST_PIN,
	DEFECT_EOI_LETS_GO_OF_THE_LOCK,
	DEFECT_MASK_IS_READ_BEFORE_THE_REGISTRATION,
	DEFECT_HOLD_TIMES_OUT,
	DEFECT_LAPIC_ANSWER_IS_NEVER_OLD,
	DEFECT_LAPIC_OF_THIS_VCPU_ONLY,
	DEFECT_INTR_DOES_NOT_KICK,
	DEFECT_FAILED_MESSAGE_IS_FORGOTTEN,
	DEFECT_EFFECT_OUTLIVES_ITS_SOURCE,
	DEFECT_UNREAD_TRIGGER_OUTLIVES_THE_EOI,
	DEFECT_ARMED_SOURCE_IS_RESAMPLED,
	DEFECT_OLD_TRIGGER_OUTLIVES_THE_RESAMPLE,
	DEFECTS,
};

extern const char *const defect_names[DEFECTS];

/* A device, and what the host and the adapter have of it. */
struct device {
	uint64_t wish_done;
	irqgate_source source;  /* 0: not added */
	bool asserts;
	bool automasked;        /* the host has it masked */
	bool signalling;        /* the host has masked it, and is about to signal the trigger */
	bool unread;            /* the trigger's eventfd is signalled */
	bool taken;             /* read, but not handed in yet: only with a defect */
	bool bound;             /* KVM takes the trigger */
	bool armed;             /* as in src/kvm: it listens and has not triggered since; the trigger is not KVM's */
	bool enabled;
	bool judge_shut;        /* it has triggered, and the guest was not yet where it may again */
	bool judge_fresh;       /* what it said last is newer than the last unmask, and has had no EOI */
	bool judge_steady;      /* it has asserted ever since it triggered last */
	bool judge_slipped;     /* the trigger under way is older than a mask */
	bool judge_spare;       /* a resample is under way that could not be avoided */
};

struct effect {
	irqgate_source source;
	uint8_t kind; /* enum irqgate_effect_kind */
	uint8_t line, ticket, vector, vcpu;
	bool level;
	bool listen;     /* the wish when it was made: only a defect looks at it */
	bool judge_gone; /* its source has been removed since */
};

struct thread {
	uint64_t need; /* version of the routes that the next effect needs */
	uint8_t count;
	bool kick;     /* INTR is high, which the vCPU that it leads to may not know */
	bool building; /* it has taken the routes from the core: see table_next */
	bool looked;   /* it has the lock of its next effect's source, and looked up what is wanted ... */
	bool listen;   /* ... which was this */
	bool reserved[7];
	struct effect queue[QUEUE];
};

/* A vCPU's LAPIC, as sets of vectors; and the EOI that its exit handles. */
struct vcpu {
	uint8_t requested, serving;
	bool eoi, eoi_by_register;
	uint8_t eoi_vector, eoi_chip;
	uint8_t judge_eoi_lines; /* set of lines: whose message the EOI was for */
	uint8_t reserved;
	uint32_t eoi_pin;
};

/* A route of KVM's. */
struct route {
	bool there, level;
	uint8_t vector, vcpu;
};

struct line {
	uint64_t rte;         /* as the guest wrote it */
	uint8_t judge_served; /* set of vectors: messages sent, no EOI yet */
	bool judge_extra;     /* on the direct path: there may be a message more than the pin knows of */
	bool judge_acked;     /* an EOI ended its interrupt, and those who watch have not been told since */
	uint8_t judge_sent_to; /* off the direct path: the vCPU that has, or is to have, the message served */
	bool told_masked;     /* to those who watch */
	uint8_t reserved[3];
	uint64_t told_acks, told_version;
};

/* The adapter's question to the LAPICs of other vCPUs. */
struct question {
	uint64_t epoch;
	int32_t found;      /* the answer that a LAPIC holds a message, or 0 */
	bool asked;
	uint8_t line, vcpu; /* who asks */
	uint8_t unanswered; /* set of vCPUs */
	uint8_t vectors[VCPUS]; /* sets: what is looked for in each vCPU's LAPIC */
	uint8_t judge_served;   /* the line's when it was put, and no EOI since */
	uint8_t reserved[5];
};

struct state {
	struct device device[DEVICES];
	struct thread thread[THREADS];
	struct vcpu vcpu[VCPUS];
	struct line line[LINES];
	struct question question;
	struct route table[LINES][2];      /* KVM's: the current message, the previous one */
	struct route table_next[LINES][2]; /* of the thread that builds */
	uint64_t routes_done, routes_next;
	irqgate_source wire;
	bool wire_level;
	bool lapic_off;
	bool retry;      /* the timer is armed */
	bool intr_known; /* the first vCPU looks at INTR before it goes on, or waits for its window */
	bool stopped;    /* the vCPUs are, until a reset or a restore is done */
	bool resetting;  /* and the LAPICs are off */
	bool peeked, peeked_masked, believed_masked; /* only with a defect */
	bool reserved[3];
	_Alignas(8) unsigned char core[CORE_BYTES];
};

/* A step: which of the kinds in steps.c, and of which of several. */
enum { STEPS = 160 };
struct step {
	uint8_t kind, argument;
};

struct world {
	const struct config *config;
	struct step step[STEPS];
	uint32_t steps;
	enum irqgate_policy policy;
	enum defect defect;
	FILE *story; /* where the steps are told, or NULL */
	struct told *told; /* story.c: what has been told of the state */
	size_t bytes; /* of the state, without the core's counters */
	bool judge_answered; /* in the last step: other vCPUs' LAPICs were said to be idle */
	bool wrecked;      /* the last step did not end: the state is none */
	uint32_t violated; /* set of enum property: by the last step */
	bool judge_uncounted; /* in the last step: sources came, went, were restored: they do not add up */
	struct irqgate_effects effects;
	struct irqgate_route routes[2 * IRQGATE_GSIS_MAX / 16];
	struct state s;
};

/* world.c: the start. 0, or a negative errno. */
int world_open(struct world *w);

/* The core of the state. */
struct irqgate_core *core_of(const struct world *w);

bool has(const struct world *w, enum feature feature);
uint32_t gsi_of(const struct world *w, uint32_t line);
uint32_t line_of_gsi(const struct world *w, uint32_t gsi);
uint32_t chip_of(const struct world *w, uint32_t line);
struct device *device_of(const struct world *w, irqgate_source source);

/* The device is a source of the line. */
bool is_on(const struct world *w, uint32_t device, uint32_t line);

/* The number that the vectors have: 0 and 1 inside of the checker. */
uint8_t vector_number(uint32_t vector);
uint32_t vector_index(uint32_t number);

/* What a line's input of the IOAPIC is called. */
const char *line_name(uint32_t line);

/* Those who watch a line learn how it is now. */
void tell_watchers(struct world *w, uint32_t line);

/* Adds what the core's last call asked for to what a thread has to carry out. */
void take_effects(struct world *w, uint32_t thread);

/* Whether a thread has carried out everything; whether all have. */
bool is_idle(const struct world *w, uint32_t thread);
bool all_are_idle(const struct world *w);

/* The step broke a property: how, where somebody listens. */
void violate(struct world *w, enum property property, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Tells what happens, where somebody listens. */
void say(const struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * canonical.c: numbers of which only the order or the difference counts are made small. Changes nothing else.
 */
void canonicalize(struct world *w);

/* judge.c: the guest is at a point where the devices of a line may be listened to again. */
void judge_opened(struct world *w, uint32_t line);

/* judge.c: the same, at an EOI: what the guest has heard is over. served: not at the automatic EOI. */
void judge_released(struct world *w, uint32_t line, bool served);

/* judge.c: what the guest hears from now on must have been sampled from now on. */
void judge_unmasked(struct world *w, uint32_t line);

/* judge.c: a trigger of a line that the host is about to signal is older than a mask or unmask now. */
void judge_slips(struct world *w, uint32_t line);

/* judge.c: the guest sent an EOI, to one chip or to all, and it is heard: which lines' interrupts it ends. */
enum { ALL_CHIPS = 0xff };
uint8_t judge_eoi(struct world *w, uint32_t vector, uint32_t chip);

/*
 * judge.c: the guest sent an EOI that KVM tells nobody of. It ends what was sent to that vCPU; a line with the
 * same vector whose message is at another vCPU goes on: a real IOAPIC would end that too.
 */
void judge_unheard_eoi(struct world *w, uint32_t vector, uint32_t vcpu);

/* judge.c: a line leaves the direct path: what KVM has sent is history for the pin. */
void judge_leaves_direct(struct world *w, uint32_t line);

/* judge.c: the core takes an EOI to be for a line. */
void judge_hit(struct world *w, const struct vcpu *vcpu, uint32_t line);

/* judge.c: the guest wrote a line's entry. unasked: the LAPICs that hold the message could not be asked. */
void judge_written(struct world *w, uint32_t line, uint64_t before, bool unasked);

/* judge.c: whether the core's message, or the kernel's, is one that the guest is to hear. */
void judge_send(struct world *w, uint32_t line, const struct effect *effect);
void judge_injection(struct world *w, struct device *device, uint32_t vector);
void judge_inta(struct world *w, uint32_t line);

/* judge.c: a device has joined, or was enabled again: its first resample is to come, and it may be listened to. */
void judge_joined(const struct world *w, struct device *device);

/* judge.c: a trigger of it has been read. */
void judge_heard(const struct world *w, struct device *device);

/* judge.c: a device has been resampled, or need not be any more. */
void judge_resampled(struct world *w, struct device *device);

/* judge.c: a device has triggered at the host. */
void judge_trigger(struct world *w, struct device *device);

/* judge.c: what the guest did asks for all of the line's forwarded sources, or for none. */
void judge_together(struct world *w);

/*
 * judge-state.c: what must be so after each step; and where nothing is left to be done without the guest or a
 * device.
 */
void judge_state(struct world *w);

/* Before a step, and after: the counters tell whether triggers and resamples alternate. */
struct counted {
	bool asserted[DEVICES];
	bool direct[LINES];
};
void judge_before(struct world *w, struct counted *before);
void judge_after(struct world *w, const struct counted *before);

#endif
