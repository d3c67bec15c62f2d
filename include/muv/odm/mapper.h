/* SPDX-License-Identifier: Apache-2.0 */
/* Running: a mapper binds a client, a registry of models and a database. Documents are saved,
 * deleted and loaded through it, and query sets are sent.
 *
 * All start calls return 0 (their callback comes exactly once, later, from the loop) or MUV_EINVAL,
 * MUV_ECLOSED, MUV_ENOMEM, MUV_EFORK (it never comes; muv_client_refusal() says why, for a query
 * its first sticky error). What depends on data comes by callback: MUV_EVALIDATION with
 * muv_op_validation(), MUV_ESTALE, MUV_ENOTFOUND, MUV_EMULTIPLE, MUV_EDECODE with the path.
 *
 * Documents given to a callback are borrowed until it returns: muv_doc_retain() keeps the document
 * with its batch, muv_doc_detach() copies it out. All documents of one result, and those that their
 * references lead to, live in one batch. Documents given to a start call are retained until the
 * callback has returned; what a save sends is decided inside the call, so a program may go on
 * storing into the document. Queries and updates are read inside the call and may be changed or
 * freed behind it. Callbacks may be NULL, but for on_document. */
#ifndef MUV_ODM_MAPPER_H
#define MUV_ODM_MAPPER_H

#include "muv/aggregate.h"
#include "muv/client.h"
#include "muv/odm/document.h"
#include "muv/odm/query.h"
#include "muv/odm/update.h"
#include "muv/odm/validate.h"
#include "muv/op.h"

MUV_BEGIN_DECLS

typedef struct muv_mapper muv_mapper_t;

/* client    [borrow] Must outlive the mapper.
 * registry  [retain] Documents and queries must be of this one.
 * database  [borrow] Copied. NULL: the connection string's.
 * ret       [own]    muv_mapper_free().
 *
 * Returns 0, MUV_EINVAL (no database) or MUV_ENOMEM. */
MUV_API MUV_CHECK int muv_mapper_new(muv_client_t *client, const muv_registry_t *registry,
                                     const char *database, muv_error_t *reterr, muv_mapper_t **ret);

/* Operations in progress go on and call back. NULL is allowed. */
MUV_API void muv_mapper_free(muv_mapper_t *mapper);

/* [borrow] The client that was given to muv_mapper_new(). */
MUV_API muv_client_t *muv_mapper_client(const muv_mapper_t *mapper);

/* Inside the callback of an operation that ended with MUV_EVALIDATION: every error. [borrow] Until
 * the callback returns; NULL otherwise, and when memory ran out for the list. */
MUV_API muv_verrors_t *muv_op_validation(const muv_op_t *op);

/* --- one document ------------------------------------------------------------------------------*/

typedef struct muv_save_opts {
    int8_t skip_validation;                   /* MUV_YES: the database takes what it gets. */
    int8_t force_insert;                      /* MUV_YES: insert a stored document again. */
    const muv_write_concern_t *write_concern; /* [borrow] */
    int64_t timeout_ms;
    muv_op_t *parent;       /* [borrow] */
    muv_session_t *session; /* [borrow] */
} muv_save_opts_t;

/* document  [borrow] The one that was given to the call. Also on error. */
typedef void (*muv_save_cb)(muv_op_t *op, const muv_error_t *error, void *document, void *data);

/* Save: a new document is inserted (an ObjectId is made when the primary key has none); a loaded
 * one sends the smallest update, nothing when nothing changed (the callback comes all the same). An
 * insert never replaces: a key that is taken is MUV_EWRITE. An update never inserts: a document
 * deleted meanwhile is MUV_ESTALE. After success the document is a loaded one, after a failure it
 * has the changes it had. */
MUV_API MUV_CHECK int muv_save(muv_mapper_t *mapper, void *document, const muv_save_opts_t *opts,
                               muv_save_cb cb, void *data, muv_op_t **ret_op);

typedef struct muv_store_opts {
    const muv_write_concern_t *write_concern; /* [borrow] */
    int64_t timeout_ms;
    muv_op_t *parent;       /* [borrow] */
    muv_session_t *session; /* [borrow] */
} muv_store_opts_t;

/* Delete by primary key. A document that is gone already is no error. */
MUV_API MUV_CHECK int muv_delete(muv_mapper_t *mapper, void *document, const muv_store_opts_t *opts,
                                 muv_save_cb cb, void *data, muv_op_t **ret_op);

/* Load it again, whole, into the same struct; unsaved changes are lost. MUV_ENOTFOUND when it is
 * gone; then, as after any failure, it is as it was. */
MUV_API MUV_CHECK int muv_reload(muv_mapper_t *mapper, void *document, const muv_store_opts_t *opts,
                                 muv_save_cb cb, void *data, muv_op_t **ret_op);

/* Insert many new documents of one model, validated before anything is sent ("document 3: ..."), in
 * their order, in as few messages as the server's limits allow. Primary keys are written into the
 * documents. The first one that the server refuses ends it.
 *
 * inserted  How many of the first ones; on error as many as are known to be stored. */
typedef void (*muv_insert_cb)(muv_op_t *op, const muv_error_t *error, size_t inserted, void *data);
MUV_API MUV_CHECK int muv_insert(muv_mapper_t *mapper, void *const *documents, size_t count,
                                 const muv_save_opts_t *opts, muv_insert_cb cb, void *data,
                                 muv_op_t **ret_op);

/* Create the indexes of a model's collection (of all models: NULL) with one createIndexes per
 * collection, in parallel. */
MUV_API MUV_CHECK int muv_ensure_indexes(muv_mapper_t *mapper, const muv_model_t *model,
                                         const muv_store_opts_t *opts, muv_done_cb cb, void *data,
                                         muv_op_t **ret_op);

/* --- query sets --------------------------------------------------------------------------------*/

typedef struct muv_load_opts {
    const char *related; /* [borrow] References to load, by path: "author, comments.author.team".
                          * Each level loads all its collections in parallel, one command each,
                          * without duplicates. One that leads nowhere is MUV_REF_MISSING. */
    int64_t timeout_ms;  /* One deadline for all round trips. */
    const muv_read_preference_t *read_preference; /* [borrow] */
    muv_op_t *parent;                             /* [borrow] */
    muv_session_t *session;                       /* [borrow] Of all commands of the load. */
    size_t max_documents;                         /* muv_query_all(): default 10000. */
    size_t max_bytes; /* Of BSON in one result, with its references; of muv_query_each() in one
                       * batch of the server, with its references. Default 64 MiB. */
} muv_load_opts_t;

/* document  [borrow] NULL on error; muv_query_first(): also when nothing matches. */
typedef void (*muv_load_cb)(muv_op_t *op, const muv_error_t *error, void *document, void *data);

/* The first match, or NULL. */
MUV_API MUV_CHECK int muv_query_first(muv_mapper_t *mapper, muv_query_t *query,
                                      const muv_load_opts_t *opts, muv_load_cb cb, void *data,
                                      muv_op_t **ret_op);

/* Exactly one match: else MUV_ENOTFOUND or MUV_EMULTIPLE. */
MUV_API MUV_CHECK int muv_query_get(muv_mapper_t *mapper, muv_query_t *query,
                                    const muv_load_opts_t *opts, muv_load_cb cb, void *data,
                                    muv_op_t **ret_op);

/* documents  [borrow] `count` of them, with the array, until the callback returns. */
typedef void (*muv_load_all_cb)(muv_op_t *op, const muv_error_t *error, void **documents,
                                size_t count, void *data);

/* All matches, bounded: beyond a maximum MUV_ETOOLARGE. */
MUV_API MUV_CHECK int muv_query_all(muv_mapper_t *mapper, muv_query_t *query,
                                    const muv_load_opts_t *opts, muv_load_all_cb cb, void *data,
                                    muv_op_t **ret_op);

/* What on_document answers. */
enum { MUV_ITERATE_CONTINUE = 0, MUV_ITERATE_PAUSE = 1, MUV_ITERATE_STOP = 2 };

/* document  [borrow] Until this returns. */
typedef int (*muv_each_cb)(muv_op_t *op, void *document, void *data);

/* Stream all matches with back-pressure: while one of the server's batches is given out the next
 * one is read, and no more; while paused nothing is asked for. References are loaded for each
 * batch. `on_end` comes once, also after STOP; a cursor that is still open is killed there. */
MUV_API MUV_CHECK int muv_query_each(muv_mapper_t *mapper, muv_query_t *query,
                                     const muv_load_opts_t *opts, muv_each_cb on_document,
                                     muv_done_cb on_end, void *data, muv_op_t **ret_op);

/* Go on after MUV_ITERATE_PAUSE, later, from the loop. Inside on_document it takes back the pause
 * that this one is about to ask for. NULL, or an operation without pause: nothing happens. */
MUV_API void muv_query_resume(muv_op_t *op);

/* Number of matches (skip and limit count); whether there is one (0 or 1). */
MUV_API MUV_CHECK int muv_query_count(muv_mapper_t *mapper, muv_query_t *query,
                                      const muv_load_opts_t *opts, muv_count_cb cb, void *data,
                                      muv_op_t **ret_op);
MUV_API MUV_CHECK int muv_query_exists(muv_mapper_t *mapper, muv_query_t *query,
                                       const muv_load_opts_t *opts, muv_count_cb cb, void *data,
                                       muv_op_t **ret_op);

typedef struct muv_update_result {
    int64_t matched;
    int64_t modified;
} muv_update_result_t;

/* result  [borrow] NULL on error, unless something was applied. */
typedef void (*muv_update_cb)(muv_op_t *op, const muv_error_t *error,
                              const muv_update_result_t *result, void *data);

/* Update all matches in one command. A query with limit, skip or order is refused. */
MUV_API MUV_CHECK int muv_query_update(muv_mapper_t *mapper, muv_query_t *query,
                                       muv_update_t *update, const muv_store_opts_t *opts,
                                       muv_update_cb cb, void *data, muv_op_t **ret_op);

/* Delete all matches in one command; refused as above. `count` is the number of deleted ones. */
MUV_API MUV_CHECK int muv_query_delete(muv_mapper_t *mapper, muv_query_t *query,
                                       const muv_store_opts_t *opts, muv_count_cb cb, void *data,
                                       muv_op_t **ret_op);

MUV_END_DECLS

#endif
