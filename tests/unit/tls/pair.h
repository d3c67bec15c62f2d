/* SPDX-License-Identifier: Apache-2.0 */
/* A client engine and a server in one process, with certificates to choose from, and the bytes
 * between them cut as a test wants. */
#ifndef MUV_TESTS_UNIT_TLS_PAIR_H
#define MUV_TESTS_UNIT_TLS_PAIR_H

#include "support/certs.h"
#include "support/check.h"
#include "support/tls_server.h"
#include "tls/tls_context.h"
#include "tls/tls_stream.h"

/* Made once for each test program. */
typedef struct certs {
    cert_t authority;
    cert_t stranger; /* Another authority. */
    cert_t server;   /* Of db.example.net, *.wild.example.net, 127.0.0.1 and ::1. */
    cert_t client;   /* Of `authority`. */
    pem_t trust;     /* `authority`, as a file. */
    pem_t identity;  /* `client` with its key, as a file. */
} certs_t;

extern certs_t certs;

int certs_setup(void **state);
int certs_teardown(void **state);

typedef struct pair {
    tls_server_t server;
    tls_peer_t peer;
    muv__tls_context_t *context;
    muv__tls_t *client;
    muv_error_t error;  /* Why the client has failed. */
    int8_t peer_status; /* As tls_peer_handshake(). */
    int64_t later_s;    /* The client's clock is this far past CERTS_NOW_S. */
} pair_t;

/* NULL: the certificate for db.example.net; a client that trusts its authority. */
void pair_init(pair_t *pair, const tls_server_opts_t *server, const muv__tls_options_t *client);
void pair_done(pair_t *pair);

/* Connect (again) to `name`. */
void pair_connect(pair_t *pair, const char *name);

/* Shake hands, with at most `step` bytes at a time in both directions. Returns what the client's
 * last step did: 1, or its code and pair->error; 0 when it got stuck. */
int pair_handshake(pair_t *pair, size_t step);

/* Carry what the client has made to the peer. Returns how many bytes. */
size_t pair_to_peer(pair_t *pair);

/* Take what the peer has made for the client, at most `size`. */
size_t pair_from_peer(pair_t *pair, uint8_t *bytes, size_t size);

/* A whole life: connect to `name`, shake hands. Returns as pair_handshake(). */
int pair_meet(pair_t *pair, const char *name);

#endif
