/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest client there is, to test the mock with: a socket, and all bytes that came out of it.
 * It knows OP_MSG with one body and nothing else. */
#ifndef MUV_TESTS_UNIT_SUPPORT_RAW_CLIENT_H
#define MUV_TESTS_UNIT_SUPPORT_RAW_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bson/bson.h>
#include <uv.h>

typedef struct raw_client {
    uv_loop_t *loop;
    union {
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    uv_connect_t connect;
    bool connected;
    bool closed;
    int connect_code;
    bool ended;   /* The end of the stream, or an error, was read... */
    int end_code; /* ...and which (UV_EOF, UV_ECONNRESET). */
    uint8_t bytes[65536];
    size_t size;
    unsigned messages; /* Complete messages in `bytes`. */
    unsigned reads;
} raw_client_t;

typedef struct raw_message {
    int32_t length;
    int32_t request_id;
    int32_t response_to;
    int32_t op_code;
    uint32_t flags;
    const uint8_t *body;
    size_t body_size;
} raw_message_t;

/* Connects, and waits until that has worked or failed (see `connect_code`). */
void raw_connect(raw_client_t *client, uv_loop_t *loop, int port);
void raw_connect_unix(raw_client_t *client, uv_loop_t *loop, const char *path);

void raw_send(raw_client_t *client, int32_t request_id, uint32_t flags, const char *json);
void raw_send_bytes(raw_client_t *client, const void *bytes, size_t size);

/* Run the loop until `count` messages have come in all; the one with number `index`. */
void raw_wait(raw_client_t *client, unsigned count);
raw_message_t raw_message(const raw_client_t *client, unsigned index);

/* Send one command and give the reply. For a connection with no other traffic. */
raw_message_t raw_call(raw_client_t *client, int32_t request_id, const char *json);

/* Waits until the handle is closed: the client may be on the stack of its test. */
void raw_close(raw_client_t *client);

#endif
