/* SPDX-License-Identifier: Apache-2.0 */
/* The free list of send buffers. */
#include "conn/outgoing.h"

#include "base/assert.h"
#include "base/mem.h"

#include <openssl/crypto.h>

void muv__outgoing_pool_init(muv__outgoing_pool_t *pool, muv__budget_t *budget)
{
    pool->free = NULL;
    pool->free_count = 0;
    pool->budget = budget;
}

static void free_outgoing(muv__outgoing_t *outgoing)
{
    muv__command_done(&outgoing->command);
    muv__mem_free(outgoing);
}

void muv__outgoing_pool_done(muv__outgoing_pool_t *pool)
{
    while (pool->free != NULL) {
        muv__outgoing_t *outgoing = pool->free;

        pool->free = outgoing->next;
        free_outgoing(outgoing);
    }
    pool->free_count = 0;
}

muv__outgoing_t *muv__outgoing_take(muv__outgoing_pool_t *pool)
{
    muv__outgoing_t *outgoing = pool->free;

    if (outgoing != NULL) {
        pool->free = outgoing->next;
        pool->free_count--;
    } else {
        outgoing = muv__mem_zalloc(sizeof(*outgoing));
        if (outgoing == NULL) {
            return NULL;
        }
        outgoing->pool = pool;
        muv__command_init_home(&outgoing->command, MUV__OUTGOING_MAX_BYTES, outgoing->home,
                               sizeof(outgoing->home));
    }
    outgoing->refs = 1;
    muv__command_begin(&outgoing->command);
    return outgoing;
}

int muv__outgoing_account(muv__outgoing_t *outgoing, size_t bytes)
{
    if (!muv__budget_fits(outgoing->pool->budget, bytes)) {
        return 0;
    }
    muv__budget_take(outgoing->pool->budget, bytes);
    outgoing->accounted_bytes += bytes;
    return 1;
}

void muv__outgoing_release(muv__outgoing_t *outgoing)
{
    muv__outgoing_pool_t *pool = outgoing->pool;

    MUV__ASSERT(outgoing->refs > 0);
    if (--outgoing->refs != 0) {
        return;
    }
    muv__budget_give(pool->budget, outgoing->accounted_bytes);
    outgoing->accounted_bytes = 0;
    muv__shared_buf_release(outgoing->documents);
    outgoing->documents = NULL;
    outgoing->borrowed = 0;
    if (MUV__UNLIKELY(outgoing->secret)) {
        OPENSSL_cleanse(outgoing->command.buf.data, outgoing->command.buf.capacity);
        outgoing->secret = 0;
    }
    if (pool->free_count == MUV__OUTGOING_KEPT ||
        outgoing->command.buf.capacity > MUV__OUTGOING_KEPT_BYTES) {
        free_outgoing(outgoing);
        return;
    }
    outgoing->next = pool->free;
    pool->free = outgoing;
    pool->free_count++;
}
