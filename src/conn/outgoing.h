/* SPDX-License-Identifier: Apache-2.0 */
/* A counted send buffer. The operation holds it for its retries, and the connection while libuv
 * still holds unwritten bytes of it; so a cancelled operation may be gone before its bytes are.
 * Buffers come from and return to their client's free list: the steady state allocates nothing. */
#ifndef MUV__OUTGOING_H
#define MUV__OUTGOING_H

#include <stdint.h>

#include "base/budget.h"
#include "base/shared_buf.h"
#include "wire/command.h"

/* Buffers that grew beyond this are not kept, and no more than so many of the others. */
#define MUV__OUTGOING_KEPT_BYTES (16 * 1024)
#define MUV__OUTGOING_KEPT 1024

/* Memory of a buffer itself, beside its head: enough for a find by key and most updates. */
#define MUV__OUTGOING_HOME_BYTES 400

/* maxMessageSizeBytes, that no server exceeds; a command above it cannot be sent anywhere. */
#define MUV__OUTGOING_MAX_BYTES 48000000

typedef struct muv__outgoing_pool {
    struct muv__outgoing *free;
    uint32_t free_count;
    muv__budget_t *budget;
} muv__outgoing_pool_t;

typedef struct muv__outgoing {
    muv__command_t command;
    muv__outgoing_pool_t *pool;
    struct muv__outgoing *next;
    muv__shared_buf_t *documents; /* Counted: what the sequence points into, or NULL. */
    size_t accounted_bytes;       /* Taken from the budget. */
    uint32_t refs;
    uint8_t borrowed; /* The sequence points into the caller's memory. */
    uint8_t secret;   /* What was written is wiped in the end: a password may be in it. */
    uint8_t home[MUV__OUTGOING_HOME_BYTES];
} muv__outgoing_t;

void muv__outgoing_pool_init(muv__outgoing_pool_t *pool, muv__budget_t *budget);
void muv__outgoing_pool_done(muv__outgoing_pool_t *pool);

/* A buffer with one count, its command begun. NULL when out of memory. */
muv__outgoing_t *muv__outgoing_take(muv__outgoing_pool_t *pool);

/* Account the encoded size. Returns 1, or 0 when it does not fit the budget. */
int muv__outgoing_account(muv__outgoing_t *outgoing, size_t bytes);

static inline muv__outgoing_t *muv__outgoing_retain(muv__outgoing_t *outgoing)
{
    outgoing->refs++;
    return outgoing;
}

void muv__outgoing_release(muv__outgoing_t *outgoing);

#endif
