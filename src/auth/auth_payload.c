/* SPDX-License-Identifier: Apache-2.0 */
/* What each mechanism says first. */
#include "auth/auth_inner.h"

#include "auth/aws.h"
#include "auth/oidc.h"
#include "base/assert.h"

#include <string.h>

static int has_password(muv__auth_t *auth)
{
    if (auth->credential->username == NULL || auth->credential->password == NULL) {
        auth->why = "user name and password are needed";
        return 0;
    }
    return 1;
}

static const uint8_t *take_random(muv__auth_t *auth, size_t size)
{
    const uint8_t *bytes = auth->random + auth->random_used;

    MUV__ASSERT(size <= sizeof(auth->random) - auth->random_used);
    auth->random_used += size;
    return bytes;
}

static int write_scram_first(muv__auth_t *auth, muv__buf_t *payload)
{
    int status;

    if (!has_password(auth)) {
        return MUV_EAUTH;
    }
    muv__scram_done(&auth->scram);
    muv__scram_init(&auth->scram,
                    auth->mechanism == MUV__MECHANISM_SCRAM_SHA_1 ? MUV__HASH_SHA_1
                                                                  : MUV__HASH_SHA_256,
                    take_random(auth, MUV__SCRAM_RANDOM_SIZE));
    status = muv__scram_first(&auth->scram, auth->credential->username, payload);
    auth->why = auth->scram.why;
    return status;
}

/* (RFC 4616, without an identity to act as.) */
static int write_plain(muv__auth_t *auth, muv__buf_t *payload)
{
    const muv__auth_credential_t *credential = auth->credential;

    if (!has_password(auth)) {
        return MUV_EAUTH;
    }
    (void)muv__buf_reserve(payload,
                           2 + strlen(credential->username) + strlen(credential->password));
    muv__buf_append(payload, "", 1);
    muv__buf_append(payload, credential->username, strlen(credential->username));
    muv__buf_append(payload, "", 1);
    muv__buf_append(payload, credential->password, strlen(credential->password));
    return payload->error;
}

int muv__auth_oidc_payload(muv__auth_t *auth, muv__buf_t *payload)
{
    const char *token = auth->credentials->oidc_token;

    muv__buf_init(payload, MUV__AUTH_MAX_PAYLOAD);
    (void)muv__buf_reserve(payload, 32 + strlen(token));
    muv__oidc_token(token, payload);
    return payload->error;
}

/* The nonce is looked at again when the server's payload comes: it is the last one taken. */
static int write_aws_first(muv__auth_t *auth, muv__buf_t *payload)
{
    muv__aws_first(take_random(auth, MUV__AWS_NONCE_SIZE), payload);
    return payload->error;
}

static int write_payload(muv__auth_t *auth, muv__buf_t *payload)
{
    if (auth->mechanism == MUV__MECHANISM_OIDC) {
        return muv__auth_oidc_payload(auth, payload);
    }
    muv__buf_init(payload, MUV__AUTH_MAX_PAYLOAD);
    switch (auth->mechanism) {
    case MUV__MECHANISM_SCRAM_SHA_1:
    case MUV__MECHANISM_SCRAM_SHA_256: return write_scram_first(auth, payload);
    case MUV__MECHANISM_PLAIN: return write_plain(auth, payload);
    case MUV__MECHANISM_AWS: return write_aws_first(auth, payload);
    case MUV__MECHANISM_OIDC:
    case MUV__MECHANISM_GSSAPI:
    case MUV__MECHANISM_DEFAULT:
    case MUV__MECHANISM_X509:
    default: auth->why = "this mechanism is not supported"; return MUV_EAUTH;
    }
}

int muv__auth_write_continue(muv__auth_t *auth, int status, muv__buf_t *payload, muv__buf_t *ret)
{
    const char *source = auth->credential->source;

    if (status == 0) {
        /* A buffer that moved would leave a copy of the secret behind. */
        (void)muv__buf_reserve(ret, MUV__SASL_OVERHEAD + strlen(source) + payload->size);
        muv__sasl_write_continue(auth->conversation_id, source,
                                 muv__span(payload->data, payload->size), ret);
        status = ret->error;
    }
    muv__buf_wipe(payload);
    return status;
}

int muv__auth_write_first(muv__auth_t *auth, muv__sasl_place_t place, muv__buf_t *ret)
{
    muv__sasl_start_t start = {
        .mechanism = auth->mechanism, .place = place, .source = auth->credential->source};
    muv__buf_t payload;
    int status;

    if (auth->mechanism == MUV__MECHANISM_X509) {
        muv__sasl_write_x509(place, start.source, auth->credential->username, ret);
        return ret->error;
    }
    status = write_payload(auth, &payload);
    if (status == 0) {
        /* As above. */
        (void)muv__buf_reserve(ret, MUV__SASL_OVERHEAD + strlen(start.source) + payload.size);
        start.payload = muv__span(payload.data, payload.size);
        muv__sasl_write_start(&start, ret);
        status = ret->error;
    }
    muv__buf_wipe(&payload);
    return status;
}
