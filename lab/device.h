/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The devices of the host that are assigned to the guests: QEMU's "edu" and "e1000". One thread. */
#ifndef IG_LAB_DEVICE_H
#define IG_LAB_DEVICE_H

#include <stdint.h>

struct ig_device_kind;

struct ig_device {
	const struct ig_device_kind *kind;
	char address[16];		/* "0000:00:01.0" */
};

/* Finds it by its name. Returns 0, or a negative errno after one line on stderr. */
int ig_device_find(struct ig_device *device, const char *name);

/* Quiets it, whatever a guest that was killed left it in, and gives it to vfio-pci; errors as above, and it is released. */
int ig_device_bind(struct ig_device *device);

/* Takes it from vfio-pci and leaves it as it was found; where it can not, one line on stderr says what is left to do. */
void ig_device_release(struct ig_device *device);

/* How often it has interrupted since a VMM holds it, or IG_UNKNOWN when none does. */
int64_t ig_device_interrupts(const struct ig_device *device);

#endif
