/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The run of a VM: the event loop, resets, the end. Main thread, except ig_vmm_stop() and ig_vmm_reset(). The
 * vCPUs' threads are there from the start to the end of a run; while `phase` says so they are paused, and the
 * machine can be changed.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "vmm/pci.h"
#include "vmm/vmm.h"

#define KICK_INTERVAL 200 /* microseconds */

sigset_t ig_ending_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	return signals;
}

static void set_phase(struct ig_vmm *vmm, enum ig_vmm_phase phase)
{
	pthread_mutex_lock(&vmm->phase_lock);
	vmm->phase = phase;
	pthread_cond_broadcast(&vmm->phase_changed);
	pthread_mutex_unlock(&vmm->phase_lock);
}

/* The vCPUs pause as soon as they see it; the main thread kicks them. */
static void wake_loop(struct ig_vmm *vmm)
{
	uint64_t one = 1;
	ssize_t written;

	set_phase(vmm, IG_PHASE_PAUSED);
	written = write(vmm->stop_fd, &one, sizeof(one)); /* an eventfd that is never full */
	(void)written;
}

void ig_vmm_stop(struct ig_vmm *vmm, enum ig_vmm_end end, uint8_t value)
{
	if (atomic_exchange(&vmm->stopping, true))
		return;
	vmm->end = end;
	vmm->exit_value = value;
	wake_loop(vmm);
}

void ig_vmm_reset(struct ig_vmm *vmm)
{
	if (vmm->options.no_reboot) {
		ig_vmm_stop(vmm, IG_END_RESET, 0);
		return;
	}
	atomic_store(&vmm->resetting, true);
	wake_loop(vmm);
}

/* A vCPU may kick another until it has left its loop: so nobody goes on before all have. */
static void pause_vcpus(struct ig_vmm *vmm, enum ig_vmm_phase phase)
{
	set_phase(vmm, phase);
	while (vmm->running) {
		for (uint32_t i = 0; i < vmm->options.cpus; i++)
			ig_vcpu_kick(&vmm->vcpu[i]);
		usleep(KICK_INTERVAL);
	}
}

static int reset_machine(struct ig_vmm *vmm)
{
	uint64_t count;
	ssize_t got;
	int error;

	pause_vcpus(vmm, IG_PHASE_PAUSED);
	got = read(vmm->stop_fd, &count, sizeof(count));
	(void)got;
	atomic_store(&vmm->resetting, false);
	error = ig_pci_reset(vmm);
	irqgate_kvm_reset(vmm->gate);
	ig_serial_reset(vmm);
	ig_timer_reset(vmm);
	vmm->pm_enable = 0;
	if (!error)
		error = vmm->boot->load(vmm);
	for (uint32_t i = 0; i < vmm->options.cpus && !error; i++)
		error = ig_vcpu_reset(&vmm->vcpu[i]);
	if (error)
		ig_vmm_stop(vmm, IG_END_CRASH, 0);
	else
		set_phase(vmm, IG_PHASE_RUNNING);
	return error;
}

/* Milliseconds until the time is over, or -1 without a limit. */
static int remaining(const struct ig_vmm *vmm, const struct timespec *start)
{
	struct timespec now;
	int64_t left;

	if (!vmm->options.timeout)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	left = (int64_t)vmm->options.timeout * 1000 - (now.tv_sec - start->tv_sec) * 1000 -
	       (now.tv_nsec - start->tv_nsec) / 1000000;
	return left > 0 ? (int)left : 0;
}

static void hand_over_typed(struct ig_vmm *vmm)
{
	struct ig_console *console = &vmm->console;
	uint32_t taken = ig_serial_receive(vmm, &console->typed[console->first], console->count);

	console->first += taken;
	console->count -= taken;
}

static void take_typed(struct ig_vmm *vmm)
{
	if (ig_console_read(&vmm->console) == IG_CONSOLE_LEAVE)
		ig_vmm_stop(vmm, IG_END_LEFT, 0);
	else if (vmm->console.count)
		hand_over_typed(vmm);
}

static void make_room(struct ig_vmm *vmm)
{
	uint64_t count;

	if (read(vmm->room_fd, &count, sizeof(count)) > 0 && vmm->console.count)
		hand_over_typed(vmm);
}

static void loop(struct ig_vmm *vmm, int signal_fd)
{
	enum { GATE, STOP, SIGNAL, ROOM, TIMER, TYPED, FDS };
	struct pollfd fds[FDS] = {
		[GATE] = { .fd = irqgate_kvm_poll_fd(vmm->gate), .events = POLLIN },
		[STOP] = { .fd = vmm->stop_fd, .events = POLLIN },
		[SIGNAL] = { .fd = signal_fd, .events = POLLIN },
		[TIMER] = { .fd = vmm->timer.fd, .events = POLLIN },
		[ROOM] = { .fd = vmm->room_fd, .events = POLLIN },
	};
	struct signalfd_siginfo signal;
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (!atomic_load(&vmm->stopping)) {
		int ready;

		fds[TYPED] = (struct pollfd){ .fd = ig_console_listens(&vmm->console) ? vmm->console.in_fd : -1,
					      .events = POLLIN };
		ready = poll(fds, FDS, remaining(vmm, &start));
		if (ready == 0)
			ig_vmm_stop(vmm, IG_END_TIMEOUT, 0);
		if (ready <= 0)
			continue;
		if (fds[SIGNAL].revents && read(signal_fd, &signal, sizeof(signal)) == sizeof(signal))
			ig_vmm_stop(vmm, IG_END_SIGNAL, 0); /* taken: it must not end us later */
		if (fds[GATE].revents)
			irqgate_kvm_dispatch(vmm->gate);
		if (fds[TIMER].revents)
			ig_timer_tick(vmm);
		if (fds[ROOM].revents)
			make_room(vmm);
		if (fds[TYPED].revents)
			take_typed(vmm);
		if (atomic_load(&vmm->resetting) && !atomic_load(&vmm->stopping))
			reset_machine(vmm);
	}
}

static void end_vcpus(struct ig_vmm *vmm)
{
	pause_vcpus(vmm, IG_PHASE_ENDING);
	for (uint32_t i = 0; i < vmm->options.cpus; i++) {
		if (vmm->vcpu[i].started)
			pthread_join(vmm->vcpu[i].thread, NULL);
		vmm->vcpu[i].started = false;
	}
}

/* The threads are made before the sandbox, which makes none. */
static int start(struct ig_vmm *vmm)
{
	int error = 0;

	for (uint32_t i = 0; i < vmm->options.cpus && !error; i++)
		error = ig_vcpu_start(&vmm->vcpu[i]);
	if (!error && vmm->options.sandbox)
		error = ig_sandbox_enter();
	return error;
}

int ig_vmm_run(struct ig_vmm *vmm)
{
	sigset_t ends = ig_ending_signals();
	int signal_fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK), error;

	if (signal_fd < 0) {
		error = -errno;
		ig_error("cannot wait for signals: %s", strerror(-error));
		return error;
	}
	error = start(vmm);
	if (!error) {
		set_phase(vmm, IG_PHASE_RUNNING);
		loop(vmm, signal_fd);
	}
	end_vcpus(vmm);
	close(signal_fd);
	return error;
}
