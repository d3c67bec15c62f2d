/* SPDX-License-Identifier: Apache-2.0 */
/* What to ask whom about a certificate: the bytes of an OCSP request (RFC 6960, 4.1) and the
 * responders that the certificate names (authority information access). Nobody is asked here.
 *
 * The certificate is named by SHA-1 hashes, the only ones that all responders know (RFC 5019,
 * 2.1.1): they identify, nothing rests on their strength. There is no nonce (RFC 5019, 2.1.1), and
 * only plain http is used: a responder behind https would need its own certificate checked first
 * (RFC 6960, A.1: the response is signed). */
#ifndef MUV__TLS_OCSP_QUERY_H
#define MUV__TLS_OCSP_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

/* A digest of the certificate's CertID. */
#define MUV__OCSP_KEY_BYTES 32

/* More responders are not asked, and none with a longer URL. */
#define MUV__OCSP_MAX_URLS 2
#define MUV__OCSP_MAX_URL_BYTES 1024

/* A serial number has 20 bytes (RFC 5280, 4.1.2.2). */
#define MUV__OCSP_MAX_REQUEST_BYTES 256

typedef struct muv__ocsp_query {
    uint8_t key[MUV__OCSP_KEY_BYTES];
    uint32_t url_count;
    char urls[MUV__OCSP_MAX_URLS][MUV__OCSP_MAX_URL_BYTES + 1];
    size_t request_size;
    uint8_t request[MUV__OCSP_MAX_REQUEST_BYTES];
} muv__ocsp_query_t;

/* Returns 1, or 0 when memory is missing or the certificate's serial number is absurd. */
int muv__ocsp_key(const X509 *certificate, const X509 *issuer, uint8_t ret[MUV__OCSP_KEY_BYTES]);

/* Returns 1, or 0 when there is nobody to ask. */
int muv__ocsp_query(X509 *certificate, const X509 *issuer, muv__ocsp_query_t *ret);

/* 1: there is somebody to ask. */
int muv__ocsp_has_responder(X509 *certificate);

#endif
