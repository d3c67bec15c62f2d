/* SPDX-License-Identifier: Apache-2.0 */
/* Consumers: who takes documents from a cursor, one at a time. A consumer is an operation without a
 * command. Documents are given out at the end of net events, in portions, never inside a call. */
#include "client/cursor.h"

#include "base/assert.h"
#include "base/error.h"
#include "client/client_inner.h"
#include "client/read.h"

/* What all cursors together give out before the sockets are polled again (design: promise 1). */
#define PORTION_DOCUMENTS 256
#define PORTION_BYTES ((size_t)256 * 1024)

/* No batch is larger by the server's rules: always one ahead. */
#define DEFAULT_LOW_WATER_BYTES (16 * 1024 * 1024)

/* --- documents ---------------------------------------------------------------------------------*/

muv__batch_t *muv__cursor_batch(muv_cursor_t *cursor)
{
    static const muv__batch_t empty = {.chunk = NULL};

    if (muv__batch_left(&cursor->current) == 0) {
        muv__batch_done(&cursor->current);
        cursor->current = cursor->next;
        cursor->next = empty;
    }
    return muv__batch_left(&cursor->current) == 0 ? NULL : &cursor->current;
}

int muv__cursor_take(muv_cursor_t *cursor, muv__span_t *ret)
{
    muv__batch_t *batch = muv__cursor_batch(cursor);
    muv_error_t error;

    if (batch == NULL) {
        return 0;
    }
    if (MUV__LIKELY(muv__bson_iter_next(&batch->iter) && batch->iter.type == MUV__BSON_DOCUMENT)) {
        *ret = muv__span(batch->iter.value, batch->iter.value_size);
        return 1;
    }
    muv__batch_done(&cursor->current);
    muv__batch_done(&cursor->next);
    (void)muv__error_set(&error, MUV_EPROTOCOL, "a batch holds something that is no document");
    muv__cursor_stop_fetch(cursor, MUV_ECANCELED);
    muv__batch_done(&cursor->next);
    muv__cursor_fail(cursor, &error);
    return MUV_EPROTOCOL;
}

/* --- the operation -----------------------------------------------------------------------------*/

static void dispose_consumer(muv_op_t *op)
{
    muv__cursor_release(op->extra);
}

/* Ended from outside; `op->error` says by what. */
static void stop_consumer(muv_op_t *op)
{
    muv_cursor_t *cursor = op->extra;

    muv__cursor_stop_fetch(cursor, op->error.code);
    /* What was gathered goes with it: a consumer after it would see a gap. */
    if (cursor->kind == MUV__CONSUMER_COLLECT && muv_documents_count(cursor->documents) != 0) {
        muv__cursor_fail(cursor, &op->error);
        muv__batch_done(&cursor->current);
        muv__batch_done(&cursor->next);
    }
    muv__op_complete(op);
}

int muv__consumer_begin(muv_cursor_t *cursor, muv__consumer_t kind,
                        const muv__consumer_opts_t *opts, muv__deliver_t deliver, muv_op_t **ret)
{
    muv_op_t *op;
    int status;

    if (cursor->client == NULL) {
        return MUV_ECLOSED;
    }
    if (cursor->kind != MUV__CONSUMER_NONE) {
        (void)muv__client_refuse(cursor->client, MUV_EINVAL, "cursor: it has a consumer already");
        return MUV_EINVAL;
    }
    status = muv__check_timeout(cursor->client, opts->timeout_ms);
    if (status == 0) {
        status = muv__op_new(cursor->client, opts->parent, deliver, &op);
    }
    if (status != 0) {
        return status;
    }
    op->kind = MUV_COMMAND_READ;
    op->on_stop = stop_consumer;
    op->dispose = dispose_consumer;
    op->extra = muv__cursor_retain(cursor);
    cursor->consumer = op;
    cursor->kind = (uint8_t)kind;
    cursor->paused = 0;
    cursor->one_try = 0;
    cursor->was_empty = 0;
    muv__consumer_take_timeout(cursor, opts->timeout_ms);
    *ret = op;
    return 0;
}

void muv__consumer_go(muv_cursor_t *cursor, muv_op_t **ret_op)
{
    if (cursor->get_more != NULL && cursor->get_more->phase == MUV__OP_LIVE) {
        /* What the consumer before left on its way now has this one's deadline. */
        muv__get_more_set_deadline(cursor, INT64_MAX);
    }
    if (ret_op != NULL) {
        *ret_op = cursor->consumer;
    }
    muv__consumer_wake(cursor);
    muv__client_wake(cursor->client);
}

void muv__consumer_end(muv_cursor_t *cursor, const muv_error_t *error)
{
    muv_op_t *op = cursor->consumer;

    if (op == NULL || op->phase != MUV__OP_LIVE) {
        return;
    }
    if (error != NULL) {
        muv__error_assign(&op->error, error);
        op->error.in_doubt = 0;
    }
    muv__op_complete(op);
}

muv_cursor_t *muv__consumer_leave(muv_op_t *op)
{
    muv_cursor_t *cursor = op->extra;

    cursor->consumer = NULL;
    cursor->kind = MUV__CONSUMER_NONE;
    cursor->paused = 0;
    if (cursor->closed) {
        if (op->error.code == 0) {
            (void)muv__error_set(&op->error, MUV_ECANCELED, "the cursor was closed");
        }
        return NULL;
    }
    if (cursor->get_more != NULL && cursor->get_more->phase == MUV__OP_LIVE) {
        muv__get_more_set_deadline(cursor, op->due_us);
    }
    return cursor;
}

/* --- what next ---------------------------------------------------------------------------------*/

void muv__cursor_schedule(muv_cursor_t *cursor)
{
    if (!muv__list_linked(&cursor->ready_link)) {
        muv__list_push_back(&cursor->client->ready_cursors, &cursor->ready_link);
        muv__client_wake(cursor->client);
    }
}

void muv__consumer_starve(muv_cursor_t *cursor)
{
    int stops_at_end = cursor->one_try || (cursor->tailable && !cursor->awaits);
    muv_error_t error;
    int status = 0;

    muv__consumer_wait_begins(cursor);
    if (cursor->get_more != NULL) {
        return;
    }
    if (cursor->id != 0 && !(cursor->was_empty && stops_at_end)) {
        status = muv__cursor_fetch(cursor, 0);
        if (cursor->get_more != NULL) {
            return;
        }
    }
    if (status != 0) {
        (void)muv__error_code(&error, status);
        muv__consumer_end(cursor, &error);
        return;
    }
    muv__consumer_end(cursor, cursor->error.code != 0 ? &cursor->error : NULL);
}

void muv__consumer_wake(muv_cursor_t *cursor)
{
    muv_op_t *op = cursor->consumer;

    if (op == NULL || op->phase != MUV__OP_LIVE || cursor->paused) {
        return;
    }
    if (!muv__cursor_has_documents(cursor)) {
        muv__consumer_starve(cursor);
        return;
    }
    muv__consumer_wait_ends(cursor);
    if (cursor->kind == MUV__CONSUMER_NEXT) {
        /* The document is taken when the callback is made. */
        muv__op_complete(op);
    } else {
        muv__cursor_schedule(cursor);
    }
}

/* --- each --------------------------------------------------------------------------------------*/

static void deliver_end(muv_op_t *op)
{
    muv_cursor_t *cursor = muv__consumer_leave(op);

    if (op->cb.done != NULL) {
        op->cb.done(op, op->error.code != 0 ? &op->error : NULL, op->data);
    }
    if (cursor != NULL && cursor->consumer == NULL) {
        muv__batch_trim(&cursor->current);
    }
}

static void pause_consumer(muv_cursor_t *cursor)
{
    if (!cursor->resumed) {
        cursor->paused = 1;
        muv__batch_trim(&cursor->current);
        muv__batch_trim(&cursor->next);
    }
}

static void push_documents(muv_cursor_t *cursor, muv__portion_t *portion)
{
    muv_op_t *op = cursor->consumer;

    while (op->phase == MUV__OP_LIVE && !cursor->paused) {
        muv__span_t document;
        bson_t view;
        int answer;

        if (muv__portion_is_used_up(portion)) {
            muv__cursor_schedule(cursor);
            return;
        }
        if (muv__cursor_take(cursor, &document) != 1) {
            muv__consumer_starve(cursor);
            return;
        }
        muv__portion_take(portion, document.size);
        /* Without memory it is tried again with the next document. */
        (void)muv__cursor_fetch(cursor, cursor->low_water_bytes);
        cursor->resumed = 0;
        (void)bson_init_static(&view, document.data, document.size);
        answer = cursor->on_document(op, &view, op->data);
        if (op->phase != MUV__OP_LIVE) {
            return;
        }
        if (answer == MUV_STOP) {
            muv__consumer_end(cursor, NULL);
        } else if (answer == MUV_PAUSE) {
            pause_consumer(cursor);
        }
    }
}

int muv_cursor_each(muv_cursor_t *cursor, const muv_cursor_each_opts_t *opts,
                    muv_on_document_cb on_document, muv_done_cb on_end, void *data,
                    muv_op_t **ret_op)
{
    static const muv_cursor_each_opts_t defaults = {0};
    muv__consumer_opts_t common;
    muv_op_t *op;
    int status;

    if (cursor == NULL || on_document == NULL) {
        return MUV_EINVAL;
    }
    opts = opts == NULL ? &defaults : opts;
    common = (muv__consumer_opts_t){opts->timeout_ms, opts->parent};
    status = muv__consumer_begin(cursor, MUV__CONSUMER_EACH, &common, deliver_end, &op);
    if (status != 0) {
        return status;
    }
    op->cb.done = on_end;
    op->data = data;
    cursor->on_document = on_document;
    cursor->low_water_bytes = opts->low_water_bytes == 0  ? DEFAULT_LOW_WATER_BYTES
                              : opts->low_water_bytes < 0 ? 0
                                                          : opts->low_water_bytes;
    muv__consumer_go(cursor, ret_op);
    return 0;
}

void muv_cursor_resume(muv_cursor_t *cursor)
{
    if (cursor == NULL || cursor->client == NULL || muv__client_enter(cursor->client) != 0) {
        return;
    }
    cursor->resumed = 1;
    if (cursor->paused) {
        cursor->paused = 0;
        muv__consumer_wake(cursor);
    }
}

/* --- next --------------------------------------------------------------------------------------*/

static void deliver_next(muv_op_t *op)
{
    muv_cursor_t *cursor = muv__consumer_leave(op);
    muv__span_t document;
    bson_t view;
    int found = 0;

    if (cursor != NULL && op->error.code == 0) {
        found = muv__cursor_take(cursor, &document);
        if (found < 0) {
            muv__error_assign(&op->error, &cursor->error);
        }
    }
    if (found == 1) {
        (void)bson_init_static(&view, document.data, document.size);
        op->cb.document(op, NULL, &view, op->data);
    } else {
        op->cb.document(op, op->error.code != 0 ? &op->error : NULL, NULL, op->data);
    }
    if (cursor != NULL && cursor->consumer == NULL) {
        muv__batch_trim(&cursor->current);
    }
}

int muv_cursor_next(muv_cursor_t *cursor, const muv_cursor_next_opts_t *opts, muv_document_cb cb,
                    void *data, muv_op_t **ret_op)
{
    static const muv_cursor_next_opts_t defaults = {0};
    muv__consumer_opts_t common;
    muv_op_t *op;
    int status;

    if (cursor == NULL || cb == NULL) {
        return MUV_EINVAL;
    }
    opts = opts == NULL ? &defaults : opts;
    common = (muv__consumer_opts_t){opts->timeout_ms, opts->parent};
    status = muv__consumer_begin(cursor, MUV__CONSUMER_NEXT, &common, deliver_next, &op);
    if (status != 0) {
        return status;
    }
    op->cb.document = cb;
    op->data = data;
    cursor->one_try = opts->single_try == MUV_YES;
    muv__consumer_go(cursor, ret_op);
    return 0;
}

/* --- turns -------------------------------------------------------------------------------------*/

void muv__cursors_run(muv_client_t *client)
{
    muv__portion_t portion = {.documents = PORTION_DOCUMENTS, .bytes = PORTION_BYTES};
    muv__list_t *link;

    while (!muv__portion_is_used_up(&portion) &&
           (link = muv__list_pop_front(&client->ready_cursors)) != NULL) {
        muv_cursor_t *cursor = MUV__CONTAINER_OF(link, muv_cursor_t, ready_link);

        (void)muv__cursor_retain(cursor);
        if (cursor->kind == MUV__CONSUMER_EACH) {
            push_documents(cursor, &portion);
        } else if (cursor->kind == MUV__CONSUMER_COLLECT) {
            muv__cursor_gather(cursor, &portion);
        }
        muv__cursor_release(cursor);
    }
}
