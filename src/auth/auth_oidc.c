/* SPDX-License-Identifier: Apache-2.0 */
/* OIDC's part of the login machine: a token that was kept, one that is asked for, and a person who
 * is shown the issuer first (Authentication: MONGODB-OIDC, "Authentication" and "Conversation"). */
#include "auth/auth_inner.h"

#include "auth/oidc.h"
#include "base/assert.h"
#include "base/bson_view.h"
#include "base/server_code.h"

#include <string.h>

static muv__auth_result_t fetch(muv__auth_t *auth)
{
    auth->state = MUV__AUTH_STATE_FETCHING;
    return MUV__AUTH_FETCH;
}

static muv__auth_result_t send_token(muv__auth_t *auth, muv__buf_t *command, muv_error_t *error)
{
    return muv__auth_sent(auth, muv__auth_write_first(auth, MUV__SASL_COMMAND, command),
                          MUV__AUTH_STATE_SINGLE, error);
}

/* The first of two steps: who logs in? */
static muv__auth_result_t send_principal(muv__auth_t *auth, muv__buf_t *command, muv_error_t *error)
{
    muv__sasl_start_t start = {.mechanism = MUV__MECHANISM_OIDC,
                               .place = MUV__SASL_COMMAND,
                               .source = auth->credential->source};
    muv__buf_t payload;
    int status;

    muv__buf_init(&payload, MUV__AUTH_MAX_PAYLOAD);
    muv__oidc_principal(auth->credential->username, &payload);
    status = payload.error;
    if (status == 0) {
        start.payload = muv__span(payload.data, payload.size);
        muv__sasl_write_start(&start, command);
        status = command->error;
    }
    muv__buf_done(&payload);
    return muv__auth_sent(auth, status, MUV__AUTH_STATE_ASKED, error);
}

muv__auth_result_t muv__auth_oidc_begin(muv__auth_t *auth, muv__buf_t *command, muv_error_t *error)
{
    if (auth->credentials != NULL) {
        return send_token(auth, command, error);
    }
    if (auth->credential->human && !auth->can_refresh) {
        return send_principal(auth, command, error);
    }
    return fetch(auth);
}

muv__auth_result_t muv__auth_oidc_refused(muv__auth_t *auth, muv__buf_t *command,
                                          muv_error_t *error)
{
    int refreshed = auth->credential->human && auth->can_refresh && !auth->kept;

    if (error->server_code != MUV__CODE_AUTHENTICATION_FAILED ||
        auth->state != MUV__AUTH_STATE_SINGLE || (!auth->kept && !refreshed)) {
        return muv__auth_refuse(auth, "the server refused it", error);
    }
    memset(error, 0, sizeof(*error));
    MUV__ASSERT(auth->credentials != NULL);
    muv__credentials_release(auth->refused);
    auth->refused = muv__credentials_retain(auth->credentials);
    muv__auth_drop_credentials(auth);
    if (refreshed) {
        auth->can_refresh = 0;
    }
    return muv__auth_oidc_begin(auth, command, error);
}

muv__auth_result_t muv__auth_oidc_idp_info(muv__auth_t *auth, const muv__sasl_reply_t *reply,
                                           muv_error_t *error)
{
    if (reply->done || !muv__oidc_read_idp_info(reply->payload, &auth->idp_info)) {
        return muv__auth_refuse(auth, "the server does not say who issues tokens", error);
    }
    auth->conversation_id = reply->conversation_id;
    auth->has_idp_info = 1;
    return fetch(auth);
}

muv__auth_result_t muv__auth_oidc_fetched(muv__auth_t *auth, muv__buf_t *command,
                                          muv_error_t *error)
{
    muv__buf_t payload;
    int status;

    if (!auth->has_idp_info) {
        return send_token(auth, command, error);
    }
    auth->has_idp_info = 0;
    status = muv__auth_oidc_payload(auth, &payload);
    status = muv__auth_write_continue(auth, status, &payload, command);
    return muv__auth_sent(auth, status, MUV__AUTH_STATE_ANSWERED, error);
}

int muv__auth_oidc_go_on(muv__auth_t *auth, muv__buf_t *command, muv_error_t *error,
                         muv__auth_result_t *ret)
{
    if (!auth->credential->human || !auth->can_refresh) {
        return 0;
    }
    auth->can_refresh = 0;
    memset(error, 0, sizeof(*error));
    *ret = send_principal(auth, command, error);
    return 1;
}
