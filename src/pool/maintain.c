/* SPDX-License-Identifier: Apache-2.0 */
/* What a pool has to do besides answering: how many connections it wants, which ones have been idle
 * for too long or are stale, minPoolSize and its back-off, draining connections that others wait
 * for; and when to look again. The specification's background thread, as a function of time. */
#include "pool/inner.h"

int muv__pool_wants_connection(const muv__pool_t *pool)
{
    if (pool->state != MUV__POOL_READY || pool->pending >= pool->config.max_connecting ||
        muv__pool_full(pool)) {
        return 0;
    }
    return pool->waiting > pool->attended ||
           (pool->populating && pool->total < pool->config.min_size);
}

void muv__pool_back_off(muv__pool_t *pool, int64_t now_us)
{
    int64_t delay_us = MUV__POOL_BACKOFF_MAX_US;

    /* Connections that were under way together count as one failure. */
    if (now_us < pool->backoff_until_us) {
        return;
    }
    /* 100 ms << 7 is beyond the maximum. */
    if (pool->failures < 7) {
        delay_us = (int64_t)MUV__POOL_BACKOFF_MIN_US << pool->failures;
        pool->failures++;
    }
    if (delay_us > MUV__POOL_BACKOFF_MAX_US) {
        delay_us = MUV__POOL_BACKOFF_MAX_US;
    }
    pool->backoff_until_us = now_us + delay_us;
    pool->populating = 0;
}

static int64_t earlier(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The first waiter that will have no connection under way when CREATE is carried out, although
 * maxConnecting allows one more: the pool is full then. NULL also when no connection is draining
 * that could make room for it. */
static const muv__pool_waiter_t *first_shut_out(const muv__pool_t *pool)
{
    uint32_t unattended = pool->waiting - pool->attended;
    uint32_t slots = 0;
    uint32_t room = UINT32_MAX;
    uint32_t coming;
    muv__list_t *node;

    if (pool->draining == 0 || unattended == 0) {
        return NULL;
    }
    if (pool->pending < pool->config.max_connecting) {
        slots = pool->config.max_connecting - pool->pending;
    }
    if (pool->config.max_size != 0) {
        room = pool->config.max_size - pool->total;
    }
    coming = smaller(unattended, smaller(slots, room));
    if (coming == unattended || coming == slots) {
        return NULL;
    }
    for (node = pool->queue.next; node != &pool->queue; node = node->next) {
        const muv__pool_waiter_t *waiter = muv__pool_waiter_of(node);

        if (waiter->pending == NULL && coming-- == 0) {
            return waiter;
        }
    }
    return NULL;
}

/* When `waiter` may take the place of a draining connection: both have had the grace. A reply that
 * is merely late gets its time however long the queue has waited for others. */
static int64_t replace_at_us(const muv__pool_t *pool, const muv__pool_waiter_t *waiter)
{
    const muv__pool_conn_t *oldest = muv__pool_conn_of(muv__list_first(&pool->draining_list));
    int64_t since_us = waiter->since_us;

    MUV__ASSERT(oldest != NULL);
    since_us = oldest->since_us > since_us ? oldest->since_us : since_us;
    return since_us + pool->drain_grace_us;
}

static int64_t next_wake_us(const muv__pool_t *pool, int64_t now_us)
{
    const muv__pool_conn_t *idle = muv__pool_conn_of(muv__list_last(&pool->idle_list));
    const muv__pool_conn_t *draining = muv__pool_conn_of(muv__list_first(&pool->draining_list));
    const muv__pool_waiter_t *waiter;
    int64_t wake_at_us = INT64_MAX;

    if ((idle != NULL && muv__pool_stale(pool, idle)) ||
        (draining != NULL && muv__pool_stale(pool, draining))) {
        return now_us;
    }
    if (idle != NULL && pool->config.max_idle_us != 0) {
        wake_at_us = idle->since_us + pool->config.max_idle_us;
    }
    if (pool->state != MUV__POOL_READY) {
        return wake_at_us;
    }
    if (!pool->populating && pool->total < pool->config.min_size) {
        wake_at_us = earlier(wake_at_us, pool->backoff_until_us);
    }
    waiter = first_shut_out(pool);
    if (waiter != NULL) {
        wake_at_us = earlier(wake_at_us, replace_at_us(pool, waiter));
    }
    return wake_at_us;
}

unsigned muv__pool_plan(muv__pool_t *pool, int64_t now_us)
{
    unsigned effects = 0;
    int64_t wake_at_us;

    pool->populating = now_us >= pool->backoff_until_us;
    muv__pool_match(pool);
    if (!muv__list_empty(&pool->failed_list)) {
        effects |= MUV__POOL_DO_FAIL;
    }
    if (!muv__list_empty(&pool->close_list)) {
        effects |= MUV__POOL_DO_CLOSE;
    }
    if (!muv__list_empty(&pool->served_list)) {
        effects |= MUV__POOL_DO_SERVE;
    }
    if (muv__pool_wants_connection(pool)) {
        effects |= MUV__POOL_DO_CREATE;
    }
    wake_at_us = next_wake_us(pool, now_us);
    if (wake_at_us != pool->wake_at_us) {
        pool->wake_at_us = wake_at_us;
        effects |= MUV__POOL_DO_ARM;
    }
    return effects;
}

/* The list is in the order of the last use, and what is stale was used before the clear: whatever
 * has perished stands at the end. */
static void prune_idle(muv__pool_t *pool, int64_t now_us)
{
    muv__pool_conn_t *conn;

    while ((conn = muv__pool_conn_of(muv__list_last(&pool->idle_list))) != NULL) {
        if (muv__pool_stale(pool, conn)) {
            muv__pool_retire(pool, conn, MUV__POOL_REASON_STALE);
        } else if (muv__pool_idled_out(pool, conn, now_us)) {
            muv__pool_retire(pool, conn, MUV__POOL_REASON_IDLE);
        } else {
            return;
        }
    }
}

/* A stale connection would be closed when its reply has come, but counts until then. */
static void prune_draining(muv__pool_t *pool)
{
    muv__pool_conn_t *conn;

    while ((conn = muv__pool_conn_of(muv__list_first(&pool->draining_list))) != NULL) {
        if (!muv__pool_stale(pool, conn)) {
            return;
        }
        muv__pool_retire(pool, conn, MUV__POOL_REASON_STALE);
    }
}

/* One draining connection for each waiter, when the grace of both is over. A place that is made
 * counts as taken by the next round already: CREATE follows. */
static void replace_draining(muv__pool_t *pool, int64_t now_us)
{
    const muv__pool_waiter_t *waiter;

    while ((waiter = first_shut_out(pool)) != NULL && now_us >= replace_at_us(pool, waiter)) {
        muv__pool_retire(pool, muv__pool_conn_of(muv__list_first(&pool->draining_list)),
                         MUV__POOL_REASON_ERROR);
    }
}

unsigned muv__pool_tick(muv__pool_t *pool, int64_t now_us)
{
    prune_idle(pool, now_us);
    prune_draining(pool);
    replace_draining(pool, now_us);
    return muv__pool_plan(pool, now_us) | MUV__POOL_DO_ARM;
}
