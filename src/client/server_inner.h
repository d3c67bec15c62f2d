/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a server share. Nobody else includes it.
 *   server.c           what connections say; the pool's effects; life
 *   server_requests.c  what operations ask for */
#ifndef MUV__SERVER_INNER_H
#define MUV__SERVER_INNER_H

#include "client/server.h"

/* The connection broke with the command on it. */
void muv__server_break_request(muv_op_t *op);

/* A connection that was closed for `code` leaves its pool; a pinned one when its last holder lets
 * go. */
void muv__server_drop_connection(muv__pooled_conn_t *pooled, int code);

/* The operation's wait in the queue is over. */
void muv__server_end_wait(muv__server_t *server, muv_op_t *op);

#endif
