/* SPDX-License-Identifier: Apache-2.0 */
/* Establishment of a connection, the callbacks of its stream, and its end. */
#include "conn/conn.h"

#include <string.h>

#include "auth/credentials.h"
#include "base/assert.h"
#include "conn/conn_inner.h"
#include "conn/proxy.h"
#include "conn/socks5.h"

static void run_establish(muv__conn_t *conn, muv__establish_event_t event);

static muv__conn_t *conn_of_deadline(muv__deadline_t *deadline)
{
    return MUV__CONTAINER_OF(deadline, muv__conn_t, deadline);
}

/* --- the end -----------------------------------------------------------------------------------*/

static void drop_memory(muv__conn_t *conn)
{
    muv__reader_done(&conn->reader);
    muv__secure_done(conn);
    muv__proxy_done(conn);
    muv__credentials_release(conn->credentials);
    if (conn->held != NULL) {
        muv__outgoing_release(conn->held);
        conn->held = NULL;
    }
}

static void close_stream(muv__conn_t *conn, muv__stream_t **stream)
{
    if (*stream != NULL) {
        muv__stream_close(*stream);
        *stream = NULL;
        conn->closing_streams++;
    }
}

static void close_attempts(muv__conn_t *conn)
{
    for (uint32_t i = 0; i < conn->establish.next_addr; i++) {
        close_stream(conn, &conn->attempts[i]);
    }
}

static void on_stream_closed(void *owner)
{
    muv__conn_t *conn = owner;

    conn->closing_streams--;
    if (conn->state == MUV__CONN_CLOSED && conn->closing_streams == 0) {
        drop_memory(conn);
        conn->ops->on_closed(conn);
    }
}

/* A connection without a stream (its name is still being looked up) has nothing to wait for, but
 * on_closed must not come inside the owner's call: a turn without I/O delivers it. */
static void on_closed_without_stream(muv__deadline_t *deadline, int64_t now_us)
{
    muv__conn_t *conn = conn_of_deadline(deadline);

    (void)now_us;
    drop_memory(conn);
    conn->ops->on_closed(conn);
}

void muv__conn_close(muv__conn_t *conn)
{
    if (conn->state == MUV__CONN_CLOSED) {
        return;
    }
    conn->state = MUV__CONN_CLOSED;
    muv__deadline_cancel(conn->context->deadlines, &conn->deadline);
    if (conn->resolve != NULL) {
        muv__resolve_cancel(conn->resolve);
        conn->resolve = NULL;
    }
    conn->context->blocked_count -= conn->paused == MUV__CONN_PAUSED_MEMORY;
    conn->paused = 0;
    muv__conn_stop_work(conn);
    muv__login_end(conn);
    close_attempts(conn);
    if (conn->secure != NULL) {
        muv__secure_close(conn);
    }
    close_stream(conn, &conn->stream);
    if (conn->closing_streams == 0) {
        conn->deadline.on_due = on_closed_without_stream;
        muv__deadline_set(conn->context->deadlines, &conn->deadline, 0);
        muv__net_arm(conn->context->net, 0);
    }
}

/* The server was not reached: its proxy was not, or it refused, or it has not said anything yet. */
static int is_before_proxy(const muv__conn_t *conn)
{
    return conn->establish.proxy && !conn->establish.proxied;
}

/* A server that cannot even greet is taken for overloaded (CMAP: network errors and timeouts while
 * connecting, in TLS I/O and in hello; not for the name, not for the proxy, and not while logging
 * in). */
static uint32_t establish_labels(const muv__conn_t *conn, int code)
{
    if (conn->state != MUV__CONN_ESTABLISHING || conn->establish.next_addr == 0 ||
        is_before_proxy(conn) || conn->establish.greeted ||
        (code != MUV_ENETWORK && code != MUV_ENETTIMEOUT)) {
        return 0;
    }
    return MUV_LABEL_SYSTEM_OVERLOADED | MUV_LABEL_RETRYABLE;
}

void muv__conn_fail(muv__conn_t *conn, const muv_error_t *error)
{
    muv_error_t labelled;

    if (conn->state == MUV__CONN_CLOSED) {
        return;
    }
    labelled = *error;
    labelled.labels |= establish_labels(conn, error->code);
    muv__conn_close(conn);
    conn->ops->on_failed(conn, &labelled);
}

void muv__conn_system_error(const muv__conn_t *conn, int status, const char *what,
                            muv_error_t *error)
{
    char host[MUV__HOST_TEXT_SIZE];
    int code = muv__net_is_timeout(status) ? MUV_ENETTIMEOUT : MUV_ENETWORK;

    (void)muv__host_format(conn->host, host);
    (void)muv__error_set(error, status == MUV_ENOMEM ? MUV_ENOMEM : code, "%s %s: %s", what, host,
                         muv__net_error_text(status));
    error->system_code = status;
}

void muv__conn_fail_system(muv__conn_t *conn, int status, const char *what)
{
    muv_error_t error;

    muv__conn_system_error(conn, status, what, &error);
    muv__conn_fail(conn, &error);
}

void muv__conn_fail_wire(muv__conn_t *conn, muv__wire_error_t wire_error)
{
    char host[MUV__HOST_TEXT_SIZE];
    muv_error_t error;

    (void)muv__host_format(conn->host, host);
    (void)muv__error_set(&error, wire_error == MUV__WIRE_MEMORY ? MUV_ENOMEM : MUV_EPROTOCOL,
                         "protocol error from %s: %s", host, muv__wire_error_text(wire_error));
    muv__conn_fail(conn, &error);
}

/* --- the stream's callbacks --------------------------------------------------------------------*/

/* How much the failure of an attempt tells of the server. The attempts of a race fail in different
 * ways; one that did not even leave this system says less than silence, and an answer says most. An
 * attempt for which there was no memory might have been the right one. */
enum { TELLS_NOTHING, TELLS_UNREACHABLE, TELLS_SILENCE, TELLS_ANSWER, TELLS_MEMORY };

static uint8_t rank_of(int status)
{
    if (status == MUV_ENOMEM) {
        return TELLS_MEMORY;
    }
    if (muv__net_is_unreachable(status)) {
        return TELLS_UNREACHABLE;
    }
    return muv__net_is_timeout(status) ? TELLS_SILENCE : TELLS_ANSWER;
}

/* Among equals the first one counts: its address was the preferred one. */
static void note_failure(muv__conn_t *conn, uint8_t rank, int32_t status, int32_t code,
                         const char *text)
{
    if (rank > conn->last_rank) {
        conn->last_rank = rank;
        conn->last_status = status;
        conn->last_code = code;
        conn->last_text = text;
    }
}

static muv__stream_t **attempt_of(muv__conn_t *conn, const muv__stream_t *stream)
{
    uint32_t i = 0;

    while (conn->attempts[i] != stream) {
        i++;
        MUV__ASSERT(i < conn->establish.next_addr);
    }
    return &conn->attempts[i];
}

static void on_stream_connected(void *owner, muv__stream_t *stream, int status)
{
    muv__conn_t *conn = owner;
    muv__stream_t **attempt = attempt_of(conn, stream);

    if (status != 0) {
        close_stream(conn, attempt);
        note_failure(conn, rank_of(status), status, 0, NULL);
        run_establish(conn, MUV__ESTABLISH_ON_CONNECT_FAILED);
        return;
    }
    *attempt = NULL;
    conn->stream = stream;
    if (!conn->establish.proxy && conn->ops->on_connected != NULL) {
        conn->ops->on_connected(conn);
    }
    if (conn->state != MUV__CONN_CLOSED) {
        run_establish(conn, MUV__ESTABLISH_ON_CONNECTED);
    }
}

static int is_proxying(const muv__conn_t *conn)
{
    return MUV__UNLIKELY(conn->state == MUV__CONN_ESTABLISHING) && conn->proxying != NULL;
}

static uint8_t *on_stream_space(void *owner, size_t *ret_size)
{
    muv__conn_t *conn = owner;

    if (is_proxying(conn)) {
        return muv__proxy_space(conn, ret_size);
    }
    if (conn->paused) {
        *ret_size = 0;
        return NULL;
    }
    if (conn->warm != NULL) {
        MUV__PREFETCH(conn->sent);
        MUV__PREFETCH(&conn->sent->refs);
        for (unsigned i = 0; i < MUV__CONN_WARM_BYTES; i += 64) {
            MUV__PREFETCH(conn->warm + i);
        }
    }
    if (MUV__UNLIKELY(conn->secure != NULL)) {
        *ret_size = MUV__SECURE_SPACE_BYTES;
        return conn->context->secure->space;
    }
    return muv__reader_space(&conn->reader, ret_size);
}

static void on_stream_read(void *owner, int64_t size)
{
    muv__conn_t *conn = owner;

    if (is_proxying(conn)) {
        if (size < 0) {
            muv__conn_fail_system(conn, (int)size, "connecting through the proxy to");
        } else {
            muv__proxy_read(conn, (size_t)size);
        }
        return;
    }
    if (MUV__UNLIKELY(conn->secure != NULL)) {
        if (size < 0) {
            muv__secure_ended(conn, (int)size);
        } else {
            muv__secure_read(conn, (size_t)size);
        }
        return;
    }
    if (size < 0) {
        muv__conn_fail_system(conn, (int)size, "connection to");
        return;
    }
    muv__reader_commit(&conn->reader, (size_t)size);
    if (conn->state == MUV__CONN_DRAINING) {
        conn->dropped_bytes += (size_t)size;
    }
    muv__conn_take_messages(conn);
}

static void on_stream_written(void *owner, int status)
{
    muv__conn_t *conn = owner;

    if (status != 0) {
        muv__conn_fail_system(conn, status, "writing to");
        return;
    }
    if (is_proxying(conn)) {
        muv__proxy_written(conn);
        return;
    }
    if (MUV__UNLIKELY(conn->secure != NULL)) {
        muv__secure_written(conn);
        return;
    }
    muv__conn_written(conn);
}

static const muv__stream_ops_t stream_ops = {
    .on_connect = on_stream_connected,
    .on_space = on_stream_space,
    .on_read = on_stream_read,
    .on_written = on_stream_written,
    .on_closed = on_stream_closed,
};

/* --- establishment -----------------------------------------------------------------------------*/

/* The stage's time is up, or the next attempt's has come. */
static void on_establish_due(muv__deadline_t *deadline, int64_t now_us)
{
    muv__conn_t *conn = conn_of_deadline(deadline);

    if (now_us < conn->stage_due_us) {
        run_establish(conn, MUV__ESTABLISH_ON_DELAY);
        return;
    }
    note_failure(conn, TELLS_SILENCE, 0, MUV_ENETTIMEOUT,
                 conn->establish.state >= MUV__ESTABLISH_PROXYING && conn->greeting_us != 0
                     ? "timeoutMS elapsed"
                     : "connectTimeoutMS elapsed");
    run_establish(conn, MUV__ESTABLISH_ON_DEADLINE);
}

static void arm(muv__conn_t *conn, int64_t due_us)
{
    conn->deadline.on_due = on_establish_due;
    muv__deadline_set(conn->context->deadlines, &conn->deadline, due_us);
}

static int64_t stage_us(const muv__conn_t *conn)
{
    return conn->greeting_us != 0 ? conn->greeting_us : conn->context->connect_timeout_us;
}

static void begin_stage(muv__conn_t *conn, int64_t timeout_us)
{
    conn->stage_due_us = timeout_us == INT64_MAX ? INT64_MAX : conn->context->now_us + timeout_us;
    arm(conn, conn->stage_due_us);
}

/* Until the next attempt, or the end of the stage. */
static void arm_race(muv__conn_t *conn)
{
    int64_t now_us = conn->context->now_us;
    int64_t due_us = conn->stage_due_us;

    if (conn->establish.next_addr < conn->establish.addr_count) {
        int64_t next_us = now_us + conn->attempt_delay_us;

        due_us = next_us < due_us ? next_us : due_us;
    }
    arm(conn, due_us);
}

static void report_failed(muv__conn_t *conn)
{
    char host[MUV__HOST_TEXT_SIZE];
    muv_error_t error;

    const char *what = is_before_proxy(conn) ? "connecting through the proxy to" : "connecting to";

    if (conn->last_code == 0) {
        muv__conn_fail_system(conn, conn->last_status, what);
        return;
    }
    (void)muv__host_format(conn->host, host);
    (void)muv__error_set(&error, conn->last_code, "%s %s: %s", what, host, conn->last_text);
    muv__conn_fail(conn, &error);
}

static void on_resolved(void *owner, const muv__net_addr_t *addrs, size_t count,
                        const char *error_text)
{
    muv__conn_t *conn = owner;

    conn->resolve = NULL;
    if (count == 0) {
        note_failure(conn, TELLS_ANSWER, 0, MUV_EDNS, error_text);
    } else {
        muv__establish_interleave(conn->addrs, addrs, count);
    }
    conn->establish.addr_count = (uint32_t)count;
    conn->attempt_delay_us =
        muv__establish_delay_us((uint32_t)count, conn->stage_due_us - conn->context->now_us);
    run_establish(conn, MUV__ESTABLISH_ON_RESOLVED);
}

static int begin_resolve(muv__conn_t *conn)
{
    const muv__socks5_proxy_t *proxy = conn->context->proxy;
    const char *name = proxy != NULL ? proxy->host : conn->host->name;
    uint16_t port = proxy != NULL ? proxy->port : conn->host->port;

    return muv__net_resolve(conn->context->net, name, port, on_resolved, conn, &conn->resolve);
}

/* Returns 0, or the status with which the next address must be tried. */
static int begin_connect(muv__conn_t *conn)
{
    uint32_t at = conn->establish.next_addr - 1;
    int status = muv__stream_connect(conn->context->net, &conn->addrs[at], &stream_ops, conn,
                                     &conn->attempts[at]);

    if (status != 0) {
        note_failure(conn, rank_of(status), status, 0, NULL);
    }
    return status;
}

/* One of the stages behind the race, each with its own time. */
static void begin_talk(muv__conn_t *conn)
{
    begin_stage(conn, stage_us(conn));
    conn->last_rank = TELLS_NOTHING; /* How the losers of the race failed matters no more. */
}

void muv__conn_time_stage(muv__conn_t *conn, int runs)
{
    begin_stage(conn, runs ? stage_us(conn) : INT64_MAX);
}

static int begin_proxying(muv__conn_t *conn)
{
    begin_talk(conn);
    return muv__proxy_begin(conn);
}

static int begin_securing(muv__conn_t *conn)
{
    begin_talk(conn);
    return muv__secure_begin(conn);
}

static int begin_greeting(muv__conn_t *conn)
{
    muv_error_t error;

    if (conn->establish.log_in && !muv__login_is_allowed(conn, &error)) {
        muv__conn_fail(conn, &error);
        return 0;
    }
    begin_talk(conn);
    return muv__conn_send_hello(conn);
}

static void run_establish(muv__conn_t *conn, muv__establish_event_t event)
{
    int status = 0;

    for (;;) {
        unsigned effects = muv__establish_step(&conn->establish, event);

        if ((effects & MUV__ESTABLISH_DO_RESOLVE) != 0) {
            status = begin_resolve(conn);
        }
        if ((effects & MUV__ESTABLISH_DO_CONNECT) != 0 && begin_connect(conn) != 0) {
            event = MUV__ESTABLISH_ON_CONNECT_FAILED;
            continue;
        }
        if ((effects & MUV__ESTABLISH_DO_ARM) != 0) {
            arm_race(conn);
        }
        if ((effects & MUV__ESTABLISH_DO_DROP_OTHERS) != 0) {
            close_attempts(conn);
        }
        if ((effects & MUV__ESTABLISH_DO_PROXY) != 0) {
            status = begin_proxying(conn);
        }
        if ((effects & MUV__ESTABLISH_DO_SECURE) != 0) {
            status = begin_securing(conn);
        }
        if ((effects & MUV__ESTABLISH_DO_GREET) != 0) {
            status = begin_greeting(conn);
        }
        if ((effects & MUV__ESTABLISH_DO_REPORT_FAILED) != 0) {
            report_failed(conn);
            return;
        }
        if (status >= 0) {
            return;
        }
        note_failure(conn, rank_of(status), status, 0, NULL);
        event = MUV__ESTABLISH_ON_BROKEN;
    }
}

void muv__conn_proxied(muv__conn_t *conn)
{
    if (conn->ops->on_connected != NULL) {
        conn->ops->on_connected(conn);
    }
    if (conn->state != MUV__CONN_CLOSED) {
        run_establish(conn, MUV__ESTABLISH_ON_PROXIED);
    }
}

void muv__conn_proxy_failed(muv__conn_t *conn, const char *text)
{
    note_failure(conn, TELLS_ANSWER, 0, MUV_ENETWORK, text);
    run_establish(conn, MUV__ESTABLISH_ON_BROKEN);
}

void muv__conn_secured(muv__conn_t *conn)
{
    run_establish(conn, MUV__ESTABLISH_ON_SECURED);
}

static void report_ready(muv__conn_t *conn, muv__span_t hello)
{
    muv__deadline_cancel(conn->context->deadlines, &conn->deadline);
    conn->state = MUV__CONN_IDLE;
    conn->ops->on_ready(conn, hello);
}

void muv__conn_greeted(muv__conn_t *conn, muv__span_t hello)
{
    unsigned effects = muv__establish_step(&conn->establish, MUV__ESTABLISH_ON_GREETED);

    if ((effects & MUV__ESTABLISH_DO_LOG_IN) != 0) {
        begin_talk(conn);
        muv__login_on_hello(conn, hello);
        return;
    }
    report_ready(conn, hello);
}

void muv__conn_logged_in(muv__conn_t *conn)
{
    if (conn->state == MUV__CONN_LOGGING_IN) {
        muv__deadline_cancel(conn->context->deadlines, &conn->deadline);
        conn->state = MUV__CONN_IDLE;
        conn->ops->on_logged_in(conn);
        return;
    }
    (void)muv__establish_step(&conn->establish, MUV__ESTABLISH_ON_LOGGED_IN);
    report_ready(conn, muv__span(NULL, 0));
}

/* --- opening -----------------------------------------------------------------------------------*/

/* The first step is taken in a turn of its own: its failure must not reach the owner inside the
 * call that opened the connection. */
static void on_begin(muv__deadline_t *deadline, int64_t now_us)
{
    muv__conn_t *conn = conn_of_deadline(deadline);

    conn->started_us = now_us;
    begin_stage(conn, conn->context->connect_timeout_us);
    if (conn->host->kind == MUV__HOST_UNIX) {
        muv__net_addr_t *addr = &conn->addrs[0];

        addr->family = MUV__NET_UNIX;
        memcpy(addr->path, conn->host->name, strlen(conn->host->name) + 1);
        run_establish(conn, MUV__ESTABLISH_ON_START_PATH);
    } else {
        run_establish(conn, MUV__ESTABLISH_ON_START_NAME);
    }
}

void muv__conn_open(muv__conn_t *conn, muv__conn_context_t *context, const muv__host_t *host,
                    const muv__conn_ops_t *ops, void *owner)
{
    MUV__ASSERT(host->kind != MUV__HOST_UNIX || strlen(host->name) < MUV__NET_PATH_SIZE);
    conn->context = context;
    conn->ops = ops;
    conn->owner = owner;
    conn->host = host;
    conn->state = MUV__CONN_ESTABLISHING;
    muv__reader_init(&conn->reader, context->chunks, MUV__OUTGOING_MAX_BYTES);
    muv__establish_init(&conn->establish);
    conn->establish.proxy = context->proxy != NULL && host->kind != MUV__HOST_UNIX;
    conn->establish.secure = context->secure != NULL;
    conn->establish.log_in = context->credential != NULL && ops->logs_in;
    conn->deadline.on_due = on_begin;
    muv__deadline_set(context->deadlines, &conn->deadline, 0);
    muv__net_arm(context->net, 0);
}
