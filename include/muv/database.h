/* SPDX-License-Identifier: Apache-2.0 */
/* Handles of databases, and the operations on a database. Like a collection's, a handle is a name
 * with defaults. (muv_database_aggregate() is in muv/aggregate.h.) */
#ifndef MUV_DATABASE_H
#define MUV_DATABASE_H

#include "muv/collection.h"
#include "muv/cursor.h"
#include "muv/error.h"
#include "muv/op.h"
#include "muv/types.h"

MUV_BEGIN_DECLS

/* What operations on a database do unless they say otherwise. Unset: the client's. */
typedef struct muv_database_opts {
    const muv_read_concern_t *read_concern;       /* [borrow] */
    const muv_write_concern_t *write_concern;     /* [borrow] */
    const muv_read_preference_t *read_preference; /* [borrow] */
    int64_t timeout_ms;                           /* timeoutMS of each operation. */
} muv_database_opts_t;

/* A handle for a database.
 *
 * client  [borrow] Must not be used through this handle after it was closed.
 * name    [borrow] 1 to 63 bytes without / \ space " $ . and NUL; copied.
 * opts    [borrow] NULL: all inherited. Copied.
 * ret     [own]    muv_database_free().
 *
 * Returns 0, MUV_EINVAL or MUV_ENOMEM; muv_client_refusal() says why. */
MUV_API MUV_CHECK int muv_database_new(muv_client_t *client, const char *name,
                                       const muv_database_opts_t *opts, muv_database_t **ret);

/* NULL is allowed. */
MUV_API void muv_database_free(muv_database_t *database);

/* A handle for a collection of the database, which inherits what the database's handle says: its
 * concerns and its timeout. The handles are independent of each other afterwards.
 *
 * name  [borrow] As muv_collection_new() wants it.
 * opts  [borrow] NULL: all inherited. Copied.
 * ret   [own]    muv_collection_free().
 *
 * Returns 0, MUV_EINVAL or MUV_ENOMEM; muv_client_refusal() says why. */
MUV_API MUV_CHECK int muv_database_collection(muv_database_t *database, const char *name,
                                              const muv_collection_opts_t *opts,
                                              muv_collection_t **ret);

typedef struct muv_list_collections_opts {
    const bson_t *filter; /* [borrow] */
    int8_t name_only;
    int8_t authorized_collections;
    int32_t batch_size;
    const bson_t *comment; /* [borrow] A document whose only element is the comment. */
    int64_t timeout_ms;
    int8_t timeout_mode;    /* MUV_TIMEOUT_*, see muv/cursor.h; needs a timeout. Not for names. */
    muv_op_t *parent;       /* [borrow] */
    muv_session_t *session; /* [borrow] */
} muv_list_collections_opts_t;

/* The collections and views of a database, as a cursor of their descriptions. Asks the primary.
 *
 * opts    [borrow] NULL: defaults.
 * cb      Not NULL.
 * ret_op  [borrow] For muv_op_cancel(), valid until `cb` returns. May be NULL.
 *
 * Returns 0, MUV_EINVAL, MUV_ECLOSED, MUV_ENOMEM or MUV_EFORK; then `cb` is never called. */
MUV_API MUV_CHECK int muv_database_list_collections(muv_database_t *database,
                                                    const muv_list_collections_opts_t *opts,
                                                    muv_cursor_cb cb, void *data,
                                                    muv_op_t **ret_op);

/* Names in no order. [borrow] Valid until the callback returns. */
typedef struct muv_names {
    const char *const *items;
    size_t count;
} muv_names_t;

/* names  [borrow] NULL on error. */
typedef void (*muv_names_cb)(muv_op_t *op, const muv_error_t *error, const muv_names_t *names,
                             void *data);

/* The names only; `name_only` is chosen by the filter (Enumerate Collections specification).
 *
 * Returns as muv_database_list_collections(). */
MUV_API MUV_CHECK int muv_database_list_collection_names(muv_database_t *database,
                                                         const muv_list_collections_opts_t *opts,
                                                         muv_names_cb cb, void *data,
                                                         muv_op_t **ret_op);

typedef struct muv_run_cursor_command_opts {
    int32_t batch_size;        /* Of getMore. */
    int64_t max_await_time_ms; /* maxTimeMS of getMore, for cursors that wait. */
    int8_t tailable;           /* What the command says of itself. */
    int8_t await_data;
    const bson_t *comment; /* [borrow] Of getMore: a document whose only element is the comment. */
    int64_t timeout_ms;
    int8_t timeout_mode;    /* MUV_TIMEOUT_*, see muv/cursor.h; needs a timeout. */
    muv_op_t *parent;       /* [borrow] */
    muv_session_t *session; /* [borrow] */
    const muv_read_preference_t *read_preference; /* [borrow] Default primary. */
} muv_run_cursor_command_opts_t;

/* Run any command that answers with a cursor. As muv_run_command(): nothing is inherited.
 *
 * command  [borrow] Not empty; encoded before return.
 *
 * Returns as muv_database_list_collections(). */
MUV_API MUV_CHECK int muv_database_run_cursor_command(muv_database_t *database,
                                                      const bson_t *command,
                                                      const muv_run_cursor_command_opts_t *opts,
                                                      muv_cursor_cb cb, void *data,
                                                      muv_op_t **ret_op);

typedef struct muv_create_collection_opts {
    const bson_t *options; /* [borrow] Further fields of `create`: capped, size, max, validator,
                            * timeseries, viewOn, pipeline, collation, ... */
    const bson_t *comment; /* [borrow] A document whose only element is the comment. */
    int64_t timeout_ms;
    muv_op_t *parent;                         /* [borrow] */
    muv_session_t *session;                   /* [borrow] */
    const muv_write_concern_t *write_concern; /* [borrow] */
} muv_create_collection_opts_t;

/* Create a collection or view explicitly.
 *
 * name  [borrow] As muv_collection_new() wants it.
 *
 * Returns as muv_database_list_collections(). */
MUV_API MUV_CHECK int muv_database_create_collection(muv_database_t *database, const char *name,
                                                     const muv_create_collection_opts_t *opts,
                                                     muv_done_cb cb, void *data, muv_op_t **ret_op);

typedef struct muv_drop_database_opts {
    const bson_t *comment; /* [borrow] A document whose only element is the comment. */
    int64_t timeout_ms;
    muv_op_t *parent;                         /* [borrow] */
    muv_session_t *session;                   /* [borrow] */
    const muv_write_concern_t *write_concern; /* [borrow] */
} muv_drop_database_opts_t;

/* Delete a database with everything in it. One that does not exist is no error.
 *
 * Returns as muv_database_list_collections(). */
MUV_API MUV_CHECK int muv_database_drop(muv_database_t *database,
                                        const muv_drop_database_opts_t *opts, muv_done_cb cb,
                                        void *data, muv_op_t **ret_op);

MUV_END_DECLS

#endif
