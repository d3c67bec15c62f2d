/* SPDX-License-Identifier: Apache-2.0 */
/* Aggregation, distinct values and counts. */
#ifndef MUV_AGGREGATE_H
#define MUV_AGGREGATE_H

#include "muv/collection.h"
#include "muv/command.h"
#include "muv/cursor.h"
#include "muv/error.h"
#include "muv/op.h"
#include "muv/types.h"

MUV_BEGIN_DECLS

typedef struct muv_aggregate_opts {
    int32_t batch_size; /* MUV_ZERO: an empty first batch; not sent with $out and $merge. */
    int8_t allow_disk_use;
    int8_t bypass_document_validation;
    const bson_t *hint_document; /* [borrow] An index's keys ... */
    const char *hint;            /* [borrow] ... or its name. */
    const bson_t *comment;       /* [borrow] A document whose only element is the comment. */
    const bson_t *collation;     /* [borrow] */
    const bson_t *let;           /* [borrow] */
    int64_t max_time_ms;         /* maxTimeMS of the aggregate. */
    int64_t max_await_time_ms;   /* maxTimeMS of getMore, for cursors that wait; less than
                                  * timeout_ms. */
    int64_t timeout_ms;
    int8_t timeout_mode; /* MUV_TIMEOUT_*, see muv/cursor.h; needs a timeout. Default: the cursor's
                          * lifetime, as always with $out and $merge. */
    muv_op_t *parent;    /* [borrow] */
    muv_session_t *session;                       /* [borrow] */
    const muv_read_concern_t *read_concern;       /* [borrow] */
    const muv_write_concern_t *write_concern;     /* [borrow] For $out and $merge. */
    const muv_read_preference_t *read_preference; /* [borrow] */
} muv_aggregate_opts_t;

/* Run an aggregation pipeline. One that ends in $out or $merge is a write: its error may be in
 * doubt, and it goes to a secondary only when all servers can do that (5.0).
 *
 * pipeline  [borrow] An array of stages; encoded before return. NULL: no stage.
 * opts      [borrow] NULL: defaults.
 * cb        Not NULL.
 * ret_op    [borrow] For muv_op_cancel(), valid until `cb` returns. May be NULL.
 *
 * Returns 0, MUV_EINVAL, MUV_ECLOSED, MUV_ENOMEM or MUV_EFORK; then `cb` is never called. */
MUV_API MUV_CHECK int muv_collection_aggregate(muv_collection_t *collection, const bson_t *pipeline,
                                               const muv_aggregate_opts_t *opts, muv_cursor_cb cb,
                                               void *data, muv_op_t **ret_op);

/* The same for stages that need no collection ($currentOp, $documents). */
MUV_API MUV_CHECK int muv_database_aggregate(muv_database_t *database, const bson_t *pipeline,
                                             const muv_aggregate_opts_t *opts, muv_cursor_cb cb,
                                             void *data, muv_op_t **ret_op);

typedef struct muv_distinct_opts {
    const bson_t *hint_document; /* [borrow] An index's keys ... */
    const char *hint;            /* [borrow] ... or its name. */
    const bson_t *comment;       /* [borrow] A document whose only element is the comment. */
    const bson_t *collation;     /* [borrow] */
    int64_t max_time_ms;         /* maxTimeMS. */
    int64_t timeout_ms;
    muv_op_t *parent;                             /* [borrow] */
    muv_session_t *session;                       /* [borrow] */
    const muv_read_concern_t *read_concern;       /* [borrow] */
    const muv_read_preference_t *read_preference; /* [borrow] */
} muv_distinct_opts_t;

/* The distinct values of a field. The callback's reply is the array of values: muv_reply_bson()
 * reads it, muv_reply_retain() keeps it.
 *
 * field   [borrow] Its path. Not empty.
 * filter  [borrow] NULL: every document.
 *
 * Returns as muv_collection_aggregate(). */
MUV_API MUV_CHECK int muv_collection_distinct(muv_collection_t *collection, const char *field,
                                              const bson_t *filter, const muv_distinct_opts_t *opts,
                                              muv_reply_cb cb, void *data, muv_op_t **ret_op);

/* count  0 on error. */
typedef void (*muv_count_cb)(muv_op_t *op, const muv_error_t *error, int64_t count, void *data);

typedef struct muv_count_opts {
    int64_t skip;
    int64_t limit;               /* 0: none. */
    const bson_t *hint_document; /* [borrow] An index's keys ... */
    const char *hint;            /* [borrow] ... or its name. */
    const bson_t *comment;       /* [borrow] A document whose only element is the comment. */
    const bson_t *collation;     /* [borrow] */
    int64_t max_time_ms;         /* maxTimeMS. */
    int64_t timeout_ms;
    muv_op_t *parent;                             /* [borrow] */
    muv_session_t *session;                       /* [borrow] */
    const muv_read_concern_t *read_concern;       /* [borrow] */
    const muv_read_preference_t *read_preference; /* [borrow] */
} muv_count_opts_t;

/* Count the documents that match, by an aggregation that looks at them.
 *
 * filter  [borrow] NULL: every document.
 *
 * Returns as muv_collection_aggregate(). */
MUV_API MUV_CHECK int muv_collection_count_documents(muv_collection_t *collection,
                                                     const bson_t *filter,
                                                     const muv_count_opts_t *opts, muv_count_cb cb,
                                                     void *data, muv_op_t **ret_op);

typedef struct muv_estimated_count_opts {
    const bson_t *comment; /* [borrow] A document whose only element is the comment. */
    int64_t max_time_ms;   /* maxTimeMS. */
    int64_t timeout_ms;
    muv_op_t *parent;                             /* [borrow] */
    muv_session_t *session;                       /* [borrow] */
    const muv_read_concern_t *read_concern;       /* [borrow] */
    const muv_read_preference_t *read_preference; /* [borrow] */
} muv_estimated_count_opts_t;

/* How many documents the collection has by its metadata: quick, and wrong for a while after an
 * unclean shutdown.
 *
 * Returns as muv_collection_aggregate(). */
MUV_API MUV_CHECK int
muv_collection_estimated_document_count(muv_collection_t *collection,
                                        const muv_estimated_count_opts_t *opts, muv_count_cb cb,
                                        void *data, muv_op_t **ret_op);

MUV_END_DECLS

#endif
