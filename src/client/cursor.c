/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a cursor: opened by a reply, handed out, killed on its server, closed. */
#include "client/cursor.h"

#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/server_code.h"
#include "client/client_inner.h"
#include "client/pin.h"

/* The server's namespaces have 255 bytes; others may allow more. */
#define NAME_ROOM 512

/* --- making ------------------------------------------------------------------------------------*/

static void dispose_unopened(muv_op_t *op)
{
    if (op->extra != NULL) {
        muv__cursor_release(op->extra);
    }
}

static void copy_config(muv_cursor_t *cursor, const muv__cursor_config_t *config)
{
    cursor->name = (char *)(cursor + 1);
    if (config->comment != NULL) {
        uint8_t *comment = (uint8_t *)cursor->name + NAME_ROOM;

        memcpy(comment, bson_get_data(config->comment), config->comment->len);
        cursor->comment = muv__span(comment, config->comment->len);
    }
    cursor->batch_size = config->batch_size;
    cursor->max_await_time_ms = config->max_await_time_ms;
    cursor->tailable = config->tailable;
    cursor->awaits = config->await_data;
}

int muv__cursor_attach(muv_op_t *op, const muv__cursor_config_t *config)
{
    size_t comment_size = config->comment == NULL ? 0 : config->comment->len;
    muv_cursor_t *cursor = muv__mem_zalloc(sizeof(*cursor) + NAME_ROOM + comment_size);
    int status;

    if (cursor == NULL) {
        return muv__command_abort(op, MUV_ENOMEM, muv_error_text(MUV_ENOMEM));
    }
    cursor->client = op->client;
    cursor->refs = 1;
    muv__list_init(&cursor->link);
    muv__list_init(&cursor->ready_link);
    copy_config(cursor, config);
    op->extra = cursor;
    op->deliver = muv__cursor_deliver;
    op->dispose = dispose_unopened;
    op->pins_cursor = op->client->context.load_balanced;
    status = muv__cursor_take_timeout(cursor, op, config);
    if (status != 0) {
        muv__op_discard(op);
    }
    return status;
}

/* "database.collection" as the server calls it; getMore and killCursors repeat it. */
static int take_namespace(muv_cursor_t *cursor, const muv__bson_iter_t *iter)
{
    const char *dot;
    size_t length;

    if (iter->type != MUV__BSON_UTF8) {
        return 0;
    }
    length = muv__bson_iter_text_length(iter);
    dot = memchr(muv__bson_iter_text(iter), '.', length);
    if (length > NAME_ROOM || dot == NULL) {
        return 0;
    }
    memcpy(cursor->name, muv__bson_iter_text(iter), length);
    cursor->database_length = (size_t)(dot - muv__bson_iter_text(iter));
    cursor->name_length = length;
    return cursor->database_length != 0 && cursor->database_length + 1 < length;
}

static int open_cursor(muv_cursor_t *cursor, muv_op_t *op)
{
    muv__bson_iter_t iter;

    if (op->cursor.size == 0 || !muv__bson_find(op->cursor.data, op->cursor.size, "ns", &iter) ||
        !take_namespace(cursor, &iter)) {
        return muv__error_set(&op->error, MUV_EPROTOCOL,
                              "the reply has no cursor with a namespace");
    }
    cursor->server = op->server;
    if (muv__cursor_read_reply(cursor, op, "firstBatch", &op->error) != 0) {
        return op->error.code;
    }
    if (cursor->id != 0) {
        cursor->hold = muv__session_hand_over(op);
    }
    return 0;
}

void muv__cursor_deliver(muv_op_t *op)
{
    muv_cursor_t *cursor = op->extra;

    if (op->error.code != 0 || open_cursor(cursor, op) != 0) {
        op->cb.cursor(op, &op->error, NULL, op->data);
        return;
    }
    op->extra = NULL;
    cursor->pin = op->pin; /* With its count. */
    op->pin = NULL;
    muv__list_push_back(&op->client->cursors, &cursor->link);
    (void)muv__cursor_retain(cursor);
    op->cb.cursor(op, NULL, cursor, op->data);
    if (cursor->consumer == NULL) {
        muv__batch_trim(&cursor->next);
    }
    muv__cursor_release(cursor);
}

/* --- the server's side -------------------------------------------------------------------------*/

int muv__cursor_has_lost_pin(const muv_cursor_t *cursor)
{
    return cursor->pin != NULL && muv__pin_is_broken(cursor->pin);
}

void muv__cursor_share_pin(muv_cursor_t *cursor, muv_op_t *op)
{
    if (MUV__UNLIKELY(cursor->pin != NULL)) {
        muv__pin_share(op, cursor->pin);
    }
}

static void unpin(muv_cursor_t *cursor)
{
    muv__pooled_conn_t *pin = cursor->pin;

    cursor->pin = NULL;
    if (MUV__UNLIKELY(pin != NULL)) {
        muv__pin_release(pin);
    }
}

void muv__cursor_set_id(muv_cursor_t *cursor, int64_t id)
{
    muv_client_t *client = cursor->client;

    MUV__ASSERT(client != NULL);
    /* (Load balancers: one that has broken is checked in when the cursor is closed.) */
    if (id == 0 && !muv__cursor_has_lost_pin(cursor)) {
        unpin(cursor);
    }
    if (id != 0 && cursor->id == 0) {
        (void)muv__server_retain(cursor->server);
        client->open_cursors++;
    } else if (id == 0 && cursor->id != 0) {
        muv__server_release(cursor->server);
        client->open_cursors--;
    }
    cursor->id = id;
    if (id == 0) {
        cursor->server = NULL;
        muv__session_hold_end(client, &cursor->hold);
    }
    muv__client_update_alive(client);
}

static void ignore_outcome(muv_op_t *op)
{
    (void)op; /* A cursor that cannot be killed ends by the server's own timeout. */
}

static void write_kill(muv__buf_t *buf, const muv_cursor_t *cursor)
{
    const char *collection = cursor->name + cursor->database_length + 1;
    muv__bson_mark_t mark;

    muv__bson_utf8(buf, MUV__KEY("killCursors"), collection,
                   cursor->name_length - cursor->database_length - 1);
    mark = muv__bson_begin_array(buf, MUV__KEY("cursors"));
    muv__bson_int64(buf, MUV__KEY("0"), cursor->id);
    muv__bson_end(buf, mark);
}

void muv__cursor_kill(muv_cursor_t *cursor)
{
    muv_client_t *client = cursor->client;
    muv_op_t *op;

    if (cursor->id == 0) {
        return;
    }
    /* Out of memory, aborting or forked: the server's own timeout must do. */
    if (!cursor->server->removed && !muv__cursor_has_lost_pin(cursor) &&
        muv__inner_command_new(client, MUV_COMMAND_OTHER, ignore_outcome, &op) == 0) {
        muv__op_take_server(op, cursor->server);
        muv__cursor_share_pin(cursor, op);
        muv__session_take_over(op, &cursor->hold);
        write_kill(muv__op_buf(op), cursor);
        (void)muv__command_launch(op, cursor->name, cursor->database_length,
                                  muv__kill_take_timeout(cursor, op), NULL);
    }
    muv__cursor_set_id(cursor, 0);
}

/* Does the server still have the cursor after this error of a getMore? */
static int survives_on_server(const muv_error_t *error)
{
    if (error->code == MUV_ENETWORK || error->code == MUV_ENETTIMEOUT) {
        return 0;
    }
    return error->code != MUV_ESERVER || (error->server_code != MUV__CODE_CURSOR_NOT_FOUND &&
                                          error->server_code != MUV__CODE_MAX_TIME_MS_EXPIRED &&
                                          error->server_code != MUV__CODE_QUERY_PLAN_KILLED &&
                                          error->server_code != MUV__CODE_CURSOR_KILLED);
}

void muv__cursor_fail(muv_cursor_t *cursor, const muv_error_t *error)
{
    muv__error_assign(&cursor->error, error);
    cursor->error.reply = NULL;
    cursor->error.reply_size = 0;
    cursor->error.in_doubt = 0;
    if (!survives_on_server(error)) {
        muv__cursor_set_id(cursor, 0);
    } else if (cursor->pin == NULL) {
        muv__cursor_kill(cursor);
    }
}

/* --- ending ------------------------------------------------------------------------------------*/

void muv__cursor_release(muv_cursor_t *cursor)
{
    MUV__ASSERT(cursor->refs > 0);
    if (--cursor->refs == 0) {
        muv__batch_done(&cursor->current);
        muv__batch_done(&cursor->next);
        muv_documents_release(cursor->documents);
        muv__mem_free(cursor);
    }
}

static void leave_client(muv_cursor_t *cursor)
{
    muv__cursor_set_id(cursor, 0);
    unpin(cursor);
    muv__list_remove(&cursor->link);
    muv__list_remove(&cursor->ready_link);
    cursor->client = NULL;
}

void muv__cursors_end(muv_client_t *client)
{
    muv__list_t *link;

    while ((link = muv__list_first(&client->cursors)) != NULL) {
        muv_cursor_t *cursor = MUV__CONTAINER_OF(link, muv_cursor_t, link);

        MUV__ASSERT(cursor->consumer == NULL && cursor->get_more == NULL);
        muv__cursor_kill(cursor);
        leave_client(cursor);
    }
}

void muv_cursor_close(muv_cursor_t *cursor)
{
    muv_error_t error;

    if (cursor == NULL) {
        return;
    }
    cursor->closed = 1;
    if (cursor->client != NULL) {
        if (muv__client_enter(cursor->client) == 0) {
            muv__cursor_stop_fetch(cursor, MUV_ECANCELED);
            (void)muv__error_set(&error, MUV_ECANCELED, "the cursor was closed");
            muv__consumer_end(cursor, &error);
            muv__cursor_kill(cursor);
        }
        leave_client(cursor);
    }
    muv__cursor_release(cursor);
}

void muv_cursor_close_within(muv_cursor_t *cursor, int64_t timeout_ms)
{
    if (cursor != NULL && timeout_ms > 0) {
        cursor->timeout_ms = timeout_ms;
    }
    muv_cursor_close(cursor);
}

int muv_cursor_is_alive(const muv_cursor_t *cursor)
{
    return cursor != NULL &&
           ((cursor->id != 0 && cursor->error.code == 0) || muv__cursor_has_documents(cursor));
}

int64_t muv_cursor_id(const muv_cursor_t *cursor)
{
    return cursor == NULL ? 0 : cursor->id;
}
