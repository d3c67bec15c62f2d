/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/support/raw_client.h"

#include "support/check.h"

#include <stdlib.h>
#include <string.h>

#define WAIT_MS 5000

static uint32_t load_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    raw_client_t *client = handle->data;

    (void)suggested;
    *ret_buffer = uv_buf_init((char *)client->bytes + client->size,
                              (unsigned)(sizeof client->bytes - client->size));
}

static void count_messages(raw_client_t *client)
{
    size_t offset = 0;

    client->messages = 0;
    while (client->size - offset >= 16) {
        uint32_t length = load_u32(client->bytes + offset);
        if (length < 16 || length > client->size - offset) {
            return;
        }
        offset += length;
        client->messages++;
    }
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    raw_client_t *client = stream->data;

    (void)buffer;
    if (size < 0) {
        client->ended = true;
        client->end_code = (int)size;
        (void)uv_read_stop(stream);
        return;
    }
    client->reads += size > 0 ? 1 : 0;
    client->size += (size_t)size;
    count_messages(client);
}

static void on_connect(uv_connect_t *request, int status)
{
    raw_client_t *client = request->data;

    client->connected = true;
    client->connect_code = status;
    if (status != 0) {
        client->ended = true;
        client->end_code = status;
    } else {
        assert_int_equal(uv_read_start(&client->socket.stream, on_alloc, on_read), 0);
    }
}

void raw_connect(raw_client_t *client, uv_loop_t *loop, int port)
{
    struct sockaddr_in address;

    memset(client, 0, sizeof *client);
    client->loop = loop;
    client->connect.data = client;
    assert_int_equal(uv_ip4_addr("127.0.0.1", port, &address), 0);
    assert_int_equal(uv_tcp_init(loop, &client->socket.tcp), 0);
    client->socket.stream.data = client;
    assert_int_equal(uv_tcp_connect(&client->connect, &client->socket.tcp,
                                    (const struct sockaddr *)&address, on_connect),
                     0);
    run_until(loop, &client->connected, WAIT_MS);
}

void raw_connect_unix(raw_client_t *client, uv_loop_t *loop, const char *path)
{
    memset(client, 0, sizeof *client);
    client->loop = loop;
    client->connect.data = client;
    assert_int_equal(uv_pipe_init(loop, &client->socket.pipe, 0), 0);
    client->socket.stream.data = client;
    uv_pipe_connect(&client->connect, &client->socket.pipe, path, on_connect);
    run_until(loop, &client->connected, WAIT_MS);
}

void raw_send_bytes(raw_client_t *client, const void *bytes, size_t size)
{
    uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)size);

    assert_int_equal(uv_try_write(&client->socket.stream, &buffer, 1), (int)size);
}

void raw_send(raw_client_t *client, int32_t request_id, uint32_t flags, const char *json)
{
    bson_t *body = bson_from(json);
    uint32_t head[5] = {21 + body->len, (uint32_t)request_id, 0, 2013, flags};
    uint8_t *bytes = malloc(21 + body->len);

    assert_non_null(bytes);
    for (size_t i = 0; i < 20; i++) {
        bytes[i] = (uint8_t)(head[i / 4] >> (8 * (i % 4)));
    }
    bytes[20] = 0;
    memcpy(bytes + 21, bson_get_data(body), body->len);
    raw_send_bytes(client, bytes, 21 + body->len);
    free(bytes);
    bson_destroy(body);
}

void raw_wait(raw_client_t *client, unsigned count)
{
    run_until_count(client->loop, &client->messages, count, WAIT_MS);
}

raw_message_t raw_message(const raw_client_t *client, unsigned index)
{
    const uint8_t *at = client->bytes;

    assert_true(index < client->messages);
    for (unsigned i = 0; i < index; i++) {
        at += load_u32(at);
    }
    return (raw_message_t){.length = (int32_t)load_u32(at),
                           .request_id = (int32_t)load_u32(at + 4),
                           .response_to = (int32_t)load_u32(at + 8),
                           .op_code = (int32_t)load_u32(at + 12),
                           .flags = load_u32(at + 16),
                           .body = at + 21,
                           .body_size = load_u32(at + 21)};
}

raw_message_t raw_call(raw_client_t *client, int32_t request_id, const char *json)
{
    unsigned before = client->messages;

    raw_send(client, request_id, 0, json);
    raw_wait(client, before + 1);
    return raw_message(client, before);
}

static void on_closed(uv_handle_t *handle)
{
    raw_client_t *client = handle->data;

    client->closed = true;
}

void raw_close(raw_client_t *client)
{
    uv_close((uv_handle_t *)&client->socket.stream, on_closed);
    run_until(client->loop, &client->closed, WAIT_MS);
}
