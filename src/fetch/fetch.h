/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP exchange without blocking: look up, connect, TLS for https, write, read, close. Small
 * documents of metadata services, token services and OCSP responders; no redirects (a metadata
 * service that redirects is none), no reuse of connections.
 *
 *   RESOLVING --> CONNECTING --(https)--> SECURING --> WAITING --> ended
 *        +------------+-- the next address --+            |
 *        any -- deadline, cancel, failure ----------------+
 *
 * Suspended in: RESOLVING (for the name), CONNECTING (for a socket), SECURING (for the TLS
 * server's part), WAITING (for the response). */
#ifndef MUV__FETCH_H
#define MUV__FETCH_H

#include <stdint.h>

#include "base/deadline.h"
#include "http/request.h"
#include "http/response.h"
#include "muv/error.h"
#include "net/net.h"

struct muv__tls_context;

/* No document we ask for is larger. */
#define MUV__FETCH_MAX_BODY (256 * 1024)

/* Shared by all exchanges of a client; outlives them. */
typedef struct muv__fetch_context {
    muv__net_t *net;
    muv__heap_t *deadlines;
    struct muv__tls_context *tls; /* NULL: https is refused. */
    uint32_t open_count;          /* Streams and look-ups not yet gone: the net must stay. */
    /* One has gone, perhaps the last one: in a later turn than its end, so the net and `deadlines`
     * must go on until then. Runs outside of any promise about brackets, may start nothing. May be
     * NULL. */
    void (*on_gone)(struct muv__fetch_context *context);
} muv__fetch_context_t;

typedef struct muv__fetch muv__fetch_t;

/* How it ended. `error` is NULL when a complete response came, whatever its status; both are
 * borrowed for the call. Comes in a later net event, exactly once, unless it is cancelled. Error
 * texts name the host, never target, header or body. */
typedef void (*muv__fetch_cb)(void *owner, const muv__http_response_t *response,
                              const muv_error_t *error);

/* Begin. `request` is written out before this returns and may then be wiped. When `due_us` comes it
 * ends with MUV_ENETTIMEOUT. Returns 0, MUV_ENOMEM, MUV_EINVAL (https without a context, a request
 * that cannot be written) or MUV_ETOOLARGE. */
int muv__fetch_start(muv__fetch_context_t *context, const muv__http_request_t *request,
                     int64_t due_us, muv__fetch_cb cb, void *owner, muv__fetch_t **ret);

/* The callback will not come. The fetch frees itself when its stream has gone. */
void muv__fetch_cancel(muv__fetch_t *fetch);

#endif
