/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The gate: when a forwarded source is resampled, and what its line then drives. A source is
 *
 *   armed     the device may trigger: not asserted
 *   asserted  it has triggered, and its interrupt is on the way or in service
 *   held      asserted, with the pin masked and nothing in service: the gate is shut until the unmask
 *
 * On the direct path the kernel consumes the trigger: between a resample and the next EOI the pin's remote
 * IRR is unknown, and the source armed or asserted. Everything here is about one line. Caller serialises.
 */
#ifndef IG_GATE_H
#define IG_GATE_H

#include "line/core.h"

/* The level that the sources of a line make. */
bool ig_gate_level(const struct irqgate_core *core, uint32_t gsi);

/* Whether all chips that the line feeds have it masked. */
bool ig_gate_masked(const struct irqgate_core *core, uint32_t gsi);

/* Whether a forwarded source waits for an unmask: no chip that the line feeds gives an interrupt for it. */
bool ig_gate_is_held(const struct irqgate_core *core, uint32_t gsi);

/* Drives the chips from the sources, and sends the pin's message if that is due. Ends every change of a line. */
void ig_gate_drive(struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects);

/* A pulse, on top of what the sources drive. */
void ig_gate_pulse(struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects);

/* A forwarded source has triggered. */
void ig_gate_triggered(struct irqgate_core *core, struct ig_source *source, struct irqgate_effects *effects);

/* Which of the chips that a line feeds. */
enum ig_controller { IG_IOAPIC, IG_PIC };

/*
 * The chip reports the interrupt acked: of the IOAPIC, remote IRR was set or unknown until now; of the 8259A,
 * its ISR bit was set. Whether the gate stays shut is by this chip's mask, whatever the other one does: each
 * delivers what the line drives by itself, so what this one delivers from now on must have been sampled anew.
 */
void ig_gate_acked(struct irqgate_core *core, uint32_t gsi, enum ig_controller by, struct irqgate_effects *effects);

/* The chip reports that the guest unmasked the pin, or made it level-triggered while it is unmasked. */
void ig_gate_opened(struct irqgate_core *core, uint32_t gsi, enum ig_controller by, struct irqgate_effects *effects);

/* The chip reports that the pin no longer gives level-triggered interrupts. Call it before ig_gate_acked(). */
void ig_gate_closed(struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects);

/* A LAPIC holds a message of a pin whose remote IRR was unknown: which one is as irqgate_core_lapic_holds() says. */
void ig_gate_in_service(struct irqgate_core *core, uint32_t gsi, int held);

/* No LAPIC holds the message of a pin whose remote IRR was unknown, and the guest is about to unmask it. */
void ig_gate_idle(struct irqgate_core *core, uint32_t gsi);

/* A forwarded source joins the line, or is enabled again. */
void ig_gate_joined(struct irqgate_core *core, struct ig_source *source, struct irqgate_effects *effects);

/*
 * The line is as it was when it was saved, perhaps on another machine: what is wanted of its forwarded
 * sources is stated anew. On the direct path a message in service is left to its EOI, which resamples: to
 * listen now would send another.
 */
void ig_gate_restored(struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects);

/* The storm guard's delay is over: the line goes on where it would have been released. */
void ig_gate_resume(struct irqgate_core *core, uint32_t gsi, struct irqgate_effects *effects);

/* A forwarded source is disabled. */
void ig_gate_disabled(struct irqgate_core *core, struct ig_source *source, struct irqgate_effects *effects);

/* Takes the line from the direct path to the userspace path: until its next resample with the 8259As masked. */
void ig_gate_unbind(struct irqgate_core *core, uint32_t gsi);

/* The same for good. */
void ig_gate_leave_direct(struct irqgate_core *core, uint32_t gsi);

#endif
