/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Where the guest's serial port leads: this terminal, a pseudo-terminal, a file, or output alone. Opened,
 * read and closed by the main thread; whoever sends for the guest writes.
 */
#ifndef IG_CONSOLE_H
#define IG_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include <termios.h>

enum ig_console_kind {
	IG_CONSOLE_OUTPUT, /* what the guest says, to output_fd */
	IG_CONSOLE_STDIO,  /* to output_fd, and from stdin */
	IG_CONSOLE_PTY,
	IG_CONSOLE_FILE,
};

struct ig_console_options {
	enum ig_console_kind kind;
	const char *path; /* of IG_CONSOLE_FILE */
	int output_fd;
};

#define IG_CONSOLE_CHUNK 256U

struct ig_console {
	int in_fd, out_fd;      /* in_fd -1: no input, or no more of it */
	int own_fd, peer_fd;    /* to be closed, or -1 */
	bool drops;             /* what there is no room for */
	bool raw;               /* stdin is a terminal whose settings were changed */
	bool escape;            /* the last byte typed was the escape */
	struct termios before;
	uint8_t typed[IG_CONSOLE_CHUNK]; /* what the guest has had no room for yet */
	uint32_t first, count;
};

/*
 * Writes what the guest said; waits for room, unless stop_fd becomes readable. A pseudo-terminal that is full
 * drops it.
 */
void ig_console_write(const struct ig_console *console, uint8_t byte, int stop_fd);

/* One that is not open. */
extern const struct ig_console ig_console_none;

enum ig_console_said { IG_CONSOLE_GOES_ON, IG_CONSOLE_LEAVE };

/* Prints its error and returns 0 or a negative errno. */
int ig_console_open(struct ig_console *console, const struct ig_console_options *options);
void ig_console_close(struct ig_console *console);

/* Whether what is typed next is read now: from a pipe or a file it is not, before the guest has had the last. */
bool ig_console_listens(const struct ig_console *console);

/* Reads what was typed; call it when in_fd is readable and the console listens. */
enum ig_console_said ig_console_read(struct ig_console *console);

#endif
