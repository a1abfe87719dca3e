/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Lines on the serial port, and the end of the guest. A line is printed under print_lock. */
#include <stdarg.h>

#include "common/machine.h"

#define LINE_STATUS (IG_GUEST_SERIAL_PORT + 5)
#define TRANSMITTER_EMPTY 0x20
#define SERIAL_PATIENCE 100000
#define CLAIM_CYCLES 1000000000

uint32_t print_lock;

/* Bounded: a serial port that never gets ready must not stop the guest. */
static void print_char(char c)
{
	for (int i = 0; i < SERIAL_PATIENCE && !(in8(LINE_STATUS) & TRANSMITTER_EMPTY); i++)
		;
	out8(IG_GUEST_SERIAL_PORT, (uint8_t)c);
}

static void print_text(const char *text)
{
	while (*text)
		print_char(*text++);
}

static void print_number(uint32_t value, uint32_t base)
{
	char digits[11];
	char *first = digits + sizeof(digits) - 1;

	*first = '\0';
	do {
		*--first = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	print_text(first);
}

void print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	for (; *format; format++) {
		if (*format != '%')
			print_char(*format);
		else if (*++format == 's')
			print_text(va_arg(args, const char *));
		else
			print_number(va_arg(args, uint32_t), *format == 'x' ? 16 : 10);
	}
	va_end(args);
}

/* For the last line: takes the lock, but does not wait for ever for one who was interrupted with it. */
void print_claim(void)
{
	for (uint64_t start = cycles(); !try_lock(&print_lock) && cycles() - start < CLAIM_CYCLES;)
		;
}

void fail(const char *what, uint32_t value)
{
	interrupts_off();
	print_claim();
	print(IG_GUEST_ERROR "%s (0x%x)\n", what, value);
	leave(1);
}

void leave(uint8_t status)
{
	out8(IG_GUEST_EXIT_PORT, status);
	for (;;)
		__asm__ volatile("cli; hlt");
}
