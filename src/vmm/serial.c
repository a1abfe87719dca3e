/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A 16550 (PC16550D data sheet, section 8). Its interrupt is a wire on GSI 4. Any vCPU, and the main thread
 * with what is typed, under serial.lock.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "vmm/vmm.h"

#define SERIAL_GSI 4U

enum { REG_DATA = 0, REG_IER, REG_IIR_FCR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCR };

#define IER_RECEIVED  0x01
#define IER_THR_EMPTY 0x02
#define IER_WRITABLE  0x0f
#define IIR_NONE      0x01
#define IIR_THR_EMPTY 0x02
#define IIR_RECEIVED  0x04
#define IIR_FIFOS     0xc0
#define FCR_ENABLE    0x01
#define FCR_EMPTY     0x02 /* the receiver's FIFO */
#define LCR_DLAB      0x80
#define MCR_DTR       0x01
#define MCR_RTS       0x02
#define MCR_OUT1      0x04
#define MCR_OUT2      0x08
#define MCR_LOOP      0x10
#define MCR_WRITABLE  0x1f
#define LSR_DATA      0x01
#define LSR_THR_EMPTY 0x20
#define LSR_IDLE      0x40
#define MSR_CTS       0x10
#define MSR_DSR       0x20
#define MSR_RI        0x40
#define MSR_DCD       0x80
#define MSR_READY     (MSR_DCD | MSR_DSR | MSR_CTS)

int ig_serial_open(struct ig_vmm *vmm)
{
	int error = irqgate_kvm_add_wire(vmm->gate, SERIAL_GSI, "serial", &vmm->serial.irq);

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

/* What is received goes to the guest; what it sends while the port loops back to itself too (8.7). */
static void receive(struct ig_serial *serial, uint8_t value)
{
	if (serial->count < IG_SERIAL_FIFO)
		serial->received[(serial->first + serial->count++) % IG_SERIAL_FIFO] = value;
}

/* Tells the main thread, which waits with what was typed, that there is room. */
static void want_more(const struct ig_vmm *vmm)
{
	uint64_t one = 1;
	ssize_t written = write(vmm->room_fd, &one, sizeof(one)); /* it can only be signalled already */

	(void)written;
}

/* The end of an access. */
static void leave(struct ig_vmm *vmm)
{
	struct ig_serial *serial = &vmm->serial;
	bool room = serial->full && !serial->count;

	if (room)
		serial->full = false;
	pthread_mutex_unlock(&serial->lock);
	if (atomic_exchange(&serial->refused, false) || room)
		want_more(vmm);
}

static uint8_t take_received(struct ig_serial *serial)
{
	uint8_t value = serial->received[serial->first];

	if (!serial->count)
		return 0;
	serial->first = (serial->first + 1) % IG_SERIAL_FIFO;
	serial->count--;
	return value;
}

static void send(struct ig_vmm *vmm, uint8_t value)
{
	struct ig_serial *serial = &vmm->serial;

	serial->thr_empty_pending = true;
	if (serial->mcr & MCR_LOOP) {
		receive(serial, value);
		return;
	}
	ig_console_write(&vmm->console, value, vmm->stop_fd);
	collect_line(vmm, (char)value);
}

/* The cause of highest priority (8.5), or IIR_NONE. */
static uint8_t cause(const struct ig_serial *serial)
{
	if (serial->count && (serial->ier & IER_RECEIVED))
		return IIR_RECEIVED;
	return serial->thr_empty_pending && (serial->ier & IER_THR_EMPTY) ? IIR_THR_EMPTY : IIR_NONE;
}

/* Reading it acks the empty register, if it is that which it tells of. */
static uint8_t read_cause(struct ig_serial *serial)
{
	uint8_t iir = cause(serial);

	if (iir == IIR_THR_EMPTY)
		serial->thr_empty_pending = false;
	return iir | (serial->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

/* Looped back, the modem's outputs are its inputs (8.7). */
static uint8_t modem_status(const struct ig_serial *serial)
{
	uint8_t mcr = serial->mcr;

	if (!(mcr & MCR_LOOP))
		return MSR_READY;
	return (uint8_t)((mcr & MCR_RTS ? MSR_CTS : 0) | (mcr & MCR_DTR ? MSR_DSR : 0) |
			 (mcr & MCR_OUT1 ? MSR_RI : 0) | (mcr & MCR_OUT2 ? MSR_DCD : 0));
}

static uint8_t read_register(struct ig_serial *serial, uint16_t offset)
{
	bool divisor = serial->lcr & LCR_DLAB;

	switch (offset) {
	case REG_DATA: return divisor ? serial->dll : take_received(serial);
	case REG_IER: return divisor ? serial->dlm : serial->ier;
	case REG_IIR_FCR: return read_cause(serial);
	case REG_LCR: return serial->lcr;
	case REG_MCR: return serial->mcr;
	case REG_LSR: return LSR_THR_EMPTY | LSR_IDLE | (serial->count ? LSR_DATA : 0);
	case REG_MSR: return modem_status(serial);
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
	case REG_IIR_FCR:
		serial->fcr = value;
		if (value & FCR_EMPTY)
			serial->count = 0;
		break;
	case REG_LCR: serial->lcr = value; break;
	case REG_MCR: serial->mcr = value & MCR_WRITABLE; break;
	case REG_SCR: serial->scr = value; break;
	default: break;
	}
}

/* The wire is set under the lock, so that two vCPUs can not set it in the wrong order. */
static void update_interrupt(struct ig_vmm *vmm)
{
	irqgate_kvm_set_level(vmm->gate, vmm->serial.irq, cause(&vmm->serial) != IIR_NONE);
}

uint8_t ig_serial_read(struct ig_vmm *vmm, uint16_t offset)
{
	uint8_t value;

	pthread_mutex_lock(&vmm->serial.lock);
	value = read_register(&vmm->serial, offset);
	if (offset == REG_IIR_FCR || offset == REG_DATA)
		update_interrupt(vmm);
	leave(vmm);
	return value;
}

void ig_serial_write(struct ig_vmm *vmm, uint16_t offset, uint8_t value)
{
	pthread_mutex_lock(&vmm->serial.lock);
	write_register(vmm, offset, value);
	update_interrupt(vmm);
	leave(vmm);
}

/* A vCPU may be waiting, with the lock, for somebody to read what the guest says: the main thread must not. */
uint32_t ig_serial_receive(struct ig_vmm *vmm, const uint8_t *bytes, uint32_t count)
{
	struct ig_serial *serial = &vmm->serial;
	uint32_t taken = 0;

	atomic_store(&serial->refused, true);
	if (pthread_mutex_trylock(&serial->lock))
		return 0;
	atomic_store(&serial->refused, false);
	for (; taken < count && serial->count < IG_SERIAL_FIFO && !(serial->mcr & MCR_LOOP); taken++)
		receive(serial, bytes[taken]);
	serial->full = taken < count;
	update_interrupt(vmm);
	pthread_mutex_unlock(&serial->lock);
	return taken;
}

void ig_serial_reset(struct ig_vmm *vmm)
{
	struct ig_serial *serial = &vmm->serial;

	pthread_mutex_lock(&serial->lock);
	serial->ier = serial->lcr = serial->mcr = serial->scr = serial->dll = serial->dlm = serial->fcr = 0;
	serial->thr_empty_pending = false;
	serial->count = 0;
	update_interrupt(vmm);
	leave(vmm);
}
