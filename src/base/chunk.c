/* SPDX-License-Identifier: Apache-2.0 */
/* The chunk pool: one current chunk, a short free list of standard ones, at most two big ones. */
#include "base/chunk.h"

#include "base/assert.h"
#include "base/mem.h"

#define STANDARD_KEPT 4

struct muv__chunk_pool {
    muv__budget_t budget;
    muv__chunk_t *current;
    muv__chunk_t *free_standard;
    muv__chunk_t *free_big;
    uint32_t free_standard_count;
    uint32_t free_big_count;
    uint32_t big_in_use;
    uint32_t chunks; /* All that exist: the pool outlives its owner until they are gone. */
    int64_t now_us;  /* Of the last tick: coarse is enough to age free chunks. */
    int8_t closed;
};

muv__chunk_pool_t *muv__chunk_pool_new(size_t max_bytes)
{
    muv__chunk_pool_t *pool = muv__mem_zalloc(sizeof(*pool));

    if (pool != NULL) {
        pool->budget.max_bytes = max_bytes;
    }
    return pool;
}

muv__budget_t *muv__chunk_pool_budget(muv__chunk_pool_t *pool)
{
    return &pool->budget;
}

static int is_big(const muv__chunk_t *chunk)
{
    return chunk->size > MUV__CHUNK_STANDARD_SIZE;
}

static void free_chunk(muv__chunk_t *chunk)
{
    chunk->pool->chunks--;
    MUV__UNPOISON(chunk->data, chunk->size);
    muv__mem_free(chunk);
}

static void free_list(muv__chunk_t **list)
{
    while (*list != NULL) {
        muv__chunk_t *chunk = *list;

        *list = chunk->next;
        free_chunk(chunk);
    }
}

static void free_pool_when_unused(muv__chunk_pool_t *pool)
{
    if (pool->closed && pool->chunks == 0) {
        muv__mem_free(pool);
    }
}

void muv__chunk_pool_close(muv__chunk_pool_t *pool)
{
    MUV__ASSERT(!pool->closed);
    if (pool->current != NULL) {
        muv__chunk_t *current = pool->current;

        pool->current = NULL;
        muv__chunk_release(current);
    }
    free_list(&pool->free_standard);
    free_list(&pool->free_big);
    pool->closed = 1;
    free_pool_when_unused(pool);
}

static muv__chunk_t *new_chunk(muv__chunk_pool_t *pool, size_t size)
{
    size_t head = (sizeof(muv__chunk_t) + 63) & ~(size_t)63;
    uint8_t *memory = muv__mem_alloc(head + size);
    muv__chunk_t *chunk = (muv__chunk_t *)(void *)memory;

    if (memory == NULL) {
        return NULL;
    }
    chunk->pool = pool;
    chunk->next = NULL;
    chunk->data = memory + head;
    chunk->size = size;
    chunk->idle_since_us = 0;
    pool->chunks++;
    return chunk;
}

static muv__chunk_t *take_standard(muv__chunk_pool_t *pool)
{
    muv__chunk_t *chunk = pool->free_standard;

    if (chunk == NULL) {
        return new_chunk(pool, MUV__CHUNK_STANDARD_SIZE);
    }
    pool->free_standard = chunk->next;
    pool->free_standard_count--;
    return chunk;
}

/* A kept big chunk serves when it is large enough and not more than twice too large: a small reply
 * must not pin the memory of a huge one. */
static muv__chunk_t *take_kept_big(muv__chunk_pool_t *pool, size_t size)
{
    for (muv__chunk_t **link = &pool->free_big; *link != NULL; link = &(*link)->next) {
        muv__chunk_t *chunk = *link;

        if (chunk->size >= size && chunk->size / 2 <= size) {
            *link = chunk->next;
            pool->free_big_count--;
            return chunk;
        }
    }
    return NULL;
}

static muv__chunk_t *begin_use(muv__chunk_t *chunk)
{
    if (chunk != NULL) {
        chunk->refs = 1;
        chunk->used = 0;
        chunk->next = NULL;
        MUV__UNPOISON(chunk->data, chunk->size);
    }
    return chunk;
}

muv__chunk_t *muv__chunk_current(muv__chunk_pool_t *pool, size_t min_size)
{
    muv__chunk_t *chunk = pool->current;

    MUV__DASSERT(min_size <= MUV__CHUNK_STANDARD_SIZE);
    if (chunk != NULL) {
        if (chunk->refs == 1) {
            chunk->used = 0;
            MUV__UNPOISON(chunk->data, chunk->size);
        }
        if (chunk->size - chunk->used >= min_size) {
            return chunk;
        }
        pool->current = NULL;
        muv__chunk_release(chunk);
    }
    pool->current = begin_use(take_standard(pool));
    return pool->current;
}

int muv__chunk_fits(const muv__chunk_pool_t *pool, size_t size)
{
    return size <= MUV__CHUNK_STANDARD_SIZE || pool->big_in_use == 0 ||
           muv__budget_fits(&pool->budget, size);
}

muv__chunk_t *muv__chunk_take(muv__chunk_pool_t *pool, size_t size)
{
    muv__chunk_t *chunk;

    if (size <= MUV__CHUNK_STANDARD_SIZE) {
        return begin_use(take_standard(pool));
    }
    chunk = take_kept_big(pool, size);
    if (chunk == NULL) {
        chunk = new_chunk(pool, size);
    }
    if (chunk != NULL) {
        muv__budget_take(&pool->budget, chunk->size);
        pool->big_in_use++;
    }
    return begin_use(chunk);
}

static void keep(muv__chunk_pool_t *pool, muv__chunk_t *chunk)
{
    MUV__POISON(chunk->data, chunk->size);
    if (is_big(chunk)) {
        chunk->idle_since_us = pool->now_us;
        chunk->next = pool->free_big;
        pool->free_big = chunk;
        pool->free_big_count++;
    } else {
        chunk->next = pool->free_standard;
        pool->free_standard = chunk;
        pool->free_standard_count++;
    }
}

void muv__chunk_release(muv__chunk_t *chunk)
{
    muv__chunk_pool_t *pool = chunk->pool;
    int room;

    MUV__ASSERT(chunk->refs > 0);
    if (--chunk->refs != 0) {
        return;
    }
    if (is_big(chunk)) {
        muv__budget_give(&pool->budget, chunk->size);
        pool->big_in_use--;
        room = pool->free_big_count < MUV__CHUNK_BIG_KEPT;
    } else {
        room = pool->free_standard_count < STANDARD_KEPT;
    }
    if (room && !pool->closed) {
        keep(pool, chunk);
    } else {
        free_chunk(chunk);
        free_pool_when_unused(pool);
    }
}

int64_t muv__chunk_pool_tick(muv__chunk_pool_t *pool, int64_t now_us)
{
    int64_t next_us = INT64_MAX;
    muv__chunk_t **link = &pool->free_big;

    pool->now_us = now_us;
    while (*link != NULL) {
        muv__chunk_t *chunk = *link;
        int64_t due_us = chunk->idle_since_us + MUV__CHUNK_BIG_KEPT_US;

        if (due_us <= now_us) {
            *link = chunk->next;
            pool->free_big_count--;
            free_chunk(chunk);
            continue;
        }
        next_us = due_us < next_us ? due_us : next_us;
        link = &chunk->next;
    }
    return next_us;
}
