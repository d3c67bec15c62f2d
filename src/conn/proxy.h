/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation with a connection's SOCKS5 proxy (socks5.h) carried out on its stream. It is
 * there only while the connection is being established (conn->proxying). */
#ifndef MUV__PROXY_H
#define MUV__PROXY_H

#include <stddef.h>
#include <stdint.h>

#include "conn/conn.h"

/* The socket to the proxy is connected: greet it. Returns 0 (muv__conn_proxied() follows, or the
 * connection fails; never inside), MUV_ENOMEM or a negative system code. */
int muv__proxy_begin(muv__conn_t *conn);

/* As the stream's callbacks. */
uint8_t *muv__proxy_space(muv__conn_t *conn, size_t *ret_size);
void muv__proxy_read(muv__conn_t *conn, size_t size);
void muv__proxy_written(muv__conn_t *conn);

/* Wipe and free it, if there is one. What was being written must have gone. */
void muv__proxy_done(muv__conn_t *conn);

#endif
