/* SPDX-License-Identifier: Apache-2.0 */
/* What operations ask of a server: a connection, its return, its end. */
#include "client/server.h"

#include "base/assert.h"
#include "base/error.h"
#include "client/client_inner.h"
#include "client/pin.h"
#include "client/server_inner.h"
#include "client/session.h"

static int64_t now_of(const muv__server_t *server)
{
    return server->client->context.now_us;
}

static void on_wait_queue_timeout(muv__deadline_t *deadline, int64_t now_us)
{
    muv_op_t *op = MUV__CONTAINER_OF(deadline, muv_op_t, wait_deadline);

    (void)now_us;
    muv__op_stop(op, MUV_EWAITQUEUE);
}

static muv__op_event_t check_out_pinned(muv_op_t *op)
{
    muv__op_event_t event = muv__pin_check_out(op);

    if (event == MUV__OP_ON_CHECKED_OUT) {
        muv__server_give_connection(op, &op->pin->node);
    }
    return event;
}

muv__op_event_t muv__server_check_out(muv__server_t *server, muv_op_t *op)
{
    unsigned effects;

    if (MUV__UNLIKELY(op->pin != NULL)) {
        return check_out_pinned(op);
    }
    effects = muv__pool_check_out(&server->pool, &op->waiter, now_of(server));
    if (MUV__LIKELY(op->waiter.conn != NULL)) {
        muv__server_give_connection(op, op->waiter.conn);
        muv__server_carry_out(server, effects);
        return MUV__OP_ON_CHECKED_OUT;
    }
    if (op->waiter.error != 0) {
        (void)muv__error_code(&op->error, op->waiter.error);
        muv__op_name_host(op);
        muv__server_carry_out(server, effects);
        return MUV__OP_ON_FAILED;
    }
    if (server->client->settings.wait_queue_timeout_us != INT64_MAX && !op->has_timeout) {
        op->wait_deadline.on_due = on_wait_queue_timeout;
        muv__deadline_set(&server->client->deadlines, &op->wait_deadline,
                          now_of(server) + server->client->settings.wait_queue_timeout_us);
    }
    muv__server_carry_out(server, effects);
    return MUV__OP_ON_NOTHING;
}

void muv__server_leave_queue(muv__server_t *server, muv_op_t *op, int timed_out)
{
    muv__pool_reason_t reason =
        timed_out ? MUV__POOL_REASON_TIMEOUT : MUV__POOL_REASON_CONNECTION_ERROR;

    muv__server_end_wait(server, op);
    if (MUV__UNLIKELY(op->pin != NULL)) {
        muv__pin_leave_queue(op);
        return;
    }
    if (op->error.code == MUV_EWAITQUEUE && server->client->context.load_balanced) {
        muv__pin_explain_timeout(server, &op->error);
        muv__op_name_host(op);
    }
    muv__server_carry_out(server,
                          muv__pool_forget(&server->pool, &op->waiter, reason, now_of(server)));
}

static muv__pooled_conn_t *detach(muv_op_t *op)
{
    muv__pooled_conn_t *pooled = op->conn;

    op->conn = NULL;
    pooled->op = NULL;
    pooled->conn.warm = NULL;
    return pooled;
}

void muv__server_check_in(muv_op_t *op)
{
    muv__server_t *server = op->server;
    muv__pooled_conn_t *pooled = detach(op);

    if (MUV__UNLIKELY(pooled->pins != 0 || op->pins_cursor) && muv__pin_check_in(op, pooled)) {
        return;
    }
    muv__server_carry_out(server, muv__pool_check_in(&server->pool, &pooled->node, now_of(server)));
}

void muv__server_abandon(muv_op_t *op)
{
    muv__server_t *server = op->server;
    muv__pooled_conn_t *pooled = detach(op);

    if (op->server_session != NULL) {
        /* The command may still run there, and nothing else may meanwhile (Driver Sessions). */
        muv__session_mark_dirty(op);
    }
    if (!muv__conn_abandon(&pooled->conn)) {
        muv__conn_close(&pooled->conn);
        muv__server_drop_connection(pooled, op->error.code);
    } else if (MUV__LIKELY(pooled->pins == 0)) {
        muv__server_carry_out(server,
                              muv__pool_drain(&server->pool, &pooled->node, now_of(server)));
    }
}

/* `op->error` is filled. */
static void close_request(muv_op_t *op)
{
    muv__server_t *server = op->server;
    muv__pooled_conn_t *pooled = detach(op);

    muv__server_break_request(op);
    muv__conn_close(&pooled->conn);
    /* As much a network error of an application's socket as one while reading. */
    pooled->break_told = 1;
    muv__deployment_on_failure(server, &pooled->node, &op->error, 1);
    muv__server_drop_connection(pooled, op->error.code);
}

void muv__server_send_failed(muv_op_t *op, int status)
{
    muv__conn_system_error(&op->conn->conn, status, "writing to", &op->error);
    close_request(op);
}

void muv__server_request_timed_out(muv_op_t *op)
{
    (void)muv__error_set(&op->error, MUV_ENETTIMEOUT, "%s did not answer within socketTimeoutMS",
                         op->server->host_text);
    close_request(op);
}
