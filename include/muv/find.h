/* SPDX-License-Identifier: Apache-2.0 */
/* Finding documents in a collection. */
#ifndef MUV_FIND_H
#define MUV_FIND_H

#include "muv/collection.h"
#include "muv/cursor.h"
#include "muv/error.h"
#include "muv/op.h"
#include "muv/types.h"

MUV_BEGIN_DECLS

/* Options of the find command. A cursor's getMore repeats batch_size and comment. */
typedef struct muv_find_opts {
    const bson_t *projection; /* [borrow] */
    const bson_t *sort;       /* [borrow] */
    int64_t skip;
    int64_t limit;      /* Negative: at most that many, in a single batch. */
    int32_t batch_size; /* MUV_ZERO: an empty first batch. */
    int8_t single_batch;
    const bson_t *hint_document; /* [borrow] An index's keys ... */
    const char *hint;            /* [borrow] ... or its name. */
    const bson_t *comment;       /* [borrow] A document whose only element is the comment. */
    const bson_t *collation;     /* [borrow] */
    const bson_t *let;           /* [borrow] */
    const bson_t *max;           /* [borrow] Exclusive upper bound of the index; needs a hint. */
    const bson_t *min;           /* [borrow] Inclusive lower bound of the index; needs a hint. */
    int8_t return_key;
    int8_t show_record_id;
    int8_t no_cursor_timeout;
    int8_t allow_partial_results;
    int8_t allow_disk_use;
    int8_t tailable;           /* Only on capped collections. */
    int8_t await_data;         /* Needs tailable: the server waits for documents. */
    int64_t max_time_ms;       /* maxTimeMS of the find. */
    int64_t max_await_time_ms; /* maxTimeMS of getMore; needs await_data; less than timeout_ms. */
    int64_t timeout_ms;
    int8_t timeout_mode; /* MUV_TIMEOUT_*, see muv/cursor.h; needs a timeout. Default: the cursor's
                          * lifetime; tailable: iteration, nothing else. */
    muv_op_t *parent;    /* [borrow] */
    muv_session_t *session;                       /* [borrow] */
    const muv_read_concern_t *read_concern;       /* [borrow] */
    const muv_read_preference_t *read_preference; /* [borrow] */
} muv_find_opts_t;

/* Find documents. The first batch is in the cursor when `cb` is called.
 *
 * filter  [borrow] Encoded before return. NULL: every document.
 * opts    [borrow] NULL: defaults.
 * cb      Not NULL.
 * ret_op  [borrow] For muv_op_cancel(), valid until `cb` returns. May be NULL.
 *
 * Returns 0, MUV_EINVAL, MUV_ECLOSED, MUV_ENOMEM or MUV_EFORK; then `cb` is never called. */
MUV_API MUV_CHECK int muv_collection_find(muv_collection_t *collection, const bson_t *filter,
                                          const muv_find_opts_t *opts, muv_cursor_cb cb, void *data,
                                          muv_op_t **ret_op);

typedef struct muv_find_one_opts {
    const bson_t *projection; /* [borrow] */
    const bson_t *sort;       /* [borrow] */
    int64_t skip;
    const bson_t *hint_document; /* [borrow] An index's keys ... */
    const char *hint;            /* [borrow] ... or its name. */
    const bson_t *collation;     /* [borrow] */
    const bson_t *let;           /* [borrow] */
    const bson_t *comment;       /* [borrow] A document whose only element is the comment. */
    const bson_t *max;           /* [borrow] */
    const bson_t *min;           /* [borrow] */
    int8_t return_key;
    int8_t show_record_id;
    int8_t allow_partial_results;
    int64_t max_time_ms; /* maxTimeMS. */
    int64_t timeout_ms;
    muv_op_t *parent;                             /* [borrow] */
    muv_session_t *session;                       /* [borrow] */
    const muv_read_concern_t *read_concern;       /* [borrow] */
    const muv_read_preference_t *read_preference; /* [borrow] */
} muv_find_one_opts_t;

/* Find at most one document: limit 1, single batch, one round trip.
 *
 * filter  [borrow] Encoded before return. NULL: any document.
 * opts    [borrow] NULL: defaults.
 * cb      Not NULL.
 * ret_op  [borrow] For muv_op_cancel(), valid until `cb` returns. May be NULL.
 *
 * Returns 0, MUV_EINVAL, MUV_ECLOSED, MUV_ENOMEM or MUV_EFORK; then `cb` is never called. */
MUV_API MUV_CHECK int muv_collection_find_one(muv_collection_t *collection, const bson_t *filter,
                                              const muv_find_one_opts_t *opts, muv_document_cb cb,
                                              void *data, muv_op_t **ret_op);

MUV_END_DECLS

#endif
