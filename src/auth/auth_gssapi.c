/* SPDX-License-Identifier: Apache-2.0 */
/* Transitions of GSSAPI: the owner makes the tokens (src/gssapi), here they get their commands.
 *
 *   START --> STEPPING --first token--> STARTED --reply--> STEPPING
 *             STEPPING --token--------> TALKING --reply--> STEPPING
 *             STEPPING --last token---> ANSWERED --good--> DONE */
#include "auth/auth_inner.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"

muv__auth_result_t muv__auth_gssapi_step(muv__auth_t *auth, muv__span_t challenge,
                                         muv_error_t *error)
{
    if (challenge.size > MUV__AUTH_MAX_PAYLOAD) {
        return muv__auth_refuse(auth, "the server's token is too large", error);
    }
    auth->challenge = challenge;
    auth->state = MUV__AUTH_STATE_STEPPING;
    return MUV__AUTH_STEP;
}

static muv__auth_state_t write_token(muv__auth_t *auth, const muv__auth_token_t *token,
                                     muv__buf_t *command)
{
    const char *source = auth->credential->source;
    muv__sasl_start_t start = {.mechanism = MUV__MECHANISM_GSSAPI,
                               .place = MUV__SASL_COMMAND,
                               .source = source,
                               .payload = token->token};

    if (!auth->talking) {
        auth->talking = 1;
        muv__sasl_write_start(&start, command);
        return MUV__AUTH_STATE_STARTED;
    }
    muv__sasl_write_continue(auth->conversation_id, source, token->token, command);
    return token->last ? MUV__AUTH_STATE_ANSWERED : MUV__AUTH_STATE_TALKING;
}

muv__auth_result_t muv__auth_stepped(muv__auth_t *auth, const muv__auth_token_t *token,
                                     muv__buf_t *command, muv_error_t *error)
{
    muv__auth_state_t state;

    MUV__ASSERT(auth->state == MUV__AUTH_STATE_STEPPING);
    memset(error, 0, sizeof(*error));
    if (token->why != NULL) {
        (void)snprintf(auth->reason, sizeof(auth->reason), "%s", token->why);
        return muv__auth_refuse(auth, auth->reason, error);
    }
    state = write_token(auth, token, command);
    return muv__auth_sent(auth, command->error, state, error);
}
