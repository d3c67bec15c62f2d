/* SPDX-License-Identifier: Apache-2.0 */
/* The low-level door: start a command whose bytes are written straight into the send buffer, and
 * receive its reply. Mappers and helpers are built on it; muv_run_command() is the easy form. */
#ifndef MUV_COMMAND_H
#define MUV_COMMAND_H

#include "muv/error.h"
#include "muv/op.h"
#include "muv/reply.h"
#include "muv/types.h"

MUV_BEGIN_DECLS

/* --- writing -----------------------------------------------------------------------------------*/

/* Append one element to the command. `key` is NUL terminated UTF-8. Failures (memory, size, depth)
 * stick in the writer: the start call then returns MUV_ENOMEM or MUV_EINVAL. All inputs are copied.
 */
MUV_API void muv_writer_double(muv_writer_t *writer, const char *key, double value);
MUV_API void muv_writer_utf8(muv_writer_t *writer, const char *key, const char *text,
                             size_t length);
MUV_API void muv_writer_document(muv_writer_t *writer, const char *key, const bson_t *document);
MUV_API void muv_writer_array(muv_writer_t *writer, const char *key, const bson_t *array);
MUV_API void muv_writer_binary(muv_writer_t *writer, const char *key, uint8_t subtype,
                               const void *bytes, size_t size);
MUV_API void muv_writer_oid(muv_writer_t *writer, const char *key, const uint8_t bytes[12]);
MUV_API void muv_writer_bool(muv_writer_t *writer, const char *key, int value);
MUV_API void muv_writer_datetime(muv_writer_t *writer, const char *key, int64_t value_ms);
MUV_API void muv_writer_null(muv_writer_t *writer, const char *key);
MUV_API void muv_writer_regex(muv_writer_t *writer, const char *key, const char *pattern,
                              const char *options);
MUV_API void muv_writer_int32(muv_writer_t *writer, const char *key, int32_t value);
MUV_API void muv_writer_int64(muv_writer_t *writer, const char *key, int64_t value);
/* Any value as type byte and raw bytes, as a BSON element holds it. */
MUV_API void muv_writer_value(muv_writer_t *writer, const char *key, uint8_t type,
                              const void *bytes, size_t size);
/* Open and close a document or array; keys of an array are "0", "1", ... */
MUV_API void muv_writer_begin_document(muv_writer_t *writer, const char *key);
MUV_API void muv_writer_begin_array(muv_writer_t *writer, const char *key);
MUV_API void muv_writer_end(muv_writer_t *writer);
/* The keys of an array's elements in turn: "0", "1", ... Valid until the next call. */
MUV_API const char *muv_writer_index(muv_writer_t *writer, uint32_t index);

/* --- starting ----------------------------------------------------------------------------------*/

/* Called once, inside muv_command_start(): write the whole command, its name first. Not $db,
 * session or preference: those are added for each attempt. Return 0, or MUV_EINVAL to refuse. It
 * must not start anything on the client. */
typedef int (*muv_render_cb)(muv_writer_t *writer, void *data);

/* Called exactly once, on the loop. error NULL: the server answered ok:1. With MUV_ESERVER the
 * reply is `error->reply`.
 *
 * error  [borrow]
 * reply  [borrow] NULL on error; until the callback returns, see muv/reply.h. NULL on success too
 *                 when no reply was asked for (unacknowledged). */
typedef void (*muv_reply_cb)(muv_op_t *op, const muv_error_t *error, const muv_reply_t *reply,
                             void *data);

/* What a command does, which decides selection, retries and `in_doubt`. Commands of any kind are
 * repeated when an overloaded server asks for it: it has not begun them then. */
enum {
    MUV_COMMAND_READ = 1, /* May go to a secondary; retryable as a read. */
    MUV_COMMAND_WRITE,    /* To a writable server. */
    MUV_COMMAND_OTHER     /* Nothing is known: as given, not retried. */
};

/* A connection that is kept, see muv_op_take_pin(). */
typedef struct muv_pin muv_pin_t;

/* A run of BSON documents that leaves as a document sequence (kind 1 section). */
typedef struct muv_command_sequence {
    const char *id;           /* [borrow] "documents", "updates", "deletes". NULL: no sequence. */
    const uint8_t *data;      /* [borrow] Whole documents, one behind the other. */
    size_t size;              /* In bytes. */
    int8_t borrow_until_done; /* MUV_YES: `id` and `data` stay valid until the callback; they are
                               * not copied. */
} muv_command_sequence_t;

typedef struct muv_command {
    const char *database;  /* [borrow] */
    int8_t kind;           /* MUV_COMMAND_*; 0: OTHER. */
    int8_t unacknowledged; /* MUV_YES: moreToCome is set and no reply comes. */
    int8_t retryable;   /* WRITE, MUV_YES: it may get a transaction number and be repeated with it:
                         * insert, findAndModify, update and delete whose statements touch one
                         * document each. READ: repeated unless MUV_NO. */
    int8_t several;     /* MUV_YES: it has several statements, or touches several documents; refines
                         * `in_doubt`. */
    int64_t timeout_ms; /* One deadline for everything. */
    int64_t max_time_ms; /* maxTimeMS, which a timeout replaces: do not write it into the command.
                          * MUV_ZERO: never one (getMore). */
    muv_op_t *parent;    /* [borrow] */
    muv_session_t *session; /* [borrow] Default: the parent's, else an implicit one. */
    const muv_read_preference_t *read_preference; /* [borrow] */
    int8_t with_concern; /* MUV_YES: the command takes a read concern (READ) or a write concern
                          * (WRITE), unset members being the client's, and what its session adds to
                          * a read concern. */
    const muv_read_concern_t *read_concern;   /* [borrow] */
    const muv_write_concern_t *write_concern; /* [borrow] With w 0 there is no reply. */
    int8_t detached;    /* MUV_YES: clean-up (killCursors) that may also be started while the client
                         * drains. Without a parent. */
    uint32_t server_id; /* Stay with the server that muv_op_server_id() gave (getMore, killCursors):
                         * no read preference is sent then, and when it has left the topology the
                         * callback gets MUV_ESELECTION. 0: select one. */
    muv_pin_t *pin;     /* [borrow] Stay with its connection; NULL: any of the pool. */
    muv_command_sequence_t sequence;
} muv_command_t;

/* Inside a callback: which server answered, for `.server_id` of commands that must follow it there.
 * 0 when none was chosen. */
MUV_API uint32_t muv_op_server_id(const muv_op_t *op);

/* Inside the callback of a command whose reply has opened a cursor: the connection that its getMore
 * and killCursors must go over, for `.pin`. Only behind a load balancer, where another connection
 * may lead to another server; elsewhere, and when there is none, NULL. The pool does without it
 * until muv_pin_release(), which closing the client waits for. */
MUV_API muv_pin_t *muv_op_take_pin(muv_op_t *op);
MUV_API void muv_pin_release(muv_pin_t *pin); /* NULL is allowed. */

/* Start a command.
 *
 * command  [borrow] Not NULL, with a database.
 * render   Not NULL; called inside.
 * ret_op   [borrow] For muv_op_cancel(), valid until `cb` returns. May be NULL.
 *
 * Returns 0, MUV_EINVAL, MUV_ECLOSED, MUV_ENOMEM or MUV_EFORK; then `cb` is never called. */
MUV_API MUV_CHECK int muv_command_start(muv_client_t *client, const muv_command_t *command,
                                        muv_render_cb render, void *render_data, muv_reply_cb cb,
                                        void *data, muv_op_t **ret_op);

/* For layers above: note why a start call of theirs returns `code`, for muv_client_refusal().
 *
 * message  [borrow] Copied, cut at MUV_ERROR_MESSAGE_SIZE.
 *
 * Returns `code`. */
MUV_API int muv_client_refuse(muv_client_t *client, int code, const char *message);

typedef struct muv_run_command_opts {
    int64_t timeout_ms;
    muv_op_t *parent;                             /* [borrow] */
    muv_session_t *session;                       /* [borrow] */
    const muv_read_preference_t *read_preference; /* [borrow] Default primary (Run Command spec). */
} muv_run_command_opts_t;

/* Run any command as given; no concern is inherited, and only an overloaded server's refusal is
 * followed by another attempt (Run Command specification). A session adds its identifier, but no
 * afterClusterTime. A timeout adds maxTimeMS, unless the command has one.
 *
 * database  [borrow] Name.
 * command   [borrow] Encoded before return. Not empty.
 *
 * Returns as muv_command_start(). */
MUV_API MUV_CHECK int muv_run_command(muv_client_t *client, const char *database,
                                      const bson_t *command, const muv_run_command_opts_t *opts,
                                      muv_reply_cb cb, void *data, muv_op_t **ret_op);

MUV_END_DECLS

#endif
