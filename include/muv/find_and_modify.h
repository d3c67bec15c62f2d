/* SPDX-License-Identifier: Apache-2.0 */
/* Find one document and change it in the same step. */
#ifndef MUV_FIND_AND_MODIFY_H
#define MUV_FIND_AND_MODIFY_H

#include "muv/collection.h"
#include "muv/error.h"
#include "muv/find.h"
#include "muv/op.h"
#include "muv/types.h"

MUV_BEGIN_DECLS

/* Which document the callback gets. */
enum {
    MUV_RETURN_BEFORE = 0, /* As it was found. */
    MUV_RETURN_AFTER = 1   /* As it is now. Not for deletes. */
};

/* The callback's document is NULL when none matched (or an upsert has none to show), and with an
 * unacknowledged write concern. When the write concern failed (MUV_EWRITE with `in_doubt`), error
 * and document are both given. */
typedef struct muv_find_and_modify_opts {
    const bson_t *projection; /* [borrow] */
    const bson_t *sort;       /* [borrow] Which one, when several match. */
    int8_t upsert;            /* Not for deletes. */
    int8_t return_document;   /* MUV_RETURN_*. */
    int8_t bypass_document_validation;
    const bson_t *array_filters; /* [borrow] An array. Only for updates. */
    const bson_t *hint_document; /* [borrow] An index's keys ... */
    const char *hint;            /* [borrow] ... or its name. */
    const bson_t *collation;     /* [borrow] */
    const bson_t *let;           /* [borrow] */
    const bson_t *comment;       /* [borrow] A document whose only element is the comment. */
    int64_t max_time_ms;         /* maxTimeMS. */
    int64_t timeout_ms;
    muv_op_t *parent;                         /* [borrow] */
    muv_session_t *session;                   /* [borrow] */
    const muv_write_concern_t *write_concern; /* [borrow] */
} muv_find_and_modify_opts_t;

/* Update, replace or delete the first document that matches, and get it.
 *
 * filter       [borrow] Encoded before return. NULL: any document (not for deletes).
 * update       [borrow] Encoded before return. Update operators, or an array: a pipeline.
 * replacement  [borrow] Encoded before return. Its first key must not start with '$'.
 * opts         [borrow] NULL: defaults.
 * cb           Not NULL.
 * ret_op       [borrow] For muv_op_cancel(), valid until `cb` returns. May be NULL.
 *
 * Returns 0, MUV_EINVAL, MUV_ECLOSED, MUV_ENOMEM or MUV_EFORK; then `cb` is never called. */
MUV_API MUV_CHECK int muv_collection_find_one_and_update(muv_collection_t *collection,
                                                         const bson_t *filter, const bson_t *update,
                                                         const muv_find_and_modify_opts_t *opts,
                                                         muv_document_cb cb, void *data,
                                                         muv_op_t **ret_op);
MUV_API MUV_CHECK int muv_collection_find_one_and_replace(
    muv_collection_t *collection, const bson_t *filter, const bson_t *replacement,
    const muv_find_and_modify_opts_t *opts, muv_document_cb cb, void *data, muv_op_t **ret_op);
MUV_API MUV_CHECK int muv_collection_find_one_and_delete(muv_collection_t *collection,
                                                         const bson_t *filter,
                                                         const muv_find_and_modify_opts_t *opts,
                                                         muv_document_cb cb, void *data,
                                                         muv_op_t **ret_op);

MUV_END_DECLS

#endif
