/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * How `irqgate exec` tells the preloaded library what is wanted: in an environment variable, as
 * "policy=hold|eoi,stats=SECONDS,json=FD,follow=0|1". stats=-1: no statistics; stats=0: at the end only.
 * json=-1: none. The library stands first in LD_PRELOAD, and takes both out of the environment unless
 * follow=1.
 */
#ifndef IG_EXEC_SETTINGS_H
#define IG_EXEC_SETTINGS_H

#define IG_EXEC_VARIABLE "IRQGATE_EXEC"
#define IG_EXEC_LIBRARY  "libirqgate-exec.so"

#endif
