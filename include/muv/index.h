/* SPDX-License-Identifier: Apache-2.0 */
/* Indexes of a collection, and its end. */
#ifndef MUV_INDEX_H
#define MUV_INDEX_H

#include "muv/client.h"
#include "muv/collection.h"
#include "muv/command.h"
#include "muv/error.h"
#include "muv/op.h"
#include "muv/types.h"

MUV_BEGIN_DECLS

/* An index to be made. */
typedef struct muv_index_model {
    const bson_t *keys; /* [borrow] {a: 1, b: -1, c: "2dsphere"}. */
    const char *name;   /* [borrow] NULL: made of the keys, "a_1_b_-1_c_2dsphere". */
    int8_t unique;
    int8_t sparse;
    int8_t hidden;
    int32_t expire_after_seconds; /* MUV_ZERO: at the time itself. */
    const bson_t *partial_filter; /* [borrow] partialFilterExpression. */
    const bson_t *collation;      /* [borrow] */
    const bson_t *options;        /* [borrow] Any further options, sent as they are. */
} muv_index_model_t;

typedef struct muv_create_indexes_opts {
    const bson_t *commit_quorum; /* [borrow] A document whose only element is it. */
    const bson_t *comment;       /* [borrow] A document whose only element is the comment. */
    int64_t max_time_ms;         /* maxTimeMS. */
    int64_t timeout_ms;
    muv_op_t *parent;                         /* [borrow] */
    muv_session_t *session;                   /* [borrow] */
    const muv_write_concern_t *write_concern; /* [borrow] */
} muv_create_indexes_opts_t;

/* The name that an index gets when it is given none.
 *
 * keys  [borrow]
 * text  [borrow] `size` bytes; the name is written with its NUL.
 *
 * Returns 0, or MUV_EINVAL: no keys, a value that is neither a whole number nor a text, or no room.
 */
MUV_API MUV_CHECK int muv_index_name(const bson_t *keys, char *text, size_t size);

/* Make all of `indexes` with one command; those that exist already are no error.
 *
 * indexes  [borrow] `count` of them, not 0; encoded before return.
 * opts     [borrow] NULL: defaults.
 * cb       Gets the server's reply. May be NULL.
 * ret_op   [borrow] For muv_op_cancel(), valid until `cb` returns. May be NULL.
 *
 * Returns 0, MUV_EINVAL, MUV_ECLOSED, MUV_ENOMEM or MUV_EFORK; then `cb` is never called. */
MUV_API MUV_CHECK int muv_collection_create_indexes(muv_collection_t *collection,
                                                    const muv_index_model_t *indexes, size_t count,
                                                    const muv_create_indexes_opts_t *opts,
                                                    muv_reply_cb cb, void *data, muv_op_t **ret_op);

/* Options of the smaller commands here. */
typedef struct muv_ddl_opts {
    const bson_t *comment; /* [borrow] A document whose only element is the comment. */
    int64_t max_time_ms;   /* maxTimeMS. Not for muv_collection_drop(). */
    int64_t timeout_ms;
    muv_op_t *parent;                         /* [borrow] */
    muv_session_t *session;                   /* [borrow] */
    const muv_write_concern_t *write_concern; /* [borrow] Not for muv_collection_list_indexes(). */
} muv_ddl_opts_t;

/* Drop the index named `name`; "*", which would drop all, is refused: drop the collection's indexes
 * one by one, or run the command.
 *
 * Returns as muv_collection_create_indexes(). */
MUV_API MUV_CHECK int muv_collection_drop_index(muv_collection_t *collection, const char *name,
                                                const muv_ddl_opts_t *opts, muv_reply_cb cb,
                                                void *data, muv_op_t **ret_op);

/* The collection's indexes: `cursor.firstBatch` of the reply holds them all. Without error and
 * without a reply: there is no such collection, so no index either.
 *
 * Returns as muv_collection_create_indexes(). */
MUV_API MUV_CHECK int muv_collection_list_indexes(muv_collection_t *collection,
                                                  const muv_ddl_opts_t *opts, muv_reply_cb cb,
                                                  void *data, muv_op_t **ret_op);

/* Delete the collection with its documents and indexes. One that does not exist is no error.
 *
 * Returns as muv_collection_create_indexes(). */
MUV_API MUV_CHECK int muv_collection_drop(muv_collection_t *collection, const muv_ddl_opts_t *opts,
                                          muv_done_cb cb, void *data, muv_op_t **ret_op);

MUV_END_DECLS

#endif
