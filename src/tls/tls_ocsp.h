/* SPDX-License-Identifier: Apache-2.0 */
/* What an OCSP response says of a certificate (RFC 6960, section 3.2): one that came stapled and
 * one that a responder gave us are judged alike. Bytes and a time in, a verdict out; the bytes are
 * outside bytes. No nonce is looked for: we send none, as responders answer from what they have
 * signed before. So what bounds the age of an answer is its own time. */
#ifndef MUV__TLS_OCSP_H
#define MUV__TLS_OCSP_H

#include <stdint.h>

#include "base/span.h"

#include <openssl/x509.h>

/* No larger response is looked at, and none that tells of more certificates. */
#define MUV__OCSP_MAX_BYTES ((size_t)64 * 1024)
#define MUV__OCSP_MAX_SINGLES 32

/* The clocks of client and responder may differ so much. */
#define MUV__OCSP_SKEW_S 300

/* An answer that does not say until when it holds: how old it may be, and for how long it is
 * believed. */
#define MUV__OCSP_MAX_AGE_S 86400
#define MUV__OCSP_KEEP_S 3600

typedef enum muv__ocsp_status {
    MUV__OCSP_UNUSABLE, /* It says nothing. */
    MUV__OCSP_UNKNOWN,  /* The responder does not know the certificate. */
    MUV__OCSP_GOOD,
    MUV__OCSP_REVOKED
} muv__ocsp_status_t;

typedef struct muv__ocsp_verdict {
    muv__ocsp_status_t status;
    const char *why; /* It is UNUSABLE: static text, else NULL. */
    int64_t until_s; /* Else: when the answer ends (nextUpdate). */
} muv__ocsp_verdict_t;

/* Whom it is about. */
typedef struct muv__ocsp_subject {
    STACK_OF(X509) * chain; /* [borrow] Verified: the certificate, its issuer, and so on. */
    X509_STORE *store;      /* [borrow] Whom to trust. */
    uint8_t has_lists;      /* There are lists of revoked certificates in it. */
} muv__ocsp_subject_t;

/* The certificate's issuer in its chain, which is not empty. A certificate that is trusted as it
 * stands is taken for its own. */
X509 *muv__ocsp_issuer(STACK_OF(X509) * chain);

muv__ocsp_verdict_t muv__ocsp_judge(const muv__ocsp_subject_t *subject, muv__span_t response,
                                    int64_t wall_s);

#endif
