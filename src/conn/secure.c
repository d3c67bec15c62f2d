/* SPDX-License-Identifier: Apache-2.0 */
/* Cipher bytes in, messages out; requests in, cipher bytes out. */
#include "conn/secure.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "conn/conn.h"
#include "conn/conn_inner.h"
#include "conn/secure_ocsp.h"
#include "tls/tls_stream.h"

/* Memory kept for the next request. */
#define KEPT_BYTES (4 * 1024)

/* Where it is with its handshake. What costs time waits for a turn of its own: READY and ASKING
 * are the only stages in which nothing does. */
typedef enum stage {
    BEGUN,   /* There is no engine yet. */
    SHAKING, /* Bytes of the server are read, and used up in a turn. */
    ASKING,  /* The handshake is finished; a responder has been asked (secure_ocsp.h). */
    SETTLED, /* It has answered, or not. */
    READY
} stage_t;

struct muv__secure {
    muv__tls_t *tls; /* NULL: BEGUN. */
    muv__conn_t *conn;
    muv__list_t link; /* In the context's line. */
    stage_t stage;
    muv__buf_t flying; /* Being written by the stream; nothing may touch it. */
    uint8_t in_flight;
    muv__span_t unsent[MUV__MESSAGE_MAX_PARTS]; /* Of the request, not yet encrypted. */
    muv__deadline_t next_turn;                  /* To go on with them. */
    muv__ocsp_wait_t wait;                      /* For what a responder says of the certificate. */
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
    muv__list_init(&context->line);
    muv__list_init(&context->flights);
    *ret = context;
    return 0;
}

void muv__secure_context_free(muv__secure_context_t *context)
{
    if (context != NULL) {
        MUV__ASSERT(muv__list_empty(&context->line) && muv__list_empty(&context->flights));
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

    if (conn->state == MUV__CONN_CLOSED || secure->stage != READY) {
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

/* --- the handshake -----------------------------------------------------------------------------*/

/* A step follows in a turn of its own. Until then nothing is read. */
static void stand_in_line(muv__secure_t *secure)
{
    muv__conn_t *conn = secure->conn;

    muv__stream_read_stop(conn->stream);
    muv__list_push_back(&conn->context->secure->line, &secure->link);
    muv__net_post(conn->context->net);
}

/* Returns 1, or 0 when the connection has failed. */
static int go_on_reading(muv__conn_t *conn)
{
    int status = muv__stream_read_start(conn->stream);

    if (status != 0) {
        muv__conn_fail_system(conn, status, "reading from");
    }
    return status == 0;
}

/* The first step has nothing to judge: only memory can be missing. */
static void greet(muv__secure_t *secure)
{
    muv__conn_t *conn = secure->conn;
    muv__conn_context_t *context = conn->context;
    muv_error_t error;
    int status =
        muv__tls_new(context->secure->tls, conn->host, muv__net_wall_s(context->net), &secure->tls);

    secure->stage = SHAKING;
    if (status != 0 || muv__tls_handshake(secure->tls, &error) < 0) {
        muv__conn_fail_system(conn, MUV_ENOMEM, "connecting to");
        return;
    }
    status = push(secure);
    if (status != 0) {
        muv__conn_fail_system(conn, status, "connecting to");
        return;
    }
    (void)go_on_reading(conn);
}

/* The server is to be trusted. */
static void become_ready(muv__secure_t *secure)
{
    muv__conn_t *conn = secure->conn;

    secure->stage = READY;
    if (go_on_reading(conn)) {
        muv__conn_secured(conn); /* Hello takes the last flight along. */
        muv__secure_go_on(conn);
    }
}

static void shake_hands(muv__secure_t *secure)
{
    muv__conn_t *conn = secure->conn;
    muv_error_t error;
    int status = muv__tls_handshake(secure->tls, &error);

    if (status < 0) {
        fail(conn, &error);
    } else if (status == 0) {
        push_on(secure);
        if (conn->state != MUV__CONN_CLOSED) {
            (void)go_on_reading(conn);
        }
    } else if (muv__ocsp_wait_begin(&secure->wait, conn, secure->tls)) {
        secure->stage = ASKING;
        push_on(secure); /* The server need not wait for its end of the handshake. */
    } else {
        become_ready(secure);
    }
}

static void on_settled(muv__ocsp_wait_t *wait, muv__ocsp_status_t verdict)
{
    muv__secure_t *secure = MUV__CONTAINER_OF(wait, muv__secure_t, wait);
    muv_error_t error;

    if (muv__tls_settle(secure->tls, verdict, &error) != 0) {
        fail(secure->conn, &error);
        return;
    }
    secure->stage = SETTLED;
    stand_in_line(secure);
}

void muv__secure_work(muv__conn_context_t *context)
{
    muv__list_t *link =
        context->secure == NULL ? NULL : muv__list_pop_front(&context->secure->line);
    muv__secure_t *secure;

    if (link == NULL) {
        return;
    }
    secure = MUV__CONTAINER_OF(link, muv__secure_t, link);
    switch (secure->stage) {
    case BEGUN: greet(secure); break;
    case SHAKING: shake_hands(secure); break;
    case SETTLED: become_ready(secure); break;
    case ASKING:
    case READY:
    default: MUV__ASSERT(0); break;
    }
    if (!muv__list_empty(&context->secure->line)) {
        muv__net_post(context->net);
    }
}

void muv__secure_read(muv__conn_t *conn, size_t size)
{
    muv__secure_t *secure = conn->secure;

    muv__tls_feed(secure->tls, muv__span(conn->context->secure->space, size));
    if (secure->stage == READY) {
        muv__secure_go_on(conn);
    } else if (muv__tls_keep(secure->tls) != 0) {
        muv__conn_fail_system(conn, MUV_ENOMEM, "reading from");
    } else {
        stand_in_line(secure);
    }
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
    muv__secure_t *secure = muv__mem_zalloc(sizeof(*secure));

    if (secure == NULL) {
        return MUV_ENOMEM;
    }
    secure->conn = conn;
    secure->next_turn.on_due = on_next_turn;
    muv__list_init(&secure->link);
    muv__ocsp_wait_init(&secure->wait, on_settled);
    muv__buf_init(&secure->flying, MUV__TLS_MAX_OUT_BYTES);
    conn->secure = secure;
    stand_in_line(secure);
    return 0;
}

void muv__secure_close(muv__conn_t *conn)
{
    muv__secure_t *secure = conn->secure;

    muv__deadline_cancel(conn->context->deadlines, &secure->next_turn);
    muv__ocsp_wait_end(&secure->wait);
    muv__list_remove(&secure->link);
    secure->unsent[0].size = 0;
    secure->unsent[1].size = 0;
    if (conn->stream != NULL && secure->tls != NULL && !secure->in_flight) {
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
