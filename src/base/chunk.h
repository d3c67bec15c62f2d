/* SPDX-License-Identifier: Apache-2.0 */
/* Reference-counted receive memory. A client fills one standard chunk in order for all its
 * connections, so an idle connection holds none; a message that does not fit gets a chunk of its
 * own size. Views into a chunk live as long as a count is held; the pool lives as long as its last
 * chunk, so replies may be kept beyond their client. */
#ifndef MUV__CHUNK_H
#define MUV__CHUNK_H

#include <stddef.h>
#include <stdint.h>

#include "base/budget.h"

#define MUV__CHUNK_STANDARD_SIZE (256 * 1024)

/* How many big chunks wait for the next big reply, and for how long. */
#define MUV__CHUNK_BIG_KEPT 2
#define MUV__CHUNK_BIG_KEPT_US 1000000

typedef struct muv__chunk_pool muv__chunk_pool_t;

typedef struct muv__chunk {
    muv__chunk_pool_t *pool;
    struct muv__chunk *next; /* In a free list. */
    uint8_t *data;
    size_t size;
    size_t used; /* Bytes given away; the rest may be read into. */
    uint32_t refs;
    int64_t idle_since_us; /* Big chunks in the free list. */
} muv__chunk_t;

/* `max_bytes` bounds the big chunks (muv__chunk_take) together with whatever else the owner takes
 * from the budget. NULL when out of memory. */
muv__chunk_pool_t *muv__chunk_pool_new(size_t max_bytes);

/* The owner is gone: kept free chunks are freed now, the pool itself with its last chunk. */
void muv__chunk_pool_close(muv__chunk_pool_t *pool);

muv__budget_t *muv__chunk_pool_budget(muv__chunk_pool_t *pool);

/* The chunk to read into, with at least `min_size` bytes unused (at most the standard size); what
 * nobody keeps is filled again from its start. Borrowed; NULL when out of memory. */
muv__chunk_t *muv__chunk_current(muv__chunk_pool_t *pool, size_t min_size);

/* A chunk of at least `size` bytes for one message, with one count for the caller. Sizes above the
 * standard one are counted in the budget: the caller has asked muv__chunk_fits() before. NULL when
 * out of memory. */
muv__chunk_t *muv__chunk_take(muv__chunk_pool_t *pool, size_t size);

/* May a chunk of `size` bytes be taken now? One big chunk is always admitted. */
int muv__chunk_fits(const muv__chunk_pool_t *pool, size_t size);

static inline muv__chunk_t *muv__chunk_retain(muv__chunk_t *chunk)
{
    chunk->refs++;
    return chunk;
}

void muv__chunk_release(muv__chunk_t *chunk);

/* Drop big chunks that were not used for a second. Returns the time of the next call that makes
 * sense, INT64_MAX when none is kept. */
int64_t muv__chunk_pool_tick(muv__chunk_pool_t *pool, int64_t now_us);

#endif
