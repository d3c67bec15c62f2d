/* SPDX-License-Identifier: Apache-2.0 */
/* The server's reply to a command: a view over receive memory, valid during its callback.
 *
 *   muv_reply_bson(reply, &view)      read it in place
 *   muv_reply_retain(reply, &kept)    keep it: shares the memory, or copies when sharing would pin
 *                                     more than four times its size
 *   muv_reply_copy(reply)             a bson_t of your own
 *
 * An unacknowledged command succeeds without a reply: a NULL one reads as an empty document. All of
 * them are called on the loop's thread. */
#ifndef MUV_REPLY_H
#define MUV_REPLY_H

#include "muv/types.h"

MUV_BEGIN_DECLS

/* [borrow] The reply document's bytes, valid as long as `reply` is; NULL and size 0 for NULL. */
MUV_API const uint8_t *muv_reply_data(const muv_reply_t *reply, size_t *ret_size);

/* Make `view` (uninitialised, on the caller's stack) read the reply in place. It must not be
 * destroyed or written. */
MUV_API void muv_reply_bson(const muv_reply_t *reply, bson_t *view);

/* How many bytes of memory sharing this reply keeps alive; 0: it cannot be shared. */
MUV_API size_t muv_reply_pinned_size(const muv_reply_t *reply);

/* Keep a reply beyond its callback. Pointers taken from `reply` still end with the callback: take
 * them anew from the kept one. It may outlive its client. Shared memory of more than 256 KiB counts
 * in max_pending_bytes until it is released, and new commands are refused beyond that.
 *
 * ret  [own] End it with muv_reply_release().
 *
 * Returns 0, MUV_EINVAL or MUV_ENOMEM. */
MUV_API MUV_CHECK int muv_reply_retain(const muv_reply_t *reply, muv_reply_t **ret);

/* NULL is allowed. On the loop's thread. */
MUV_API void muv_reply_release(muv_reply_t *reply);

/* [own] The reply as a new document of libbson, ended with bson_destroy(); NULL for NULL. */
MUV_API bson_t *muv_reply_copy(const muv_reply_t *reply);

MUV_END_DECLS

#endif
