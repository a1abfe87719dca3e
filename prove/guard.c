/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A step of a core that has a defect may not return, or touch what it must not. That is found out by signals:
 * of the processor time that a step took, and of accesses. One thread.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

#include "prove/steps.h"

enum { STEP_SECONDS = 1 }; /* a step takes microseconds */

static sigjmp_buf caught;
static volatile sig_atomic_t is_stepping;
static volatile uint32_t steps_taken, steps_seen;

static void on_signal(int signal)
{
	if (signal == SIGVTALRM && steps_seen != steps_taken) {
		steps_seen = steps_taken;
		return;
	}
	if (is_stepping)
		siglongjmp(caught, signal);
	if (signal != SIGVTALRM)
		_Exit(128 + signal);
}

void guard_steps(void)
{
	static const int signals[] = { SIGVTALRM, SIGSEGV, SIGBUS, SIGABRT };
	const struct itimerval every = { .it_interval.tv_sec = STEP_SECONDS,
					 .it_value.tv_sec = STEP_SECONDS };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_NODEFER | SA_RESTART };

	for (uint32_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
	setitimer(ITIMER_VIRTUAL, &every, NULL);
}

bool try_step(struct world *w, uint32_t step)
{
	bool taken;
	int signal = sigsetjmp(caught, 0);

	if (signal) {
		is_stepping = 0;
		w->violated = 1U << (signal == SIGVTALRM ? ENDLESS : REGISTERS);
		w->wrecked = true;
		say(w, signal == SIGVTALRM ? "     a call of the core does not return\n"
					   : "     a call of the core crashes\n");
		return true;
	}
	steps_taken++;
	is_stepping = 1;
	taken = take_step(w, step);
	if (taken) /* of a core that has a defect this may not return either */
		tell_state(w);
	is_stepping = 0;
	return taken;
}
