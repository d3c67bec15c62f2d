/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this layer share. Nobody else includes it.
 *   provider.c  who waits, what is kept, when a source runs; carries sources out
 *   request.c   the user's functions: their calls and their answers
 *   idp_info.c  a copy of what the server says of an issuer */
#ifndef MUV__PROVIDER_INNER_H
#define MUV__PROVIDER_INNER_H

#include "provider/provider.h"

/* --- provider.c --------------------------------------------------------------------------------*/

/* A run has ended: with `credentials`, whose count is taken over, or NULL and a text. */
void muv__provider_end(muv__provider_t *provider, muv__credentials_t *credentials, int code,
                       const char *why);

/* --- request.c ---------------------------------------------------------------------------------*/

/* Call the user's function. `params` is for OIDC. Returns the call, or NULL when out of memory. The
 * answer may come inside. */
typedef struct muv__request_call {
    const muv__provider_config_t *config;
    muv_oidc_params_t params;
} muv__request_call_t;

/* `*slot` holds the call while it is awaited; it is NULL again when the answer has come. Returns 0
 * or MUV_ENOMEM. */
int muv__request_begin(muv__provider_t *provider, const muv__request_call_t *call,
                       muv_credential_request_t **slot);

/* Nobody waits for it any more. NULL is allowed. */
void muv__request_forget(muv_credential_request_t *request);

/* --- idp_info.c --------------------------------------------------------------------------------*/

/* Returns NULL when out of memory. [own] muv__mem_free() */
muv_oidc_idp_info_t *muv__idp_info_copy(const muv__oidc_idp_info_t *info);

#endif
