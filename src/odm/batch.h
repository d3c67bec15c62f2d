/* SPDX-License-Identifier: Apache-2.0 */
/* A batch: what the documents of one reply live in. One count, one arena, and the reply's bytes:
 * shared with their owner, or copied into the arena when sharing would pin much more memory than
 * the documents have. The decision is made before anything is decoded, so that pointers inside
 * documents never move. */
#ifndef MUV__ODM_BATCH_H
#define MUV__ODM_BATCH_H

#include "muv/error.h"
#include "muv/odm/model.h"

#include "base/span.h"
#include "odm/arena.h"

/* Where a batch's bytes come from. The client's reply plugs in here. */
typedef struct muv__source {
    muv__span_t bytes;  /* What will be decoded; readable at least during muv__odm_batch_new(). */
    size_t pinned_size; /* Memory that sharing keeps alive; 0: sharing is not possible. */

    /* Make the bytes live until release(*ret_owned); they may move, then *ret_data is their new
     * place. Returns 0 or MUV_ENOMEM. */
    int (*retain)(void *owner, void **ret_owned, const uint8_t **ret_data);
    void (*release)(void *owned);
    void *owner;
} muv__source_t;

struct muv_batch {
    const muv_registry_t *registry;
    muv__arena_t arena;
    muv__span_t bytes; /* The source's bytes where they lie now. */
    void (*release)(void *owned);
    void *owned;
    struct muv__kept_batch *kept;
    uint32_t references;
};

/* The most that one batch may take: a hostile reply of 48 MB cannot become gigabytes of structs. */
#define MUV__BATCH_MAX_BYTES ((size_t)1 << 30)

/* A new batch with count 1. `source` NULL: without bytes (new documents). `first_block_bytes` is
 * the arena's start. Returns 0, MUV_ENOMEM or MUV_ETOOLARGE. */
int muv__odm_batch_new(const muv_registry_t *registry, const muv__source_t *source,
                       size_t first_block_bytes, muv_batch_t **ret);
void muv__odm_batch_retain(muv_batch_t *batch);
void muv__odm_batch_release(muv_batch_t *batch);

/* Let `batch` hold a count of `other` until it ends: documents that its references were pointed at.
 * Only downwards, from owner to target: a circle would never end. Returns 0 or MUV_ENOMEM. */
int muv__odm_batch_keep(muv_batch_t *batch, muv_batch_t *other);

#endif
