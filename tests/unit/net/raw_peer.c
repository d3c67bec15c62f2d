/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/net/raw_peer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    raw_peer_t *peer = handle->data;

    (void)suggested;
    if (peer->capacity - peer->received < 65536) {
        peer->capacity = 2 * peer->capacity + 65536;
        peer->bytes = realloc(peer->bytes, peer->capacity);
        assert_non_null(peer->bytes);
    }
    *buf = uv_buf_init((char *)peer->bytes + peer->received, 65536);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    raw_peer_t *peer = stream->data;

    (void)buf;
    if (size < 0) {
        peer->ended = true;
        (void)uv_read_stop(stream);
        return;
    }
    peer->received += (size_t)size;
}

void raw_peer_read(raw_peer_t *peer)
{
    peer->reads = true;
    if (peer->accepted) {
        assert_int_equal(uv_read_start(&peer->conn.stream, on_alloc, on_read), 0);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    raw_peer_t *peer = listener->data;

    assert_int_equal(status, 0);
    if (listener->type == UV_TCP) {
        assert_int_equal(uv_tcp_init(peer->loop, &peer->conn.tcp), 0);
    } else {
        assert_int_equal(uv_pipe_init(peer->loop, &peer->conn.pipe, 0), 0);
    }
    peer->conn.handle.data = peer;
    assert_int_equal(uv_accept(listener, &peer->conn.stream), 0);
    peer->accepted = true;
    if (peer->reads) {
        raw_peer_read(peer);
    }
}

static bool bind_tcp(raw_peer_t *peer, int family)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_storage name;
    int size = sizeof name;
    const struct sockaddr *wanted = (const struct sockaddr *)&in;

    (void)uv_ip4_addr("127.0.0.1", 0, &in);
    (void)uv_ip6_addr("::1", 0, &in6);
    if (family == MUV__NET_IPV6) {
        wanted = (const struct sockaddr *)&in6;
    }
    assert_int_equal(uv_tcp_init(peer->loop, &peer->listener.tcp), 0);
    if (uv_tcp_bind(&peer->listener.tcp, wanted, 0) != 0 ||
        uv_tcp_getsockname(&peer->listener.tcp, (struct sockaddr *)&name, &size) != 0) {
        return false;
    }
    peer->addr.family = (uint8_t)family;
    if (family == MUV__NET_IPV6) {
        peer->addr.ip[15] = 1;
        peer->addr.port = ntohs(((struct sockaddr_in6 *)(void *)&name)->sin6_port);
    } else {
        memcpy(peer->addr.ip, &in.sin_addr, 4);
        peer->addr.port = ntohs(((struct sockaddr_in *)(void *)&name)->sin_port);
    }
    return true;
}

bool raw_peer_open(raw_peer_t *peer, uv_loop_t *loop, int family)
{
    *peer = (raw_peer_t){.loop = loop};
    if (family == MUV__NET_UNIX) {
        (void)snprintf(peer->addr.path, sizeof peer->addr.path, "/tmp/muv-raw-%d.sock",
                       (int)getpid());
        (void)unlink(peer->addr.path);
        assert_int_equal(uv_pipe_init(loop, &peer->listener.pipe, 0), 0);
        assert_int_equal(uv_pipe_bind(&peer->listener.pipe, peer->addr.path), 0);
    } else if (!bind_tcp(peer, family)) {
        uv_close(&peer->listener.handle, NULL);
        return false;
    }
    peer->listener.handle.data = peer;
    if (uv_listen(&peer->listener.stream, 16, on_connection) != 0) {
        uv_close(&peer->listener.handle, NULL);
        return false;
    }
    return true;
}

void raw_peer_close(raw_peer_t *peer)
{
    if (!uv_is_closing(&peer->listener.handle)) {
        uv_close(&peer->listener.handle, NULL);
    }
    if (peer->accepted && !uv_is_closing(&peer->conn.handle)) {
        uv_close(&peer->conn.handle, NULL);
    }
    run_for(peer->loop, 1);
    free(peer->bytes);
    peer->bytes = NULL;
}

struct peer_write {
    uv_write_t request;
    raw_peer_t *peer;
};

static void on_written(uv_write_t *request, int status)
{
    struct peer_write *write = request->data;

    (void)status;
    write->peer->writes--;
    free(write);
}

void raw_peer_write(raw_peer_t *peer, const void *bytes, size_t size)
{
    struct peer_write *write = calloc(1, sizeof *write);
    union {
        const void *in;
        char *out;
    } base = {.in = bytes};
    uv_buf_t buf = uv_buf_init(base.out, (unsigned)size);

    assert_non_null(write);
    write->peer = peer;
    write->request.data = write;
    peer->writes++;
    assert_int_equal(uv_write(&write->request, &peer->conn.stream, &buf, 1, on_written), 0);
}

void raw_peer_end(raw_peer_t *peer)
{
    uv_close(&peer->conn.handle, NULL);
}

void raw_peer_reset(raw_peer_t *peer)
{
    assert_int_equal(uv_tcp_close_reset(&peer->conn.tcp, NULL), 0);
}

muv__net_addr_t nobodys_address(uv_loop_t *loop)
{
    raw_peer_t peer;

    assert_true(raw_peer_open(&peer, loop, MUV__NET_IPV4));
    raw_peer_close(&peer);
    return peer.addr;
}
