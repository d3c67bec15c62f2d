/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions inside: which server session a command runs in, and what it learns from the reply.
 *
 * A server session (session/server_session.h) belongs to the pool, or to its users: an explicit
 * session, operations without one, and cursors that such an operation has opened. The last user
 * gives it back. Operations and cursors of an explicit session count that one instead.
 *
 *   start        join         the explicit session of the options, or the parent's
 *   each send    acquire      when the connection is there (Driver Sessions: not before check-out)
 *                fill_tail
 *   each reply   on_reply     or mark_dirty, when the connection broke
 *   before the last check-in   leave     so that the next operation can have the server session
 *   behind the callback        release */
#ifndef MUV__CLIENT_SESSION_H
#define MUV__CLIENT_SESSION_H

#include "muv/session.h"

#include "client/operation.h"
#include "op/reply.h"
#include "op/tail.h"
#include "session/cluster_time.h"
#include "session/server_session.h"

/* What of its session's read concern a command takes. */
enum {
    MUV__SESSION_CONCERN_NONE,     /* getMore, killCursors. */
    MUV__SESSION_CONCERN_SNAPSHOT, /* Commands as given, without a read concern of their own. */
    MUV__SESSION_CONCERN_ALL,
    MUV__SESSION_CONCERN_NO_SESSION /* endSessions: it runs in none. */
};

/* What muv_session_start() gives out. When its last count is gone it goes to a short list of its
 * client and is reused later, so that the use of an ended session is noticed and not undefined. */
struct muv_session {
    muv_client_t *client;                  /* NULL when the client has ended. */
    muv__list_t link;                      /* The client's sessions, or its ended ones. */
    muv__server_session_t *server_session; /* Counted; NULL until the first command is sent. */
    uint32_t refs;                         /* The handles together, operations, cursors. */
    uint32_t handles;                      /* 0: it has ended. */
    uint8_t causal;
    uint8_t snapshot;
    uint8_t has_id;
    uint8_t id[MUV__SESSION_ID_SIZE];
    uint64_t operation_time;
    uint64_t snapshot_time;
    int64_t default_timeout_ms;
    muv__cluster_time_t cluster_time;
    bson_t *id_view;           /* What muv_session_id() has given out, or NULL. */
    bson_t *cluster_time_view; /* The same of muv_session_cluster_time() ... */
    uint64_t view_time;        /* ... and its time. */
};

/* --- counting (session_handle.c) ---------------------------------------------------------------*/

muv_session_t *muv__session_ref(muv_session_t *session);
void muv__session_unref(muv_session_t *session);

/* A count of a server session becomes that of `session`. */
void muv__session_adopt(muv_session_t *session, muv__server_session_t *server_session);

/* One user of a server session less. */
void muv__session_give(muv_client_t *client, muv__server_session_t *session);

/* --- operations --------------------------------------------------------------------------------*/

/* May an operation of `client` be part of `session`? NULL: yes. Returns 0, or MUV_EINVAL with the
 * refusal noted. */
int muv__session_check(muv_client_t *client, const muv_session_t *session);

/* Put a new operation into `session` (checked), or into its parent's when that is NULL. */
void muv__session_join(muv_op_t *op, muv_session_t *session);

/* The connection is known: op->server_session becomes the one to be used, unless there is one from
 * an attempt before. Unacknowledged commands and, without an explicit session, servers without
 * sessions need none. Returns 0, or a code with `op->error` filled. */
int muv__session_acquire(muv_op_t *op);

/* What the session adds to the command. */
void muv__session_fill_tail(const muv_op_t *op, muv__tail_t *tail);

/* Learn from a reply, that of a failed command too. `op->reply.body` is the whole of it. */
void muv__session_on_reply(muv_op_t *op, const muv__reply_info_t *info);

/* The connection broke while a command was on it: the server session will not be reused (Driver
 * Sessions: a network error may have left something running there). */
void muv__session_mark_dirty(muv_op_t *op);

/* No attempt will follow. An implicit session goes back to the pool, unless the reply has opened a
 * cursor. */
void muv__session_leave(muv_op_t *op);

/* The operation ends: give back what it still has. */
void muv__session_release(muv_op_t *op);

/* --- cursors -----------------------------------------------------------------------------------*/

/* The session that getMore and killCursors carry on. All zero: none. */
typedef struct muv__session_hold {
    muv_session_t *session;
    muv__server_session_t *server_session; /* Without `session`. */
} muv__session_hold_t;

/* Inside the callback of the operation that has opened a cursor: a count of its session. */
muv__session_hold_t muv__session_hand_over(muv_op_t *op);

/* Let a new operation carry it on, too. */
void muv__session_take_over(muv_op_t *op, const muv__session_hold_t *hold);

/* The cursor is exhausted or closed: give the count back; `hold` is empty then. */
void muv__session_hold_end(muv_client_t *client, muv__session_hold_t *hold);

/* --- the client's end --------------------------------------------------------------------------*/

/* While the client drains and nothing else lives: start endSessions for the sessions of the pool,
 * with nobody waiting for them longer than a second. Called until nothing lives any more. */
void muv__sessions_end_all(muv_client_t *client);

/* The client is freed: sessions that are still there lose it, the pool is emptied. */
void muv__sessions_done(muv_client_t *client);

#endif
