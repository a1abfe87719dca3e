/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The pure core: IOAPICs (82093AA registers, version 0x11 or 0x20) and a PC's pair of 8259As, their lines,
 * the gate and the GSI routes.
 *
 * It makes no system call, allocates nothing, starts no thread and keeps no global: all state is in the
 * memory that the caller gave, as plain bytes without pointers. So it may be copied, compared and hashed.
 *
 * Threads: no function locks. The caller serialises all calls on one core (the KVM adapter has a mutex for
 * it) and carries out the returned effects after it has let go of its lock.
 *
 * A GSI is a line; it feeds the pin of the IOAPIC in whose range it is, and, if there is a pair of 8259As,
 * GSI 0 to 15 feed the inputs of that number too (but GSI 2, for there the slave is). Errors are negative
 * errno values; where a function fails, its outputs are untouched, but for the effects, of which there are
 * none then.
 */
#ifndef IRQGATE_CORE_H
#define IRQGATE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <irqgate/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* When the resample of a forwarded level source is sent. */
enum irqgate_policy {
	IRQGATE_POLICY_HOLD,            /* not before the guest has both sent EOI and unmasked the pin */
	IRQGATE_POLICY_EOI,             /* at EOI, whatever the mask: KVM before Linux 6.3, QEMU, crosvm */
	IRQGATE_POLICY_UNMASK_RESAMPLE, /* at EOI, and again at an unmask that finds the line pending: KVM since 6.3 */
};

enum irqgate_source_kind {
	IRQGATE_SOURCE_WIRE,      /* an emulated device's level */
	IRQGATE_SOURCE_EDGE,      /* an emulated device's pulses */
	IRQGATE_SOURCE_FORWARDED, /* a level source that falls silent at its trigger until its resample */
};

#define IRQGATE_PINS_MAX         120U /* of a chip: what an 8-bit index reaches, from 0x10 on (82093AA, 3.1.1) */
#define IRQGATE_CHIPS_MAX        8U
#define IRQGATE_GSIS_MAX         1024U
#define IRQGATE_SOURCES_MAX      4096U
#define IRQGATE_LINE_SOURCES_MAX 31U /* sources on one line */
#define IRQGATE_NAME_SIZE        24U /* a source's name with its NUL; longer ones are cut */

/* The handle of a source. It is never used twice for different sources soon; 0 names none. */
typedef uint32_t irqgate_source;

struct irqgate_core;

/* What the version register says. Only the newer one has an EOI register (ICH9, 13.5). */
enum { IRQGATE_IOAPIC_VERSION_11 = 0x11, IRQGATE_IOAPIC_VERSION_20 = 0x20 };

/* An IOAPIC. */
struct irqgate_chip {
	uint32_t pins;     /* 1 to IRQGATE_PINS_MAX; the 82093AA has 24 */
	uint32_t gsi_base; /* the GSI of its pin 0; no two chips share a GSI, and none is IRQGATE_GSIS_MAX or above */
	uint8_t id;        /* after reset, 0 to 15 */
	uint8_t version;   /* 0 is version 0x20 */
	/*
	 * Entries have 15 bits of destination: bits 55:49 are the upper seven, and bits 11:5 of a message's
	 * address (as KVM's CPUID leaf names it: MSI extended destination id). Without it those bits are
	 * reserved.
	 */
	bool extended_destinations;
};

struct irqgate_core_config {
	size_t size;                /* sizeof(struct irqgate_core_config) */
	enum irqgate_policy policy;
	uint32_t sources;           /* how many sources at most, 1 to IRQGATE_SOURCES_MAX */
	uint32_t chips;             /* 1 to IRQGATE_CHIPS_MAX */
	struct irqgate_chip chip[IRQGATE_CHIPS_MAX];
	bool pic;                   /* a pair of 8259As beside them */
	bool directed_eoi;          /* LAPICs may suppress the broadcast: see irqgate_core_ioapic_eoi() */
};

/* A message-signalled interrupt as the PC's LAPICs take it (Intel SDM vol. 3, "Message Signalled Interrupts"). */
struct irqgate_message {
	uint64_t address;
	uint32_t data;
	uint32_t reserved; /* 0: no byte of a core's state is left to chance */
};

enum irqgate_effect_kind {
	IRQGATE_EFFECT_SEND,   /* send message; when no LAPIC takes it, call irqgate_core_send_failed() */
	IRQGATE_EFFECT_SOURCE, /* look up irqgate_core_wish() of the source and carry it out */
	IRQGATE_EFFECT_LINE,   /* look up irqgate_core_line_state() of the line, and tell those who watch it */
};

struct irqgate_effect {
	enum irqgate_effect_kind kind;
	irqgate_source source;          /* of IRQGATE_EFFECT_SOURCE */
	uint32_t pin;                   /* of IRQGATE_EFFECT_SEND and _LINE: the GSI */
	uint32_t ticket;                /* of IRQGATE_EFFECT_SEND, as is the rest */
	struct irqgate_message message;
};

#define IRQGATE_EFFECTS_MAX (IRQGATE_LINE_SOURCES_MAX + 2U)

/* What may be wrong with a line's interrupt (docs/diagnosis.md). The last one is seen by an adapter, not by the core. */
enum irqgate_diagnosis {
	IRQGATE_DIAGNOSIS_EDGE,            /* a forwarded source triggered, and an unmasked entry takes it for an edge */
	IRQGATE_DIAGNOSIS_NEVER_UNMASKED,  /* one triggered, and since the reset no guest has unmasked the line */
	IRQGATE_DIAGNOSIS_HELD,            /* one has waited for an unmask longer than the limit */
	IRQGATE_DIAGNOSIS_STORM,           /* the storm guard delays the line */
	IRQGATE_DIAGNOSIS_UNHEARD,         /* nobody has taken note of a resample */
	IRQGATE_DIAGNOSES,
};

#define IRQGATE_NEVER UINT64_MAX

/*
 * What the world has to do after a call; the call overwrites it. Before any effect is carried out the table
 * of routes must be at least as new as routes_version: that of the line that the call was about, so that it need not
 * wait for what changes on others. Effects of two calls may be carried out in any order.
 */
struct irqgate_effects {
	uint32_t count;
	bool intr; /* INTR of the 8259A pair is high now: let the processor acknowledge it */
	uint32_t diagnosed;     /* set of enum irqgate_diagnosis: what was found just now ... */
	uint32_t diagnosed_gsi; /* ... and of which line; see irqgate_core_line_stats() */
	uint64_t routes_version;
	uint64_t next_time;     /* call irqgate_core_expire() then; IRQGATE_NEVER */
	struct irqgate_effect effect[IRQGATE_EFFECTS_MAX];
};

/* What those who watch a line want to know. Looked up, not sent: so notices may be carried out in any order. */
struct irqgate_line_state {
	bool masked;      /* by all chips that the line feeds */
	uint64_t acks;    /* that a chip reported while the line was watched */
	uint64_t version; /* counts the notices: of two states the newer one has more */
};

/* What is wanted of a forwarded source now. Wishes count up; only the newest one has to be carried out. */
struct irqgate_wish {
	bool listen;             /* true: resample it. false: silence it, until the next wish to listen */
	bool answered;           /* it has triggered since it was to be listened to: nothing is left to be done */
	uint64_t version;        /* 0: nothing has been wanted yet */
	uint64_t routes_version; /* the table of routes must be at least as new before */
};

/*
 * What the LAPICs say about the messages of a pin: irqgate_core_lapic_holds() of one whose vector is in the
 * IRR or ISR of a LAPIC that it goes to, or one of these. See irqgate_core_asks_lapic().
 */
enum {
	IRQGATE_LAPIC_NOT_ASKED = -2, /* or cannot be read */
	IRQGATE_LAPIC_IDLE = -1,      /* no LAPIC has one of the vectors */
};

/* One entry of the table of GSI routes that makes KVM exit at the EOI (KVM API 4.52 and 4.96). */
struct irqgate_route {
	uint32_t gsi;
	struct irqgate_message message;
};

struct irqgate_source_stats {
	uint64_t triggers;        /* that reached the core; on the direct path the kernel takes them itself */
	uint64_t absorbed;        /* triggers while already asserted */
	uint64_t holds;           /* times the gate closed: EOI with the pin masked, or a trigger on a masked pin */
	uint64_t resamples;       /* wishes to listen that end an assertion */
	uint64_t idle_resamples;  /* wishes to listen to a source that was armed, as far as the core knows */
	uint64_t silences;        /* wishes to be silent */
};

struct irqgate_line_stats {
	uint64_t sends;  /* messages sent by the core; on the direct path the kernel sends them itself */
	uint64_t eois;   /* that matched the pin */
	uint64_t diagnoses[IRQGATE_DIAGNOSES];
};

/*
 * A storm guard: of interrupts that make no progress, a budget is delivered at once; then the line waits for
 * a time, and has its budget again. An interrupt makes progress if a wire is low at its EOI; a forwarded
 * source has been silent by its own will if that EOI comes later than pace after the one before. Times in
 * nanoseconds.
 */
struct irqgate_guard {
	uint32_t budget; /* 0: no guard */
	uint32_t reserved; /* 0 */
	uint64_t pace;
	uint64_t delay;
};

/* The GSIs are those below this: of the last chip, the last one plus one. */
IRQGATE_API uint32_t irqgate_core_gsis(const struct irqgate_core *core);

/* Bytes that a core of this configuration needs, or 0 if the configuration is not valid. */
IRQGATE_API size_t irqgate_core_size(const struct irqgate_core_config *config);

/*
 * Makes a core in memory (aligned as malloc aligns), after reset: all pins masked, no source.
 * -EINVAL: a value out of range. -ENOSPC: bytes is less than irqgate_core_size().
 */
IRQGATE_API int irqgate_core_init(void *memory, size_t bytes, const struct irqgate_core_config *config,
				  struct irqgate_core **core);

/*
 * Resets the chips as a machine reset does; sources and their levels stay. Pin by pin: call it with *pin = 0
 * until it returns false, and carry out the effects of each call.
 */
IRQGATE_API bool irqgate_core_reset(struct irqgate_core *core, uint32_t *pin, struct irqgate_effects *effects);

/*
 * Adds a source to a line. direct: the adapter can bind the source's trigger to a route in the kernel and can
 * silence it; the core then uses the direct path if the policy is hold and as long as the source is alone.
 * -EINVAL: no such GSI, or direct asked for what is not forwarded. -ENOSPC: no room left in the core or line.
 */
IRQGATE_API int irqgate_core_add(struct irqgate_core *core, uint32_t gsi, enum irqgate_source_kind kind, bool direct,
				 const char *name, irqgate_source *source, struct irqgate_effects *effects);

/* Removes a source; its part of the level drops. -ENOENT: the handle names none (removed already, say). */
IRQGATE_API int irqgate_core_remove(struct irqgate_core *core, irqgate_source source, struct irqgate_effects *effects);

/* Sets a wire. -ENOENT: no such source. -EINVAL: not a wire. */
IRQGATE_API int irqgate_core_set_level(struct irqgate_core *core, irqgate_source source, bool level,
				       struct irqgate_effects *effects);

/* One pulse of an edge source. -ENOENT: no such source. -EINVAL: not an edge source. */
IRQGATE_API int irqgate_core_pulse(struct irqgate_core *core, irqgate_source source, struct irqgate_effects *effects);

/* A forwarded source has triggered. -ENOENT: no such source. -EINVAL: not a forwarded source. */
IRQGATE_API int irqgate_core_trigger(struct irqgate_core *core, irqgate_source source,
				     struct irqgate_effects *effects);

/*
 * Takes a forwarded source out of its line and back without removing it, as PCI's interrupt-disable bit does.
 * -ENOENT: no such source. -EINVAL: not a forwarded source.
 */
IRQGATE_API int irqgate_core_enable(struct irqgate_core *core, irqgate_source source, bool enable,
				    struct irqgate_effects *effects);

/* What is wanted of the source. -ENOENT: the handle names none: do nothing. */
IRQGATE_API int irqgate_core_wish(const struct irqgate_core *core, irqgate_source source, struct irqgate_wish *wish);

/* The kernel refuses to bind the source's trigger: its line takes the userspace path. -ENOENT: no such source. */
IRQGATE_API int irqgate_core_refuse_direct(struct irqgate_core *core, irqgate_source source,
					   struct irqgate_effects *effects);

/* Whether the source's trigger shall be bound to the route of its GSI in the kernel (false for no source). */
IRQGATE_API bool irqgate_core_bound(const struct irqgate_core *core, irqgate_source source);

/*
 * An access to an IOAPIC: bytes (1, 2, 4 or 8) at offset from its base (82093AA, section 3.1). The registers
 * are at offsets 0x00, 0x10 and 0x40 and 32 bits wide: of a wider write the lower half counts, a narrower one
 * is extended with zeros.
 */
struct irqgate_access {
	uint64_t offset;
	uint64_t value; /* of a write */
	uint32_t bytes;
	uint32_t chip;  /* its index in the configuration */
	bool write;
};

/* A read. What has no register reads as 0, as does a chip that there is not. answer: see irqgate_core_asks_lapic(). */
IRQGATE_API uint64_t irqgate_core_ioapic_read(struct irqgate_core *core, const struct irqgate_access *access,
					      int answer);

/*
 * A write. What has no register is ignored. Returns the vector (0 to 255) that the write asks to EOI, which
 * the caller hands to irqgate_core_ioapic_eoi(), or -1.
 */
IRQGATE_API int irqgate_core_ioapic_write(struct irqgate_core *core, const struct irqgate_access *access, int answer,
					  struct irqgate_effects *effects);

/*
 * Whether the outcome of an access depends on what the LAPICs hold: on the direct path the kernel consumes
 * the trigger, so the core can not know. If so, returns the GSI, and message[] has the one or two messages
 * whose vectors to look for, in IRR and ISR of the LAPICs that they go to; hand the answer in with the
 * access. Else -1. Without an answer, remote IRR reads as set and an unmask resamples: at worst one interrupt
 * too many, never one lost.
 */
IRQGATE_API int irqgate_core_asks_lapic(const struct irqgate_core *core, const struct irqgate_access *access,
					struct irqgate_message message[2], uint32_t *count);

/* The answer that a LAPIC holds the message. (The vector would not do: two of a pin's messages may have the same.) */
IRQGATE_API int irqgate_core_lapic_holds(const struct irqgate_message *message);

/*
 * The GSI whose pin an access would unmask, or -1. Triggers of its sources that are still unread must be read
 * and handed in before the access: they are older than the unmask, and so lead to no interrupt by themselves.
 */
IRQGATE_API int irqgate_core_unmasks(const struct irqgate_core *core, const struct irqgate_access *access);

/*
 * The first GSI from one on whose pin an EOI of the vector may be for, or -1. Triggers of its sources that are
 * still unread should be read and handed in before the EOI: of several devices on a line the guest's handler
 * has served them all.
 */
IRQGATE_API int irqgate_core_serves(const struct irqgate_core *core, uint8_t vector, uint32_t gsi);

/*
 * Counts whatever settles or opens the question whether the pin's message is in service: an answer of the
 * LAPICs is good for as long as this stays the same. 0 for no such GSI.
 */
IRQGATE_API uint64_t irqgate_core_epoch(const struct irqgate_core *core, uint32_t gsi);

/*
 * A LAPIC broadcast the EOI of a level-triggered vector. Pin by pin, as several may share the vector: call it
 * with *pin = 0 until it returns false, all under one hold of the caller's lock (a message that another pin
 * sends in between is not what the EOI is for), and then carry out the effects of each call that returned
 * true.
 */
IRQGATE_API bool irqgate_core_eoi(struct irqgate_core *core, uint8_t vector, uint32_t *pin,
				  struct irqgate_effects *effects);

/*
 * The same for a write of the EOI register, which is for the pins of its own chip. A guest may send it beside
 * the LAPIC's EOI (Linux with interrupt remapping does): so it acks only a pin that is known to be in
 * service, else the second would ack the next interrupt. Where LAPICs may suppress the broadcast (SDM vol. 3,
 * 11.8.5) the register's may be the only one: then it acks as well what may be in service.
 */
IRQGATE_API bool irqgate_core_ioapic_eoi(struct irqgate_core *core, uint32_t chip, uint8_t vector, uint32_t *pin,
					 struct irqgate_effects *effects);

/* A guest's access to the ports of the 8259A pair: 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 (ICH9, 13.4). */
struct irqgate_pic_access {
	uint16_t port;
	bool write;
	uint8_t value;  /* written, or read */
	/* The core's, 0 at first: whether it has been done, and the IRQs of which there is something left to say. */
	bool done;
	uint16_t acked, unmasked;
};

/*
 * Does the access, line by line: call it until it returns false, under one hold of the caller's lock, for in
 * between INTR may be high for a level that is about to drop. Then carry out the effects of each call, the
 * last one included (which has the notices for those who watch, and the INTR that counts). At most 17 calls.
 * Without a pair a read gives ones, and a write does nothing.
 */
IRQGATE_API bool irqgate_core_pic_access(struct irqgate_core *core, struct irqgate_pic_access *access,
					 struct irqgate_effects *effects);

/*
 * The set of GSIs that a write would unmask at the pair; as irqgate_core_unmasks(), but that a trigger handed
 * in may have effects here: it reaches the IOAPIC, whose pin may be unmasked.
 */
IRQGATE_API uint16_t irqgate_core_pic_unmasks(const struct irqgate_core *core, const struct irqgate_pic_access *access);

/* The same of those whose interrupt in service a write would end, as by an EOI; see irqgate_core_serves(). */
IRQGATE_API uint16_t irqgate_core_pic_acks(const struct irqgate_core *core, const struct irqgate_pic_access *access);

/*
 * The set of GSIs whose level a read would show: of an IRR, that of level-triggered inputs, as far as the
 * core knows. Who can see a device's real line shows that instead: bit (GSI % 8) of the value. 0 for any
 * other access.
 */
IRQGATE_API uint16_t irqgate_core_pic_shows(const struct irqgate_core *core, const struct irqgate_pic_access *access);

/* Whether INTR of the pair is high. */
IRQGATE_API bool irqgate_core_pic_intr(const struct irqgate_core *core);

/* The processor acknowledges INTR (its INTA cycles): the vector. -EAGAIN: INTR is low. */
IRQGATE_API int irqgate_core_pic_acknowledge(struct irqgate_core *core, struct irqgate_effects *effects);

/*
 * Starts or ends the watch of a line: effects of whatever acks, masks or unmasks it then have an
 * IRQGATE_EFFECT_LINE, for others than the sources of the line to follow it. (A timer, say, that injects its
 * next tick after the ack.) An ack is an EOI that a chip reports; the IOAPIC's edge-triggered entries have
 * none. What happened between two looks is told in one: acks are counted, a mask that was taken back is not
 * seen. -EINVAL: no such GSI.
 */
IRQGATE_API int irqgate_core_watch(struct irqgate_core *core, uint32_t gsi, bool watch);

/* The line now, with whatever was done by calls that have returned. -EINVAL: no such GSI. */
IRQGATE_API int irqgate_core_line_state(const struct irqgate_core *core, uint32_t gsi,
					struct irqgate_line_state *state);

/* No LAPIC took the message of an IRQGATE_EFFECT_SEND. True: irqgate_core_retry() will be worth a call. */
IRQGATE_API bool irqgate_core_send_failed(struct irqgate_core *core, uint32_t pin, uint32_t ticket);

/* Sends again what no LAPIC took. Pin by pin: *pin = 0 first, until it returns false. */
IRQGATE_API bool irqgate_core_retry(struct irqgate_core *core, uint32_t *pin, struct irqgate_effects *effects);

/*
 * The routes that KVM must have now: the lower half of 2 * irqgate_core_gsis() GSIs has each pin's message,
 * the upper half messages that are or may be in service though the pin has a new one. Returns how many were
 * written to route[], which must have room for as many GSIs.
 */
IRQGATE_API uint32_t irqgate_core_routes(const struct irqgate_core *core, struct irqgate_route *route,
					 uint64_t *version);

/* Whether anything on the line is asserted, as far as the core knows. False for no such GSI. */
IRQGATE_API bool irqgate_core_line_level(const struct irqgate_core *core, uint32_t gsi);

/* Whether the source is enabled; false for no such source. */
IRQGATE_API bool irqgate_core_enabled(const struct irqgate_core *core, irqgate_source source);

/* Whether the source is asserted, as far as the core knows: 1 or 0. -ENOENT: no such source. */
IRQGATE_API int irqgate_core_source_level(const struct irqgate_core *core, irqgate_source source);

/* The sources of a line one after another: the first after 0, 0 after the last (or for no such GSI or source). */
IRQGATE_API irqgate_source irqgate_core_next(const struct irqgate_core *core, uint32_t gsi, irqgate_source source);

/* -ENOENT: no such source. */
IRQGATE_API int irqgate_core_source_stats(const struct irqgate_core *core, irqgate_source source,
					  struct irqgate_source_stats *stats);

/* -EINVAL: no such GSI. */
IRQGATE_API int irqgate_core_line_stats(const struct irqgate_core *core, uint32_t gsi,
					struct irqgate_line_stats *stats);

/* The name that the source was added with, or "" for no such source. Valid until the source is removed. */
IRQGATE_API const char *irqgate_core_name(const struct irqgate_core *core, irqgate_source source);

/*
 * Time, which the core has none of: that of the calls that follow, in nanoseconds of a clock that never goes
 * back. Only the storm guard and the limit of holds want it; a core without these need not be told.
 */
IRQGATE_API void irqgate_core_set_time(struct irqgate_core *core, uint64_t now);

/* Sets the storm guard of a line, which has its whole budget then. There is none at first. -EINVAL: no such GSI. */
IRQGATE_API int irqgate_core_guard(struct irqgate_core *core, uint32_t gsi, const struct irqgate_guard *guard);

/* How long a forwarded source may wait for an unmask before IRQGATE_DIAGNOSIS_HELD; 0 (at first): for ever. */
IRQGATE_API void irqgate_core_limit_holds(struct irqgate_core *core, uint64_t nanoseconds);

/*
 * Does what is due at the time that was set: lines that the guard has delayed go on, holds that are too old
 * are told of. Line by line: *gsi = 0 first, until it returns false; the effects of the last call have the
 * next time.
 */
IRQGATE_API bool irqgate_core_expire(struct irqgate_core *core, uint32_t *gsi, struct irqgate_effects *effects);

/*
 * The state as bytes that are the same on every machine (docs/state.md): of chips, lines and sources, in the
 * middle of a hold too. Before it is taken no vCPU may run, and the effects of all calls must have been
 * carried out. On the direct path, read each entry with the LAPICs' answer before (see
 * irqgate_core_asks_lapic()): else a restore may cost one interrupt too many. -ENOSPC: bytes is less than
 * irqgate_core_save_size(), which holds until the next call.
 */
IRQGATE_API size_t irqgate_core_save_size(const struct irqgate_core *core);
IRQGATE_API int irqgate_core_save(const struct irqgate_core *core, void *buffer, size_t bytes);

/*
 * Puts a core of the same configuration into a saved state. It must have the same sources already, on each
 * line by kind, name, and their order where these are the same; handles and counters stay its own. Then call
 * irqgate_core_restored(), and irqgate_core_retry() soon. Where it fails nothing has changed. -EBADMSG:
 * damaged, or no saved state. -ENOTSUP: of another version of the format. -EINVAL: of another configuration.
 * -ENODEV: of other sources.
 */
IRQGATE_API int irqgate_core_restore(struct irqgate_core *core, const void *saved, size_t bytes);

/*
 * States anew what is wanted of the forwarded sources: each is resampled, or stays silent. One that still
 * asserts triggers then, as the core knows already. Line by line: *gsi = 0 first, until it returns false.
 */
IRQGATE_API bool irqgate_core_restored(struct irqgate_core *core, uint32_t *gsi, struct irqgate_effects *effects);

/*
 * The bytes that make up the state, without the counters: two cores of one configuration in which these are
 * equal behave alike from here on.
 */
IRQGATE_API size_t irqgate_core_state_size(const struct irqgate_core *core);

#ifdef __cplusplus
}
#endif

#endif
