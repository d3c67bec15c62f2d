/* SPDX-License-Identifier: Apache-2.0 */
/* A mock whose users log in with MONGODB-OIDC, and that serves nobody else: commands on a
 * connection that has not logged in are answered with 13 (Unauthorized). It takes the tokens that
 * the test says it takes, in hello (speculative authentication) and in one or two steps; every
 * other one is answered with 18 (AuthenticationFailed). What does not look like MONGODB-OIDC is a
 * fault of the client's, which fails the test in mock_close().
 *
 * Scripts and fail points of the mock go before all this: saslStart can be made to fail like any
 * other command. */
#ifndef MUV_TESTS_SUPPORT_MOCK_OIDC_H
#define MUV_TESTS_SUPPORT_MOCK_OIDC_H

#include "support/mock.h"

#define MOCK_OIDC_NAME_SIZE 64

/* What it answers to a client that asks who issues tokens. */
#define MOCK_OIDC_IDP                                                                              \
    "{\"issuer\": \"https://issuer.test\", \"clientId\": \"client\","                              \
    " \"requestScopes\": [\"one\", \"two\"]}"

/* Tests read the counters; what a script or a fail point has answered is not in them. */
typedef struct mock_oidc {
    unsigned speculations; /* Hellos that carried a token. */
    unsigned starts;       /* saslStart, ... */
    unsigned asked;        /* ... with a principal, or none, in the place of a token. */
    unsigned continues;    /* saslContinue. */
    unsigned logins;       /* Tokens taken, in whatever message. */
    unsigned refusals;     /* Tokens not taken, likewise. */
    unsigned unauthorized; /* Commands of connections that have not logged in. */
    bool ignores_hello;    /* As servers without speculative authentication. */
    char principal[MOCK_OIDC_NAME_SIZE];  /* Of the last one who asked; "" when it gave none. */
    char last_token[MOCK_OIDC_NAME_SIZE]; /* The last one that came, ... */
    unsigned last_connection;             /* ... and where. */
    struct mock_oidc_state *state;
} mock_oidc_t;

/* Takes the place of the mock's answers to hello, saslStart, saslContinue, and to all commands
 * without a handler of their own ("*"). [own] mock_oidc_free() when the
 * mock has ended. */
mock_oidc_t *mock_oidc_new(muv_mock_t *mock);
void mock_oidc_free(mock_oidc_t *oidc);

/* From now on this token is taken; not any more. Connections that came in with it stay logged in.
 */
void mock_oidc_accept(mock_oidc_t *oidc, const char *token);
void mock_oidc_revoke(mock_oidc_t *oidc, const char *token);

/* The same, and connections that came in with it are answered with 391 (ReauthenticationRequired)
 * until they log in again. */
void mock_oidc_expire(mock_oidc_t *oidc, const char *token);

/* The next `times` commands of this name ("*": of any but hello, logins included) are answered with
 * 391, whatever token their connections came in with. */
void mock_oidc_demand(mock_oidc_t *oidc, const char *command, int times);

/* What is answered to a principal, in place of MOCK_OIDC_IDP. Copied. */
void mock_oidc_set_idp(mock_oidc_t *oidc, const char *json);

#endif
