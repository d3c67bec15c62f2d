/* SPDX-License-Identifier: Apache-2.0 */
/* The waiters of a pool: the FIFO queue, which of them has a connection under way, and the lists of
 * those that were served or failed and wait for the client to fetch them. */
#include "pool/inner.h"

#include "muv/error.h"

muv__pool_waiter_t *muv__pool_first_waiter(const muv__pool_t *pool)
{
    return muv__pool_waiter_of(muv__list_first(&pool->queue));
}

muv__pool_waiter_t *muv__pool_first_unattended(const muv__pool_t *pool)
{
    muv__list_t *node;

    if (pool->waiting == pool->attended) {
        return NULL;
    }
    for (node = pool->queue.next; node != &pool->queue; node = node->next) {
        muv__pool_waiter_t *waiter = muv__pool_waiter_of(node);

        if (waiter->pending == NULL) {
            return waiter;
        }
    }
    return NULL;
}

void muv__pool_enqueue(muv__pool_t *pool, muv__pool_waiter_t *waiter)
{
    MUV__ASSERT(!waiter->queued && !waiter->handed);
    waiter->queued = 1;
    muv__list_init(&waiter->link);
    muv__list_push_back(&pool->queue, &waiter->link);
    pool->waiting++;
}

static void leave_queue(muv__pool_t *pool, muv__pool_waiter_t *waiter)
{
    MUV__ASSERT(waiter->queued && pool->waiting > 0);
    waiter->queued = 0;
    muv__list_remove(&waiter->link);
    pool->waiting--;
}

void muv__pool_attend(muv__pool_t *pool, muv__pool_waiter_t *waiter, muv__pool_conn_t *conn,
                      int inherited)
{
    MUV__ASSERT(waiter != NULL && waiter->queued);
    MUV__ASSERT(waiter->pending == NULL && conn->cause == NULL);
    waiter->pending = conn;
    conn->cause = waiter;
    conn->inherited = inherited ? 1 : 0;
    pool->attended++;
}

void muv__pool_unattend(muv__pool_t *pool, muv__pool_conn_t *conn)
{
    muv__pool_waiter_t *waiter = conn->cause;

    if (waiter == NULL) {
        return;
    }
    MUV__ASSERT(waiter->pending == conn);
    waiter->pending = NULL;
    conn->cause = NULL;
    conn->inherited = 0;
    /* A waiter that muv__pool_conn_failing() took out of the queue is not counted any more. */
    if (waiter->queued) {
        MUV__ASSERT(pool->attended > 0);
        pool->attended--;
    }
}

static muv__pool_conn_t *first_free_pending(const muv__pool_t *pool)
{
    muv__list_t *node;

    for (node = pool->pending_list.next; node != &pool->pending_list; node = node->next) {
        muv__pool_conn_t *conn = muv__pool_conn_of(node);

        if (conn->cause == NULL && !conn->given_up && !muv__pool_stale(pool, conn)) {
            return conn;
        }
    }
    return NULL;
}

void muv__pool_match(muv__pool_t *pool)
{
    while (pool->waiting > pool->attended && pool->pending > pool->attended) {
        muv__pool_conn_t *conn = first_free_pending(pool);
        muv__pool_waiter_t *waiter = muv__pool_first_unattended(pool);

        if (conn == NULL || waiter == NULL) {
            return;
        }
        muv__pool_attend(pool, waiter, conn, 1);
    }
}

static void put_on_failed_list(muv__pool_t *pool, muv__pool_waiter_t *waiter, int error)
{
    MUV__ASSERT(error < 0 && !waiter->queued && !waiter->handed);
    waiter->conn = NULL;
    waiter->error = error;
    waiter->handed = 1;
    muv__list_push_back(&pool->failed_list, &waiter->link);
}

static void tell_failed(muv__pool_t *pool, const muv__pool_waiter_t *waiter,
                        muv__pool_reason_t reason, int error, int64_t now_us)
{
    muv__pool_tell(pool, (muv__pool_event_t){.type = MUV__POOL_CHECK_OUT_FAILED,
                                             .reason = reason,
                                             .error = error,
                                             .duration_us = now_us - waiter->since_us});
}

void muv__pool_fail(muv__pool_t *pool, muv__pool_waiter_t *waiter, int error,
                    muv__pool_reason_t reason, int64_t now_us)
{
    if (waiter->pending != NULL) {
        muv__pool_unattend(pool, waiter->pending);
    }
    if (waiter->queued) {
        leave_queue(pool, waiter);
    }
    tell_failed(pool, waiter, reason, error, now_us);
    put_on_failed_list(pool, waiter, error);
}

void muv__pool_fail_queue(muv__pool_t *pool, int error, muv__pool_reason_t reason, int64_t now_us)
{
    muv__pool_waiter_t *waiter;

    while ((waiter = muv__pool_first_waiter(pool)) != NULL) {
        muv__pool_fail(pool, waiter, error, reason, now_us);
    }
    MUV__ASSERT(pool->waiting == 0 && pool->attended == 0);
}

void muv__pool_unserve(muv__pool_t *pool, muv__pool_conn_t *conn, int error)
{
    muv__pool_waiter_t *waiter = conn->cause;

    MUV__ASSERT(waiter->handed && waiter->conn == conn);
    conn->cause = NULL;
    muv__list_remove(&waiter->link);
    waiter->handed = 0;
    put_on_failed_list(pool, waiter, error);
}

void muv__pool_serve(muv__pool_t *pool, muv__pool_conn_t *conn, int64_t now_us)
{
    muv__pool_waiter_t *waiter = muv__pool_first_waiter(pool);
    muv__pool_conn_t *under_way;

    MUV__ASSERT(waiter != NULL && conn->cause == NULL);
    under_way = waiter->pending;
    if (under_way != NULL) {
        muv__pool_unattend(pool, under_way);
    }
    leave_queue(pool, waiter);
    if (under_way != NULL) {
        muv__pool_match(pool);
    }
    conn->state = MUV__POOL_CONN_IN_USE;
    conn->since_us = now_us;
    conn->cause = waiter;
    muv__list_push_front(&pool->in_use_list, &conn->link);
    waiter->conn = conn;
    waiter->handed = 1;
    muv__list_push_back(&pool->served_list, &waiter->link);
    muv__pool_tell(pool, (muv__pool_event_t){.type = MUV__POOL_CHECKED_OUT,
                                             .connection_id = conn->id,
                                             .duration_us = now_us - waiter->since_us});
}

/* Leave the served or the failed list. */
static unsigned take_back(muv__pool_t *pool, muv__pool_waiter_t *waiter, int64_t now_us)
{
    muv__pool_conn_t *conn = waiter->conn;

    muv__list_remove(&waiter->link);
    waiter->handed = 0;
    if (conn == NULL) {
        return muv__pool_plan(pool, now_us);
    }
    MUV__ASSERT(conn->cause == waiter);
    waiter->conn = NULL;
    conn->cause = NULL;
    return muv__pool_check_in(pool, conn, now_us);
}

unsigned muv__pool_forget(muv__pool_t *pool, muv__pool_waiter_t *waiter, muv__pool_reason_t reason,
                          int64_t now_us)
{
    int error = reason == MUV__POOL_REASON_TIMEOUT ? MUV_EWAITQUEUE : MUV_ECANCELED;

    if (waiter->handed) {
        return take_back(pool, waiter, now_us);
    }
    if (!waiter->queued && waiter->pending == NULL) {
        return 0;
    }
    if (waiter->pending != NULL) {
        waiter->pending->given_up = 1;
        muv__pool_unattend(pool, waiter->pending);
    }
    if (waiter->queued) {
        leave_queue(pool, waiter);
    }
    tell_failed(pool, waiter, reason, error, now_us);
    return muv__pool_plan(pool, now_us);
}

/* The waiter of a connection that is failing must not be found by a clear. It keeps its tie to the
 * connection, through which muv__pool_conn_failed() and muv__pool_forget() find it. */
void muv__pool_conn_failing(muv__pool_t *pool, muv__pool_conn_t *conn)
{
    muv__pool_waiter_t *waiter = conn->cause;

    MUV__ASSERT(conn->pool == pool && conn->state == MUV__POOL_CONN_PENDING);
    /* Out of the list, a clear or close does not hand it out either; it stays counted. */
    muv__list_remove(&conn->link);
    if (waiter == NULL || !waiter->queued) {
        return;
    }
    if (conn->inherited) {
        muv__pool_unattend(pool, conn);
        return;
    }
    leave_queue(pool, waiter);
    MUV__ASSERT(pool->attended > 0);
    pool->attended--;
}

muv__pool_waiter_t *muv__pool_next_failed(muv__pool_t *pool)
{
    muv__pool_waiter_t *waiter = muv__pool_waiter_of(muv__list_pop_front(&pool->failed_list));

    if (waiter != NULL) {
        waiter->handed = 0;
    }
    return waiter;
}

muv__pool_waiter_t *muv__pool_next_served(muv__pool_t *pool)
{
    muv__pool_waiter_t *waiter = muv__pool_waiter_of(muv__list_pop_front(&pool->served_list));

    if (waiter != NULL) {
        waiter->handed = 0;
        waiter->conn->cause = NULL;
    }
    return waiter;
}
