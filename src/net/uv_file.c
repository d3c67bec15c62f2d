/* SPDX-License-Identifier: Apache-2.0 */
/* Small files, read whole and at once: libuv's own file functions would start its thread pool. */
#include "net/net.h"

#include "muv/error.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Read until the file ends or `size` bytes are there. Returns the count or a negative system code.
 */
static int64_t read_bytes(int fd, uint8_t *bytes, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t count = read(fd, bytes + done, size - done);

        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return -errno;
        }
        if (count == 0) {
            break;
        }
        done += (size_t)count;
    }
    return (int64_t)done;
}

static int read_open_file(int fd, size_t max_size, uint8_t **ret_bytes, size_t *ret_size)
{
    struct stat status;
    uint8_t *bytes;
    int64_t count;

    if (fstat(fd, &status) != 0) {
        return -errno;
    }
    if (S_ISDIR(status.st_mode)) {
        return -EISDIR;
    }
    if (!S_ISREG(status.st_mode)) {
        return -EINVAL; /* A pipe might never end. */
    }
    if (status.st_size < 0 || (uint64_t)status.st_size > max_size) {
        return -EFBIG;
    }
    bytes = muv__mem_alloc((size_t)status.st_size + 1); /* An empty file has content, too: none. */
    if (bytes == NULL) {
        return MUV_ENOMEM;
    }
    count = read_bytes(fd, bytes, (size_t)status.st_size);
    if (count < 0) {
        muv__mem_free(bytes);
        return (int)count;
    }
    *ret_bytes = bytes;
    *ret_size = (size_t)count;
    return 0;
}

int muv__net_read_file(const char *path, size_t max_size, uint8_t **ret_bytes, size_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int status;

    if (fd < 0) {
        return -errno;
    }
    status = read_open_file(fd, max_size, ret_bytes, ret_size);
    (void)close(fd); /* Nothing was written. */
    return status;
}
