/* SPDX-License-Identifier: Apache-2.0 */
/* Establishment of a connection, the callbacks of its stream, and its end. */
#include "conn/conn.h"

#include <string.h>

#include "base/assert.h"
#include "conn/conn_inner.h"

static void run_establish(muv__conn_t *conn, muv__establish_event_t event);

static muv__conn_t *conn_of_deadline(muv__deadline_t *deadline)
{
    return MUV__CONTAINER_OF(deadline, muv__conn_t, deadline);
}

/* --- the end -----------------------------------------------------------------------------------*/

static void drop_memory(muv__conn_t *conn)
{
    muv__reader_done(&conn->reader);
    if (conn->held != NULL) {
        muv__outgoing_release(conn->held);
        conn->held = NULL;
    }
}

static void close_stream(muv__conn_t *conn)
{
    if (conn->stream != NULL) {
        muv__stream_close(conn->stream);
        conn->stream = NULL;
        conn->closing_streams++;
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
    close_stream(conn);
    if (conn->closing_streams == 0) {
        conn->deadline.on_due = on_closed_without_stream;
        muv__deadline_set(conn->context->deadlines, &conn->deadline, 0);
        muv__net_arm(conn->context->net, 0);
    }
}

/* A server that cannot even greet is taken for overloaded (CMAP: network errors and timeouts while
 * connecting, in TLS I/O and in hello; not for the name). */
static uint32_t establish_labels(const muv__conn_t *conn, int code)
{
    if (conn->state != MUV__CONN_ESTABLISHING || conn->establish.next_addr == 0 ||
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

static void on_stream_connected(void *owner, int status)
{
    muv__conn_t *conn = owner;

    if (status != 0) {
        conn->last_code = 0;
        conn->last_status = status;
        run_establish(conn, MUV__ESTABLISH_ON_CONNECT_FAILED);
        return;
    }
    if (conn->ops->on_connected != NULL) {
        conn->ops->on_connected(conn);
    }
    if (conn->state != MUV__CONN_CLOSED) {
        run_establish(conn, MUV__ESTABLISH_ON_CONNECTED);
    }
}

static uint8_t *on_stream_space(void *owner, size_t *ret_size)
{
    muv__conn_t *conn = owner;

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
    return muv__reader_space(&conn->reader, ret_size);
}

static void on_stream_read(void *owner, int64_t size)
{
    muv__conn_t *conn = owner;

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

static void on_connect_deadline(muv__deadline_t *deadline, int64_t now_us)
{
    muv__conn_t *conn = conn_of_deadline(deadline);

    (void)now_us;
    conn->last_code = MUV_ENETTIMEOUT;
    conn->last_text = "connectTimeoutMS elapsed";
    run_establish(conn, MUV__ESTABLISH_ON_DEADLINE);
}

static void arm_stage(muv__conn_t *conn)
{
    int64_t timeout_us = conn->context->connect_timeout_us;
    int64_t due_us = timeout_us == INT64_MAX ? INT64_MAX : conn->context->now_us + timeout_us;

    conn->deadline.on_due = on_connect_deadline;
    muv__deadline_set(conn->context->deadlines, &conn->deadline, due_us);
}

static void report_failed(muv__conn_t *conn)
{
    char host[MUV__HOST_TEXT_SIZE];
    muv_error_t error;

    if (conn->last_code == 0) {
        muv__conn_fail_system(conn, conn->last_status, "connecting to");
        return;
    }
    (void)muv__host_format(conn->host, host);
    (void)muv__error_set(&error, conn->last_code, "connecting to %s: %s", host, conn->last_text);
    muv__conn_fail(conn, &error);
}

static void on_resolved(void *owner, const muv__net_addr_t *addrs, size_t count,
                        const char *error_text)
{
    muv__conn_t *conn = owner;

    conn->resolve = NULL;
    if (count == 0) {
        conn->last_code = MUV_EDNS;
        conn->last_text = error_text;
    } else {
        memcpy(conn->addrs, addrs, count * sizeof(*addrs));
    }
    conn->establish.addr_count = (uint32_t)count;
    run_establish(conn, MUV__ESTABLISH_ON_RESOLVED);
}

static int begin_resolve(muv__conn_t *conn)
{
    arm_stage(conn);
    return muv__net_resolve(conn->context->net, conn->host->name, conn->host->port, on_resolved,
                            conn, &conn->resolve);
}

/* Returns 0, or the status with which the next address must be tried. */
static int begin_connect(muv__conn_t *conn)
{
    const muv__net_addr_t *addr = &conn->addrs[conn->establish.next_addr - 1];

    arm_stage(conn);
    conn->last_code = 0;
    conn->last_status =
        muv__stream_connect(conn->context->net, addr, &stream_ops, conn, &conn->stream);
    return conn->last_status;
}

static int begin_greeting(muv__conn_t *conn)
{
    arm_stage(conn);
    return muv__conn_send_hello(conn);
}

static void run_establish(muv__conn_t *conn, muv__establish_event_t event)
{
    int status = 0;

    for (;;) {
        unsigned effects = muv__establish_step(&conn->establish, event);

        if ((effects & MUV__ESTABLISH_DO_DISCONNECT) != 0) {
            close_stream(conn);
        }
        if ((effects & MUV__ESTABLISH_DO_RESOLVE) != 0) {
            status = begin_resolve(conn);
        }
        if ((effects & MUV__ESTABLISH_DO_CONNECT) != 0 && begin_connect(conn) != 0) {
            event = MUV__ESTABLISH_ON_CONNECT_FAILED;
            continue;
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
        conn->last_code = 0;
        conn->last_status = status;
        event = MUV__ESTABLISH_ON_BROKEN;
    }
}

void muv__conn_greeted(muv__conn_t *conn, muv__span_t hello)
{
    (void)muv__establish_step(&conn->establish, MUV__ESTABLISH_ON_GREETED);
    muv__deadline_cancel(conn->context->deadlines, &conn->deadline);
    conn->state = MUV__CONN_IDLE;
    conn->ops->on_ready(conn, hello);
}

/* The first step is taken in a turn of its own: its failure must not reach the owner inside the
 * call that opened the connection. */
static void on_begin(muv__deadline_t *deadline, int64_t now_us)
{
    muv__conn_t *conn = conn_of_deadline(deadline);

    conn->started_us = now_us;
    if (conn->host->kind == MUV__HOST_UNIX) {
        muv__net_addr_t *addr = &conn->addrs[0];

        addr->family = MUV__NET_UNIX;
        memcpy(addr->path, conn->host->name, strlen(conn->host->name) + 1);
        run_establish(conn, MUV__ESTABLISH_ON_START_PATH);
    } else {
        run_establish(conn, MUV__ESTABLISH_ON_START_NAME);
    }
}

int muv__conn_open(muv__conn_t *conn, muv__conn_context_t *context, const muv__host_t *host,
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
    conn->deadline.on_due = on_begin;
    muv__deadline_set(context->deadlines, &conn->deadline, 0);
    muv__net_arm(context->net, 0);
    return 0;
}
