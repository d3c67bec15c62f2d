/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this layer share. Nobody else includes it. */
#ifndef MUV__TLS_INNER_H
#define MUV__TLS_INNER_H

#include "tls/tls_context.h"
#include "tls/tls_sessions.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>

struct muv__tls_context {
    SSL_CTX *ssl_context;
    BIO_METHOD *bio_method; /* Of the connections: tls_stream.c. */
    muv__tls_sessions_t sessions;
    uint8_t verify_name;
    uint8_t verify_status; /* OCSP staples are asked for and checked. */
};

/* --- tls_pem.c ---------------------------------------------------------------------------------*/

/* Each takes over the content of one file. Return 0, MUV_EINVAL or MUV_ENOMEM. */
int muv__tls_trust(SSL_CTX *ssl_context, muv__span_t pem, muv_error_t *reterr);
int muv__tls_revoke(SSL_CTX *ssl_context, muv__span_t pem, muv_error_t *reterr);
int muv__tls_identify(SSL_CTX *ssl_context, muv__span_t pem, const char *password,
                      muv_error_t *reterr);

/* --- tls_stream.c ------------------------------------------------------------------------------*/

/* The method of the BIO between an engine and OpenSSL, or NULL. */
BIO_METHOD *muv__tls_bio_method_new(void);

/* Called by OpenSSL: a session that can be resumed; the server's staple is there, or missing. */
int muv__tls_on_session(SSL *ssl, SSL_SESSION *session);
int muv__tls_on_status(SSL *ssl, void *data);

/* --- tls_ocsp.c --------------------------------------------------------------------------------*/

/* Judge the staple of the server's certificate, whose chain has been verified. Returns NULL when
 * nothing is wrong with it, or why it is refused (static memory). */
const char *muv__tls_check_staple(SSL *ssl, int64_t wall_s);

#endif
