/* SPDX-License-Identifier: Apache-2.0 */
/* A server's pool carried out on real connections. */
#include "client/server.h"

#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/mem.h"
#include "client/client_inner.h"
#include "client/pin.h"
#include "client/retry.h"
#include "client/server_inner.h"
#include "client/session.h"

#define US_PER_MS 1000

/* Bounds of the drain grace (design: promise 3). */
#define DRAIN_GRACE_MIN_US 5000
#define DRAIN_GRACE_MAX_US 250000

static muv__pooled_conn_t *pooled_of_conn(muv__conn_t *conn)
{
    return MUV__CONTAINER_OF(conn, muv__pooled_conn_t, conn);
}

static muv__pooled_conn_t *pooled_of_node(muv__pool_conn_t *node)
{
    return MUV__CONTAINER_OF(node, muv__pooled_conn_t, node);
}

static muv_op_t *op_of_waiter(muv__pool_waiter_t *waiter)
{
    return MUV__CONTAINER_OF(waiter, muv_op_t, waiter);
}

static int64_t now_of(const muv__server_t *server)
{
    return server->client->context.now_us;
}

/* --- what connections say ----------------------------------------------------------------------*/

void muv__server_update_drain_grace(muv__server_t *server)
{
    const muv__rtt_t *rtt = &server->record->rtt;
    int64_t grace_us = (rtt->count == 0 ? 0 : 2 * rtt->average_us) + server->handshake_us;

    grace_us = grace_us < DRAIN_GRACE_MIN_US ? DRAIN_GRACE_MIN_US : grace_us;
    server->pool.drain_grace_us = grace_us > DRAIN_GRACE_MAX_US ? DRAIN_GRACE_MAX_US : grace_us;
}

static void on_ready(muv__conn_t *conn, muv__span_t hello)
{
    muv__pooled_conn_t *pooled = pooled_of_conn(conn);
    muv__server_t *server = pooled->server;

    (void)hello;
    if (conn->limits.has_service_id && conn->context->load_balanced) {
        pooled->node.service_id = conn->limits.service_id;
    }
    server->handshake_us = now_of(server) - conn->started_us;
    muv__server_update_drain_grace(server);
    muv__server_carry_out(server,
                          muv__pool_established(&server->pool, &pooled->node, now_of(server)));
}

/* The write was done; but the server may say in the same reply that it is going down (SDAM: check
 * top-level error and writeConcernError), and that it may be repeated (Retryable Writes). */
static void take_write_concern_error(muv_op_t *op, const muv__reply_info_t *info, muv__span_t body)
{
    muv__reply_info_t inner;
    muv_error_t error;

    muv__reply_read(info->write_concern_error, &inner);
    muv__reply_error(&inner, body, &error);
    error.labels = info->labels | muv__op_concern_labels(op, inner.code);
    muv__deployment_on_failure(op->server, &op->conn->node, &error, 1);
    if ((error.labels & MUV_LABEL_RETRYABLE_WRITE) != 0 && op->retry == MUV__RETRY_WRITE) {
        op->error = error;
        muv__op_name_host(op);
        op->concern_failed = 1;
    }
}

static void on_reply(muv__conn_t *conn, const muv__msg_t *msg, muv__chunk_t *chunk)
{
    muv_op_t *op = pooled_of_conn(conn)->op;
    muv__reply_info_t info;

    MUV__ASSERT(op != NULL);
    muv__reply_read(msg->body, &info);
    op->reply.body = msg->body;
    op->reply.chunk = muv__chunk_retain(chunk);
    op->cursor = info.cursor;
    if (info.cluster_time.size != 0 || op->session != NULL) {
        muv__session_on_reply(op, &info);
    }
    if (MUV__UNLIKELY(!info.ok)) {
        muv__reply_error(&info, msg->body, &op->error);
        muv__op_name_host(op);
        muv__deployment_on_failure(op->server, &op->conn->node, &op->error, 1);
    } else if (MUV__UNLIKELY(info.write_concern_error.size != 0)) {
        take_write_concern_error(op, &info, msg->body);
    }
    muv__run(op, MUV__OP_ON_REPLY);
}

static void on_logged_in(muv__conn_t *conn)
{
    muv__run(pooled_of_conn(conn)->op, MUV__OP_ON_LOGGED_IN);
}

/* A request without reply has left, or a late reply was dropped. */
static void on_idle(muv__conn_t *conn)
{
    muv__pooled_conn_t *pooled = pooled_of_conn(conn);
    muv__server_t *server = pooled->server;

    if (pooled->op != NULL) {
        muv__run(pooled->op, MUV__OP_ON_SENT);
        return;
    }
    if (MUV__UNLIKELY(pooled->pins != 0)) {
        muv__pin_serve(pooled);
        return;
    }
    muv__server_carry_out(server, muv__pool_drained(&server->pool, &pooled->node, now_of(server)));
}

static void take_error(muv_op_t *op, const muv_error_t *error)
{
    muv__error_assign(&op->error, error);
    muv__op_name_host(op);
}

void muv__server_break_request(muv_op_t *op)
{
    muv__op_name_host(op);
    op->conn = NULL;
    if (op->server_session != NULL) {
        muv__session_mark_dirty(op);
    }
}

void muv__server_drop_connection(muv__pooled_conn_t *pooled, int code)
{
    muv__server_t *server = pooled->server;

    if (MUV__UNLIKELY(pooled->pins != 0)) {
        muv__pin_broken(pooled, code);
        return;
    }
    muv__server_carry_out(
        server, muv__pool_conn_failed(&server->pool, &pooled->node, code, now_of(server)));
}

/* The waiters that the pool fails while `error` is known get it instead of the bare code. */
static void on_failed(muv__conn_t *conn, const muv_error_t *error)
{
    muv__pooled_conn_t *pooled = pooled_of_conn(conn);
    muv__server_t *server = pooled->server;
    muv_op_t *op = pooled->op;
    int pending = pooled->node.state == MUV__POOL_CONN_PENDING;
    int logging_in = op != NULL && op->machine.state == MUV__OP_LOGGING_IN;

    pooled->op = NULL;
    server->last_error = error;
    if (pending) {
        muv__pool_conn_failing(&server->pool, &pooled->node);
    }
    /* A connection that broke while nobody used it says nothing of the server: the server may have
     * closed it for its own reasons. */
    if (pending || op != NULL) {
        pooled->break_told = 1;
        /* Logging in anew is as much a part of the handshake as it was at first. */
        muv__deployment_on_failure(server, &pooled->node, error, !pending && !logging_in);
    }
    muv__server_drop_connection(pooled, error->code);
    server->last_error = NULL;
    if (op != NULL) {
        take_error(op, error);
        muv__server_break_request(op);
        muv__run(op, MUV__OP_ON_BROKEN);
    }
}

static void free_if_unused(muv__server_t *server)
{
    muv_client_t *client = server->client;

    if (server->removed && server->open_conns == 0 && server->users == 0 && !server->carrying_out) {
        muv__deadline_cancel(&client->deadlines, &server->wake);
        muv__deadline_cancel(&client->deadlines, &server->create);
        muv__deadline_cancel(&client->deadlines, &server->monitor.wake);
        muv__topology_server_release(server->record);
        muv__pool_done(&server->pool);
        muv__list_remove(&server->link);
        client->server_count--;
        muv__mem_free(server);
    }
}

void muv__server_conn_closed(muv__server_t *server)
{
    muv_client_t *client = server->client;

    server->open_conns--;
    free_if_unused(server);
    muv__client_continue_close(client);
}

void muv__server_release(muv__server_t *server)
{
    MUV__ASSERT(server->users > 0);
    server->users--;
    free_if_unused(server);
}

static void on_closed(muv__conn_t *conn)
{
    muv__pooled_conn_t *pooled = pooled_of_conn(conn);
    muv__server_t *server = pooled->server;

    server->client->stats.connections_closed++;
    if (MUV__UNLIKELY(pooled->pins != 0)) {
        pooled->gone = 1;
        return;
    }
    muv__mem_free(pooled);
    muv__server_conn_closed(server);
}

static const muv__conn_ops_t conn_ops = {
    .on_ready = on_ready,
    .on_reply = on_reply,
    .on_logged_in = on_logged_in,
    .on_idle = on_idle,
    .on_failed = on_failed,
    .on_closed = on_closed,
    .logs_in = 1,
};

/* --- carrying out ------------------------------------------------------------------------------*/

/* Without waitQueueTimeoutMS there is no deadline to cancel, and its cache line stays untouched. */
void muv__server_end_wait(muv__server_t *server, muv_op_t *op)
{
    if (server->client->settings.wait_queue_timeout_us != INT64_MAX) {
        muv__deadline_cancel(&server->client->deadlines, &op->wait_deadline);
    }
}

static void fail_waiters(muv__server_t *server)
{
    muv__pool_waiter_t *waiter;

    while ((waiter = muv__pool_next_failed(&server->pool)) != NULL) {
        muv_op_t *op = op_of_waiter(waiter);

        if (server->last_error != NULL && server->last_error->code == waiter->error) {
            take_error(op, server->last_error);
        } else {
            (void)muv__error_code(&op->error, waiter->error);
            muv__op_name_host(op);
        }
        muv__server_end_wait(server, op);
        muv__run(op, MUV__OP_ON_FAILED);
    }
}

/* Connections that the pool gave up; one in use was interrupted: its operation fails. */
static void close_connections(muv__server_t *server)
{
    muv__pool_conn_t *node;

    while ((node = muv__pool_next_to_close(&server->pool)) != NULL) {
        muv__pooled_conn_t *pooled = pooled_of_node(node);
        muv_op_t *op = pooled->op;

        pooled->op = NULL;
        muv__conn_close(&pooled->conn);
        if (MUV__UNLIKELY(pooled->pins != 0)) {
            muv__pin_broken(pooled, MUV_ENETWORK);
        }
        if (op != NULL) {
            (void)muv__error_set(&op->error, MUV_ENETWORK,
                                 "Connection to %s interrupted due to server monitor timeout",
                                 server->host_text);
            muv__server_break_request(op);
            muv__run(op, MUV__OP_ON_BROKEN);
        }
    }
}

void muv__server_give_connection(muv_op_t *op, muv__pool_conn_t *node)
{
    op->conn = pooled_of_node(node);
    op->conn->op = op;
    op->conn->conn.warm = (const uint8_t *)op;
}

/* Operations that have waited long are out of the cache. While one is being sent, the next one's
 * send buffer and the one behind it are fetched. */
static void prefetch_next(muv__server_t *server)
{
    muv__list_t *queue = &server->pool.queue;
    muv__list_t *next = queue->next;
    const muv_op_t *op;

    if (next == queue) {
        return;
    }
    op = op_of_waiter(MUV__CONTAINER_OF(next, muv__pool_waiter_t, link));
    MUV__PREFETCH(op->outgoing);
    MUV__PREFETCH(op->outgoing->home);
    MUV__PREFETCH(op->outgoing->home + 64);
    MUV__PREFETCH(op->outgoing->home + 128);
    if (next->next != queue) {
        op = op_of_waiter(MUV__CONTAINER_OF(next->next, muv__pool_waiter_t, link));
        MUV__PREFETCH(op);
        MUV__PREFETCH((const uint8_t *)op + 64);
        MUV__PREFETCH((const uint8_t *)op + 128);
        MUV__PREFETCH((const uint8_t *)op + 192);
    }
}

static void serve_waiters(muv__server_t *server)
{
    muv__pool_waiter_t *waiter;

    while ((waiter = muv__pool_next_served(&server->pool)) != NULL) {
        muv_op_t *op = op_of_waiter(waiter);

        prefetch_next(server);
        muv__server_end_wait(server, op);
        muv__server_give_connection(op, waiter->conn);
        muv__run(op, MUV__OP_ON_CHECKED_OUT);
    }
}

/* Returns the effects of a failure. */
static unsigned create_connection(muv__server_t *server)
{
    muv_client_t *client = server->client;
    muv__pooled_conn_t *pooled = muv__mem_zalloc(sizeof(*pooled));

    if (pooled == NULL) {
        return muv__pool_create_failed(&server->pool, MUV_ENOMEM, now_of(server));
    }
    pooled->server = server;
    muv__list_init(&pooled->waiting);
    muv__conn_open(&pooled->conn, &client->context, server->host, &conn_ops, pooled);
    server->open_conns++;
    client->stats.connections_created++;
    muv__pool_add(&server->pool, &pooled->node, now_of(server));
    if (pooled->node.cause == NULL && client->settings.timeout_ms > 0) {
        /* (CSOT: the handshakes for minPoolSize, where no operation has a deadline.) */
        pooled->conn.greeting_us = client->settings.timeout_ms * US_PER_MS;
    }
    return 0;
}

/* The rest follows in a turn to come: what else goes on has its turn in between. */
static void create_connections(muv__server_t *server)
{
    muv_client_t *client = server->client;

    while (muv__pool_wants_connection(&server->pool)) {
        unsigned effects;

        if (client->connects_left == 0) {
            muv__deadline_set(&client->deadlines, &server->create, now_of(server) + 1);
            return;
        }
        client->connects_left--;
        effects = create_connection(server);
        server->todo |= effects;
        if (effects != 0) {
            return;
        }
    }
}

static void on_create(muv__deadline_t *deadline, int64_t now_us)
{
    (void)now_us;
    muv__server_carry_out(MUV__CONTAINER_OF(deadline, muv__server_t, create), MUV__POOL_DO_CREATE);
}

static void on_wake(muv__deadline_t *deadline, int64_t now_us)
{
    muv__server_t *server = MUV__CONTAINER_OF(deadline, muv__server_t, wake);

    muv__server_carry_out(server, muv__pool_tick(&server->pool, now_us));
}

/* Carrying out one effect can lead to further calls of the pool (a request without reply is sent
 * and its connection checked in at once): their effects join the outermost loop. */
void muv__server_carry_out(muv__server_t *server, unsigned effects)
{
    if (MUV__LIKELY(effects == 0)) {
        return;
    }
    server->todo |= effects;
    if (server->carrying_out) {
        return;
    }
    server->carrying_out = 1;
    while (server->todo != 0) {
        effects = server->todo;
        server->todo = 0;
        if ((effects & MUV__POOL_DO_FAIL) != 0) {
            fail_waiters(server);
        }
        if ((effects & MUV__POOL_DO_CLOSE) != 0) {
            close_connections(server);
        }
        if ((effects & MUV__POOL_DO_SERVE) != 0) {
            serve_waiters(server);
        }
        if ((effects & MUV__POOL_DO_CREATE) != 0) {
            create_connections(server);
        }
        if ((effects & MUV__POOL_DO_ARM) != 0) {
            muv__deadline_set(&server->client->deadlines, &server->wake, server->pool.wake_at_us);
        }
    }
    server->carrying_out = 0;
    muv__client_wake(server->client);
    free_if_unused(server);
}

/* --- life --------------------------------------------------------------------------------------*/

int muv__server_new(muv_client_t *client, muv__topology_server_t *record, muv__server_t **ret)
{
    muv__server_t *server = muv__mem_zalloc(sizeof(*server));
    muv__pool_config_t pool;

    if (server == NULL) {
        return MUV_ENOMEM;
    }
    server->client = client;
    server->record = muv__topology_server_retain(record);
    record->owner = server;
    server->host = &record->host;
    server->host_text = record->address;
    server->wake.on_due = on_wake;
    server->create.on_due = on_create;
    muv__monitor_init(&server->monitor, server, client->settings.heartbeat_interval_us,
                      client->settings.connect_timeout_us);
    pool = client->settings.pool;
    muv__events_watch_pool(server, &pool);
    muv__pool_init(&server->pool, &pool);
    muv__server_update_drain_grace(server);
    muv__list_init(&server->link);
    muv__list_push_back(&client->servers, &server->link);
    client->server_count++;
    *ret = server;
    return 0;
}

void muv__server_close(muv__server_t *server)
{
    unsigned effects;

    server->removed = 1;
    server->record->owner = NULL;
    muv__monitor_run(&server->monitor, MUV__HEARTBEAT_ON_STOP);
    effects = muv__pool_close(&server->pool, now_of(server));
    if (effects == 0) {
        free_if_unused(server);
    } else {
        muv__server_carry_out(server, effects); /* Frees it, too. */
    }
}

static int unblock_first(muv__list_t *list)
{
    for (muv__list_t *link = list->next; link != list; link = link->next) {
        muv__pooled_conn_t *pooled =
            pooled_of_node(MUV__CONTAINER_OF(link, muv__pool_conn_t, link));

        if (pooled->conn.paused == MUV__CONN_PAUSED_MEMORY) {
            muv__conn_unblock(&pooled->conn);
            return 1;
        }
    }
    return 0;
}

/* One at a time: going on may check the connection in and change the lists. The next one gets its
 * turn at the end of the next event. */
int muv__server_unblock(muv__server_t *server)
{
    return unblock_first(&server->pool.in_use_list) || unblock_first(&server->pool.draining_list);
}
