/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What the checker demands of every state and step. */
#ifndef IG_PROVE_PROPERTY_H
#define IG_PROVE_PROPERTY_H

enum property {
	ALTERNATION, /* a trigger that counted, then a resample that counted, and so on */
	ONCE,        /* no second interrupt at the host before the guest is done with the first */
	UNWANTED,    /* what is delivered was sampled after the last unmask */
	LOST,        /* at rest nothing asserts that an unmasked pin does not deliver */
	MASKED,      /* a masked pin sends nothing */
	PENDING,     /* what a guest reads as pending is so while the device asserts */
	ENDLESS,     /* the host and the adapter come to rest by themselves */
	SHARED,      /* all sources of a line are resampled together, none is touched by another's end */
	TWICE,       /* no second message of a pin before the EOI of the first */
	EOI,         /* an EOI ends what it is for, and nothing else */
	REMOVED,     /* no effect is carried out on a source that has been removed since */
	ROUTED,      /* no level message without the route that makes its EOI exit */
	REGISTERS,   /* what has no register changes nothing; a reset masks */
	TOLD,        /* at rest, whoever watches a line knows of it */
	PROPERTIES,
};

struct property_text {
	const char *name, *demand, *matters;
};

extern const struct property_text properties[PROPERTIES];

#endif
