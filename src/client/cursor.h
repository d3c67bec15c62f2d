/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors inside.
 *   cursor.c          life: from a reply to close, what the server is told, the client's end
 *   cursor_batch.c    batches: the memory documents lie in
 *   cursor_fetch.c    getMore
 *   cursor_timeout.c  what a timeout bounds
 *   cursor_consumer.c who wants documents: each and next
 *   cursor_collect.c  collect
 *
 * A cursor has the batch that is being given out and at most one behind it. Its getMore belongs to
 * the cursor, not to a consumer: it goes on when a consumer has ended by itself (STOP), and is
 * stopped, and the cursor with it, when the consumer was ended from outside.
 *
 *   reply --> next --> current --> consumer          a batch moves on only when the callback that
 *                                                    looks into the one before has returned
 *
 * References: the handle, a consumer's operation until its callback has returned, and whoever calls
 * user code. */
#ifndef MUV__CURSOR_H
#define MUV__CURSOR_H

#include "muv/cursor.h"

#include "base/bson_view.h"
#include "base/chunk.h"
#include "client/operation.h"
#include "client/server.h"
#include "client/session.h"

/* --- cursor_batch.c ----------------------------------------------------------------------------*/

/* Documents copied out of a chunk that they would have pinned. */
typedef struct muv__batch_copy {
    uint32_t refs;
    uint8_t bytes[];
} muv__batch_copy_t;

/* The rest of an array of documents, and a count of the memory it lies in. All zero: empty. */
typedef struct muv__batch {
    muv__bson_iter_t iter; /* In front of the next document. */
    muv__chunk_t *chunk;   /* Counted; NULL when copied. */
    muv__batch_copy_t *copy;
} muv__batch_t;

static inline size_t muv__batch_left(const muv__batch_t *batch)
{
    return batch->iter.at == batch->iter.end ? 0 : (size_t)(batch->iter.end - batch->iter.at);
}

/* Begin with the array `iter` stands on. Returns 1, or 0 when it is none. */
int muv__batch_init(muv__batch_t *batch, const muv__bson_iter_t *iter, muv__chunk_t *chunk);

/* Give the memory back; the batch is empty. */
void muv__batch_done(muv__batch_t *batch);

/* One more holder of the memory, with no document of its own. */
muv__batch_t muv__batch_retain(const muv__batch_t *batch);

/* A batch that stays for a while: give back what is empty, copy what is small beside its chunk.
 * Documents handed out before move. Without memory nothing changes. */
void muv__batch_trim(muv__batch_t *batch);

/* --- cursor.c ----------------------------------------------------------------------------------*/

/* What a cursor takes from the call that opens it. */
typedef struct muv__cursor_config {
    int32_t batch_size; /* Of getMore; 0: the server's. */
    int64_t max_await_time_ms;
    const bson_t *comment; /* Of getMore; NULL: none. Checked. */
    int64_t timeout_ms;    /* Of options or handle; 0: none. */
    int8_t timeout_mode;   /* MUV_TIMEOUT_*; 0: the kind's. */
    uint8_t tailable;
    uint8_t await_data;
} muv__cursor_config_t;

typedef enum muv__consumer {
    MUV__CONSUMER_NONE,
    MUV__CONSUMER_EACH,
    MUV__CONSUMER_NEXT,
    MUV__CONSUMER_COLLECT
} muv__consumer_t;

struct muv_cursor {
    muv_client_t *client;    /* NULL when the handle was closed, or the client has ended. */
    muv__list_t link;        /* The client's cursors. */
    muv__list_t ready_link;  /* The client's ready cursors. */
    muv__server_t *server;   /* Held while `id` is not 0. */
    muv__pooled_conn_t *pin; /* Behind a load balancer, while `id` is not 0; counted. */
    int64_t id;              /* 0: not, or no longer, open on the server. */
    uint32_t refs;
    uint8_t closed;         /* The handle is gone. */
    uint8_t tailable;       /* An empty batch is not the end. */
    uint8_t awaits;         /* ... and the server has waited before it sent one. */
    uint8_t kind;           /* muv__consumer_t. */
    uint8_t paused;         /* EACH. */
    uint8_t resumed;        /* EACH: since on_document was called. */
    uint8_t one_try;        /* NEXT. */
    uint8_t was_empty;      /* The last getMore for this consumer brought nothing. */
    uint8_t iterates;       /* MUV_TIMEOUT_ITERATION. */
    uint8_t has_timeout;    /* It was opened under timeoutMS, an infinite one too. */
    uint8_t consumer_timed; /* The consumer was started under one. */
    uint8_t waits_timed;    /* Each of its waits has the cursor's timeout. */
    uint8_t waits;          /* It is in one. */
    muv_op_t *get_more;
    muv_op_t *consumer; /* Until its callback is made. */
    muv__batch_t current;
    muv__batch_t next;
    int64_t consumer_due_us; /* Its own or its parents' deadline; INT64_MAX: none. */
    int64_t low_water_bytes;
    muv_on_document_cb on_document; /* EACH. */
    muv_documents_t *documents;     /* COLLECT; owned. */
    int64_t max_bytes;              /* COLLECT. */
    int64_t max_documents;
    int32_t batch_size;
    int64_t max_await_time_ms;
    int64_t timeout_ms;       /* Of the operation that opened it; 0: none that ends. */
    int64_t due_us;           /* The end of its lifetime; INT64_MAX: none. */
    muv__session_hold_t hold; /* While `id` is not 0. */
    muv__span_t comment;      /* One element with its type and key, behind `name`. */
    muv_error_t error; /* Code not 0: the cursor has failed; said when the batches are empty. */
    size_t database_length;
    size_t name_length;
    char *name; /* "database.collection" as the server calls it; room for the longest. */
};

/* A cursor for the operation `op`, whose deliver and dispose become the cursor's: it is opened by
 * the reply and given to `op->cb.cursor`. On failure the operation is discarded and the refusal
 * noted. */
int muv__cursor_attach(muv_op_t *op, const muv__cursor_config_t *config);

/* What `attach` sets. */
void muv__cursor_deliver(muv_op_t *op);

static inline muv_cursor_t *muv__cursor_retain(muv_cursor_t *cursor)
{
    cursor->refs++;
    return cursor;
}

void muv__cursor_release(muv_cursor_t *cursor);

/* Note the server's number; 0 lets the server go, and the pinned connection. */
void muv__cursor_set_id(muv_cursor_t *cursor, int64_t id);

/* The pinned connection has broken: the server cannot be reached any more. */
int muv__cursor_has_lost_pin(const muv_cursor_t *cursor);

/* `op` is to go over the cursor's pinned connection, if it has one. */
void muv__cursor_share_pin(muv_cursor_t *cursor, muv_op_t *op);

/* Tell the server that nobody wants the cursor any more; nobody waits for the answer. */
void muv__cursor_kill(muv_cursor_t *cursor);

/* End the cursor for good with `error`; documents already here are still given out. With a pinned
 * connection it keeps its `id` until it is closed, and the server hears of it then. */
void muv__cursor_fail(muv_cursor_t *cursor, const muv_error_t *error);

/* The client ends: kill all cursors on their servers (unless it aborts) and let go of the handles.
 */
void muv__cursors_end(muv_client_t *client);

/* --- cursor_fetch.c ----------------------------------------------------------------------------*/

/* Take id, namespace and the batch `key` ("firstBatch", "nextBatch") from a reply into `next`.
 * Returns 0, or MUV_EPROTOCOL with `reterr` filled. */
int muv__cursor_read_reply(muv_cursor_t *cursor, muv_op_t *op, const char *key,
                           muv_error_t *reterr);

/* Ask for the next batch, if there is one, none is on its way, and not more than `low_water_bytes`
 * wait. Returns 0, or the code of a failed start. */
int muv__cursor_fetch(muv_cursor_t *cursor, int64_t low_water_bytes);

/* Take the answer that has arrived, if any; else stop the getMore in flight, and the cursor with it
 * when the server has it. `code` says why. */
void muv__cursor_stop_fetch(muv_cursor_t *cursor, int code);

/* --- cursor_timeout.c --------------------------------------------------------------------------*/

/* What the options say, for the cursor and for the command that opens it. Returns 0 or a refusal.
 */
int muv__cursor_take_timeout(muv_cursor_t *cursor, muv_op_t *op,
                             const muv__cursor_config_t *config);

/* The consumer's deadline; `timeout_ms` of its options, checked. */
void muv__consumer_take_timeout(muv_cursor_t *cursor, int64_t timeout_ms);

/* It has nothing to give out; documents have come. */
void muv__consumer_wait_begins(muv_cursor_t *cursor);
void muv__consumer_wait_ends(muv_cursor_t *cursor);

/* Its lifetime has ended: nothing is fetched any more. */
int muv__cursor_is_over_time(const muv_cursor_t *cursor);

/* For the new getMore `op`; and a getMore that the consumer leaves behind, or takes over: the
 * deadline is `due_us` or the end of the cursor's lifetime. */
void muv__get_more_take_timeout(muv_cursor_t *cursor, muv_op_t *op);
void muv__get_more_set_deadline(muv_cursor_t *cursor, int64_t due_us);

/* How long killCursors may take, in milliseconds. */
int64_t muv__kill_take_timeout(const muv_cursor_t *cursor, muv_op_t *op);

/* --- cursor_consumer.c -------------------------------------------------------------------------*/

/* What the options of all consumers have. */
typedef struct muv__consumer_opts {
    int64_t timeout_ms;
    muv_op_t *parent;
} muv__consumer_opts_t;

/* Start a consumer: `op` is live, with its deadline, its callback not yet set. Returns 0 or a
 * refusal. */
int muv__consumer_begin(muv_cursor_t *cursor, muv__consumer_t kind,
                        const muv__consumer_opts_t *opts, muv__deliver_t deliver, muv_op_t **ret);

/* All is set: give it its first turn. */
void muv__consumer_go(muv_cursor_t *cursor, muv_op_t **ret_op);

/* End the consumer with `error` (NULL: success). */
void muv__consumer_end(muv_cursor_t *cursor, const muv_error_t *error);

/* In its callback: the consumer is gone, another may come. Returns the cursor, or NULL when it was
 * closed (op->error says so). */
muv_cursor_t *muv__consumer_leave(muv_op_t *op);

/* A batch or an error has come, or the consumer was started or resumed: see what to do. */
void muv__consumer_wake(muv_cursor_t *cursor);

static inline int muv__cursor_has_documents(const muv_cursor_t *cursor)
{
    return muv__batch_left(&cursor->current) != 0 || muv__batch_left(&cursor->next) != 0;
}

/* Move on to the next batch when the current one is used up. NULL: no document is here. */
muv__batch_t *muv__cursor_batch(muv_cursor_t *cursor);

/* The next document. 1: `ret` is set; 0: there is none now; negative: the cursor has failed. */
int muv__cursor_take(muv_cursor_t *cursor, muv__span_t *ret);

/* No document is here: end the consumer or ask for more. */
void muv__consumer_starve(muv_cursor_t *cursor);

/* What is left of a turn. */
typedef struct muv__portion {
    uint32_t documents;
    size_t bytes;
} muv__portion_t;

static inline int muv__portion_is_used_up(const muv__portion_t *portion)
{
    return portion->documents == 0 || portion->bytes == 0;
}

static inline void muv__portion_take(muv__portion_t *portion, size_t bytes)
{
    portion->documents--;
    portion->bytes -= bytes < portion->bytes ? bytes : portion->bytes;
}

/* Its consumer goes on in the next turn. */
void muv__cursor_schedule(muv_cursor_t *cursor);

/* Give the ready cursors' consumers a portion of documents. */
void muv__cursors_run(muv_client_t *client);

/* --- cursor_collect.c --------------------------------------------------------------------------*/

/* Add a portion of documents to what COLLECT has. */
void muv__cursor_gather(muv_cursor_t *cursor, muv__portion_t *portion);

#endif
