/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The real-time clock and its battery-backed memory (Motorola MC146818A data sheet; the century as ACPI's
 * FADT names it). It tells the host's UTC plus what the guest has set; it does not interrupt. Any vCPU, under
 * rtc.lock.
 */
#include <string.h>
#include <time.h>

#include "vmm/vmm.h"

enum {
	REG_SECONDS = 0x00,
	REG_MINUTES = 0x02,
	REG_HOURS = 0x04,
	REG_WEEKDAY = 0x06,
	REG_DAY = 0x07,
	REG_MONTH = 0x08,
	REG_YEAR = 0x09,
	REG_A = 0x0a,
	REG_B = 0x0b,
	REG_C = 0x0c,
	REG_D = 0x0d,
	REG_CENTURY = 0x32,
};

#define INDEX_MASK     0x7fU /* the bit above is the PC's NMI mask */
#define A_32768_HZ     0x26U
#define A_WRITABLE     0x7fU /* no update is ever under way */
#define B_SET          0x80U /* the guest sets the time */
#define B_BINARY       0x04U /* else BCD */
#define B_24_HOURS     0x02U
#define B_WRITABLE     0x87U /* no interrupts, no square wave */
#define D_VALID        0x80U
#define HOURS_PM       0x80U

void ig_rtc_open(struct ig_vmm *vmm)
{
	vmm->rtc.memory[REG_A] = A_32768_HZ;
	vmm->rtc.memory[REG_B] = B_24_HOURS;
	vmm->rtc.memory[REG_D] = D_VALID;
}

static uint8_t encode(const struct ig_rtc *rtc, int value)
{
	return (uint8_t)(rtc->memory[REG_B] & B_BINARY ? value : value / 10 << 4 | value % 10);
}

static int decode(const struct ig_rtc *rtc, uint8_t value)
{
	return rtc->memory[REG_B] & B_BINARY ? value : (value >> 4) * 10 + (value & 0xf);
}

static uint8_t encode_hours(const struct ig_rtc *rtc, int hours)
{
	if (rtc->memory[REG_B] & B_24_HOURS)
		return encode(rtc, hours);
	return encode(rtc, (hours + 11) % 12 + 1) | (hours >= 12 ? HOURS_PM : 0);
}

static int decode_hours(const struct ig_rtc *rtc, uint8_t value)
{
	if (rtc->memory[REG_B] & B_24_HOURS)
		return decode(rtc, value);
	return decode(rtc, value & (uint8_t)~HOURS_PM) % 12 + (value & HOURS_PM ? 12 : 0);
}

/* Brings the registers up to date; while the guest sets them they stand still. */
static void show_time(struct ig_rtc *rtc)
{
	time_t now = time(NULL) + rtc->offset;
	struct tm tm;

	if ((rtc->memory[REG_B] & B_SET) || !gmtime_r(&now, &tm))
		return;
	rtc->memory[REG_SECONDS] = encode(rtc, tm.tm_sec);
	rtc->memory[REG_MINUTES] = encode(rtc, tm.tm_min);
	rtc->memory[REG_HOURS] = encode_hours(rtc, tm.tm_hour);
	rtc->memory[REG_WEEKDAY] = encode(rtc, tm.tm_wday + 1);
	rtc->memory[REG_DAY] = encode(rtc, tm.tm_mday);
	rtc->memory[REG_MONTH] = encode(rtc, tm.tm_mon + 1);
	rtc->memory[REG_YEAR] = encode(rtc, tm.tm_year % 100);
	rtc->memory[REG_CENTURY] = encode(rtc, tm.tm_year / 100 + 19);
}

static void take_time(struct ig_rtc *rtc)
{
	struct tm tm = {
		.tm_sec = decode(rtc, rtc->memory[REG_SECONDS]),
		.tm_min = decode(rtc, rtc->memory[REG_MINUTES]),
		.tm_hour = decode_hours(rtc, rtc->memory[REG_HOURS]),
		.tm_mday = decode(rtc, rtc->memory[REG_DAY]),
		.tm_mon = decode(rtc, rtc->memory[REG_MONTH]) - 1,
		.tm_year = (decode(rtc, rtc->memory[REG_CENTURY]) - 19) * 100 +
			   decode(rtc, rtc->memory[REG_YEAR]),
	};

	rtc->offset = timegm(&tm) - time(NULL);
}

static bool is_time(uint8_t index)
{
	return index <= REG_YEAR || index == REG_CENTURY;
}

/* Time that is set while the clock runs counts at once; else when it goes on. */
static void write_register(struct ig_rtc *rtc, uint8_t value)
{
	bool was_set = rtc->memory[REG_B] & B_SET;

	switch (rtc->index) {
	case REG_A: rtc->memory[REG_A] = value & A_WRITABLE; return;
	case REG_B:
		show_time(rtc);
		rtc->memory[REG_B] = value & B_WRITABLE;
		if (was_set && !(value & B_SET))
			take_time(rtc);
		return;
	case REG_C:
	case REG_D: return;
	default: break;
	}
	show_time(rtc);
	rtc->memory[rtc->index] = value;
	if (is_time(rtc->index) && !was_set)
		take_time(rtc);
}

uint8_t ig_rtc_read(struct ig_vmm *vmm, uint16_t port)
{
	struct ig_rtc *rtc = &vmm->rtc;
	uint8_t value = 0xff; /* the index can not be read */

	if (!(port & 1))
		return value;
	pthread_mutex_lock(&rtc->lock);
	if (is_time(rtc->index))
		show_time(rtc);
	value = rtc->memory[rtc->index];
	pthread_mutex_unlock(&rtc->lock);
	return value;
}

void ig_rtc_write(struct ig_vmm *vmm, uint16_t port, uint8_t value)
{
	struct ig_rtc *rtc = &vmm->rtc;

	pthread_mutex_lock(&rtc->lock);
	if (port & 1)
		write_register(rtc, value);
	else
		rtc->index = value & INDEX_MASK;
	pthread_mutex_unlock(&rtc->lock);
}
