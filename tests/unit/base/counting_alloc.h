/* SPDX-License-Identifier: Apache-2.0 */
/* An allocator that counts, and lets one call fail. Header only: each test program of the pure
 * layers has its own counters. */
#ifndef MUV_TESTS_UNIT_BASE_COUNTING_ALLOC_H
#define MUV_TESTS_UNIT_BASE_COUNTING_ALLOC_H

#include <stdint.h>
#include <stdlib.h>

#include "muv/allocator.h"

typedef struct counting {
    size_t calls;     /* Requests for memory since the start. */
    size_t live;      /* Blocks that were not freed yet. */
    size_t largest;   /* Bytes of the largest request. */
    size_t fail_from; /* This request and the ones behind it fail; 0: none. */
    size_t fail_count;
} counting_t;

static counting_t counting;

static inline int counting_refuses(size_t size)
{
    counting.calls++;
    counting.largest = size > counting.largest ? size : counting.largest;
    return counting.fail_from != 0 && counting.calls >= counting.fail_from &&
           counting.calls - counting.fail_from < counting.fail_count;
}

static inline void *counting_malloc(size_t size, void *data)
{
    void *memory = counting_refuses(size) ? NULL : malloc(size);

    (void)data;
    counting.live += memory != NULL;
    return memory;
}

static inline void *counting_calloc(size_t count, size_t size, void *data)
{
    void *memory = counting_refuses(count * size) ? NULL : calloc(count, size);

    (void)data;
    counting.live += memory != NULL;
    return memory;
}

static inline void *counting_realloc(void *memory, size_t size, void *data)
{
    void *moved = counting_refuses(size) ? NULL : realloc(memory, size);

    (void)data;
    counting.live += memory == NULL && moved != NULL;
    return moved;
}

static inline void counting_free(void *memory, void *data)
{
    (void)data;
    counting.live--;
    free(memory);
}

/* Count from here on; the requests from number `fail_from` (1 is the next one) on fail,
 * `fail_count` of them. Returns what muv_set_allocator() does. */
static inline int counting_start(size_t fail_from, size_t fail_count)
{
    static const muv_allocator_t allocator = {
        .malloc_fn = counting_malloc,
        .calloc_fn = counting_calloc,
        .realloc_fn = counting_realloc,
        .free_fn = counting_free,
    };

    counting = (counting_t){.fail_from = fail_from, .fail_count = fail_count};
    return muv_set_allocator(&allocator);
}

static inline int counting_stop(void)
{
    return muv_set_allocator(NULL);
}

#endif
