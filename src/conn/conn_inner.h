/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a connection share. Nobody else includes it.
 *   conn.c       establishment, the stream's callbacks, the end
 *   request.c    one request at a time: sending, replies, draining
 *   handshake.c  the hello command and what its reply says of the connection */
#ifndef MUV__CONN_INNER_H
#define MUV__CONN_INNER_H

#include "conn/conn.h"

/* --- conn.c ------------------------------------------------------------------------------------*/

/* Close and report. `error` may live on the caller's stack. */
void muv__conn_fail(muv__conn_t *conn, const muv_error_t *error);
void muv__conn_fail_system(muv__conn_t *conn, int status, const char *what);
void muv__conn_fail_wire(muv__conn_t *conn, muv__wire_error_t wire_error);

/* The handshake's last reply was good. */
void muv__conn_greeted(muv__conn_t *conn, muv__span_t hello);

/* --- request.c ---------------------------------------------------------------------------------*/

/* Take all messages that have arrived. */
void muv__conn_take_messages(muv__conn_t *conn);
void muv__conn_written(muv__conn_t *conn);

/* --- handshake.c -------------------------------------------------------------------------------*/

/* Send the first hello. Returns as muv__conn_send(), or MUV_ENOMEM. */
int muv__conn_send_hello(muv__conn_t *conn);

/* Judge its reply: 1, or 0 with `error`. Sets the limits. */
int muv__conn_read_hello(muv__conn_t *conn, muv__span_t reply, muv_error_t *error);

#endif
