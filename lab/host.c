/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Boots and ends the lab's host; see host.h. bridge.c carries the command's streams. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lab/host.h"
#include "lab/kernel.h"
#include "lab/process.h"

#define QEMU "qemu-system-x86_64"

/*
 * quiet: the console is a slow serial port. panic=-1: a dead host ends its QEMU at once, and one of whose
 * processors nothing has been heard for a minute is dead. The last two are without what takes an emulated
 * processor time. The rest is what assigning a device needs. Nothing here changes what is measured: the kernel
 * is as its distribution made it.
 */
#define KERNEL_OPTIONS                                                                        \
	"console=ttyS0 quiet panic=-1 rcupdate.rcu_cpu_stall_timeout=60 "                      \
	"sysctl.kernel.panic_on_rcu_stall=1 intel_iommu=on no_timer_check mitigations=off cryptomgr.notests"

enum { BOOT_LIMIT_MS = 60 * 1000, BOOT_TRIES = 2, STREAMS = 4, CONSOLE_LINES = 4, TAIL = 8192 };

static const char *const stream_names[STREAMS] = { "control", "in", "out", "err" };

/* QEMU's arguments; the strings that are made for them live as long as the process. */
struct arguments {
	const char *list[80];
	int count;
};

static void add(struct arguments *arguments, const char *argument)
{
	arguments->list[arguments->count++] = argument;
}

static void add_pair(struct arguments *arguments, const char *option, const char *value)
{
	add(arguments, option);
	add(arguments, value);
}

static void add_machine(struct arguments *arguments)
{
	static const char *const pairs[][2] = {
		{ "-accel", "tcg,thread=multi" },
		/* AMD-V and VT-d side by side: the one is what TCG emulates, the other remaps interrupts. */
		{ "-M", "q35,kernel-irqchip=split" },
		{ "-cpu", "EPYC,+svm,+npt" },
		{ "-device", "intel-iommu,intremap=on,caching-mode=on" },
		{ "-m", "3072" },
		{ "-smp", "2" },
		/*
		 * What can be assigned: a device whose interrupt a guest raises itself, and network cards. No IPv6: a
		 * router speaks of its own accord, and these cards, which can not be reset, would still write that
		 * to the memory of the guest before.
		 */
		{ "-device", "edu" },
		{ "-netdev", "user,id=net0,restrict=on,ipv6=off" },
		{ "-device", "e1000,netdev=net0" },
		{ "-netdev", "user,id=net1,restrict=on,ipv6=off,net=10.0.3.0/24" },
		{ "-device", "e1000e,netdev=net1" },
		{ "-virtfs", "local,path=/,mount_tag=outer,security_model=none,readonly=on,multidevs=remap" },
		/* The other function of its slot shares its IOMMU group: who would assign that one cannot. */
		{ "-device", "virtio-serial-pci,addr=10.0,multifunction=on" },
		{ "-device", "pci-testdev,addr=10.1" },
		{ "-display", "none" },
		{ "-serial", "stdio" },
	};

	add(arguments, QEMU);
	add(arguments, "-no-user-config");
	add(arguments, "-nodefaults");
	add(arguments, "-no-reboot");
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		add_pair(arguments, pairs[i][0], pairs[i][1]);
}

static void add_streams(struct arguments *arguments, const int *fds)
{
	static char text[STREAMS][2][80];

	for (int i = 0; i < STREAMS; i++) {
		snprintf(text[i][0], sizeof(text[i][0]), "socket,id=%s,fd=%d", stream_names[i], fds[i]);
		snprintf(text[i][1], sizeof(text[i][1]), "virtserialport,chardev=%s,name=%s", stream_names[i],
			 stream_names[i]);
		add_pair(arguments, "-chardev", text[i][0]);
		add_pair(arguments, "-device", text[i][1]);
	}
}

/* In the child: becomes QEMU, with nothing open but the streams and the log. */
static void exec_qemu(pid_t parent, const char *kernel, const char *initramfs, const int *fds, int log)
{
	struct arguments arguments = { .count = 0 };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ig_process_tie(parent);
	add_machine(&arguments);
	add_streams(&arguments, fds);
	add_pair(&arguments, "-kernel", kernel);
	add_pair(&arguments, "-initrd", initramfs);
	add_pair(&arguments, "-append", KERNEL_OPTIONS);
	for (int i = 0; i < STREAMS; i++)
		fcntl(fds[i], F_SETFD, 0);
	if (dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
		_exit(1);
	execvp(QEMU, (char *const *)arguments.list);
	dprintf(log, "cannot start %s: %s\n", QEMU, strerror(errno));
	_exit(1);
}

static int open_streams(int ours[STREAMS], int theirs[STREAMS])
{
	int pair[2];

	for (int i = 0; i < STREAMS; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
			return -errno;
		ours[i] = pair[0];
		theirs[i] = pair[1];
		fcntl(ours[i], F_SETFL, O_NONBLOCK);
	}
	return 0;
}

static int open_log(struct ig_host *host, const char *file)
{
	if (!file)
		host->log = memfd_create("host-console", MFD_CLOEXEC);
	else
		host->log = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (host->log < 0) {
		ig_error("cannot write %s: %s", file ? file : "a memory file", strerror(errno));
		return -EIO;
	}
	/* QEMU's own words and the host's console both go there. */
	fcntl(host->log, F_SETFL, O_APPEND);
	return 0;
}

static int start_qemu(struct ig_host *host, const char *kernel, const char *initramfs)
{
	int ours[STREAMS] = { -1, -1, -1, -1 }, theirs[STREAMS] = { -1, -1, -1, -1 };
	pid_t self = getpid();
	int error = open_streams(ours, theirs);

	host->control = ours[0];
	host->in = ours[1];
	host->out = ours[2];
	host->err = ours[3];
	if (!error) {
		host->qemu = fork();
		if (!host->qemu)
			exec_qemu(self, kernel, initramfs, theirs, host->log);
	}
	for (int i = 0; i < STREAMS; i++)
		if (theirs[i] >= 0)
			close(theirs[i]);
	if (host->qemu > 0) {
		ig_process_watch(host->qemu);
		return 0;
	}
	ig_error("cannot start %s: %s", QEMU, strerror(errno));
	return -EIO;
}

/* Whether there is a QEMU to run: told before anything is fetched for it. */
static int find_qemu(void)
{
	char path[PATH_MAX];
	const char *folders = getenv("PATH");

	for (const char *at = folders ? folders : ""; *at;) {
		int length = (int)strcspn(at, ":");

		snprintf(path, sizeof(path), "%.*s/" QEMU, length, at);
		if (!access(path, X_OK))
			return 0;
		at += length + (at[length] == ':');
	}
	ig_error("no %s: install the Debian package qemu-system-x86", QEMU);
	return -ENOENT;
}

/* Waits for the init's first line. */
static int wait_until_ready(struct ig_host *host)
{
	struct pollfd fd = { .fd = host->control, .events = POLLIN };
	char line[200];
	ssize_t n;

	if (poll(&fd, 1, BOOT_LIMIT_MS) != 1)
		return -ETIMEDOUT;
	/* The init writes its line at once, and QEMU passes it on whole. */
	n = read(host->control, line, sizeof(line) - 1);
	if (n <= 0)
		return -EPIPE;
	line[n] = '\0';
	return sscanf(line, "ready %79s", host->release) == 1 ? 0 : -EIO;
}

/* It leaves a host that does not boot to ig_host_end. */
static int start_host(struct ig_host *host, const struct ig_boot_files *files, const char *console)
{
	int error;

	*host = (struct ig_host){ .control = -1, .in = -1, .out = -1, .err = -1, .log = -1 };
	error = open_log(host, console);
	return error ? error : start_qemu(host, files->kernel, files->initramfs);
}

int ig_host_boot(struct ig_host *host, const char *kernel, const char *console, bool quiet)
{
	struct ig_boot_files files;
	int error;

	*host = (struct ig_host){ .control = -1, .in = -1, .out = -1, .err = -1, .log = -1 };
	error = find_qemu();
	if (!error)
		error = ig_kernel_get(kernel, "host", "lab/lab-init", quiet, &files);
	if (error)
		return error;
	if (!quiet)
		fprintf(stderr, "irqgate: booting the host (%s)\n", files.release);
	/*
	 * An emulated machine that hangs or dies in its boot seldom does so twice: its kernel patches itself,
	 * and QEMU may run a breakpoint that is gone ("Oops: int3"; see keep_vm in host/init.c).
	 */
	for (int tries = 1; ; tries++) {
		error = start_host(host, &files, console);
		if (error)
			return error;
		error = wait_until_ready(host);
		if ((error != -ETIMEDOUT && error != -EPIPE) || tries == BOOT_TRIES)
			break;
		ig_host_end(host);
	}
	if (error)
		ig_host_error(host, error == -ETIMEDOUT ? "the host did not boot in time"
							: "the host did not boot");
	return error;
}

void ig_host_end(struct ig_host *host)
{
	int *fds[] = { &host->control, &host->in, &host->out, &host->err, &host->log };

	if (host->qemu > 0) {
		kill(host->qemu, SIGKILL);
		while (waitpid(host->qemu, NULL, 0) < 0 && errno == EINTR)
			;
		ig_process_watch(0);
	}
	host->qemu = 0;
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

/* The start of the last lines of a text. */
static char *last_lines(char *text, int lines)
{
	char *at = text + strlen(text);

	while (at > text && (at[-1] == '\n' || at[-1] == '\r'))
		*--at = '\0';
	while (at > text && (at[-1] != '\n' || --lines > 0))
		at--;
	return at;
}

/* QEMU names each feature of the processor that it does not emulate, at every start: no news to anybody. */
static void drop_feature_warnings(char *text)
{
	char *to = text;

	for (char *line = text, *end; *line; line = end) {
		end = strchr(line, '\n');
		end = end ? end + 1 : line + strlen(line);
		if (memmem(line, (size_t)(end - line), "TCG doesn't support", strlen("TCG doesn't support")))
			continue;
		memmove(to, line, (size_t)(end - line));
		to += end - line;
	}
	*to = '\0';
}

/* What tells most of a console's end: the panic, if there was one, else the last lines. */
static const char *what_it_said(char *text)
{
	char *panic = strstr(text, "Kernel panic");

	if (!panic)
		return last_lines(text, CONSOLE_LINES);
	panic[strcspn(panic, "\r\n")] = '\0';
	return panic;
}

void ig_host_error(struct ig_host *host, const char *what)
{
	char tail[TAIL];
	off_t size = lseek(host->log, 0, SEEK_END);
	off_t start = size > TAIL - 1 ? size - TAIL + 1 : 0;
	ssize_t n = pread(host->log, tail, TAIL - 1, start);

	tail[n > 0 ? n : 0] = '\0';
	drop_feature_warnings(tail);
	if (!tail[0])
		ig_error("%s; its console said nothing", what);
	else
		ig_error("%s; its console said last:\n%s", what, what_it_said(tail));
}
