/* SPDX-License-Identifier: Apache-2.0 */
/* Transitions of a login. Everything about texts, hashes and BSON is in the files it includes. */
#include "auth/auth.h"

#include "auth/auth_inner.h"
#include "auth/aws.h"
#include "auth/sasl.h"
#include "auth/saslprep.h"
#include "auth/secret.h"
#include "base/assert.h"
#include "base/bson_view.h"
#include "base/bson_writer.h"
#include "base/compiler.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

const char muv__auth_hash_missing[] = "a hash function is not available";

/* --- ends --------------------------------------------------------------------------------------*/

void muv__auth_init(muv__auth_t *auth, const muv__auth_credential_t *credential,
                    muv__key_cache_t *cache, const uint8_t *random, int64_t wall_s)
{
    memset(auth, 0, sizeof(*auth));
    auth->credential = credential;
    auth->cache = cache;
    auth->mechanism = credential->mechanism;
    auth->wall_s = wall_s;
    memcpy(auth->random, random, sizeof(auth->random));
    muv__key_waiter_init(&auth->waiter);
}

void muv__auth_done(muv__auth_t *auth)
{
    if (auth->credential == NULL) {
        return;
    }
    muv__key_cache_leave(&auth->waiter);
    muv__scram_done(&auth->scram);
    muv__credentials_release(auth->credentials);
    muv__credentials_release(auth->refused);
    OPENSSL_cleanse(auth, sizeof(*auth));
}

void muv__auth_offer(muv__auth_t *auth, muv__credentials_t *credentials, int can_refresh)
{
    MUV__ASSERT(auth->state == MUV__AUTH_STATE_START && auth->credentials == NULL);
    auth->can_refresh = (uint8_t)can_refresh;
    if (credentials != NULL) {
        auth->credentials = muv__credentials_retain(credentials);
        auth->kept = 1;
    }
}

void muv__auth_drop_credentials(muv__auth_t *auth)
{
    muv__credentials_release(auth->credentials);
    auth->credentials = NULL;
    auth->kept = 0;
}

muv__auth_result_t muv__auth_fail(muv__auth_t *auth, int code, muv_error_t *error)
{
    muv_error_t told = *error;
    const char *why = code == MUV_EAUTH ? auth->why : muv_error_text(code);

    MUV__ASSERT(why != NULL);
    if (told.server_code != 0) {
        (void)muv__error_set(error, code, "%s authentication on \"%.64s\": %s (code %d)",
                             muv__mechanism_name(auth->mechanism), auth->credential->source, why,
                             (int)told.server_code);
    } else {
        (void)muv__error_set(error, code, "%s authentication on \"%.64s\": %s",
                             muv__mechanism_name(auth->mechanism), auth->credential->source, why);
    }
    error->server_code = told.server_code;
    error->labels = told.labels;
    /* A server that was sent the secret itself could give it back in a text of its own. */
    if (auth->mechanism == MUV__MECHANISM_SCRAM_SHA_1 ||
        auth->mechanism == MUV__MECHANISM_SCRAM_SHA_256) {
        memcpy(error->code_name, told.code_name, sizeof(error->code_name));
    }
    muv__key_cache_leave(&auth->waiter);
    auth->state = MUV__AUTH_STATE_FAILED;
    return MUV__AUTH_FAILED;
}

muv__auth_result_t muv__auth_refuse(muv__auth_t *auth, const char *why, muv_error_t *error)
{
    auth->why = why;
    return muv__auth_fail(auth, MUV_EAUTH, error);
}

muv__auth_result_t muv__auth_finish(muv__auth_t *auth)
{
    muv__key_cache_leave(&auth->waiter);
    muv__scram_done(&auth->scram);
    auth->state = MUV__AUTH_STATE_DONE;
    return MUV__AUTH_DONE;
}

muv__auth_result_t muv__auth_sent(muv__auth_t *auth, int status, muv__auth_state_t state,
                                  muv_error_t *error)
{
    if (status != 0) {
        return muv__auth_fail(auth, status, error);
    }
    auth->state = state;
    return MUV__AUTH_SEND;
}

static int is_scram(muv__mechanism_t mechanism)
{
    return mechanism == MUV__MECHANISM_SCRAM_SHA_1 || mechanism == MUV__MECHANISM_SCRAM_SHA_256;
}

/* --- hello -------------------------------------------------------------------------------------*/

/* (Authentication: mechanism negotiation) "source.user" */
static void write_negotiation(const muv__auth_credential_t *credential, muv__buf_t *hello)
{
    size_t source_length = strlen(credential->source);
    size_t name_length = strlen(credential->username);
    muv__buf_t name;

    muv__buf_init(&name, MUV__AUTH_MAX_PAYLOAD);
    muv__buf_append(&name, credential->source, source_length);
    muv__buf_append(&name, ".", 1);
    muv__buf_append(&name, credential->username, name_length);
    if (name.error == 0) {
        muv__bson_utf8(hello, MUV__KEY("saslSupportedMechs"), (const char *)name.data, name.size);
    } else {
        hello->error = name.error;
    }
    muv__buf_done(&name);
}

/* What hello begins with, or MUV__MECHANISM_DEFAULT for nothing (Authentication: speculative
 * authentication). SCRAM-SHA-256 is tried when no mechanism is named. */
static muv__mechanism_t speculative_mechanism(const muv__auth_t *auth)
{
    const muv__auth_credential_t *credential = auth->credential;
    int has_password = credential->username != NULL && credential->password != NULL;

    switch (credential->mechanism) {
    case MUV__MECHANISM_DEFAULT:
    case MUV__MECHANISM_SCRAM_SHA_256:
        return has_password ? MUV__MECHANISM_SCRAM_SHA_256 : MUV__MECHANISM_DEFAULT;
    case MUV__MECHANISM_SCRAM_SHA_1:
        return has_password ? MUV__MECHANISM_SCRAM_SHA_1 : MUV__MECHANISM_DEFAULT;
    case MUV__MECHANISM_X509: return MUV__MECHANISM_X509;
    case MUV__MECHANISM_OIDC:
        return auth->credentials == NULL ? MUV__MECHANISM_DEFAULT : MUV__MECHANISM_OIDC;
    case MUV__MECHANISM_PLAIN:
    case MUV__MECHANISM_AWS:
    case MUV__MECHANISM_GSSAPI:
    default: return MUV__MECHANISM_DEFAULT;
    }
}

void muv__auth_write_hello(muv__auth_t *auth, muv__buf_t *hello)
{
    const muv__auth_credential_t *credential = auth->credential;
    muv__mechanism_t mechanism = speculative_mechanism(auth);
    muv__bson_mark_t mark;
    int status;

    MUV__ASSERT(auth->state == MUV__AUTH_STATE_START);
    if (credential->mechanism == MUV__MECHANISM_DEFAULT && credential->username != NULL) {
        write_negotiation(credential, hello);
    }
    if (mechanism == MUV__MECHANISM_DEFAULT) {
        return;
    }
    auth->mechanism = mechanism;
    auth->speculated = 1;
    mark = muv__bson_begin_document(hello, MUV__KEY("speculativeAuthenticate"));
    status = muv__auth_write_first(auth, MUV__SASL_SPECULATIVE, hello);
    muv__bson_end(hello, mark);
    if (status != 0 && hello->error == 0) {
        hello->error = status;
    }
}

/* --- SCRAM -------------------------------------------------------------------------------------*/

/* (Authentication: SCRAM-SHA-1) The password is the digest that MONGODB-CR used. */
static int hash_password(muv__auth_t *auth, muv__secret_t *ret)
{
    const char *user = auth->credential->username;
    const char *password = auth->credential->password;
    size_t user_length = strlen(user);
    muv__secret_t text;
    muv__secret_t digest;

    if (muv__secret_alloc(&text, user_length + 7 + strlen(password)) != 0) {
        return MUV_ENOMEM;
    }
    memcpy(text.data, user, user_length);
    memcpy(text.data + user_length, ":mongo:", 7);
    memcpy(text.data + user_length + 7, password, strlen(password));
    if (muv__secret_alloc(&digest, MUV__MD5_HEX_SIZE) != 0) {
        muv__secret_done(&text);
        return MUV_ENOMEM;
    }
    if (muv__hash_md5_hex(muv__span(text.data, text.size), (char *)digest.data) != 0) {
        muv__secret_done(&text);
        muv__secret_done(&digest);
        auth->why = muv__auth_hash_missing;
        return MUV_EAUTH;
    }
    muv__secret_done(&text);
    *ret = digest;
    return 0;
}

static muv__auth_result_t send_proof(muv__auth_t *auth, muv__buf_t *command, muv_error_t *error)
{
    muv__buf_t payload;
    int status;

    muv__buf_init(&payload, MUV__SCRAM_MAX_TRANSCRIPT);
    status = muv__scram_final(&auth->scram, &auth->waiter.keys, &payload);
    auth->why = auth->scram.why;
    if (status == 0) {
        muv__sasl_write_continue(auth->conversation_id, auth->credential->source,
                                 muv__span(payload.data, payload.size), command);
        status = command->error;
    }
    muv__buf_wipe(&payload);
    muv__key_cache_leave(&auth->waiter);
    return muv__auth_sent(auth, status, MUV__AUTH_STATE_PROVING, error);
}

static muv__auth_result_t want_keys(muv__auth_t *auth, muv__buf_t *command, muv_error_t *error)
{
    muv__key_request_t request = {
        .hash = auth->scram.hash,
        .iterations = auth->scram.iterations,
        .salt = muv__span(auth->scram.salt, auth->scram.salt_size),
    };
    muv__secret_t password = {.data = NULL};
    int status = auth->mechanism == MUV__MECHANISM_SCRAM_SHA_1
                     ? hash_password(auth, &password)
                     : muv__saslprep(auth->credential->password, &password, &auth->why);

    if (status == 0) {
        auth->why = muv__auth_hash_missing;
        request.password = muv__span(password.data, password.size);
        status = muv__key_cache_want(auth->cache, &request, &auth->waiter);
    }
    muv__secret_done(&password);
    if (status < 0) {
        return muv__auth_fail(auth, status, error);
    }
    if (status == 1) {
        return send_proof(auth, command, error);
    }
    auth->state = MUV__AUTH_STATE_HASHING;
    return MUV__AUTH_WORK;
}

muv__auth_result_t muv__auth_work(muv__auth_t *auth, muv__buf_t *command, muv_error_t *error)
{
    MUV__ASSERT(auth->state == MUV__AUTH_STATE_HASHING);
    if (auth->waiter.flight != NULL) {
        return MUV__AUTH_WORK;
    }
    memset(error, 0, sizeof(*error));
    if (auth->waiter.status != 0) {
        auth->why = muv__auth_hash_missing;
        return muv__auth_fail(auth, auth->waiter.status, error);
    }
    return send_proof(auth, command, error);
}

muv__auth_t *muv__auth_next_ready(muv__key_cache_t *cache)
{
    muv__key_waiter_t *waiter = muv__key_cache_next_ready(cache);

    return waiter == NULL ? NULL : MUV__CONTAINER_OF(waiter, muv__auth_t, waiter);
}

int muv__auth_has_ready(const muv__key_cache_t *cache)
{
    return !muv__list_empty(&cache->ready);
}

static muv__auth_result_t on_proof_answer(muv__auth_t *auth, const muv__sasl_reply_t *reply,
                                          muv__buf_t *command, muv_error_t *error)
{
    int status = muv__scram_verify(&auth->scram, reply->payload);

    if (status != 0) {
        auth->why = auth->scram.why;
        return muv__auth_fail(auth, status, error);
    }
    if (reply->done) {
        return muv__auth_finish(auth);
    }
    muv__sasl_write_continue(auth->conversation_id, auth->credential->source, muv__span("", 0),
                             command);
    return muv__auth_sent(auth, command->error, MUV__AUTH_STATE_EMPTY, error);
}

/* --- AWS ---------------------------------------------------------------------------------------*/

static muv__auth_result_t on_aws_challenge(muv__auth_t *auth, muv__span_t challenge,
                                           muv__buf_t *command, muv_error_t *error)
{
    const muv__aws_credential_t *keys = &auth->credentials->aws;
    const uint8_t *nonce = auth->random + auth->random_used - MUV__AWS_NONCE_SIZE;
    muv__buf_t payload;
    int status;

    muv__buf_init(&payload, MUV__AUTH_MAX_PAYLOAD);
    (void)muv__buf_reserve(&payload,
                           4096 + (keys->session_token == NULL ? 0 : strlen(keys->session_token)));
    status = muv__aws_final(keys, nonce, challenge, auth->wall_s, &payload, &auth->why);
    status = muv__auth_write_continue(auth, status, &payload, command);
    return muv__auth_sent(auth, status, MUV__AUTH_STATE_ANSWERED, error);
}

/* --- the machine -------------------------------------------------------------------------------*/

static muv__auth_result_t begin(muv__auth_t *auth, muv__buf_t *command, muv_error_t *error)
{
    int status;

    if (auth->mechanism == MUV__MECHANISM_OIDC) {
        return muv__auth_oidc_begin(auth, command, error);
    }
    if (auth->mechanism == MUV__MECHANISM_GSSAPI) {
        return muv__auth_gssapi_step(auth, muv__span(NULL, 0), error);
    }
    if (auth->mechanism == MUV__MECHANISM_AWS && auth->credentials == NULL) {
        auth->state = MUV__AUTH_STATE_FETCHING;
        return MUV__AUTH_FETCH;
    }
    if (auth->mechanism == MUV__MECHANISM_DEFAULT) {
        auth->mechanism = MUV__MECHANISM_SCRAM_SHA_1;
    }
    status = muv__auth_write_first(auth, MUV__SASL_COMMAND, command);
    return muv__auth_sent(auth, status,
                          is_scram(auth->mechanism) || auth->mechanism == MUV__MECHANISM_AWS
                              ? MUV__AUTH_STATE_STARTED
                              : MUV__AUTH_STATE_SINGLE,
                          error);
}

muv__auth_result_t muv__auth_begin(muv__auth_t *auth, muv__mechanism_t mechanism,
                                   muv__buf_t *command, muv_error_t *error)
{
    MUV__ASSERT(auth->state == MUV__AUTH_STATE_START);
    memset(error, 0, sizeof(*error));
    auth->mechanism = mechanism;
    return begin(auth, command, error);
}

muv__auth_result_t muv__auth_fetched(muv__auth_t *auth, muv__credentials_t *credentials, int kept,
                                     muv__buf_t *command, muv_error_t *error)
{
    muv__auth_result_t result;

    MUV__ASSERT(auth->state == MUV__AUTH_STATE_FETCHING && auth->credentials == NULL);
    if (credentials != NULL) {
        memset(error, 0, sizeof(*error));
        auth->credentials = muv__credentials_retain(credentials);
        auth->kept = (uint8_t)kept;
        return auth->mechanism == MUV__MECHANISM_OIDC ? muv__auth_oidc_fetched(auth, command, error)
                                                      : begin(auth, command, error);
    }
    if (auth->mechanism == MUV__MECHANISM_OIDC &&
        muv__auth_oidc_go_on(auth, command, error, &result)) {
        return result;
    }
    if (error->code == MUV_ENOMEM) {
        return muv__auth_fail(auth, MUV_ENOMEM, error);
    }
    (void)snprintf(auth->reason, sizeof(auth->reason), "%s", error->message);
    memset(error, 0, sizeof(*error));
    return muv__auth_refuse(auth, auth->reason, error);
}

/* The first answer of an exchange, from a command or from inside hello's reply. */
static muv__auth_result_t on_challenge(muv__auth_t *auth, const muv__sasl_reply_t *reply,
                                       muv__buf_t *command, muv_error_t *error)
{
    int status;

    if (reply->done) {
        return muv__auth_refuse(auth, "the server ended the exchange too early", error);
    }
    auth->conversation_id = reply->conversation_id;
    if (auth->mechanism == MUV__MECHANISM_GSSAPI) {
        return muv__auth_gssapi_step(auth, reply->payload, error);
    }
    if (auth->mechanism == MUV__MECHANISM_AWS) {
        return on_aws_challenge(auth, reply->payload, command, error);
    }
    status = muv__scram_challenge(&auth->scram, reply->payload);
    if (status != 0) {
        auth->why = auth->scram.why;
        return muv__auth_fail(auth, status, error);
    }
    return want_keys(auth, command, error);
}

static muv__auth_result_t take_reply(muv__auth_t *auth, const muv__sasl_reply_t *reply,
                                     muv__buf_t *command, muv_error_t *error)
{
    if (auth->state == MUV__AUTH_STATE_STARTED) {
        return on_challenge(auth, reply, command, error);
    }
    if (reply->conversation_id != auth->conversation_id && auth->state != MUV__AUTH_STATE_SINGLE &&
        auth->state != MUV__AUTH_STATE_ASKED) {
        return muv__auth_refuse(auth, "the server answers another conversation", error);
    }
    if (auth->state == MUV__AUTH_STATE_TALKING) {
        return on_challenge(auth, reply, command, error);
    }
    if (auth->state == MUV__AUTH_STATE_ASKED) {
        return muv__auth_oidc_idp_info(auth, reply, error);
    }
    if (auth->state == MUV__AUTH_STATE_PROVING) {
        return on_proof_answer(auth, reply, command, error);
    }
    if (!reply->done) {
        return muv__auth_refuse(auth, "the server does not end the exchange", error);
    }
    return muv__auth_finish(auth);
}

muv__auth_result_t muv__auth_step(muv__auth_t *auth, muv__span_t reply, muv__buf_t *command,
                                  muv_error_t *error)
{
    muv__sasl_reply_t fields;

    MUV__ASSERT(auth->state > MUV__AUTH_STATE_START && auth->state < MUV__AUTH_STATE_DONE);
    MUV__ASSERT(auth->state != MUV__AUTH_STATE_HASHING && auth->state != MUV__AUTH_STATE_FETCHING &&
                auth->state != MUV__AUTH_STATE_STEPPING);
    memset(error, 0, sizeof(*error));
    if (muv__sasl_refused(reply, error)) {
        return auth->mechanism == MUV__MECHANISM_OIDC
                   ? muv__auth_oidc_refused(auth, command, error)
                   : muv__auth_refuse(auth, "the server refused it", error);
    }
    if (auth->mechanism == MUV__MECHANISM_X509) {
        return muv__auth_finish(auth);
    }
    if (!muv__sasl_read(reply, &fields)) {
        return muv__auth_refuse(auth, "the server's reply is not complete", error);
    }
    return take_reply(auth, &fields, command, error);
}

/* What the server answered to the message inside hello. It has no `ok` of its own. */
static muv__auth_result_t on_speculated(muv__auth_t *auth, muv__span_t answer, muv__buf_t *command,
                                        muv_error_t *error)
{
    muv__sasl_reply_t fields;

    if (auth->mechanism == MUV__MECHANISM_X509) {
        return muv__auth_finish(auth);
    }
    if (auth->mechanism == MUV__MECHANISM_OIDC &&
        !(muv__sasl_read(answer, &fields) && fields.done)) {
        return begin(auth, command, error); /* (OIDC: speculation that fails says nothing.) */
    }
    if (!muv__sasl_read(answer, &fields)) {
        return muv__auth_refuse(auth, "the server's answer inside hello is not complete", error);
    }
    auth->state = is_scram(auth->mechanism) ? MUV__AUTH_STATE_STARTED : MUV__AUTH_STATE_SINGLE;
    return take_reply(auth, &fields, command, error);
}

muv__auth_result_t muv__auth_on_hello(muv__auth_t *auth, muv__span_t reply, muv__buf_t *command,
                                      muv_error_t *error)
{
    muv__mechanism_t mechanism = auth->credential->mechanism;
    muv__bson_iter_t iter;

    MUV__ASSERT(auth->state == MUV__AUTH_STATE_START);
    memset(error, 0, sizeof(*error));
    if (mechanism == MUV__MECHANISM_DEFAULT) {
        mechanism = muv__mechanism_negotiate(reply);
    }
    /* What was begun with another mechanism than the one that was then negotiated is forgotten. */
    if (auth->speculated && auth->mechanism == mechanism &&
        muv__bson_find(reply.data, reply.size, "speculativeAuthenticate", &iter) &&
        iter.type == MUV__BSON_DOCUMENT) {
        return on_speculated(auth, muv__span(iter.value, iter.value_size), command, error);
    }
    auth->mechanism = mechanism;
    return begin(auth, command, error);
}
