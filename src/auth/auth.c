/* SPDX-License-Identifier: Apache-2.0 */
/* Transitions of a login. Everything about texts, hashes and BSON is in the files it includes. */
#include "auth/auth.h"

#include "auth/aws.h"
#include "auth/oidc.h"
#include "auth/sasl.h"
#include "auth/saslprep.h"
#include "auth/secret.h"
#include "base/assert.h"
#include "base/bson_view.h"
#include "base/bson_writer.h"
#include "base/compiler.h"
#include "base/error.h"

#include <string.h>

#include <openssl/crypto.h>

/* The largest payload we make: a token of OIDC may be large, user names are not. */
#define MAX_PAYLOAD (64 * 1024)

static const char hash_missing[] = "a hash function is not available";

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
    OPENSSL_cleanse(auth, sizeof(*auth));
}

/* `error` keeps what the server told, if it was the one that refused. */
static muv__auth_result_t fail(muv__auth_t *auth, int code, muv_error_t *error)
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

static muv__auth_result_t refuse(muv__auth_t *auth, const char *why, muv_error_t *error)
{
    auth->why = why;
    return fail(auth, MUV_EAUTH, error);
}

static muv__auth_result_t finish(muv__auth_t *auth)
{
    muv__key_cache_leave(&auth->waiter);
    muv__scram_done(&auth->scram);
    auth->state = MUV__AUTH_STATE_DONE;
    return MUV__AUTH_DONE;
}

/* `status` is what writing a command gave. */
static muv__auth_result_t sent(muv__auth_t *auth, int status, muv__auth_state_t state,
                               muv_error_t *error)
{
    if (status != 0) {
        return fail(auth, status, error);
    }
    auth->state = state;
    return MUV__AUTH_SEND;
}

/* --- first messages ----------------------------------------------------------------------------*/

static int is_scram(muv__mechanism_t mechanism)
{
    return mechanism == MUV__MECHANISM_SCRAM_SHA_1 || mechanism == MUV__MECHANISM_SCRAM_SHA_256;
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

    if (auth->credential->username == NULL || auth->credential->password == NULL) {
        auth->why = "user name and password are needed";
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

    if (credential->username == NULL || credential->password == NULL) {
        auth->why = "user name and password are needed";
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

static int write_oidc(muv__auth_t *auth, muv__buf_t *payload)
{
    if (auth->credential->oidc_token == NULL) {
        auth->why = "there is no token";
        return MUV_EAUTH;
    }
    (void)muv__buf_reserve(payload, 32 + strlen(auth->credential->oidc_token));
    muv__oidc_token(auth->credential->oidc_token, payload);
    return payload->error;
}

/* The nonce is looked at again when the server's payload comes: it is the last one taken. */
static int write_aws_first(muv__auth_t *auth, muv__buf_t *payload)
{
    if (auth->credential->aws == NULL) {
        auth->why = "there are no keys";
        return MUV_EAUTH;
    }
    muv__aws_first(take_random(auth, MUV__AWS_NONCE_SIZE), payload);
    return payload->error;
}

static int write_payload(muv__auth_t *auth, muv__buf_t *payload)
{
    switch (auth->mechanism) {
    case MUV__MECHANISM_SCRAM_SHA_1:
    case MUV__MECHANISM_SCRAM_SHA_256: return write_scram_first(auth, payload);
    case MUV__MECHANISM_PLAIN: return write_plain(auth, payload);
    case MUV__MECHANISM_AWS: return write_aws_first(auth, payload);
    case MUV__MECHANISM_OIDC: return write_oidc(auth, payload);
    case MUV__MECHANISM_DEFAULT:
    case MUV__MECHANISM_X509:
    default: auth->why = "this mechanism is not supported"; return MUV_EAUTH;
    }
}

/* Write the elements of the first command. Returns 0 or a code. */
static int write_first(muv__auth_t *auth, muv__sasl_place_t place, muv__buf_t *ret)
{
    muv__sasl_start_t start = {
        .mechanism = auth->mechanism, .place = place, .source = auth->credential->source};
    muv__buf_t payload;
    int status;

    if (auth->mechanism == MUV__MECHANISM_X509) {
        muv__sasl_write_x509(place, auth->credential->source, auth->credential->username, ret);
        return ret->error;
    }
    muv__buf_init(&payload, MAX_PAYLOAD);
    status = write_payload(auth, &payload);
    if (status == 0) {
        /* A buffer that moved would leave a copy of the secret behind. */
        (void)muv__buf_reserve(ret, MUV__SASL_OVERHEAD + strlen(start.source) + payload.size);
        start.payload = muv__span(payload.data, payload.size);
        muv__sasl_write_start(&start, ret);
        status = ret->error;
    }
    muv__secret_buf_done(&payload);
    return status;
}

/* --- hello -------------------------------------------------------------------------------------*/

/* (Authentication: mechanism negotiation) "source.user" */
static void write_negotiation(const muv__auth_credential_t *credential, muv__buf_t *hello)
{
    size_t source_length = strlen(credential->source);
    size_t name_length = strlen(credential->username);
    muv__buf_t name;

    muv__buf_init(&name, MAX_PAYLOAD);
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
static muv__mechanism_t speculative_mechanism(const muv__auth_credential_t *credential)
{
    int has_password = credential->username != NULL && credential->password != NULL;

    switch (credential->mechanism) {
    case MUV__MECHANISM_DEFAULT:
    case MUV__MECHANISM_SCRAM_SHA_256:
        return has_password ? MUV__MECHANISM_SCRAM_SHA_256 : MUV__MECHANISM_DEFAULT;
    case MUV__MECHANISM_SCRAM_SHA_1:
        return has_password ? MUV__MECHANISM_SCRAM_SHA_1 : MUV__MECHANISM_DEFAULT;
    case MUV__MECHANISM_X509: return MUV__MECHANISM_X509;
    case MUV__MECHANISM_OIDC:
        return credential->oidc_token == NULL ? MUV__MECHANISM_DEFAULT : MUV__MECHANISM_OIDC;
    case MUV__MECHANISM_PLAIN:
    case MUV__MECHANISM_AWS:
    default: return MUV__MECHANISM_DEFAULT;
    }
}

void muv__auth_write_hello(muv__auth_t *auth, muv__buf_t *hello)
{
    const muv__auth_credential_t *credential = auth->credential;
    muv__mechanism_t mechanism = speculative_mechanism(credential);
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
    status = write_first(auth, MUV__SASL_SPECULATIVE, hello);
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
        auth->why = hash_missing;
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
    muv__secret_buf_done(&payload);
    muv__key_cache_leave(&auth->waiter);
    return sent(auth, status, MUV__AUTH_STATE_PROVING, error);
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
        auth->why = hash_missing;
        request.password = muv__span(password.data, password.size);
        status = muv__key_cache_want(auth->cache, &request, &auth->waiter);
    }
    muv__secret_done(&password);
    if (status < 0) {
        return fail(auth, status, error);
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
        auth->why = hash_missing;
        return fail(auth, auth->waiter.status, error);
    }
    return send_proof(auth, command, error);
}

muv__auth_t *muv__auth_next_ready(muv__key_cache_t *cache)
{
    muv__key_waiter_t *waiter = muv__key_cache_next_ready(cache);

    return waiter == NULL ? NULL : MUV__CONTAINER_OF(waiter, muv__auth_t, waiter);
}

static muv__auth_result_t on_proof_answer(muv__auth_t *auth, const muv__sasl_reply_t *reply,
                                          muv__buf_t *command, muv_error_t *error)
{
    int status = muv__scram_verify(&auth->scram, reply->payload);

    if (status != 0) {
        auth->why = auth->scram.why;
        return fail(auth, status, error);
    }
    if (reply->done) {
        return finish(auth);
    }
    muv__sasl_write_continue(auth->conversation_id, auth->credential->source, muv__span("", 0),
                             command);
    return sent(auth, command->error, MUV__AUTH_STATE_EMPTY, error);
}

/* --- AWS ---------------------------------------------------------------------------------------*/

static muv__auth_result_t on_aws_challenge(muv__auth_t *auth, muv__span_t challenge,
                                           muv__buf_t *command, muv_error_t *error)
{
    const uint8_t *nonce = auth->random + auth->random_used - MUV__AWS_NONCE_SIZE;
    const char *token = auth->credential->aws->session_token;
    muv__buf_t payload;
    int status;

    muv__buf_init(&payload, MAX_PAYLOAD);
    (void)muv__buf_reserve(&payload, 4096 + (token == NULL ? 0 : strlen(token)));
    status =
        muv__aws_final(auth->credential->aws, nonce, challenge, auth->wall_s, &payload, &auth->why);
    if (status == 0) {
        (void)muv__buf_reserve(command, MUV__SASL_OVERHEAD + strlen(auth->credential->source) +
                                            payload.size);
        muv__sasl_write_continue(auth->conversation_id, auth->credential->source,
                                 muv__span(payload.data, payload.size), command);
        status = command->error;
    }
    muv__secret_buf_done(&payload);
    return sent(auth, status, MUV__AUTH_STATE_SIGNED, error);
}

/* --- the machine -------------------------------------------------------------------------------*/

static muv__auth_result_t begin(muv__auth_t *auth, muv__buf_t *command, muv_error_t *error)
{
    int status;

    if (auth->mechanism == MUV__MECHANISM_DEFAULT) {
        auth->mechanism = MUV__MECHANISM_SCRAM_SHA_1;
    }
    status = write_first(auth, MUV__SASL_COMMAND, command);
    return sent(auth, status,
                is_scram(auth->mechanism) || auth->mechanism == MUV__MECHANISM_AWS
                    ? MUV__AUTH_STATE_STARTED
                    : MUV__AUTH_STATE_SINGLE,
                error);
}

muv__auth_result_t muv__auth_begin(muv__auth_t *auth, muv__buf_t *command, muv_error_t *error)
{
    MUV__ASSERT(auth->state == MUV__AUTH_STATE_START);
    memset(error, 0, sizeof(*error));
    return begin(auth, command, error);
}

/* The first answer of an exchange, from a command or from inside hello's reply. */
static muv__auth_result_t on_challenge(muv__auth_t *auth, const muv__sasl_reply_t *reply,
                                       muv__buf_t *command, muv_error_t *error)
{
    int status;

    if (reply->done) {
        return refuse(auth, "the server ended the exchange too early", error);
    }
    auth->conversation_id = reply->conversation_id;
    if (auth->mechanism == MUV__MECHANISM_AWS) {
        return on_aws_challenge(auth, reply->payload, command, error);
    }
    status = muv__scram_challenge(&auth->scram, reply->payload);
    if (status != 0) {
        auth->why = auth->scram.why;
        return fail(auth, status, error);
    }
    return want_keys(auth, command, error);
}

static muv__auth_result_t take_reply(muv__auth_t *auth, const muv__sasl_reply_t *reply,
                                     muv__buf_t *command, muv_error_t *error)
{
    if (auth->state == MUV__AUTH_STATE_STARTED) {
        return on_challenge(auth, reply, command, error);
    }
    if (reply->conversation_id != auth->conversation_id && auth->state != MUV__AUTH_STATE_SINGLE) {
        return refuse(auth, "the server answers another conversation", error);
    }
    if (auth->state == MUV__AUTH_STATE_PROVING) {
        return on_proof_answer(auth, reply, command, error);
    }
    if (!reply->done) {
        return refuse(auth, "the server does not end the exchange", error);
    }
    return finish(auth);
}

muv__auth_result_t muv__auth_step(muv__auth_t *auth, muv__span_t reply, muv__buf_t *command,
                                  muv_error_t *error)
{
    muv__sasl_reply_t fields;

    MUV__ASSERT(auth->state > MUV__AUTH_STATE_START && auth->state < MUV__AUTH_STATE_DONE);
    MUV__ASSERT(auth->state != MUV__AUTH_STATE_HASHING);
    memset(error, 0, sizeof(*error));
    if (muv__sasl_refused(reply, error)) {
        return refuse(auth, "the server refused it", error);
    }
    if (auth->mechanism == MUV__MECHANISM_X509) {
        return finish(auth);
    }
    if (!muv__sasl_read(reply, &fields)) {
        return refuse(auth, "the server's reply is not complete", error);
    }
    return take_reply(auth, &fields, command, error);
}

/* What the server answered to the message inside hello. It has no `ok` of its own. */
static muv__auth_result_t on_speculated(muv__auth_t *auth, muv__span_t answer, muv__buf_t *command,
                                        muv_error_t *error)
{
    muv__sasl_reply_t fields;

    if (auth->mechanism == MUV__MECHANISM_X509) {
        return finish(auth);
    }
    if (!muv__sasl_read(answer, &fields)) {
        return refuse(auth, "the server's answer inside hello is not complete", error);
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
