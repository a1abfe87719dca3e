/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Maps the files that a guest is made of; see image.h. */
#include "vmm/image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

int ig_image_open(const char *path, struct ig_image *image)
{
	struct stat status;
	void *bytes = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = 0;

	if (fd < 0 || fstat(fd, &status)) {
		error = -errno;
	} else if (!S_ISREG(status.st_mode)) {
		error = S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL;
	} else if (status.st_size) {
		bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes == MAP_FAILED)
			error = -errno;
	}
	if (error)
		ig_error("%s: %s", path, error == -EINVAL ? "not a regular file" : strerror(-error));
	else
		*image = (struct ig_image){ path, bytes, (size_t)status.st_size, true };
	if (fd >= 0)
		close(fd);
	return error;
}

void ig_image_close(struct ig_image *image)
{
	if (image->mapped && image->bytes)
		munmap((void *)(uintptr_t)image->bytes, image->size);
	*image = (struct ig_image){ .mapped = false };
}
