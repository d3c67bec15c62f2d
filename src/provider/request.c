/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the user's own sources. A call outlives everything that waited for it: it is freed by
 * its answer, and only by it. */
#include "provider/provider_inner.h"

#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/mem.h"

#define MS_PER_S 1000

struct muv_credential_request {
    muv__provider_t *provider;       /* NULL: nobody waits. */
    muv_credential_request_t **slot; /* Where the provider remembers it. */
    uint8_t is_oidc;
};

int muv__request_begin(muv__provider_t *provider, const muv__request_call_t *call,
                       muv_credential_request_t **slot)
{
    const muv__provider_config_t *config = call->config;
    muv_credential_request_t *request = muv__mem_alloc(sizeof(*request));

    if (request == NULL) {
        return MUV_ENOMEM;
    }
    *request = (muv_credential_request_t){
        .provider = provider, .slot = slot, .is_oidc = config->oidc != NULL};
    *slot = request;
    if (config->oidc != NULL) {
        config->oidc(request, &call->params, config->data);
    } else {
        config->aws(request, config->data);
    }
    return 0;
}

void muv__request_forget(muv_credential_request_t *request)
{
    if (request != NULL) {
        *request->slot = NULL;
        request->provider = NULL;
    }
}

int muv_credential_request_is_awaited(const muv_credential_request_t *request)
{
    return request != NULL && request->provider != NULL;
}

/* The call ends here; `code` and `why` are for those who wait if there are no values. */
static int answer(muv_credential_request_t *request, const muv__credentials_t *values, int code,
                  const char *why)
{
    muv__provider_t *provider = request->provider;
    muv__credentials_t *credentials = NULL;

    if (provider != NULL) {
        muv__request_forget(request);
        if (values != NULL && muv__credentials_new(values, &credentials) != 0) {
            code = MUV_ENOMEM;
        }
        muv__provider_end(provider, credentials, code, why);
    }
    muv__mem_free(request);
    return code == MUV_EAUTH ? 0 : code;
}

static int refuse(muv_credential_request_t *request, const char *why)
{
    (void)answer(request, NULL, MUV_EAUTH, why);
    return MUV_EINVAL;
}

static int decline(muv_credential_request_t *request, const char *why)
{
    char text[MUV__SOURCE_WHY_SIZE];

    if (why == NULL) {
        return answer(request, NULL, MUV_EAUTH, "the callback gave no credentials");
    }
    (void)snprintf(text, sizeof(text), "the callback failed: %s", why);
    return answer(request, NULL, MUV_EAUTH, text);
}

static int is_missing(const char *text)
{
    return text == NULL || text[0] == '\0';
}

int muv_oidc_finish(muv_credential_request_t *request, const muv_oidc_token_t *token,
                    const char *why)
{
    muv__credentials_t values = {.expires_s = MUV__CREDENTIALS_NEVER};

    if (request == NULL) {
        return MUV_EINVAL;
    }
    if (!request->is_oidc) {
        return refuse(request, "the callback for keys answered with a token");
    }
    if (token == NULL) {
        return decline(request, why);
    }
    if (is_missing(token->access_token)) {
        return refuse(request, "the callback gave no access_token");
    }
    if (token->expires_in_ms < 0) {
        return refuse(request, "the callback gave a negative expires_in_ms");
    }
    values.oidc_token = token->access_token;
    values.refresh_token = is_missing(token->refresh_token) ? NULL : token->refresh_token;
    return answer(request, &values, 0, NULL);
}

int muv_aws_finish(muv_credential_request_t *request, const muv_aws_keys_t *keys, const char *why)
{
    muv__credentials_t values = {.expires_s = MUV__CREDENTIALS_NEVER};

    if (request == NULL) {
        return MUV_EINVAL;
    }
    if (request->is_oidc) {
        return refuse(request, "the callback for a token answered with keys");
    }
    if (keys == NULL) {
        return decline(request, why);
    }
    if (is_missing(keys->access_key_id) || is_missing(keys->secret_access_key)) {
        return refuse(request, "the callback gave no access_key_id or no secret_access_key");
    }
    if (keys->expires_at_ms != 0) {
        values.expires_s = keys->expires_at_ms / MS_PER_S;
    }
    values.aws.access_key_id = keys->access_key_id;
    values.aws.secret_access_key = keys->secret_access_key;
    values.aws.session_token = is_missing(keys->session_token) ? NULL : keys->session_token;
    return answer(request, &values, 0, NULL);
}
