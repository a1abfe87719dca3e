/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What `irqgate exec` has left in the environment for the library; see exec.h. One thread: before main(). */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "exec/exec.h"
#include "exec/settings.h"

/* The number after "key=" in the list, or `otherwise`. */
static int number_of(const char *list, const char *key, int otherwise)
{
	const char *at = strstr(list, key);

	return at ? atoi(at + strlen(key)) : otherwise;
}

/* The library stands first in LD_PRELOAD; what stood there before stays. */
static void leave_environment(void)
{
	const char *preload = getenv("LD_PRELOAD"), *rest = preload ? strchr(preload, ':') : NULL;
	char *kept = rest ? strdup(rest + 1) : NULL;

	unsetenv(IG_EXEC_VARIABLE);
	if (kept)
		setenv("LD_PRELOAD", kept, 1);
	else
		unsetenv("LD_PRELOAD");
	free(kept);
}

void ig_exec_read_settings(struct ig_config *config)
{
	const char *list = getenv(IG_EXEC_VARIABLE);

	*config = (struct ig_config){ .policy = IRQGATE_POLICY_HOLD, .stats_seconds = -1, .json_fd = IG_NO_FD };
	if (!list)
		return;
	if (strstr(list, "policy=eoi"))
		config->policy = IRQGATE_POLICY_EOI;
	config->stats_seconds = number_of(list, "stats=", -1);
	config->json_fd = number_of(list, "json=", IG_NO_FD);
	config->follow = number_of(list, "follow=", 0);
	if (config->follow)
		return;
	leave_environment();
	if (config->json_fd >= 0)
		fcntl(config->json_fd, F_SETFD, FD_CLOEXEC);
}
