/* SPDX-License-Identifier: Apache-2.0 */
/* A mock whose users log in with MONGODB-AWS, and that serves nobody else: commands on a connection
 * that has not logged in are answered with 13 (Unauthorized). Where a real server sends the signed
 * request on to STS, it computes the signature itself, with OpenSSL alone: it shares no code with
 * the library, so that both cannot be wrong together. */
#ifndef MUV_TESTS_SUPPORT_MOCK_AWS_H
#define MUV_TESTS_SUPPORT_MOCK_AWS_H

#include "support/mock.h"

#define MOCK_AWS_NONCE_SIZE 64
#define MOCK_AWS_CONVERSATIONS 256
#define MOCK_AWS_CONNECTIONS 1024

/* Zeroed, filled in, given to mock_aws_install(); lives as long as the mock. The keys may be
 * changed at any time. */
typedef struct mock_aws {
    /* [borrow] The keys that it accepts: these and no others. */
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token; /* NULL: there must be none. */

    const char *host;   /* [borrow] It names as STS. NULL: "sts.amazonaws.com". */
    const char *region; /* [borrow] That the signature must be for. NULL: "us-east-1". */
    bool foreign_nonce; /* Its nonce does not begin with the client's. */

    unsigned begun;    /* Conversations. */
    unsigned accepted; /* Logins. */
    unsigned refused;
    unsigned unauthorized; /* Commands of connections that have not logged in. */
    const char *why;       /* Static text: what was wrong with the last one refused. */
    muv_mock_t *mock;
    bool known[MOCK_AWS_CONNECTIONS];
    uint8_t nonces[MOCK_AWS_CONVERSATIONS][MOCK_AWS_NONCE_SIZE];
} mock_aws_t;

/* Takes the place of the mock's answers to saslStart, saslContinue, and all commands without a
 * handler of their own ("*"). Scripts go before all this. */
void mock_aws_install(muv_mock_t *mock, mock_aws_t *aws);

#endif
