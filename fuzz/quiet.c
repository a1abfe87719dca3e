/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Errors are made, as their arguments may be bad, and not printed. */
#include <stdarg.h>
#include <stdio.h>

#include "cli/cli.h"

void ig_error(const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
}
