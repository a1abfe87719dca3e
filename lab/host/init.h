/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The two parts of the host's init, and what it says to lab/bridge.c on the outer side.
 *
 * The ports: "in", "out" and "err" are the command's streams. "control" carries
 *   from the outer side:
 *     "run BYTES\n" and the request (see command.c); later "eof N\n" (the stream "in" ends after N bytes),
 *     and "close out\n" or "close err\n" (nobody reads that stream any more)
 *   from here:
 *     "ready RELEASE\n", "alive\n" every second while the command runs, "exit STATUS OUT ERR\n" (with
 *     the bytes sent on each stream), or "failed REASON\n"
 */
#ifndef LAB_INIT_H
#define LAB_INIT_H

extern int control;		/* the port, once it is open */

/* A line to the outer side. */
void reply(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Nothing can go on: the outer side is told (or, before there is a port, the console), and ends the machine.
 */
_Noreturn void fail(const char *what, const char *name);

/* Takes one request, runs its command with the ports as its streams, and reports its exit status. */
void serve_command(int in, int out, int err);

#endif
