/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server: libh2o with a context of its own on our loop, the listening socket, and the list
 * of connections, which is what a stop in good order needs:
 *
 *     http_stop():  take what waits in the listening socket's queue, close it
 *                   answer all requests that have begun to arrive
 *                   close connections as they become idle; the last one calls back
 */
#ifndef BOARD_HTTP_H
#define BOARD_HTTP_H

#include <h2o.h>
#include <stdbool.h>
#include <uv.h>

/* A request's head and body; a body beyond this is answered with 413. */
#define HTTP_MAX_BODY_BYTES ((size_t)64 * 1024)

typedef struct http http_t;

/* One connection of a client. */
typedef struct http_connection {
    uv_tcp_t tcp;
    h2o_socket_t *socket; /* [borrow] h2o closes it. */
    http_t *http;
    struct http_connection *previous;
    struct http_connection *next;
    uint32_t requests; /* In progress. */
    bool http2;
} http_connection_t;

/* A request has arrived as a whole. */
typedef void (*http_request_cb)(h2o_req_t *req, void *data);

struct http {
    uv_loop_t *loop;
    h2o_globalconf_t config;
    h2o_context_t context;
    h2o_accept_ctx_t accept;
    uv_tcp_t listener;
    http_connection_t *connections;
    uint32_t connection_count;
    uint32_t max_connections;
    bool listening;
    bool accept_waits; /* The limit was reached: libuv keeps the next connection, and stops. */
    bool stopping;
    http_request_cb on_request;
    void (*on_stopped)(void *data);
    void *data;
};

/* http  [borrow] All zero; must live until the loop has run empty after http_done(). */
void http_init(http_t *http, uv_loop_t *loop, http_request_cb on_request, void *data);

/* fd  [own] A bound socket, not listening yet. Returns 0 or libuv's code. */
int http_listen(http_t *http, int fd);

/* Stop in good order. `on_stopped` is called when the last connection has closed, and may be called
 * before this returns. */
void http_stop(http_t *http, void (*on_stopped)(void *data));

/* Give h2o's memory back, when no connection is left; not from within a callback of h2o. */
void http_done(http_t *http);

/* The connection of a request, which is counted until http_request_end(). */
http_connection_t *http_request_begin(h2o_req_t *req);
void http_request_end(http_connection_t *connection);

/* A socket bound to host:port (0: a free one) that shares its port with other processes.
 *
 * Returns the descriptor, or a negative code of libuv's. */
int http_bind(const char *host, int port);

/* The port a socket is bound to, or -1. */
int http_bound_port(int fd);

#endif
