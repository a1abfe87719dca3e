/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A 16550 that only sends (PC16550D data sheet, section 8). Its interrupt is a wire on GSI 4. Any vCPU, under
 * serial.lock.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "vmm/vmm.h"

#define SERIAL_GSI 4U

enum { REG_DATA = 0, REG_IER, REG_IIR_FCR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCR };

#define IER_THR_EMPTY 0x02
#define IER_WRITABLE  0x0f
#define IIR_NONE      0x01
#define IIR_THR_EMPTY 0x02
#define IIR_FIFOS     0xc0
#define FCR_ENABLE    0x01
#define LCR_DLAB      0x80
#define LSR_THR_EMPTY 0x20
#define LSR_IDLE      0x40
#define MSR_READY     0xb0 /* carrier, data set and clear to send */

int ig_serial_open(struct ig_vmm *vmm)
{
	int error = irqgate_kvm_add_wire(vmm->gate, SERIAL_GSI, "serial", &vmm->serial.irq);

	vmm->serial.fd = vmm->options.console_fd;
	if (error)
		ig_error("cannot wire the serial port: %s", strerror(-error));
	return error;
}

/* The embedded guest reports in lines. */
static void collect_line(struct ig_vmm *vmm, char c)
{
	struct ig_serial *serial = &vmm->serial;

	if (c == '\n') {
		serial->line[serial->length] = '\0';
		ig_report_line(&vmm->report, serial->line);
		serial->length = 0;
	} else if (serial->length < sizeof(serial->line) - 1) {
		serial->line[serial->length++] = c;
	}
}

static void send(struct ig_vmm *vmm, uint8_t value)
{
	struct pollfd fds[] = {
		{ .fd = vmm->serial.fd, .events = POLLOUT },
		{ .fd = vmm->stop_fd, .events = POLLIN },
	};
	ssize_t written = 0;

	/* Nobody may read the output any more: that must not keep a run from ending. */
	while (poll(fds, sizeof(fds) / sizeof(fds[0]), -1) < 0 && errno == EINTR)
		;
	if (!fds[1].revents)
		written = write(vmm->serial.fd, &value, 1);
	(void)written; /* a closed output loses the guest's words, not the guest */
	collect_line(vmm, (char)value);
	vmm->serial.thr_empty_pending = true;
}

static bool interrupts(const struct ig_serial *serial)
{
	return serial->thr_empty_pending && (serial->ier & IER_THR_EMPTY);
}

static uint8_t read_register(struct ig_serial *serial, uint16_t offset)
{
	bool divisor = serial->lcr & LCR_DLAB;
	uint8_t iir;

	switch (offset) {
	case REG_DATA: return divisor ? serial->dll : 0;
	case REG_IER: return divisor ? serial->dlm : serial->ier;
	case REG_IIR_FCR:
		iir = interrupts(serial) ? IIR_THR_EMPTY : IIR_NONE;
		serial->thr_empty_pending = false; /* reading it acks */
		return iir | (serial->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
	case REG_LCR: return serial->lcr;
	case REG_MCR: return serial->mcr;
	case REG_LSR: return LSR_THR_EMPTY | LSR_IDLE;
	case REG_MSR: return MSR_READY;
	default: return serial->scr;
	}
}

static void write_register(struct ig_vmm *vmm, uint16_t offset, uint8_t value)
{
	struct ig_serial *serial = &vmm->serial;
	bool divisor = serial->lcr & LCR_DLAB;

	switch (offset) {
	case REG_DATA:
		if (divisor)
			serial->dll = value;
		else
			send(vmm, value);
		break;
	case REG_IER:
		if (divisor) {
			serial->dlm = value;
			break;
		}
		if (value & ~serial->ier & IER_THR_EMPTY)
			serial->thr_empty_pending = true; /* the register is empty, and now that interrupts */
		serial->ier = value & IER_WRITABLE;
		break;
	case REG_IIR_FCR: serial->fcr = value; break;
	case REG_LCR: serial->lcr = value; break;
	case REG_MCR: serial->mcr = value; break;
	case REG_SCR: serial->scr = value; break;
	default: break;
	}
}

/* The wire is set under the lock, so that two vCPUs can not set it in the wrong order. */
static void update_interrupt(struct ig_vmm *vmm)
{
	irqgate_kvm_set_level(vmm->gate, vmm->serial.irq, interrupts(&vmm->serial));
}

uint8_t ig_serial_read(struct ig_vmm *vmm, uint16_t offset)
{
	uint8_t value;

	pthread_mutex_lock(&vmm->serial.lock);
	value = read_register(&vmm->serial, offset);
	if (offset == REG_IIR_FCR)
		update_interrupt(vmm);
	pthread_mutex_unlock(&vmm->serial.lock);
	return value;
}

void ig_serial_write(struct ig_vmm *vmm, uint16_t offset, uint8_t value)
{
	pthread_mutex_lock(&vmm->serial.lock);
	write_register(vmm, offset, value);
	update_interrupt(vmm);
	pthread_mutex_unlock(&vmm->serial.lock);
}
