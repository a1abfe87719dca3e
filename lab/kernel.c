/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Has the lab's scripts fetch kernels and make what they boot with; see kernel.h. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "lab/kernel.h"
#include "lab/process.h"

bool ig_kernel_is_named(const char *kernel)
{
	size_t length = strlen(kernel);

	return !strcmp(kernel, "bookworm") || !strcmp(kernel, "bookworm-backports") ||
	       !strncmp(kernel, "linux-image-", strlen("linux-image-")) || strchr(kernel, '/') ||
	       (length > strlen(".deb") && !strcmp(kernel + length - strlen(".deb"), ".deb"));
}

static int find_kernel(const char *folder, struct ig_boot_files *files)
{
	static const char name[] = "/boot/vmlinuz-";
	char pattern[PATH_MAX + 20];
	glob_t found;
	int error = -ENOENT;

	snprintf(pattern, sizeof(pattern), "%s%s*", folder, name);
	if (!glob(pattern, 0, NULL, &found)) {
		snprintf(files->kernel, sizeof(files->kernel), "%s", found.gl_pathv[0]);
		snprintf(files->release, sizeof(files->release), "%s",
			 files->kernel + strlen(folder) + sizeof(name) - 1);
		error = 0;
	}
	globfree(&found);
	if (error)
		ig_error("no kernel in %s: remove that folder, then it is fetched again", folder);
	return error;
}

static int make_initramfs(const char *kind, const char *folder, const char *init, bool quiet, struct ig_boot_files *files)
{
	const char *const make[] = { kind, folder, init, NULL };

	return ig_process_script("lab/make-initramfs", make, quiet, files->initramfs, sizeof(files->initramfs));
}

static int unpack_kernel(bool quiet, struct ig_boot_files *files)
{
	char packed[PATH_MAX];
	const char *const unpack[] = { packed, NULL };

	memcpy(packed, files->kernel, sizeof(packed));
	return ig_process_script("lab/unpack-kernel", unpack, quiet, files->kernel, sizeof(files->kernel));
}

int ig_kernel_get(const char *kernel, const char *kind, const char *init, bool quiet,
		  struct ig_boot_files *files)
{
	char folder[PATH_MAX], path[PATH_MAX];
	const char *const fetch[] = { kernel, NULL };
	int error;

	if (ig_find_file(init, path, sizeof(path))) {
		ig_error("%s is missing: build or install irqgate again", path);
		return -ENOENT;
	}
	error = ig_process_script("lab/fetch-kernel", fetch, quiet, folder, sizeof(folder));
	if (!error)
		error = make_initramfs(kind, folder, path, quiet, files);
	if (!error)
		error = find_kernel(folder, files);
	if (!error && !strcmp(kind, "host"))
		error = unpack_kernel(quiet, files);
	return error;
}
