/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: views of a reply's documents, and the memory these lie in. */
#include "client/cursor.h"

#include <string.h>

#include "base/mem.h"

/* A batch must not pin more than this many times its own size (design: promise 5). */
#define MAX_PINNED_RATIO 4

int muv__batch_init(muv__batch_t *batch, const muv__bson_iter_t *iter, muv__chunk_t *chunk)
{
    if (iter->type != MUV__BSON_ARRAY || !muv__bson_iter_child(iter, &batch->iter)) {
        return 0;
    }
    batch->chunk = muv__chunk_retain(chunk);
    batch->copy = NULL;
    return 1;
}

void muv__batch_done(muv__batch_t *batch)
{
    if (batch->chunk != NULL) {
        muv__chunk_release(batch->chunk);
    }
    if (batch->copy != NULL && --batch->copy->refs == 0) {
        muv__mem_free(batch->copy);
    }
    memset(batch, 0, sizeof(*batch));
}

muv__batch_t muv__batch_retain(const muv__batch_t *batch)
{
    muv__batch_t held = {.chunk = batch->chunk, .copy = batch->copy};

    if (held.chunk != NULL) {
        (void)muv__chunk_retain(held.chunk);
    }
    if (held.copy != NULL) {
        held.copy->refs++;
    }
    return held;
}

void muv__batch_trim(muv__batch_t *batch)
{
    size_t left = muv__batch_left(batch);
    muv__batch_copy_t *copy;

    if (left == 0) {
        muv__batch_done(batch);
        return;
    }
    if (batch->chunk == NULL || batch->chunk->size / MAX_PINNED_RATIO <= left) {
        return;
    }
    /* With the NUL behind the last document, where the iterator stops. */
    copy = muv__mem_alloc(sizeof(*copy) + left + 1);
    if (copy == NULL) {
        return;
    }
    copy->refs = 1;
    memcpy(copy->bytes, batch->iter.at, left + 1);
    muv__batch_done(batch);
    batch->copy = copy;
    batch->iter.at = copy->bytes;
    batch->iter.end = copy->bytes + left;
}
