/* SPDX-License-Identifier: Apache-2.0 */
/* The other side of a TLS connection, in memory: OpenSSL as a server. Bytes are put in and taken
 * out by hand, so a test decides how they are cut. */
#ifndef MUV_TESTS_SUPPORT_TLS_SERVER_H
#define MUV_TESTS_SUPPORT_TLS_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "support/certs.h"

typedef struct tls_server_opts {
    const cert_t *cert;
    const cert_t *chain;         /* Sent along, or NULL. */
    const cert_t *client_issuer; /* A certificate of his is demanded, or NULL. */
    const staple_t *staple;      /* OCSP response, or NULL. */
    int64_t wall_s;              /* For judging him; 0: CERTS_NOW_S. */
    int max_version;             /* TLS1_2_VERSION, or 0: no limit. */
} tls_server_opts_t;

/* What lives for several connections (tickets, for instance). */
typedef struct tls_server {
    SSL_CTX *context;
    const staple_t *staple;
} tls_server_t;

void tls_server_init(tls_server_t *server, const tls_server_opts_t *opts);
void tls_server_done(tls_server_t *server);

/* One connection. */
typedef struct tls_peer {
    SSL *ssl;
    BIO *in;
    BIO *out;
} tls_peer_t;

void tls_peer_init(tls_peer_t *peer, tls_server_t *server);
void tls_peer_done(tls_peer_t *peer);

/* Cipher bytes of the client came. */
void tls_peer_put(tls_peer_t *peer, const void *bytes, size_t size);

/* Take at most `size` cipher bytes for the client; returns how many. */
size_t tls_peer_take(tls_peer_t *peer, void *bytes, size_t size);

/* Go on with the handshake: 1 finished, 0 not yet, -1 failed. */
int tls_peer_handshake(tls_peer_t *peer);

/* Decrypt at most `size` bytes; returns how many. */
size_t tls_peer_read(tls_peer_t *peer, void *plain, size_t size);

void tls_peer_write(tls_peer_t *peer, const void *plain, size_t size);

#endif
