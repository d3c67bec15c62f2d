/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this layer share. Nobody else includes it. */
#ifndef MUV__TLS_INNER_H
#define MUV__TLS_INNER_H

#include "base/buf.h"
#include "base/host.h"
#include "tls/tls_context.h"
#include "tls/tls_ocsp_cache.h"
#include "tls/tls_sessions.h"
#include "tls/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>

struct muv__tls_context {
    SSL_CTX *ssl_context;
    BIO_METHOD *bio_method; /* Of the connections: tls_stream.c. */
    muv__tls_sessions_t sessions;
    muv__ocsp_cache_t verdicts;
    uint8_t verify_name;
    uint8_t verify_status; /* OCSP staples are asked for and checked, ... */
    uint8_t ask_responder; /* ... and responders asked where there is none. */
};

struct muv__tls {
    muv__tls_context_t *context;
    SSL *ssl;
    muv__buf_t out;
    muv__span_t in;        /* [borrow] Cipher bytes that OpenSSL has not read yet ... */
    muv__buf_t kept;       /* ... which may lie in here. */
    int64_t wall_s;        /* For which certificates are verified. */
    int64_t verified_s;    /* When they were for the session that is resumed. */
    int fail_code;         /* MUV_E*, once it is broken or ended. */
    const char *fail_text; /* Static. */
    uint8_t fail_by_peer;  /* The text is an alert. */
    uint8_t ready;
    size_t shaken_bytes; /* Of the server, before the handshake was finished. */
    uint8_t unvouched;   /* Nobody did; sessions are not kept. */
    uint8_t open;        /* Nobody has vouched for the certificate yet; a responder might. */
    uint8_t has_key;     /* `key` is that of the server's certificate. */
    SSL_SESSION *held;   /* [own] Not to be resumed: before it is settled, or at all. */
    const char *revocation_text; /* Why the handshake is refused: static, or NULL. */
    uint8_t key[MUV__OCSP_KEY_BYTES];
    muv__host_t host;
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

/* Called by OpenSSL: a session that can be resumed. */
int muv__tls_on_session(SSL *ssl, SSL_SESSION *session);

/* It cannot go on, for this reason (static text). Returns MUV_ETLS. */
int muv__tls_refuse(muv__tls_t *tls, const char *text, muv_error_t *reterr);

/* --- tls_revocation.c --------------------------------------------------------------------------*/

/* Called by OpenSSL in a full handshake, when the chain has been verified: the server's staple is
 * there, or missing. */
int muv__tls_on_status(SSL *ssl, void *data);

/* The handshake is finished: another connection may have heard an answer meanwhile. Returns 0, or
 * MUV_ETLS when it is revoked. */
int muv__tls_finish_revocation(muv__tls_t *tls, muv_error_t *reterr);

/* Offer a session to be resumed, or keep it until the question is settled. Takes over a count. */
void muv__tls_offer_session(muv__tls_t *tls, SSL_SESSION *session);

/* 1: the certificate that this session rests on has been revoked since. */
int muv__tls_session_is_revoked(muv__tls_context_t *context, const muv__tls_session_t *session,
                                int64_t wall_s);

#endif
