/* SPDX-License-Identifier: Apache-2.0 */
/* Writing to a collection: insert, update, replace, delete.
 *
 * With an unacknowledged write concern (w 0) an operation ends when its bytes have left; nothing is
 * known of its outcome. */
#ifndef MUV_WRITE_H
#define MUV_WRITE_H

#include "muv/collection.h"
#include "muv/command.h"
#include "muv/error.h"
#include "muv/op.h"
#include "muv/types.h"

MUV_BEGIN_DECLS

/* --- results -----------------------------------------------------------------------------------*/

/* One BSON value in place, as muv_writer_value() takes it. `type` 0: none. */
typedef struct muv_bson_value {
    uint8_t type;        /* BSON's type byte. */
    uint32_t size;       /* In bytes. */
    const uint8_t *data; /* [borrow] The value as a BSON element holds it. */
} muv_bson_value_t;

/* A statement or document that the server refused. */
typedef struct muv_write_error {
    size_t index;           /* In the caller's list. */
    int32_t code;           /* The server's. */
    uint32_t details_size;  /* Length of `details` in bytes. */
    const uint8_t *details; /* [borrow] errInfo as BSON, or NULL. */
    const char *message;    /* [borrow] Never NULL. */
} muv_write_error_t;

/* The write was applied by one member but not by as many as were asked for. */
typedef struct muv_write_concern_error {
    int32_t code;           /* The server's. */
    uint32_t details_size;  /* Length of `details` in bytes. */
    const uint8_t *details; /* [borrow] errInfo as BSON, or NULL. */
    const char *code_name;  /* [borrow] Never NULL. */
    const char *message;    /* [borrow] Never NULL. */
} muv_write_concern_error_t;

/* A document that an upsert made. */
typedef struct muv_upserted {
    size_t index;        /* Of the statement in the caller's list. */
    muv_bson_value_t id; /* Its `_id`. */
} muv_upserted_t;

/* What a write did. Valid until the callback returns. */
typedef struct muv_write_result {
    int8_t acknowledged; /* MUV_YES, or MUV_NO: the server was not asked, all counts are 0. */
    int64_t inserted_count;
    int64_t matched_count;  /* Updates: without upserted ones. */
    int64_t modified_count; /* Matched ones that the update changed. */
    int64_t deleted_count;
    const muv_upserted_t *upserted; /* [borrow] */
    size_t upserted_count;
    const muv_write_error_t *write_errors; /* [borrow] In the order in which they were met. */
    size_t write_error_count;
    const muv_write_concern_error_t *write_concern_errors; /* [borrow] */
    size_t write_concern_error_count;
} muv_write_result_t;

/* The `_id` that document `index` (as the caller counts) of an insert has or was given, whether it
 * was inserted or not. Returns 1, or 0 when there is no such document, or when it came from a
 * `.next` source.
 *
 * ret  [borrow] Valid as long as `result` is. */
MUV_API int muv_write_result_inserted_id(const muv_write_result_t *result, size_t index,
                                         muv_bson_value_t *ret);

/* Called exactly once, on the loop.
 *
 * error   [borrow] NULL on success. MUV_EWRITE: the server refused statements (code, name and
 *                  message of the first one), or the write concern failed (`in_doubt`: applied, but
 *                  perhaps not kept).
 * result  [borrow] NULL when nothing was applied and nothing can have been; else given with an
 *                  error too. */
typedef void (*muv_write_cb)(muv_op_t *op, const muv_error_t *error,
                             const muv_write_result_t *result, void *data);

/* --- ids ---------------------------------------------------------------------------------------*/

/* Make a new ObjectId: seconds since 1970, five random bytes of this client, a counter. Inserts do
 * it by themselves for documents without `_id`. Returns 0, MUV_EINVAL or MUV_EFORK. */
MUV_API MUV_CHECK int muv_client_object_id(muv_client_t *client, uint8_t ret[12]);

/* --- insert ------------------------------------------------------------------------------------*/

typedef struct muv_insert_one_opts {
    int8_t bypass_document_validation;
    const bson_t *comment; /* [borrow] A document whose only element is the comment. */
    int64_t timeout_ms;
    muv_op_t *parent;                         /* [borrow] */
    muv_session_t *session;                   /* [borrow] */
    const muv_write_concern_t *write_concern; /* [borrow] */
} muv_insert_one_opts_t;

/* Insert a document. Without `_id` it gets a new ObjectId as its first field.
 *
 * document  [borrow] Encoded before return.
 * opts      [borrow] NULL: defaults.
 * cb        May be NULL.
 * ret_op    [borrow] For muv_op_cancel(), valid until `cb` returns. May be NULL.
 *
 * Returns 0, MUV_EINVAL, MUV_ECLOSED, MUV_ENOMEM or MUV_EFORK; then `cb` is never called. */
MUV_API MUV_CHECK int muv_collection_insert_one(muv_collection_t *collection,
                                                const bson_t *document,
                                                const muv_insert_one_opts_t *opts, muv_write_cb cb,
                                                void *data, muv_op_t **ret_op);

/* The most bytes of documents that one muv_collection_insert_many() copies (`max_send_bytes`). */
#define MUV_MAX_SEND_BYTES (64 * 1024 * 1024)

/* Give the next document: write its elements to `writer` and return 1; return 0 when there are no
 * more, or a negative code (MUV_E*), with which the operation then ends. Must start nothing on the
 * client. Called from the loop, never inside the start call, and not after the operation's
 * callback.
 */
typedef int (*muv_next_document_cb)(void *data, muv_writer_t *writer);

typedef struct muv_insert_many_opts {
    int8_t ordered;           /* MUV_NO: go on behind documents that fail. Default MUV_YES. */
    int8_t borrow_until_done; /* MUV_YES: the array and its documents stay valid until the
                               * callback. They are copied piece by piece, without
                               * MUV_MAX_SEND_BYTES. */
    int8_t bypass_document_validation;
    muv_next_document_cb next; /* A source instead of an array: built straight into the send
                                * buffer, a piece in each turn of the loop. */
    void *next_data;
    int32_t batch_bytes;    /* How many bytes of a source, or of borrowed documents, are gathered
                             * for one command. Default 256 KiB, at most 32 MiB: more for
                             * servers that are far away. */
    const bson_t *comment;  /* [borrow] A document whose only element is the comment. */
    int64_t timeout_ms;     /* For all commands together. */
    muv_op_t *parent;       /* [borrow] */
    muv_session_t *session; /* [borrow] */
    const muv_write_concern_t *write_concern; /* [borrow] */
} muv_insert_many_opts_t;

/* Insert documents with as few commands as the server's limits allow, one after the other. Ordered
 * inserts stop at the first document that fails. A failed command ends both kinds.
 *
 * documents  [borrow] `count` documents, copied before return unless borrowed. NULL with `.next`.
 * opts       [borrow] NULL: defaults.
 * cb         May be NULL.
 * ret_op     [borrow] For muv_op_cancel(), valid until `cb` returns. May be NULL.
 *
 * Returns 0, MUV_EINVAL (no document, or more than MUV_MAX_SEND_BYTES among others), MUV_ECLOSED,
 * MUV_ENOMEM or MUV_EFORK; then `cb` is never called. */
MUV_API MUV_CHECK int muv_collection_insert_many(muv_collection_t *collection,
                                                 const bson_t *const *documents, size_t count,
                                                 const muv_insert_many_opts_t *opts,
                                                 muv_write_cb cb, void *data, muv_op_t **ret_op);

/* --- update ------------------------------------------------------------------------------------*/

typedef struct muv_update_opts {
    int8_t upsert;
    int8_t bypass_document_validation;
    const bson_t *array_filters; /* [borrow] An array. Not for replacements. */
    const bson_t *hint_document; /* [borrow] An index's keys ... */
    const char *hint;            /* [borrow] ... or its name. */
    const bson_t *collation;     /* [borrow] */
    const bson_t *let;           /* [borrow] */
    const bson_t *sort;          /* [borrow] Which document, when several match. Not for
                                  * muv_collection_update_many(). */
    const bson_t *comment;       /* [borrow] A document whose only element is the comment. */
    int64_t timeout_ms;
    muv_op_t *parent;                         /* [borrow] */
    muv_session_t *session;                   /* [borrow] */
    const muv_write_concern_t *write_concern; /* [borrow] */
} muv_update_opts_t;

/* Update the first document, or all documents, that match.
 *
 * filter  [borrow] Encoded before return. NULL: any document.
 * update  [borrow] Encoded before return. Update operators, or an array: a pipeline. Not empty.
 * opts    [borrow] NULL: defaults.
 * cb      May be NULL.
 * ret_op  [borrow] For muv_op_cancel(), valid until `cb` returns. May be NULL.
 *
 * Returns 0, MUV_EINVAL, MUV_ECLOSED, MUV_ENOMEM or MUV_EFORK; then `cb` is never called. */
MUV_API MUV_CHECK int muv_collection_update_one(muv_collection_t *collection, const bson_t *filter,
                                                const bson_t *update, const muv_update_opts_t *opts,
                                                muv_write_cb cb, void *data, muv_op_t **ret_op);
MUV_API MUV_CHECK int muv_collection_update_many(muv_collection_t *collection, const bson_t *filter,
                                                 const bson_t *update,
                                                 const muv_update_opts_t *opts, muv_write_cb cb,
                                                 void *data, muv_op_t **ret_op);

/* Put `replacement` in the place of the first document that matches; its `_id` stays.
 *
 * replacement  [borrow] Encoded before return. Its first key must not start with '$'.
 *
 * All else as muv_collection_update_one(). */
MUV_API MUV_CHECK int muv_collection_replace_one(muv_collection_t *collection, const bson_t *filter,
                                                 const bson_t *replacement,
                                                 const muv_update_opts_t *opts, muv_write_cb cb,
                                                 void *data, muv_op_t **ret_op);

/* --- delete ------------------------------------------------------------------------------------*/

typedef struct muv_delete_opts {
    const bson_t *hint_document; /* [borrow] An index's keys ... */
    const char *hint;            /* [borrow] ... or its name. */
    const bson_t *collation;     /* [borrow] */
    const bson_t *let;           /* [borrow] */
    const bson_t *comment;       /* [borrow] A document whose only element is the comment. */
    int64_t timeout_ms;
    muv_op_t *parent;                         /* [borrow] */
    muv_session_t *session;                   /* [borrow] */
    const muv_write_concern_t *write_concern; /* [borrow] */
} muv_delete_opts_t;

/* Delete the first document, or all documents, that match.
 *
 * filter  [borrow] Encoded before return. Not NULL: an empty one matches any document.
 * opts    [borrow] NULL: defaults.
 * cb      May be NULL.
 * ret_op  [borrow] For muv_op_cancel(), valid until `cb` returns. May be NULL.
 *
 * Returns 0, MUV_EINVAL, MUV_ECLOSED, MUV_ENOMEM or MUV_EFORK; then `cb` is never called. */
MUV_API MUV_CHECK int muv_collection_delete_one(muv_collection_t *collection, const bson_t *filter,
                                                const muv_delete_opts_t *opts, muv_write_cb cb,
                                                void *data, muv_op_t **ret_op);
MUV_API MUV_CHECK int muv_collection_delete_many(muv_collection_t *collection, const bson_t *filter,
                                                 const muv_delete_opts_t *opts, muv_write_cb cb,
                                                 void *data, muv_op_t **ret_op);

MUV_END_DECLS

#endif
