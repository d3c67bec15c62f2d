/* SPDX-License-Identifier: Apache-2.0 */
/* What all TLS connections of a client share: whom to trust, who we are, what is checked, what is
 * known of revocations, and the sessions that can be resumed. Made once, from bytes: no file is
 * read here or during a handshake.
 *
 * Always: TLS 1.2 at least, no compression, no renegotiation. Chain and host name are verified
 * unless the options say otherwise. OpenSSL's random source is used; its clock decides nothing but
 * the age that TLS 1.3 writes beside a ticket. */
#ifndef MUV__TLS_CONTEXT_H
#define MUV__TLS_CONTEXT_H

#include <stdint.h>

#include "base/error.h"
#include "base/span.h"

typedef struct muv__tls_context muv__tls_context_t;

/* Contents of files are PEM; size 0: not given. All borrowed for the call. */
typedef struct muv__tls_options {
    muv__span_t authorities;     /* Certificates to trust. Needed unless nothing is verified. */
    muv__span_t certificate_key; /* Our certificate, what leads to its authority, and its key. */
    muv__span_t revoked;         /* Lists of revoked certificates (CRL). */
    const char *password;        /* Of the key, or NULL. */
    uint8_t allow_invalid_certificates;
    uint8_t allow_invalid_hostnames;
    uint8_t no_revocation_check; /* Neither CRL nor OCSP. */
    uint8_t no_responder_check;  /* Staples only: OCSP responders are not asked. */
} muv__tls_options_t;

/* Returns 0, MUV_EINVAL (`reterr` names the connection string's option) or MUV_ENOMEM. */
int muv__tls_context_new(const muv__tls_options_t *options, muv_error_t *reterr,
                         muv__tls_context_t **ret);

/* All connections must have ended. NULL is allowed. */
void muv__tls_context_free(muv__tls_context_t *context);

#endif
