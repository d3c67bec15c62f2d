/* SPDX-License-Identifier: Apache-2.0 */
/* getMore: asking the cursor's server for the next batch, and taking the answer. */
#include "client/cursor.h"

#include "base/assert.h"
#include "base/error.h"
#include "client/client_inner.h"
#include "client/read.h"

/* --- replies -----------------------------------------------------------------------------------*/

int muv__cursor_read_reply(muv_cursor_t *cursor, muv_op_t *op, const char *key, muv_error_t *reterr)
{
    muv__span_t reply = op->cursor;
    muv__bson_iter_t iter;
    int64_t id;

    MUV__ASSERT(muv__batch_left(&cursor->next) == 0);
    if (reply.size == 0) {
        return muv__error_set(reterr, MUV_EPROTOCOL, "the reply has no cursor");
    }
    if (!muv__bson_find(reply.data, reply.size, "id", &iter) || iter.type == MUV__BSON_BOOL ||
        !muv__bson_iter_as_int64(&iter, &id)) {
        return muv__error_set(reterr, MUV_EPROTOCOL, "the reply's cursor has no id");
    }
    if (!muv__bson_find(reply.data, reply.size, key, &iter) ||
        !muv__batch_init(&cursor->next, &iter, op->reply.chunk)) {
        return muv__error_set(reterr, MUV_EPROTOCOL, "the reply's cursor has no %s", key);
    }
    if (muv__batch_left(&cursor->next) == 0) {
        muv__batch_done(&cursor->next);
    }
    muv__cursor_set_id(cursor, id);
    return 0;
}

/* Take an answer. Returns 0, or a code when the getMore did not get as far as the server: the
 * cursor is as it was. */
static int absorb(muv_cursor_t *cursor, muv_op_t *op)
{
    cursor->get_more = NULL;
    op->extra = NULL;
    if (op->error.code == 0 && muv__cursor_read_reply(cursor, op, "nextBatch", &op->error) == 0) {
        cursor->was_empty = muv__batch_left(&cursor->next) == 0;
        return 0;
    }
    if (!op->machine.sent && !op->server->removed && !muv__cursor_has_lost_pin(cursor)) {
        return op->error.code;
    }
    muv__cursor_fail(cursor, &op->error);
    return 0;
}

static void deliver_more(muv_op_t *op)
{
    muv_cursor_t *cursor = op->extra;

    if (cursor == NULL) {
        return;
    }
    if (absorb(cursor, op) != 0 && cursor->consumer != NULL && !muv__cursor_has_documents(cursor)) {
        muv__consumer_end(cursor, &op->error);
        return;
    }
    muv__consumer_wake(cursor);
}

/* --- asking ------------------------------------------------------------------------------------*/

/* Read concern and preference belong to the first command alone (find/getMore/killCursors spec). */
static void write_get_more(muv__buf_t *buf, const muv_cursor_t *cursor)
{
    const char *collection = cursor->name + cursor->database_length + 1;

    muv__bson_int64(buf, MUV__KEY("getMore"), cursor->id);
    muv__bson_utf8(buf, MUV__KEY("collection"), collection,
                   cursor->name_length - cursor->database_length - 1);
    if (cursor->batch_size > 0) {
        muv__bson_int32(buf, MUV__KEY("batchSize"), cursor->batch_size);
    }
    muv__write_comment(buf, cursor->comment);
}

static int send_get_more(muv_cursor_t *cursor)
{
    muv_op_t *op;
    int status;

    /* Neither read nor write: it is never retried, the server may have moved on. */
    status = muv__inner_command_new(cursor->client, MUV_COMMAND_OTHER, deliver_more, &op);
    if (status != 0) {
        return status;
    }
    op->extra = cursor;
    muv__op_take_server(op, cursor->server);
    muv__cursor_share_pin(cursor, op);
    muv__session_take_over(op, &cursor->hold);
    muv__get_more_take_timeout(cursor, op);
    write_get_more(muv__op_buf(op), cursor);
    cursor->get_more = op;
    status = muv__command_launch(op, cursor->name, cursor->database_length, 0, NULL);
    if (status != 0) {
        cursor->get_more = NULL;
    }
    return status;
}

int muv__cursor_fetch(muv_cursor_t *cursor, int64_t low_water_bytes)
{
    muv_error_t error;

    if (cursor->id == 0 || cursor->error.code != 0 || cursor->get_more != NULL ||
        muv__batch_left(&cursor->next) != 0 ||
        (int64_t)muv__batch_left(&cursor->current) > low_water_bytes) {
        return 0;
    }
    if (MUV__UNLIKELY(cursor->server->removed)) {
        (void)muv__error_set(&error, MUV_ESELECTION,
                             "the server that has the cursor has left the topology");
        muv__cursor_fail(cursor, &error);
        return 0;
    }
    return muv__cursor_is_over_time(cursor) ? MUV_ETIMEOUT : send_get_more(cursor);
}

void muv__cursor_stop_fetch(muv_cursor_t *cursor, int code)
{
    muv_op_t *op = cursor->get_more;

    if (op == NULL) {
        return;
    }
    if (op->phase != MUV__OP_LIVE) {
        (void)absorb(cursor, op);
        return;
    }
    cursor->get_more = NULL;
    op->extra = NULL;
    muv__op_stop(op, code);
    /* Whether the server had moved on by then will never be known. */
    if (op->machine.sent) {
        muv__cursor_fail(cursor, &op->error);
    }
}
