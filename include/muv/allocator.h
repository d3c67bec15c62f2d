/* SPDX-License-Identifier: Apache-2.0 */
/* The allocator of libmuv's own memory. libbson has its own table (bson_mem_set_vtable). */
#ifndef MUV_ALLOCATOR_H
#define MUV_ALLOCATOR_H

#include <stddef.h>

#include "muv/export.h"

MUV_BEGIN_DECLS

/* Four functions with the contracts of their C namesakes, each given `data` last. A NULL return
 * is allowed at any time: the call in progress answers MUV_ENOMEM, or its operation ends with the
 * out-of-memory error, and nothing leaks. */
typedef struct muv_allocator {
    void *(*malloc_fn)(size_t size_bytes, void *data);
    void *(*calloc_fn)(size_t count, size_t size_bytes, void *data);
    void *(*realloc_fn)(void *memory, size_t size_bytes, void *data);
    void (*free_fn)(void *memory, void *data);
    void *data;
} muv_allocator_t;

/* Replace the allocator of the whole process. Call it before any other function of libmuv, from
 * one thread: memory taken from one allocator must not be given back to another.
 *
 * allocator  [borrow] Copied. NULL: the C library's functions.
 *
 * Returns 0, or MUV_EINVAL when one of the four functions is missing. */
MUV_API MUV_CHECK int muv_set_allocator(const muv_allocator_t *allocator);

MUV_END_DECLS

#endif
