/* SPDX-License-Identifier: Apache-2.0 */
/* Work of connections that is too much for one turn of the loop: a request is being compressed, a
 * reply is being decompressed and checked. Connections with such work stand in a line; each turn
 * does one step for the first of them, and between two turns the sockets are polled. */
#include "conn/conn_inner.h"

#include "base/assert.h"
#include "uri/options.h"

_Static_assert((int)MUV__COMPRESSOR_SNAPPY == (int)MUV__COMPRESS_SNAPPY &&
                   (int)MUV__COMPRESSOR_ZLIB == (int)MUV__COMPRESS_ZLIB &&
                   (int)MUV__COMPRESSOR_ZSTD == (int)MUV__COMPRESS_ZSTD,
               "options and messages use the same numbers");

/* Where a command's name is: behind header, flags, kind byte, length and type. */
#define COMMAND_NAME_AT (MUV__MSG_SECTIONS_AT + 1 + 4 + 1)

/* --- the line ----------------------------------------------------------------------------------*/

void muv__conn_work_later(muv__conn_t *conn)
{
    muv__conn_context_t *context = conn->context;

    MUV__ASSERT(!conn->busy);
    conn->busy = 1;
    conn->busy_next = NULL;
    if (context->busy_first == NULL) {
        context->busy_first = conn;
    } else {
        MUV__ASSERT(context->busy_last != NULL);
        context->busy_last->busy_next = conn;
    }
    context->busy_last = conn;
    muv__net_post(context->net);
}

static void leave_line(muv__conn_t *conn)
{
    muv__conn_context_t *context = conn->context;
    muv__conn_t *before = NULL;
    muv__conn_t *at = context->busy_first;

    while (at != conn) {
        before = at;
        at = at->busy_next;
    }
    if (before == NULL) {
        context->busy_first = conn->busy_next;
    } else {
        before->busy_next = conn->busy_next;
    }
    if (context->busy_last == conn) {
        context->busy_last = before;
    }
    conn->busy = 0;
}

/* --- requests ----------------------------------------------------------------------------------*/

/* Nothing is compressed any more. Gives the count of `packed` to the caller. */
static muv__outgoing_t *end_packing(muv__conn_t *conn)
{
    muv__outgoing_t *packed = conn->packed;

    muv__compressor_give(&conn->context->compressor, conn->packing);
    conn->packing = NULL;
    conn->packed = NULL;
    return packed;
}

/* Write what has come out, or the plain message when nothing useful has. */
static int finish_packing(muv__conn_t *conn, int done)
{
    muv__message_t message = *muv__compressor_message(conn->packing);
    muv__outgoing_t *plain = conn->held;
    muv__outgoing_t *packed = end_packing(conn);
    muv__outgoing_t *outgoing = plain;
    int status;

    if (done && packed->command.buf.size <= conn->limits.max_message_size) {
        outgoing = packed;
        message.parts[0] = muv__span(packed->command.buf.data, packed->command.buf.size);
        message.count = 1;
    }
    conn->held = NULL;
    conn->writing = 0;
    status = muv__conn_write(conn, outgoing, &message);
    if (conn->writing && outgoing == packed) {
        /* What it was made from is in the budget already, and is now let go. */
        (void)muv__outgoing_account(packed, message.parts[0].size);
    }
    muv__outgoing_release(packed);
    muv__outgoing_release(plain);
    return status;
}

/* Returns as muv__conn_write(). */
static int step_packing(muv__conn_t *conn)
{
    int status = muv__compressor_step(conn->packing);

    if (status == MUV__COMPRESS_MORE) {
        muv__conn_work_later(conn);
        return 0;
    }
    return finish_packing(conn, status == MUV__COMPRESS_DONE);
}

int muv__conn_write_packed(muv__conn_t *conn, muv__outgoing_t *outgoing,
                           const muv__message_t *message)
{
    muv__conn_context_t *context = conn->context;
    muv__outgoing_t *packed;

    if (!muv__compress_allowed((const char *)message->parts[0].data + COMMAND_NAME_AT)) {
        return muv__conn_write(conn, outgoing, message);
    }
    packed = muv__outgoing_take(context->outgoing);
    if (packed == NULL) {
        return muv__conn_write(conn, outgoing, message);
    }
    conn->packing = muv__compressor_take(&context->compressor);
    if (conn->packing == NULL) {
        muv__outgoing_release(packed);
        return muv__conn_write(conn, outgoing, message);
    }
    conn->packed = packed;
    conn->writing = 1;
    conn->held = muv__outgoing_retain(outgoing);
    muv__compressor_begin(conn->packing, conn->limits.compressor, context->zlib_level, message,
                          &packed->command.buf);
    return step_packing(conn);
}

/* --- a turn ------------------------------------------------------------------------------------*/

void muv__conn_stop_work(muv__conn_t *conn)
{
    if (conn->busy) {
        leave_line(conn);
    }
    if (conn->packing != NULL) {
        muv__outgoing_release(end_packing(conn));
    }
}

static void go_on_packing(muv__conn_t *conn)
{
    int status = step_packing(conn);

    if (status < 0) {
        muv__conn_fail_system(conn, status, "writing to");
    } else if (!conn->writing) {
        muv__conn_all_written(conn);
    }
}

void muv__conns_work(muv__conn_context_t *context)
{
    muv__conn_t *conn;

    muv__secure_work(context);
    conn = context->busy_first;
    if (conn == NULL) {
        return;
    }
    leave_line(conn);
    if (conn->packing != NULL) {
        go_on_packing(conn);
    } else {
        muv__conn_resume(conn);
    }
    if (context->busy_first != NULL) {
        muv__net_post(context->net);
    }
}
