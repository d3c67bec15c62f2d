/* SPDX-License-Identifier: Apache-2.0 */
/* TCP and Unix streams on libuv. All requests live inside the stream: nothing is allocated after
 * the connection was begun. */
#include "net/uv_net.h"

#include "muv/error.h"

#include "base/assert.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <string.h>

#define KEEP_ALIVE_SECONDS 120
#define MAX_PARTS 2

struct muv__stream {
    muv__net_t *net;
    const muv__stream_ops_t *ops;
    void *owner;
    size_t offered;    /* Size of the buffer given to the read in progress. */
    size_t turn_bytes; /* Bytes of reads that filled their buffer, in a row. */
    uint8_t writing;
    uint8_t closing;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    uv_connect_t connect;
    uv_write_t write;
};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    muv__stream_t *stream = handle->data;
    size_t size = 0;
    uint8_t *space = NULL;

    (void)suggested;
    if (stream->turn_bytes < MUV__STREAM_TURN_BYTES) {
        space = stream->ops->on_space(stream->owner, &size);
    }
    if (size > MUV__STREAM_TURN_BYTES) {
        size = MUV__STREAM_TURN_BYTES;
    }
    stream->offered = size;
    /* An empty buffer makes libuv leave its read loop with UV_ENOBUFS and poll again: that is how a
     * fast sender is kept from holding the loop. */
    buf->base = (char *)space;
    buf->len = space == NULL ? 0 : size;
}

static void on_read(uv_stream_t *uv_stream, ssize_t size, const uv_buf_t *buf)
{
    muv__stream_t *stream = uv_stream->data;
    muv__net_t *net = stream->net;

    (void)buf;
    if (size == UV_ENOBUFS || size == 0) {
        stream->turn_bytes = 0;
        return;
    }
    stream->turn_bytes =
        size > 0 && (size_t)size == stream->offered ? stream->turn_bytes + (size_t)size : 0;
    muv__uv_begin(net);
    stream->ops->on_read(stream->owner, size);
    muv__uv_end(net);
}

int muv__stream_read_start(muv__stream_t *stream)
{
    int status = uv_read_start(&stream->uv.stream, on_alloc, on_read);

    return status == UV_EALREADY ? 0 : status;
}

void muv__stream_read_stop(muv__stream_t *stream)
{
    (void)uv_read_stop(&stream->uv.stream); /* Always 0. */
}

static void on_connect(uv_connect_t *request, int status)
{
    muv__stream_t *stream = request->data;
    muv__net_t *net = stream->net;

    if (stream->closing) {
        return;
    }
    if (status == 0) {
        status = muv__stream_read_start(stream);
    }
    muv__uv_begin(net);
    stream->ops->on_connect(stream->owner, stream, status);
    muv__uv_end(net);
}

static int begin_unix(muv__stream_t *stream, const muv__net_addr_t *addr)
{
    (void)uv_pipe_init(stream->net->loop, &stream->uv.pipe, 0); /* Always 0. */
    uv_pipe_connect(&stream->connect, &stream->uv.pipe, addr->path, on_connect);
    return 0;
}

static int begin_tcp(muv__stream_t *stream, const muv__net_addr_t *addr)
{
    struct sockaddr_storage storage;
    int status = uv_tcp_init(stream->net->loop, &stream->uv.tcp);

    if (status != 0) {
        return status;
    }
    memset(&storage, 0, sizeof(storage));
    if (addr->family == MUV__NET_IPV4) {
        struct sockaddr_in *in = (struct sockaddr_in *)(void *)&storage;

        in->sin_family = AF_INET;
        in->sin_port = htons(addr->port);
        memcpy(&in->sin_addr, addr->ip, 4);
    } else {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&storage;

        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(addr->port);
        in6->sin6_scope_id = addr->scope_id;
        memcpy(&in6->sin6_addr, addr->ip, 16);
    }
    /* Both are remembered until there is a socket, and fail only on invalid arguments. */
    (void)uv_tcp_nodelay(&stream->uv.tcp, 1);
    (void)uv_tcp_keepalive(&stream->uv.tcp, 1, KEEP_ALIVE_SECONDS);
    return uv_tcp_connect(&stream->connect, &stream->uv.tcp, (const struct sockaddr *)&storage,
                          on_connect);
}

static void on_failed_start_closed(uv_handle_t *handle)
{
    muv__mem_free(handle->data);
}

int muv__stream_connect(muv__net_t *net, const muv__net_addr_t *addr, const muv__stream_ops_t *ops,
                        void *owner, muv__stream_t **ret)
{
    muv__stream_t *stream = muv__mem_zalloc(sizeof(*stream));
    int status;

    if (stream == NULL) {
        return MUV_ENOMEM;
    }
    stream->net = net;
    stream->ops = ops;
    stream->owner = owner;
    stream->connect.data = stream;
    stream->write.data = stream;
    status = addr->family == MUV__NET_UNIX ? begin_unix(stream, addr) : begin_tcp(stream, addr);
    stream->uv.handle.data = stream;
    if (status != 0) {
        uv_close(&stream->uv.handle, on_failed_start_closed);
        return status;
    }
    uv_unref(&stream->uv.handle);
    *ret = stream;
    return 0;
}

static void on_write(uv_write_t *request, int status)
{
    muv__stream_t *stream = request->data;
    muv__net_t *net = stream->net;

    stream->writing = 0;
    if (stream->closing) {
        return;
    }
    muv__uv_begin(net);
    stream->ops->on_written(stream->owner, status);
    muv__uv_end(net);
}

/* Queue what is left behind the first `written` bytes. */
static int queue_rest(muv__stream_t *stream, uv_buf_t *bufs, unsigned count, size_t written)
{
    int status;

    while (written >= bufs->len) {
        written -= bufs->len;
        bufs++;
        count--;
    }
    bufs->base += written;
    bufs->len -= written;
    status = uv_write(&stream->write, &stream->uv.stream, bufs, count, on_write);
    stream->writing = status == 0;
    return status;
}

int64_t muv__stream_write(muv__stream_t *stream, const muv__span_t *parts, unsigned count)
{
    uv_buf_t bufs[MAX_PARTS];
    size_t total = 0;
    int written;
    int status;

    MUV__ASSERT(!stream->writing && count >= 1 && count <= MAX_PARTS);
    for (unsigned i = 0; i < count; i++) {
        /* libuv takes no pointer to const; it does not write through it. */
        union {
            const uint8_t *in;
            char *out;
        } base = {.in = parts[i].data};

        bufs[i].base = base.out;
        bufs[i].len = parts[i].size;
        total += parts[i].size;
    }
    written = uv_try_write(&stream->uv.stream, bufs, count);
    if (written < 0 && written != UV_EAGAIN) {
        return written;
    }
    written = written < 0 ? 0 : written;
    if ((size_t)written < total) {
        status = queue_rest(stream, bufs, count, (size_t)written);
        if (status != 0) {
            return status;
        }
    }
    return written;
}

static void on_closed(uv_handle_t *handle)
{
    muv__stream_t *stream = handle->data;
    const muv__stream_ops_t *ops = stream->ops;
    void *owner = stream->owner;

    muv__mem_free(stream);
    ops->on_closed(owner);
}

void muv__stream_close(muv__stream_t *stream)
{
    MUV__ASSERT(!stream->closing);
    stream->closing = 1;
    uv_close(&stream->uv.handle, on_closed);
}
