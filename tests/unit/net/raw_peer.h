/* SPDX-License-Identifier: Apache-2.0 */
/* The other side of a stream: a listener on loopback that takes one connection and does what a test
 * says. On libuv alone. */
#ifndef MUV_TESTS_UNIT_NET_RAW_PEER_H
#define MUV_TESTS_UNIT_NET_RAW_PEER_H

#include "net/net.h"

#include "support/check.h"

typedef struct raw_peer {
    uv_loop_t *loop;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } listener, conn;
    muv__net_addr_t addr; /* Where it listens. */
    bool accepted;
    bool ended;      /* The other side has closed. */
    bool reads;      /* Set before the connection comes, or by raw_peer_read(). */
    uint8_t *bytes;  /* What was received. */
    size_t received; /* In bytes. */
    size_t capacity;
    unsigned writes; /* Not yet done. */
} raw_peer_t;

/* Listen on 127.0.0.1, on ::1, or on a path. Returns false when the machine has no such address. */
bool raw_peer_open(raw_peer_t *peer, uv_loop_t *loop, int family);
void raw_peer_close(raw_peer_t *peer);

/* Begin to receive. */
void raw_peer_read(raw_peer_t *peer);

/* `bytes` must stay valid until the write is done. */
void raw_peer_write(raw_peer_t *peer, const void *bytes, size_t size);

/* End the connection in order, or with a reset. */
void raw_peer_end(raw_peer_t *peer);
void raw_peer_reset(raw_peer_t *peer);

/* A TCP address at which nobody listens. */
muv__net_addr_t nobodys_address(uv_loop_t *loop);

#endif
