/* SPDX-License-Identifier: Apache-2.0 */
#include "support/tls_server.h"

#include <string.h>

#include <openssl/err.h>

#include "support/check.h"

static int on_status(SSL *ssl, void *data)
{
    const tls_server_t *server = data;
    unsigned char *bytes;

    if (server->staple == NULL) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    bytes = OPENSSL_memdup(server->staple->bytes, server->staple->size);
    (void)SSL_set_tlsext_status_ocsp_resp(ssl, bytes, (long)server->staple->size);
    return SSL_TLSEXT_ERR_OK;
}

void tls_server_init(tls_server_t *server, const tls_server_opts_t *opts)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    assert_non_null(context);
    assert_int_equal(SSL_CTX_use_certificate(context, opts->cert->certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, opts->cert->key), 1);
    if (opts->chain != NULL) {
        assert_int_equal(SSL_CTX_add1_chain_cert(context, opts->chain->certificate), 1);
    }
    if (opts->max_version != 0) {
        assert_int_equal(SSL_CTX_set_max_proto_version(context, opts->max_version), 1);
    }
    if (opts->client_issuer != NULL) {
        assert_int_equal(
            X509_STORE_add_cert(SSL_CTX_get_cert_store(context), opts->client_issuer->certificate),
            1);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(context),
                                   (time_t)(opts->wall_s != 0 ? opts->wall_s : CERTS_NOW_S));
    }
    (void)SSL_CTX_set_session_id_context(context, (const unsigned char *)"muv", 3);
    (void)SSL_CTX_set_tlsext_status_cb(context, on_status);
    (void)SSL_CTX_set_tlsext_status_arg(context, server);
    server->context = context;
    server->staple = opts->staple;
}

void tls_server_done(tls_server_t *server)
{
    SSL_CTX_free(server->context);
    server->context = NULL;
}

void tls_peer_init(tls_peer_t *peer, tls_server_t *server)
{
    peer->ssl = SSL_new(server->context);
    peer->in = BIO_new(BIO_s_mem());
    peer->out = BIO_new(BIO_s_mem());
    assert_non_null(peer->ssl);
    SSL_set_bio(peer->ssl, peer->in, peer->out);
    SSL_set_accept_state(peer->ssl);
}

void tls_peer_done(tls_peer_t *peer)
{
    SSL_free(peer->ssl);
    peer->ssl = NULL;
}

void tls_peer_put(tls_peer_t *peer, const void *bytes, size_t size)
{
    if (size != 0) {
        assert_int_equal(BIO_write(peer->in, bytes, (int)size), size);
    }
}

size_t tls_peer_take(tls_peer_t *peer, void *bytes, size_t size)
{
    int count = BIO_read(peer->out, bytes, (int)size);

    return count > 0 ? (size_t)count : 0;
}

int tls_peer_handshake(tls_peer_t *peer)
{
    int result;

    ERR_clear_error();
    result = SSL_do_handshake(peer->ssl);
    if (result == 1) {
        return 1;
    }
    return SSL_get_error(peer->ssl, result) == SSL_ERROR_WANT_READ ? 0 : -1;
}

size_t tls_peer_read(tls_peer_t *peer, void *plain, size_t size)
{
    size_t done = 0;
    size_t count = 0;

    ERR_clear_error();
    while (done < size && SSL_read_ex(peer->ssl, (char *)plain + done, size - done, &count)) {
        done += count;
    }
    return done;
}

void tls_peer_write(tls_peer_t *peer, const void *plain, size_t size)
{
    size_t count = 0;

    ERR_clear_error();
    assert_int_equal(SSL_write_ex(peer->ssl, plain, size, &count), 1);
    assert_int_equal(count, size);
}
