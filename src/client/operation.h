/* SPDX-License-Identifier: Apache-2.0 */
/* An operation: what the caller knows as muv_op_t. It is a command (a machine, a send buffer, a
 * place in queues) or a composite (children). It comes from its client's free list, and nothing on
 * its way to completion allocates.
 *
 *   start ---> live ---> ended (queued for completion) ---> called back ---> free list
 */
#ifndef MUV__OPERATION_H
#define MUV__OPERATION_H

#include "muv/aggregate.h"
#include "muv/collection.h"
#include "muv/command.h"
#include "muv/cursor.h"
#include "muv/database.h"
#include "muv/op.h"
#include "muv/write.h"

#include "base/chunk.h"
#include "base/deadline.h"
#include "base/list.h"
#include "base/span.h"
#include "conn/outgoing.h"
#include "op/concerns.h"
#include "op/machine.h"
#include "op/reply.h"
#include "op/retry.h"
#include "pool/pool.h"
#include "session/server_session.h"

struct muv__pooled_conn;
struct muv__server;
struct muv__tried;
struct muv__watch;

/* Hand the outcome to the caller: op->error when code is not 0, else the reply. */
typedef void (*muv__deliver_t)(muv_op_t *op);

/* Called for each attempt when the connection is known (`op->conn`) and the body is written but for
 * its end: look at the connection's limits, choose what of the documents is sent (`op->sequence`).
 * Returns 0, or a code with `op->error` filled: then nothing is sent. */
typedef int (*muv__prepare_t)(muv_op_t *op);

/* A callback of any shape; `deliver` knows which member is set. */
typedef union muv__any_cb {
    muv_reply_cb reply;
    muv_done_cb done;
    muv_document_cb document;
    muv_cursor_cb cursor;
    muv_documents_cb documents;
    muv_count_cb count;
    muv_names_cb names;
    muv_write_cb write;
} muv__any_cb_t;

/* A reply in its callback: a view, until it is retained. */
struct muv_reply {
    muv__span_t body;
    muv__chunk_t *chunk; /* Counted in a retained reply that shares it. */
};

enum {
    MUV__OP_LIVE = 1,
    MUV__OP_COMPLETED, /* In the completion queue. */
    MUV__OP_DELIVERING /* Its callback runs. */
};

/* What `maxTimeMS` becomes. */
typedef enum muv__max_time_rule {
    MUV__MAX_TIME_REST,  /* The time left under timeoutMS, else `max_time_ms`. */
    MUV__MAX_TIME_NEVER, /* None: getMore of ordinary cursors; the command has its own. */
    MUV__MAX_TIME_AWAIT  /* The smaller one of both: getMore of cursors that wait. */
} muv__max_time_rule_t;

/* In the order of use: what every command touches on its way stands first and together, because
 * operations that wait by the thousand are out of the cache when their turn comes. */
struct muv_op {
    muv__list_t link; /* The client's live list, or its completion queue. */
    muv__pool_waiter_t waiter;
    muv_client_t *client;
    muv_op_t *parent;
    struct muv__server *server; /* Chosen by selection, or set before START to stay with one. Held
                                 * until the callback has returned. */
    struct muv__pooled_conn *conn; /* While AWAITING. */
    struct muv__pooled_conn *pin;  /* The only one that will do; counted. See client/pin.h. */
    muv__outgoing_t *outgoing;
    muv__concerns_t *concerns; /* Counted; NULL in composites. */
    muv__op_machine_t machine;
    uint8_t phase; /* MUV__OP_LIVE, ... */
    uint8_t composite;
    uint8_t finished;      /* Composite: muv_op_finish() was called. */
    uint8_t ended_outside; /* Composite: cancelled, timed out or closed. */
    uint8_t finish_when_stopped;
    uint8_t absorbed; /* The error does not go up. */
    uint8_t kind;     /* MUV_COMMAND_*. */
    uint8_t unacknowledged;
    uint8_t has_sequence;
    uint8_t output;          /* An aggregate that ends in $out or $merge. */
    uint8_t preference;      /* muv__tail_preference_t: what the server wants to see. */
    uint8_t tail;            /* MUV__TAIL_*: what of the concerns is sent. */
    uint8_t retry;           /* muv__retry_kind_t. */
    uint8_t several;         /* A write of more than one statement or document. */
    uint8_t stays;           /* `server` was given before START: no other one will do. */
    uint8_t has_timeout;     /* timeoutMS is in force (CSOT). */
    uint8_t own_deadline;    /* Who made it has set deadline, due_us and has_timeout. */
    uint8_t max_time_rule;   /* muv__max_time_rule_t. */
    uint8_t session_concern; /* MUV__SESSION_CONCERN_*. */
    uint8_t doubt;           /* A write of an attempt may have been applied. */
    uint8_t concern_failed;  /* `error` is the write concern's of a reply that is a success. */
    uint8_t socket_wait;     /* `wait_deadline` is that of socketTimeoutMS. */
    uint8_t pins_cursor;     /* Its reply may open a cursor, that pins the connection. */
    uint8_t told_waiting;    /* The log has said that it waits for a server. */
    uint8_t logged_in_again; /* Its connection had to, for this command. */
    muv__server_session_t *server_session; /* Taken with the first connection. */
    muv_session_t *session;                /* Explicit, counted; NULL: implicit. */
    int64_t txn_number;                    /* 0: none. */
    int64_t due_us;      /* The nearest deadline of the operation and its parents; INT64_MAX. */
    int64_t max_time_ms; /* max_time_ms of the options; 0: none. */
    muv__retry_count_t tries;
    int64_t backoff_us;       /* Before the next attempt. */
    struct muv__tried *tried; /* What earlier attempts left; NULL: this is the first. */
    struct muv__watch *watch; /* The command that was sent, when somebody hears of it; else NULL. */
    uint64_t id;              /* Unique in the client; for events. */
    muv__prepare_t prepare;   /* May be NULL. */
    muv__deliver_t deliver;
    muv__deliver_t dispose; /* Ends `extra` after the callback, or when a start fails; or NULL. */
    muv__any_cb_t cb;
    void *data;
    void *extra;            /* What the operation's kind keeps besides. */
    struct muv_reply reply; /* `reply.chunk` is counted until the callback has returned. */
    muv__span_t cursor;     /* The reply's cursor document. */
    muv_op_t *next_free;
    muv__deadline_t deadline; /* The operation's own. */
    muv_error_t error;        /* Only its head is touched on success. */

    muv__deadline_t wait_deadline; /* Of the wait in progress: selection, queue, back-off, or
                                    * socketTimeoutMS. */
    muv__list_t wait_link; /* The client's list of operations that wait for a server, or for their
                            * next turn. */
    muv__list_t sibling;   /* In the parent's list of children. */
    muv__list_t children;
    uint32_t live_children;
    const void *context_key; /* Whose ... */
    void *context;           /* ... pointer this is: a layer's above. */
    muv__sequence_t sequence;
    muv__deliver_t resume;  /* Composite: what muv__op_resume_later() asked for. */
    muv__deliver_t on_stop; /* Instead of the machine, when it is to end for `op->error`: operations
                             * that send no command themselves. May be NULL. */
};

/* Take an operation for `client`, live, under `parent` (or NULL). It has no deadline yet. Returns
 * 0, MUV_ECLOSED, MUV_ENOMEM, MUV_EFORK or MUV_EINVAL and notes the refusal. */
int muv__op_new(muv_client_t *client, muv_op_t *parent, muv__deliver_t deliver, muv_op_t **ret);

/* The same for work of the client's own (getMore, killCursors), which goes on while it drains. */
int muv__op_new_inner(muv_client_t *client, muv__deliver_t deliver, muv_op_t **ret);

/* Undo muv__op_new() when the start call fails after all. */
void muv__op_discard(muv_op_t *op);

/* Start the deadline: `timeout_ms` from now, as options say it (0: the parent's, or the client's
 * default). Parents keep their own. */
void muv__op_set_timeout(muv_op_t *op, int64_t timeout_ms);

/* Call `op->resume` in the next turn of the loop: work in pieces yields in between. */
void muv__op_resume_later(muv_op_t *op);

/* The operations whose turn has come. */
void muv__ops_resume(muv_client_t *client);

/* Put an ended operation into the completion queue; its callback comes from the loop. */
void muv__op_complete(muv_op_t *op);

/* End with `code` because of something outside (cancel, deadline, close), with its children. */
void muv__op_stop(muv_op_t *op, int code);

/* Choose `server` for the operation; before START it skips selection. */
void muv__op_take_server(muv_op_t *op, struct muv__server *server);

/* The reverse: another one is to be selected. */
void muv__op_leave_server(muv_op_t *op);

/* Write the chosen server into `op->error`. */
void muv__op_name_host(muv_op_t *op);

/* Make the callbacks that are due; at most `*left`, which counts down. */
void muv__completions_drain(muv_client_t *client, unsigned *left);

void muv__op_free_all(muv_client_t *client);

#endif
