/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The steps that a world may take, each with a number; by kind: those that the host and the adapter take by
 * themselves, and those that need somebody else. One thread.
 */
#ifndef IG_PROVE_STEPS_H
#define IG_PROVE_STEPS_H

#include "prove/world.h"

enum step_class {
	HOST,   /* the host, KVM and the adapter, without anybody's doing */
	OTHERS, /* the guest, a device, a time, whoever manages the machine */
};

/* Lists the steps of the configuration: w->steps of them, with the numbers from 0 on. */
void list_steps(struct world *w);

enum step_class class_of(const struct world *w, uint32_t step);

/* Takes a step; false: it can not be taken now, and nothing has changed. The state is canonical then. */
bool take_step(struct world *w, uint32_t step);

/*
 * guard.c: the same, of a core that may not return or crash, once guard_steps() has been called: that is a
 * violation.
 */
void guard_steps(void);
bool try_step(struct world *w, uint32_t step);

/* Takes one step of a class, if there is one. */
bool take_any_step(struct world *w, enum step_class class);

/* The name of a step's kind; the number of a step, or w->steps if there is none such. */
const char *name_of(const struct world *w, uint32_t step);
uint32_t find_step(const struct world *w, const char *name, uint32_t argument);

/* world.c: a new core, and whoever watches its lines. */
int make_core(struct world *w);
void watch_lines(struct world *w);

/* The steps themselves: with an argument that says which one of several. True: it was taken. */
typedef bool step_function(struct world *w, uint32_t argument);

/* story.c: tells what has changed of what guest and host can see; at first all of it. */
enum { TOLD_MAX = 160, TOLD_LINES = LINES + DEVICES + VCPUS + 2 };
struct told {
	char text[TOLD_LINES][TOLD_MAX];
};
void tell_state(const struct world *w);

/* host.c */
step_function host_signals, device_asserts, device_goes_quiet;
uint32_t number_of(const struct world *w, const struct device *device);
void trigger(struct world *w, struct device *device);
void listen_to(struct world *w, struct device *device);

/* KVM takes the trigger: the message that its table has for the GSI goes to a LAPIC, whatever the mask. */
void inject(struct world *w, struct device *device);

/* routes.c */
step_function adapter_builds, adapter_sets_routes;
const char *thread_name(uint32_t thread);
void give_routes(struct world *w);

/* The version of the table that the thread's next effect needs. */
uint64_t needed_routes(const struct world *w, const struct thread *thread);

/* effects.c */
step_function adapter_carries_out;

/* Some thread has the lock of the device's source. */
bool is_locked(const struct world *w, const struct device *device);

/* A message of the line is still to be sent; what was asked of the source is still to be carried out. */
bool is_being_sent(const struct world *w, uint32_t line);
bool is_asked_for(const struct world *w, irqgate_source source);

/* adapter.c */
step_function adapter_reads, adapter_hands_in, adapter_retries, adapter_acks_next;
void adapter_acks(struct world *w, uint32_t vcpu);
void read_line(struct world *w, uint32_t line, uint32_t thread);

/* guest.c */
step_function guest_masks, guest_unmasks, guest_rewrites, guest_moves, guest_changes_mode, guest_reads,
	guest_takes, guest_eois, guest_writes_eoi, guest_goes_wild, guest_turns_lapics;
void guest_starts(struct world *w);

/* lapic.c */
step_function vcpu_answers, question_grows_old;
int ask_lapics(struct world *w, uint32_t vcpu, const struct irqgate_access *access);
void answer_question(struct world *w, uint32_t vcpu);
bool is_held(const struct world *w, uint8_t vectors); /* one of the set, by any LAPIC */
void accept_message(struct world *w, uint32_t vcpu, uint32_t vector);
bool eoi_exits(const struct world *w, uint32_t vcpu, uint32_t vector);
uint8_t message_vector(const struct irqgate_message *message);
uint8_t message_vcpu(const struct irqgate_message *message);
bool message_is_level(const struct irqgate_message *message);

/* pair.c */
step_function pair_masks, pair_unmasks, pair_eoi, pair_eoi_any, pair_inta, pair_initialises, pair_polls,
	vcpu_passes;
void pair_starts(struct world *w);
void enter_guest(struct world *w, uint32_t vcpu);

/* manage.c */
step_function device_is_removed, device_is_added, device_is_disabled, device_is_enabled, wire_rises,
	wire_falls, wire_is_removed, wire_is_added, machine_is_reset, machine_is_restored, mask_is_peeked_at,
	hold_times_out;
void add_device(struct world *w, uint32_t device);
void add_wire(struct world *w);

#endif
