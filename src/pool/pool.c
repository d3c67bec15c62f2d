/* SPDX-License-Identifier: Apache-2.0 */
/* The connections of a pool and its three states. Check-out with an idle connection and check-in
 * without a waiter are the hot path, two of them for each request: they come first, and everything
 * else is kept out of their way. The invariants they rest on:
 *   - while the pool is READY, nobody waits as long as a connection is idle;
 *   - in a PAUSED pool every connection is stale, in a CLOSED one all that is left is in use;
 *   - the idle list is in the order of the last use, perished ones at its end. */
#include "pool/pool.h"

#include <string.h>

#include "muv/error.h"
#include "pool/inner.h"

void muv__pool_init(muv__pool_t *pool, const muv__pool_config_t *config)
{
    MUV__ASSERT(config->max_connecting >= 1);
    MUV__ASSERT(config->max_idle_us >= 0);

    *pool = (muv__pool_t){.state = MUV__POOL_PAUSED,
                          .wake_at_us = INT64_MAX,
                          .config = *config,
                          .next_id = 1,
                          .populating = 1,
                          .drain_grace_us = MUV__POOL_DRAIN_GRACE_US,
                          .backoff_until_us = INT64_MIN};
    muv__list_init(&pool->idle_list);
    muv__list_init(&pool->in_use_list);
    muv__list_init(&pool->queue);
    muv__list_init(&pool->pending_list);
    muv__list_init(&pool->draining_list);
    muv__list_init(&pool->close_list);
    muv__list_init(&pool->served_list);
    muv__list_init(&pool->failed_list);
    muv__pool_tell(pool, (muv__pool_event_t){.type = MUV__POOL_CREATED});
}

void muv__pool_done(muv__pool_t *pool)
{
    MUV__ASSERT(pool->state == MUV__POOL_CLOSED || pool->next_id == 1);
    MUV__ASSERT(pool->total == 0);
    MUV__ASSERT(muv__list_empty(&pool->queue));
    MUV__ASSERT(muv__list_empty(&pool->close_list));
    MUV__ASSERT(muv__list_empty(&pool->served_list));
    MUV__ASSERT(muv__list_empty(&pool->failed_list));
}

/* --- Check-out ---------------------------------------------------------------------------------*/

static inline void take_idle(muv__pool_t *pool, muv__pool_waiter_t *waiter, muv__pool_conn_t *conn,
                             int64_t now_us)
{
    muv__list_remove(&conn->link);
    pool->idle--;
    muv__list_push_front(&pool->in_use_list, &conn->link);
    conn->state = MUV__POOL_CONN_IN_USE;
    conn->since_us = now_us;
    waiter->conn = conn;
    muv__pool_tell_conn(pool, MUV__POOL_CHECKED_OUT, conn);
}

static unsigned refuse(muv__pool_t *pool, muv__pool_waiter_t *waiter, int error,
                       muv__pool_reason_t reason)
{
    waiter->error = error;
    muv__pool_tell(pool, (muv__pool_event_t){
                             .type = MUV__POOL_CHECK_OUT_FAILED, .reason = reason, .error = error});
    return 0;
}

/* No idle connection that can be used: the first one has perished, and then all have, or there is
 * none, or the pool is not ready. */
static unsigned check_out_slowly(muv__pool_t *pool, muv__pool_waiter_t *waiter, int64_t now_us)
{
    muv__pool_conn_t *conn;

    if (pool->state == MUV__POOL_CLOSED) {
        return refuse(pool, waiter, MUV_EPOOLCLOSED, MUV__POOL_REASON_POOL_CLOSED);
    }
    if (pool->state == MUV__POOL_PAUSED) {
        return refuse(pool, waiter, MUV_EPOOLCLEARED, MUV__POOL_REASON_CONNECTION_ERROR);
    }
    while ((conn = muv__pool_conn_of(muv__list_first(&pool->idle_list))) != NULL) {
        muv__pool_retire(pool, conn,
                         muv__pool_stale(pool, conn) ? MUV__POOL_REASON_STALE
                                                     : MUV__POOL_REASON_IDLE);
    }
    if (pool->waiting >= pool->config.max_waiting) {
        (void)refuse(pool, waiter, MUV_EQUEUEFULL, MUV__POOL_REASON_CONNECTION_ERROR);
    } else {
        muv__pool_enqueue(pool, waiter);
    }
    return muv__pool_plan(pool, now_us);
}

unsigned muv__pool_check_out(muv__pool_t *pool, muv__pool_waiter_t *waiter, int64_t now_us)
{
    muv__pool_conn_t *conn;

    MUV__DASSERT(!waiter->queued && !waiter->handed && waiter->pending == NULL);
    waiter->conn = NULL;
    waiter->error = 0;
    waiter->since_us = now_us;
    muv__pool_tell(pool, (muv__pool_event_t){.type = MUV__POOL_CHECK_OUT_STARTED});

    if (MUV__LIKELY(!muv__list_empty(&pool->idle_list) && pool->state == MUV__POOL_READY)) {
        conn = MUV__CONTAINER_OF(pool->idle_list.next, muv__pool_conn_t, link);
        MUV__DASSERT(pool->waiting == 0);
        if (MUV__LIKELY(!muv__pool_stale(pool, conn) && !muv__pool_idled_out(pool, conn, now_us))) {
            take_idle(pool, waiter, conn, now_us);
            return 0;
        }
    }
    return check_out_slowly(pool, waiter, now_us);
}

/* --- Check-in ----------------------------------------------------------------------------------*/

/* `conn` is in no list. Returns what changed: an earlier wake-up for the first idle connection. */
static inline unsigned put_idle(muv__pool_t *pool, muv__pool_conn_t *conn, int64_t now_us)
{
    conn->state = MUV__POOL_CONN_IDLE;
    conn->since_us = now_us;
    muv__list_push_front(&pool->idle_list, &conn->link);
    pool->idle++;
    if (pool->config.max_idle_us != 0 && now_us + pool->config.max_idle_us < pool->wake_at_us) {
        pool->wake_at_us = now_us + pool->config.max_idle_us;
        return MUV__POOL_DO_ARM;
    }
    return 0;
}

/* A connection of this generation, in no list, in a READY pool. */
static unsigned put_back(muv__pool_t *pool, muv__pool_conn_t *conn, int64_t now_us)
{
    if (pool->waiting == 0) {
        return put_idle(pool, conn, now_us);
    }
    muv__pool_serve(pool, conn, now_us);
    return MUV__POOL_DO_SERVE;
}

static muv__pool_reason_t why_perished(const muv__pool_t *pool)
{
    return pool->state == MUV__POOL_CLOSED ? MUV__POOL_REASON_POOL_CLOSED : MUV__POOL_REASON_STALE;
}

/* A connection that left its list; CHECKED_IN was emitted. */
static MUV__COLD unsigned close_perished(muv__pool_t *pool, muv__pool_conn_t *conn, int64_t now_us)
{
    muv__pool_remove(pool, conn, why_perished(pool), 0);
    muv__list_push_back(&pool->close_list, &conn->link);
    return muv__pool_plan(pool, now_us);
}

unsigned muv__pool_check_in(muv__pool_t *pool, muv__pool_conn_t *conn, int64_t now_us)
{
    MUV__ASSERT(conn->state == MUV__POOL_CONN_IN_USE && conn->pool == pool);
    MUV__DASSERT(conn->cause == NULL);

    muv__pool_tell_conn(pool, MUV__POOL_CHECKED_IN, conn);
    if (MUV__UNLIKELY(muv__pool_stale(pool, conn) || pool->state != MUV__POOL_READY)) {
        return close_perished(pool, conn, now_us);
    }
    muv__list_remove(&conn->link);
    return put_back(pool, conn, now_us);
}

unsigned muv__pool_drain(muv__pool_t *pool, muv__pool_conn_t *conn, int64_t now_us)
{
    MUV__ASSERT(conn->state == MUV__POOL_CONN_IN_USE && conn->pool == pool);
    MUV__ASSERT(conn->cause == NULL);

    if (muv__pool_stale(pool, conn) || pool->state != MUV__POOL_READY) {
        muv__pool_retire(pool, conn, why_perished(pool));
        return muv__pool_plan(pool, now_us);
    }
    muv__list_remove(&conn->link);
    conn->state = MUV__POOL_CONN_DRAINING;
    conn->since_us = now_us;
    muv__list_push_back(&pool->draining_list, &conn->link);
    pool->draining++;
    return muv__pool_plan(pool, now_us);
}

unsigned muv__pool_drained(muv__pool_t *pool, muv__pool_conn_t *conn, int64_t now_us)
{
    MUV__ASSERT(conn->state == MUV__POOL_CONN_DRAINING && conn->pool == pool);

    muv__pool_tell_conn(pool, MUV__POOL_CHECKED_IN, conn);
    if (muv__pool_stale(pool, conn) || pool->state != MUV__POOL_READY) {
        return close_perished(pool, conn, now_us);
    }
    muv__list_remove(&conn->link);
    pool->draining--;
    return put_back(pool, conn, now_us);
}

/* --- Coming and going --------------------------------------------------------------------------*/

void muv__pool_add(muv__pool_t *pool, muv__pool_conn_t *conn, int64_t now_us)
{
    muv__pool_waiter_t *waiter = muv__pool_first_unattended(pool);

    MUV__ASSERT(conn->state == MUV__POOL_CONN_NEW);
    MUV__ASSERT(muv__pool_wants_connection(pool));

    conn->pool = pool;
    conn->id = pool->next_id++;
    conn->generation = pool->generation;
    conn->state = MUV__POOL_CONN_PENDING;
    conn->since_us = now_us;
    muv__list_init(&conn->link);
    muv__list_push_back(&pool->pending_list, &conn->link);
    pool->pending++;
    pool->total++;
    if (waiter != NULL) {
        muv__pool_attend(pool, waiter, conn, 0);
    }
    muv__pool_tell_conn(pool, MUV__POOL_CONNECTION_CREATED, conn);
}

unsigned muv__pool_create_failed(muv__pool_t *pool, int error, int64_t now_us)
{
    muv__pool_waiter_t *waiter = muv__pool_first_unattended(pool);

    MUV__ASSERT(error < 0);
    if (waiter != NULL) {
        muv__pool_fail(pool, waiter, error, MUV__POOL_REASON_CONNECTION_ERROR, now_us);
    } else {
        muv__pool_back_off(pool, now_us);
    }
    return muv__pool_plan(pool, now_us);
}

unsigned muv__pool_established(muv__pool_t *pool, muv__pool_conn_t *conn, int64_t now_us)
{
    MUV__ASSERT(conn->state == MUV__POOL_CONN_PENDING && conn->pool == pool);

    pool->failures = 0;
    pool->backoff_until_us = INT64_MIN;
    if (muv__pool_stale(pool, conn) || pool->state != MUV__POOL_READY) {
        muv__pool_retire(pool, conn, why_perished(pool));
        return muv__pool_plan(pool, now_us);
    }
    muv__pool_tell(pool, (muv__pool_event_t){.type = MUV__POOL_CONNECTION_READY,
                                             .connection_id = conn->id,
                                             .duration_us = now_us - conn->since_us});
    muv__pool_unattend(pool, conn);
    muv__list_remove(&conn->link);
    pool->pending--;
    return put_back(pool, conn, now_us) | muv__pool_plan(pool, now_us);
}

void muv__pool_remove(muv__pool_t *pool, muv__pool_conn_t *conn, muv__pool_reason_t reason,
                      int error)
{
    MUV__ASSERT(conn->state != MUV__POOL_CONN_NEW && conn->state != MUV__POOL_CONN_GONE);
    MUV__ASSERT(pool->total > 0);

    muv__list_remove(&conn->link);
    if (conn->state == MUV__POOL_CONN_PENDING) {
        muv__pool_unattend(pool, conn);
        pool->pending--;
    } else if (conn->state == MUV__POOL_CONN_IDLE) {
        pool->idle--;
    } else if (conn->state == MUV__POOL_CONN_DRAINING) {
        pool->draining--;
    }
    pool->total--;
    conn->state = MUV__POOL_CONN_GONE;
    conn->reason = (uint8_t)reason;
    muv__pool_tell(pool, (muv__pool_event_t){.type = MUV__POOL_CONNECTION_CLOSED,
                                             .reason = reason,
                                             .connection_id = conn->id,
                                             .error = error});
}

/* Every CHECKED_OUT has its CHECKED_IN, before the connection is closed. */
static void tell_end_of_use(muv__pool_t *pool, const muv__pool_conn_t *conn)
{
    if (conn->state == MUV__POOL_CONN_IN_USE || conn->state == MUV__POOL_CONN_DRAINING) {
        muv__pool_tell_conn(pool, MUV__POOL_CHECKED_IN, conn);
    }
}

void muv__pool_retire(muv__pool_t *pool, muv__pool_conn_t *conn, muv__pool_reason_t reason)
{
    tell_end_of_use(pool, conn);
    muv__pool_remove(pool, conn, reason, 0);
    muv__list_push_back(&pool->close_list, &conn->link);
}

unsigned muv__pool_conn_failed(muv__pool_t *pool, muv__pool_conn_t *conn, int error, int64_t now_us)
{
    muv__pool_waiter_t *to_fail = NULL;

    MUV__ASSERT(error < 0 && conn->pool == pool);
    if (conn->state == MUV__POOL_CONN_PENDING) {
        muv__pool_back_off(pool, now_us);
        to_fail = conn->inherited ? NULL : conn->cause;
    } else if (conn->state == MUV__POOL_CONN_IN_USE && conn->cause != NULL) {
        muv__pool_unserve(pool, conn, error);
    }
    tell_end_of_use(pool, conn);
    muv__pool_remove(pool, conn, MUV__POOL_REASON_ERROR, error);
    if (to_fail != NULL) {
        muv__pool_fail(pool, to_fail, error, MUV__POOL_REASON_CONNECTION_ERROR, now_us);
    }
    return muv__pool_plan(pool, now_us);
}

/* --- States of the pool ------------------------------------------------------------------------*/

unsigned muv__pool_ready(muv__pool_t *pool, int64_t now_us)
{
    if (pool->state != MUV__POOL_PAUSED) {
        return 0;
    }
    pool->state = MUV__POOL_READY;
    muv__pool_tell(pool, (muv__pool_event_t){.type = MUV__POOL_READIED});
    return muv__pool_plan(pool, now_us);
}

static void retire_all(muv__pool_t *pool, muv__list_t *list, muv__pool_reason_t reason)
{
    muv__pool_conn_t *conn;

    while ((conn = muv__pool_conn_of(muv__list_first(list))) != NULL) {
        muv__pool_retire(pool, conn, reason);
    }
}

/* CMAP: only connections of older generations; in a paused pool there are no others. */
static void interrupt(muv__pool_t *pool)
{
    muv__pool_conn_t *conn;

    retire_all(pool, &pool->pending_list, MUV__POOL_REASON_STALE);
    while ((conn = muv__pool_conn_of(muv__list_first(&pool->in_use_list))) != NULL) {
        MUV__ASSERT(muv__pool_stale(pool, conn));
        if (conn->cause != NULL) {
            muv__pool_unserve(pool, conn, MUV_EPOOLCLEARED);
        } else {
            conn->interrupted = 1;
        }
        muv__pool_retire(pool, conn, MUV__POOL_REASON_STALE);
    }
    retire_all(pool, &pool->draining_list, MUV__POOL_REASON_STALE);
}

unsigned muv__pool_clear(muv__pool_t *pool, int interrupt_in_use, int64_t now_us)
{
    if (pool->state == MUV__POOL_CLOSED) {
        return 0;
    }
    if (pool->state == MUV__POOL_READY) {
        pool->generation++;
        pool->state = MUV__POOL_PAUSED;
        muv__pool_tell(pool, (muv__pool_event_t){.type = MUV__POOL_CLEARED,
                                                 .interrupt_in_use = interrupt_in_use != 0});
    }
    if (interrupt_in_use) {
        interrupt(pool);
    }
    muv__pool_fail_queue(pool, MUV_EPOOLCLEARED, MUV__POOL_REASON_CONNECTION_ERROR, now_us);
    return muv__pool_plan(pool, now_us);
}

/* Take all of a list that are not of the service into the new generation. Of the others those that
 * nobody has are retired at once: what is stale must stand at one end of its list. Waiters look for
 * another one than a pending one that is stale. */
static void renew(muv__pool_t *pool, muv__list_t *list, const uint8_t *service_id)
{
    muv__list_t *node = list->next;

    while (node != list) {
        muv__pool_conn_t *conn = muv__pool_conn_of(node);

        node = node->next;
        if (conn->service_id == NULL || memcmp(conn->service_id, service_id, 12) != 0) {
            conn->generation += conn->generation + 1 == pool->generation;
        } else if (conn->state == MUV__POOL_CONN_PENDING) {
            muv__pool_unattend(pool, conn);
        } else if (conn->state != MUV__POOL_CONN_IN_USE) {
            muv__pool_retire(pool, conn, MUV__POOL_REASON_STALE);
        }
    }
}

unsigned muv__pool_clear_service(muv__pool_t *pool, const muv__pool_conn_t *conn, int64_t now_us)
{
    const uint8_t *service_id = conn->service_id;

    MUV__ASSERT(conn->pool == pool);
    if (pool->state != MUV__POOL_READY || service_id == NULL || muv__pool_stale(pool, conn)) {
        return 0;
    }
    pool->generation++;
    muv__pool_tell(pool, (muv__pool_event_t){.type = MUV__POOL_CLEARED, .service_id = service_id});
    renew(pool, &pool->pending_list, service_id);
    renew(pool, &pool->in_use_list, service_id);
    renew(pool, &pool->idle_list, service_id);
    renew(pool, &pool->draining_list, service_id);
    return muv__pool_plan(pool, now_us);
}

unsigned muv__pool_close(muv__pool_t *pool, int64_t now_us)
{
    if (pool->state == MUV__POOL_CLOSED) {
        return 0;
    }
    pool->state = MUV__POOL_CLOSED;
    retire_all(pool, &pool->idle_list, MUV__POOL_REASON_POOL_CLOSED);
    retire_all(pool, &pool->pending_list, MUV__POOL_REASON_POOL_CLOSED);
    retire_all(pool, &pool->draining_list, MUV__POOL_REASON_POOL_CLOSED);
    muv__pool_fail_queue(pool, MUV_EPOOLCLOSED, MUV__POOL_REASON_POOL_CLOSED, now_us);
    muv__pool_tell(pool, (muv__pool_event_t){.type = MUV__POOL_CLOSED_EVENT});
    return muv__pool_plan(pool, now_us);
}

muv__pool_conn_t *muv__pool_next_to_close(muv__pool_t *pool)
{
    return muv__pool_conn_of(muv__list_pop_front(&pool->close_list));
}
