/* SPDX-License-Identifier: Apache-2.0 */
/* One exchange, as its two files share it: fetch.c has the way from the name to the end, and
 * fetch_tls.c what stands between the stream and the response when the URL is https. */
#ifndef MUV__FETCH_INNER_H
#define MUV__FETCH_INNER_H

#include "base/buf.h"
#include "fetch/fetch.h"
#include "tls/tls_stream.h"

/* What is asked for is not longer: a token, a signed request of OCSP. TLS takes it in one step. */
#define MUV__FETCH_MAX_REQUEST (64 * 1024)

/* Read at a time; what comes is used up within the call that brings it. */
#define MUV__FETCH_SPACE_BYTES (16 * 1024)

enum {
    MUV__FETCH_RESOLVING,
    MUV__FETCH_CONNECTING,
    MUV__FETCH_SECURING,
    MUV__FETCH_WAITING,
    MUV__FETCH_ENDED
};

typedef struct muv__fetch_tls {
    muv__tls_t *engine;
    muv__buf_t flying; /* Being written by the stream; nothing may touch it. */
    uint8_t in_flight;
    uint8_t plain[MUV__FETCH_SPACE_BYTES];
} muv__fetch_tls_t;

struct muv__fetch {
    muv__fetch_context_t *context;
    muv__fetch_cb cb;
    void *owner;
    uint8_t state;
    uint8_t secure;
    muv__host_t host;
    muv__resolve_t *resolve;
    muv__stream_t *stream;
    uint32_t stream_count; /* Not yet gone. */
    uint32_t addr_count;
    uint32_t next_addr;
    muv__net_addr_t addrs[MUV__RESOLVE_MAX_ADDRS];
    int64_t due_us;
    muv__deadline_t deadline; /* Of all, or of an attempt to connect. */
    muv__buf_t request;       /* Until it has left. */
    muv__http_response_t response;
    muv__fetch_tls_t *tls; /* NULL: plain, or not there yet. */
    uint8_t space[MUV__FETCH_SPACE_BYTES];
};

/* --- fetch.c -----------------------------------------------------------------------------------*/

/* End it and tell the owner, once; safe when it has ended. What failed stands before the host:
 * "writing to". */
void muv__fetch_fail(muv__fetch_t *fetch, const muv_error_t *error);
void muv__fetch_fail_system(muv__fetch_t *fetch, int status, const char *what);

/* Bytes of the response came; or its end. Both may end the fetch. */
void muv__fetch_take(muv__fetch_t *fetch, const uint8_t *bytes, size_t size);
void muv__fetch_take_end(muv__fetch_t *fetch);

/* --- fetch_tls.c -------------------------------------------------------------------------------*/

/* The socket is connected: greet. Returns 0, MUV_ENOMEM or a negative system code. */
int muv__fetch_tls_begin(muv__fetch_t *fetch);

/* As the stream's callbacks: `size` cipher bytes lie in `space`; the stream has ended; what had
 * been queued has left. */
void muv__fetch_tls_read(muv__fetch_t *fetch, size_t size);
void muv__fetch_tls_ended(muv__fetch_t *fetch, int status);
void muv__fetch_tls_written(muv__fetch_t *fetch);

/* The stream is about to be closed: say goodbye if that is possible at once. */
void muv__fetch_tls_close(muv__fetch_t *fetch);

/* The stream is gone. NULL is allowed. */
void muv__fetch_tls_free(muv__fetch_tls_t *tls);

#endif
