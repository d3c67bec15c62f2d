/* SPDX-License-Identifier: Apache-2.0 */
/* The mechanisms, their names, and the choice among them by what the server says of a user. */
#ifndef MUV__MECHANISM_H
#define MUV__MECHANISM_H

#include "base/span.h"

typedef enum muv__mechanism {
    MUV__MECHANISM_DEFAULT = 0, /* To be negotiated: SCRAM-SHA-256 or SCRAM-SHA-1. */
    MUV__MECHANISM_SCRAM_SHA_1,
    MUV__MECHANISM_SCRAM_SHA_256,
    MUV__MECHANISM_X509,
    MUV__MECHANISM_PLAIN,
    MUV__MECHANISM_AWS,
    MUV__MECHANISM_OIDC,
    MUV__MECHANISM_GSSAPI
} muv__mechanism_t;

/* As it stands in commands; "SCRAM" for MUV__MECHANISM_DEFAULT. Never NULL. */
const char *muv__mechanism_name(muv__mechanism_t mechanism);

/* What a user whose mechanism is not named logs in with, by the reply to a hello that asked for
 * saslSupportedMechs: SCRAM-SHA-256 if it is listed, else SCRAM-SHA-1, also when there is no list
 * or one with names nobody knows (Authentication: mechanism negotiation). */
muv__mechanism_t muv__mechanism_negotiate(muv__span_t hello_reply);

#endif
