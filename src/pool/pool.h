/* SPDX-License-Identifier: Apache-2.0 */
/* The connection pool of one server as a pure machine, in the shape of the CMAP specification.
 * It decides; the client carries out. It opens no socket, reads no clock and allocates nothing:
 * connections and waiting operations embed its nodes.
 *
 *            ready()                close()
 *   PAUSED ----------> READY ---------------> CLOSED
 *     ^                  |      close() from PAUSED too
 *     +------------------+
 *            clear()
 *
 * One connection's way through the pool:
 *
 *   PENDING --established--> IDLE <--> IN_USE --drain--> DRAINING --drained--> IDLE
 *      |                      |          |                  |
 *      +------- failed, perished, cleared, closed ----------+--> GONE
 *
 * Every call answers with effects; the caller carries them out in the order of their bits, each
 * until its list is empty:
 *   MUV__POOL_DO_FAIL    muv__pool_next_failed(): waiters that end with `waiter->error`
 *   MUV__POOL_DO_CLOSE   muv__pool_next_to_close(): connections to close, in state GONE
 *   MUV__POOL_DO_SERVE   muv__pool_next_served(): waiters whose `conn` is theirs now
 *   MUV__POOL_DO_CREATE  muv__pool_wants_connection(): make one and muv__pool_add() it, or say
 *                        muv__pool_create_failed()
 *   MUV__POOL_DO_ARM     `wake_at_us` changed: call muv__pool_tick() then
 * Effects say what the lists hold, so a call made while an outer one is still being carried out may
 * name work of both. `wake_at_us` is never too late, but may be too early: a tick with nothing to
 * do only computes it anew.
 *
 * Who gets which connection? Whatever becomes free serves the head of the queue. A waiter may have
 * one connection established on its behalf: one it asked for, or one that it inherited because
 * nobody else needs it (made for minPoolSize, or its waiter was served with another one). A failed
 * establishment fails the waiter that asked for it, if it still waits, and nobody who inherited it.
 * The connection of a waiter that left the queue (timeout) is not inherited: it may hang. It still
 * serves whoever waits when it is established.
 *
 * Behind a load balancer one pool has connections to several services, and each has generations of
 * its own: muv__pool_clear_service() makes those of one service stale, in a pool that stays READY.
 * No map is kept for that: a new generation begins for the whole pool, and all connections but
 * those of the service are taken into it. */
#ifndef MUV__POOL_H
#define MUV__POOL_H

#include <stdint.h>

#include "base/list.h"

enum {
    MUV__POOL_DO_FAIL = 1 << 0,
    MUV__POOL_DO_CLOSE = 1 << 1,
    MUV__POOL_DO_SERVE = 1 << 2,
    MUV__POOL_DO_CREATE = 1 << 3,
    MUV__POOL_DO_ARM = 1 << 4
};

/* What a pool starts with in `drain_grace_us`; the client puts the measured value there (2 x
 * average RTT + the last handshake's time, between 5 and 250 ms). */
#define MUV__POOL_DRAIN_GRACE_US 250000

/* After a failed establishment minPoolSize is left alone for 100 ms, doubled with each further
 * failure in a row up to 10 s. What fails meanwhile does not count. */
#define MUV__POOL_BACKOFF_MIN_US 100000
#define MUV__POOL_BACKOFF_MAX_US 10000000

typedef enum muv__pool_state {
    MUV__POOL_PAUSED,
    MUV__POOL_READY,
    MUV__POOL_CLOSED
} muv__pool_state_t;

typedef enum muv__pool_conn_state {
    MUV__POOL_CONN_NEW, /* A zeroed node, in no pool. */
    MUV__POOL_CONN_PENDING,
    MUV__POOL_CONN_IDLE,
    MUV__POOL_CONN_IN_USE,
    MUV__POOL_CONN_DRAINING,
    MUV__POOL_CONN_GONE
} muv__pool_conn_state_t;

/* Why a connection ends; the texts of the events are fixed by the CMAP specification. */
typedef enum muv__pool_reason {
    MUV__POOL_REASON_NONE,
    MUV__POOL_REASON_STALE,
    MUV__POOL_REASON_IDLE,
    MUV__POOL_REASON_ERROR,
    MUV__POOL_REASON_POOL_CLOSED,
    MUV__POOL_REASON_TIMEOUT,         /* Check-out failed: the wait queue timeout elapsed. */
    MUV__POOL_REASON_CONNECTION_ERROR /* Check-out failed: establishing failed, pool paused, queue
                                       * full, cancelled. */
} muv__pool_reason_t;

typedef struct muv__pool_conn {
    muv__list_t link;               /* In the list of its state, or of those to close. */
    struct muv__pool_waiter *cause; /* PENDING: on whose behalf, or NULL. IN_USE: who was served and
                                     * is still on `served_list`, or NULL. */
    struct muv__pool *pool;         /* Set by muv__pool_add(). */
    uint64_t id;                    /* From 1, in order of creation, per pool. */
    int64_t since_us;               /* When the present state began. */
    uint32_t generation;
    uint8_t state;             /* muv__pool_conn_state_t. */
    uint8_t reason;            /* GONE: muv__pool_reason_t. */
    uint8_t interrupted;       /* GONE by a clear with interruptInUseConnections while in use. */
    uint8_t inherited;         /* PENDING: `cause` did not ask for it. */
    uint8_t given_up;          /* PENDING: its waiter left the queue. */
    const uint8_t *service_id; /* [borrow] Behind a load balancer the 12 bytes of the ObjectId that
                                * hello told; set before muv__pool_established(). NULL: none, or not
                                * known yet. */
} muv__pool_conn_t;

typedef struct muv__pool_waiter {
    muv__list_t link;
    muv__pool_conn_t *conn;    /* Set when served. */
    muv__pool_conn_t *pending; /* The connection being established on its behalf, or NULL. */
    int64_t since_us;
    int error;      /* Set when failed: MUV_EPOOLCLEARED, MUV_EPOOLCLOSED, MUV_EQUEUEFULL or the
                     * establishment's code. */
    uint8_t queued; /* 1 while it stands in the queue. */
    uint8_t handed; /* 1 while it is on `served_list` or `failed_list`. */
} muv__pool_waiter_t;

typedef enum muv__pool_event_type {
    MUV__POOL_CREATED,
    MUV__POOL_READIED,
    MUV__POOL_CLEARED,
    MUV__POOL_CLOSED_EVENT,
    MUV__POOL_CONNECTION_CREATED,
    MUV__POOL_CONNECTION_READY,
    MUV__POOL_CONNECTION_CLOSED,
    MUV__POOL_CHECK_OUT_STARTED,
    MUV__POOL_CHECK_OUT_FAILED,
    MUV__POOL_CHECKED_OUT,
    MUV__POOL_CHECKED_IN
} muv__pool_event_type_t;

typedef struct muv__pool_event {
    muv__pool_event_type_t type;
    muv__pool_reason_t reason; /* CONNECTION_CLOSED and CHECK_OUT_FAILED. */
    uint64_t connection_id;    /* 0 where the event has none. */
    uint64_t number;           /* Counts a pool's events from 1: order can be proved. */
    int64_t duration_us;       /* CONNECTION_READY, CHECKED_OUT, CHECK_OUT_FAILED. */
    int error;                 /* MUV_E* of CHECK_OUT_FAILED, and of a CONNECTION_CLOSED that a
                                * muv__pool_conn_failed() is behind; else 0. */
    uint8_t interrupt_in_use;  /* CLEARED. */
    const uint8_t *service_id; /* CLEARED: 12 bytes, the only service that was cleared; NULL: all.
                                * [borrow] For the call. */
} muv__pool_event_t;

/* Called inside pool calls; must only record. */
typedef void (*muv__pool_emit_t)(const muv__pool_event_t *event, void *data);

typedef struct muv__pool_config {
    int64_t max_idle_us;   /* maxIdleTimeMS; 0 = for ever. */
    muv__pool_emit_t emit; /* NULL: no events, and none is counted. */
    void *emit_data;
    uint32_t max_size;       /* maxPoolSize; 0 = no limit. */
    uint32_t min_size;       /* minPoolSize. */
    uint32_t max_connecting; /* maxConnecting, at least 1. */
    uint32_t max_waiting;    /* Longest queue; beyond it a check-out fails with MUV_EQUEUEFULL. */
} muv__pool_config_t;

/* The members are in the order of use: check-out and check-in touch the first ones only. */
typedef struct muv__pool {
    muv__pool_state_t state;
    uint32_t generation;
    uint32_t waiting; /* Length of `queue`. */
    uint32_t idle;
    int64_t wake_at_us;    /* INT64_MAX: never. */
    muv__list_t idle_list; /* Front: used last. Check-outs take the front (LIFO). */
    muv__list_t in_use_list;
    muv__pool_config_t config;
    uint64_t events;
    uint64_t next_id;
    uint32_t total;   /* PENDING + IDLE + IN_USE + DRAINING: what maxPoolSize bounds. */
    uint32_t pending; /* What maxConnecting bounds. */
    uint32_t draining;
    uint32_t attended;        /* Waiters of the queue with a `pending` connection. */
    uint32_t failures;        /* Establishments that failed in a row. */
    uint32_t populating;      /* 0 while the back-off runs. */
    int64_t drain_grace_us;   /* How long a waiter waits, and a draining connection is left, before
                               * one replaces the other. */
    int64_t backoff_until_us; /* minPoolSize is not pursued before (connecting failed). */
    muv__list_t queue;        /* FIFO. */
    muv__list_t pending_list;
    muv__list_t draining_list; /* Front: oldest. */
    muv__list_t close_list;
    muv__list_t served_list;
    muv__list_t failed_list;
} muv__pool_t;

/* Start PAUSED with generation 0. Emits CREATED. */
void muv__pool_init(muv__pool_t *pool, const muv__pool_config_t *config);

/* Asserts that the pool is CLOSED (or never used) and every list is empty. */
void muv__pool_done(muv__pool_t *pool);

/* Ask for a connection. A zeroed (or finished) waiter is taken. With an idle connection the waiter
 * is served at once: then `waiter->conn` is set on return and the waiter is in no list (the hot
 * path: SERVE is not among the effects for it). When the pool is paused, closed or the queue full,
 * `waiter->error` is set on return and the waiter is in no list either. Otherwise it is queued.
 * Perished idle connections that are met on the way are handed out to be closed. */
unsigned muv__pool_check_out(muv__pool_t *pool, muv__pool_waiter_t *waiter, int64_t now_us);

/* Leave the queue (cancel, deadline). `reason` is TIMEOUT or CONNECTION_ERROR for the event. Safe
 * on a waiter that is not queued. A connection being established for it goes on, and becomes idle
 * when nobody waits. A waiter that was served but not yet collected with muv__pool_next_served()
 * gives its connection back, as by muv__pool_check_in(), and has `conn` NULL afterwards; one that
 * failed but was not collected just leaves its list. One that has its connection keeps it. */
unsigned muv__pool_forget(muv__pool_t *pool, muv__pool_waiter_t *waiter, muv__pool_reason_t reason,
                          int64_t now_us);

/* Give an IN_USE connection back: to the head of the queue, to the idle list, or to be closed when
 * it is stale or the pool is not ready any more. */
unsigned muv__pool_check_in(muv__pool_t *pool, muv__pool_conn_t *conn, int64_t now_us);

/* An IN_USE connection's operation has gone, its reply is still to come. Emits CHECKED_IN only when
 * it is back (muv__pool_drained) or ends. One that could only be closed afterwards (stale, pool
 * closed) is handed out to be closed at once. */
unsigned muv__pool_drain(muv__pool_t *pool, muv__pool_conn_t *conn, int64_t now_us);
unsigned muv__pool_drained(muv__pool_t *pool, muv__pool_conn_t *conn, int64_t now_us);

/* The client made the connection that muv__pool_wants_connection() asked for. `conn` is zeroed. */
void muv__pool_add(muv__pool_t *pool, muv__pool_conn_t *conn, int64_t now_us);
/* It could not (memory): the waiter it was for fails with `error`. One for minPoolSize only starts
 * the back-off. */
unsigned muv__pool_create_failed(muv__pool_t *pool, int error, int64_t now_us);

/* A PENDING connection finished its handshake. A stale one is closed instead of being served. */
unsigned muv__pool_established(muv__pool_t *pool, muv__pool_conn_t *conn, int64_t now_us);

/* Optional first half of muv__pool_conn_failed() for a PENDING connection: call it, then tell the
 * topology, which may clear this pool, then call muv__pool_conn_failed(), all in one go. The waiter
 * that will fail is out of the queue from here on, so that the clear does not answer it with
 * MUV_EPOOLCLEARED, and the events come in the order that the specification's tests want: pool
 * cleared, connection closed, check-out failed. */
void muv__pool_conn_failing(muv__pool_t *pool, muv__pool_conn_t *conn);

/* A connection in any state but GONE broke, or its establishment failed. The pool forgets it and
 * the waiter that caused a PENDING one fails with `error`, as does one that was served with it and
 * not yet collected. The caller closes it: it is not put on the close list. Afterwards its state is
 * GONE. For IN_USE and DRAINING ones CHECKED_IN is emitted first. */
unsigned muv__pool_conn_failed(muv__pool_t *pool, muv__pool_conn_t *conn, int error,
                               int64_t now_us);

/* PAUSED -> READY. Nothing on a ready or closed pool. */
unsigned muv__pool_ready(muv__pool_t *pool, int64_t now_us);

/* READY -> PAUSED: new generation, the queue fails with MUV_EPOOLCLEARED. With `interrupt_in_use`
 * also PENDING, IN_USE and DRAINING connections of older generations are handed out to be closed;
 * for an IN_USE one `interrupted` is 1 and its operation is the client's to fail (a waiter that was
 * served with it and not yet collected fails with MUV_EPOOLCLEARED instead). On a paused pool only
 * the interruption is done, on a closed one nothing. Stale connections that are idle or draining
 * are closed by the next tick, which is due at once, or when met. */
unsigned muv__pool_clear(muv__pool_t *pool, int interrupt_in_use, int64_t now_us);

/* `conn` (in any state) failed: its service gets a new generation. Connections of that service that
 * are idle or draining are handed out to be closed, those in use when they are checked in; waiters
 * and connections of other services notice nothing, nor does one whose service is not known yet.
 * Nothing happens unless the pool is READY, or when `conn` is stale or has no service (Load
 * balancers: errors before the handshake told the service are ignored). */
unsigned muv__pool_clear_service(muv__pool_t *pool, const muv__pool_conn_t *conn, int64_t now_us);

/* To CLOSED, for good: the queue fails with MUV_EPOOLCLOSED; IDLE, PENDING and DRAINING connections
 * are handed out to be closed; IN_USE ones are closed when checked in. */
unsigned muv__pool_close(muv__pool_t *pool, int64_t now_us);

/* Time passed: idle and stale connections, minPoolSize, and while the pool is full a waiter that
 * has waited for `drain_grace_us` and has no connection under way takes the place of the oldest
 * draining connection, when that has drained for as long: in the order of the queue, within
 * maxConnecting. Sets `wake_at_us`, always answers with ARM. May be called early. */
unsigned muv__pool_tick(muv__pool_t *pool, int64_t now_us);

/* The lists behind the effects; NULL (0) when empty. */
muv__pool_waiter_t *muv__pool_next_failed(muv__pool_t *pool);
muv__pool_conn_t *muv__pool_next_to_close(muv__pool_t *pool);
muv__pool_waiter_t *muv__pool_next_served(muv__pool_t *pool);
int muv__pool_wants_connection(const muv__pool_t *pool);

/* The CMAP text of a reason in an event ("stale"), and its sentence in a log message. Never NULL.
 */
const char *muv__pool_reason_text(muv__pool_event_type_t type, muv__pool_reason_t reason);
const char *muv__pool_reason_message(muv__pool_event_type_t type, muv__pool_reason_t reason);

/* The name of an event type in the specification's tests ("ConnectionCheckedOut"). */
const char *muv__pool_event_name(muv__pool_event_type_t type);

#endif
