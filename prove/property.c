/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The properties, and the defects of an adapter, by name. */
#include "prove/property.h"

#include "prove/world.h"

const struct property_text properties[PROPERTIES] = {
	[ALTERNATION] = { "alternation",
		"between two triggers of a source that count there is a resample that counts",
		"else one is missing or too many, and the device hangs or interrupts for nothing" },
	[ONCE] = { "once",
		"a device that goes on asserting does not interrupt the host again before the guest has both "
		"ended the interrupt and unmasked the pin",
		"else host and VMM have the work of two interrupts for one event, or of one more for each EOI that "
		"comes while the pin is masked" },
	[UNWANTED] = { "unwanted",
		"what is delivered comes of a trigger that the host has taken since the last unmask, or of an "
		"emulated device that asserts now",
		"else the guest is interrupted for nothing: two interrupts for each event, or a storm" },
	[LOST] = { "lost",
		"when the host and the guest have nothing left to do, no device asserts that an unmasked pin has "
		"not delivered",
		"else the device waits for ever: it is never served, and never heard again" },
	[MASKED] = { "masked",
		"a masked pin sends nothing",
		"else the guest is interrupted where it has shut that out, in its handler, say" },
	[PENDING] = { "pending",
		"while the device asserts and its trigger has not been answered, the pin reads as pending",
		"else a guest that polls misses what the device asks for" },
	[ENDLESS] = { "endless",
		"the host comes to rest by itself",
		"else it keeps a processor busy, whatever the guest does" },
	[SHARED] = { "shared",
		"the sources of a line are resampled together, an emulated device that asserts keeps it up, and removing "
		"one touches no other",
		"else of devices that share a line one is forgotten, or interrupts for another" },
	[TWICE] = { "twice",
		"a pin sends no second message before the EOI of the first",
		"else the guest takes one event for two" },
	[EOI] = { "eoi",
		"an EOI ends the interrupts that it is for, and no others; remote IRR is set from the message "
		"to the EOI",
		"else a device is listened to while its interrupt is in service, or not any more after it" },
	[REMOVED] = { "removed",
		"no effect is carried out on a source that has been removed",
		"else a device is touched that the VMM has given up, or another one that has its place" },
	[ROUTED] = { "routed",
		"no level message is sent before the route that makes its EOI an exit",
		"else nobody hears of that EOI, and the device waits for ever" },
	[REGISTERS] = { "registers",
		"an entry is what the guest wrote to it; what is no register changes nothing; remote IRR does "
		"not read as clear while a LAPIC holds the message",
		"else the guest does not find the chip that the data sheet describes" },
	[TOLD] = { "told",
		"when the host has nothing left to do, whoever watches a line knows it as it is",
		"else a timer, say, waits for an ack that was there" },
};

const char *const defect_names[DEFECTS] = {
	[NO_DEFECT] = "none",
	[DEFECT_SILENCE_IS_NOT_CARRIED_OUT] = "silence-is-not-carried-out",
	[DEFECT_WISHES_ARE_COMMANDS] = "wishes-are-commands",
	[DEFECT_MESSAGE_BEFORE_ITS_ROUTE] = "message-before-its-route",
	[DEFECT_RESAMPLE_BEFORE_ITS_ROUTE] = "resample-before-its-route",
	[DEFECT_EOI_EXIT_IS_NEVER_ARMED] = "eoi-exit-is-never-armed",
	[DEFECT_PREVIOUS_ROUTE_IS_DROPPED] = "previous-route-is-dropped",
	[DEFECT_UNREAD_TRIGGER_OUTLIVES_THE_UNMASK] = "unread-trigger-outlives-the-unmask",
	[DEFECT_TRIGGER_IS_READ_BEFORE_THE_LOCK] = "trigger-is-read-before-the-lock",
	[DEFECT_BINDING_INJECTS_AN_OLD_TRIGGER] = "binding-injects-an-old-trigger",
	[DEFECT_IRQFD_STAYS_BOUND] = "irqfd-stays-bound",
	[DEFECT_EOI_STOPS_AT_THE_FIRST_PIN] = "eoi-stops-at-the-first-pin",
	[DEFECT_EOI_LETS_GO_OF_THE_LOCK] = "eoi-lets-go-of-the-lock",
	[DEFECT_MASK_IS_READ_BEFORE_THE_REGISTRATION] = "mask-is-read-before-the-registration",
	[DEFECT_HOLD_TIMES_OUT] = "hold-times-out",
	[DEFECT_LAPIC_ANSWER_IS_NEVER_OLD] = "lapic-answer-is-never-old",
	[DEFECT_LAPIC_OF_THIS_VCPU_ONLY] = "lapic-of-this-vcpu-only",
	[DEFECT_INTR_DOES_NOT_KICK] = "intr-does-not-kick",
	[DEFECT_FAILED_MESSAGE_IS_FORGOTTEN] = "failed-message-is-forgotten",
	[DEFECT_EFFECT_OUTLIVES_ITS_SOURCE] = "effect-outlives-its-source",
	[DEFECT_UNREAD_TRIGGER_OUTLIVES_THE_EOI] = "unread-trigger-outlives-the-eoi",
	[DEFECT_ARMED_SOURCE_IS_RESAMPLED] = "armed-source-is-resampled",
	[DEFECT_OLD_TRIGGER_OUTLIVES_THE_RESAMPLE] = "old-trigger-outlives-the-resample",
};
