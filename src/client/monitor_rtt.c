/* SPDX-License-Identifier: Apache-2.0 */
/* Round trips of one server measured. Nothing that happens here is reported but a sample: no event,
 * no change of the topology (SDAM: measuring round trip times). */
#include "client/monitor.h"

#include "base/assert.h"
#include "client/client_inner.h"
#include "op/reply.h"

static muv__monitor_t *monitor_of(muv__conn_t *conn)
{
    muv__monitor_conn_t *own = MUV__CONTAINER_OF(conn, muv__monitor_conn_t, conn);
    muv__monitor_t *monitor = &own->server->monitor;

    return monitor->rtt_conn == own ? monitor : NULL;
}

static void tell(muv__conn_t *conn, muv__rtt_event_t event)
{
    muv__monitor_t *monitor = monitor_of(conn);

    if (monitor != NULL) {
        muv__monitor_rtt_run(monitor, event);
    }
}

static void on_connected(muv__conn_t *conn)
{
    tell(conn, MUV__RTT_ON_CONNECTED);
}

static void on_ready(muv__conn_t *conn, muv__span_t hello)
{
    (void)hello; /* The handshake has judged it. */
    tell(conn, MUV__RTT_ON_REPLY);
}

/* How long it took is all that is of interest; but a server that says "not ok" has not done the
 * work of a hello. */
static void on_reply(muv__conn_t *conn, const muv__msg_t *msg, muv__chunk_t *chunk)
{
    muv__reply_info_t info;

    (void)chunk;
    muv__reply_read(msg->body, &info);
    tell(conn, info.ok ? MUV__RTT_ON_REPLY : MUV__RTT_ON_FAILED);
}

static void on_idle(muv__conn_t *conn)
{
    (void)conn; /* Nothing is ever sent without reply here, or abandoned. */
}

static void on_failed(muv__conn_t *conn, const muv_error_t *error)
{
    (void)error;
    tell(conn, MUV__RTT_ON_FAILED);
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

/* The minimum moves too, and with it the drain grace. Without memory there is one sample less. */
static void report(muv__monitor_t *monitor)
{
    muv__server_t *server = monitor->server;
    muv_client_t *client = server->client;

    (void)muv__topology_on_rtt(&client->topology, server->record, monitor->rtt.sample_us,
                               client->context.now_us);
    muv__server_update_drain_grace(server);
}

void muv__monitor_rtt_run(muv__monitor_t *monitor, muv__rtt_event_t event)
{
    muv__conn_context_t *context = &monitor->server->client->context;
    unsigned effects = muv__rtt_monitor_step(&monitor->rtt, event, context->now_us);
    int failed = 0;

    if ((effects & MUV__RTT_DO_CLOSE) != 0) {
        muv__monitor_close(&monitor->rtt_conn);
    }
    if ((effects & MUV__RTT_DO_CONNECT) != 0) {
        monitor->rtt_conn = muv__monitor_open(monitor, &conn_ops);
        failed = monitor->rtt_conn == NULL;
    }
    if ((effects & MUV__RTT_DO_HELLO) != 0 && !monitor->rtt.first_hello) {
        failed = muv__monitor_send_hello(monitor, monitor->rtt_conn, 0) < 0;
    }
    if ((effects & MUV__RTT_DO_ARM) != 0) {
        muv__deadline_set(context->deadlines, &monitor->rtt_wake, monitor->rtt.wake_at_us);
    }
    if ((effects & MUV__RTT_DO_SAMPLE) != 0) {
        report(monitor);
    }
    if (failed) {
        muv__monitor_rtt_run(monitor, MUV__RTT_ON_FAILED);
    }
}

static void on_wake(muv__deadline_t *deadline, int64_t now_us)
{
    (void)now_us;
    muv__monitor_rtt_run(MUV__CONTAINER_OF(deadline, muv__monitor_t, rtt_wake), MUV__RTT_ON_TIMER);
}

void muv__monitor_rtt_init(muv__monitor_t *monitor, int64_t interval_us, int64_t timeout_us)
{
    monitor->rtt_conn = NULL;
    monitor->rtt_wake.on_due = on_wake;
    muv__rtt_monitor_init(&monitor->rtt, interval_us, timeout_us);
}
