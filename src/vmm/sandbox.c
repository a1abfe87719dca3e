/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The sandbox: once the VM is set up, its threads may make only the system calls that a running VM needs, and
 * of ioctls only those on what is open already. Any other call ends the process: whoever makes it is not us
 * any more. Opening a file fails instead, as the C library and the gate try to without need. Main thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

#include <linux/kvm.h>
#include <linux/vfio.h>

#include "cli/cli.h"
#include "vmm/vmm.h"

static const int calls[] = {
	/* devices, console, eventfds */
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pread64), SCMP_SYS(pwrite64),
	SCMP_SYS(close), SCMP_SYS(eventfd2), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl),
	SCMP_SYS(timerfd_settime),
	/* threads, time and memory */
	SCMP_SYS(futex), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday), SCMP_SYS(restart_syscall), SCMP_SYS(sched_yield), SCMP_SYS(brk),
	SCMP_SYS(munmap), SCMP_SYS(madvise), SCMP_SYS(getrandom), SCMP_SYS(exit), SCMP_SYS(exit_group),
	/* a thread that has just begun */
	SCMP_SYS(rseq), SCMP_SYS(set_robust_list),
};

/* What fails as it may. */
static const int refused[] = { SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(readlink), SCMP_SYS(readlinkat) };

static const unsigned long ioctls[] = {
	KVM_RUN, KVM_SIGNAL_MSI, KVM_SET_GSI_ROUTING, KVM_IRQFD, KVM_INTERRUPT, KVM_SET_USER_MEMORY_REGION,
	KVM_GET_VCPU_MMAP_SIZE, KVM_GET_LAPIC, KVM_SET_LAPIC, KVM_GET_REGS, KVM_SET_REGS, KVM_GET_SREGS,
	KVM_SET_SREGS, KVM_SET_XSAVE, KVM_SET_XCRS, KVM_SET_MSRS, KVM_SET_DEBUGREGS, KVM_SET_VCPU_EVENTS,
	KVM_SET_MP_STATE,
	VFIO_DEVICE_SET_IRQS, VFIO_DEVICE_GET_IRQ_INFO, VFIO_DEVICE_GET_REGION_INFO, VFIO_DEVICE_RESET,
	TCGETS, TCSETS, TCSETSW, /* the terminal is put back in the end */
};

static int allow_ioctl(scmp_filter_ctx filter, unsigned long request)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, request));
}

static const uint32_t fcntls[] = { F_GETFD, F_GETFL, F_SETFL };

/* The others could have the kernel send a signal to any process of the user's (fcntl(2), F_SETOWN). */
static int allow_fcntl(scmp_filter_ctx filter, uint32_t command)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
				SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, command));
}

/* Memory, but none that is code. */
static int allow_memory(scmp_filter_ctx filter, int call)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

static int add_rules(scmp_filter_ctx filter)
{
	int error = 0;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]) && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]) && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), refused[i], 0);
	for (size_t i = 0; i < sizeof(ioctls) / sizeof(ioctls[0]) && !error; i++)
		error = allow_ioctl(filter, ioctls[i]);
	if (!error)
		error = allow_memory(filter, SCMP_SYS(mmap));
	if (!error)
		error = allow_memory(filter, SCMP_SYS(mprotect));
	for (size_t i = 0; i < sizeof(fcntls) / sizeof(fcntls[0]) && !error; i++)
		error = allow_fcntl(filter, fcntls[i]);
	if (!error) /* a thread of this process */
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
					 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
	if (error)
		return error;
	/* the built-in device's thread */
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
				SCMP_A0(SCMP_CMP_EQ, PR_SET_TIMERSLACK, 0));
}

#ifdef __SANITIZE_ADDRESS__
/* A sanitizer looks for leaks in the end, with system calls of its own. */
int ig_sandbox_enter(void)
{
	(void)add_rules;
	return 0;
}
#else
int ig_sandbox_enter(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int error = filter ? 0 : -ENOMEM;

	if (!error)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1); /* all threads, or none */
	if (!error)
		error = add_rules(filter);
	if (!error)
		error = seccomp_load(filter);
	seccomp_release(filter);
	if (error)
		ig_error("cannot enter the sandbox: %s; --no-sandbox does without", strerror(-error));
	return error;
}
#endif
