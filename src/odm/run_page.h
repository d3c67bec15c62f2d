/* SPDX-License-Identifier: Apache-2.0 */
/* A page: the documents of one reply to find or getMore, decoded one by one, so that work can be
 * cut into portions. All pages of a result decode into one batch: a document keeps its whole result
 * alive, and references may point at any document of it, in circles too. */
#ifndef MUV__ODM_RUN_PAGE_H
#define MUV__ODM_RUN_PAGE_H

#include "muv/reply.h"

#include "base/bson_view.h"
#include "odm/batch.h"
#include "odm/projection.h"

typedef struct muv__page {
    muv_batch_t *batch; /* Borrowed: the result's. */
    const muv_schema_t *schema;
    const muv__projection_t *projection; /* Lives as long as the batch; NULL: everything. */
    muv__bson_iter_t iter;
    size_t size; /* Of the stored documents, in bytes. */
    uint8_t open;
} muv__page_t;

/* The cursor of a reply. */
typedef struct muv__page_head {
    int64_t cursor_id;
    muv__span_t documents; /* The array. */
} muv__page_head_t;

/* Returns 0 or MUV_EPROTOCOL. */
int muv__page_head_read(const muv_reply_t *reply, muv__page_head_t *ret, muv_error_t *reterr);

/* Begin to read the documents of `reply` into `*batch`, which is made when it is NULL. The bytes
 * are shared with the reply or copied (batch.h), so the page outlives it. `schema` and `projection`
 * of `page` are set. Returns 0, MUV_ENOMEM or MUV_ETOOLARGE; `*batch` may be new all the same. */
int muv__page_begin(muv__page_t *page, const muv_reply_t *reply, const muv__page_head_t *head,
                    muv_batch_t **batch, muv_error_t *reterr);

/* Decode the next document; `page->iter.value_size` is its size. Returns 1, 0 at the end, or as
 * muv__decode(). */
int muv__page_next(muv__page_t *page, muv_error_t *reterr, void **ret);

#endif
