/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The init of the lab's host: the only process that the host starts with. It loads the modules, makes the
 * outer machine's files the root (read-only, over 9p), and has command.c run the one command that is asked
 * for. Static, one thread, no locks.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lab/host/init.h"

#define NEW_ROOT "/outer"

enum { PORT_WAIT_MS = 10000 };

int control = -1;

void reply(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vdprintf(control, format, args);
	va_end(args);
}

void fail(const char *what, const char *name)
{
	if (control >= 0)
		reply("failed %s %s: %s\n", what, name, strerror(errno));
	dprintf(STDERR_FILENO, "lab-init: %s %s: %s\n", what, name, strerror(errno));
	for (;;)
		pause();
}

static void mount_or_fail(const char *source, const char *target, const char *type, unsigned long flags,
			  const char *options)
{
	if (mount(source, target, type, flags, options))
		fail("mount", target);
}

static void load_module(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/modules/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
		fail("load", path);
	close(fd);
}

static void load_modules(void)
{
	char name[200];
	FILE *order = fopen("/modules/order", "re");

	if (!order)
		fail("open", "/modules/order");
	while (fscanf(order, "%199s", name) == 1)
		load_module(name);
	fclose(order);
}

/* Opens the virtio port of that name, which appears some time after its driver. */
static int find_port(const char *name)
{
	char path[300], found[64] = "";
	struct dirent *entry;
	DIR *ports = opendir("/sys/class/virtio-ports");
	FILE *file;
	int fd = -1;

	while (ports && fd < 0 && (entry = readdir(ports))) {
		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fscanf(file, "%63s", found) == 1 && !strcmp(found, name)) {
			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			fd = open(path, O_RDWR | O_CLOEXEC);
		}
		fclose(file);
	}
	if (ports)
		closedir(ports);
	return fd;
}

static int open_port(const char *name)
{
	int fd;

	for (int waited = 0; (fd = find_port(name)) < 0; waited++) {
		if (waited == PORT_WAIT_MS)
			fail("find the port", name);
		usleep(1000);
	}
	return fd;
}

static void mount_own(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mount_or_fail("proc", "/proc", "proc", 0, NULL);
	mount_or_fail("sysfs", "/sys", "sysfs", 0, NULL);
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) && errno != EBUSY)
		fail("mount", "/dev");
}

/* /tmp can be written, over the outer /tmp, which stays as it is. */
static void mount_tmp(void)
{
	mkdir("/upper", 0755);
	mount_or_fail("tmpfs", "/upper", "tmpfs", 0, "mode=755");
	mkdir("/upper/tmp", 0755);
	mkdir("/upper/work", 0755);
	chmod("/upper/tmp", 01777);
	mount_or_fail("overlay", NEW_ROOT "/tmp", "overlay", 0,
		      "lowerdir=" NEW_ROOT "/tmp,upperdir=/upper/tmp,workdir=/upper/work");
}

static void mount_root(void)
{
	mkdir(NEW_ROOT, 0755);
	/* The outer side is never written through this mount, so what was read once may be kept. */
	mount_or_fail("outer", NEW_ROOT, "9p", MS_RDONLY,
		      "trans=virtio,version=9p2000.L,msize=524288,cache=loose");
	mount_tmp();
	mount_or_fail("tmpfs", NEW_ROOT "/run", "tmpfs", 0, "mode=755");
	mount_or_fail("/dev", NEW_ROOT "/dev", NULL, MS_MOVE, NULL);
	mount_or_fail("/sys", NEW_ROOT "/sys", NULL, MS_MOVE, NULL);
	mount_or_fail("/proc", NEW_ROOT "/proc", NULL, MS_MOVE, NULL);
	if (chdir(NEW_ROOT) || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		fail("enter", NEW_ROOT);
	mkdir("/dev/shm", 01777);
	mkdir("/dev/pts", 0755);
	mount_or_fail("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777");
	mount_or_fail("devpts", "/dev/pts", "devpts", 0, NULL);
	mount_or_fail("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mount_or_fail("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	/* devtmpfs lacks the usual names of the standard streams. */
	if (symlink("/proc/self/fd", "/dev/fd") || symlink("fd/0", "/dev/stdin") ||
	    symlink("fd/1", "/dev/stdout") || symlink("fd/2", "/dev/stderr"))
		fail("make", "/dev/fd");
}

static void bring_up_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		fail("bring up", "lo");
	close(fd);
}

/*
 * Keeps one VM for ever, with a processor that never runs. KVM patches the kernel's scheduler when the first VM
 * comes and when the last goes, and itself when the first LAPIC comes that is off (each is, at first) and when
 * the last one is on. An emulator that translates code on several threads (QEMU before 8.1) now and then keeps
 * the breakpoint that stands there in between, for ever: that CPU of the host is gone. So all of it is patched
 * once, here.
 */
static void keep_vm(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);

	if (vm < 0 || ioctl(vm, KVM_CREATE_IRQCHIP) || ioctl(vm, KVM_CREATE_VCPU, 0) < 0)
		fail("use", "/dev/kvm");
}

int main(void)
{
	struct utsname self;
	int in, out, err;

	mount_own();
	load_modules();
	keep_vm();
	control = open_port("control");
	in = open_port("in");
	out = open_port("out");
	err = open_port("err");
	mount_root();
	bring_up_loopback();
	sethostname("lab-host", strlen("lab-host"));
	uname(&self);
	reply("ready %s\n", self.release);
	serve_command(in, out, err);
	for (;;)
		pause();
}
