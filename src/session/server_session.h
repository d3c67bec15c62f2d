/* SPDX-License-Identifier: Apache-2.0 */
/* Server sessions and their pool (Driver Sessions: server session pool). A server session is an
 * identifier that servers remember for `timeout_us` after its last use. The pool is last in, first
 * out; sessions with less than a minute left are not given out and not taken back, and those found
 * too old at the other end are dropped when one comes back. */
#ifndef MUV__SERVER_SESSION_H
#define MUV__SERVER_SESSION_H

#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"

#define MUV__SESSION_ID_SIZE 16

/* The end of life is not awaited to the last moment. */
#define MUV__SESSION_MARGIN_US INT64_C(60000000)

/* logicalSessionTimeoutMinutes is not known or endless (load balanced). */
#define MUV__SESSION_NEVER_EXPIRES INT64_MAX

typedef struct muv__server_session {
    muv__list_t link; /* In the pool. */
    int64_t last_used_us;
    int64_t txn_number; /* Of the last command that had one. */
    uint32_t users;     /* Outside of the pool: whoever counts it; 1 when new or taken. */
    uint8_t id[MUV__SESSION_ID_SIZE];
    uint8_t dirty; /* A network error befell a command of it: it is not reused. */
} muv__server_session_t;

typedef struct muv__session_pool {
    muv__list_t idle; /* Front: used last. */
    uint32_t count;   /* Of `idle`. */
} muv__session_pool_t;

void muv__session_pool_init(muv__session_pool_t *pool);

/* Free all that are idle. */
void muv__session_pool_done(muv__session_pool_t *pool);

/* The one used last that is not about to expire; those that are, are freed. NULL: none, make one
 * with muv__server_session_new(). */
muv__server_session_t *muv__session_pool_take(muv__session_pool_t *pool, int64_t now_us,
                                              int64_t timeout_us);

/* A session with an identifier made of random bytes (UUID version 4). NULL: out of memory. */
muv__server_session_t *muv__server_session_new(const uint8_t random[MUV__SESSION_ID_SIZE],
                                               int64_t now_us);

/* One user less. The last one gives it back; it is freed when it is dirty or about to expire. */
void muv__session_pool_give(muv__session_pool_t *pool, muv__server_session_t *session,
                            int64_t now_us, int64_t timeout_us);

/* Forget a session without telling anybody (fork, out of memory). */
void muv__server_session_free(muv__server_session_t *session);

/* For endSessions: append {id: UUID} of up to `max` idle sessions as the elements "0", "1", ... of
 * an open array, freeing them. Returns how many. */
uint32_t muv__session_pool_write_ends(muv__session_pool_t *pool, uint32_t max, muv__buf_t *buf);

/* Append `lsid: {id: UUID}`. On the way of every command. */
void muv__session_write_lsid(muv__buf_t *buf, const uint8_t id[MUV__SESSION_ID_SIZE]);

#endif
