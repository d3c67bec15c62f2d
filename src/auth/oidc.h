/* SPDX-License-Identifier: Apache-2.0 */
/* The payloads of MONGODB-OIDC, which are BSON documents. With a token in hand one step is enough;
 * without one, the server first tells who issues tokens for this user.
 *
 *   {jwt: token}              ---->  (done)
 *
 *   {n: user} or {}           ---->
 *                             <----  {issuer, clientId, requestScopes}
 *   {jwt: token}              ---->  (done) */
#ifndef MUV__OIDC_H
#define MUV__OIDC_H

#include "base/buf.h"
#include "base/span.h"

/* Scopes beyond these are not given on: no identity provider asks for so many. */
#define MUV__OIDC_SCOPES_MAX 32

/* Who issues tokens. Spans point into the payload. */
typedef struct muv__oidc_idp_info {
    muv__span_t issuer;
    muv__span_t client_id; /* Empty: not told. */
    muv__span_t scopes[MUV__OIDC_SCOPES_MAX];
    size_t scope_count;
} muv__oidc_idp_info_t;

/* Write {n: principal_name}, or {} for NULL. */
void muv__oidc_principal(const char *principal_name, muv__buf_t *ret);

/* Write {jwt: token}. The buffer then holds a secret. */
void muv__oidc_token(const char *token, muv__buf_t *ret);

/* Read the server's answer to the principal. Returns 1, or 0 when it names no issuer or is not what
 * it should be. */
int muv__oidc_read_idp_info(muv__span_t payload, muv__oidc_idp_info_t *ret);

#endif
