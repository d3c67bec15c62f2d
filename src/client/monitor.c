/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of one server carried out. */
#include "client/monitor.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/mem.h"
#include "client/client_inner.h"
#include "conn/hello.h"

static muv__monitor_t *monitor_of(muv__conn_t *conn)
{
    muv__monitor_conn_t *own = MUV__CONTAINER_OF(conn, muv__monitor_conn_t, conn);
    muv__monitor_t *monitor = &own->server->monitor;

    /* A connection that was given up may still speak once more. */
    return monitor->conn == own ? monitor : NULL;
}

static muv__conn_context_t *context_of(const muv__monitor_t *monitor)
{
    return &monitor->server->client->context;
}

/* --- what the connection says ------------------------------------------------------------------*/

static void on_connected(muv__conn_t *conn)
{
    muv__monitor_t *monitor = monitor_of(conn);

    if (monitor != NULL) {
        muv__monitor_run(monitor, MUV__HEARTBEAT_ON_CONNECTED);
    }
}

static void take_hello(muv__monitor_t *monitor, muv__span_t hello)
{
    muv__server_description_t *description;

    if (muv__server_description_parse(hello.data, hello.size, context_of(monitor)->now_us,
                                      &description) != 0) {
        (void)muv__error_code(&monitor->error, MUV_ENOMEM);
        muv__monitor_run(monitor, MUV__HEARTBEAT_ON_REJECTED);
        return;
    }
    if (description->failed) {
        (void)muv__error_set(&monitor->error, MUV_ESERVER, "%s", description->error_text);
        monitor->error.server_code = description->error_code;
        muv__server_description_release(description);
        muv__monitor_run(monitor, MUV__HEARTBEAT_ON_REJECTED);
        return;
    }
    monitor->description = description;
    monitor->reply = hello;
    muv__monitor_run(monitor, MUV__HEARTBEAT_ON_REPLY);
}

static void on_ready(muv__conn_t *conn, muv__span_t hello)
{
    muv__monitor_t *monitor = monitor_of(conn);

    if (monitor != NULL) {
        take_hello(monitor, hello);
    }
}

static void on_reply(muv__conn_t *conn, const muv__msg_t *msg, muv__chunk_t *chunk)
{
    muv__monitor_t *monitor = monitor_of(conn);

    (void)chunk;
    if (monitor != NULL) {
        take_hello(monitor, msg->body);
    }
}

static void on_idle(muv__conn_t *conn)
{
    (void)conn; /* Nothing is ever sent without reply here, or abandoned. */
}

static void on_failed(muv__conn_t *conn, const muv_error_t *error)
{
    muv__monitor_t *monitor = monitor_of(conn);

    if (monitor != NULL) {
        muv__error_assign(&monitor->error, error);
        muv__monitor_run(monitor, error->code == MUV_ESERVER ? MUV__HEARTBEAT_ON_REJECTED
                                                             : MUV__HEARTBEAT_ON_FAILED);
    }
}

static void on_closed(muv__conn_t *conn)
{
    muv__monitor_conn_t *own = MUV__CONTAINER_OF(conn, muv__monitor_conn_t, conn);
    muv__server_t *server = own->server;

    muv__mem_free(own);
    muv__server_conn_closed(server);
}

static const muv__conn_ops_t conn_ops = {
    .on_connected = on_connected,
    .on_ready = on_ready,
    .on_reply = on_reply,
    .on_idle = on_idle,
    .on_failed = on_failed,
    .on_closed = on_closed,
    .any_wire_version = 1,
};

/* --- effects -----------------------------------------------------------------------------------*/

static void close_connection(muv__monitor_t *monitor)
{
    muv__monitor_conn_t *own = monitor->conn;

    monitor->conn = NULL;
    if (own != NULL) {
        muv__conn_close(&own->conn);
    }
}

/* Returns 0, or the code of a failure at once. */
static int open_connection(muv__monitor_t *monitor)
{
    muv__server_t *server = monitor->server;
    muv__monitor_conn_t *own = muv__mem_zalloc(sizeof(*own));

    MUV__ASSERT(monitor->conn == NULL);
    if (own == NULL) {
        return MUV_ENOMEM;
    }
    own->server = server;
    monitor->conn = own;
    server->open_conns++;
    muv__conn_open(&own->conn, &server->client->context, server->host, &conn_ops, own);
    return 0;
}

/* A later hello on the same connection; the first one was the handshake's. */
static int send_hello(muv__monitor_t *monitor)
{
    muv__conn_context_t *context = context_of(monitor);
    muv__outgoing_t *outgoing = muv__outgoing_take(context->outgoing);
    int32_t request_id = muv__conn_next_request_id(context);
    muv__message_t message;
    muv__buf_t *buf;
    int status;

    MUV__ASSERT(monitor->conn != NULL);
    if (outgoing == NULL) {
        return MUV_ENOMEM;
    }
    buf = &outgoing->command.buf;
    muv__hello_write_name(buf, monitor->conn->conn.limits.hello_ok);
    muv__bson_utf8(buf, MUV__KEY("$db"), MUV__KEY("admin"));
    status = muv__command_seal(&outgoing->command);
    if (status == 0) {
        status = muv__command_finish(&outgoing->command, request_id, 0, NULL, &message);
    }
    if (status == 0) {
        status = muv__conn_send(&monitor->conn->conn, outgoing, &message, request_id, 0);
    }
    muv__outgoing_release(outgoing);
    return status;
}

/* Operations that still find no server want another check as soon as the minimum gap allows,
 * however often that takes (Server Selection: request an immediate check, wait, and begin anew). */
static void check_again_for_waiting(const muv__monitor_t *monitor)
{
    if (monitor->server->client->selecting_count != 0) {
        muv__deployment_request_check(monitor->server->client);
    }
}

static void report_success(muv__monitor_t *monitor)
{
    muv__server_description_t *description = monitor->description;

    monitor->description = NULL;
    muv__events_heartbeat_succeeded(monitor->server, monitor->reply, description);
    monitor->reply = muv__span(NULL, 0);
    muv__deployment_on_check(monitor->server, description, monitor->heartbeat.rtt_us);
    muv__server_description_release(description);
    check_again_for_waiting(monitor);
}

static void report_failure(muv__monitor_t *monitor)
{
    muv__server_description_t *description;
    int code = monitor->heartbeat.timed_out ? MUV_ENETTIMEOUT : monitor->error.code;

    if (monitor->heartbeat.cancelled) {
        (void)muv__error_code(&monitor->error, MUV_ECANCELED);
    }
    muv__events_heartbeat_failed(monitor->server, &monitor->error);
    if (monitor->heartbeat.cancelled) {
        return;
    }
    /* Without memory for the news the server keeps its description until the next check. */
    if (muv__server_description_unknown(code, monitor->error.message, NULL,
                                        context_of(monitor)->now_us, &description) == 0) {
        muv__deployment_on_check(monitor->server, description, -1);
        muv__server_description_release(description);
    }
    check_again_for_waiting(monitor);
}

static void on_wake(muv__deadline_t *deadline, int64_t now_us)
{
    muv__monitor_t *monitor = MUV__CONTAINER_OF(deadline, muv__monitor_t, wake);

    (void)now_us;
    if (monitor->heartbeat.state == MUV__HEARTBEAT_CONNECTING ||
        monitor->heartbeat.state == MUV__HEARTBEAT_CHECKING) {
        (void)muv__error_set(&monitor->error, MUV_ENETTIMEOUT,
                             "the check of %s took longer than connectTimeoutMS",
                             monitor->server->host_text);
    }
    muv__monitor_run(monitor, MUV__HEARTBEAT_ON_TIMER);
}

static void arm(muv__monitor_t *monitor)
{
    muv__deadline_set(context_of(monitor)->deadlines, &monitor->wake,
                      monitor->heartbeat.wake_at_us);
}

/* Reports may lead back here (a check requested, the server removed): the machine has moved before,
 * and no effect behind a report assumes otherwise than its state says. */
void muv__monitor_run(muv__monitor_t *monitor, muv__heartbeat_event_t event)
{
    unsigned effects;
    int status = 0;

    if (monitor->heartbeat.state == MUV__HEARTBEAT_STOPPED) {
        return;
    }
    effects = muv__heartbeat_step(&monitor->heartbeat, event, context_of(monitor)->now_us);
    if ((effects & MUV__HEARTBEAT_DO_CLOSE) != 0) {
        close_connection(monitor);
    }
    if ((effects & MUV__HEARTBEAT_DO_ARM) != 0 || event == MUV__HEARTBEAT_ON_STOP) {
        arm(monitor);
    }
    if ((effects & MUV__HEARTBEAT_DO_BEGIN) != 0) {
        muv__events_heartbeat_started(monitor->server);
    }
    if ((effects & MUV__HEARTBEAT_DO_CONNECT) != 0) {
        status = open_connection(monitor);
    }
    if ((effects & MUV__HEARTBEAT_DO_HELLO) != 0 && !monitor->heartbeat.first_hello) {
        status = send_hello(monitor);
    }
    if ((effects & MUV__HEARTBEAT_DO_SUCCEED) != 0) {
        report_success(monitor);
    }
    if ((effects & MUV__HEARTBEAT_DO_FAIL) != 0) {
        report_failure(monitor);
    }
    if (status < 0) {
        (void)muv__error_code(&monitor->error, status == MUV_ENOMEM ? MUV_ENOMEM : MUV_ENETWORK);
        muv__monitor_run(monitor, MUV__HEARTBEAT_ON_FAILED);
    }
}

void muv__monitor_init(muv__monitor_t *monitor, muv__server_t *server, int64_t interval_us,
                       int64_t timeout_us)
{
    monitor->server = server;
    monitor->conn = NULL;
    monitor->description = NULL;
    monitor->wake.on_due = on_wake;
    muv__error_clear(&monitor->error);
    muv__heartbeat_init(&monitor->heartbeat, interval_us, timeout_us == INT64_MAX ? 0 : timeout_us);
}
