/* SPDX-License-Identifier: Apache-2.0 */
/* The latest TLS session of each server, so that the next connection of its pool needs no
 * certificates and no signature. Bounded: the server heard of longest ago makes room. A session
 * is not used once the verification it rests on is an hour old: expired and revoked certificates
 * are noticed by then.
 *
 * Revocation: a resumed connection sees no certificate and asks no responder. So no session is kept
 * before its certificate's status is settled, it ends with its hour also if the responder's answer
 * ends sooner or none came, and it carries the key of its certificate: what any connection of the
 * client has learned of a revocation since then ends it at once (tls_revocation.c). */
#ifndef MUV__TLS_SESSIONS_H
#define MUV__TLS_SESSIONS_H

#include <stdint.h>

#include "base/host.h"
#include "tls/tls_ocsp_query.h"

#include <openssl/ssl.h>

#define MUV__TLS_SESSIONS_MAX 32
#define MUV__TLS_SESSION_AGE_S 3600

typedef struct muv__tls_session {
    SSL_SESSION *session; /* Counted; NULL: the slot is free. */
    int64_t verified_s;   /* Wall time of the full handshake it descends from. */
    uint64_t stored_at;   /* Order in which sessions came. */
    uint8_t has_key;
    uint8_t key[MUV__OCSP_KEY_BYTES]; /* Of the certificate that was verified. */
    muv__host_t host;
} muv__tls_session_t;

/* All zero: none. */
typedef struct muv__tls_sessions {
    uint64_t stored_count;
    muv__tls_session_t slots[MUV__TLS_SESSIONS_MAX];
} muv__tls_sessions_t;

void muv__tls_sessions_done(muv__tls_sessions_t *sessions);

/* The session to resume with `host` (borrowed), or NULL. */
const muv__tls_session_t *muv__tls_sessions_find(muv__tls_sessions_t *sessions,
                                                 const muv__host_t *host, int64_t wall_s);

/* Takes over the caller's count of `session`. `key` may be NULL: it is not known. */
void muv__tls_sessions_store(muv__tls_sessions_t *sessions, const muv__host_t *host,
                             SSL_SESSION *session, int64_t verified_s, const uint8_t *key);

/* Do not try again what the server would not resume. */
void muv__tls_sessions_forget(muv__tls_sessions_t *sessions, const muv__host_t *host);

#endif
