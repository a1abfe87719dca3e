/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* How the library marks the symbols that it exports; everything else stays hidden. */
#ifndef IRQGATE_API_H
#define IRQGATE_API_H

#define IRQGATE_API __attribute__((visibility("default")))

#endif
