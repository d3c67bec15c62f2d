/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer with a maximum. The first failure (memory, maximum) sticks and further
 * writes do nothing, so that an encoder checks once at its end. */
#ifndef MUV__BUF_H
#define MUV__BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

typedef struct muv__buf {
    uint8_t *data;
    size_t size;     /* Bytes written. */
    size_t capacity; /* Bytes allocated. */
    size_t max_size; /* `size` never exceeds this. */
    uint8_t *home;   /* [borrow] Memory used until more is needed, or NULL. */
    size_t home_size;
    int error; /* 0, MUV_ENOMEM or MUV_ETOOLARGE. */
} muv__buf_t;

/* Empty, without memory. `max_size` is in bytes, not 0. */
void muv__buf_init(muv__buf_t *buf, size_t max_size);
void muv__buf_done(muv__buf_t *buf);

/* Wipe all it holds or may still hold behind its end, and end it. It must not have moved since a
 * secret was written: reserve the room first. */
void muv__buf_wipe(muv__buf_t *buf);

/* The same, beginning with `home_size` bytes that the owner provides and that live as long. */
void muv__buf_init_home(muv__buf_t *buf, size_t max_size, uint8_t *home, size_t home_size);

/* Make room for `size` more bytes. Returns 1, or 0 and sets `error`. */
int muv__buf_reserve(muv__buf_t *buf, size_t size);

/* Keep the memory, drop content and error. Memory above `keep_capacity` bytes is given back, and
 * the home is used again. */
void muv__buf_reset(muv__buf_t *buf, size_t keep_capacity);

/* `size` (not 0) new bytes at the end to be filled by the caller, or NULL. */
static inline uint8_t *muv__buf_extend(muv__buf_t *buf, size_t size)
{
    uint8_t *at;

    if (MUV__UNLIKELY(buf->error != 0 || size > buf->capacity - buf->size) &&
        !muv__buf_reserve(buf, size)) {
        return NULL;
    }
    at = buf->data + buf->size;
    buf->size += size;
    return at;
}

static inline void muv__buf_append(muv__buf_t *buf, const void *bytes, size_t size)
{
    uint8_t *at = size == 0 ? NULL : muv__buf_extend(buf, size);

    if (at != NULL) {
        memcpy(at, bytes, size);
    }
}

#endif
