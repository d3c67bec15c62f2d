/* SPDX-License-Identifier: Apache-2.0 */
/* One request at a time: sending, replies matched by responseTo, draining of late ones. */
#include "conn/conn.h"

#include "base/assert.h"
#include "conn/conn_inner.h"

int32_t muv__conn_next_request_id(muv__conn_context_t *context)
{
    /* Wraps without overflow; 0 is skipped, so that no reply matches a fresh connection. */
    context->next_request_id = (int32_t)((uint32_t)context->next_request_id % INT32_MAX + 1);
    return context->next_request_id;
}

int muv__conn_write(muv__conn_t *conn, muv__outgoing_t *outgoing, const muv__message_t *message)
{
    size_t total = message->parts[0].size;
    int64_t written;

    for (uint32_t i = 1; i < message->count; i++) {
        total += message->parts[i].size;
    }
    written = MUV__LIKELY(conn->secure == NULL)
                  ? muv__stream_write(conn->stream, message->parts, message->count)
                  : muv__secure_write(conn, message->parts, message->count);
    if (written < 0) {
        return (int)written;
    }
    if ((size_t)written < total) {
        conn->writing = 1;
        conn->held = muv__outgoing_retain(outgoing);
    }
    return 0;
}

int muv__conn_send(muv__conn_t *conn, muv__outgoing_t *outgoing, const muv__message_t *message,
                   int32_t request_id, uint32_t flags)
{
    int expects_reply = (flags & MUV__MSG_MORE_TO_COME) == 0;
    int status;

    MUV__ASSERT(conn->state == MUV__CONN_IDLE || conn->state == MUV__CONN_ESTABLISHING ||
                conn->state == MUV__CONN_LOGGING_IN);
    MUV__ASSERT(!conn->writing);
    status = MUV__LIKELY(conn->limits.compressor == 0)
                 ? muv__conn_write(conn, outgoing, message)
                 : muv__conn_write_packed(conn, outgoing, message);
    if (status < 0) {
        return status;
    }
    conn->request_id = request_id;
    conn->sent = outgoing;
    conn->exhaust = (flags & MUV__MSG_EXHAUST_ALLOWED) != 0;
    if (MUV__UNLIKELY(conn->exhaust)) {
        conn->reply_id = request_id;
    }
    if (conn->state != MUV__CONN_IDLE) {
        return 0;
    }
    if (expects_reply) {
        conn->state = MUV__CONN_WAITING;
        return 0;
    }
    conn->state = conn->writing ? MUV__CONN_WRITING : MUV__CONN_IDLE;
    return conn->writing ? 0 : 1;
}

/* --- draining ----------------------------------------------------------------------------------*/

static void on_drain_silence(muv__deadline_t *deadline, int64_t now_us)
{
    muv__conn_t *conn = MUV__CONTAINER_OF(deadline, muv__conn_t, deadline);
    muv_error_t error;

    (void)now_us;
    (void)muv__error_set(&error, MUV_ENETTIMEOUT, "the reply to an abandoned request did not come");
    muv__conn_fail(conn, &error);
}

static void arm_drain(muv__conn_t *conn)
{
    conn->deadline.on_due = on_drain_silence;
    muv__deadline_set(conn->context->deadlines, &conn->deadline,
                      conn->context->now_us + MUV__CONN_DRAIN_SILENCE_US);
}

int muv__conn_abandon(muv__conn_t *conn)
{
    if (conn->state == MUV__CONN_LOGGING_IN) {
        return 0;
    }
    MUV__ASSERT(conn->state == MUV__CONN_WAITING || conn->state == MUV__CONN_WRITING);
    if ((conn->writing && conn->held->borrowed) || conn->exhaust) {
        return 0;
    }
    if (conn->state == MUV__CONN_WAITING) {
        conn->state = MUV__CONN_DRAINING;
        conn->dropped_bytes = muv__reader_partial_size(&conn->reader);
    }
    arm_drain(conn);
    return 1;
}

/* Bytes came while draining. */
static void go_on_draining(muv__conn_t *conn)
{
    muv_error_t error;

    if (conn->dropped_bytes <= MUV__CONN_DRAIN_MAX_BYTES) {
        arm_drain(conn);
        return;
    }
    (void)muv__error_set(&error, MUV_ENETWORK, "the reply to an abandoned request is too large");
    muv__conn_fail(conn, &error);
}

static void drained(muv__conn_t *conn)
{
    muv__deadline_cancel(conn->context->deadlines, &conn->deadline);
    conn->state = MUV__CONN_IDLE;
    conn->ops->on_idle(conn);
}

/* --- replies -----------------------------------------------------------------------------------*/

static void take_handshake(muv__conn_t *conn, const muv__msg_t *msg)
{
    muv_error_t error;

    if (conn->establish.state == MUV__ESTABLISH_LOGGING_IN) {
        muv__login_on_reply(conn, msg->body);
    } else if (conn->establish.state != MUV__ESTABLISH_GREETING) {
        muv__conn_fail_wire(conn, MUV__WIRE_UNEXPECTED);
    } else if (!muv__conn_read_hello(conn, msg->body, &error)) {
        muv__conn_fail(conn, &error);
    } else {
        muv__conn_greeted(conn, msg->body);
    }
}

/* Each of several replies answers the one before (OP_MSG: responseTo of exhaust replies is the
 * requestID of the reply before); some servers have all of them answer the request. */
static int answers_us(const muv__conn_t *conn, const muv__msg_t *msg)
{
    return msg->header.response_to == conn->request_id ||
           (conn->exhaust && msg->header.response_to == conn->reply_id);
}

/* Another one follows unasked. Only a request that said exhaustAllowed may be answered so. */
static void take_one_of_many(muv__conn_t *conn, const muv__msg_t *msg, muv__chunk_t *chunk)
{
    if (!conn->exhaust || conn->state != MUV__CONN_WAITING) {
        muv__conn_fail_wire(conn, MUV__WIRE_MORE_TO_COME);
        return;
    }
    conn->reply_id = msg->header.request_id;
    conn->ops->on_reply(conn, msg, chunk);
}

static void take_message(muv__conn_t *conn, const muv__msg_t *msg, muv__chunk_t *chunk)
{
    if (conn->state == MUV__CONN_IDLE || conn->state == MUV__CONN_WRITING) {
        muv__conn_fail_wire(conn, MUV__WIRE_UNEXPECTED);
        return;
    }
    if (MUV__UNLIKELY(!answers_us(conn, msg))) {
        muv__conn_fail_wire(conn, MUV__WIRE_RESPONSE_TO);
        return;
    }
    if (MUV__UNLIKELY((msg->flags & MUV__MSG_MORE_TO_COME) != 0)) {
        take_one_of_many(conn, msg, chunk);
        return;
    }
    if (MUV__UNLIKELY(conn->state == MUV__CONN_ESTABLISHING)) {
        take_handshake(conn, msg);
    } else if (conn->state == MUV__CONN_DRAINING) {
        drained(conn);
    } else if (MUV__UNLIKELY(conn->state == MUV__CONN_LOGGING_IN)) {
        muv__login_on_reply(conn, msg->body);
    } else {
        conn->state = MUV__CONN_IDLE;
        conn->ops->on_reply(conn, msg, chunk);
    }
}

static void pause_reading(muv__conn_t *conn, uint8_t why)
{
    conn->paused = why;
    conn->context->blocked_count += why == MUV__CONN_PAUSED_MEMORY;
    muv__stream_read_stop(conn->stream);
}

void muv__conn_take_messages(muv__conn_t *conn)
{
    muv__msg_t msg;
    muv__chunk_t *chunk;

    while (conn->state != MUV__CONN_CLOSED) {
        int result;

        if (MUV__UNLIKELY(conn->writing)) {
            /* The reply may be here before libuv says that the last bytes have left. It waits: a
             * connection must not be IDLE while it writes. */
            pause_reading(conn, MUV__CONN_PAUSED_WRITING);
            return;
        }
        result = muv__reader_next(&conn->reader, &msg, &chunk);
        if (result == MUV__READER_MESSAGE) {
            take_message(conn, &msg, chunk);
            continue;
        }
        if (result == MUV__READER_BAD) {
            muv__conn_fail_wire(conn, conn->reader.error);
        } else if (conn->state == MUV__CONN_IDLE && muv__reader_partial_size(&conn->reader) != 0) {
            /* Nobody asked, and the rest may never come: no memory is held for it. */
            muv__conn_fail_wire(conn, MUV__WIRE_UNEXPECTED);
        } else if (result == MUV__READER_BLOCKED) {
            pause_reading(conn, MUV__CONN_PAUSED_MEMORY);
        } else if (result == MUV__READER_AGAIN) {
            pause_reading(conn, MUV__CONN_PAUSED_WORKING);
            muv__conn_work_later(conn);
        } else if (conn->state == MUV__CONN_DRAINING) {
            go_on_draining(conn);
        }
        return;
    }
}

static void resume_reading(muv__conn_t *conn)
{
    int status;

    conn->context->blocked_count -= conn->paused == MUV__CONN_PAUSED_MEMORY;
    conn->paused = 0;
    muv__conn_take_messages(conn);
    if (conn->secure != NULL) {
        muv__secure_go_on(conn);
    }
    if (conn->state == MUV__CONN_CLOSED || conn->paused) {
        return;
    }
    status = muv__stream_read_start(conn->stream);
    if (status != 0) {
        muv__conn_fail_system(conn, status, "reading from");
    }
}

void muv__conn_unblock(muv__conn_t *conn)
{
    if (conn->paused == MUV__CONN_PAUSED_MEMORY && conn->state != MUV__CONN_CLOSED) {
        resume_reading(conn);
    }
}

void muv__conn_resume(muv__conn_t *conn)
{
    MUV__ASSERT(conn->paused == MUV__CONN_PAUSED_WORKING);
    resume_reading(conn);
}

void muv__conn_all_written(muv__conn_t *conn)
{
    if (conn->state == MUV__CONN_WRITING) {
        drained(conn);
    }
    if (conn->paused == MUV__CONN_PAUSED_WRITING && conn->state != MUV__CONN_CLOSED) {
        resume_reading(conn);
    }
}

void muv__conn_written(muv__conn_t *conn)
{
    muv__outgoing_t *held = conn->held;

    if (conn->packing != NULL) {
        return; /* What has left belongs to TLS; the request has not even begun. */
    }
    conn->writing = 0;
    conn->held = NULL;
    muv__outgoing_release(held);
    muv__conn_all_written(conn);
}
