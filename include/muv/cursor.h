/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors: the documents of a find or an aggregate, fetched batch by batch from one server.
 *
 * Find and its kin hand out an owned cursor, which has one consumer at a time:
 *   muv_cursor_each()      documents are pushed; the consumer may pause
 *   muv_cursor_next()      one document for each call
 *   muv_cursor_collect()   all of them at once, under a limit
 * A consumer is an operation with a deadline of its own. When it ends without error before the last
 * document, the next one goes on behind what it has seen.
 *
 * A getMore whose answer will never be known (cancelled, timed out, connection lost) ends the
 * cursor: nobody can say which documents were in it. What was buffered before is still given out;
 * then every consumer gets the error. A getMore that failed before it was sent ends its consumer
 * only.
 *
 * A timeout of the operation that opened the cursor goes on as its `timeout_mode` says:
 *   MUV_TIMEOUT_CURSOR_LIFETIME   one deadline for the operation and all fetching. Documents that
 *                                 are here are given out after it, too.
 *   MUV_TIMEOUT_ITERATION         the operation has it, and each wait for documents has it anew.
 * A consumer's own timeout_ms counts besides; other timeouts (of the client, of handles) reach a
 * consumer only in this way. Killing the cursor has the timeout anew.
 *
 * A cursor is part of the session of the operation that opened it.
 *
 * A cursor that is open on its server keeps the loop alive until it is exhausted or closed. */
#ifndef MUV_CURSOR_H
#define MUV_CURSOR_H

#include "muv/client.h"
#include "muv/error.h"
#include "muv/op.h"
#include "muv/types.h"

MUV_BEGIN_DECLS

typedef struct muv_cursor muv_cursor_t;

/* How finds and their kin give out a cursor. Called exactly once, on the loop.
 *
 * error   [borrow] NULL on success.
 * cursor  [own]    NULL on error; else end it with muv_cursor_close(). */
typedef void (*muv_cursor_cb)(muv_op_t *op, const muv_error_t *error, muv_cursor_t *cursor,
                              void *data);

/* document  [borrow] Valid until the callback returns. NULL on error, and when none matches. */
typedef void (*muv_document_cb)(muv_op_t *op, const muv_error_t *error, const bson_t *document,
                                void *data);

/* End a cursor. What is open on the server is killed there, without waiting for an answer; a
 * consumer in progress ends with MUV_ECANCELED. The handle is gone when this returns; a document in
 * a callback stays valid until the callback returns. Before or after the client's end; NULL is
 * allowed. */
MUV_API void muv_cursor_close(muv_cursor_t *cursor);

/* The same with a timeout of its own for killing it on the server, instead of that of the operation
 * that opened the cursor. 0: that one. */
MUV_API void muv_cursor_close_within(muv_cursor_t *cursor, int64_t timeout_ms);

/* May more documents come? 0: all have been given out, or the cursor has failed. A tailable cursor
 * stays alive at the end of its collection. */
MUV_API int muv_cursor_is_alive(const muv_cursor_t *cursor);

/* The server's number of the cursor; 0 when it is exhausted there. */
MUV_API int64_t muv_cursor_id(const muv_cursor_t *cursor);

/* --- push --------------------------------------------------------------------------------------*/

/* What on_document wants next. */
enum {
    MUV_CONTINUE = 0,
    MUV_PAUSE, /* No more documents until muv_cursor_resume(). */
    MUV_STOP   /* The consumer ends without error; the cursor stays behind this document. */
};

/* document  [borrow] Valid until the callback returns.
 *
 * Returns MUV_CONTINUE, MUV_PAUSE or MUV_STOP. */
typedef int (*muv_on_document_cb)(muv_op_t *op, const bson_t *document, void *data);

typedef struct muv_cursor_each_opts {
    int64_t low_water_bytes; /* More is fetched when not more than this is undelivered. Default 16
                              * MiB: always one batch ahead. MUV_ZERO: nothing ahead. */
    int64_t timeout_ms;      /* One deadline for all documents, pauses included. */
    muv_op_t *parent;        /* [borrow] */
} muv_cursor_each_opts_t;

/* Push documents until there are no more; between portions of 256 documents or 256 KiB the loop
 * gets its turn. A tailable cursor without await_data ends at the collection's present end.
 *
 * opts         [borrow] NULL: defaults.
 * on_document  Not NULL.
 * on_end       Called exactly once, behind the last document; may be NULL.
 * ret_op       [borrow] For muv_op_cancel(), valid until `on_end` returns. May be NULL.
 *
 * Returns 0, MUV_EINVAL (also: there is a consumer already), MUV_ECLOSED, MUV_ENOMEM or
 * MUV_EFORK. */
MUV_API MUV_CHECK int muv_cursor_each(muv_cursor_t *cursor, const muv_cursor_each_opts_t *opts,
                                      muv_on_document_cb on_document, muv_done_cb on_end,
                                      void *data, muv_op_t **ret_op);

/* Go on after MUV_PAUSE, later, from the loop. Called inside on_document, before it returns
 * MUV_PAUSE, it takes that pause back. Without a pause it does nothing. */
MUV_API void muv_cursor_resume(muv_cursor_t *cursor);

/* --- pull --------------------------------------------------------------------------------------*/

typedef struct muv_cursor_next_opts {
    int64_t timeout_ms;
    int8_t single_try; /* MUV_YES: ask the server at most once. */
    muv_op_t *parent;  /* [borrow] */
} muv_cursor_next_opts_t;

/* The next document, or NULL without error when there is none: at the end, at the present end of a
 * tailable cursor without await_data, or after the single try. muv_cursor_is_alive() tells.
 *
 * Returns as muv_cursor_each(). */
MUV_API MUV_CHECK int muv_cursor_next(muv_cursor_t *cursor, const muv_cursor_next_opts_t *opts,
                                      muv_document_cb cb, void *data, muv_op_t **ret_op);

/* --- collect -----------------------------------------------------------------------------------*/

/* Documents that are kept together with the memory they lie in. */
typedef struct muv_documents muv_documents_t;

/* documents  [own] NULL on error; else end it with muv_documents_release(). */
typedef void (*muv_documents_cb)(muv_op_t *op, const muv_error_t *error, muv_documents_t *documents,
                                 void *data);

typedef struct muv_cursor_collect_opts {
    int64_t max_bytes;     /* More ends the cursor with MUV_ETOOLARGE. Default 64 MiB. */
    int64_t max_documents; /* Stop there without error; the cursor stays. Default: no limit. */
    int64_t timeout_ms;
    muv_op_t *parent; /* [borrow] */
} muv_cursor_collect_opts_t;

/* Gather documents where they lie, without copying them.
 *
 * Returns as muv_cursor_each(). */
MUV_API MUV_CHECK int muv_cursor_collect(muv_cursor_t *cursor,
                                         const muv_cursor_collect_opts_t *opts, muv_documents_cb cb,
                                         void *data, muv_op_t **ret_op);

/* How many there are; 0 for NULL. */
MUV_API size_t muv_documents_count(const muv_documents_t *documents);

/* The bytes of document `index`, valid as long as `documents` is; NULL beyond the last. */
MUV_API const uint8_t *muv_documents_data(const muv_documents_t *documents, size_t index,
                                          size_t *ret_size);

/* Make `view` (uninitialised, on the caller's stack) read document `index` in place. It must not be
 * destroyed or written. Returns 0, or MUV_EINVAL when there is no such document. */
MUV_API MUV_CHECK int muv_documents_bson(const muv_documents_t *documents, size_t index,
                                         bson_t *view);

/* NULL is allowed. It may outlive cursor and client. */
MUV_API void muv_documents_release(muv_documents_t *documents);

MUV_END_DECLS

#endif
