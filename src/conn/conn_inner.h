/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a connection share. Nobody else includes it.
 *   conn.c       establishment, the stream's callbacks, the end
 *   request.c    one request at a time: sending, replies, draining
 *   turn.c       work that is spread over turns; compression of requests is such work
 *   handshake.c  the hello command and what its reply says of the connection
 *   login.c      authentication */
#ifndef MUV__CONN_INNER_H
#define MUV__CONN_INNER_H

#include "conn/conn.h"

/* --- conn.c ------------------------------------------------------------------------------------*/

/* Close and report. `error` may live on the caller's stack. */
void muv__conn_fail(muv__conn_t *conn, const muv_error_t *error);
void muv__conn_fail_system(muv__conn_t *conn, int status, const char *what);
void muv__conn_fail_wire(muv__conn_t *conn, muv__wire_error_t wire_error);

/* The proxy has opened the way to the server; or will not. `text` is static memory. */
void muv__conn_proxied(muv__conn_t *conn);
void muv__conn_proxy_failed(muv__conn_t *conn, const char *text);

/* The TLS handshake is done. */
void muv__conn_secured(muv__conn_t *conn);

/* The reply to hello was good. */
void muv__conn_greeted(muv__conn_t *conn, muv__span_t hello);

/* The login has succeeded. */
void muv__conn_logged_in(muv__conn_t *conn);

/* The time of the stage in progress begins anew; or with `runs` 0 it stands still. */
void muv__conn_time_stage(muv__conn_t *conn, int runs);

/* --- request.c ---------------------------------------------------------------------------------*/

/* Take all messages that have arrived. */
void muv__conn_take_messages(muv__conn_t *conn);
void muv__conn_written(muv__conn_t *conn);

/* Write a message; `outgoing` is retained while bytes of it wait (`conn->writing`). Returns 0 or a
 * negative code. */
int muv__conn_write(muv__conn_t *conn, muv__outgoing_t *outgoing, const muv__message_t *message);

/* Nothing of the request waits any more. */
void muv__conn_all_written(muv__conn_t *conn);

/* The pause for work is over. */
void muv__conn_resume(muv__conn_t *conn);

/* --- turn.c ------------------------------------------------------------------------------------*/

/* Go on in a turn to come, when the sockets and the other connections had theirs. */
void muv__conn_work_later(muv__conn_t *conn);

/* No more of it: the connection is closed. */
void muv__conn_stop_work(muv__conn_t *conn);

/* As muv__conn_write(), compressed if the command may be. What cannot be compressed, because memory
 * is short or because it grows beyond the server's limit, leaves as it is. */
int muv__conn_write_packed(muv__conn_t *conn, muv__outgoing_t *outgoing,
                           const muv__message_t *message);

/* --- handshake.c -------------------------------------------------------------------------------*/

/* Send the first hello. Returns as muv__conn_send(), or MUV_ENOMEM. */
int muv__conn_send_hello(muv__conn_t *conn);

/* Judge its reply: 1, or 0 with `error`. Sets the limits. */
int muv__conn_read_hello(muv__conn_t *conn, muv__span_t reply, muv_error_t *error);

/* --- login.c -----------------------------------------------------------------------------------*/

/* May this user be made known to this server at all? Returns 1, or 0 with `error`. */
int muv__login_is_allowed(const muv__conn_t *conn, muv_error_t *error);

/* Begin a login with its part of hello. Returns 0, MUV_ENOMEM or MUV_EINVAL (no randomness). */
int muv__login_write_hello(muv__conn_t *conn, muv__outgoing_t *outgoing);

/* The reply to hello is good; or another reply came. The login goes on, ends, or fails. */
void muv__login_on_hello(muv__conn_t *conn, muv__span_t hello);
void muv__login_on_reply(muv__conn_t *conn, muv__span_t reply);

/* Wipe and free it, if there is one. */
void muv__login_end(muv__conn_t *conn);

#endif
