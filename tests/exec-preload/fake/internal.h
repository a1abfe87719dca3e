/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What the parts of the fake kernel share. The caller of everything here holds the fake's lock. */
#ifndef FAKE_INTERNAL_H
#define FAKE_INTERNAL_H

#include <linux/kvm.h>
#include <linux/vfio.h>

#include "fake.h"

enum { FAKE_GSIS = 64, FAKE_IRQFDS = 16, FAKE_EXITS = 16, PIC_PINS = 16, NO_FD = -1 };

/* MSI: where the messages go, and the trigger mode (Intel SDM vol. 3, 11.11). */
#define MSI_DESTINATION_SHIFT 12
#define MSI_LOGICAL           (1U << 2)
#define MSI_LEVEL             (1U << 15)
#define BROADCAST             0xffU

/* Something in the kernel that holds on to an eventfd until that's last descriptor is closed. */
struct binding {
	int fd; /* one of its descriptors; NO_FD: none is bound */
	int id;
	struct binding *next;
};

enum object_kind { OBJECT_KVM, OBJECT_VM, OBJECT_VCPU, OBJECT_GROUP, OBJECT_DEVICE };

/* A file: a memfd, known by its inode. */
struct object {
	enum object_kind kind;
	ino_t inode;
	struct object *next;
};

struct irqfd {
	bool used, resamples;
	uint32_t gsi;
	struct binding trigger, resample;
};

struct route {
	bool is_msi;
	uint32_t address, data;
	int ioapic, pic; /* pins; -1: none */
};

struct vcpu {
	struct object object;
	struct vm *vm;
	uint32_t id;
	struct kvm_run *run;
	bool requested[FAKE_VECTORS], in_service[FAKE_VECTORS], suppresses_eois;
	struct kvm_run exit[FAKE_EXITS]; /* still to come */
	uint32_t exits;
};

struct vm {
	struct object object;
	bool split, chips;
	uint32_t pins;
	struct vcpu *vcpu[FAKE_VCPUS];
	struct route route[FAKE_GSIS];
	struct irqfd irqfd[FAKE_IRQFDS];
	uint32_t messages[FAKE_VECTORS];
	bool line[FAKE_GSIS]; /* what resampled irqfds drive */
	uint64_t entry[FAKE_PINS];
	bool pending[FAKE_PINS], served[FAKE_PINS];
	uint16_t pic_masks;
	bool pic_pending[PIC_PINS], pic_served[PIC_PINS];
	uint32_t pic_interrupts, looks;
	bool resamples_at_unmask;
};

struct device {
	struct object object;
	struct fake_device state;
	bool in_use_msix, accepts_all;
	struct binding trigger, resample;
	uint8_t config[FAKE_CONFIG_SIZE];
};

void fake_lock(void);
void fake_unlock(void);

/* calls.c */
struct object *fake_object(int fd, enum object_kind kind);
/* A descriptor of a new file for an object; -errno. */
int fake_add_object(struct object *object, enum object_kind kind, size_t file_size);
int fake_copy_in(void *to, const void *from, size_t bytes);
int fake_copy_out(void *to, const void *from, size_t bytes);
/* An eventfd may have been signalled, or has come or gone. Then lets everything happen that follows from it. */
void fake_signalled(void);
void fake_pump(void);

/* eventfd.c */
int fake_bind(struct binding *binding, int fd);
void fake_unbind(struct binding *binding);
bool fake_is_bound_to(const struct binding *binding, int fd);
void fake_signal(const struct binding *binding);
bool fake_is_signalled(const struct binding *binding);
/* Reads it, if it is signalled. */
bool fake_consume(const struct binding *binding);
/*
 * Another descriptor of the eventfd that is bound by this one. To be asked before the close: from then on its
 * number and its id may be those of an eventfd that another thread makes.
 */
int fake_descriptor_alias(int fd);
void fake_descriptor_closed(int fd, int alias);
int fake_eventfd_id(int fd);

/* hooks.c: what a test wants done after an ioctl, under the lock; before a pwrite(), without it. */
void fake_did(unsigned long request);
void fake_writes(void);

/* log.c; an eventfd is printed as a letter. */
void fake_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
char fake_letter(int fd);

/* kvm.c, vcpu.c, chips.c */
int fake_kvm_ioctl(unsigned long request);
int fake_vm_ioctl(struct vm *vm, unsigned long request, void *argument);
int fake_vcpu_ioctl(struct vcpu *vcpu, unsigned long request, void *argument);
void fake_vm_pump(struct vm *vm);
void fake_vm_release(struct vm *vm);
int fake_vcpu_create(struct vm *vm, uint32_t id);
void fake_vcpu_release(struct vcpu *vcpu);
void fake_deliver(struct vm *vm, uint32_t address, uint32_t data);
void fake_chips_reset(struct vm *vm);
void fake_chips_drive(struct vm *vm, uint32_t gsi);
void fake_chips_eoi(struct vm *vm, uint8_t vector);
int fake_chips_get(struct vm *vm, struct kvm_irqchip *chip);

/* vfio.c */
int fake_group_ioctl(unsigned long request, const void *argument);
int fake_device_create(void);
int fake_device_ioctl(struct device *device, unsigned long request, void *argument);
ssize_t fake_device_write(struct device *device, const void *bytes, size_t count, off_t at);
ssize_t fake_device_read(struct device *device, void *bytes, size_t count, off_t at);
void fake_device_pump(struct device *device);
void fake_device_release(struct device *device);

#endif
