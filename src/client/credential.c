/* SPDX-License-Identifier: Apache-2.0 */
/* Translation of the credential, and refusal of mechanisms that are not there yet. */
#include "client/credential.h"

#include "base/error.h"
#include "client/client_inner.h"
#include "uri/credential.h"

/* Returns 1, or 0 when the mechanism cannot be used yet. */
static int translate(int mechanism, muv__mechanism_t *ret)
{
    switch (mechanism) {
    case MUV__AUTH_DEFAULT: *ret = MUV__MECHANISM_DEFAULT; return 1;
    case MUV__AUTH_SCRAM_SHA_1: *ret = MUV__MECHANISM_SCRAM_SHA_1; return 1;
    case MUV__AUTH_SCRAM_SHA_256: *ret = MUV__MECHANISM_SCRAM_SHA_256; return 1;
    case MUV__AUTH_X509: *ret = MUV__MECHANISM_X509; return 1;
    case MUV__AUTH_PLAIN: *ret = MUV__MECHANISM_PLAIN; return 1;
    default: return 0;
    }
}

int muv__client_credential_read(muv_client_t *client, muv_error_t *reterr)
{
    muv__credential_t credential;
    muv__mechanism_t mechanism;
    int status = muv__credential_of(client->uri, 0, reterr, &credential);

    if (status != 0 || !credential.enabled) {
        return status;
    }
    if (!translate(credential.mechanism, &mechanism)) {
        return muv__error_set(reterr, MUV_EINVAL,
                              "authMechanism: %s is not supported by this version of libmuv",
                              muv__auth_mechanism_name(credential.mechanism));
    }
    client->credential = (muv__auth_credential_t){.mechanism = mechanism,
                                                  .username = credential.username,
                                                  .password = credential.password,
                                                  .source = credential.source};
    client->context.credential = &client->credential;
    client->context.keys = &client->keys;
    return 0;
}
