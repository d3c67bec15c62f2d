/* SPDX-License-Identifier: Apache-2.0 */
/* Sources of credentials that a program brings itself: access tokens for MONGODB-OIDC, keys for
 * MONGODB-AWS. Everything else about authentication is in the connection string.
 *
 * A source is a function that begins to obtain credentials and answers later, in the same thread,
 * with muv_oidc_finish() or muv_aws_finish(): libmuv never waits inside of it. Connections that
 * need credentials at the same time share one call (OIDC specification: one call at a time, 100 ms
 * apart), and what it gave is kept for those to come. */
#ifndef MUV_AUTH_H
#define MUV_AUTH_H

#include "muv/error.h"
#include "muv/types.h"

MUV_BEGIN_DECLS

/* One call of a source that has not been answered yet. It stays valid until it is finished, exactly
 * once, however late. */
typedef struct muv_credential_request muv_credential_request_t;

/* 1 until the call has run out of time or the client has ended: the answer is dropped then. An
 * answer for which nobody waits any more is kept for those to come. */
MUV_API int muv_credential_request_is_awaited(const muv_credential_request_t *request);

/* --- MONGODB-OIDC ------------------------------------------------------------------------------*/

#define MUV_OIDC_CALLBACK_VERSION 1

/* Who issues tokens, as the server said it (human flow only). */
typedef struct muv_oidc_idp_info {
    const char *issuer;
    const char *client_id; /* NULL: not told. */
    const char *const *request_scopes;
    size_t request_scope_count;
} muv_oidc_idp_info_t;

/* Borrowed for the call of the source. */
typedef struct muv_oidc_params {
    int32_t version;                     /* MUV_OIDC_CALLBACK_VERSION. */
    int64_t timeout_ms;                  /* How long the answer is waited for. */
    const char *username;                /* Of the connection string, or NULL. */
    const char *refresh_token;           /* Human flow: what the last answer gave, or NULL. */
    const muv_oidc_idp_info_t *idp_info; /* Human flow; else NULL. */
} muv_oidc_params_t;

/* Begin to obtain a token. Called from the loop, never inside a call of libmuv. */
typedef void (*muv_oidc_cb)(muv_credential_request_t *request, const muv_oidc_params_t *params,
                            void *data);

typedef struct muv_oidc_token {
    const char *access_token;  /* [borrow] Copied. */
    int64_t expires_in_ms;     /* 0: not told. Negative: an error. */
    const char *refresh_token; /* [borrow] Copied. Human flow; may be NULL. */
} muv_oidc_token_t;

/* Answer, inside the source's call or later, on the client's thread.
 *
 * request  [own]    Taken over in any case but MUV_EINVAL for NULL.
 * token    [borrow] NULL: there is none, ...
 * why      [borrow] ... for this reason, which becomes part of the error; may be NULL.
 *
 * Returns 0, MUV_EINVAL (no access token and yet a `token`, a negative expires_in_ms: the
 * connections fail with that) or MUV_ENOMEM (likewise). */
MUV_API int muv_oidc_finish(muv_credential_request_t *request, const muv_oidc_token_t *token,
                            const char *why);

/* How MONGODB-OIDC gets its tokens; without it the connection string must name an ENVIRONMENT. */
typedef struct muv_oidc_opts {
    muv_oidc_cb callback; /* OIDC_CALLBACK, or with `human` OIDC_HUMAN_CALLBACK. */
    void *data;
    int8_t human; /* MUV_YES: a person logs in. The server names the issuer, the source has five
                   * minutes, and only `allowed_hosts` are connected to. Default MUV_NO. */
    const char *const *allowed_hosts; /* [borrow] Copied. ALLOWED_HOSTS: names and addresses without
                                       * ports, "*.example.com" for all below; none of them: nobody
                                       * is connected to. Default (NULL): MongoDB's own domains and
                                       * this machine. */
    size_t allowed_host_count;
} muv_oidc_opts_t;

/* --- MONGODB-AWS -------------------------------------------------------------------------------*/

typedef struct muv_aws_keys {
    const char *access_key_id; /* [borrow] Copied, as the others. */
    const char *secret_access_key;
    const char *session_token; /* NULL: none. */
    int64_t expires_at_ms;     /* Since 1970; 0: never. Asked for again five minutes before. */
} muv_aws_keys_t;

typedef void (*muv_aws_cb)(muv_credential_request_t *request, void *data);

/* As muv_oidc_finish(). */
MUV_API int muv_aws_finish(muv_credential_request_t *request, const muv_aws_keys_t *keys,
                           const char *why);

/* Where MONGODB-AWS gets its keys from, instead of the environment, web identity, ECS or EC2. */
typedef struct muv_aws_opts {
    const char *access_key_id; /* [borrow] Copied, as the others. Given keys, never asked again; */
    const char *secret_access_key;
    const char *session_token;
    muv_aws_cb callback; /* ... or a source of keys. Not both. */
    void *data;
} muv_aws_opts_t;

MUV_END_DECLS

#endif
