/* SPDX-License-Identifier: Apache-2.0 */
/* Replies in callbacks, and replies that are kept. */
#include "client/client_inner.h"

#include <string.h>

#include "base/bson_view.h"
#include "base/mem.h"

/* Sharing must not pin more than this many times the reply's own size (design: promise 5). */
#define MAX_PINNED_RATIO 4

/* A kept reply; a copied one has its bytes behind itself. */
struct kept_reply {
    struct muv_reply reply;
    uint8_t bytes[];
};

const uint8_t *muv_reply_data(const muv_reply_t *reply, size_t *ret_size)
{
    *ret_size = reply == NULL ? 0 : reply->body.size;
    return reply == NULL ? NULL : reply->body.data;
}

void muv_reply_bson(const muv_reply_t *reply, bson_t *view)
{
    static const uint8_t empty[MUV__BSON_EMPTY_SIZE] = {MUV__BSON_EMPTY_SIZE};

    /* Cannot fail: the document was checked when it arrived. */
    if (reply == NULL) {
        (void)bson_init_static(view, empty, sizeof(empty));
    } else {
        (void)bson_init_static(view, reply->body.data, reply->body.size);
    }
}

size_t muv_reply_pinned_size(const muv_reply_t *reply)
{
    return reply == NULL || reply->chunk == NULL ? 0 : reply->chunk->size;
}

static int worth_sharing(const muv_reply_t *reply)
{
    return reply->chunk != NULL && reply->chunk->size / MAX_PINNED_RATIO <= reply->body.size;
}

int muv_reply_retain(const muv_reply_t *reply, muv_reply_t **ret)
{
    struct kept_reply *kept;
    int share;

    if (reply == NULL || ret == NULL) {
        return MUV_EINVAL;
    }
    share = worth_sharing(reply);
    kept = muv__mem_alloc(sizeof(*kept) + (share ? 0 : reply->body.size));
    if (kept == NULL) {
        return MUV_ENOMEM;
    }
    if (share) {
        kept->reply.body = reply->body;
        kept->reply.chunk = muv__chunk_retain(reply->chunk);
    } else {
        memcpy(kept->bytes, reply->body.data, reply->body.size);
        kept->reply.body = muv__span(kept->bytes, reply->body.size);
        kept->reply.chunk = NULL;
    }
    *ret = &kept->reply;
    return 0;
}

void muv_reply_release(muv_reply_t *reply)
{
    if (reply == NULL) {
        return;
    }
    if (reply->chunk != NULL) {
        muv__chunk_release(reply->chunk);
    }
    muv__mem_free(MUV__CONTAINER_OF(reply, struct kept_reply, reply));
}

bson_t *muv_reply_copy(const muv_reply_t *reply)
{
    return reply == NULL ? NULL : bson_new_from_data(reply->body.data, reply->body.size);
}
