/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The small VMM that is the library's reference integration: one VM, its memory, vCPUs and a handful of
 * devices.
 *
 * Threads: the main thread sets up, runs the event loop and tears down; each vCPU has a thread, which handles
 * its own exits; the built-in device has one. Device state that several vCPUs can reach has a mutex in its
 * own file.
 */
#ifndef IG_VMM_H
#define IG_VMM_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <irqgate/kvm.h>

#include "chip/pit.h"
#include "vmm/console.h"
#include "vmm/image.h"

#define IG_VCPUS_MAX   8U
#define IG_GSIS        24U
#define IG_DEVICES_MAX 8U

struct ig_vmm;

/* How the IOMMU is told of the guest's memory; auto: by iommufd where the kernel has it. */
enum ig_iommu { IG_IOMMU_AUTO, IG_IOMMU_GROUP, IG_IOMMU_IOMMUFD };

struct ig_device_option {
	const char *address; /* in PCI: domain:bus:slot.function */
	uint32_t gsi;        /* of its INTx */
};

struct ig_vmm_options {
	const char *kernel;        /* bzImage or vmlinux, or NULL: multiboot */
	const char *multiboot;     /* NULL: the embedded guest */
	const char *initrd;        /* of the kernel, or the first module; or NULL */
	const char *append;        /* the guest's command line, or NULL */
	struct ig_device_option device[IG_DEVICES_MAX]; /* assigned */
	uint32_t devices;          /* 0: the built-in device, or with a kernel none */
	uint64_t memory;           /* bytes */
	uint32_t cpus;
	uint32_t gsi;              /* of the built-in device's INTx */
	enum irqgate_policy policy;
	enum irqgate_path path;
	uint32_t timeout;          /* seconds; 0: none */
	uint64_t hold_limit;       /* nanoseconds; 0: none */
	struct irqgate_guard guard; /* of all lines; budget 0: none */
	struct ig_console_options console;
	enum ig_iommu iommu;
	bool msi;                  /* assigned devices keep their MSI and MSI-X */
	bool directed_eoi;         /* LAPICs may suppress the broadcast of EOIs */
	bool no_reboot;            /* a reset ends the run */
	bool sandbox;
};

/* How a run ended. */
enum ig_vmm_end {
	IG_END_EXIT_PORT,   /* the guest wrote the exit port */
	IG_END_POWER_OFF,
	IG_END_RESET,
	IG_END_LEFT,        /* the user left the console */
	IG_END_TIMEOUT,
	IG_END_SIGNAL,
	IG_END_CRASH,       /* triple fault, or an exit that the VMM can not handle; said on stderr */
};

/* Counts between the guest's two marks; the device's are -1 where they can not be had. */
struct ig_vmm_figures {
	bool measured; /* both marks came */
	uint64_t user_exits;
	uint64_t route_updates;
	int64_t triggers;
	int64_t resamples;
	double seconds;
};

struct ig_vcpu {
	struct ig_vmm *vmm;
	uint32_t id;
	int fd;
	struct kvm_run *run;
	size_t run_size;
	pthread_t thread;
	_Atomic bool started;
	bool faulted; /* the last time that it ran, with no reason found */
	struct ig_vcpu_state *at_reset;
	_Atomic uint64_t exits;          /* all of them */
	_Atomic uint64_t taken, handled; /* those of a device, the IOAPIC or the 8259As */
};

#define IG_SERIAL_FIFO 16U

/* A 16550's registers (National Semiconductor PC16550D data sheet); serial.c. */
struct ig_serial {
	pthread_mutex_t lock;
	irqgate_source irq;
	uint8_t ier, lcr, mcr, scr, dll, dlm, fcr;
	bool thr_empty_pending;
	uint8_t received[IG_SERIAL_FIFO];
	uint32_t first, count;
	bool full;      /* more waits for room */
	_Atomic bool refused; /* what was typed: the port was busy */
	char line[256]; /* what the guest has written since the last newline */
	uint32_t length;
};

/* timer.c */
struct ig_timer {
	pthread_mutex_t lock;
	struct ig_pit pit;
	uint64_t ticked; /* when the last tick was, CLOCK_MONOTONIC in nanoseconds */
	int fd;          /* readable when one is due */
	irqgate_source pic_irq, ioapic_irq;
};

/* The real-time clock and its memory; rtc.c. */
struct ig_rtc {
	pthread_mutex_t lock;
	uint8_t index;
	uint8_t memory[128];
	int64_t offset; /* seconds that the guest's clock is ahead of the host's */
};

struct ig_fwcfg {
	pthread_mutex_t lock;
	uint8_t item[8];
	uint32_t size, at;
};

struct ig_pci_device;

struct ig_pci {
	pthread_mutex_t lock;
	uint32_t address;                              /* the register at port 0xcf8 */
	struct ig_pci_device *device[IG_DEVICES_MAX + 1]; /* by slot of bus 0; slot 0 is the host bridge */
	uint64_t next_memory, next_port;               /* where the next BAR goes */
	uint32_t next_gsi;                             /* of messages */
};

struct ig_report {
	bool seen, done;
	char device[16];
	uint64_t events, entries, quiet, lost;
};

/* What the vCPUs' threads shall do. */
enum ig_vmm_phase { IG_PHASE_PAUSED, IG_PHASE_RUNNING, IG_PHASE_ENDING };

struct ig_vmm {
	struct ig_vmm_options options;
	int kvm_fd, vm_fd;
	void *memory;
	struct irqgate_kvm *gate;
	struct ig_vcpu vcpu[IG_VCPUS_MAX];
	uint32_t slots; /* memory slots taken */

	const struct ig_boot *boot;
	struct ig_image kernel, initrd;
	uint64_t entry, info; /* where the guest starts, and what it is told */

	struct ig_console console;
	struct ig_serial serial;
	struct ig_fwcfg fwcfg;
	struct ig_rtc rtc;
	struct ig_timer timer;
	_Atomic uint16_t pm_enable; /* of the ACPI events, of which there are none */
	struct ig_pci pci;
	struct ig_vfio *vfio; /* what the assigned devices share, or NULL */
	pthread_mutex_t wires_lock;
	irqgate_source wire[IG_GSIS]; /* of the test ports; added when first written */

	_Atomic uint32_t eoi_vcpu; /* which took the last EOI exit */
	_Atomic uint64_t eois;     /* how many there were */

	pthread_mutex_t phase_lock;
	pthread_cond_t phase_changed;
	_Atomic enum ig_vmm_phase phase;
	_Atomic uint32_t running;  /* vCPU threads that may be in the guest */
	sigset_t signals_before;
	_Atomic bool stopping, resetting;
	int room_fd; /* the serial port has room for what was typed */
	int stop_fd; /* readable when one of these is true */
	enum ig_vmm_end end;
	uint8_t exit_value;

	struct ig_vmm_figures begin, figures;
	struct ig_report report; /* of the embedded guest */
};

/* vm.c. Each prints its error and returns 0 or a negative errno. */
int ig_vmm_open(const struct ig_vmm_options *options, struct ig_vmm **vmm);
void ig_vmm_close(struct ig_vmm *vmm);

/* loop.c: runs the guest until something ends it. Prints its error and returns 0 or a negative errno. */
int ig_vmm_run(struct ig_vmm *vmm);

/* loop.c: the signals that end a run. */
sigset_t ig_ending_signals(void);

/* loop.c: ends the run; the first caller's reason counts. From any thread. */
void ig_vmm_stop(struct ig_vmm *vmm, enum ig_vmm_end end, uint8_t value);

/* loop.c: resets the machine soon; from any thread. */
void ig_vmm_reset(struct ig_vmm *vmm);

/* memory.c: gives the guest its memory. Prints its error and returns 0 or a negative errno. */
int ig_memory_open(struct ig_vmm *vmm);
void ig_memory_close(struct ig_vmm *vmm);

/*
 * memory.c: puts host memory at a guest-physical address, or (size 0) takes it away. Writes to read-only
 * memory exit.
 */
int ig_memory_set_slot(struct ig_vmm *vmm, uint32_t slot, uint64_t address, uint64_t size, void *host,
		       bool read_only);

/* memory.c: the host's view of guest memory, or NULL where that is not all RAM. */
void *ig_memory_at(const struct ig_vmm *vmm, uint64_t address, uint64_t size);

/* vcpu.c */
int ig_vcpu_open(struct ig_vmm *vmm, uint32_t id);
int ig_vcpu_reset(struct ig_vcpu *vcpu);
int ig_vcpu_start(struct ig_vcpu *vcpu);
void ig_vcpu_kick(struct ig_vcpu *vcpu);
void ig_vcpu_close(struct ig_vcpu *vcpu);

/* crash.c: says why the vCPU can not go on, what or the exit that it has made, and ends the run. */
void ig_crash(struct ig_vcpu *vcpu, const char *what);
void ig_crash_by_exit(struct ig_vcpu *vcpu);

/* cpuid.c: tells a vCPU what it is. 0 or a negative errno. */
int ig_cpuid_set(const struct ig_vcpu *vcpu);

/*
 * vcpu-state.c: what a vCPU is made of, taken before it runs and put back at a reset. 0 or a negative errno.
 */
int ig_vcpu_state_take(struct ig_vcpu *vcpu);
int ig_vcpu_state_put(const struct ig_vcpu *vcpu);

/* ports.c: one access of a guest to a port, or to memory where there is none. */
void ig_port_access(struct ig_vmm *vmm, uint16_t port, bool write, void *data, uint32_t size);
void ig_mmio_access(struct ig_vmm *vmm, uint64_t address, bool write, void *data, uint32_t size);

/* acpi.c: puts the tables into guest memory; returns the address of their root. */
uint64_t ig_acpi_load(struct ig_vmm *vmm);

/* pm.c: ACPI's registers and the reset ports; whether the access was to one of them. */
bool ig_pm_access(struct ig_vmm *vmm, uint16_t port, bool write, uint8_t *data, uint32_t size);

/* rtc.c */
void ig_rtc_open(struct ig_vmm *vmm);
uint8_t ig_rtc_read(struct ig_vmm *vmm, uint16_t port);
void ig_rtc_write(struct ig_vmm *vmm, uint16_t port, uint8_t value);

/*
 * timer.c: ticks in the main thread, when its descriptor is readable; access tells whether it was to its
 * ports.
 */
int ig_timer_open(struct ig_vmm *vmm);
void ig_timer_reset(struct ig_vmm *vmm);
void ig_timer_tick(struct ig_vmm *vmm);
bool ig_timer_access(struct ig_vmm *vmm, uint16_t port, bool write, uint8_t *data);

/* serial.c */
int ig_serial_open(struct ig_vmm *vmm);
void ig_serial_reset(struct ig_vmm *vmm);
uint8_t ig_serial_read(struct ig_vmm *vmm, uint16_t offset);
void ig_serial_write(struct ig_vmm *vmm, uint16_t offset, uint8_t value);

/* serial.c: what the user types; returns how much of it there was room for. Main thread. */
uint32_t ig_serial_receive(struct ig_vmm *vmm, const uint8_t *bytes, uint32_t count);

/* fwcfg.c */
void ig_fwcfg_select(struct ig_vmm *vmm, uint16_t key);
uint8_t ig_fwcfg_read(struct ig_vmm *vmm);

/* sandbox.c: from here on no thread may do what a running VM does not need. 0 or a negative errno. */
int ig_sandbox_enter(void);

/* diagnosis.c: says what is wrong with a line's interrupt; from any thread. */
void ig_diagnosis_say(const struct ig_vmm *vmm, uint32_t gsi, enum irqgate_diagnosis diagnosis, uint64_t count);

/* diagnosis.c: how often it was found, on all lines. */
uint64_t ig_diagnosis_count(struct ig_vmm *vmm, enum irqgate_diagnosis diagnosis);

/* measure.c: the marks, and the embedded guest's report. */
void ig_measure_mark(struct ig_vmm *vmm, uint8_t value);
void ig_report_line(struct ig_report *report, const char *line);

#endif
