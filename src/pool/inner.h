/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the pool share. Nobody else includes it.
 *   pool.c      connections and the states of the pool
 *   queue.c     waiters: who stands where, who is served, who fails
 *   maintain.c  what is due: creations, idle times, minPoolSize, draining connections; wake-ups
 *   events.c    numbered events and the texts of the specification */
#ifndef MUV__POOL_INNER_H
#define MUV__POOL_INNER_H

#include "pool/pool.h"

/* --- events.c ----------------------------------------------------------------------------------*/

MUV__COLD void muv__pool_emit(muv__pool_t *pool, muv__pool_event_t event);

/* The event is only built when somebody listens. */
static inline void muv__pool_tell(muv__pool_t *pool, muv__pool_event_t event)
{
    if (MUV__UNLIKELY(pool->config.emit != NULL)) {
        muv__pool_emit(pool, event);
    }
}

static inline void muv__pool_tell_conn(muv__pool_t *pool, muv__pool_event_type_t type,
                                       const muv__pool_conn_t *conn)
{
    muv__pool_tell(pool, (muv__pool_event_t){.type = type, .connection_id = conn->id});
}

/* --- queue.c -----------------------------------------------------------------------------------*/

/* The waiters are found through their links; NULL when there is none. */
muv__pool_waiter_t *muv__pool_first_waiter(const muv__pool_t *pool);

/* The first one without a connection under way. Looks at no more than `attended` others. */
muv__pool_waiter_t *muv__pool_first_unattended(const muv__pool_t *pool);

void muv__pool_enqueue(muv__pool_t *pool, muv__pool_waiter_t *waiter);

/* Tie a PENDING connection to the waiter it is established for, and untie them. */
void muv__pool_attend(muv__pool_t *pool, muv__pool_waiter_t *waiter, muv__pool_conn_t *conn,
                      int inherited);
void muv__pool_unattend(muv__pool_t *pool, muv__pool_conn_t *conn);

/* Waiters without a connection under way inherit those that are under way for nobody: made for
 * minPoolSize, or left behind by a served waiter. One that its waiter gave up may hang. */
void muv__pool_match(muv__pool_t *pool);

/* Out of the queue with an error, and onto the failed list. */
void muv__pool_fail(muv__pool_t *pool, muv__pool_waiter_t *waiter, int error,
                    muv__pool_reason_t reason, int64_t now_us);
void muv__pool_fail_queue(muv__pool_t *pool, int error, muv__pool_reason_t reason, int64_t now_us);

/* A served waiter that was not yet collected loses its connection. */
void muv__pool_unserve(muv__pool_t *pool, muv__pool_conn_t *conn, int error);

/* Give a connection that is in no list to the head of the queue, which is not empty. */
void muv__pool_serve(muv__pool_t *pool, muv__pool_conn_t *conn, int64_t now_us);

/* --- pool.c ------------------------------------------------------------------------------------*/

/* Take a connection out of the pool: lists, counts, CONNECTION_CLOSED. It is then in no list. */
void muv__pool_remove(muv__pool_t *pool, muv__pool_conn_t *conn, muv__pool_reason_t reason,
                      int error);

/* The same, and onto the close list; CHECKED_IN goes before it for a DRAINING one. */
void muv__pool_retire(muv__pool_t *pool, muv__pool_conn_t *conn, muv__pool_reason_t reason);

/* --- maintain.c --------------------------------------------------------------------------------*/

/* The end of every call off the hot path: the effects, and `wake_at_us`. */
unsigned muv__pool_plan(muv__pool_t *pool, int64_t now_us);

/* An establishment failed: minPoolSize rests for a while. */
void muv__pool_back_off(muv__pool_t *pool, int64_t now_us);

static inline int muv__pool_full(const muv__pool_t *pool)
{
    return pool->config.max_size != 0 && pool->total >= pool->config.max_size;
}

static inline int muv__pool_stale(const muv__pool_t *pool, const muv__pool_conn_t *conn)
{
    return conn->generation != pool->generation;
}

static inline int muv__pool_idled_out(const muv__pool_t *pool, const muv__pool_conn_t *conn,
                                      int64_t now_us)
{
    return pool->config.max_idle_us != 0 && now_us - conn->since_us >= pool->config.max_idle_us;
}

static inline muv__pool_conn_t *muv__pool_conn_of(muv__list_t *link)
{
    return link == NULL ? NULL : MUV__CONTAINER_OF(link, muv__pool_conn_t, link);
}

static inline muv__pool_waiter_t *muv__pool_waiter_of(muv__list_t *link)
{
    return link == NULL ? NULL : MUV__CONTAINER_OF(link, muv__pool_waiter_t, link);
}

#endif
