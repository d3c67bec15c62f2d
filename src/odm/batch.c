/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a batch. */
#include "odm/batch.h"

#include "base/assert.h"
#include "base/mem.h"
#include "odm/schema.h"

#include <string.h>

/* Sharing a chunk is right until the documents are less than this part of it. */
#define PINNED_PER_BYTE 4

struct muv__kept_batch {
    struct muv__kept_batch *next;
    muv_batch_t *batch;
};

static int take_bytes(muv_batch_t *batch, const muv__source_t *source)
{
    muv__span_t bytes = source->bytes;

    if (source->pinned_size != 0 && bytes.size >= source->pinned_size / PINNED_PER_BYTE) {
        int code = source->retain(source->owner, &batch->owned, &bytes.data);

        if (code == 0) {
            batch->release = source->release;
            batch->bytes = bytes;
        }
        return code;
    }
    batch->bytes.data = (const uint8_t *)muv__arena_text(&batch->arena, bytes.data, bytes.size);
    batch->bytes.size = bytes.size;
    return batch->bytes.data == NULL ? batch->arena.error : 0;
}

int muv__odm_batch_new(const muv_registry_t *registry, const muv__source_t *source,
                       size_t first_block_bytes, muv_batch_t **ret)
{
    muv_batch_t *batch = muv__mem_zalloc(sizeof(*batch));
    int code = 0;

    if (batch == NULL) {
        return MUV_ENOMEM;
    }
    batch->registry = registry;
    muv__registry_retain(registry);
    batch->references = 1;
    muv__arena_init(&batch->arena, first_block_bytes, MUV__BATCH_MAX_BYTES);
    if (source != NULL) {
        code = take_bytes(batch, source);
    }
    if (code != 0) {
        muv__odm_batch_release(batch);
        return code;
    }
    *ret = batch;
    return 0;
}

void muv__odm_batch_retain(muv_batch_t *batch)
{
    MUV__ASSERT(batch->references != 0);
    batch->references++;
}

void muv__odm_batch_release(muv_batch_t *batch)
{
    MUV__ASSERT(batch->references != 0);
    batch->references--;
    if (batch->references != 0) {
        return;
    }
    for (struct muv__kept_batch *kept = batch->kept; kept != NULL; kept = kept->next) {
        muv__odm_batch_release(kept->batch);
    }
    if (batch->release != NULL) {
        batch->release(batch->owned);
    }
    muv__arena_done(&batch->arena);
    if (batch->registry != NULL) {
        muv_registry_free(batch->registry->self);
    }
    muv__mem_free(batch);
}

int muv__odm_batch_keep(muv_batch_t *batch, muv_batch_t *other)
{
    struct muv__kept_batch *kept;

    MUV__ASSERT(batch != other);
    kept = muv__arena_alloc(&batch->arena, sizeof(*kept));
    if (kept == NULL) {
        return batch->arena.error;
    }
    kept->batch = other;
    kept->next = batch->kept;
    batch->kept = kept;
    muv__odm_batch_retain(other);
    return 0;
}
