/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of pages. */
#include "odm/run_page.h"

#include "base/error.h"
#include "odm/decode.h"

#include <string.h>

/* What an arena begins with, besides the copied bytes: a few structs with short lists. Larger
 * results make it grow by doubling. */
#define FIRST_BLOCK_BYTES 512
#define FIRST_COPY_BYTES ((size_t)256 * 1024)
#define FIRST_STRUCTS 2

/* --- the reply ---------------------------------------------------------------------------------*/

static int fail_reply(muv_error_t *reterr)
{
    return muv__error_set(reterr, MUV_EPROTOCOL, "the reply holds no cursor with documents");
}

int muv__page_head_read(const muv_reply_t *reply, muv__page_head_t *ret, muv_error_t *reterr)
{
    size_t size;
    const uint8_t *data = muv_reply_data(reply, &size);
    muv__bson_iter_t iter;
    muv__bson_iter_t inside;

    memset(ret, 0, sizeof(*ret));
    if (!muv__bson_find(data, size, "cursor", &iter) || iter.type != MUV__BSON_DOCUMENT ||
        !muv__bson_iter_child(&iter, &inside)) {
        return fail_reply(reterr);
    }
    while (muv__bson_iter_next(&inside)) {
        if (MUV__BSON_KEY_IS(&inside, "id")) {
            (void)muv__bson_iter_as_int64(&inside, &ret->cursor_id);
        } else if (inside.type == MUV__BSON_ARRAY && (MUV__BSON_KEY_IS(&inside, "firstBatch") ||
                                                      MUV__BSON_KEY_IS(&inside, "nextBatch"))) {
            ret->documents = muv__span(inside.value, inside.value_size);
        }
    }
    return ret->documents.data == NULL ? fail_reply(reterr) : 0;
}

/* --- the bytes ---------------------------------------------------------------------------------*/

/* A batch keeps the whole reply but is given its documents only. */
typedef struct owner {
    const muv_reply_t *reply;
    size_t offset;
} owner_t;

static int retain_reply(void *data, void **ret_owned, const uint8_t **ret_data)
{
    const owner_t *owner = data;
    muv_reply_t *kept;
    size_t size;
    int code = muv_reply_retain(owner->reply, &kept);

    if (code != 0) {
        return code;
    }
    *ret_owned = kept;
    *ret_data = muv_reply_data(kept, &size) + owner->offset;
    return 0;
}

static void release_reply(void *owned)
{
    muv_reply_release(owned);
}

/* A batch that has the bytes of the reply. */
static int carry(const muv_reply_t *reply, muv__span_t documents, const muv_registry_t *registry,
                 size_t first_block_bytes, muv_batch_t **ret)
{
    size_t size;
    const uint8_t *data = muv_reply_data(reply, &size);
    owner_t owner = {reply, (size_t)(documents.data - data)};
    muv__source_t source = {.bytes = documents,
                            .pinned_size = muv_reply_pinned_size(reply),
                            .retain = retain_reply,
                            .release = release_reply,
                            .owner = &owner};

    return muv__odm_batch_new(registry, &source, first_block_bytes, ret);
}

/* The result's first page lies in the batch itself, each further one in a batch that it keeps. */
static int take_bytes(muv__page_t *page, const muv_reply_t *reply, muv__span_t documents,
                      muv_batch_t **batch, muv__span_t *ret)
{
    const muv_registry_t *registry = page->schema->registry;
    muv_batch_t *carrier;
    int code;

    if (*batch == NULL) {
        size_t first = documents.size < FIRST_COPY_BYTES ? documents.size : FIRST_COPY_BYTES;

        first += FIRST_STRUCTS * page->schema->size + FIRST_BLOCK_BYTES;
        code = carry(reply, documents, registry, first, batch);
        if (code == 0) {
            *ret = (*batch)->bytes;
        }
        return code;
    }
    code = carry(reply, documents, registry, documents.size + 1, &carrier);
    if (code != 0) {
        return code;
    }
    *ret = carrier->bytes;
    code = muv__odm_batch_keep(*batch, carrier);
    muv__odm_batch_release(carrier);
    return code;
}

int muv__page_begin(muv__page_t *page, const muv_reply_t *reply, const muv__page_head_t *head,
                    muv_batch_t **batch, muv_error_t *reterr)
{
    muv__span_t bytes;
    int code = take_bytes(page, reply, head->documents, batch, &bytes);

    if (code != 0) {
        return muv__error_code(reterr, code);
    }
    page->batch = *batch;
    page->size = bytes.size;
    /* Cannot fail: the reply was checked when it arrived. */
    page->open = (uint8_t)muv__bson_iter_init(&page->iter, bytes.data, bytes.size);
    return 0;
}

int muv__page_next(muv__page_t *page, muv_error_t *reterr, void **ret)
{
    int code;

    if (!page->open || !muv__bson_iter_next(&page->iter)) {
        page->open = 0;
        return 0;
    }
    if (page->iter.type != MUV__BSON_DOCUMENT) {
        return fail_reply(reterr);
    }
    code =
        muv__decode(page->batch, page->schema, muv__span(page->iter.value, page->iter.value_size),
                    page->projection, reterr, ret);
    return code == 0 ? 1 : code;
}
