/* SPDX-License-Identifier: Apache-2.0 */
/* Handles of databases and collections, and the operations on a collection. Handles are names with
 * defaults: they hold no connection, cost one allocation, and may be freed while operations that
 * they started go on. */
#ifndef MUV_COLLECTION_H
#define MUV_COLLECTION_H

#include "muv/error.h"
#include "muv/op.h"
#include "muv/types.h"

MUV_BEGIN_DECLS

/* What operations on a collection do unless they say otherwise. Unset: the client's. */
typedef struct muv_collection_opts {
    const muv_read_concern_t *read_concern;       /* [borrow] */
    const muv_write_concern_t *write_concern;     /* [borrow] */
    const muv_read_preference_t *read_preference; /* [borrow] */
    int64_t timeout_ms;                           /* timeoutMS of each operation. */
} muv_collection_opts_t;

/* A handle for the collection `name` in `database`.
 *
 * client    [borrow] Must not be used through this handle after it was closed.
 * database  [borrow] 1 to 63 bytes without / \ space " $ . and NUL; copied.
 * name      [borrow] Not empty, no NUL, no leading '.'; at most 255 bytes with the database;
 * copied. opts      [borrow] NULL: all inherited. Copied. ret       [own]    muv_collection_free().
 *
 * Returns 0, MUV_EINVAL or MUV_ENOMEM; muv_client_refusal() says why. */
MUV_API MUV_CHECK int muv_collection_new(muv_client_t *client, const char *database,
                                         const char *name, const muv_collection_opts_t *opts,
                                         muv_collection_t **ret);

/* NULL is allowed. */
MUV_API void muv_collection_free(muv_collection_t *collection);

MUV_END_DECLS

#endif
