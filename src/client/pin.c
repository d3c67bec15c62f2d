/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that stay checked out between commands. */
#include "client/pin.h"

#include "base/assert.h"
#include "base/bson_view.h"
#include "base/error.h"
#include "base/mem.h"
#include "client/client_inner.h"

static int64_t now_of(const muv__server_t *server)
{
    return server->client->context.now_us;
}

/* --- counts ------------------------------------------------------------------------------------*/

void muv__pin_share(muv_op_t *op, muv__pooled_conn_t *pooled)
{
    MUV__ASSERT(op->pin == NULL);
    pooled->pins++;
    op->pin = pooled;
}

/* Nobody keeps it any more: give it to the pool in the state that it is in. */
static void give_back(muv__pooled_conn_t *pooled)
{
    muv__server_t *server = pooled->server;
    muv__pool_t *pool = &server->pool;
    unsigned effects = 0;

    MUV__ASSERT(pooled->op == NULL && muv__list_empty(&pooled->waiting));
    if (pooled->node.state == MUV__POOL_CONN_IN_USE) {
        if (muv__pin_is_broken(pooled)) {
            effects =
                muv__pool_conn_failed(pool, &pooled->node, pooled->broken_code, now_of(server));
        } else if (pooled->conn.state == MUV__CONN_DRAINING) {
            effects = muv__pool_drain(pool, &pooled->node, now_of(server));
        } else {
            MUV__ASSERT(pooled->conn.state == MUV__CONN_IDLE);
            effects = muv__pool_check_in(pool, &pooled->node, now_of(server));
        }
    }
    if (pooled->gone) {
        muv__mem_free(pooled);
        muv__server_carry_out(server, effects);
        muv__server_conn_closed(server);
        return;
    }
    muv__server_carry_out(server, effects);
}

void muv__pin_release(muv__pooled_conn_t *pooled)
{
    MUV__ASSERT(pooled->pins > 0);
    if (--pooled->pins == 0 && pooled->op == NULL) {
        give_back(pooled);
    }
}

/* --- one command after the other ---------------------------------------------------------------*/

/* What a holder hears of a connection that broke while it was not used. */
static void tell_broken(muv_op_t *op, const muv__pooled_conn_t *pooled)
{
    (void)muv__error_set(&op->error, MUV_ENETWORK, "connection to %s: it broke while it was pinned",
                         pooled->server->host_text);
    muv__op_name_host(op);
}

muv__op_event_t muv__pin_check_out(muv_op_t *op)
{
    muv__pooled_conn_t *pooled = op->pin;

    if (muv__pin_is_broken(pooled)) {
        tell_broken(op, pooled);
        if (!pooled->break_told) {
            /* The error of a command that would have met it. */
            pooled->break_told = 1;
            muv__deployment_on_failure(pooled->server, &pooled->node, &op->error, 1);
        }
        return MUV__OP_ON_FAILED;
    }
    if (pooled->op != NULL || pooled->conn.state != MUV__CONN_IDLE ||
        !muv__list_empty(&pooled->waiting)) {
        muv__list_push_back(&pooled->waiting, &op->wait_link);
        return MUV__OP_ON_NOTHING;
    }
    return MUV__OP_ON_CHECKED_OUT;
}

void muv__pin_leave_queue(muv_op_t *op)
{
    muv__list_remove(&op->wait_link);
    muv__pin_leave(op);
}

static muv_op_t *next_waiting(muv__pooled_conn_t *pooled)
{
    muv__list_t *link = muv__list_pop_front(&pooled->waiting);

    return link == NULL ? NULL : MUV__CONTAINER_OF(link, muv_op_t, wait_link);
}

/* A command that ends at once leads back here; the outermost call goes on. */
void muv__pin_serve(muv__pooled_conn_t *pooled)
{
    if (pooled->serving) {
        return;
    }
    pooled->serving = 1;
    pooled->pins++;
    while (pooled->op == NULL && pooled->conn.state == MUV__CONN_IDLE) {
        muv_op_t *op = next_waiting(pooled);

        if (op == NULL) {
            break;
        }
        muv__server_give_connection(op, &pooled->node);
        muv__run(op, MUV__OP_ON_CHECKED_OUT);
    }
    pooled->serving = 0;
    muv__pin_release(pooled);
}

void muv__pin_broken(muv__pooled_conn_t *pooled, int code)
{
    muv_op_t *op;

    MUV__ASSERT(muv__pin_is_broken(pooled));
    pooled->broken_code = code;
    pooled->pins++;
    while ((op = next_waiting(pooled)) != NULL) {
        tell_broken(op, pooled);
        muv__run(op, MUV__OP_ON_FAILED);
    }
    muv__pin_release(pooled);
}

/* --- whose reply pins --------------------------------------------------------------------------*/

int muv__op_opens_cursor(const muv_op_t *op)
{
    muv__bson_iter_t iter;
    int64_t id;

    return op->error.code == 0 && op->cursor.size != 0 &&
           muv__bson_find(op->cursor.data, op->cursor.size, "id", &iter) &&
           muv__bson_iter_as_int64(&iter, &id) && id != 0;
}

int muv__pin_check_in(muv_op_t *op, muv__pooled_conn_t *pooled)
{
    int ended = op->machine.state == MUV__OP_ENDED;

    if (op->pin == NULL && op->pins_cursor && ended && muv__op_opens_cursor(op)) {
        pooled->pinned_by = MUV__PINNED_BY_CURSOR;
        muv__pin_share(op, pooled);
        return 1;
    }
    if (pooled->pins == 0) {
        return 0;
    }
    /* For the next attempt of the same operation it has to be the same connection again. */
    if (ended && op->pin == pooled) {
        op->pin = NULL;
        pooled->pins--;
    }
    if (pooled->pins == 0) {
        return 0;
    }
    muv__pin_serve(pooled);
    return 1;
}

/* --- the text ----------------------------------------------------------------------------------*/

static unsigned count_pinned(const muv__server_t *server, uint8_t by)
{
    const muv__list_t *list = &server->pool.in_use_list;
    unsigned count = 0;

    for (muv__list_t *link = list->next; link != list; link = link->next) {
        const muv__pooled_conn_t *pooled = MUV__CONTAINER_OF(
            MUV__CONTAINER_OF(link, muv__pool_conn_t, link), muv__pooled_conn_t, node);

        count += pooled->pins != 0 && pooled->pinned_by == by;
    }
    return count;
}

void muv__pin_explain_timeout(const muv__server_t *server, muv_error_t *error)
{
    const muv__pool_t *pool = &server->pool;
    unsigned cursors = count_pinned(server, MUV__PINNED_BY_CURSOR);
    unsigned transactions = count_pinned(server, MUV__PINNED_BY_TRANSACTION);

    (void)muv__error_set(error, MUV_EWAITQUEUE,
                         "Timed out while checking out a connection from connection pool. "
                         "maxPoolSize: %u, connections in use by cursors: %u, connections in use "
                         "by transactions: %u, connections in use by other operations: %u",
                         pool->config.max_size, cursors, transactions,
                         pool->total - pool->idle - pool->pending - cursors - transactions);
}
