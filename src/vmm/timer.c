/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The PC's 8254 and its ticks (chip/pit.h). Counter 0 drives IRQ 0: input 0 of the 8259s, and pin 2 of the
 * IOAPIC. The main thread is woken by a timer when a tick is due. A tick that finds the last one not taken
 * yet is one with it, as on hardware. Any vCPU, and the main thread, under timer.lock.
 */
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "vmm/vmm.h"

#define GSI_PIC    0U
#define GSI_IOAPIC 2U

#define NANOSECONDS  UINT64_C(1000000000)
#define INTERVAL_MIN                                                                                         \
	UINT64_C(100000) /* a guest that wants more ticks than this does not keep the host busy */

static uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
}

/* Caller holds lock. */
static void arm(struct ig_timer *timer, uint64_t now)
{
	uint64_t next = ig_pit_next(&timer->pit);
	struct itimerspec when = { .it_value.tv_sec = 0 };

	if (next != IG_PIT_NEVER) {
		if (next < timer->ticked + INTERVAL_MIN)
			next = timer->ticked + INTERVAL_MIN;
		if (next <= now)
			next = now + 1;
		when.it_value.tv_sec = (time_t)(next / NANOSECONDS);
		when.it_value.tv_nsec = (long)(next % NANOSECONDS);
	}
	timerfd_settime(timer->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

int ig_timer_open(struct ig_vmm *vmm)
{
	struct ig_timer *timer = &vmm->timer;
	int error = 0;

	timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (timer->fd < 0)
		error = -errno;
	if (!error)
		error = irqgate_kvm_add_edge(vmm->gate, GSI_PIC, "timer (8259)", &timer->pic_irq);
	if (!error)
		error = irqgate_kvm_add_edge(vmm->gate, GSI_IOAPIC, "timer (IOAPIC)", &timer->ioapic_irq);
	if (error)
		ig_error("cannot make the timer: %s", strerror(-error));
	else
		ig_pit_init(&timer->pit, IG_PIT_DROP, clock_now());
	return error;
}

void ig_timer_reset(struct ig_vmm *vmm)
{
	struct ig_timer *timer = &vmm->timer;

	pthread_mutex_lock(&timer->lock);
	ig_pit_init(&timer->pit, IG_PIT_DROP, clock_now());
	arm(timer, clock_now());
	pthread_mutex_unlock(&timer->lock);
}

/* Nobody tells of the ack: the tick is taken at once, as far as the chip knows. */
void ig_timer_tick(struct ig_vmm *vmm)
{
	struct ig_timer *timer = &vmm->timer;
	uint64_t count, now = clock_now();
	bool due;

	if (read(timer->fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&timer->lock);
	due = ig_pit_tick(&timer->pit, now);
	if (due)
		ig_pit_acked(&timer->pit, now);
	timer->ticked = now;
	arm(timer, now);
	pthread_mutex_unlock(&timer->lock);
	if (!due)
		return;
	irqgate_kvm_pulse(vmm->gate, timer->pic_irq);
	irqgate_kvm_pulse(vmm->gate, timer->ioapic_irq);
}

bool ig_timer_access(struct ig_vmm *vmm, uint16_t port, bool write, uint8_t *data)
{
	struct ig_timer *timer = &vmm->timer;
	bool counter = port >= IG_PIT_PORT_COUNTER && port <= IG_PIT_PORT_CONTROL;
	uint64_t now;

	if (!counter && port != IG_PIT_PORT_STATUS)
		return false;
	pthread_mutex_lock(&timer->lock);
	now = clock_now();
	if (write) {
		ig_pit_write(&timer->pit, port, data[0], now);
		arm(timer, now);
	} else {
		data[0] = ig_pit_read(&timer->pit, port, now);
	}
	pthread_mutex_unlock(&timer->lock);
	return true;
}
