/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration of h2o, accepting, stopping; see http.h. */
#include "http.h"

#include "http_errors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <h2o.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_TIMEOUT_MS 10000
#define MAX_CONNECTIONS 10000
#define BACKLOG 1024

/* h2o knows handlers by the address of this struct: ours leads to the server. */
typedef struct handler {
    h2o_handler_t super;
    http_t *http;
} handler_t;

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    http_t *http = ((handler_t *)(void *)self)->http;

    http->on_request(req, http->data);
    return 0;
}

void http_init(http_t *http, uv_loop_t *loop, http_request_cb on_request_cb, void *data)
{
    h2o_hostconf_t *host;
    h2o_pathconf_t *path;
    handler_t *handler;

    http->loop = loop;
    http->on_request = on_request_cb;
    http->data = data;
    http->max_connections = MAX_CONNECTIONS;
    h2o_config_init(&http->config);
    http->config.server_name = h2o_iovec_init(H2O_STRLIT("board"));
    http->config.max_request_entity_size = HTTP_MAX_BODY_BYTES;
    http->config.http1.req_timeout = IDLE_TIMEOUT_MS;
    http->config.http2.idle_timeout = IDLE_TIMEOUT_MS;
    host = h2o_config_register_host(&http->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    path = h2o_config_register_path(host, "/", 0);
    handler = (handler_t *)(void *)h2o_create_handler(path, sizeof(*handler));
    handler->super.on_req = on_request;
    handler->http = http;
    http_errors_register(path);
    http_errors_register(&host->fallback_path);
    h2o_context_init(&http->context, loop, &http->config);
    http->accept.ctx = &http->context;
    http->accept.hosts = http->config.hosts;
}

void http_done(http_t *http)
{
    /* The second part of HTTP/2's farewell is due a second after the first; with no connection left
     * nobody waits for it, and h2o insists that no timer is. */
    h2o_timeout_unlink(&http->context.http2._graceful_shutdown_timeout);
    h2o_context_dispose(&http->context);
    h2o_config_dispose(&http->config);
}

/* --- connections -------------------------------------------------------------------------------*/

/* From here on a read gives what has arrived, and then the end: h2o answers a request that is there
 * and closes a connection that is idle. HTTP/2 has its own farewell, which h2o sends. */
static void end_input(const http_connection_t *connection)
{
    if (!connection->http2 && connection->requests == 0 && connection->socket->input->size == 0) {
        (void)shutdown(h2o_socket_get_fd(connection->socket), SHUT_RD);
    }
}

static void tell_if_stopped(http_t *http)
{
    if (http->stopping && !http->listening && http->connection_count == 0 &&
        http->on_stopped != NULL) {
        void (*on_stopped)(void *) = http->on_stopped;

        http->on_stopped = NULL;
        on_stopped(http->data);
    }
}

static void accept_one(http_t *http, int fd);

static void free_connection(uv_handle_t *handle)
{
    free(handle);
}

/* h2o closes the socket; the memory goes when libuv has let go of it, see free_connection(). */
static void on_socket_close(void *data)
{
    http_connection_t *connection = data;
    http_t *http = connection->http;

    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        http->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    http->connection_count--;
    if (http->accept_waits && http->listening) {
        http->accept_waits = false;
        accept_one(http, -1);
    }
    tell_if_stopped(http);
}

static void add_connection(http_t *http, http_connection_t *connection)
{
    connection->http = http;
    connection->next = http->connections;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    http->connections = connection;
    http->connection_count++;
    connection->socket = h2o_uv_socket_create((uv_stream_t *)&connection->tcp, free_connection);
    connection->socket->on_close.cb = on_socket_close;
    connection->socket->on_close.data = connection;
    (void)uv_tcp_nodelay(&connection->tcp, 1);
    h2o_accept(&http->accept, connection->socket);
    if (http->stopping) {
        end_input(connection);
    }
}

/* Take one connection: the one libuv holds for us, or `fd` when it is not negative. */
static void accept_one(http_t *http, int fd)
{
    http_connection_t *connection = calloc(1, sizeof(*connection));
    int code;

    if (connection == NULL) {
        /* Closed with the listener, or taken when another connection ends. */
        http->accept_waits = true;
        return;
    }
    (void)uv_tcp_init(http->loop, &connection->tcp);
    code = fd < 0 ? uv_accept((uv_stream_t *)&http->listener, (uv_stream_t *)&connection->tcp)
                  : uv_tcp_open(&connection->tcp, fd);
    if (code == 0) {
        add_connection(http, connection);
        return;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    uv_close((uv_handle_t *)&connection->tcp, free_connection);
}

static void on_connection(uv_stream_t *listener, int status)
{
    http_t *http = listener->data;

    if (status != 0) {
        return;
    }
    if (http->connection_count >= http->max_connections) {
        http->accept_waits = true;
        return;
    }
    accept_one(http, -1);
}

http_connection_t *http_request_begin(h2o_req_t *req)
{
    http_connection_t *connection = req->conn->callbacks->get_socket(req->conn)->on_close.data;

    connection->requests++;
    connection->http2 = req->version >= 0x200;
    return connection;
}

void http_request_end(http_connection_t *connection)
{
    connection->requests--;
    /* The input still holds the request that has just ended, so its size says nothing here. */
    if (connection->http->stopping && !connection->http2 && connection->requests == 0) {
        (void)shutdown(h2o_socket_get_fd(connection->socket), SHUT_RD);
    }
}

/* --- listening and stopping --------------------------------------------------------------------*/

int http_listen(http_t *http, int fd)
{
    int code = uv_tcp_init(http->loop, &http->listener);

    if (code != 0) {
        (void)close(fd);
        return code;
    }
    http->listener.data = http;
    http->listening = true;
    code = uv_tcp_open(&http->listener, fd);
    if (code != 0) {
        (void)close(fd);
        return code;
    }
    return uv_listen((uv_stream_t *)&http->listener, BACKLOG, on_connection);
}

static void on_listener_close(uv_handle_t *handle)
{
    http_t *http = handle->data;

    http->listening = false;
    tell_if_stopped(http);
}

/* Connections that the kernel has made and nobody has accepted would be reset by the close. */
static void accept_backlog(http_t *http)
{
    uv_os_fd_t listener;
    int fd;

    if (http->accept_waits) {
        http->accept_waits = false;
        accept_one(http, -1);
    }
    if (uv_fileno((uv_handle_t *)&http->listener, &listener) != 0) {
        return;
    }
    do {
        fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accept_one(http, fd);
        }
    } while (fd >= 0 || errno == EINTR || errno == ECONNABORTED);
}

void http_stop(http_t *http, void (*on_stopped)(void *data))
{
    http_connection_t *next;

    http->on_stopped = on_stopped;
    if (http->stopping) {
        return;
    }
    http->stopping = true;
    /* Answers to requests that are read from now on say `Connection: close`. */
    h2o_context_request_shutdown(&http->context);
    for (http_connection_t *at = http->connections; at != NULL; at = next) {
        next = at->next;
        end_input(at);
    }
    if (http->listening) {
        accept_backlog(http);
        uv_close((uv_handle_t *)&http->listener, on_listener_close);
    }
    tell_if_stopped(http);
}

int http_bind(const char *host, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1;
    int code;
    int fd;

    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        return UV_EINVAL;
    }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return uv_translate_sys_error(errno);
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0 ||
        bind(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) != 0) {
        code = uv_translate_sys_error(errno);
        (void)close(fd);
        return code;
    }
    return fd;
}

int http_bound_port(int fd)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)(void *)&address, &size) != 0) {
        return -1;
    }
    return ntohs(address.sin_port);
}
