/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The DSDT as iasl made it of dsdt.asl: a table with its header, embedded by aml.S. */
#ifndef IG_AML_H
#define IG_AML_H

extern const unsigned char ig_dsdt[];
extern const unsigned char ig_dsdt_end[];

#endif
