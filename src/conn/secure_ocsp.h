/* SPDX-License-Identifier: Apache-2.0 */
/* Asking OCSP responders, between a connection's handshake and its hello: the question of
 * tls/tls_stream.h carried out over HTTP. One question for all connections that wait for the same
 * certificate (a flight); up to two responders are asked at once, and the first answer that says
 * something counts.
 *
 *   wait_begin() --nobody to ask--> 0
 *       |
 *       +--> WAITING --answer, or none of any responder, or the wait's time is up--> on_settled
 *               +--wait_end (the connection closes)--> ended
 *
 * A wait is bounded twice: a responder has 5 seconds (OCSP Support), and a connection waits no
 * longer than half of a stage, so that the other half is there for the hello of whoever counts both
 * together. The stage begins anew with the wait: a server that is slow on purpose takes nothing
 * from its responder. Silence, an error and an answer that says nothing let the connection go on
 * (soft fail), without a session to be resumed, and are remembered for a minute; but not the
 * silence of less than 0.4 s. A flight that nobody waits for any more is cancelled.
 *
 * Responders are asked directly, also when there is a proxy: what they hear is which certificate is
 * asked about. */
#ifndef MUV__SECURE_OCSP_H
#define MUV__SECURE_OCSP_H

#include <stdint.h>

#include "base/deadline.h"
#include "base/list.h"
#include "tls/tls_stream.h"

/* (OCSP Support: "with a default timeout of five seconds".) */
#define MUV__OCSP_TIMEOUT_US INT64_C(5000000)

/* Silence that is shorter says something of the connection that gave up, not of the responder. */
#define MUV__OCSP_PATIENCE_US INT64_C(400000)

struct muv__conn;

typedef struct muv__ocsp_wait {
    muv__list_t link;                /* Of the flight's waiters, or of those who are being told. */
    struct muv__ocsp_flight *flight; /* NULL: not waiting for one. */
    struct muv__conn *conn;
    muv__tls_t *tls;
    muv__deadline_t deadline; /* Of this connection. */
    /* Runs in a net event. The wait has ended. */
    void (*on_settled)(struct muv__ocsp_wait *wait, muv__ocsp_status_t status);
} muv__ocsp_wait_t;

void muv__ocsp_wait_init(muv__ocsp_wait_t *wait,
                         void (*on_settled)(muv__ocsp_wait_t *wait, muv__ocsp_status_t status));

/* The handshake of `tls` is finished. Returns 1 when the connection has to wait: on_settled
 * follows, never inside. Returns 0 when there is nothing to wait for. */
int muv__ocsp_wait_begin(muv__ocsp_wait_t *wait, struct muv__conn *conn, muv__tls_t *tls);

/* No longer. Safe when it does not wait. */
void muv__ocsp_wait_end(muv__ocsp_wait_t *wait);

#endif
