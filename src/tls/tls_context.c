/* SPDX-License-Identifier: Apache-2.0 */
/* Options into an SSL_CTX. */
#include "tls/tls_context.h"

#include "base/mem.h"
#include "tls/tls_inner.h"

#include <openssl/err.h>

/* A certificate chain of a server is at most this long; OpenSSL's own limit, told here. */
#define MAX_CHAIN_BYTES (100 * 1024)

static int fail(muv_error_t *reterr)
{
    ERR_clear_error();
    return muv__error_code(reterr, MUV_ENOMEM);
}

static int set_protocol(muv__tls_context_t *context, muv_error_t *reterr)
{
    SSL_CTX *ssl_context = context->ssl_context;

    if (!SSL_CTX_set_min_proto_version(ssl_context, TLS1_2_VERSION)) {
        return fail(reterr);
    }
    (void)SSL_CTX_set_options(ssl_context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    /* An idle connection holds no record buffers. */
    (void)SSL_CTX_set_mode(ssl_context, SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_max_cert_list(ssl_context, MAX_CHAIN_BYTES);
    (void)SSL_CTX_set_session_cache_mode(ssl_context,
                                         SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ssl_context, muv__tls_on_session);
    return 0;
}

static int set_revocation(muv__tls_context_t *context, const muv__tls_options_t *options,
                          muv_error_t *reterr)
{
    if (options->no_revocation_check) {
        return 0;
    }
    context->verify_status = 1;
    context->ask_responder = !options->no_responder_check;
    (void)SSL_CTX_set_tlsext_status_type(context->ssl_context, TLSEXT_STATUSTYPE_ocsp);
    (void)SSL_CTX_set_tlsext_status_cb(context->ssl_context, muv__tls_on_status);
    return options->revoked.size == 0
               ? 0
               : muv__tls_revoke(context->ssl_context, options->revoked, reterr);
}

static int set_trust(muv__tls_context_t *context, const muv__tls_options_t *options,
                     muv_error_t *reterr)
{
    int status;

    if (options->allow_invalid_certificates) {
        SSL_CTX_set_verify(context->ssl_context, SSL_VERIFY_NONE, NULL);
        return 0;
    }
    SSL_CTX_set_verify(context->ssl_context, SSL_VERIFY_PEER, NULL);
    context->verify_name = !options->allow_invalid_hostnames;
    status = muv__tls_trust(context->ssl_context, options->authorities, reterr);
    return status != 0 ? status : set_revocation(context, options, reterr);
}

static int configure(muv__tls_context_t *context, const muv__tls_options_t *options,
                     muv_error_t *reterr)
{
    int status;

    context->bio_method = muv__tls_bio_method_new();
    context->ssl_context = SSL_CTX_new(TLS_client_method());
    if (context->bio_method == NULL || context->ssl_context == NULL) {
        return fail(reterr);
    }
    status = set_protocol(context, reterr);
    if (status == 0) {
        status = set_trust(context, options, reterr);
    }
    if (status == 0 && options->certificate_key.size != 0) {
        status = muv__tls_identify(context->ssl_context, options->certificate_key,
                                   options->password, reterr);
    }
    return status;
}

int muv__tls_context_new(const muv__tls_options_t *options, muv_error_t *reterr,
                         muv__tls_context_t **ret)
{
    muv__tls_context_t *context = muv__mem_zalloc(sizeof(*context));
    int status;

    if (context == NULL) {
        return muv__error_code(reterr, MUV_ENOMEM);
    }
    ERR_clear_error();
    status = configure(context, options, reterr);
    if (status != 0) {
        muv__tls_context_free(context);
        return status;
    }
    *ret = context;
    return 0;
}

void muv__tls_context_free(muv__tls_context_t *context)
{
    if (context == NULL) {
        return;
    }
    muv__tls_sessions_done(&context->sessions);
    SSL_CTX_free(context->ssl_context);
    BIO_meth_free(context->bio_method);
    muv__mem_free(context);
}
