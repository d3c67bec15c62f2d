/* SPDX-License-Identifier: Apache-2.0 */
/* Growth of byte buffers. */
#include "base/buf.h"

#include "muv/error.h"

#include "base/assert.h"
#include "base/mem.h"

#include <openssl/crypto.h>

#define SMALLEST_CAPACITY 256

void muv__buf_init(muv__buf_t *buf, size_t max_size)
{
    MUV__ASSERT(max_size != 0);
    memset(buf, 0, sizeof(*buf));
    buf->max_size = max_size;
}

void muv__buf_init_home(muv__buf_t *buf, size_t max_size, uint8_t *home, size_t home_size)
{
    MUV__ASSERT(home_size <= max_size);
    muv__buf_init(buf, max_size);
    buf->home = buf->data = home;
    buf->home_size = buf->capacity = home_size;
}

static void free_memory(muv__buf_t *buf)
{
    if (buf->data != buf->home) {
        muv__mem_free(buf->data);
    }
}

void muv__buf_done(muv__buf_t *buf)
{
    free_memory(buf);
    memset(buf, 0, sizeof(*buf));
}

void muv__buf_wipe(muv__buf_t *buf)
{
    if (buf->data != NULL) {
        OPENSSL_cleanse(buf->data, buf->capacity);
    }
    muv__buf_done(buf);
}

/* New memory for `capacity` bytes with the content, or NULL. */
static uint8_t *move_to_memory(const muv__buf_t *buf, size_t capacity)
{
    uint8_t *data;

    if (buf->home == NULL || buf->data != buf->home) {
        return muv__mem_realloc(buf->data, capacity);
    }
    data = muv__mem_alloc(capacity);
    if (data != NULL && buf->size != 0) {
        memcpy(data, buf->data, buf->size);
    }
    return data;
}

static size_t grown_capacity(const muv__buf_t *buf, size_t needed)
{
    size_t capacity = buf->capacity < SMALLEST_CAPACITY ? SMALLEST_CAPACITY : buf->capacity;

    /* Never above the maximum: muv__buf_extend() looks only at the capacity. */
    capacity = capacity > buf->max_size ? buf->max_size : capacity;
    while (capacity < needed) {
        capacity = capacity > buf->max_size / 2 ? buf->max_size : capacity * 2;
    }
    return capacity;
}

int muv__buf_reserve(muv__buf_t *buf, size_t size)
{
    uint8_t *data;
    size_t capacity;

    if (buf->error != 0) {
        return 0;
    }
    if (size > buf->max_size - buf->size) {
        buf->error = MUV_ETOOLARGE;
        return 0;
    }
    if (size <= buf->capacity - buf->size) {
        return 1;
    }
    capacity = grown_capacity(buf, buf->size + size);
    data = move_to_memory(buf, capacity);
    if (data == NULL) {
        buf->error = MUV_ENOMEM;
        return 0;
    }
    buf->data = data;
    buf->capacity = capacity;
    return 1;
}

void muv__buf_reset(muv__buf_t *buf, size_t keep_capacity)
{
    buf->size = 0;
    buf->error = 0;
    if (buf->capacity > keep_capacity) {
        free_memory(buf);
        buf->data = buf->home;
        buf->capacity = buf->home_size;
    }
}
