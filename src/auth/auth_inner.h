/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the login machine share. Nobody else includes it.
 *   auth.c          transitions, SCRAM and AWS
 *   auth_oidc.c     transitions of OIDC
 *   auth_gssapi.c   transitions of GSSAPI
 *   auth_payload.c  the first message of each mechanism */
#ifndef MUV__AUTH_INNER_H
#define MUV__AUTH_INNER_H

#include "auth/auth.h"
#include "auth/sasl.h"

/* The largest payload we make: a token of OIDC may be large, user names are not. */
#define MUV__AUTH_MAX_PAYLOAD (64 * 1024)

extern const char muv__auth_hash_missing[];

/* --- auth.c ------------------------------------------------------------------------------------*/

/* End in FAILED for `code`; MUV_EAUTH has its text in auth->why. `error` keeps what the server told
 * if it was the one that refused. */
muv__auth_result_t muv__auth_fail(muv__auth_t *auth, int code, muv_error_t *error);

/* The same with MUV_EAUTH and its text. */
muv__auth_result_t muv__auth_refuse(muv__auth_t *auth, const char *why, muv_error_t *error);

/* End in DONE. */
muv__auth_result_t muv__auth_finish(muv__auth_t *auth);

/* A command was written, or not: `status` says it. */
muv__auth_result_t muv__auth_sent(muv__auth_t *auth, int status, muv__auth_state_t state,
                                  muv_error_t *error);

/* Let go of the credentials in use. */
void muv__auth_drop_credentials(muv__auth_t *auth);

/* --- auth_oidc.c -------------------------------------------------------------------------------*/

muv__auth_result_t muv__auth_oidc_begin(muv__auth_t *auth, muv__buf_t *command, muv_error_t *error);

/* The server has refused a message; `error` has its code. */
muv__auth_result_t muv__auth_oidc_refused(muv__auth_t *auth, muv__buf_t *command,
                                          muv_error_t *error);

/* It answers who issues tokens. */
muv__auth_result_t muv__auth_oidc_idp_info(muv__auth_t *auth, const muv__sasl_reply_t *reply,
                                           muv_error_t *error);

/* The token is there. */
muv__auth_result_t muv__auth_oidc_fetched(muv__auth_t *auth, muv__buf_t *command,
                                          muv_error_t *error);

/* No token was to be had. Returns 1 and goes on in another way (`*ret`), or 0. */
int muv__auth_oidc_go_on(muv__auth_t *auth, muv__buf_t *command, muv_error_t *error,
                         muv__auth_result_t *ret);

/* --- auth_gssapi.c -----------------------------------------------------------------------------*/

/* A token has to be made of the server's, which is empty at the beginning. */
muv__auth_result_t muv__auth_gssapi_step(muv__auth_t *auth, muv__span_t challenge,
                                         muv_error_t *error);

/* --- auth_payload.c ----------------------------------------------------------------------------*/

/* Write the elements of the mechanism's first command. Returns 0, MUV_ENOMEM, MUV_ETOOLARGE, or
 * MUV_EAUTH with auth->why. */
int muv__auth_write_first(muv__auth_t *auth, muv__sasl_place_t place, muv__buf_t *ret);

/* Write saslContinue with `payload`, which is wiped and ended; `status` is what making it gave.
 * Returns as above. */
int muv__auth_write_continue(muv__auth_t *auth, int status, muv__buf_t *payload, muv__buf_t *ret);

/* The payload {jwt: token} of the credentials in use; its buffer is begun here. */
int muv__auth_oidc_payload(muv__auth_t *auth, muv__buf_t *payload);

#endif
