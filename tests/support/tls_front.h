/* SPDX-License-Identifier: Apache-2.0 */
/* A TLS server on the test's loop that passes plain bytes on to another port of this machine and
 * back: what a mock or a server without TLS is to a client with it. */
#ifndef MUV_TESTS_SUPPORT_TLS_FRONT_H
#define MUV_TESTS_SUPPORT_TLS_FRONT_H

#include <stdbool.h>

#include <uv.h>

#include "support/tls_server.h"

typedef struct tls_front tls_front_t;

typedef struct tls_front_opts {
    tls_server_opts_t tls;
    int target_port;
    size_t piece_bytes; /* Cipher bytes to the client at most in one write; 0: no limit. */
    bool silent;        /* Accepts, and says nothing. */
} tls_front_opts_t;

/* [own] End it with tls_front_close(); the handles are gone after the loop has run on. */
tls_front_t *tls_front_new(uv_loop_t *loop, const tls_front_opts_t *opts);
void tls_front_close(tls_front_t *front);

int tls_front_port(const tls_front_t *front);

/* Handshakes that were finished; and how many of them resumed a session. */
unsigned tls_front_handshakes(const tls_front_t *front);
unsigned tls_front_resumed(const tls_front_t *front);

/* Close all connections to clients without a word. */
void tls_front_cut(tls_front_t *front);

#endif
