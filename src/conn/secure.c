/* SPDX-License-Identifier: Apache-2.0 */
/* Cipher bytes in, messages out; requests in, cipher bytes out. */
#include "conn/secure.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "conn/conn.h"
#include "conn/conn_inner.h"
#include "tls/tls_stream.h"

/* Memory kept for the next request. */
#define KEPT_BYTES (4 * 1024)

struct muv__secure {
    muv__tls_t *tls;
    muv__conn_t *conn;
    muv__buf_t flying; /* Being written by the stream; nothing may touch it. */
    uint8_t in_flight;
    uint8_t ready;                              /* The handshake is finished. */
    muv__span_t unsent[MUV__MESSAGE_MAX_PARTS]; /* Of the request, not yet encrypted. */
    muv__deadline_t next_turn;                  /* To go on with them. */
};

int muv__secure_context_new(const muv__tls_options_t *options, muv_error_t *reterr,
                            muv__secure_context_t **ret)
{
    muv__secure_context_t *context = muv__mem_alloc(sizeof(*context));
    int status;

    if (context == NULL) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    status = muv__tls_context_new(options, reterr, &context->tls);
    if (status != 0) {
        muv__mem_free(context);
        return status;
    }
    *ret = context;
    return 0;
}

void muv__secure_context_free(muv__secure_context_t *context)
{
    if (context != NULL) {
        muv__tls_context_free(context->tls);
        muv__mem_free(context);
    }
}

/* --- out ---------------------------------------------------------------------------------------*/

static size_t unsent_size(const muv__secure_t *secure)
{
    size_t size = 0;

    for (unsigned i = 0; i < MUV__MESSAGE_MAX_PARTS; i++) {
        size += secure->unsent[i].size;
    }
    return size;
}

/* Hand what the engine has made to the stream. Returns 0 or a negative system code. */
static int flush(muv__secure_t *secure)
{
    muv__buf_t *out = muv__tls_out(secure->tls);
    muv__span_t part = {out->data, out->size};
    muv__buf_t swapped;
    int64_t written;

    if (out->size == 0 || secure->in_flight) {
        return 0;
    }
    written = muv__stream_write(secure->conn->stream, &part, 1);
    if (written < 0) {
        return (int)written;
    }
    if ((size_t)written == out->size) {
        muv__buf_reset(out, unsent_size(secure) != 0 ? SIZE_MAX : KEPT_BYTES);
        return 0;
    }
    secure->in_flight = 1;
    swapped = secure->flying;
    secure->flying = *out;
    *out = swapped;
    return 0;
}

/* Encrypt one piece of what is unsent. Returns its size, or MUV_ENOMEM: an engine that is broken
 * has closed its connection. */
static int64_t encrypt_piece(muv__secure_t *secure)
{
    size_t left = MUV__SECURE_PIECE_BYTES;

    for (unsigned i = 0; i < MUV__MESSAGE_MAX_PARTS && left != 0; i++) {
        muv__span_t *part = &secure->unsent[i];
        muv__span_t piece = {part->data, part->size < left ? part->size : left};

        if (piece.size == 0) {
            continue;
        }
        if (muv__tls_write(secure->tls, piece, NULL) != (int64_t)piece.size) {
            return MUV_ENOMEM;
        }
        *part = muv__span(part->data + piece.size, part->size - piece.size);
        left -= piece.size;
    }
    return (int64_t)(MUV__SECURE_PIECE_BYTES - left);
}

/* Write while the socket takes it and the turn lasts. Returns 0 or a negative system code. */
static int push(muv__secure_t *secure)
{
    muv__conn_context_t *context = secure->conn->context;
    size_t turn = 0;

    for (;;) {
        int64_t count;
        int status = flush(secure);

        if (status != 0 || secure->in_flight || unsent_size(secure) == 0) {
            return status;
        }
        if (turn >= MUV__SECURE_TURN_BYTES) {
            /* Later than now: what is due already would run in this very turn. */
            muv__deadline_set(context->deadlines, &secure->next_turn, context->now_us + 1);
            muv__net_arm(context->net, context->now_us + 1);
            return 0;
        }
        count = encrypt_piece(secure);
        if (count < 0) {
            return (int)count;
        }
        turn += (size_t)count;
    }
}

/* More of the request may leave; perhaps all of it has. */
static void push_on(muv__secure_t *secure)
{
    muv__conn_t *conn = secure->conn;
    int status = push(secure);

    if (status != 0) {
        muv__conn_fail_system(conn, status, "writing to");
    } else if (conn->writing && !secure->in_flight && unsent_size(secure) == 0) {
        muv__conn_written(conn);
    }
}

static void on_next_turn(muv__deadline_t *deadline, int64_t now_us)
{
    (void)now_us;
    push_on(MUV__CONTAINER_OF(deadline, muv__secure_t, next_turn));
}

int64_t muv__secure_write(muv__conn_t *conn, const muv__span_t *parts, uint32_t count)
{
    muv__secure_t *secure = conn->secure;
    int64_t total = 0;
    int status;

    MUV__ASSERT(count <= MUV__MESSAGE_MAX_PARTS && unsent_size(secure) == 0);
    for (uint32_t i = 0; i < count; i++) {
        secure->unsent[i] = parts[i];
        total += (int64_t)parts[i].size;
    }
    status = push(secure);
    if (status != 0) {
        return status;
    }
    return secure->in_flight || unsent_size(secure) != 0 ? 0 : total;
}

void muv__secure_written(muv__conn_t *conn)
{
    muv__secure_t *secure = conn->secure;

    secure->in_flight = 0;
    muv__buf_reset(&secure->flying, unsent_size(secure) != 0 ? SIZE_MAX : 0);
    push_on(secure);
}

/* --- in ----------------------------------------------------------------------------------------*/

/* The engine cannot go on; its alert tells the server why, if the socket takes it at once. */
static void fail(muv__conn_t *conn, muv_error_t *error)
{
    if (conn->state != MUV__CONN_ESTABLISHING && error->code == MUV_ETLS) {
        /* A connection that was good has broken: what it means is what any break means. */
        error->code = MUV_ENETWORK;
        error->domain = muv__error_domain(MUV_ENETWORK);
    }
    (void)flush(conn->secure);
    muv__conn_fail(conn, error);
}

/* Returns 1 when the handshake is finished. */
static int shake_hands(muv__conn_t *conn)
{
    muv__secure_t *secure = conn->secure;
    muv_error_t error;
    int status = muv__tls_handshake(secure->tls, &error);

    if (status < 0) {
        fail(conn, &error);
        return 0;
    }
    status = status == 1 ? 1 : 0;
    secure->ready = (uint8_t)status;
    if (status == 1) {
        muv__conn_secured(conn); /* Hello takes the last flight along. */
    } else {
        push_on(secure);
    }
    return status;
}

/* Decrypt what was fed and take the messages in it. */
static void take_plain(muv__conn_t *conn)
{
    muv__tls_t *tls = conn->secure->tls;
    muv_error_t error;
    size_t size = 0;
    int64_t count;

    do {
        uint8_t *space;

        if (conn->state == MUV__CONN_CLOSED || conn->paused) {
            return;
        }
        space = muv__reader_space(&conn->reader, &size);
        count = space == NULL ? muv__error_code(&error, MUV_ENOMEM)
                              : muv__tls_read(tls, space, size, &error);
        if (count < 0) {
            fail(conn, &error);
            return;
        }
        muv__reader_commit(&conn->reader, (size_t)count);
        if (conn->state == MUV__CONN_DRAINING) {
            conn->dropped_bytes += (size_t)count;
        }
        if (count != 0) {
            muv__conn_take_messages(conn);
        }
    } while ((size_t)count == size || muv__tls_failed(tls));
}

void muv__secure_go_on(muv__conn_t *conn)
{
    muv__secure_t *secure = conn->secure;

    if (conn->state == MUV__CONN_CLOSED || (!secure->ready && !shake_hands(conn))) {
        return;
    }
    take_plain(conn);
    if (conn->state == MUV__CONN_CLOSED) {
        return;
    }
    if (muv__tls_keep(secure->tls) != 0) {
        muv__conn_fail_system(conn, MUV_ENOMEM, "reading from");
        return;
    }
    /* New keys are confirmed, a renegotiation is declined. A request may wait behind that. */
    if (muv__tls_out(secure->tls)->size != 0) {
        push_on(secure);
    }
}

void muv__secure_read(muv__conn_t *conn, size_t size)
{
    muv__tls_feed(conn->secure->tls, muv__span(conn->context->secure->space, size));
    muv__secure_go_on(conn);
}

void muv__secure_ended(muv__conn_t *conn, int status)
{
    muv_error_t ended;
    muv_error_t error;

    (void)muv__tls_ended(conn->secure->tls, &ended);
    (void)muv__error_set(&error, muv__net_is_timeout(status) ? MUV_ENETTIMEOUT : MUV_ENETWORK,
                         "%s (%s)", ended.message, muv__net_error_text(status));
    error.system_code = status;
    muv__conn_fail(conn, &error);
}

/* --- begin and end -----------------------------------------------------------------------------*/

int muv__secure_begin(muv__conn_t *conn)
{
    muv__conn_context_t *context = conn->context;
    muv__secure_t *secure = muv__mem_zalloc(sizeof(*secure));
    muv_error_t error;
    int status;

    if (secure == NULL) {
        return MUV_ENOMEM;
    }
    status =
        muv__tls_new(context->secure->tls, conn->host, muv__net_wall_s(context->net), &secure->tls);
    if (status != 0) {
        muv__mem_free(secure);
        return status;
    }
    secure->conn = conn;
    secure->next_turn.on_due = on_next_turn;
    muv__buf_init(&secure->flying, MUV__TLS_MAX_OUT_BYTES);
    conn->secure = secure;
    /* The first step has nothing to judge: only memory can be missing. */
    status = muv__tls_handshake(secure->tls, &error);
    return status < 0 ? MUV_ENOMEM : push(secure);
}

void muv__secure_close(muv__conn_t *conn)
{
    muv__secure_t *secure = conn->secure;

    muv__deadline_cancel(conn->context->deadlines, &secure->next_turn);
    secure->unsent[0].size = 0;
    secure->unsent[1].size = 0;
    if (conn->stream != NULL && !secure->in_flight) {
        muv__tls_shutdown(secure->tls);
        (void)flush(secure);
    }
}

void muv__secure_done(muv__conn_t *conn)
{
    if (conn->secure != NULL) {
        muv__tls_free(conn->secure->tls);
        muv__buf_done(&conn->secure->flying);
        muv__mem_free(conn->secure);
        conn->secure = NULL;
    }
}
