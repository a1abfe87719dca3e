/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The small VMM that is the library's reference integration: one VM, its memory, vCPUs and a handful of devices.
 *
 * Threads: the main thread sets up, runs the event loop and tears down; each vCPU has a thread, which handles its
 * own exits; the built-in device has one. Device state that several vCPUs can reach has a mutex in its own file.
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

#define IG_VCPUS_MAX 8U
#define IG_GSIS      24U

struct ig_vmm;

struct ig_vmm_options {
	const char *multiboot;     /* NULL: the embedded guest */
	const char *initrd;        /* the first module, or NULL */
	const char *append;        /* the guest's command line */
	const char *vfio;          /* PCI address, or NULL: the built-in device */
	uint64_t memory;           /* bytes */
	uint32_t cpus;
	uint32_t gsi;              /* of the device's INTx */
	enum irqgate_policy policy;
	enum irqgate_path path;
	uint32_t timeout;          /* seconds; 0: none */
	int console_fd;            /* where the serial port goes */
};

/* How a run ended. */
enum ig_vmm_end {
	IG_END_EXIT_PORT,   /* the guest wrote the exit port */
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
	pthread_t thread;
	_Atomic bool started;
	_Atomic uint64_t exits;          /* all of them */
	_Atomic uint64_t taken, handled; /* those of a device, the IOAPIC or the 8259As */
};

/* A 16550's registers (National Semiconductor PC16550D data sheet); serial.c. */
struct ig_serial {
	pthread_mutex_t lock;
	int fd;
	irqgate_source irq;
	uint8_t ier, lcr, mcr, scr, dll, dlm, fcr;
	bool thr_empty_pending;
	char line[256]; /* what the guest has written since the last newline */
	uint32_t length;
};

struct ig_fwcfg {
	pthread_mutex_t lock;
	uint8_t item[8];
	uint32_t size, at;
};

struct ig_pci_device;

struct ig_pci {
	pthread_mutex_t lock;
	uint32_t address;             /* the register at port 0xcf8 */
	struct ig_pci_device *device; /* at slot 1 of bus 0 */
};

struct ig_report {
	bool seen, done;
	char device[16];
	uint64_t events, entries, quiet, lost;
};

struct ig_vmm {
	struct ig_vmm_options options;
	int kvm_fd, vm_fd;
	void *memory;
	struct irqgate_kvm *gate;
	struct ig_vcpu vcpu[IG_VCPUS_MAX];
	uint32_t slots; /* memory slots taken */

	struct ig_serial serial;
	struct ig_fwcfg fwcfg;
	struct ig_pci pci;
	struct ig_pci_device *device;
	pthread_mutex_t wires_lock;
	irqgate_source wire[IG_GSIS]; /* of the test ports; added when first written */

	_Atomic uint32_t eoi_vcpu; /* which took the last EOI exit */
	_Atomic uint32_t running;  /* vCPU threads in their loops */
	sigset_t signals_before;
	_Atomic bool stopping;
	int stop_fd;
	enum ig_vmm_end end;
	uint8_t exit_value;

	uint32_t entry, info; /* where the guest starts, and its multiboot information */
	struct ig_vmm_figures begin, figures;
	struct ig_report report; /* of the embedded guest */
};

/* vm.c. Each prints its error and returns 0 or a negative errno. */
int ig_vmm_open(const struct ig_vmm_options *options, struct ig_vmm **vmm);
int ig_vmm_run(struct ig_vmm *vmm);
void ig_vmm_close(struct ig_vmm *vmm);

/* vm.c: ends the run; the first caller's reason counts. From any thread. */
void ig_vmm_stop(struct ig_vmm *vmm, enum ig_vmm_end end, uint8_t value);

/* vm.c: puts host memory at a guest-physical address, or (size 0) takes it away. Writes to read-only memory exit. */
int ig_vmm_set_slot(struct ig_vmm *vmm, uint32_t slot, uint64_t address, uint64_t size, void *host, bool read_only);

/* The host's view of guest memory, or NULL where that is not all RAM. */
void *ig_vmm_memory(const struct ig_vmm *vmm, uint64_t address, uint64_t size);

/* vcpu.c */
int ig_vcpu_open(struct ig_vmm *vmm, uint32_t id);
int ig_vcpu_start(struct ig_vcpu *vcpu);
void ig_vcpu_kick(struct ig_vcpu *vcpu);
void ig_vcpu_close(struct ig_vcpu *vcpu);

/* ports.c: one access of a guest to a port, or to memory where there is none. */
void ig_port_access(struct ig_vmm *vmm, uint16_t port, bool write, void *data, uint32_t size);
void ig_mmio_access(struct ig_vmm *vmm, uint64_t address, bool write, void *data, uint32_t size);

/* multiboot.c: loads the image and prepares what the guest finds in memory. */
int ig_multiboot_load(struct ig_vmm *vmm);

/* serial.c */
int ig_serial_open(struct ig_vmm *vmm);
uint8_t ig_serial_read(struct ig_vmm *vmm, uint16_t offset);
void ig_serial_write(struct ig_vmm *vmm, uint16_t offset, uint8_t value);

/* fwcfg.c */
void ig_fwcfg_select(struct ig_vmm *vmm, uint16_t key);
uint8_t ig_fwcfg_read(struct ig_vmm *vmm);

/* measure.c: the marks, and the embedded guest's report. */
void ig_measure_mark(struct ig_vmm *vmm, uint8_t value);
void ig_report_line(struct ig_report *report, const char *line);

#endif
