/* SPDX-License-Identifier: Apache-2.0 */
#include "support/tls_front.h"

#include <stdlib.h>
#include <string.h>

#include "support/check.h"

#define CHUNK_BYTES (64 * 1024)

struct tls_front {
    uv_tcp_t listener;
    uv_loop_t *loop;
    tls_front_opts_t opts;
    tls_server_t server;
    struct side *sides; /* Of clients. */
    unsigned handshakes;
    unsigned resumed;
    unsigned open; /* Handles that hold the front. */
};

/* One socket; two of them make a connection, and each may go first. */
typedef struct side {
    uv_tcp_t tcp;
    uv_connect_t connect;
    tls_front_t *front;
    struct side *other;
    struct side *next; /* Of the front's list. */
    tls_peer_t peer;   /* On the client's side. */
    bool is_client;
    bool shaken;
    char space[CHUNK_BYTES];
} side_t;

typedef struct write {
    uv_write_t request;
    char bytes[];
} write_t;

/* --- the end -----------------------------------------------------------------------------------*/

static void release(tls_front_t *front)
{
    if (--front->open == 0) {
        tls_server_done(&front->server);
        free(front);
    }
}

static void on_side_closed(uv_handle_t *handle)
{
    side_t *side = handle->data;

    if (side->is_client) {
        tls_peer_done(&side->peer);
    }
    release(side->front);
    free(side);
}

static void close_side(side_t *side)
{
    side_t **at = &side->front->sides;

    if (uv_is_closing((uv_handle_t *)&side->tcp)) {
        return;
    }
    while (*at != NULL && *at != side) {
        at = &(*at)->next;
    }
    if (*at == side) {
        *at = side->next;
    }
    uv_close((uv_handle_t *)&side->tcp, on_side_closed);
    if (side->other != NULL) {
        side->other->other = NULL;
        close_side(side->other);
        side->other = NULL;
    }
}

static void on_listener_closed(uv_handle_t *handle)
{
    release(handle->data);
}

void tls_front_cut(tls_front_t *front)
{
    while (front->sides != NULL) {
        close_side(front->sides);
    }
}

void tls_front_close(tls_front_t *front)
{
    tls_front_cut(front);
    uv_close((uv_handle_t *)&front->listener, on_listener_closed);
}

/* --- bytes -------------------------------------------------------------------------------------*/

static void on_written(uv_write_t *request, int status)
{
    side_t *side = request->handle->data;

    free(request->data);
    if (status != 0) {
        close_side(side);
    }
}

static void write_bytes(side_t *side, const void *bytes, size_t size)
{
    write_t *write = malloc(sizeof(*write) + size);
    uv_buf_t buf;

    if (size == 0 || uv_is_closing((uv_handle_t *)&side->tcp)) {
        free(write);
        return;
    }
    assert_non_null(write);
    memcpy(write->bytes, bytes, size);
    write->request.data = write;
    buf = uv_buf_init(write->bytes, (unsigned)size);
    if (uv_write(&write->request, (uv_stream_t *)&side->tcp, &buf, 1, on_written) != 0) {
        free(write);
        close_side(side);
    }
}

/* What the engine has made goes to the client. */
static void flush_peer(side_t *client)
{
    size_t piece = client->front->opts.piece_bytes;
    char bytes[CHUNK_BYTES];
    size_t size;

    while ((size = tls_peer_take(&client->peer, bytes,
                                 piece != 0 && piece < sizeof(bytes) ? piece : sizeof(bytes))) !=
           0) {
        write_bytes(client, bytes, size);
    }
}

static void on_client_bytes(side_t *client, size_t size)
{
    char plain[CHUNK_BYTES];
    int status = client->shaken ? 1 : 0;

    tls_peer_put(&client->peer, client->space, size);
    if (!client->shaken) {
        status = tls_peer_handshake(&client->peer);
        client->shaken = status == 1;
        client->front->handshakes += client->shaken;
        client->front->resumed += client->shaken && SSL_session_reused(client->peer.ssl);
    }
    while (client->shaken && (size = tls_peer_read(&client->peer, plain, sizeof(plain))) != 0) {
        if (client->other != NULL) {
            write_bytes(client->other, plain, size);
        }
    }
    flush_peer(client);
    if (status < 0) {
        close_side(client);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    side_t *side = handle->data;

    (void)suggested;
    *buf = uv_buf_init(side->space, sizeof(side->space));
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    side_t *side = stream->data;

    (void)buf;
    if (size < 0) {
        close_side(side);
    } else if (side->front->opts.silent) {
        return;
    } else if (side->is_client) {
        on_client_bytes(side, (size_t)size);
    } else if (size > 0 && side->other != NULL) {
        tls_peer_write(&side->other->peer, side->space, (size_t)size);
        flush_peer(side->other);
    }
}

/* --- the beginning -----------------------------------------------------------------------------*/

static side_t *new_side(tls_front_t *front)
{
    side_t *side = calloc(1, sizeof(*side));

    assert_non_null(side);
    side->front = front;
    front->open++;
    assert_int_equal(uv_tcp_init(front->loop, &side->tcp), 0);
    side->tcp.data = side;
    return side;
}

static void on_target_connected(uv_connect_t *request, int status)
{
    side_t *target = request->handle->data;

    if (status == UV_ECANCELED) {
        return;
    }
    if (status != 0) {
        close_side(target);
        return;
    }
    (void)uv_read_start((uv_stream_t *)&target->tcp, on_alloc, on_read);
    if (target->other != NULL) {
        (void)uv_read_start((uv_stream_t *)&target->other->tcp, on_alloc, on_read);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    tls_front_t *front = listener->data;
    side_t *client = new_side(front);
    side_t *target = new_side(front);
    struct sockaddr_in address;

    client->is_client = true;
    client->next = front->sides;
    front->sides = client;
    client->other = target;
    target->other = client;
    tls_peer_init(&client->peer, &front->server);
    if (status != 0 || uv_accept(listener, (uv_stream_t *)&client->tcp) != 0) {
        close_side(client);
        return;
    }
    (void)uv_tcp_nodelay(&client->tcp, 1);
    assert_int_equal(uv_ip4_addr("127.0.0.1", front->opts.target_port, &address), 0);
    if (uv_tcp_connect(&target->connect, &target->tcp, (const struct sockaddr *)&address,
                       on_target_connected) != 0) {
        close_side(client);
    }
}

tls_front_t *tls_front_new(uv_loop_t *loop, const tls_front_opts_t *opts)
{
    tls_front_t *front = calloc(1, sizeof(*front));
    struct sockaddr_in address;

    assert_non_null(front);
    front->loop = loop;
    front->opts = *opts;
    front->open = 1;
    tls_server_init(&front->server, &opts->tls);
    assert_int_equal(uv_tcp_init(loop, &front->listener), 0);
    front->listener.data = front;
    assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &address), 0);
    assert_int_equal(uv_tcp_bind(&front->listener, (const struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&front->listener, 1024, on_connection), 0);
    return front;
}

int tls_front_port(const tls_front_t *front)
{
    struct sockaddr_in address;
    int size = sizeof(address);

    assert_int_equal(uv_tcp_getsockname(&front->listener, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

unsigned tls_front_handshakes(const tls_front_t *front)
{
    return front->handshakes;
}

unsigned tls_front_resumed(const tls_front_t *front)
{
    return front->resumed;
}
