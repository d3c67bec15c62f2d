/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of one server carried out. */
#include "client/monitor.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/mem.h"
#include "client/client_inner.h"
#include "conn/hello.h"

#define US_PER_MS 1000

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

/* What the reply makes of the next check. */
static muv__heartbeat_event_t event_of(const muv__server_description_t *description, uint32_t flags)
{
    if ((flags & MUV__MSG_MORE_TO_COME) != 0) {
        return MUV__HEARTBEAT_ON_MORE;
    }
    return description->topology_version.present ? MUV__HEARTBEAT_ON_VERSIONED
                                                 : MUV__HEARTBEAT_ON_REPLY;
}

static void take_hello(muv__monitor_t *monitor, muv__span_t hello, uint32_t flags)
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
    if (description->topology_version.present) {
        monitor->version = description->topology_version;
    }
    muv__monitor_run(monitor, event_of(description, flags));
}

static void on_ready(muv__conn_t *conn, muv__span_t hello)
{
    muv__monitor_t *monitor = monitor_of(conn);

    if (monitor != NULL) {
        take_hello(monitor, hello, 0);
    }
}

static void on_reply(muv__conn_t *conn, const muv__msg_t *msg, muv__chunk_t *chunk)
{
    muv__monitor_t *monitor = monitor_of(conn);

    (void)chunk;
    if (monitor != NULL) {
        take_hello(monitor, msg->body, msg->flags);
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

void muv__monitor_on_closed(muv__conn_t *conn)
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
    .on_closed = muv__monitor_on_closed,
    .any_wire_version = 1,
};

/* --- effects -----------------------------------------------------------------------------------*/

void muv__monitor_close(muv__monitor_conn_t **own)
{
    muv__monitor_conn_t *conn = *own;

    *own = NULL;
    if (conn != NULL) {
        muv__conn_close(&conn->conn);
    }
}

muv__monitor_conn_t *muv__monitor_open(muv__monitor_t *monitor, const muv__conn_ops_t *ops)
{
    muv__server_t *server = monitor->server;
    muv__monitor_conn_t *own = muv__mem_zalloc(sizeof(*own));

    if (own != NULL) {
        own->server = server;
        server->open_conns++;
        muv__conn_open(&own->conn, &server->client->context, server->host, ops, own);
    }
    return own;
}

int muv__monitor_send_hello(muv__monitor_t *monitor, muv__monitor_conn_t *own, int await)
{
    muv__conn_context_t *context = context_of(monitor);
    muv__outgoing_t *outgoing = muv__outgoing_take(context->outgoing);
    int32_t request_id = muv__conn_next_request_id(context);
    uint32_t flags = await ? (uint32_t)MUV__MSG_EXHAUST_ALLOWED : 0;
    muv__message_t message;
    muv__buf_t *buf;
    int status;

    if (outgoing == NULL) {
        return MUV_ENOMEM;
    }
    buf = &outgoing->command.buf;
    muv__hello_write_name(buf, own->conn.limits.hello_ok || context->server_api.size != 0);
    muv__buf_append(buf, context->server_api.data, context->server_api.size);
    if (await) {
        muv__hello_write_await(buf, &monitor->version, monitor->heartbeat.interval_us / US_PER_MS);
    }
    muv__bson_utf8(buf, MUV__KEY("$db"), MUV__KEY("admin"));
    status = muv__command_seal(&outgoing->command);
    if (status == 0) {
        status = muv__command_finish(&outgoing->command, request_id, flags, NULL, &message);
    }
    if (status == 0) {
        status = muv__conn_send(&own->conn, outgoing, &message, request_id, flags);
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
    /* A server that was Unknown and is known again, while the stream went on, has lost its round
     * trip times: selection would pass it over until there is one. */
    if (monitor->server->record->rtt.count == 0 && monitor->rtt.state != MUV__RTT_OFF) {
        muv__monitor_rtt_run(monitor, MUV__RTT_ON_WANTED);
    }
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
    if (monitor->heartbeat.state != MUV__HEARTBEAT_WAITING) {
        (void)muv__error_set(&monitor->error, MUV_ENETTIMEOUT,
                             "the check of %s took longer than connectTimeoutMS%s",
                             monitor->server->host_text,
                             monitor->heartbeat.awaited ? " + heartbeatFrequencyMS" : "");
    }
    muv__monitor_run(monitor, MUV__HEARTBEAT_ON_TIMER);
}

static void arm(muv__monitor_t *monitor)
{
    muv__deadline_set(context_of(monitor)->deadlines, &monitor->wake,
                      monitor->heartbeat.wake_at_us);
}

/* What does not speak of the check before. Returns 0 or the code of a failure at once. */
static int begin(muv__monitor_t *monitor, unsigned effects)
{
    int await = (effects & MUV__HEARTBEAT_DO_AWAIT) != 0;

    if ((effects & MUV__HEARTBEAT_DO_BEGIN) != 0) {
        monitor->connection_id += (effects & MUV__HEARTBEAT_DO_CONNECT) != 0;
        muv__events_heartbeat_started(monitor->server);
    }
    if ((effects & MUV__HEARTBEAT_DO_CONNECT) != 0) {
        MUV__ASSERT(monitor->conn == NULL);
        monitor->conn = muv__monitor_open(monitor, &conn_ops);
        return monitor->conn == NULL ? MUV_ENOMEM : 0;
    }
    if (await || ((effects & MUV__HEARTBEAT_DO_HELLO) != 0 && !monitor->heartbeat.first_hello)) {
        MUV__ASSERT(monitor->conn != NULL);
        return muv__monitor_send_hello(monitor, monitor->conn, await);
    }
    return 0;
}

/* The second connection comes and goes with the stream. */
static void attend_rtt(muv__monitor_t *monitor)
{
    int streaming = monitor->heartbeat.stream != MUV__HEARTBEAT_POLL;
    int measuring = monitor->rtt.state != MUV__RTT_OFF;

    if (streaming != measuring) {
        muv__monitor_rtt_run(monitor, streaming ? MUV__RTT_ON_START : MUV__RTT_ON_STOP);
    }
}

/* Reports may lead back here (a check requested, the server removed): the machine has moved before,
 * and no effect behind a report assumes otherwise than its state says. */
static void carry_out(muv__monitor_t *monitor, unsigned effects)
{
    int status;

    monitor->awaited = (int8_t)monitor->heartbeat.awaited;
    if ((effects & MUV__HEARTBEAT_DO_CLOSE) != 0) {
        muv__monitor_close(&monitor->conn);
    }
    if ((effects & MUV__HEARTBEAT_DO_ARM) != 0) {
        arm(monitor);
    }
    status = begin(monitor, effects);
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

void muv__monitor_run(muv__monitor_t *monitor, muv__heartbeat_event_t event)
{
    const muv_client_t *client = monitor->server->client;
    muv__heartbeat_t *heartbeat = &monitor->heartbeat;

    /* (Load balancers: never monitored.) */
    if (heartbeat->state == MUV__HEARTBEAT_STOPPED ||
        (event == MUV__HEARTBEAT_ON_START && client->uri->options.load_balanced)) {
        return;
    }
    carry_out(monitor, muv__heartbeat_step(heartbeat, event, client->context.now_us));
    /* The next check of a stream begins before the next reply is looked at. */
    if (muv__heartbeat_goes_on(heartbeat)) {
        carry_out(monitor,
                  muv__heartbeat_step(heartbeat, MUV__HEARTBEAT_ON_TIMER, client->context.now_us));
    }
    attend_rtt(monitor);
}

void muv__monitor_init(muv__monitor_t *monitor, muv__server_t *server, int64_t interval_us,
                       int64_t timeout_us)
{
    timeout_us = timeout_us == INT64_MAX ? 0 : timeout_us;
    monitor->server = server;
    monitor->conn = NULL;
    monitor->description = NULL;
    monitor->wake.on_due = on_wake;
    muv__error_clear(&monitor->error);
    muv__heartbeat_init(&monitor->heartbeat, interval_us, timeout_us,
                        server->client->settings.stream_checks);
    muv__monitor_rtt_init(monitor, monitor->heartbeat.interval_us, timeout_us);
}
