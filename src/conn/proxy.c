/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes between the proxy's stream and the machine. */
#include "conn/proxy.h"

#include "base/assert.h"
#include "base/mem.h"
#include "conn/conn_inner.h"
#include "conn/socks5.h"

struct muv__proxying {
    muv__socks5_t socks5;
    uint8_t in_flight; /* A part of `out` is still being written; nothing may touch it. */
};

/* Returns 0 or a negative system code. */
static int flush(muv__conn_t *conn)
{
    muv__span_t out = muv__socks5_out(&conn->proxying->socks5);
    int64_t written = muv__stream_write(conn->stream, &out, 1);

    if (written < 0) {
        return (int)written;
    }
    conn->proxying->in_flight = (size_t)written < out.size;
    return 0;
}

int muv__proxy_begin(muv__conn_t *conn)
{
    conn->proxying = muv__mem_zalloc(sizeof(*conn->proxying));
    if (conn->proxying == NULL) {
        return MUV_ENOMEM;
    }
    muv__socks5_init(&conn->proxying->socks5, conn->context->proxy, conn->host);
    return flush(conn);
}

uint8_t *muv__proxy_space(muv__conn_t *conn, size_t *ret_size)
{
    if (conn->proxying->in_flight) {
        *ret_size = 0;
        return NULL;
    }
    return muv__socks5_space(&conn->proxying->socks5, ret_size);
}

void muv__proxy_read(muv__conn_t *conn, size_t size)
{
    int status;

    switch (muv__socks5_received(&conn->proxying->socks5, size)) {
    case MUV__SOCKS5_IS_WAITING: return;
    case MUV__SOCKS5_IS_SENDING:
        status = flush(conn);
        if (status != 0) {
            muv__conn_fail_system(conn, status, "connecting through the proxy to");
        }
        return;
    case MUV__SOCKS5_IS_DONE:
        muv__proxy_done(conn);
        muv__conn_proxied(conn);
        return;
    case MUV__SOCKS5_HAS_FAILED:
    default: muv__conn_proxy_failed(conn, muv__socks5_error(&conn->proxying->socks5)); return;
    }
}

void muv__proxy_written(muv__conn_t *conn)
{
    conn->proxying->in_flight = 0;
}

void muv__proxy_done(muv__conn_t *conn)
{
    if (conn->proxying != NULL) {
        muv__socks5_done(&conn->proxying->socks5);
        muv__mem_free(conn->proxying);
        conn->proxying = NULL;
    }
}
