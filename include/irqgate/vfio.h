/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The INTx of a vfio-pci device as a forwarded level source (Linux, Documentation/driver-api/vfio.rst and
 * include/uapi/linux/vfio.h): its trigger and unmask eventfds, the mask action to silence it, and the INTx
 * status bit in PCI config space to see the real line.
 *
 * Threads: one thread opens and closes; what the source asks for in between may come from any thread. Errors
 * are negative errno values; outputs are untouched on failure.
 */
#ifndef IRQGATE_VFIO_H
#define IRQGATE_VFIO_H

#include <irqgate/api.h>
#include <irqgate/kvm.h>

#ifdef __cplusplus
extern "C" {
#endif

struct irqgate_vfio_intx;

/*
 * Enables INTx of the device, which stays the caller's and must live until the close. -ENODEV: the device has
 * no INTx. -ENOMEM, -EMFILE, -ENFILE, or the error of VFIO_DEVICE_SET_IRQS (-EBUSY: another interrupt mode is
 * on).
 */
IRQGATE_API int irqgate_vfio_intx_open(int device_fd, struct irqgate_vfio_intx **intx);

/* Describes it for irqgate_kvm_add_forwarded(). */
IRQGATE_API void irqgate_vfio_intx_forwarded(struct irqgate_vfio_intx *intx, struct irqgate_forwarded *forwarded);

/* Disables INTx and frees it. Remove its source first. NULL: nothing. */
IRQGATE_API void irqgate_vfio_intx_close(struct irqgate_vfio_intx *intx);

#ifdef __cplusplus
}
#endif

#endif
