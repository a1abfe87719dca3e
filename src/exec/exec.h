/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The preloaded library of `irqgate exec`: it watches the system calls by which a VMM sets up its VM and the
 * INTx interrupts of its VFIO devices, and runs the gate there. What it knows:
 *
 *   vm       a KVM VM: its chip, the core that follows that chip, and the irqfds of its lines
 *   vcpu     where the VMM's exits are read
 *   device   a VFIO device, and how the VMM has set up its INTx
 *   record   what was counted for one device on one GSI; outlives both
 *
 * A device's INTx is `left` until everything about it is understood: then VFIO and KVM are exactly as the VMM
 * has set them up. Once it is understood it is `gated`: VFIO no longer hears the VMM's resample eventfd, and
 * it is unmasked and masked as the core wishes. ig_line_settle() brings a device into the state that follows
 * from what is known, and back.
 *
 * Locks: one mutex (ig_exec_lock) guards everything here, and is held over the calls on VFIO and KVM, none of
 * which sleeps for long. A thread that holds it goes straight to the real functions. Only the table of file
 * descriptors is read without it; so what it leads to is never freed.
 */
#ifndef IG_EXEC_H
#define IG_EXEC_H

#include <irqgate/core.h>

#include <linux/kvm.h>
#include <linux/vfio.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "exec/histogram.h"

enum {
	IG_GSIS_MAX = IRQGATE_PINS_MAX,
	IG_SOURCES_MAX = 64,
	IG_IRQFDS_MAX = 64,
	IG_NO_FD = -1,
};

/* An eventfd of the VMM's. By its id a duplicate of it is known (fdinfo's eventfd-id); -1 where that is not told. */
struct ig_eventfd {
	int fd; /* IG_NO_FD: none */
	int id;
};

enum ig_kind { IG_VM, IG_VCPU, IG_DEVICE, IG_EVENTFD };

/* What a file descriptor stands for. */
struct ig_object {
	enum ig_kind kind;
	int fd;      /* one of those that lead here, or IG_NO_FD when all are closed */
	int aliases; /* how many do */
};

/* One KVM_IRQFD of a line: the trigger is bound to the GSI; resample only on an in-kernel chip. */
struct ig_irqfd {
	struct ig_eventfd trigger, resample;
	uint32_t gsi;
};

/* The pins that a GSI is routed to on KVM's own chips; -1: none. */
struct ig_chip_pins {
	int16_t ioapic, pic;
};

enum ig_chip { IG_CHIP_NONE, IG_CHIP_SPLIT, IG_CHIP_KERNEL };

struct ig_vm {
	struct ig_object object;
	enum ig_chip chip;
	struct irqgate_core *core; /* follows the chip */
	uint32_t pins;
	uint32_t vcpus;
	bool known[IG_GSIS_MAX];   /* split: the guest has written the entry since the VMM last wrote state */
	bool select_known;         /* split: the same of IOREGSEL */
	bool not_understood;
	int64_t poll_ns, poll_at;  /* in-kernel, while something is held */
	struct ig_chip_pins route[IG_GSIS_MAX]; /* in-kernel */
	struct ig_irqfd irqfd[IG_IRQFDS_MAX];
	uint32_t irqfds;
	struct ig_vm *next;
};

/* What the last exit of a vCPU asks for; it counts once the VMM has dealt with it, at its next KVM_RUN. */
enum ig_exit_kind { IG_EXIT_NOTHING, IG_EXIT_WRITE, IG_EXIT_EOI };

struct ig_vcpu {
	struct ig_object object;
	struct ig_vm *vm;
	const struct kvm_run *run;
	atomic_uint users;         /* of `run`: its descriptors, and each thread in KVM_RUN */
	enum ig_exit_kind exit;
	struct irqgate_access access; /* of IG_EXIT_WRITE */
	uint8_t vector;               /* of IG_EXIT_EOI */
};

struct ig_record {
	char device[64];
	uint32_t gsi;
	const char *chip;
	bool gated, direct;
	uint64_t triggers; /* that passed through here: all but those of the direct path and of an in-kernel chip */
	uint64_t eois, masked_eois, holds, releases, resamples, silences, polls;
	struct ig_histogram hold_us;
	struct ig_record *next;
};

struct ig_device {
	struct ig_object object;
	char name[64];
	uint64_t config_at, config_size; /* of PCI config space in the descriptor; size 0: not known yet */
	/* As the VMM has set up INTx. */
	struct ig_eventfd trigger, resample;
	bool masked;          /* by the VMM */
	bool disabled;        /* by the guest: PCI's interrupt disable bit */
	bool migrating;
	bool not_understood;
	uint32_t own_unmasks; /* by ioctl while no irqfd forwards the trigger */
	bool complained;
	/* While gated. */
	struct ig_vm *vm;     /* NULL: left as it is */
	uint32_t gsi;
	irqgate_source source;
	bool between;         /* VFIO signals own_trigger */
	int own_trigger;      /* IG_NO_FD until it is needed */
	uint64_t seen_holds;  /* the core's counter as of last time */
	int64_t held_since;   /* ns; 0: not held */
	struct ig_record *record;
	struct ig_device *next;
};

struct ig_config {
	enum irqgate_policy policy;
	int stats_seconds;    /* -1: no statistics; 0: only at the end */
	int json_fd;          /* IG_NO_FD: none */
	bool follow;
};

struct ig_exec {
	struct ig_config config;
	struct ig_vm *vms;
	struct ig_device *devices;
	struct ig_record *records;
	bool off;             /* a child that was forked off: nothing of this is its own */
};

extern struct ig_exec ig_exec;

/* The functions that the VMM's calls end in. */
struct ig_real {
	int (*ioctl)(int fd, unsigned long request, ...);
	int (*close)(int fd);
	int (*dup)(int fd);
	int (*dup2)(int from, int to);
	int (*dup3)(int from, int to, int flags);
	int (*fcntl)(int fd, int command, ...);
	int (*close_range)(unsigned int first, unsigned int last, int flags);
	ssize_t (*pwrite)(int fd, const void *bytes, size_t count, off_t at);
};

extern struct ig_real ig_real;

/* preload.c. False: this thread holds the lock already, or the process is not ours to watch. */
bool ig_exec_lock(void);
void ig_exec_unlock(void);

/* One line on the VMM's stderr, if that can be written without waiting. */
void ig_exec_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether memory of the VMM's, of 32 bytes at most, can be read: the kernel has not looked at it yet. */
bool ig_exec_can_read(const void *at, size_t bytes);

/* settings.c: what `irqgate exec` has left in the environment. Removes it there, unless children shall follow. */
void ig_exec_read_settings(struct ig_config *config);

/* fds.c. Reading needs no lock, changing does. */
struct ig_object *ig_fd_object(int fd);
void *ig_fd_find(int fd, enum ig_kind kind);
/* Whether the table has a place for it. */
bool ig_fd_is_possible(unsigned int fd);
bool ig_fd_add(int fd, struct ig_object *object);
/* The object that has lost its last descriptor, or NULL. */
struct ig_object *ig_fd_remove(int fd);
/* The eventfd behind a descriptor; marks the descriptor, so that its end is seen. */
struct ig_eventfd ig_eventfd_of(int fd);
bool ig_eventfd_same(const struct ig_eventfd *a, const struct ig_eventfd *b);
/* Reads it without waiting. False: it was not signalled, or somebody else has been quicker. */
bool ig_eventfd_drain(int fd);
/* The descriptor is about to be closed: another one of the same eventfd, or none. */
void ig_eventfd_replace(struct ig_eventfd *eventfd, int closing);

/* vm.c: what the VMM does to its VM. Called after the real call, with what that returned. */
void ig_vm_created(int fd);
void ig_vcpu_created(struct ig_vm *vm, int fd);
void ig_vcpu_closed(struct ig_vcpu *vcpu);
/* KVM_RUN may outlive the vCPU's descriptors: without the lock, around it. False: it is closed already. */
bool ig_vcpu_hold(struct ig_vcpu *vcpu);
void ig_vcpu_release(struct ig_vcpu *vcpu);
void ig_vm_closed(struct ig_vm *vm);
void ig_vm_chip(struct ig_vm *vm, enum ig_chip chip, uint64_t pins);
void ig_vm_irqfd(struct ig_vm *vm, const struct kvm_irqfd *irqfd);
void ig_vm_coalesced(struct ig_vm *vm, const struct kvm_coalesced_mmio_zone *zone);
/* The VMM has written a vCPU's state: its chips' may have been reset or loaded as well. */
void ig_vm_state_written(struct ig_vm *vm);
void ig_vm_eventfd_closing(struct ig_vm *vm, int fd);
const struct ig_irqfd *ig_vm_find_irqfd(const struct ig_vm *vm, const struct ig_eventfd *trigger);

/* split.c: follows the guest's use of an IOAPIC that the VMM emulates. */
void ig_split_exit(struct ig_vcpu *vcpu);
void ig_split_apply(struct ig_vcpu *vcpu);

/* kernel.c: looks at KVM's own chips. */
void ig_kernel_default_routes(struct ig_vm *vm);
/* The VMM's table of routes. */
void ig_kernel_set_routes(struct ig_vm *vm, const struct kvm_irq_routing *routing);
/* KVM has signalled the resample eventfd of a device. */
void ig_kernel_acked(struct ig_device *device);
/* Looks whether the pins of what is held are unmasked by now. */
void ig_kernel_poll(void);

/* device.c: what the VMM does to a VFIO device. */
void ig_device_opened(int fd, const char *name);
void ig_device_closed(struct ig_device *device);
int ig_device_set_irqs(struct ig_device *device, const struct vfio_irq_set *set);
int ig_device_set_feature(struct ig_device *device, const struct vfio_device_feature *feature);
/* By its first VFIO_DEVICE_SET_IRQS on INTx, which has succeeded, a descriptor shows itself to be a device's. */
void ig_device_first_set_irqs(int fd, const struct vfio_irq_set *set);
void ig_device_eventfd_closing(struct ig_device *device, int fd);

/* config.c. Learns where config space is, and whether INTx is disabled there. */
void ig_device_find_config(struct ig_device *device);
/* A write to the device's descriptor. False: it is nothing to us, and has not been made. */
bool ig_device_pwrite(struct ig_device *device, const void *bytes, size_t count, off_t at, ssize_t *result);

/* vfio.c: our own calls on a device. 0 or -errno. */
int ig_vfio_unmask(const struct ig_device *device);
int ig_vfio_mask(const struct ig_device *device);
int ig_vfio_set_trigger(const struct ig_device *device, int eventfd);
int ig_vfio_set_resample(const struct ig_device *device, int eventfd);

/* line.c */
void ig_line_settle(struct ig_device *device);
void ig_line_settle_all(void);
void ig_line_effects(struct ig_vm *vm, const struct irqgate_effects *effects);
/* Reads what the device has signalled between, and hands it to the core. */
void ig_line_triggered(struct ig_device *device);
/* An eventfd of ours, made when it is needed first; IG_NO_FD if there is none to be had. */
int ig_line_own_trigger(struct ig_device *device);
/* Gives the interrupt back, as the VMM has set it up; ig_line_settle() may take it again. */
void ig_line_leave(struct ig_device *device);
/* The device's interrupt ends: nothing is given back. */
void ig_line_forget(struct ig_device *device);
/* Why a device's INTx is left as it is, in words; NULL when it is gated. */
const char *ig_line_why_left(const struct ig_device *device);

/* helper.c: the thread that waits for what no vCPU's exit brings. It blocks all signals. */
enum ig_watch { IG_WATCH_TRIGGER, IG_WATCH_RESAMPLE };
bool ig_helper_watch(int fd, struct ig_device *device, enum ig_watch what);
void ig_helper_unwatch(int fd);
/* Starts it, if it does not run yet. */
bool ig_helper_start(void);
/* A thread of ours: detached, all signals blocked. 0 or the error. */
int ig_thread_start(void *(*function)(void *), const char *name);
/* In a child that was forked off there is no such thread. */
void ig_helper_forked(void);
/* Calls ig_kernel_poll() at that time, in ns. */
void ig_helper_poll_at(int64_t at);
int64_t ig_now(void);

/* stats.c */
struct ig_record *ig_record_of(const struct ig_device *device, uint32_t gsi, const char *chip);
void ig_stats_print(void);
struct ig_text {
	char *bytes; /* NULL: none */
	size_t length;
};

struct ig_text ig_stats_json(void);
/* Without the lock; frees the text. Into anything but a regular file only the last object goes. */
void ig_stats_write(struct ig_text text, bool last);
/* Starts the thread that tells of them every few seconds, if that is wanted and it does not run yet. */
void ig_stats_start(void);
/* In a child that was forked off there is no such thread. */
void ig_stats_forked(void);

#define ig_for_each_device(device) for (struct ig_device *device = ig_exec.devices; device; device = device->next)
#define ig_for_each_vm(vm) for (struct ig_vm *vm = ig_exec.vms; vm; vm = vm->next)

#endif
