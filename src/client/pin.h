/* SPDX-License-Identifier: Apache-2.0 */
/* Pins: behind a load balancer the next connection may lead to another server, so whoever needs the
 * same server again keeps its connection checked out (Load balancers: cursors and transactions).
 *
 *   find's reply opens a cursor --> op->pin --> cursor->pin      killCursors, or drained
 *   getMore, killCursors: op->pin, counted beside the cursor's --------> checked in
 *
 * A pinned connection is IN_USE for its pool until the last count is gone, even when it has broken
 * by then: its holder finds out with its next command. Commands with `op->pin` skip selection and
 * the pool's queue, and wait for each other and for the late reply of an abandoned one. */
#ifndef MUV__PIN_H
#define MUV__PIN_H

#include "client/server.h"

/* Keep the connection for `op` and its commands: one more count. */
void muv__pin_share(muv_op_t *op, muv__pooled_conn_t *pooled);

/* One count less; with the last one the connection goes back to the pool. */
void muv__pin_release(muv__pooled_conn_t *pooled);

/* The same for what an operation holds, if it does. */
static inline void muv__pin_leave(muv_op_t *op)
{
    muv__pooled_conn_t *pooled = op->pin;

    if (MUV__UNLIKELY(pooled != NULL)) {
        op->pin = NULL;
        muv__pin_release(pooled);
    }
}

/* Its stream is gone; nothing can be asked over it any more. */
static inline int muv__pin_is_broken(const muv__pooled_conn_t *pooled)
{
    return pooled->conn.state == MUV__CONN_CLOSED;
}

/* The reply is a success and has left a cursor open on the server. */
int muv__op_opens_cursor(const muv_op_t *op);

/* --- for server.c ------------------------------------------------------------------------------*/

/* An operation with a pin wants its connection: the next event of its machine. With CHECKED_OUT it
 * is to be given the connection. */
muv__op_event_t muv__pin_check_out(muv_op_t *op);

/* It waited for that, and does so no longer. */
void muv__pin_leave_queue(muv_op_t *op);

/* `op` has its reply and has let go of `pooled`. Returns 1 when the connection stays pinned: it is
 * not to be checked in. */
int muv__pin_check_in(muv_op_t *op, muv__pooled_conn_t *pooled);

/* A pinned connection is IDLE: whoever waits for it is next. */
void muv__pin_serve(muv__pooled_conn_t *pooled);

/* A pinned connection has broken, or was closed: whoever waits for it fails. The pool hears of it
 * with the last count. */
void muv__pin_broken(muv__pooled_conn_t *pooled, int code);

/* Who has the connections? (Load balancers: the text is prescribed.) */
void muv__pin_explain_timeout(const muv__server_t *server, muv_error_t *error);

#endif
