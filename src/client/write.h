/* SPDX-License-Identifier: Apache-2.0 */
/* What the write operations share: elements of commands, statements of update and delete, reading
 * of replies, results. */
#ifndef MUV__WRITE_H
#define MUV__WRITE_H

#include "muv/write.h"

#include "base/bson_view.h"
#include "base/bson_writer.h"
#include "client/client_inner.h"
#include "client/read.h"

/* --- write_elements.c --------------------------------------------------------------------------*/

/* An optional array, or the value of a wrapper's (comment's) only element; NULL writes nothing.
 * Optional documents and flags: read.h. */
void muv__write_optional_array(muv__buf_t *buf, const char *key, size_t length,
                               const bson_t *array);
void muv__write_wrapped(muv__buf_t *buf, const char *key, size_t length, const bson_t *wrapper);
void muv__write_hint(muv__buf_t *buf, const char *name, const bson_t *document);

/* Options that cannot be right: a text for the refusal, or NULL. */
const char *muv__check_hint(const char *name, const bson_t *document);
const char *muv__check_wrapped(const bson_t *wrapper, const char *complaint);

/* Put `_id` first when `document` has none: its elements are appended to `buf` as they stand, to be
 * closed by the caller. Returns 0, or MUV_EBSON: `document` is no sound document at its top. */
int muv__write_with_id(muv__buf_t *buf, muv__span_t document, muv_client_t *client);

/* --- object_id.c -------------------------------------------------------------------------------*/

/* The source of ids is ready for use. Returns 0, or MUV_EINVAL: the system gives no randomness. */
int muv__object_ids_begin(muv_client_t *client);

/* --- write_command.c ---------------------------------------------------------------------------*/

/* Members that the options of all writes have. */
typedef struct muv__write_common {
    int64_t timeout_ms;
    muv_op_t *parent;
    const muv_write_concern_t *write_concern;
    muv_session_t *session;
} muv__write_common_t;

/* Begin a write on `collection`: the operation with its concerns, and "name: collection" written.
 * Returns 0 or the code to be returned. */
int muv__write_begin(muv_collection_t *collection, const muv__write_common_t *common,
                     muv__span_t name, muv__deliver_t deliver, muv_op_t **ret);

/* Seal and start it. */
int muv__write_launch(muv_collection_t *collection, const muv__write_common_t *common, muv_op_t *op,
                      muv_op_t **ret_op);

/* A hint in an unacknowledged write: an old server would ignore it silently (CRUD: hint), so the
 * connection's version is looked at. */
void muv__write_guard_hint(muv_op_t *op, const char *name, const bson_t *document);

/* --- write_statement.c -------------------------------------------------------------------------*/

/* One statement of an update or delete command. */
typedef struct muv__statement {
    const bson_t *filter;
    const bson_t *update; /* Updates: operators, a pipeline, or a replacement. */
    const bson_t *array_filters;
    const bson_t *sort;
    const bson_t *collation;
    const bson_t *hint_document;
    const char *hint;
    int8_t pipeline; /* `update` is one. */
    int8_t multi;
    int8_t upsert;
} muv__statement_t;

/* Begin an update or delete of one statement, all of which is known: muv__write_begin(), what
 * `multi` and a hint mean for the operation, and "ordered". */
int muv__statement_begin(muv_collection_t *collection, const muv__write_common_t *common,
                         const muv__statement_t *statement, muv__span_t name,
                         muv__deliver_t deliver, muv_op_t **ret);

typedef void (*muv__statement_write_t)(muv__buf_t *buf, const muv__statement_t *statement);

/* The statement as the only one of the command's list ("updates", "deletes"). */
void muv__statement_list_write(muv__buf_t *buf, const char *key, size_t length,
                               const muv__statement_t *statement, muv__statement_write_t write);

/* The elements of a statement, into a document that the caller has opened: an element of an array,
 * or a document of a sequence. */
void muv__update_statement_write(muv__buf_t *buf, const muv__statement_t *statement);
void muv__delete_statement_write(muv__buf_t *buf, const muv__statement_t *statement);

/* Update operators or a pipeline (`*ret_pipeline`). Returns NULL or what is wrong. */
const char *muv__check_update(const bson_t *update, int8_t *ret_pipeline);
const char *muv__check_replacement(const bson_t *replacement);

/* --- write_reply.c -----------------------------------------------------------------------------*/

/* The reply to a write command, its lists not yet looked into. */
typedef struct muv__write_reply {
    int64_t n;
    int64_t n_modified;
    muv__span_t upserted;            /* Array, or empty. */
    muv__span_t write_errors;        /* Array, or empty. */
    muv__span_t write_concern_error; /* Document, or empty. */
    uint32_t labels;
} muv__write_reply_t;

/* Returns 0, or MUV_EPROTOCOL with `error` filled: the reply makes no sense for a command that can
 * have touched at most `max_n` documents. */
int muv__write_reply_read(muv__span_t body, int64_t max_n, muv__write_reply_t *ret,
                          muv_error_t *error);

/* The next element of a list of a reply; `iter` was begun by muv__bson_iter_init(). `index` becomes
 * that within the command, and is smaller than `count`. Returns 1, 0 at the end, or MUV_EPROTOCOL.
 */
int muv__write_error_next(muv__bson_iter_t *iter, size_t count, muv_write_error_t *ret);
int muv__upserted_next(muv__bson_iter_t *iter, size_t count, muv_upserted_t *ret);

void muv__write_concern_error_read(muv__span_t document, muv_write_concern_error_t *ret);

/* MUV_EWRITE of the first refused statement, or of a failed write concern. `labels` are those of
 * the reply. */
void muv__write_error_set(muv_error_t *error, const muv_write_error_t *first, uint32_t labels);
void muv__write_concern_error_set(muv_error_t *error, const muv_write_concern_error_t *concern,
                                  uint32_t labels);

/* The unusable reply of a write: it may have been applied. */
void muv__write_reply_unusable(muv_error_t *error, const char *why);

/* --- write_result.c ----------------------------------------------------------------------------*/

/* A result and what is asked of it by functions. */
typedef struct muv__write_outcome {
    muv_write_result_t result; /* First: what the caller sees. */
    int (*find_id)(const struct muv__write_outcome *outcome, size_t index, muv_bson_value_t *ret);
    const void *ids; /* For `find_id`. */
} muv__write_outcome_t;

/* What a single statement counts. */
typedef enum muv__write_counts {
    MUV__COUNTS_INSERTED,
    MUV__COUNTS_UPDATED,
    MUV__COUNTS_DELETED
} muv__write_counts_t;

/* Deliver the outcome of a command with one statement that touches at most `max_n` documents.
 * `find_id` may be NULL. */
void muv__write_deliver_single(muv_op_t *op, muv__write_counts_t counts, int64_t max_n,
                               int (*find_id)(const muv__write_outcome_t *outcome, size_t index,
                                              muv_bson_value_t *ret));

/* For commands that answer otherwise: a reply whose write concern failed is an error (and hangs off
 * it). Nothing is done when the operation failed already. */
void muv__write_take_concern_error(muv_op_t *op);

/* The `_id` of a document in place. Returns 1 when it has one. */
int muv__document_id(muv__span_t document, muv_bson_value_t *ret);

#endif
