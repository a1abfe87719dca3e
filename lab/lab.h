/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The sub-verbs of `irqgate lab`, each in its own file. One thread. */
#ifndef IG_LAB_H
#define IG_LAB_H

/* `irqgate lab sh [OPTION]... -- COMMAND...`: runs a command in the host. argv[0] is "sh". */
int ig_lab_sh(int argc, char **argv);

/* `irqgate lab measure`: internal, what runs in the host. argv[0] is "measure". */
int ig_lab_measure(int argc, char **argv);

#endif
