/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks carry their size in front; a resized one always moves. */
#include "support/wipe_watch.h"

#include <stdlib.h>
#include <string.h>

#include "muv/allocator.h"
#include "support/check.h"

/* Keeps what follows aligned for any type. */
#define FRONT_BYTES 16

static struct {
    const char *secret;
    size_t freed;
    size_t dirty;
} watch;

static void *take(size_t size, void *data)
{
    uint8_t *block = calloc(1, size + FRONT_BYTES);

    (void)data;
    if (block == NULL) {
        return NULL;
    }
    memcpy(block, &size, sizeof size);
    return block + FRONT_BYTES;
}

static void *take_array(size_t count, size_t size, void *data)
{
    return take(count * size, data);
}

static size_t size_of(const void *memory)
{
    size_t size;

    memcpy(&size, (const uint8_t *)memory - FRONT_BYTES, sizeof size);
    return size;
}

static void give_back(void *memory, void *data)
{
    (void)data;
    if (memory == NULL) {
        return;
    }
    size_t length = watch.secret == NULL ? 0 : strlen(watch.secret);
    size_t size = size_of(memory);
    bool dirty = false;

    for (size_t i = 0; length != 0 && i + length <= size && !dirty; i++) {
        dirty = memcmp((uint8_t *)memory + i, watch.secret, length) == 0;
    }
    watch.freed++;
    watch.dirty += dirty;
    free((uint8_t *)memory - FRONT_BYTES);
}

static void *resize(void *memory, size_t size, void *data)
{
    void *moved = take(size, data);

    if (memory != NULL && moved != NULL) {
        size_t old = size_of(memory);

        memcpy(moved, memory, old < size ? old : size);
        give_back(memory, data);
    }
    return moved;
}

int wipe_watch_begin(void **state)
{
    static const muv_allocator_t allocator = {
        .malloc_fn = take, .calloc_fn = take_array, .realloc_fn = resize, .free_fn = give_back};

    (void)state;
    return muv_set_allocator(&allocator);
}

int wipe_watch_end(void **state)
{
    (void)state;
    watch.secret = NULL;
    return muv_set_allocator(NULL);
}

void wipe_watch_for(const char *secret)
{
    watch.secret = secret;
    watch.freed = 0;
    watch.dirty = 0;
}

size_t wipe_watch_freed(void)
{
    return watch.freed;
}

size_t wipe_watch_dirty(void)
{
    return watch.dirty;
}
