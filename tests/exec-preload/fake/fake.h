/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A fake kernel for the preloaded library: as much of KVM and VFIO as a VMM with assigned INTx devices uses, behind
 * libc's own ioctl(), pwrite(), pread(), write() and close(). It is linked after the library, so that the library
 * finds it where it looks for libc. What is here is the other side: the devices' lines, and the guest.
 *
 * One lock guards all of it; nothing here calls the library. A process that was forked off has a fake of its own.
 */
#ifndef FAKE_H
#define FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { FAKE_PINS = 24, FAKE_VCPUS = 2, FAKE_VECTORS = 256, FAKE_CONFIG_SIZE = 256 };

/* Where a device's PCI config space is in its descriptor. */
#define FAKE_CONFIG_AT (INT64_C(7) << 40)

int fake_open_kvm(void);
/* VFIO_GROUP_GET_DEVICE_FD makes a device of any name. */
int fake_open_group(void);
/* A device as iommufd's users open it: no group. */
int fake_open_cdev(void);

/* The calls without the library before them. */
int fake_ioctl(int fd, unsigned long request, void *argument);
int fake_close(int fd);
ssize_t fake_pwrite(int fd, const void *bytes, size_t count, off_t at);

/* The next call with this number fails with this errno. */
void fake_fail_next(unsigned long request, int error);

/* Called once: after the next ioctl with this number; before the next pwrite() to any file, without the fake's lock. */
void fake_after_next(unsigned long request, void (*hook)(void));
void fake_before_next_pwrite(void (*hook)(void));

/* Kernels before 5.8: eventfds know no RWF_NOWAIT. */
void fake_without_nowait(bool without);

/* No descriptor can be watched any more: all of epoll's are in use. */
void fake_without_epoll(bool without);

/* How VFIO has a device's INTx. */
struct fake_device {
	bool in_use;
	bool asserts;       /* the device's line */
	bool masked;        /* by automask or by request */
	bool disabled;      /* PCI's interrupt disable bit, as the guest sees it */
	bool has_resample;  /* an eventfd unmasks it */
	bool unread;        /* its trigger eventfd is signalled, and nobody has read that yet */
	uint32_t triggers;  /* signals of the trigger eventfd */
	uint32_t masks, unmasks; /* requests, by eventfds too */
};

struct fake_device fake_look(int fd);
/* The device's line rises and stays, or falls. */
void fake_assert(int fd);
void fake_quiet(int fd);

/* A VFIO of tomorrow: it takes calls of a shape that today's refuses. */
void fake_accept_all(int fd);

/* Messages with that vector that a LAPIC of the VM has got; of all vectors. */
uint32_t fake_messages(int vm, uint8_t vector);
uint32_t fake_all_messages(int vm);
/* Whether the vector is requested, or in service, on a vCPU. */
bool fake_is_requested(int vcpu, uint8_t vector);
bool fake_is_in_service(int vcpu, uint8_t vector);

/* The guest on a vCPU: takes an interrupt that is requested, ends it, writes to memory that is not its own. */
bool fake_take(int vcpu, uint8_t vector);
void fake_eoi(int vcpu, uint8_t vector);
/* It has told its LAPIC to keep its EOIs for itself (SDM vol. 3, 11.8.5): the IOAPIC's EOI register ends them. */
void fake_suppress_eois(int vcpu);
void fake_write(int vcpu, uint64_t at, uint32_t value, uint32_t bytes);
void fake_read(int vcpu, uint64_t at, uint32_t bytes);

/* Chips in the kernel: the guest writes an entry of the IOAPIC, or the masks of the 8259 pair. */
void fake_write_entry(int vm, uint32_t pin, uint64_t entry);
void fake_write_pic_masks(int vm, uint16_t masks);
bool fake_take_pic(int vm, uint32_t pin);
void fake_eoi_pic(int vm, uint32_t pin);
uint32_t fake_pic_interrupts(int vm);
/* From Linux 6.3 on KVM resamples at an unmask that finds the pin pending; before it delivers what is pending. */
void fake_resample_at_unmask(int vm);

/* KVM_GET_IRQCHIP calls so far. */
uint32_t fake_looks(int vm);

/* What the VM and its devices were asked for from here on, a line a call; eventfds by letters in order. */
void fake_log_start(void);
/* The caller frees it. */
char *fake_log_end(void);

#endif
