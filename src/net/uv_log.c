/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the log: gathered, and written when a turn is through. Only whole lines go to a file, in
 * as few writes as can be, so that processes that append to the same one do not mix theirs. A file
 * would need libuv's thread pool to be written without blocking, and that is left alone: only files
 * of tokens (uv_load.c) and Kerberos start it. */
#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

/* What is gathered before it is written all the same. */
#define GATHERED_BYTES (64 * 1024)

struct muv__net_log {
    FILE *stream;      /* Of the process, or NULL: a file of our own. */
    int descriptor;    /* Of that. */
    muv__buf_t gather; /* For that. */
};

muv__net_log_t *muv__net_log_open(const char *path)
{
    muv__net_log_t *log = muv__mem_zalloc(sizeof(*log));

    if (log == NULL) {
        return NULL;
    }
    muv__buf_init(&log->gather, (size_t)2 * GATHERED_BYTES);
    if (strcmp(path, "stdout") == 0) {
        log->stream = stdout;
    } else if (strcmp(path, "stderr") == 0) {
        log->stream = stderr;
    } else {
        /* Not handed down to programs that are started later. */
        log->descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
        log->stream = log->descriptor < 0 ? stderr : NULL;
    }
    return log;
}

static void write_all(int descriptor, const uint8_t *bytes, size_t size)
{
    while (size != 0) {
        ssize_t written = write(descriptor, bytes, size);

        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        } else if (written == 0 || errno != EINTR) {
            return; /* Nobody could be told but by the log. */
        }
    }
}

void muv__net_log_flush(muv__net_log_t *log)
{
    if (log->stream != NULL) {
        (void)fflush(log->stream);
        return;
    }
    write_all(log->descriptor, log->gather.data, log->gather.size);
    muv__buf_reset(&log->gather, GATHERED_BYTES);
}

void muv__net_log_write(muv__net_log_t *log, const void *bytes, size_t size)
{
    if (log->stream != NULL) {
        (void)fwrite(bytes, 1, size, log->stream);
        return;
    }
    if (log->gather.size + size > GATHERED_BYTES) {
        muv__net_log_flush(log);
    }
    if (size <= GATHERED_BYTES) {
        muv__buf_append(&log->gather, bytes, size);
    }
    if (size > GATHERED_BYTES || log->gather.error != 0) {
        muv__net_log_flush(log); /* In the order of the calls. */
        write_all(log->descriptor, bytes, size);
    }
}

void muv__net_log_close(muv__net_log_t *log)
{
    if (log == NULL) {
        return;
    }
    muv__net_log_flush(log);
    if (log->stream == NULL) {
        (void)close(log->descriptor);
    }
    muv__buf_done(&log->gather);
    muv__mem_free(log);
}
